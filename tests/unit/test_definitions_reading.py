import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest

from mailer.definitions import read_definition
from mailer.errors import DefinitionInvalid
from mailer.model.automation import (
    LAST_DAY,
    Automation,
    Dbio,
    MissingAttachment,
    Policies,
    Schedule,
    ScheduleKind,
    Template,
    UnknownPolicy,
)

SMALLEST = """
[automation]
name = "월간-명세서"
from = "고객센터 <billing@example.co.kr>"
[dbio]
source = "crm"
key = "CUST_ID"
email = "EMAIL"
target = "SELECT CUST_ID, EMAIL FROM CUSTOMER"
[template]
subject = "$(CUST_NAME)님, 명세서"
html = "statement.html"
"""
AUTOMATION, DBIO, TEMPLATE = "[automation]", "[dbio]", "[template]"
SIXTEEN = ", ".join(f'X-{number} = "x"' for number in range(16))
HTML = "<p>$(CUST_NAME)님</p>\n"

Read = Callable[[str], Automation]
Faults = Callable[[str], tuple[str, ...]]
Form = Literal["NFC", "NFD"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "정의"
    folder.mkdir()
    (folder / "statement.html").write_text(HTML, encoding="utf-8")
    return folder


@pytest.fixture
def read(folder: Path) -> Read:
    def read(toml: str) -> Automation:
        (folder / "monthly.toml").write_text(toml, encoding="utf-8")
        return read_definition(folder / "monthly.toml")

    return read


@pytest.fixture
def faults(read: Read) -> Faults:
    def faults(toml: str) -> tuple[str, ...]:
        with pytest.raises(DefinitionInvalid) as refusal:
            read(toml)
        assert refusal.value.exit_code == 2
        assert "monthly.toml" in str(refusal.value)
        return refusal.value.faults

    return faults


def under(header: str, *lines: str) -> str:
    """The smallest definition with some lines more under that header."""
    return SMALLEST.replace(header, "\n".join([header, *lines]))


def without(key: str) -> str:
    return re.sub(rf"^{key} = .*\n", "", SMALLEST, flags=re.MULTILINE)


# What is right


def test_the_smallest_definition_has_every_default(read: Read) -> None:
    assert read(SMALLEST) == Automation(
        name="월간-명세서",
        dbio=Dbio("crm", "SELECT CUST_ID, EMAIL FROM CUSTOMER", "CUST_ID", "EMAIL"),
        template=Template("$(CUST_NAME)님, 명세서", HTML),
        policies=Policies(
            "고객센터 <billing@example.co.kr>",
            max_parallel=1,
            missing_attachment=MissingAttachment.SKIP,
            unknown=UnknownPolicy.SKIP,
            hold_back=timedelta(days=3),
        ),
        owner=None,
        schedules=(),
    )


def test_a_definition_with_every_key_is_read(read: Read, folder: Path) -> None:
    (folder / "본문").mkdir()
    (folder / "본문" / "statement.txt").write_text("$(CUST_NAME)님", encoding="utf-8")
    automation = read(
        """
        [automation]
        name = "monthly-statement"
        from = "고객센터 <billing@example.co.kr>"
        reply_to = ["help@example.co.kr", "도움 <help2@example.co.kr>"]
        owner = "crm-team@example.co.kr"
        max_parallel = 10
        missing_attachment = "send"
        unknown = "settle"
        hold_back = 0
        configuration_set = "mailer_1"
        misfire_grace = "2h"
        [automation.headers]
        X-Campaign = "$(MONTH)"
        List-Unsubscribe = "<https://example.co.kr/u/$(CUST_ID)>"
        [dbio]
        source = "crm"
        key = " cust_id"
        email = "email"
        attachment = "attach_name"
        target = '''
SELECT CUST_ID, EMAIL
  FROM CUSTOMER'''
        mapping = "SELECT CUST_NAME, MONTH FROM CUSTOMER WHERE CUST_ID = :CUST_ID"
        update = "UPDATE CUSTOMER SET SENT_AT = :SENT_AT WHERE CUST_ID = :CUST_ID"
        [template]
        subject = "$(CUST_NAME)님"
        html = "statement.html"
        text = "본문/statement.txt"
        [[schedule]]
        kind = "monthly"
        days = [1, "last"]
        at = ["09:00", "18:30:15"]
        timezone = "Asia/Seoul"
        [[schedule]]
        kind = "realtime"
        every = "30s"
        misfire_grace = 90
        """
    )
    assert automation.policies == Policies(
        sender="고객센터 <billing@example.co.kr>",
        reply_to=("help@example.co.kr", "도움 <help2@example.co.kr>"),
        headers=(("X-Campaign", "$(MONTH)"), ("List-Unsubscribe", "<https://example.co.kr/u/$(CUST_ID)>")),
        configuration_set="mailer_1",
        max_parallel=10,
        missing_attachment=MissingAttachment.SEND,
        unknown=UnknownPolicy.SETTLE,
        hold_back=timedelta(0),
    )
    assert automation.owner == "crm-team@example.co.kr"
    assert automation.dbio.target == "SELECT CUST_ID, EMAIL\n  FROM CUSTOMER"
    assert (automation.dbio.key, automation.dbio.email, automation.dbio.attachment) == (
        "CUST_ID",
        "EMAIL",
        "ATTACH_NAME",
    )
    assert automation.template.text == "$(CUST_NAME)님"
    assert automation.schedules == (
        Schedule(
            ScheduleKind.MONTHLY,
            at=(time(9), time(18, 30, 15)),
            month_days=(1, LAST_DAY),
            timezone="Asia/Seoul",
            misfire_grace=timedelta(hours=2),
        ),
        Schedule(ScheduleKind.REALTIME, every=timedelta(seconds=30), misfire_grace=timedelta(seconds=90)),
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('kind = "daily"\nat = ["9:00"]', Schedule(ScheduleKind.DAILY, (time(9),))),
        ('kind = "daily"\nat = [09:00:00]', Schedule(ScheduleKind.DAILY, (time(9),))),
        (
            'kind = "weekly"\nat = ["00:00"]\ndays = ["mon", "SUN", "Friday"]',
            Schedule(ScheduleKind.WEEKLY, (time(0),), weekdays=(0, 6, 4)),
        ),
        (
            'kind = "weekly"\nat = ["23:59:59"]\ndays = ["월", "일요일"]',
            Schedule(ScheduleKind.WEEKLY, (time(23, 59, 59),), weekdays=(0, 6)),
        ),
        (
            'kind = "monthly"\nat = ["09:00"]\ndays = [31, "Last"]',
            Schedule(ScheduleKind.MONTHLY, (time(9),), month_days=(31, LAST_DAY)),
        ),
        ('kind = "realtime"', Schedule(ScheduleKind.REALTIME)),
        ('kind = "cron"\nrule = "0 9 * * 1-5"', Schedule(ScheduleKind.CRON, rule="0 9 * * 1-5")),
    ],
)
def test_each_kind_of_schedule_is_read(rule: str, expected: Schedule, read: Read) -> None:
    schedules = read(f'{SMALLEST}[[schedule]]\n{rule}\ntimezone = "Asia/Seoul"').schedules
    assert schedules == (replace(expected, timezone="Asia/Seoul"),)


