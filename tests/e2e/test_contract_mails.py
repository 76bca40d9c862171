"""One run over six small automations: addresses, headers, binds, files and policies do what definitions promise."""

import email
import email.message
import email.policy
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import Ran, look, run_mailer
from tests.e2e.statements import deliveries, show

OWNER = "crm-team@example.co.kr"
TOO_LARGE = 41_000_000
PEOPLE: Mapping[str, tuple[str | None, str, str | None]] = {
    "하나": ("  hana@한국.kr ", "김하나", "있는 파일.pdf"),
    "둘/2": ('"dul jjae"@example.com', "이둘", None),
    "3": ('"d,u;l"@example.com', "박셋", "  "),
    "4": ("김@example.com", "최넷", None),
    "5": ("정다섯 <five@example.com>", "정다섯", None),
    "6": ("six@example.com\r\nBcc: all@example.com", "강여섯", None),
    "7": ("a@example.com; b@example.com", "조일곱", None),
    "8": (None, "윤여덟", None),
    "": ("nine@example.com", "장아홉", None),
    "10": ("ten@example.com", "임\r\n열", "큰.bin"),
    "11": ("eleven@example.com", "한열하나", "있는 파일.pdf; 없는.pdf"),
}
"""EMAIL, NAME and FILE by PERSON_ID."""
GOT_IT = {"send": ["하나", "둘/2", "3", "11"], "skip": ["하나", "둘/2", "3"], "fail": ["하나", "둘/2", "3"]}


def write(folder: Path, name: str, *, automation: str = "", dbio: str = "", html: str = "$(NAME)") -> str:
    (folder / f"{name}.html").write_text(html, encoding="utf-8")
    (folder / f"{name}.toml").write_text(
        f"""
[automation]
name = "{name}"
from = "고객센터 <billing@고객센터.한국>"
{automation}
[dbio]
source = "CRM"
key = "person_id"
email = "email"
target = "SELECT PERSON_ID, EMAIL, NAME, FILE FROM PERSON ORDER BY ROWID"
{dbio}
[template]
subject = "$(NAME)님께"
html = "{name}.html"
""",
        encoding="utf-8",
    )
    return f"{name}.toml"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """The workplace after the run, and the run. Jobs 1 to 3: send, skip, fail; 4: an update; 5: lines; 6: a mistake."""
    folder = tmp_path_factory.mktemp("작업")
    (folder / "attachments" / "2026").mkdir(parents=True)
    (folder / "attachments" / "2026" / "있는 파일.pdf").write_bytes(b"%PDF-1.4 made up")
    with (folder / "attachments" / "큰.bin").open("wb") as large:
        large.truncate(TOO_LARGE)
    with closing(sqlite3.connect(folder / "crm.db")) as crm, crm:
        crm.execute("CREATE TABLE PERSON (PERSON_ID TEXT, EMAIL TEXT, NAME TEXT, FILE TEXT)")
        crm.executemany("INSERT INTO PERSON VALUES (?, ?, ?, ?)", [(key, *values) for key, values in PEOPLE.items()])
        crm.execute("CREATE TABLE TOLD (PERSON_ID TEXT, JOB TEXT, MESSAGE TEXT, AT TEXT)")
        crm.execute("CREATE TABLE LINE (PERSON_ID TEXT, TRACK TEXT, PRICE NUMERIC)")
        crm.executemany("INSERT INTO LINE VALUES ('하나', ?, ?)", [("첫 곡", 0.99), ("둘째 곡", 5)])
    attaching = 'attachment = "FILE"'
    headers = '[automation.headers]\nX-Person = "$(PERSON_ID): $(name)"'
    replies = 'reply_to = ["도움 <help@example.co.kr>", "help2@example.co.kr"]'
    definitions = [
        write(folder, "send", automation=f'missing_attachment = "send"\n{replies}\n{headers}', dbio=attaching),
        write(folder, "skip", dbio=attaching),
        write(folder, "fail", automation=f'missing_attachment = "fail"\nowner = "{OWNER}"', dbio=attaching),
        write(folder, "told", dbio='update = "INSERT INTO TOLD VALUES (:person_id, :Job_Id, :MESSAGE_ID, :sent_at)"'),
        write(
            folder,
            "lines",
            dbio="mapping = \"SELECT TRACK, PRICE, '곡 목록' NAME FROM LINE WHERE PERSON_ID = :1 ORDER BY ROWID\"",
            html="$(NAME){% for LINE in ROWS %}[$(line.track) $(LINE.Price)]{% endfor %}",
        ),
        write(folder, "mistake", automation=f'owner = "{OWNER}"', html="{% if NAME %}$(NAMME){% endif %}"),
    ]
    applied = look(folder, "automation", "apply", *definitions)
    assert applied.code == 0, applied.stderr
    for job_id, definition in enumerate(definitions, start=1):
        assert look(folder, "enqueue", definition.removesuffix(".toml")).stdout == f"job {job_id} waiting\n"
    return folder, run_mailer(folder, "run", "--until-idle")


