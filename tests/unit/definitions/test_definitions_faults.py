from pathlib import Path

import pytest

from mailer.errors import DefinitionInvalid
from tests.definition_texts import AUTOMATION, DBIO, SMALLEST, TEMPLATE, Faults, Read, under, without

BATCHABLE = 'mapping = "SELECT CUST_ID, A FROM T WHERE CUST_ID = :CUST_ID"'
SIXTEEN = ", ".join(f'X-{number} = "x"' for number in range(16))


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("name", "automation.name"),
        ("from", "automation.from"),
        ("source", "dbio.source"),
        ("key", "dbio.key"),
        ("email", "dbio.email"),
        ("target", "dbio.target"),
        ("subject", "template.subject"),
        ("html", "template.html"),
    ],
)
def test_a_needed_key_that_is_missing_is_a_fault(key: str, path: str, faults: Faults) -> None:
    assert faults(without(key)) == (f"{path}: is needed",)


@pytest.mark.parametrize(
    ("header", "wrong", "path", "right"),
    [
        (AUTOMATION, "max_paralel = 1", "automation.max_paralel", "max_parallel"),
        (AUTOMATION, 'replyto = "a@example.com"', "automation.replyto", "reply_to"),
        (AUTOMATION, "misfire = 1", "automation.misfire", "misfire_grace"),
        (DBIO, 'attachement = "FILE"', "dbio.attachement", "attachment"),
        (DBIO, f"{BATCHABLE}\nmapping_batched = true", "dbio.mapping_batched", "mapping_batch"),
        (TEMPLATE, 'txt = "x"', "template.txt", "text"),
        (TEMPLATE, '[[schedule]]\nkind = "realtime"\nevry = "1s"\n[x]', "schedule 1.evry", "every"),
        (AUTOMATION, "[schedules]\n[automation]", "schedules", "schedule"),
    ],
)
def test_an_unknown_key_is_a_fault_with_the_nearest_right_one(
    header: str, wrong: str, path: str, right: str, faults: Faults
) -> None:
    toml = under(header, wrong).replace("[automation]\n[schedules]\n", "[schedules]\n")
    assert f"{path}: unknown key; did you mean {right!r}?" in faults(toml)


