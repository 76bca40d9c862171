"""`mailer suppression`: addresses in and out, and that they get no mail."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.e2e.commands import Mailer, look
from tests.e2e.crew import Crew
from tests.e2e.own_database import OwnDatabase, on_both_databases
from tests.e2e.people import NAME, make_people, write_definition
from tests.e2e.statements import deliveries, show


@pytest.fixture
def workplace(tmp_path: Path, database: OwnDatabase) -> Path:
    """With five people, and a database of mailer's own that knows whom to greet."""
    folder = tmp_path / "작업"
    folder.mkdir()
    make_people(folder, 5)
    database.settle_in(folder)
    assert look(folder, "automation", "apply", write_definition(folder)).code == 0
    return folder


def listed(workplace: Path) -> dict[str, str]:
    """Every address in full, and its reason."""
    ran = look(workplace, "suppression", "list", "--json")
    assert ran.code == 0
    return {one["email"]: one["reason"] for one in json.loads(ran.stdout)}


def audited(database: OwnDatabase) -> list[tuple[str, str, str]]:
    return database.query(
        "SELECT ACTION, DONE_TO, DETAILS FROM AUDIT_LOG WHERE ACTION LIKE 'suppression%' ORDER BY AUDIT_ID"
    )


@on_both_databases
def test_added_addresses_are_listed_masked_and_exported_in_full(workplace: Path) -> None:
    added = look(workplace, "suppression", "add", "Kim1@Example.com", "hong@명세서.한국", "--reason", "고객 요청")
    assert (added.code, added.stdout) == (0, "2 addresses are suppressed now\n")
    screen = look(workplace, "suppression", "list").stdout
    assert "k***@example.com\t고객 요청\t20" in screen
    assert "kim1" not in screen
    exported = look(workplace, "suppression", "list", "--csv", "-").stdout
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [(row["email"], row["reason"]) for row in rows] == [
        ("hong@xn--v42bo4jnc.xn--3e0b707e", "고객 요청"),
        ("kim1@example.com", "고객 요청"),
    ]
    assert all(row["since"].endswith("Z") for row in rows)


@on_both_databases
def test_to_add_and_to_remove_twice_changes_nothing_more(workplace: Path) -> None:
    assert look(workplace, "suppression", "add", "kim1@example.com", "KIM1@example.com").code == 0
    again = look(workplace, "suppression", "add", "kim1@example.com", "kim2@example.com", "--json")
    assert json.loads(again.stdout) == {"added": 1, "already": 1}
    removed = look(workplace, "suppression", "remove", "KIM1@example.com", "kim9@example.com", "--json")
    assert json.loads(removed.stdout) == {"removed": 1, "absent": 1}
    assert look(workplace, "suppression", "remove", "kim1@example.com").stdout == (
        "0 addresses are suppressed no longer; 1 were not\n"
    )
    assert list(listed(workplace)) == ["kim2@example.com"]


@pytest.mark.parametrize("verb", ["add", "remove"])
def test_one_malformed_address_changes_nothing_and_is_not_repeated(workplace: Path, verb: str) -> None:
    assert look(workplace, "suppression", "add", "kim1@example.com").code == 0
    ran = look(workplace, "suppression", verb, "kim1@example.com", "secret person@example.com")
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("mailer: address 2: malformed address: ")
    assert "secret" not in ran.stderr
    assert list(listed(workplace)) == ["kim1@example.com"]


def test_an_empty_list_says_so(workplace: Path) -> None:
    assert look(workplace, "suppression", "list").stdout == "nobody is suppressed\n"
    assert listed(workplace) == {}
    assert look(workplace, "suppression", "list", "--csv", "-").stdout == "email,reason,since\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kim1@example.com\n\n  KIM2@example.com  \r\nkim1@example.com\n", {"kim1": "imported", "kim2": "imported"}),
        ("kim1@example.com,탈퇴\nkim2@example.com,\n", {"kim1": "탈퇴", "kim2": "imported"}),
        (
            "Reason,Name,E-Mail\n탈퇴,김하나,kim1@example.com\n,,kim2@example.com\n",
            {"kim1": "탈퇴", "kim2": "imported"},
        ),
        ("이메일\nkim1@example.com\n", {"kim1": "imported"}),
        ('"kim1@example.com","두 번, 요청"\n', {"kim1": "두 번, 요청"}),
        ("", {}),
    ],
    ids=["a line each", "two columns", "titles", "Korean titles", "quoted", "empty"],
)
def test_a_file_is_csv_or_one_address_a_line(workplace: Path, text: str, expected: dict[str, str]) -> None:
    (workplace / "차단.csv").write_text(text, encoding="utf-8-sig", newline="")
    for _ in range(2):  # again adds nothing
        assert look(workplace, "suppression", "import", "차단.csv").code == 0
        assert listed(workplace) == {f"{name}@example.com": reason for name, reason in expected.items()}


