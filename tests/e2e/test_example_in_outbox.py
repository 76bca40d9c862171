"""The example, from its definition to .eml files: right to the row."""

import email
import sqlite3
import subprocess
from contextlib import closing
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

import pytest

from mailer.cli.demo_data import DemoData
from mailer.cli.demo_rows import Planted
from mailer.model.address import parse_recipient
from mailer.model.delivery import Status
from tests.e2e.commands import COMMAND, EXAMPLE, environment, new_workplace, run_mailer
from tests.e2e.statements import Mail, check_outcome, deliveries, statements_of

pytestmark = pytest.mark.xdist_group("the example in the outbox")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, demo_data: DemoData) -> Path:
    """A workplace where the example has run to its end."""
    workplace = new_workplace(tmp_path_factory.mktemp("example") / "작업", demo_data)
    applied = run_mailer(workplace, "automation", "apply", str(EXAMPLE))
    assert (applied.code, applied.stderr) == (0, "")
    ran = run_mailer(workplace, "run", "--until-idle")
    assert ran.code == 0, ran.stderr
    return workplace


@pytest.fixture(scope="module")
def mails(done: Path) -> dict[str, Message]:
    """The outbox, by key."""
    found: dict[str, Message] = {}
    for path in (done / "outbox").iterdir():
        job, key, delivery = path.name.removesuffix(".eml").split("-")
        assert job == "1"
        assert delivery.isdecimal()
        assert key not in found
        found[key] = email.message_from_bytes(path.read_bytes())
    return found


def read(mail: Message) -> Mail:
    bodies = {part.get_content_type(): part for part in mail.walk() if not part.is_multipart()}
    return Mail(
        to=str(mail["To"]),
        sender=decoded(mail["From"]),
        reply_to=decoded(mail["Reply-To"]),
        subject=decoded(mail["Subject"]),
        html=content(bodies["text/html"]).decode("utf-8"),
        text=content(bodies["text/plain"]).decode("utf-8"),
        statement=decoded(mail["X-Statement"]),
        attachments={part.get_filename() or "": content(part) for part in mail.walk() if part.get_filename()},
    )


def decoded(header: str) -> str:
    return str(make_header(decode_header(header)))


def content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def test_the_report_is_right_to_the_row(done: Path, demo_data: DemoData) -> None:
    check_outcome(done, demo_data.expected)


def test_everybody_else_has_one_mail_and_its_message_id_is_in_the_ledger(
    done: Path, mails: dict[str, Message], demo_data: DemoData
) -> None:
    sent = deliveries(done, status="sent")
    assert len(mails) == len(sent) == demo_data.expected.count(Status.SENT)
    assert {row["key"]: row["message_id"] for row in sent} == {key: mail["Message-ID"] for key, mail in mails.items()}
    assert {row["key"]: row["email"] for row in sent} == {key: mail["To"] for key, mail in mails.items()}


def test_each_mail_is_the_customers_own_with_its_files_byte_by_byte(done: Path, mails: dict[str, Message]) -> None:
    statements = statements_of(done)
    assert len(mails) > 600
    for key, mail in mails.items():
        statements[key].check(read(mail))


def test_a_name_in_the_other_unicode_form_and_a_null_and_a_blank_name_are_no_faults(
    done: Path, mails: dict[str, Message], demo_data: DemoData
) -> None:
    planted = demo_data.expected.planted
    for key in planted[Planted.OTHER_UNICODE_FORM]:
        assert list(read(mails[key]).attachments) == ["이용안내.pdf"]
    for key in planted[Planted.NULL_PRINTED]:
        assert '회원 등급 <b style="color:#2e5b4e"></b>' in read(mails[key]).html
    for key in planted[Planted.NO_ATTACHMENT]:
        assert read(mails[key]).attachments == {}
    assert parse_recipient("boram@우편.example.com") in {mail["To"] for mail in mails.values()}


def test_what_was_sent_is_written_back_to_the_customers_table(done: Path, demo_data: DemoData) -> None:
    with closing(sqlite3.connect(done / "crm.db")) as crm:
        written = crm.execute("SELECT CUST_ID, SENT_AT FROM CUSTOMER WHERE SENT_AT IS NOT NULL").fetchall()
    sent = {row["key"] for row in deliveries(done, status="sent")}
    planted = demo_data.expected.planted
    untouched = {*planted[Planted.UPDATE_REFUSED], *planted[Planted.UPDATE_OF_NO_ROW]}
    assert {str(cust_id) for cust_id, _ in written} == sent - untouched
    assert all(len(moment) == len("2026-11-24 00:00:00.000000") for _, moment in written)


def test_a_second_run_finds_nothing_due_and_sends_nothing(done: Path, mails: dict[str, Message]) -> None:
    assert run_mailer(done, "run", "--until-idle").code == 0
    assert len(list((done / "outbox").iterdir())) == len(mails)


def test_the_reader_of_the_ledger_may_stop_early(done: Path) -> None:
    with subprocess.Popen(
        [COMMAND, "job", "deliveries", "1", "--csv", "-"],
        cwd=done,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"row_no,")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_an_automation_that_is_applied_again_makes_no_job(done: Path) -> None:
    ran = run_mailer(done, "automation", "apply", str(EXAMPLE))
    assert ran.code == 0
    assert "unchanged" in ran.stdout
    assert "waiting" not in ran.stdout
