import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from tests.doubles.ses import environment as ses_environment
from tests.doubles.ses_process import ses_process
from tests.e2e.commands import EXAMPLE, Mailer
from tests.small_definition import NAME, write_definition

NOWHERE = {**ses_environment("http://127.0.0.1:9"), "MAILER_TRANSPORT": "ses"}


@pytest.fixture
def saved(command: Mailer, workplace: Path) -> None:
    assert command("automation", "apply", str(write_definition(workplace))).code == 0


def checks(command: Mailer, env: Mapping[str, str] | None = None) -> tuple[int, dict[str, tuple[str, str, str]]]:
    """The exit code, and state, message and next step of each check."""
    ran = command("doctor", "--json", env=env)
    assert ran.stderr == ""
    found = {one["check"]: (one["state"], one["message"], one["next"]) for one in json.loads(ran.stdout)}
    assert all(state == "ok" or advice for state, _, advice in found.values())
    return ran.code, found


def not_ok(found: Mapping[str, tuple[str, str, str]]) -> dict[str, str]:
    return {name: state for name, (state, _, _) in found.items() if state != "ok"}


def change(file: Path, sql: str) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(sql)


@pytest.mark.usefixtures("saved")
def test_all_is_well_but_that_nobody_runs(command: Mailer) -> None:
    code, found = checks(command)
    assert code == 0
    assert not_ok(found) == {"scheduler": "warning", "worker": "warning"}
    assert {"settings", "database", "schema", "data source crm", "attachments", "outbox", "clock", "sending"} < set(
        found
    )
    assert found["time zones"][1].startswith("tzdata 20")
    assert found[f"automation {NAME}"][1] == "its definition is valid"


def test_before_the_first_run_the_missing_database_is_exit_code_2_and_is_not_made(
    command: Mailer, workplace: Path
) -> None:
    code, found = checks(command)
    assert (code, not_ok(found)) == (2, {"database": "fault"})
    assert "mailer migrate" in found["database"][2]
    assert not (workplace / "mailer.db").exists()


def test_a_misspelt_setting_is_a_fault_with_the_right_name(command: Mailer) -> None:
    command("migrate")
    code, found = checks(command, {"MAILER_TRASPORT": "ses"})
    assert code == 2
    assert found["settings"][0] == "fault"
    assert "did you mean MAILER_TRANSPORT?" in found["settings"][1]


def test_a_schema_that_is_older_is_a_fault(command: Mailer, workplace: Path) -> None:
    (workplace / "mailer.db").touch()
    code, found = checks(command)
    assert (code, found["schema"][0], found["schema"][2]) == (2, "fault", "Run 'mailer migrate'.")


def test_each_data_source_that_can_not_be_used_is_a_fault(command: Mailer, workplace: Path) -> None:
    command("migrate")
    (workplace / "text.db").write_text("no database " * 100, "utf-8")
    code, found = checks(
        command, {"MAILER_SOURCES__TEXT__URL": "sqlite:///text.db", "MAILER_SOURCES__GONE__URL": "sqlite:///gone.db"}
    )
    assert code == 2
    assert (found["data source text"][0], found["data source gone"][0]) == ("fault", "fault")
    assert found["data source crm"][0] == "ok"
    assert "MAILER_SOURCES__TEXT__URL" in found["data source text"][2]
    assert not (workplace / "gone.db").exists()


