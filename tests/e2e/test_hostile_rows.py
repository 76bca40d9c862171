"""What strangers may have typed into the customer's tables is data, in every part of a mail and in every file name."""

import email
import email.message
import email.policy
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.commands import Mailer, look
from tests.e2e.own_database import OwnDatabase, on_both_databases
from tests.small_definition import NAME, write_definition

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "template": "$(EMAIL){% for A in ROWS %}x{% endfor %}$(#",
    "header": "김\r\nBcc: all@example.com\r\n\r\n<p>본문</p>",
    "controls": "\x00\x1b[31m\x07\u2028\u202e",
    "path": "../../../etc/passwd",
    "quotes": "\"';--",
    "word": "=?utf-8?q?Bcc=3A?=",
}
RIGHT = [("Subject", 1), ("To", 1), ("From", 1), ("Bcc", 0), ("X-Customer", 1)]


@pytest.fixture
def people(workplace: Path, database: OwnDatabase) -> None:
    with closing(sqlite3.connect(workplace / "crm.db")) as crm, crm:
        crm.execute("CREATE TABLE PERSON (PERSON_ID TEXT, NAME TEXT, EMAIL TEXT)")
        # Keys are kept as they are, and PostgreSQL, on which the stand-in for Oracle runs, keeps no NUL.
        keys = {kind: name.replace("\0", "") if database.is_shared else name for kind, name in HOSTILE.items()}
        rows = [(keys[kind], name, f"{kind}@example.com") for kind, name in HOSTILE.items()]
        crm.executemany("INSERT INTO PERSON VALUES (?, ?, ?)", rows)
    target = "SELECT PERSON_ID AS CUST_ID, NAME AS CUST_NAME, EMAIL FROM PERSON"
    definition = write_definition(
        workplace, target=target, html="<p>$(CUST_NAME)</p>", automation='headers = { X-Customer = "$(CUST_NAME)" }'
    )
    for words in (["automation", "apply", str(definition)], ["enqueue", NAME]):
        ran = look(workplace, *words)
        assert ran.code == 0, ran.stderr


@on_both_databases
@pytest.mark.usefixtures("people")
def test_what_a_row_holds_is_data_in_every_part_of_its_mail(workplace: Path, mailer: Mailer) -> None:
    ran = mailer("run", "--until-idle")
    assert ran.code == 0, ran.stderr
    assert {path.parent for path in workplace.rglob("*.eml")} == {workplace / "outbox"}
    mails = {one["To"]: one for one in map(read, (workplace / "outbox").glob("*.eml"))}
    assert set(mails) == {f"{kind}@example.com" for kind in HOSTILE}
    for kind, name in HOSTILE.items():
        one = mails[f"{kind}@example.com"]
        assert [(header, len(one.get_all(header, []))) for header, _ in RIGHT] == RIGHT
        assert all(
            letter.isprintable() for letter in str(one["Subject"]) + str(one["X-Customer"]) if letter != "\u202e"
        )
        html = part(one, "html")
        assert "<script" not in html
        assert html.count("<p>") == 1
        assert html.count("&lt;") == name.count("<")
    assert "$(EMAIL){% for A in ROWS %}x{% endfor %}$(#님께" in str(mails["template@example.com"]["Subject"])

    shown = look(workplace, "job", "deliveries", "1").stdout
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 1 + len(HOSTILE)


def read(path: Path) -> email.message.EmailMessage:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message


def part(message: email.message.EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert isinstance(found, email.message.EmailMessage)
    return str(found.get_content())
