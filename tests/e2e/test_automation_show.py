"""`mailer automation list`, `show`, `export`, `pause` and `resume`."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.commands import EXAMPLE, Mailer, Ran, look, run_mailer
from tests.e2e.own_database import OwnDatabase, on_both_databases
from tests.small_definition import NAME, write_definition

DAILY = '[[schedule]]\nkind = "daily"\nat = ["09:00"]\ntimezone = "Asia/Seoul"'


@pytest.fixture
def mailer(workplace: Path) -> Mailer:
    """In this process: none of these commands waits for anything, or ends the process itself."""

    def run(*arguments: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> Ran:
        assert stdin is None
        return look(workplace, *arguments, env=env)

    return run


@pytest.fixture
def saved(mailer: Mailer, workplace: Path) -> None:
    """One automation, number 1, that runs daily at nine in Seoul."""
    assert mailer("automation", "apply", str(write_definition(workplace, schedules=DAILY))).code == 0


@on_both_databases
@pytest.mark.usefixtures("saved")
def test_list_shows_each_automation_with_its_status_and_times(mailer: Mailer) -> None:
    titles, row = (line.split("\t") for line in mailer("automation", "list").stdout.splitlines())
    assert titles == ["id", "automation", "status", "running", "last run", "next run"]
    assert row[:5] == ["1", NAME, "ACTIVE", "no", ""]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d 00:00:00 UTC", row[5])
    [listed] = json.loads(mailer("automation", "list", "--json").stdout)
    assert listed == {
        "auto_id": 1,
        "automation": NAME,
        "status": "ACTIVE",
        "is_running": False,
        "last_run": None,
        "next_run": row[5].replace(" UTC", "Z").replace(" ", "T"),
        "owner": None,
    }


@pytest.mark.usefixtures("saved")
def test_show_prints_the_definition_and_five_runs_in_the_schedules_own_zone(mailer: Mailer) -> None:
    ran = mailer("automation", "show", NAME)
    assert ran.code == 0
    lines = ran.stdout.splitlines()
    assert lines[:2] == [f"{NAME} (automation 1): ACTIVE", "last run  never"]
    assert "    SELECT CUST_ID, CUST_NAME, EMAIL" in ran.stdout
    assert re.search(r"^from +고객센터 <billing@example.co.kr>$", ran.stdout, re.MULTILINE)
    runs = [line.strip() for line in lines if line.endswith("KST")]
    assert len(runs) == 5
    days = [datetime.strptime(run[:10], "%Y-%m-%d").replace(tzinfo=UTC) for run in runs]
    assert [later - earlier for earlier, later in pairwise(days)] == [timedelta(days=1)] * 4
    assert {run[15:] for run in runs} == {"09:00:00 KST"}


@on_both_databases
@pytest.mark.usefixtures("saved")
def test_show_in_json_has_all_of_it_with_offsets(mailer: Mailer) -> None:
    shown = json.loads(mailer("automation", "show", "1", "--json").stdout)
    assert shown["automation"] == NAME
    assert shown["policies"]["from"] == "고객센터 <billing@example.co.kr>"
    assert shown["dbio"]["key"] == "CUST_ID"
    assert shown["template"]["subject"] == "$(CUST_NAME)님께"
    [schedule] = shown["schedules"]
    assert (schedule["kind"], schedule["at"], schedule["timezone"]) == ("daily", ["09:00"], "Asia/Seoul")
    assert len(schedule["next_runs"]) == 5
    first = datetime.fromisoformat(schedule["next_runs"][0])
    assert first.utcoffset() == timedelta(hours=9)
    assert first == datetime.fromisoformat(shown["next_run"])
    assert first > datetime.now(ZoneInfo("Asia/Seoul"))
    assert shown["skipped_runs"] == []


@on_both_databases
@pytest.mark.usefixtures("saved")
def test_show_tells_which_runs_were_skipped(mailer: Mailer, workplace: Path, database: OwnDatabase) -> None:
    database.execute(f"UPDATE SCHEDULE SET NEXT_RUN = {database.earlier('NEXT_RUN', 200 * 86_400)}, MISFIRE_GRACE = 1")
    assert run_mailer(workplace, "run", "--role", "scheduler", "--until-idle").code == 0
    shown = mailer("automation", "show", NAME).stdout
    assert "skipped runs\n" in shown
    assert "past the misfire grace" in shown
    [skipped] = json.loads(mailer("automation", "show", NAME, "--json").stdout)["skipped_runs"]
    assert skipped["times"] == 1


@on_both_databases
def test_what_is_exported_is_unchanged_when_it_is_applied_again(mailer: Mailer, workplace: Path) -> None:
    mailer("automation", "apply", str(EXAMPLE))
    ran = mailer("automation", "export", "monthly-statement", "--out", "내보낸", "--json")
    assert json.loads(ran.stdout) == {"files": ["내보낸/monthly-statement.toml", "내보낸/monthly-statement.html"]}
    again = mailer("automation", "apply", "내보낸/monthly-statement.toml")
    assert again.stdout == "monthly-statement: unchanged\n"
    (workplace / "내보낸/monthly-statement.html").write_text("<p>다른 것</p>", encoding="utf-8")
    refused = mailer("automation", "export", "1", "--out", "내보낸")
    assert refused.code == 2
    assert "is there already, and differs" in refused.stderr
    assert "Add --overwrite to replace it, or name another folder with --out." in refused.stderr
    replaced = mailer("automation", "export", "1", "--out", "내보낸", "--overwrite")
    assert replaced.stdout.splitlines() == ["내보낸/monthly-statement.toml", "내보낸/monthly-statement.html"]


@on_both_databases
@pytest.mark.usefixtures("saved")
def test_pause_and_resume_are_said_and_idempotent(mailer: Mailer, database: OwnDatabase) -> None:
    for verb, named, said in (
        ("pause", NAME, "now paused"),
        ("pause", "1", "already paused"),
        ("resume", "1", "now active"),
        ("resume", NAME, "already active"),
    ):
        assert mailer("automation", verb, named).stdout == f"{NAME}: {said}\n"
    ran = mailer("automation", "pause", NAME, "--json")
    assert json.loads(ran.stdout) == {"automation": NAME, "auto_id": 1, "status": "PAUSED", "changed": True}
    assert "paused: none makes a job until 'mailer automation resume 1'" in mailer("automation", "show", "1").stdout
    actions = [action for (action,) in database.query("SELECT ACTION FROM AUDIT_LOG ORDER BY AUDIT_ID")]
    assert actions == ["automation apply", "automation pause", "automation resume", "automation pause"]


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("verb", ["show", "export", "validate", "preview", "pause", "resume"])
def test_an_unknown_automation_is_one_line_and_exit_code_2(mailer: Mailer, verb: str) -> None:
    ran = mailer("automation", verb, "없는-이름")
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr == "mailer: there is no automation '없는-이름'\n  See 'mailer automation list'.\n"


@pytest.mark.parametrize("arguments", [("list",), ("show", "1"), ("pause", "1"), ("test-mail", "1", "--to", "me@a.kr")])
def test_without_a_database_nothing_is_made_and_the_next_step_is_said(
    mailer: Mailer, workplace: Path, arguments: tuple[str, ...]
) -> None:
    ran = mailer("automation", *arguments, "--json")
    assert (ran.code, ran.stdout) == (2, "")
    error = json.loads(ran.stderr)
    assert "there is no database" in error["error"]
    assert "mailer migrate" in error["next"]
    assert not (workplace / "mailer.db").exists()
