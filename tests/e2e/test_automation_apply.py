"""`mailer automation apply`: idempotent, all or nothing, and it says what it did."""

import json
from pathlib import Path

import pytest

from tests.e2e.commands import EXAMPLE, Mailer
from tests.e2e.own_database import OwnDatabase, on_both_databases
from tests.small_definition import NAME, write_definition

REALTIME = '[[schedule]]\nkind = "realtime"'


def audited(database: OwnDatabase) -> list[tuple[str, str, str | None]]:
    return database.query("SELECT ACTION, DONE_TO, DETAILS FROM AUDIT_LOG ORDER BY AUDIT_ID")


def test_the_example_is_saved_on_a_fresh_database_and_its_realtime_schedule_makes_a_job(mailer: Mailer) -> None:
    ran = mailer("automation", "apply", str(EXAMPLE))
    assert (ran.code, ran.stderr) == (0, "")
    first, *schedules, job = ran.stdout.splitlines()
    assert first == "monthly-statement: new (automation 1)"
    assert [line.split(";")[0] for line in schedules] == ["  schedule added: monthly", "  schedule added: realtime"]
    assert job == "job 1 waiting"
    assert json.loads(mailer("job", "list", "--json").stdout)[0]["status"] == "WAITING"


@on_both_databases
def test_an_unchanged_file_is_said_to_be_so_and_nothing_happens(mailer: Mailer, database: OwnDatabase) -> None:
    mailer("automation", "apply", str(EXAMPLE))
    before = audited(database)
    ran = mailer("automation", "apply", str(EXAMPLE))
    assert (ran.code, ran.stdout, ran.stderr) == (0, "monthly-statement: unchanged\n", "")
    assert audited(database) == before
    assert len(json.loads(mailer("job", "list", "--json").stdout)) == 1


@on_both_databases
def test_a_changed_file_says_what_changed_and_which_active_job_is_in_its_way(
    mailer: Mailer, workplace: Path, database: OwnDatabase
) -> None:
    mailer("automation", "apply", str(write_definition(workplace, schedules=REALTIME)))
    path = write_definition(
        workplace, schedules=REALTIME, automation="max_parallel = 7", html="<p>$(CUST_NAME)님.</p>\n<p>새 줄</p>\n"
    )
    ran = mailer("automation", "apply", str(path))
    assert ran.code == 0
    assert ran.stdout.splitlines()[:3] == [
        f"{NAME}: changed (automation 1)",
        "  max_parallel: 1 → 7",
        "  html: 2 lines changed",
    ]
    assert "job 1 is active" in ran.stdout
    action, target, details = audited(database)[-1]
    assert (action, target) == ("automation apply", "automation 1")
    assert "max_parallel: 1 → 7" in (details or "")


@on_both_databases
def test_json_tells_what_was_done_with_each_file(mailer: Mailer, workplace: Path) -> None:
    one = write_definition(workplace, name="하나", schedules=REALTIME)
    other = write_definition(workplace, name="둘")
    mailer("automation", "apply", str(other))
    ran = mailer("automation", "apply", str(one), str(other), "--json")
    assert json.loads(ran.stdout) == [
        {
            "automation": "하나",
            "auto_id": 2,
            "changed": True,
            "changes": ["new automation", "schedule added: realtime; timezone UTC; misfire_grace 1h"],
            "job_id": 1,
            "active_job": None,
        },
        {"automation": "둘", "auto_id": 1, "changed": False, "changes": [], "job_id": None, "active_job": None},
    ]


def test_all_faults_of_all_files_are_named_and_nothing_is_saved(mailer: Mailer, workplace: Path) -> None:
    good = write_definition(workplace, name="좋은")
    bad = write_definition(
        workplace, name="나쁜", automation='max_paralel = 3\nowner = "nobody"', html="$(CUST_NAME", dbio='update = ""'
    )
    worse = write_definition(workplace, name="더-나쁜")
    worse.write_text(worse.read_text("utf-8").replace("더-나쁜.html", "../더-나쁜.html"), "utf-8")
    ran = mailer("automation", "apply", str(good), str(bad), str(worse))
    assert (ran.code, ran.stdout) == (2, "")
    summary, *faults, advice = ran.stderr.splitlines()
    assert summary == f"mailer: {len(faults)} faults"
    for words in (
        "automation.max_paralel: unknown key; did you mean 'max_parallel'?",
        "automation.owner: malformed address",
        "template: html, line 1",
        "dbio.update: is blank",
        "leads out of the definition's folder",
    ):
        assert len([line for line in faults if words in line]) == 1
    assert "nothing was saved" in advice
    assert not (workplace / "mailer.db").exists()


def test_a_fault_in_json_is_an_object_on_stderr_alone(mailer: Mailer, workplace: Path) -> None:
    ran = mailer("automation", "apply", str(write_definition(workplace, automation="max_paralel = 3")), "--json")
    assert (ran.code, ran.stdout) == (2, "")
    error = json.loads(ran.stderr)
    assert "max_paralel" in error["error"]
    assert error["next"] == "Correct the file; nothing was saved."
    assert error["faults"] == [error["error"]]


def test_a_file_that_is_not_there_is_one_line(mailer: Mailer) -> None:
    ran = mailer("automation", "apply", "없는.toml")
    assert ran.code == 2
    assert ran.stderr.splitlines()[0] == "mailer: 없는.toml: there is no file '없는.toml' in '.'"


def test_two_files_of_one_name_are_refused(mailer: Mailer, workplace: Path) -> None:
    one, other = write_definition(workplace / "가"), write_definition(workplace / "나")
    ran = mailer("automation", "apply", str(one), str(other))
    assert ran.code == 2
    assert f"defines '{NAME}', as {one} does" in ran.stderr


@pytest.mark.parametrize("more", ["", 'configuration_set = "events"'])
def test_settle_without_a_way_for_events_is_warned_of(mailer: Mailer, workplace: Path, more: str) -> None:
    path = write_definition(workplace, automation=f'unknown = "settle"\n{more}')
    ran = mailer("automation", "apply", str(path))
    assert ran.code == 0
    assert f'mailer: warning: {NAME}: unknown = "settle" acts as "skip"' in ran.stderr
    assert "MAILER_SES_EVENTS_QUEUE is not set" in ran.stderr
    assert ("configuration_set" in ran.stderr) == (not more)


def test_without_auto_migrate_an_old_schema_is_refused(mailer: Mailer, workplace: Path) -> None:
    ran = mailer("automation", "apply", str(write_definition(workplace)), env={"MAILER_AUTO_MIGRATE": "false"})
    assert ran.code == 2
    assert "mailer migrate" in ran.stderr
    assert not (workplace / "mailer.db").exists()