@pytest.mark.parametrize(
    ("header", "line", "fault"),
    [
        (AUTOMATION, "owner = 1", "automation.owner: must be a text in quotes, not 1"),
        (AUTOMATION, 'owner = " "', "automation.owner: is blank"),
        (AUTOMATION, "max_parallel = 0", "automation.max_parallel: must be a whole number from 1 to 1000, not 0"),
        (AUTOMATION, "max_parallel = true", "automation.max_parallel: must be a whole number from 1 to 1000, not true"),
        (AUTOMATION, "max_parallel = 1.5", "automation.max_parallel: must be a whole number from 1 to 1000, not 1.5"),
        (AUTOMATION, f"max_parallel = {'9' * 99}", "automation.max_parallel: must be a whole number"),
        (AUTOMATION, 'missing_attachment = "drop"', "automation.missing_attachment: must be one of 'skip', 'send', "),
        (AUTOMATION, 'unknown = ["skip"]', "automation.unknown: must be one of 'skip', 'settle', 'resend', not a list"),
        (AUTOMATION, 'hold_back = "3 weeks"', "automation.hold_back: '3 weeks' is no duration"),
        (AUTOMATION, "hold_back = true", "automation.hold_back: True is no duration"),
        (AUTOMATION, "hold_back = -1", "automation.hold_back: a duration can't be negative"),
        (AUTOMATION, "hold_back = nan", "automation.hold_back: nan is no duration"),
        (AUTOMATION, "misfire_grace = 2026-01-01", "automation.misfire_grace: must be a duration"),
        (AUTOMATION, "reply_to = [1]", "automation.reply_to: must be a text or a list of texts"),
        (AUTOMATION, "headers = [1]", "automation.headers: must be a table of texts, not a list"),
        (AUTOMATION, "headers = {X-A = 1}", "automation.headers: must be a table of texts"),
        (AUTOMATION, 'headers = {Subject = "x"}', "automation.headers: the header 'Subject' is set by mailer or SES"),
        (AUTOMATION, 'headers = {"X A" = "x"}', "automation.headers: a header's name is"),
        (AUTOMATION, 'headers = {X-A = "1", x-a = "2"}', "automation.headers: 'x-a' is there twice"),
        (AUTOMATION, 'headers = {X-A = "$(1)"}', "template: "),
        (AUTOMATION, f"headers = {{{SIXTEEN}}}", "automation.headers: 16 headers"),
        (AUTOMATION, 'configuration_set = "my set"', "automation.configuration_set: must be 1 to 64 letters"),
        (DBIO, 'update = ""', "dbio.update: is blank"),
        (DBIO, 'mapping = "SELECT \\u0000"', "dbio.mapping: holds a NUL character"),
        (
            DBIO,
            f'{BATCHABLE}\nmapping_batch = "true"',
            "dbio.mapping_batch: must be true or false, without quotes, not",
        ),
        (DBIO, f"{BATCHABLE}\nmapping_batch = 1", "dbio.mapping_batch: must be true or false, without quotes, not 1"),
        (DBIO, "mapping_batch = true", "dbio.mapping_batch: there is no mapping query"),
        (
            DBIO,
            f"{BATCHABLE.replace('A FROM', 'MAX(A) FROM')}\nmapping_batch = true",
            "dbio.mapping_batch: the mapping query can't be asked for many keys at once: MAX has no GROUP BY",
        ),
    ],
)
def test_a_wrong_value_is_a_fault(header: str, line: str, fault: str, faults: Faults) -> None:
    (found,) = faults(under(header, line))
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("17", "is a number"),
        ("a\\nb", "holds a line break"),
        ("월" * 101, "is longer than 100 characters"),
        (" ", "is blank"),
    ],
)
def test_a_name_that_nobody_could_type_is_a_fault(name: str, fault: str, faults: Faults) -> None:
    (found,) = faults(SMALLEST.replace("월간-명세서", name))
    assert found.startswith(f"automation.name: {fault}")


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("from", "billing.example.co.kr"),
        ("from", "고객센터 <billing@example.co.kr>, help@example.co.kr"),
        ("reply_to", "헬프@example.co.kr"),
        ("owner", "CRM <crm-team@example.co.kr>"),
    ],
)
def test_a_malformed_address_is_a_fault_that_does_not_show_it(key: str, address: str, faults: Faults) -> None:
    toml = without(key).replace(AUTOMATION, f'{AUTOMATION}\n{key} = "{address}"')
    (found,) = faults(toml)
    assert found.startswith(f"automation.{key}: malformed address: ")
    assert address not in found


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("days = [1]", "schedule 1.kind: is needed: one of 'daily', 'weekly'"),
        ('kind = "hourly"', "schedule 1.kind: must be one of 'daily', 'weekly', 'monthly', 'realtime', 'cron', not"),
        ('kind = "daily"', "schedule 1: a daily schedule needs 'at'"),
        ('kind = "daily"\nat = "09:00"', "schedule 1.at: must be a list, as in at = [\"09:00\"], not '09:00'"),
        ('kind = "daily"\nat = ["24:00"]', "schedule 1.at: '24:00' is no time of day"),
        ('kind = "daily"\nat = ["9시"]', "schedule 1.at: '9시' is no time of day"),
        ('kind = "daily"\nat = [9]', "schedule 1.at: 9 is no time of day"),
        ('kind = "daily"\nat = [09:00:00.5]', "schedule 1.at: 09:00:00.500000 is no time of day"),
        (
            'kind = "weekly"\nat = ["09:00"]\ndays = ["mo"]',
            "schedule 1.days: 'mo' is no day of the week; did you mean 'mon'?",
        ),
        (
            'kind = "weekly"\nat = ["09:00"]\ndays = ["x"]',
            "schedule 1.days: 'x' is no day of the week; there are "
            "mon, tue, wed, thu, fri, sat, sun, 월, 화, 수, 목, 금, 토, 일",
        ),
        (
            'kind = "weekly"\nat = ["09:00"]\ndays = ["last"]',
            "schedule 1.days: 'last' is no day of the week; there are",
        ),
        (
            'kind = "monthly"\nat = ["09:00"]\ndays = ["mon"]',
            "schedule 1.days: 'mon' is no day of a month: 1 to 31, or",
        ),
        ('kind = "weekly"\nat = ["09:00"]\ndays = [1]', "schedule 1.days: 1 is no day of the week"),
        ('kind = "monthly"\nat = ["09:00"]\ndays = [32]', "schedule 1.days: 32 is no day"),
        ('kind = "monthly"\nat = ["09:00"]\ndays = [-1]', "schedule 1.days: -1 is no day"),
        ('kind = "monthly"\nat = ["09:00"]\ndays = [true]', "schedule 1.days: true is no day"),
        ('kind = "realtime"\nevery = "0s"', "schedule 1: 'every' must be longer than nothing"),
        ('kind = "cron"\nrule = "0 9 * *"', "schedule 1: the cron rule '0 9 * *' must have five fields"),
        ('kind = "realtime"\ntimezone = "Asia/Seul"', "schedule 1: there is no time zone 'Asia/Seul'; did you mean"),
    ],
)
def test_a_wrong_schedule_is_a_fault(rule: str, fault: str, faults: Faults) -> None:
    assert faults(f"{SMALLEST}[[schedule]]\n{rule}")[0].startswith(fault)


def test_a_schedule_in_single_brackets_says_how_to_write_it(faults: Faults) -> None:
    assert faults(f'{SMALLEST}[schedule]\nkind = "realtime"') == ("schedule: write [[schedule]], in double brackets",)


def test_all_faults_are_found_in_one_reading(faults: Faults, folder: Path) -> None:
    (folder / "statement.html").write_text("<p>\n$(CUST_NAME</p>")
    found = faults(
        """
        [automation]
        nmae = "x"
        from = "nobody"
        [dbio]
        source = 1
        target = "SELECT 1"
        [template]
        subject = "$(1,200)"
        html = "statement.html"
        text = "../statement.txt"
        [[schedule]]
        kind = "daily"
        [[schedule]]
        kind = "weekly"
        at = ["25:00"]
        days = ["someday"]
        [dboi]
        """
    )
    assert [fault.split(": ")[0] for fault in found] == [
        "automation.name",
        "automation.from",
        "automation.nmae",
        "dbio.source",
        "dbio.key",
        "dbio.email",
        "template.text",
        "template",
        "template",
        "schedule 1",
        "schedule 2.days",
        "schedule 2.at",
        "dboi",
    ]
    assert "subject, line 1" in found[7]
    assert "html, line 2" in found[8]


def test_the_error_says_the_file_the_first_fault_and_how_many_more(read: Read, folder: Path) -> None:
    with pytest.raises(DefinitionInvalid) as refusal:
        read(without("key").replace("[template]", "[template]\nx = 1"))
    assert str(refusal.value) == f"{folder / 'monthly.toml'}: dbio.key: is needed (and 1 more)"
