import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unicodedata import is_normalized

import pytest

from mailer.attachments.folder import FolderStorage
from mailer.attachments.storage import Index
from mailer.cli.demo_data import DemoData, Expected, make_demo_data
from mailer.cli.demo_pdf import tiny_pdf
from mailer.cli.demo_rows import Planted
from mailer.definitions import read_definition
from mailer.errors import AttachmentAmbiguous, AttachmentMissing, ConfigurationError, MalformedAddress
from mailer.model.address import parse_recipient
from mailer.model.automation import Dbio
from mailer.model.delivery import Status, UpdateStatus
from mailer.shipped import shipped_folder

SENT_AT = "2026-11-24 00:00:00.000000"


@pytest.fixture
def data(tmp_path: Path) -> DemoData:
    return make_demo_data(tmp_path / "데모")


@pytest.fixture
def crm(data: DemoData) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(data.database)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def queries(example: str) -> Dbio:
    return read_definition(shipped_folder("examples") / example / "automation.toml").dbio


def attachments_fault(name: str | None, index: Index) -> Planted | None:
    names = [part.strip() for part in (name or "").split(";") if part.strip()]
    try:
        for part in names:
            index.size(part)
    except AttachmentMissing:
        return Planted.ATTACHMENT_MISSING
    except AttachmentAmbiguous:
        return Planted.ATTACHMENT_AMBIGUOUS
    return None if names else Planted.NO_ATTACHMENT


def address_fault(email: str | None) -> Planted | None:
    if not email or not email.strip():
        return Planted.NO_ADDRESS
    try:
        return None if parse_recipient(email) == email and '"' not in email else Planted.ODD_ADDRESS
    except MalformedAddress as error:
        return Planted.SEVERAL_ADDRESSES if "several" in str(error) else Planted.MALFORMED_ADDRESS


def update_fault(crm: sqlite3.Connection, update: str, cust_id: int) -> Planted | None:
    try:
        touched = crm.execute(update, {"SENT_AT": SENT_AT, "CUST_ID": cust_id}).rowcount
    except sqlite3.IntegrityError:
        return Planted.UPDATE_REFUSED
    return {0: Planted.UPDATE_OF_NO_ROW, 1: None, 2: Planted.UPDATE_OF_TWO_ROWS}[touched]


def faults_found(crm: sqlite3.Connection, index: Index) -> dict[Planted, list[str]]:
    """What a person finds who goes through the target list with the database and the attachments at hand."""
    dbio = queries("monthly-statement")
    seen: set[int] = set()
    found = defaultdict(list)
    for row_no, row in enumerate(crm.execute(dbio.target).fetchall(), start=1):
        key = row["CUST_ID"]
        if key is None:
            found[Planted.NO_KEY].append(f"#{row_no}")
            continue
        if key in seen:
            found[Planted.REPEATED_KEY].append(str(key))
            continue
        seen.add(key)
        faults = {
            address_fault(row["EMAIL"]),
            attachments_fault(row["ATTACH_NAME"], index),
            update_fault(crm, dbio.update or "", key),
            Planted.NULL_PRINTED if row["GRADE"] is None else None,
            None if crm.execute(dbio.mapping or "", {"CUST_ID": key}).fetchone() else Planted.NO_MAPPING_ROW,
            None if is_normalized("NFC", row["ATTACH_NAME"] or "") else Planted.OTHER_UNICODE_FORM,
        }
        for fault in faults - {None}:
            assert fault is not None
            found[fault].append(str(key))
    return found


async def test_each_planted_fault_is_where_the_value_says_and_there_is_no_other(
    data: DemoData, crm: sqlite3.Connection
) -> None:
    async with FolderStorage(data.attachments) as storage:
        found = faults_found(crm, await storage.index())
    assert {kind: sorted(keys) for kind, keys in found.items()} == {
        kind: sorted(keys) for kind, keys in data.expected.planted.items()
    }


def test_every_kind_of_fault_is_planted(data: DemoData) -> None:
    assert set(data.expected.planted) == set(Planted)
    assert all(data.expected.planted.values())


def test_the_job_over_it_ends_in_these_numbers(data: DemoData) -> None:
    expected = data.expected
    assert expected.rows == 640
    assert {status: expected.count(status) for status in Status if expected.count(status)} == {
        Status.SENT: 614,
        Status.FAILED: 17,
        Status.SKIPPED: 9,
    }
    assert expected.count_updates(UpdateStatus.DONE) == 612
    assert expected.count_updates(UpdateStatus.FAILED) == 2
    assert expected.count_updates(UpdateStatus.NONE) == 26
    assert expected.count_updates(UpdateStatus.DUE) == 0


