"""`mailer automation validate --all` over the example: finds each planted fault, sends and writes nothing."""

import hashlib
import json
from pathlib import Path

from mailer.cli.demo_data import DemoData
from mailer.cli.demo_rows import Planted
from tests.e2e.commands import EXAMPLE, Mailer

CODES = {
    Planted.NO_ADDRESS: "no address",
    Planted.MALFORMED_ADDRESS: "malformed address",
    Planted.SEVERAL_ADDRESSES: "malformed address",
    Planted.NO_KEY: "no key",
    Planted.NO_MAPPING_ROW: "no mapping row",
    Planted.REPEATED_KEY: "repeated key",
    Planted.ATTACHMENT_MISSING: "attachment missing",
    Planted.ATTACHMENT_AMBIGUOUS: "attachment missing",
    Planted.NULL_PRINTED: "NULL",
}
NO_FAULTS = {Planted.NO_ATTACHMENT, Planted.OTHER_UNICODE_FORM, Planted.ODD_ADDRESS}
UNSEEN = {Planted.UPDATE_REFUSED, Planted.UPDATE_OF_NO_ROW, Planted.UPDATE_OF_TWO_ROWS}
"""What shows only when an update query runs, and it does not run here."""


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_each_planted_fault_of_the_example_is_found_by_row_and_nothing_is_sent_or_written(
    mailer: Mailer, workplace: Path, demo_data: DemoData
) -> None:
    before = contents(workplace)
    ran = mailer("automation", "validate", str(EXAMPLE), "--all", "--json")
    assert contents(workplace) == before
    assert (ran.code, ran.stderr) == (1, "")
    report = json.loads(ran.stdout)
    assert (report["definition"], report["checked"], report["is_complete"]) == ([], "640 rows checked", True)
    planted = demo_data.expected.planted
    assert CODES.keys() | NO_FAULTS | UNSEEN == planted.keys()
    expected = sorted((CODES[kind], key) for kind in CODES for key in planted[kind])
    assert sorted((row["code"], row["key"]) for row in report["rows"]) == expected
    policed = {"attachment missing"}
    assert {row["code"] for row in report["rows"] if row["severity"] == "warning"} == policed
    assert [row["row_no"] for row in report["rows"]] == sorted(row["row_no"] for row in report["rows"])


def test_people_read_a_line_for_each_fault_with_row_and_key_and_no_address(mailer: Mailer) -> None:
    ran = mailer("automation", "validate", str(EXAMPLE), "--all")
    assert (ran.code, ran.stderr) == (1, "")
    *lines, summary = ran.stdout.splitlines()
    assert len(lines) == 29
    assert "fault    row 4, key 10019: no mapping row: mapping query returned no row" in lines
    assert "fault    row 98, key 10489: malformed address: several addresses" in lines
    assert "fault    row 638, key 10064: repeated key: row 13 has it first" in lines
    assert "example" not in ran.stdout
    assert summary.startswith("monthly-statement: 640 rows checked: 23 faults (malformed address 8, ")
    assert summary.endswith(", 6 warnings (attachment missing 6)")