@pytest.fixture(scope="module")
def workplace(ran: tuple[Path, Ran]) -> Path:
    return ran[0]


def rows(workplace: Path, job_id: int) -> dict[str, dict[str, str]]:
    return {row["key"]: row for row in deliveries(workplace, job_id)}


def mail(workplace: Path, job_id: int, row: int) -> email.message.EmailMessage:
    [path] = (workplace / "outbox").glob(f"{job_id}-*-{delivery_id(workplace, job_id, row)}.eml")
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def delivery_id(workplace: Path, job_id: int, row: int) -> int:
    with closing(sqlite3.connect(workplace / "mailer.db")) as database:
        found = database.execute("SELECT DELIVERY_ID FROM DELIVERY WHERE JOB_ID = ? AND ROW_NO = ?", (job_id, row))
        return int(found.fetchone()[0])


def html(mail: email.message.EmailMessage) -> str:
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def test_a_run_until_idle_ends_well_though_jobs_of_it_failed(ran: tuple[Path, Ran]) -> None:
    workplace, run = ran
    assert run.code == 0, run.stderr
    states = [show(workplace, job_id)["status"] for job_id in range(1, 7)]
    assert states == ["DONE", "DONE", "FAIL", "DONE", "DONE", "FAIL"]
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("job_id", range(1, 6))
def test_the_counts_of_all_states_add_up_to_the_list(workplace: Path, job_id: int) -> None:
    shown: dict[str, Any] = show(workplace, job_id)
    assert sorted(shown["counts"]) == ["FAILED", "PENDING", "SENDING", "SENT", "SKIPPED", "UNKNOWN"]
    assert shown["total"] == len(PEOPLE) == sum(shown["counts"].values())


@pytest.mark.parametrize("key", ["4", "5", "6", "7"])
def test_what_is_no_single_plain_address_is_failed(workplace: Path, key: str) -> None:
    row = rows(workplace, 4)[key]
    assert (row["status"], row["error_code"]) == ("FAILED", "malformed address")
    assert row["error"].startswith("malformed address: ")
    assert row["error"].isprintable()


def test_a_row_without_an_address_or_a_key_is_failed_and_the_latter_named_by_its_number(workplace: Path) -> None:
    found = rows(workplace, 4)
    assert (found["8"]["status"], found["8"]["error_code"]) == ("FAILED", "no address")
    assert (found["#9"]["status"], found["#9"]["error_code"]) == ("FAILED", "no key")


def test_to_is_the_bare_address_its_domain_as_punycode(workplace: Path) -> None:
    assert [mail(workplace, 4, row)["To"] for row in (1, 2, 3)] == [
        "hana@xn--3e0b707e.kr",
        '"dul jjae"@example.com',
        '"d,u;l"@example.com',
    ]


def test_names_of_the_sender_and_of_replies_are_encoded_and_read_back(workplace: Path) -> None:
    one = mail(workplace, 1, 1)
    sender: Address = one["From"].addresses[0]
    assert (sender.display_name, sender.domain) == ("고객센터", "xn--i49alon81c06o.xn--3e0b707e")
    assert [(to.display_name, to.addr_spec) for to in one["Reply-To"].addresses] == [
        ("도움", "help@example.co.kr"),
        ("", "help2@example.co.kr"),
    ]
    assert str(one["X-Person"]) == "하나: 김하나"


def test_line_breaks_in_a_name_reach_no_header(workplace: Path) -> None:
    one = mail(workplace, 4, 10)
    assert str(one["Subject"]) == "임 열님께"


def test_a_mails_file_is_named_by_job_key_and_delivery(workplace: Path) -> None:
    names = {path.name for path in (workplace / "outbox").glob("4-*.eml")}
    assert f"4-하나-{delivery_id(workplace, 4, 1)}.eml" in names
    assert all(re.fullmatch(r"4-[^/]+-[0-9]+\.eml", name) for name in names)
    assert any(re.fullmatch(r"4-둘_2-[0-9a-f]{8}-[0-9]+\.eml", name) for name in names)