def test_an_address_with_a_quoted_local_part_is_one_line(workplace: Path) -> None:
    (workplace / "list.txt").write_text('"john doe"@example.com\n', encoding="utf-8")
    assert look(workplace, "suppression", "import", "list.txt").code == 0
    assert list(listed(workplace)) == ['"john doe"@example.com']


@on_both_databases
def test_malformed_lines_are_told_by_number_and_the_others_added(workplace: Path) -> None:
    (workplace / "list.txt").write_text(
        'kim1@example.com\nhidden-words\n"kim2@example.com\nkim3@example.com;kim4@example.com\nkim5@example.com\n',
        encoding="utf-8",
    )
    ran = look(workplace, "suppression", "import", "list.txt")
    assert (ran.code, ran.stdout) == (1, "3 addresses are suppressed now\n")
    assert "mailer: 2 lines are no address" in ran.stderr
    assert "- line 2: malformed address: it has no '@'" in ran.stderr
    assert "- line 4: malformed address: " in ran.stderr
    assert "hidden" not in ran.stderr
    assert set(listed(workplace)) == {"kim1@example.com", "kim2@example.com", "kim5@example.com"}
    told = json.loads(look(workplace, "suppression", "import", "list.txt", "--json").stdout)
    assert (told["added"], told["already"], told["malformed_lines"]) == (0, 3, 2)
    assert [fault["line"] for fault in told["malformed"]] == [2, 4]


def test_an_export_is_read_again_as_it_is(workplace: Path) -> None:
    look(workplace, "suppression", "add", "kim1@example.com", "--reason", "두 번, 요청")
    look(workplace, "suppression", "add", "kim2@example.com")
    before = listed(workplace)
    assert look(workplace, "suppression", "list", "--csv", "차단.csv").code == 0
    look(workplace, "suppression", "remove", *before)
    assert look(workplace, "suppression", "import", "차단.csv").code == 0
    assert listed(workplace) == before


@pytest.mark.parametrize(
    ("name", "content"), [("없는 파일.csv", None), ("cp949.csv", "kim1@example.com,탈퇴\n".encode("cp949"))]
)
def test_a_file_that_cannot_be_read_is_exit_2(workplace: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (workplace / name).write_bytes(content)
    ran = look(workplace, "suppression", "import", name)
    assert (ran.code, ran.stdout) == (2, "")
    assert name in ran.stderr
    assert "Traceback" not in ran.stderr


@on_both_databases
def test_each_change_is_audited_without_a_full_address(workplace: Path, database: OwnDatabase) -> None:
    (workplace / "list.txt").write_text("kim2@example.com\n", encoding="utf-8")
    look(workplace, "suppression", "add", "kim1@example.com")
    look(workplace, "suppression", "import", "list.txt")
    look(workplace, "suppression", "remove", "kim1@example.com")
    assert audited(database) == [
        ("suppression add", "1 addresses", "k***@example.com"),
        ("suppression import", "1 addresses", "k***@example.com"),
        ("suppression remove", "1 addresses", "k***@example.com"),
    ]


@on_both_databases
def test_a_suppressed_address_gets_no_mail_until_it_is_removed(workplace: Path, mailer: Mailer, crew: Crew) -> None:
    imported = mailer("suppression", "import", "-", stdin="kim2@example.com\nKim4@example.com\n")
    assert (imported.code, imported.stdout) == (0, "2 addresses are suppressed now\n")
    assert look(workplace, "enqueue", NAME).code == 0
    crew.run_until_idle({})
    skipped = {row["key"]: row["error_code"] for row in deliveries(workplace) if row["status"] == "SKIPPED"}
    assert skipped == {"P2": "suppressed", "P4": "suppressed"}
    assert show(workplace)["counts"]["SENT"] == 3
    look(workplace, "suppression", "remove", "kim2@example.com")
    assert look(workplace, "enqueue", NAME).code == 0
    crew.run_until_idle({})
    assert [row["key"] for row in deliveries(workplace, 2) if row["status"] == "SENT"] == ["P2"]
