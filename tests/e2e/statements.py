"""What the example's mails must say, read from the customer's own tables, and what its job must leave behind."""

import csv
import io
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

from markupsafe import escape

from mailer.cli.demo_data import Expected
from mailer.cli.demo_rows import Planted
from mailer.errors import MalformedAddress
from mailer.model.address import parse_recipient
from mailer.model.delivery import Status, UpdateStatus
from tests.e2e.commands import look

REASONS = {
    Planted.NO_ADDRESS: ("no address", "no address"),
    Planted.MALFORMED_ADDRESS: ("malformed address", "malformed address: "),
    Planted.SEVERAL_ADDRESSES: ("malformed address", "malformed address: several addresses"),
    Planted.NO_KEY: ("no key", "no key"),
    Planted.NO_MAPPING_ROW: ("no mapping row", "mapping query returned no row"),
    Planted.REPEATED_KEY: ("repeated key", "repeated key: row "),
    Planted.ATTACHMENT_MISSING: ("attachment missing", ""),
    Planted.ATTACHMENT_AMBIGUOUS: ("attachment missing", "two files answer to "),
}
"""ERROR_CODE of each planted row that gets no mail, and how its ERROR begins."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it came out of a transport."""

    to: str
    sender: str
    reply_to: str
    subject: str
    html: str
    text: str
    statement: str
    """The header X-Statement."""
    attachments: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Statement:
    """What the mail to one customer must say."""

    key: str
    name: str
    address: str
    lines: tuple[tuple[str, int], ...]
    """Each order line's item and amount."""
    attachments: Mapping[str, bytes]

    def check(self, mail: Mail) -> None:
        """That the mail says it, whole."""
        assert mail.to == self.address
        assert mail.sender == "고객센터 <billing@example.co.kr>"
        assert mail.reply_to == "help@example.co.kr"
        assert mail.subject == f"{self.name}님, 10월 명세서"
        assert mail.statement == f"2026-10/{self.key}"
        assert mail.html.count("개</td>") == len(self.lines)
        for item, amount in self.lines:
            assert f">{escape(item)}</td>" in mail.html
            assert f"{item}  {amount:,}원" in mail.text
        total = sum(amount for _, amount in self.lines)
        assert f"{total:,}원</b>" in mail.html
        assert f"{self.name}님의 10월 이용 내역입니다." in mail.html
        assert f"{self.name}님의 10월 이용 내역입니다." in mail.text
        assert "$(" not in mail.html + mail.text
        assert "None" not in mail.html + mail.text
        assert mail.attachments == self.attachments


def statements_of(workplace: Path) -> dict[str, Statement]:
    """What each customer with a key, a right address and order lines is to get, by key."""
    files = {normalize("NFC", path.name): path.read_bytes() for path in (workplace / "attachments").rglob("*.pdf")}
    with closing(sqlite3.connect(workplace / "crm.db")) as crm:
        customers = crm.execute(
            "SELECT CUST_ID, CUST_NAME, EMAIL, ATTACH_NAME FROM CUSTOMER WHERE MAIL_AGREED = 'Y' AND BRANCH <> '세종'"
        ).fetchall()
        orders = crm.execute(
            "SELECT CUST_ID, ITEM, AMOUNT FROM STATEMENT JOIN ORDER_LINE USING (STATEMENT_ID) ORDER BY LINE_NO"
        ).fetchall()
    lines: dict[int, list[tuple[str, int]]] = {}
    for cust_id, item, amount in orders:
        lines.setdefault(cust_id, []).append((item, amount))
    statements = {}
    for cust_id, name, email, attach_name in customers:
        names = [normalize("NFC", part.strip()) for part in (attach_name or "").split(";") if part.strip()]
        if cust_id in lines and email and all(part in files for part in names):
            try:
                address = parse_recipient(email)
            except MalformedAddress:
                continue
            attached = {part: files[part] for part in names}
            statements[str(cust_id)] = Statement(str(cust_id), name, address, tuple(lines[cust_id]), attached)
    return statements