def test_a_reply_to_may_be_one_address(read: Read) -> None:
    assert read(under(AUTOMATION, 'reply_to = "help@example.co.kr"')).policies.reply_to == ("help@example.co.kr",)


def test_a_byte_order_mark_is_no_part_of_a_file(folder: Path) -> None:
    (folder / "monthly.toml").write_text(SMALLEST, encoding="utf-8-sig")
    (folder / "statement.html").write_text(HTML, encoding="utf-8-sig")
    assert read_definition(folder / "monthly.toml").template.html == HTML


def test_a_template_keeps_its_line_ends(read: Read, folder: Path) -> None:
    (folder / "statement.html").write_bytes(b"<p>\r\n</p>\n")
    assert read(SMALLEST).template.html == "<p>\r\n</p>\n"


@pytest.mark.parametrize(("written", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_korean_file_name_is_found_in_either_unicode_form(
    written: Form, stored: Form, read: Read, folder: Path
) -> None:
    (folder / "statement.html").rename(folder / normalize(stored, "명세서.html"))
    assert read(SMALLEST.replace("statement.html", normalize(written, "명세서.html"))).template.html == HTML


def test_names_that_look_alike_are_one_name(read: Read) -> None:
    assert read(SMALLEST.replace("월간", normalize("NFD", "월간"))).name == "월간-명세서"


def test_a_link_within_the_folder_is_followed(read: Read, folder: Path) -> None:
    (folder / "this-month.html").symlink_to("statement.html")
    assert read(SMALLEST.replace("statement.html", "this-month.html")).template.html == HTML


# What is wrong: each fault has its key


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
        ('kind = "weekly"\nat = ["09:00"]\ndays = ["mo"]', "schedule 1.days: 'mo' is no day; did you mean 'mon'?"),
        ('kind = "weekly"\nat = ["09:00"]\ndays = [1]', "schedule 1: a weekly schedule needs 'days'"),
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


# Template files


@pytest.mark.parametrize(
    "name",
    ["../statement.html", "sub/../../x.html", "/etc/passwd", "C:/x.html", "..\\\\x.html", "//host/share/x.html"],
)
def test_a_template_outside_the_folder_is_refused(name: str, faults: Faults, folder: Path) -> None:
    (folder.parent / "statement.html").write_text(HTML)
    (found,) = faults(SMALLEST.replace("statement.html", name))
    assert found.startswith("template.html: ")
    assert found.endswith("leads out of the definition's folder")


def test_a_link_out_of_the_folder_is_refused(faults: Faults, folder: Path) -> None:
    (folder.parent / "secret").write_text("root:x")
    (folder / "link.html").symlink_to("../secret")
    (folder / "up").symlink_to("..")
    for name in ("link.html", "up/secret"):
        (found,) = faults(SMALLEST.replace("statement.html", name))
        assert found == f"template.html: '{name}' is a link that leads out of the definition's folder"


def test_links_that_go_round_in_a_circle_are_a_fault(faults: Faults, folder: Path) -> None:
    (folder / "a.html").symlink_to("b.html")
    (folder / "b.html").symlink_to("a.html")
    (found,) = faults(SMALLEST.replace("statement.html", "a.html"))
    assert found.startswith("template.html: 'a.html' can't be read: ")


def test_a_template_that_is_missing_is_named_with_its_folder(faults: Faults, folder: Path) -> None:
    (found,) = faults(SMALLEST.replace("statement.html", "명세서.html"))
    assert found == f"template.html: there is no file '명세서.html' in {str(folder)!r}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<p>\n안녕".encode("cp949"), "'statement.html' is not UTF-8 (line 2): save it as UTF-8"),
        ("<p>안녕".encode("utf-16"), "'statement.html' is not UTF-8 (line 1): save it as UTF-8"),
        (b"<p>\n\x00", "'statement.html' holds a NUL character (line 2)"),
        (b" \n", "'statement.html' is empty"),
        (b"a" * 10_000_001, "'statement.html' is larger than 10,000,000 bytes"),
    ],
)
def test_a_template_that_is_no_text_is_a_fault(content: bytes, says: str, faults: Faults, folder: Path) -> None:
    (folder / "statement.html").write_bytes(content)
    assert faults(SMALLEST) == (f"template.html: {says}",)