def test_a_fault_that_keeps_a_mail_from_leaving_strikes_a_row_of_its_own(data: DemoData) -> None:
    reasons = data.expected.reasons(Status.FAILED) | data.expected.reasons(Status.SKIPPED)
    keys = [key for kind in reasons for key in reasons[kind]]
    assert len(keys) == len(set(keys)) == 26


def test_the_target_query_gives_as_many_rows_as_expected_and_a_sound_one_first(
    data: DemoData, crm: sqlite3.Connection
) -> None:
    rows = crm.execute(queries("monthly-statement").target).fetchall()
    assert len(rows) == data.expected.rows
    assert str(rows[0]["CUST_ID"]) not in {key for keys in data.expected.planted.values() for key in keys}


def test_whoever_did_not_agree_to_mail_is_not_in_the_target_query(crm: sqlite3.Connection) -> None:
    assert crm.execute("SELECT COUNT(*) FROM CUSTOMER WHERE MAIL_AGREED = 'N'").fetchone()[0] == 25


def test_it_is_the_same_each_time(data: DemoData, tmp_path: Path) -> None:
    other = make_demo_data(tmp_path / "again")

    def contents(made: DemoData) -> dict[str, Any]:
        with closing(sqlite3.connect(made.database)) as connection:
            rows = list(connection.iterdump())
        files = made.attachments.rglob("*.pdf")
        return {"crm": rows, **{str(file.relative_to(made.attachments)): file.read_bytes() for file in files}}

    assert contents(other) == contents(data)
    assert other.expected == data.expected


def test_the_customers_database_is_in_rollback_journal_mode(crm: sqlite3.Connection) -> None:
    assert crm.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


def test_every_name_is_korean_and_every_right_address_is_under_a_reserved_domain(crm: sqlite3.Connection) -> None:
    reserved = re.compile(r"(.+\.)?example\.(com|net|org)")
    for name, email in crm.execute(
        "SELECT CUST_NAME, EMAIL FROM CUSTOMER UNION ALL SELECT CUST_NAME, EMAIL FROM SIGNUP"
    ):
        assert re.fullmatch(r"[가-힣]{2,4}", name)
        if address_fault(email) in (None, Planted.ODD_ADDRESS):
            assert reserved.fullmatch(parse_recipient(email).rpartition("@")[2])


def test_file_names_lie_in_both_unicode_forms_and_in_folders(data: DemoData) -> None:
    names = [str(file.relative_to(data.attachments)) for file in data.attachments.rglob("*.pdf")]
    forms = Counter(is_normalized("NFC", name) for name in names)
    assert forms[True] > 100
    assert forms[False] > 100
    assert sum("/" in name for name in names) == len(names) - 1


def test_an_attachment_is_a_pdf_whose_table_points_at_its_objects() -> None:
    pdf = tiny_pdf("김서연님 2026년 10월 명세서")
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF\n$", pdf)[0])
    offsets = [int(offset) for offset in re.findall(rb"(\d{10}) 00000 n \n", pdf[start:])]
    assert pdf.startswith(b"%PDF-1.5\n")
    assert pdf[start:].startswith(b"xref\n0 8\n")
    assert [pdf[at : at + 7] for at in offsets] == [b"%d 0 obj" % number for number in range(1, 8)]
    assert "김서연님".encode("utf-16-be").hex().encode() in pdf


def test_the_welcome_example_finds_who_is_new_and_after_its_update_nobody(crm: sqlite3.Connection) -> None:
    dbio = queries("welcome")
    new = crm.execute(dbio.target).fetchall()
    assert len(new) == 12
    for row in new:
        assert crm.execute(dbio.update or "", {"SENT_AT": SENT_AT, "SIGNUP_ID": row["SIGNUP_ID"]}).rowcount == 1
    assert not crm.execute(dbio.target).fetchall()


def test_a_database_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "crm.db").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"crm\.db is there already") as raised:
        make_demo_data(tmp_path)
    assert raised.value.next_step
    assert (tmp_path / "crm.db").read_text() == "mine"


def test_a_folder_that_can_not_be_made_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="can't write the demo's data into") as raised:
        make_demo_data(tmp_path / "file" / "demo")
    assert raised.value.next_step


def test_what_is_sent_is_what_nothing_failed_or_skipped() -> None:
    expected = Expected(10, {Planted.NO_KEY: ("#3",), Planted.REPEATED_KEY: ("7", "8"), Planted.UPDATE_REFUSED: ("5",)})
    assert expected.count(Status.SENT) == 7
    assert expected.reasons(Status.SKIPPED) == {Planted.REPEATED_KEY: ("7", "8")}
    assert expected.count_updates(UpdateStatus.DONE) == 6