def test_a_locked_data_source_is_exit_code_4(command: Mailer, workplace: Path) -> None:
    command("migrate")
    with closing(sqlite3.connect(workplace / "crm.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        code, found = checks(command, {"MAILER_DB_PATIENCE": "50ms"})
    assert (code, found["data source crm"][0]) == (4, "fault")


def test_attachments_that_are_not_there_are_a_fault(command: Mailer) -> None:
    command("migrate")
    code, found = checks(command, {"MAILER_ATTACHMENTS": "없는-폴더"})
    assert (code, found["attachments"][0]) == (2, "fault")


def test_an_outbox_of_a_wrong_path_is_exit_code_2(command: Mailer, workplace: Path) -> None:
    command("migrate")
    (workplace / "outbox").write_text("no folder", "utf-8")
    code, found = checks(command)
    assert (code, not_ok(found)["outbox"]) == (2, "fault")
    assert "MAILER_OUTBOX" in found["outbox"][2]


def test_what_a_person_must_change_outweighs_what_is_away(command: Mailer) -> None:
    command("migrate")
    assert checks(command, NOWHERE)[0] == 4
    assert checks(command, {**NOWHERE, "MAILER_ATTACHMENTS": "없는-폴더"})[0] == 2


@pytest.mark.usefixtures("saved")
def test_a_definition_over_tables_that_have_changed_is_a_fault(command: Mailer, workplace: Path) -> None:
    change(workplace / "crm.db", "ALTER TABLE CUSTOMER RENAME COLUMN GRADE TO CUSTOMER_GRADE")
    code, found = checks(command)
    state, message, advice = found[f"automation {NAME}"]
    assert (code, state) == (2, "fault")
    assert "target query: " in message
    assert "GRADE" in message
    assert advice == f"Run 'mailer automation validate {NAME}'."


@pytest.mark.usefixtures("saved")
def test_a_definition_that_another_program_spoiled_is_a_fault(command: Mailer, workplace: Path) -> None:
    change(workplace / "mailer.db", "UPDATE AUTOMATION SET POLICIES = '{'")
    code, found = checks(command)
    assert (code, found[f"automation {NAME}"][:2]) == (2, ("fault", "POLICIES: not JSON"))


def test_settings_that_an_automation_needs_and_lacks_are_a_fault(command: Mailer) -> None:
    command("automation", "apply", str(EXAMPLE))
    code, found = checks(
        command,
        {"MAILER_ATTACHMENTS": "", "MAILER_SOURCES__CRM__URL": "", "MAILER_SOURCES__X__URL": "sqlite:///crm.db"},
    )
    message = found["automation monthly-statement"][1]
    assert code == 2
    assert "there is no data source 'crm'" in message
    assert "MAILER_ATTACHMENTS is not set" in message


def test_mails_that_wait_are_a_warning_with_the_cause(command: Mailer, workplace: Path) -> None:
    command("migrate")
    change(
        workplace / "mailer.db",
        "INSERT INTO ACCOUNT (ACCOUNT, PAUSED_UNTIL, WHY) VALUES ('outbox', '2099-01-01 00:00:00.000000', 'disk full')",
    )
    code, found = checks(command)
    assert (code, found["sending"][0]) == (0, "warning")
    assert found["sending"][1] == "mails wait, next try at 2099-01-01 00:00:00 UTC: disk full"


@pytest.mark.usefixtures("saved")
def test_an_ses_account_that_may_send_is_well(command: Mailer) -> None:
    with ses_process("--rate", "20", "--verified", "example.co.kr") as ses:
        # AWS_REGION alone is enough, as for every SDK but Python's.
        env = {**ses_environment(ses.url), "MAILER_TRANSPORT": "ses", "AWS_DEFAULT_REGION": ""}
        code, found = checks(command, env)
        assert code == 0
        assert set(not_ok(found)) == {"scheduler", "worker"}
        assert found["ses rate"][1] == "20 mails a second"
        assert found["ses clock"][1] == "agrees with this machine's"
        assert found["ses sender"][1] == "고객센터 <billing@example.co.kr> is verified"
        assert ses.mails() == []


@pytest.mark.usefixtures("saved")
def test_what_is_wrong_with_an_ses_account_is_said(command: Mailer) -> None:
    with ses_process("--rate", "20", "--quota", "100", "--verified", "example.net", "--sandbox") as ses:
        env = {**ses_environment(ses.url), "MAILER_TRANSPORT": "ses", "MAILER_SES_RATE": "50"}
        code, found = checks(command, env)
        assert code == 2
        assert found["ses rate"][:2] == ("warning", "MAILER_SES_RATE is 50 mails a second, and SES allows 20")
        assert found["ses sandbox"][0] == "warning"
        assert found["ses quota"][:2] == ("ok", "0 of 100 mails sent in 24 hours")
        assert found["ses sender"][0] == "fault"
        ses.limit(quota=0, sending_enabled=False)
        code, found = checks(command, env)
        assert (code, found["ses account"][0], found["ses quota"][0]) == (2, "fault", "warning")


def test_ses_without_region_or_credentials_says_what_to_set(command: Mailer) -> None:
    command("migrate")
    nothing = {name: "" for name in NOWHERE if name.startswith("AWS_") and name.endswith(("KEY_ID", "KEY", "REGION"))}
    code, found = checks(command, {**NOWHERE, **nothing})
    assert (code, found["ses"][0]) == (4, "fault")
    assert "AWS_" in found["ses"][2]