def test_an_update_query_binds_job_message_and_time_in_any_case(workplace: Path) -> None:
    with closing(sqlite3.connect(workplace / "crm.db")) as crm:
        told = {key: rest for key, *rest in crm.execute("SELECT PERSON_ID, JOB, MESSAGE, AT FROM TOLD")}
    sent = {key: row for key, row in rows(workplace, 4).items() if row["status"] == "SENT"}
    assert set(told) == set(sent)
    for key, (job_id, message_id, sent_at) in told.items():
        assert (job_id, message_id) == ("4", sent[key]["message_id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", sent_at)
        assert sent_at.startswith(sent[key]["sending_at"][:10])
        assert sent[key]["update_status"] == "DONE"
    one = mail(workplace, 4, 1)
    assert one["Message-ID"] == told["하나"][1]


def test_lines_of_the_mapping_query_are_looped_over_and_its_first_row_wins(workplace: Path) -> None:
    assert html(mail(workplace, 5, 1)).strip() == "곡 목록[첫 곡 0.99][둘째 곡 5]"
    row = rows(workplace, 5)["3"]
    assert (row["status"], row["error_code"], row["error"]) == (
        "FAILED",
        "no mapping row",
        "mapping query returned no row",
    )


@pytest.mark.parametrize("job_id", [1, 2])
def test_a_file_too_large_for_a_mail_fails_its_recipient_alone(workplace: Path, job_id: int) -> None:
    row = rows(workplace, job_id)["10"]
    assert (row["status"], row["error_code"], row["attempt"]) == ("FAILED", "attachment too large", "0")
    assert "a mail may have 41,943,040" in row["error"]


def test_a_blank_file_name_is_none(workplace: Path) -> None:
    assert [part.get_filename() for part in mail(workplace, 1, 1).iter_attachments()] == ["있는 파일.pdf"]
    assert list(mail(workplace, 1, 2).iter_attachments()) == []
    assert list(mail(workplace, 1, 3).iter_attachments()) == []


def test_a_missing_file_under_send_is_left_out_with_a_warning(workplace: Path) -> None:
    assert rows(workplace, 1)["11"]["status"] == "SENT"
    assert [part.get_filename() for part in mail(workplace, 1, 11).iter_attachments()] == ["있는 파일.pdf"]
    assert warnings(workplace, 1) == ["attachment missing"]


def test_a_missing_file_under_skip_skips_its_recipient_with_a_warning(workplace: Path) -> None:
    row = rows(workplace, 2)["11"]
    assert (row["status"], row["error_code"]) == ("SKIPPED", "attachment missing")
    assert "없는.pdf" in row["error"]
    assert warnings(workplace, 2) == ["attachment missing"]


def test_a_missing_file_under_fail_stops_the_job_and_leaves_the_row_for_a_retry(workplace: Path) -> None:
    assert rows(workplace, 3)["11"]["status"] == "PENDING"
    assert "row 11, key 11" in show(workplace, 3)["log"]
    assert "없는.pdf" in show(workplace, 3)["log"]
    assert (workplace / "outbox" / "alerts" / "3-stopped.eml").is_file()


@pytest.mark.parametrize(("job_id", "policy"), [(1, "send"), (2, "skip"), (3, "fail")])
def test_who_got_the_mail_is_who_the_policy_lets(workplace: Path, job_id: int, policy: str) -> None:
    assert [key for key, row in rows(workplace, job_id).items() if row["status"] == "SENT"] == GOT_IT[policy]
    assert len(list((workplace / "outbox").glob(f"{job_id}-*.eml"))) == len(GOT_IT[policy])


def test_a_variable_of_no_column_stops_the_job_before_its_first_mail_and_warns_the_owner(workplace: Path) -> None:
    shown = show(workplace, 6)
    assert "NAMME" in shown["log"]
    assert shown["counts"]["SENT"] == 0
    assert {row["status"] for row in deliveries(workplace, 6)} == {"PENDING", "FAILED"}
    assert list((workplace / "outbox").glob("6-*.eml")) == []
    warning = email.message_from_bytes((workplace / "outbox" / "alerts" / "6-stopped.eml").read_bytes())
    assert warning["To"] == OWNER


def warnings(workplace: Path, job_id: int) -> list[str]:
    return [line["code"] for line in show(workplace, job_id)["log_lines"] if line["level"] == "WARNING"]