def show(workplace: Path, job_id: int = 1, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """`job show --json`."""
    ran = look(workplace, "job", "show", str(job_id), "--json", env=env)
    assert ran.code == 0, ran.stderr
    shown: dict[str, Any] = json.loads(ran.stdout)
    return shown


def deliveries(workplace: Path, job_id: int = 1, status: str = "") -> list[dict[str, str]]:
    """`job deliveries --csv -`."""
    ran = look(workplace, "job", "deliveries", str(job_id), "--status", status, "--csv", "-")
    assert ran.code == 0, ran.stderr
    return list(csv.DictReader(io.StringIO(ran.stdout)))


def check_outcome(workplace: Path, expected: Expected, job_id: int = 1) -> None:
    """That the job is DONE and right to the row: counts, the reason of each planted row, updates, the job's log."""
    shown, rows = show(workplace, job_id), deliveries(workplace, job_id)
    assert (shown["status"], shown["total"], shown["held_back"]) == ("DONE", expected.rows, 0)
    assert shown["counts"] == {status.value: expected.count(status) for status in Status}
    assert shown["updates"] == {status.value: expected.count_updates(status) for status in UpdateStatus}
    assert shown["log"].startswith("sent 614, skipped 9, failed 17 of 640 in ")
    check_reasons(rows, expected)
    check_updates(rows, expected)
    check_log_lines(shown, expected)


def check_reasons(rows: list[dict[str, str]], expected: Expected) -> None:
    """Who did not get the mail, and why: each planted row, and nobody else."""
    ends = expected.reasons(Status.FAILED) | expected.reasons(Status.SKIPPED)
    without_mail = [row for row in rows if row["status"] != "SENT"]
    assert sorted(row["key"] for row in without_mail) == sorted(key for keys in ends.values() for key in keys)
    by_key = {row["key"]: row for row in without_mail}
    for kind, keys in ends.items():
        code, begins = REASONS[kind]
        status = "FAILED" if kind in expected.reasons(Status.FAILED) else "SKIPPED"
        for key in keys:
            row = by_key[key]
            assert (row["status"], row["error_code"]) == (status, code)
            assert (row["error"] or row["error_code"]).startswith(begins)
            assert (row["message_id"], row["attempt"], row["update_status"]) == ("", "0", "NONE")
            assert row["done_at"]


def check_updates(rows: list[dict[str, str]], expected: Expected) -> None:
    """That an update query that failed leaves its mail SENT, with the error."""
    refused = [row for row in rows if row["update_status"] == "FAILED"]
    assert sorted(row["key"] for row in refused) == sorted(expected.planted[Planted.UPDATE_REFUSED])
    for row in refused:
        assert (row["status"], row["error_code"]) == ("SENT", "update failed")
        assert "법적 보존 중인 고객의 행은 고칠 수 없습니다" in row["error"]


def check_log_lines(shown: dict[str, Any], expected: Expected) -> None:
    """JOB_LOG: the first of each kind in full, the rest counted."""
    planted = expected.planted
    missing = [*planted[Planted.ATTACHMENT_MISSING], *planted[Planted.ATTACHMENT_AMBIGUOUS]]
    lines = {line["code"]: line for line in shown["log_lines"]}
    for code, keys, words in (
        ("attachment missing", missing, ""),
        ("update failed", planted[Planted.UPDATE_REFUSED], "법적 보존"),
        ("update touched no row", planted[Planted.UPDATE_OF_NO_ROW], "touched 0 rows"),
        ("update touched rows", planted[Planted.UPDATE_OF_TWO_ROWS], "touched 2 rows"),
    ):
        assert lines[code]["level"] == "WARNING"
        assert words in lines[code]["message"]
        # Each of these rows has one fault of the kind, but for a name list of which two are missing.
        assert lines[code]["times"] >= len(keys)
        assert any(f"key {key}" in lines[code]["message"] for key in keys)
    assert "3 of the list are skipped" in lines["repeated keys"]["message"]
