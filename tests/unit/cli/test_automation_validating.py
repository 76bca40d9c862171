import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import EXAMPLE, Mailer
from tests.small_definition import NAME, TARGET, write_definition

ATTACHING = 'attachment = "ATTACH_NAME"'
MISSING = "SELECT CUST_ID, CUST_NAME, EMAIL, 'GONE.pdf' AS ATTACH_NAME FROM CUSTOMER WHERE CUST_ID = 10004"


def validated(command: Mailer, path: Path, *more: str, env: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """The exit code and the report."""
    ran = command("automation", "validate", str(path), *more, "--json", env=env)
    assert ran.stderr == ""
    return ran.code, json.loads(ran.stdout)


def faults(report: Any) -> list[tuple[str, str]]:
    return [(one["code"], one["message"]) for one in report["definition"] if one["severity"] == "fault"]


def test_a_definition_in_order_is_said_to_be_so(command: Mailer, workplace: Path) -> None:
    ran = command("automation", "validate", str(EXAMPLE))
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout == (
        "monthly-statement: definition checked, the files of the first 20 rows looked up: no faults, no warnings\n"
    )
    assert {path.name for path in workplace.iterdir()} == {"crm.db", "attachments"}


def test_faults_of_a_file_that_need_no_data_source_are_listed_each_by_itself(command: Mailer, workplace: Path) -> None:
    path = write_definition(workplace, automation='max_paralel = 3\nreply_to = "nobody"')
    code, report = validated(command, path)
    assert code == 2
    assert [message.split(":")[0] for _, message in faults(report)] == ["automation.reply_to", "automation.max_paralel"]
    assert report["checked"] == "no rows checked"


def test_all_faults_against_the_data_source_are_listed_with_what_to_do(command: Mailer, workplace: Path) -> None:
    path = write_definition(
        workplace,
        target="SELECT CUST_ID, CUST_NAME FROM CUSTOMER",
        dbio=f"""{ATTACHING}
mapping = "SELECT TOTAL FROM STATEMENT WHERE CUST_ID = :CUST_NR AND MONTH = :MONTH"
update = "UPDATE CUSTOMER SET SENT_AT = :SENT_ATT WHERE CUST_ID = :CUST_ID"
""",
    )
    code, report = validated(command, path, env={"MAILER_ATTACHMENTS": ""})
    assert code == 2
    codes = [code for code, _ in faults(report)]
    assert codes == ["attachment", "target", "target", "mapping", "update"]
    assert "did you mean :SENT_AT?" in dict(faults(report))["update"]
    assert "MAILER_ATTACHMENTS is not set" in dict(faults(report))["attachment"]
    assert all(one["next"] for one in report["definition"])


def test_a_variable_without_a_column_is_a_fault_with_the_nearest_one(command: Mailer, workplace: Path) -> None:
    code, report = validated(command, write_definition(workplace, subject="$(CUST_NAM)님"))
    assert (code, faults(report)) == (
        2,
        [("template", "$(CUST_NAM) is a column of neither query (did you mean CUST_NAME?)")],
    )


def test_a_single_bind_of_any_name_is_the_key(command: Mailer, workplace: Path) -> None:
    path = write_definition(
        workplace, dbio='mapping = "SELECT TOTAL FROM STATEMENT WHERE CUST_ID = :1"', html="$(TOTAL|won)"
    )
    assert validated(command, path, "--all")[0] == 0


def test_a_text_part_that_is_made_for_each_mail_is_said(command: Mailer, workplace: Path) -> None:
    code, report = validated(command, write_definition(workplace, html="<p>$(CUST_NAME|safe)</p>"))
    assert code == 0
    assert [(one["severity"], one["code"]) for one in report["definition"]] == [("note", "text part: each mail")]


@pytest.mark.parametrize(
    ("policy", "code", "severity"), [("skip", 0, "warning"), ("send", 0, "warning"), ("fail", 1, "fault")]
)
@pytest.mark.parametrize("more", [(), ("--all",)])
def test_a_missing_file_is_a_warning_unless_it_stops_the_job(
    command: Mailer, workplace: Path, policy: str, code: int, severity: str, more: tuple[str, ...]
) -> None:
    path = write_definition(workplace, target=MISSING, dbio=ATTACHING, automation=f'missing_attachment = "{policy}"')
    ended, report = validated(command, path, *more)
    assert ended == code
    assert [(row["severity"], row["code"], row["row_no"], row["key"]) for row in report["rows"]] == [
        (severity, "attachment missing", 1, "10004")
    ]


@pytest.mark.parametrize("first", [10001, 10004], ids=["the first row", "a later row"])
def test_a_template_error_in_a_row_is_exit_code_1_whichever_row_it_is(
    command: Mailer, workplace: Path, first: int
) -> None:
    target = f"SELECT CUST_ID, CUST_NAME, EMAIL, CASE CUST_ID WHEN {first} THEN '만' ELSE 1 END AS N FROM CUSTOMER"
    path = write_definition(workplace, target=f"{target} WHERE CUST_ID IN (10001, 10004)", html="$(N | number)")
    code, report = validated(command, path, "--all")
    assert (code, report["faults"], report["definition"]) == (1, {"template": 1}, [])
    assert report["checked"] == "2 rows checked"
    assert validated(command, path)[0] == (1 if first == 10001 else 0)


def test_without_all_only_files_of_the_first_rows_are_looked_up(command: Mailer, workplace: Path) -> None:
    path = write_definition(workplace, target=f"{TARGET} OR CUST_ID = 10023")
    assert validated(command, path)[0] == 0
    code, report = validated(command, path, "--all")
    assert (code, report["faults"]) == (1, {"no address": 1})


@pytest.mark.parametrize("more", [(), ("--all",)])
def test_a_file_of_no_bytes_is_a_warning(command: Mailer, workplace: Path, more: tuple[str, ...]) -> None:
    files = workplace / "files"
    files.mkdir()
    (files / "GONE.pdf").touch()
    path = write_definition(workplace, target=MISSING, dbio=ATTACHING)
    ended, report = validated(command, path, *more, env={"MAILER_ATTACHMENTS": "files"})
    assert (ended, report["warnings"]) == (0, {"attachment empty": 1})
    assert report["rows"][0]["message"] == "'GONE.pdf' has no bytes; it is attached all the same"


def test_two_files_of_one_name_count_as_missing_as_the_ledger_calls_them(command: Mailer, workplace: Path) -> None:
    for folder in ("files/가", "files/나"):
        (workplace / folder).mkdir(parents=True)
        (workplace / folder / "GONE.pdf").write_text("x", "utf-8")
    path = write_definition(workplace, target=MISSING, dbio=ATTACHING)
    _, report = validated(command, path, "--all", env={"MAILER_ATTACHMENTS": "files"})
    assert report["warnings"] == {"attachment missing": 1}
    assert "나/GONE.pdf" in report["rows"][0]["message"]


def test_a_saved_automation_is_validated_by_its_name(command: Mailer, workplace: Path) -> None:
    command("automation", "apply", str(write_definition(workplace)))
    ran = command("automation", "validate", NAME, "--all")
    assert (ran.code, ran.stdout) == (0, f"{NAME}: 3 rows checked: no faults, no warnings\n")


def test_a_source_that_is_not_there_is_a_fault_and_never_made(command: Mailer, workplace: Path) -> None:
    env = {"MAILER_SOURCES__CRM__URL": "sqlite:///없는.db"}
    code, report = validated(command, write_definition(workplace), env=env)
    assert (code, [code for code, _ in faults(report)]) == (2, ["source"])
    assert not (workplace / "없는.db").exists()


def test_a_source_that_no_setting_names_is_a_fault(command: Mailer, workplace: Path) -> None:
    code, report = validated(command, write_definition(workplace), env={"MAILER_SOURCES__CRM__URL": ""})
    assert code == 2
    assert report["definition"][0]["next"].startswith("Set MAILER_SOURCES__CRM__URL")


def test_a_source_that_is_locked_for_too_long_is_exit_code_4(command: Mailer, workplace: Path) -> None:
    path = write_definition(workplace)
    with closing(sqlite3.connect(workplace / "crm.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        ran = command("automation", "validate", str(path), env={"MAILER_DB_PATIENCE": "50ms"})
    assert (ran.code, ran.stdout) == (4, "")
    assert "MAILER_DB_PATIENCE" in ran.stderr


def test_a_report_that_breaks_off_is_still_json_and_says_so(command: Mailer, workplace: Path) -> None:
    count = "WITH RECURSIVE C (N) AS (SELECT 1 UNION ALL SELECT N + 1 FROM C WHERE N < 300)"
    columns = "N AS CUST_ID, '김하은' AS CUST_NAME, NULL AS EMAIL"
    overflowing = "CASE WHEN N < 300 THEN N ELSE abs(-9223372036854775807 - (N - 299)) END AS GRADE"
    path = write_definition(workplace, target=f"{count} SELECT {columns}, {overflowing} FROM C")
    ran = command("automation", "validate", str(path), "--all", "--json")
    assert ran.code == 2
    assert "integer overflow" in json.loads(ran.stderr)["error"]
    assert json.loads(ran.stdout)["is_complete"] is False
