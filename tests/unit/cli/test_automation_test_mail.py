import email
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from tests.doubles.ses import environment as ses_environment
from tests.doubles.ses_process import SesProcess, ses_process
from tests.e2e.commands import EXAMPLE, Mailer
from tests.small_definition import NAME, write_definition


@pytest.fixture(scope="module")
def ses() -> Iterator[SesProcess]:
    with ses_process("--verified", "example.co.kr", "--sandbox") as double:
        yield double


def over(ses: SesProcess) -> dict[str, str]:
    return {**ses_environment(ses.url), "MAILER_TRANSPORT": "ses"}


def tables(workplace: Path, query: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(workplace / "mailer.db")) as database:
        return database.execute(query).fetchall()


def test_one_rows_mail_goes_to_me_outside_the_ledger_and_without_its_update(command: Mailer, workplace: Path) -> None:
    command("automation", "apply", str(EXAMPLE))
    ran = command("automation", "test-mail", "monthly-statement", "--to", "me@example.net", "--key", "10010")
    assert (ran.code, ran.stderr) == (0, "")
    [path] = (workplace / "outbox").iterdir()
    assert path.name.startswith("test-10010-2")
    mail = email.message_from_bytes(path.read_bytes())
    assert (mail["To"], mail["X-Mailer-Tag"]) == ("me@example.net", None)
    assert "님, 10월 명세서" in str(make_header(decode_header(mail["Subject"])))
    assert len([part for part in mail.walk() if part.get_content_type() == "application/pdf"]) == 2
    assert f"sent to m***@example.net, {mail['Message-ID']}" in ran.stdout
    assert f"see outbox/{path.name}" in ran.stdout
    assert tables(workplace, "SELECT * FROM DELIVERY") == []
    with closing(sqlite3.connect(workplace / "crm.db")) as crm:
        assert crm.execute("SELECT COUNT(*) FROM CUSTOMER WHERE SENT_AT IS NOT NULL").fetchone() == (0,)
    [(done_to, details)] = tables(
        workplace, "SELECT DONE_TO, DETAILS FROM AUDIT_LOG WHERE ACTION = 'automation test-mail'"
    )
    assert done_to == "automation 1"
    assert details.endswith(f"key 10010, to m***@example.net: {mail['Message-ID']}")


def test_two_test_mails_of_one_row_are_two_files(command: Mailer, workplace: Path) -> None:
    command("automation", "apply", str(write_definition(workplace)))
    labels = {
        json.loads(command("automation", "test-mail", NAME, "--to", "me@example.net", "--json").stdout)["label"]
        for _ in range(2)
    }
    assert {path.stem for path in (workplace / "outbox").iterdir()} == labels
    assert len(labels) == 2


def test_over_ses_it_is_a_real_mail_and_says_sess_id(command: Mailer, workplace: Path, ses: SesProcess) -> None:
    ses.clear_mails()
    command("automation", "apply", str(write_definition(workplace)))
    ran = command("automation", "test-mail", "1", "--to", "me@example.co.kr", "--json", env=over(ses))
    assert (ran.code, ran.stderr) == (0, "")
    [mail] = ses.mails()
    sent = json.loads(ran.stdout)
    assert (sent["message_id"], sent["key"], sent["attachments"]) == (mail.id, "10004", [])
    assert mail.to == "me@example.co.kr"
    assert not (workplace / "outbox").exists()


def test_what_ses_refuses_for_good_is_exit_code_2_and_audited(
    command: Mailer, workplace: Path, ses: SesProcess
) -> None:
    command("automation", "apply", str(write_definition(workplace)))
    ran = command("automation", "test-mail", "1", "--to", "me@elsewhere.net", env=over(ses))
    assert (ran.code, ran.stdout) == (2, "")
    assert "me@elsewhere" not in ran.stderr
    [(details,)] = tables(workplace, "SELECT DETAILS FROM AUDIT_LOG WHERE ACTION = 'automation test-mail'")
    assert "MessageRejected" in details
    assert "me@elsewhere" not in details


def test_a_transport_that_is_away_is_exit_code_4(command: Mailer, workplace: Path) -> None:
    command("automation", "apply", str(write_definition(workplace)))
    (workplace / "outbox").write_text("no folder", "utf-8")
    ran = command("automation", "test-mail", "1", "--to", "me@example.net", "--json")
    assert (ran.code, ran.stdout) == (4, "")
    assert "outbox" in json.loads(ran.stderr)["error"]
    nowhere = {**ses_environment("http://127.0.0.1:9"), "MAILER_TRANSPORT": "ses", "MAILER_SES_RATE": "10"}
    ran = command("automation", "test-mail", "1", "--to", "me@example.net", env=nowhere)
    assert (ran.code, ran.stdout) == (4, "")


def test_no_answer_is_said_to_be_unknown(command: Mailer, workplace: Path, ses: SesProcess) -> None:
    command("automation", "apply", str(write_definition(workplace)))
    ses.fault("close")
    ran = command("automation", "test-mail", "1", "--to", "me@example.co.kr", env=over(ses))
    assert ran.code == 4
    assert "whether the mail left is not known" in ran.stderr


@pytest.mark.parametrize("address", ["me", "나 <me@example.net>", "me@example.net, you@example.net"])
def test_an_address_that_is_none_is_exit_code_2(command: Mailer, workplace: Path, address: str) -> None:
    command("automation", "apply", str(write_definition(workplace)))
    ran = command("automation", "test-mail", "1", "--to", address)
    assert (ran.code, ran.stdout) == (2, "")
    assert "malformed address" in ran.stderr
    assert not (workplace / "outbox").exists()


def test_an_unknown_key_is_exit_code_2(command: Mailer, workplace: Path) -> None:
    command("automation", "apply", str(write_definition(workplace)))
    assert command("automation", "test-mail", "1", "--to", "me@example.net", "--key", "0").code == 2