def test_what_is_no_file_is_a_fault(faults: Faults, folder: Path) -> None:
    (folder / "folder.html").mkdir()
    os.mkfifo(folder / "pipe.html")
    (found,) = faults(SMALLEST.replace("statement.html", "folder.html"))
    assert found == "template.html: 'folder.html' is a folder, not a file"
    (found,) = faults(SMALLEST.replace("statement.html", "pipe.html"))
    assert found == "template.html: 'pipe.html' is a pipe, not a file"


def test_a_file_name_of_thousands_of_characters_is_a_fault(faults: Faults) -> None:
    (found,) = faults(SMALLEST.replace("statement.html", "가" * 5000))
    assert found.startswith("template.html: ")
    assert len(found) < 200


# Files that are no definitions


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "automation.name: is needed"),
        (b"name: x", "not TOML: "),
        (b"a = 1\na = 2\n", "not TOML: Cannot overwrite a value (at line 2"),
        (b"automation = 1", "automation: must be a table, not 1"),
        (b"dbio = []\nschedule = 3", "dbio: must be a table, not a list"),
        (b"schedule = [1]", "schedule 1: must be a table, not 1"),
        (b"a = " + b"[" * 100_000, "not a definition: nested too deep"),
        (b"a = " + b"{b = " * 100_000, "not a definition: nested too deep"),
        (b"[" + b".".join([b"a"] * 300_000) + b"]", "a key of more than 30 parts"),
        (b"a = {" + b".".join([b'"a" '] * 100_000) + b" = 1}", "a key of more than 30 parts"),
        (b"a = " + b"9" * 5000, "not TOML: "),
        (b"a = 'x\0'", "holds a NUL character (line 1)"),
        ("name = '월간'".encode("cp949"), "'monthly.toml' is not UTF-8 (line 1)"),
        (b"#" * 1_000_001, "'monthly.toml' is larger than 1,000,000 bytes"),
        (b"[[schedule]]\n" * 101, "schedule: must be at most 100 tables"),
        (b"\n".join(b"k%d = 1" % n for n in range(50_000)), "the whole: 49980 more unknown keys"),
        (b"[automation]\nname = {a = {b = 1}}", "automation.name: must be a text in quotes, not a table"),
    ],
)
def test_a_hostile_file_is_a_fault(content: bytes, says: str, folder: Path) -> None:
    (folder / "monthly.toml").write_bytes(content)
    with pytest.raises(DefinitionInvalid) as refusal:
        read_definition(folder / "monthly.toml")
    assert any(says in fault for fault in refusal.value.faults)
    assert len(refusal.value.faults) <= 101


def test_a_definition_that_is_no_file_is_a_fault(folder: Path) -> None:
    (folder / "circle.toml").symlink_to("circle.toml")
    os.mkfifo(folder / "pipe.toml")
    for path, says in [
        (folder, "is a folder, not a file"),
        (folder / "nothing.toml", "there is no file 'nothing.toml'"),
        (folder / "monthly.toml" / "below", "there is no file"),
        (folder / "circle.toml", "can't be read: Too many levels of symbolic links"),
        (folder / "pipe.toml", "is a pipe, not a file"),
        (Path("/dev/null"), "is a device, not a file"),
    ]:
        with pytest.raises(DefinitionInvalid, match=re.escape(says)):
            read_definition(path)
