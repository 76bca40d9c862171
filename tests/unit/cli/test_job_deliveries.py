import codecs
import csv
import io
import json
import re
import sys

import pytest

from mailer.cli import job_screen
from mailer.db.database import Database
from mailer.model.delivery import Change, NewDelivery, Standing, Status, UpdateStatus
from mailer.store.changes import write_changes
from mailer.store.minutes import Minutes
from tests.unit.cli.job_cases import WRITER, Desk, load, new

HEADER = "row_no,key,email,status,attempt,message_id,error_code,error,update_status,feedback,sending_at,done_at"
FORMULA = "=HYPERLINK(1)"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


async def given(database: Database) -> None:
    """1 SENT with all its columns; 2 PENDING; 3 FAILED without an address; 4 UNKNOWN with an odd key."""
    rows = [
        new(1, Status.PENDING),
        new(2, Status.PENDING),
        NewDelivery(3, "#3", None, {}, "t3", Status.FAILED, "no key", "no key"),
        NewDelivery(4, FORMULA, "+kim@example.com", {}, "t4", Status.UNKNOWN, "Timeout", '읽기 "시간", 초과\n둘째 줄'),
    ]
    job_id = await load(database, rows)
    first = await database.fetch("find_delivery_by_key", {"job_id": job_id, "recipient_key": "K1"})
    delivery_id = first[0].integer("DELIVERY_ID")
    pending = Standing(Status.PENDING, 0, UpdateStatus.NONE)
    sending = Standing(Status.SENDING, 1, UpdateStatus.NONE)
    sent = Standing(Status.SENT, 1, UpdateStatus.DONE)
    async with database.transaction() as transaction:
        await write_changes(
            transaction,
            Minutes(WRITER),
            [
                Change(delivery_id, job_id, 1, pending, sending, 0),
                Change(delivery_id, job_id, 1, sending, sent, 0, message_id="<1.2.tok@example.co.kr>", update_rows=1),
            ],
        )


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_on_stdout_has_the_header_of_the_contract_and_no_byte_order_mark(desk: Desk) -> None:
    desk.given(given)
    said = desk.mailer("job", "deliveries", "1", "--csv", "-")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0] == HEADER
    sent, pending, failed, unknown = rows_of(said.out)
    assert (sent["row_no"], sent["key"], sent["email"], sent["status"]) == ("1", "K1", "kim1@example.com", "SENT")
    assert (sent["attempt"], sent["message_id"]) == ("1", "<1.2.tok@example.co.kr>")
    assert (sent["update_status"], sent["feedback"], sent["error_code"], sent["error"]) == ("DONE", "", "", "")
    assert MOMENT.fullmatch(sent["sending_at"])
    assert MOMENT.fullmatch(sent["done_at"])
    assert (pending["status"], pending["attempt"], pending["sending_at"], pending["done_at"]) == (
        "PENDING",
        "0",
        "",
        "",
    )
    assert (failed["key"], failed["email"], failed["error_code"], failed["error"]) == ("#3", "", "no key", "")
    assert unknown["error"] == '읽기 "시간", 초과\n둘째 줄'


def test_a_csv_file_has_a_byte_order_mark_and_the_same_rows(desk: Desk) -> None:
    desk.given(given)
    on_stdout = desk.mailer("job", "deliveries", "1", "--csv", "-").out
    said = desk.mailer("job", "deliveries", "1", "--csv", "누가.csv")
    assert (said.code, said.out) == (0, "4 deliveries written to 누가.csv\n")
    content = (desk.folder / "누가.csv").read_bytes()
    assert content.startswith(codecs.BOM_UTF8)
    assert content.decode("utf-8-sig") == on_stdout


def test_an_export_is_the_truth_a_value_that_looks_like_a_formula_is_not_changed(desk: Desk) -> None:
    desk.given(given)
    unknown = rows_of(desk.mailer("job", "deliveries", "1", "--status", "unknown", "--csv", "-").out)
    assert [(row["key"], row["email"]) for row in unknown] == [(FORMULA, "+kim@example.com")]
    assert "not changed either" in " ".join(desk.mailer("job", "deliveries", "--help").out.split())


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ("failed", ["3"]),
        ("pending,failed,unknown", ["2", "3", "4"]),
        (" Unknown , SENT ", ["1", "4"]),
        ("skipped", []),
        ("", ["1", "2", "3", "4"]),
    ],
)
def test_states_are_chosen_by_name_in_any_case(desk: Desk, states: str, expected: list[str]) -> None:
    desk.given(given)
    said = desk.mailer("job", "deliveries", "1", "--status", states, "--csv", "-")
    assert said.out.splitlines()[0] == HEADER
    assert [row["row_no"] for row in rows_of(said.out)] == expected


def test_an_unknown_state_is_exit_2_and_names_those_there_are(desk: Desk) -> None:
    desk.given(given)
    said = desk.mailer("job", "deliveries", "1", "--status", "failed,bounced")
    assert (said.code, said.out) == (2, "")
    assert "'bounced'" in said.err
    assert "pending, sending, sent, failed, skipped, unknown" in said.err


def test_json_is_an_array_of_the_same_with_numbers_and_nulls(desk: Desk) -> None:
    desk.given(given)
    rows = json.loads(desk.mailer("job", "deliveries", "1", "--json").out)
    assert [",".join(row) for row in rows] == [HEADER] * 4
    assert (rows[0]["row_no"], rows[0]["email"], rows[0]["error"]) == (1, "kim1@example.com", None)
    assert json.loads(desk.mailer("job", "deliveries", "1", "--status", "skipped", "--json").out) == []


def test_on_the_screen_addresses_are_masked_and_a_row_is_a_line(desk: Desk) -> None:
    desk.given(given)
    said = desk.mailer("job", "deliveries", "1")
    lines = [line.split("\t") for line in said.out.splitlines()]
    assert [line[0] for line in lines] == ["row", "1", "2", "3", "4"]
    assert [line[2] for line in lines[1:]] == ["k***@example.com", "k***@example.com", "", "***@example.com"]
    assert lines[4][-1] == 'Timeout: 읽기 "시간", 초과 둘째 줄'


def test_on_the_screen_what_code_and_error_both_say_is_said_once(desk: Desk) -> None:
    async def failed(database: Database) -> None:
        malformed = "malformed address: it has no '@'"
        rows = [
            NewDelivery(1, "#1", None, {}, "t1", Status.FAILED, "no key", "no key"),
            NewDelivery(2, "K2", "kim", {}, "t2", Status.FAILED, "malformed address", malformed),
        ]
        await load(database, rows)

    desk.given(failed)
    lines = desk.mailer("job", "deliveries", "1").out.splitlines()
    assert [line.split("\t")[-1] for line in lines] == ["why", "no key", "malformed address: it has no '@'"]
    rows = rows_of(desk.mailer("job", "deliveries", "1", "--csv", "-").out)
    assert [(row["error_code"], row["error"]) for row in rows] == [
        ("no key", ""),
        ("malformed address", "malformed address: it has no '@'"),
    ]


def test_a_terminal_gets_no_more_rows_than_a_person_looks_at(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.given(given)
    monkeypatch.setattr(job_screen, "SCREEN_ROWS", 3)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    said = desk.mailer("job", "deliveries", "1")
    assert "K2" in said.out
    assert FORMULA not in said.out
    assert "1 more: 'mailer job deliveries 1 --csv FILE' writes all." in said.out


def test_csv_and_json_at_once_are_refused(desk: Desk) -> None:
    desk.given(given)
    said = desk.mailer("job", "deliveries", "1", "--csv", "-", "--json")
    assert (said.code, said.out) == (2, "")
    assert json.loads(said.err)["next"] == "Give one of them."


def test_a_file_that_can_not_be_written_is_said(desk: Desk) -> None:
    desk.given(given)
    said = desk.mailer("job", "deliveries", "1", "--csv", "no/such/folder.csv")
    assert (said.code, said.out) == (2, "")
    assert "can't write no/such/folder.csv" in said.err


def test_for_an_unknown_job_no_file_is_touched(desk: Desk) -> None:
    desk.given(given)
    (desk.folder / "keep.csv").write_text("mine")
    assert desk.mailer("job", "deliveries", "9", "--csv", "keep.csv").code == 2
    assert (desk.folder / "keep.csv").read_text() == "mine"
