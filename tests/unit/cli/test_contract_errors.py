"""What people and scripts hear when something is wrong: a line what and where, and the next step; no traceback."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.commands import Mailer, Ran
from tests.small_definition import NAME, write_definition

SECRET = "비밀-hunter2"


def as_json(ran: Ran) -> dict[str, str]:
    """The error on stderr; stdout holds nothing."""
    assert ran.stdout == ""
    error: dict[str, str] = json.loads(ran.stderr)
    assert {"error", "next"} <= set(error)
    assert error["error"]
    assert "\n" not in error["error"]
    return error


@pytest.mark.parametrize(
    "verb",
    [
        "automation list",
        "automation show 1",
        "automation export 1",
        "automation validate 이름",
        "automation preview 이름",
        "automation test-mail 1 --to me@example.com",
        "automation pause 1",
        "automation resume 1",
        "job list",
        "job show 1",
        "job deliveries 1",
        "job cancel 1",
        "job retry 1",
        "job retry 1 --updates",
        "job settle 1 --as sent",
        "enqueue 이름",
        "enqueue 이름 --wait",
        "migrate --status",
        "suppression list",
        "suppression add a@example.com",
        "suppression remove a@example.com",
    ],
)
def test_without_a_database_each_command_says_so_in_json_too(command: Mailer, workplace: Path, verb: str) -> None:
    ran = command(*verb.split(), "--json")
    assert ran.code == 2
    assert "mailer.db" in as_json(ran)["error"]
    assert "mailer migrate" in as_json(ran)["next"]
    assert not (workplace / "mailer.db").exists()
    ran = command(*verb.split())
    assert (ran.code, ran.stdout) == (2, "")
    assert [line[:8] for line in ran.stderr.splitlines()] == ["mailer: ", ran.stderr.splitlines()[1][:8]]


@pytest.mark.parametrize(
    ("words", "says", "about"),
    [
        ("job show 열", "'JOB'", "mailer job show"),
        ("job show", "JOB", "mailer job show"),
        ("job list --limit 0", "--limit", "mailer job list"),
        ("job settle 1 --as perhaps", "--as", "mailer job settle"),
        ("job settle 1", "--as", "mailer job settle"),
        ("automation list --nix", "--nix", "mailer automation list"),
        ("automation nix", "nix", "mailer automation"),
    ],
)
def test_wrong_usage_is_an_object_on_stderr_where_a_script_reads(
    command: Mailer, words: str, says: str, about: str
) -> None:
    ran = command(*words.split(), "--json")
    assert ran.code == 2
    assert says in as_json(ran)["error"]
    assert as_json(ran)["next"] == f"See '{about} --help'."


@pytest.mark.parametrize("words", [("run", "--role", "없는"), ("job", "settle", "1", "--as", "maybe")])
def test_wrong_usage_is_a_line_and_the_next_step_for_people(command: Mailer, words: tuple[str, ...]) -> None:
    ran = command(*words)
    assert (ran.code, ran.stdout) == (2, "")
    says, next_step = ran.stderr.splitlines()
    assert says.startswith(f"mailer: Invalid value for '{words[-2]}': '{words[-1]}' is not one of ")
    assert next_step.endswith(" --help'.")


def test_of_a_long_word_only_the_beginning_is_shown(command: Mailer) -> None:
    assert f"'{'가' * 60}…'" in command("run", "--role", "가" * 5000).stderr


def test_words_that_ask_for_nothing_are_answered_by_the_help(command: Mailer) -> None:
    ran = command("job")
    assert (ran.code, ran.stderr) == (2, "")
    assert "deliveries" in ran.stdout


def test_an_automation_that_is_not_there_is_answered_by_the_nearest_name(command: Mailer, workplace: Path) -> None:
    command("automation", "apply", str(write_definition(workplace)))
    assert f"Did you mean {NAME}?" in as_json(command("enqueue", f"{NAME}s", "--json"))["next"]


def test_help_is_help_beside_json_too(command: Mailer) -> None:
    ran = command("job", "show", "--json", "--help")
    assert (ran.code, ran.stderr) == (0, "")
    assert "Usage: mailer job show" in ran.stdout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAILER_SES_RATE", "0"),
        ("MAILER_SES_RATE", "-1"),
        ("MAILER_TRANSPORT", "smtp"),
        ("MAILER_TICK", "soon"),
        ("MAILER_LEASE", "2s"),
        ("MAILER_WORKERS", "0"),
        ("MAILER_RENDER_BYTES", "much"),
        ("MAILER_SES_CLIENT", "boto3"),
        ("MAILER_AUTO_MIGRATE", "perhaps"),
        ("MAILER_LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_is_exit_2_and_a_line_with_its_name(command: Mailer, name: str, value: str) -> None:
    ran = command("job", "list", env={name: value})
    assert (ran.code, ran.stdout) == (2, "")
    first, *rest = ran.stderr.splitlines()
    assert first.startswith(f"mailer: {name} ")
    assert len(rest) == 1
    assert name in as_json(command("job", "list", "--json", env={name: value}))["error"]


@pytest.mark.parametrize("name", ["MAILER_DATABASE", "MAILER_SOURCES__CRM__URL"])
def test_a_secret_in_the_wrong_place_is_not_shown(command: Mailer, name: str) -> None:
    ran = command("job", "list", env={name: f"oracle://mail:{SECRET}@db.example.co.kr/ORCL"})
    assert (ran.code, ran.stdout) == (2, "")
    assert name in ran.stderr
    assert SECRET not in ran.stderr


def test_an_unknown_variable_is_a_warning_with_the_nearest_right_name(command: Mailer) -> None:
    command("migrate")
    ran = command("job", "list", "--json", env={"MAILER_TRASPORT": "ses", "MAILER_LOG_FORMAT": "json"})
    assert (ran.code, json.loads(ran.stdout)) == (0, [])
    line = json.loads(ran.stderr)
    assert (line["level"], line["event"]) == (
        "warning",
        "MAILER_TRASPORT is no setting of mailer; did you mean MAILER_TRANSPORT?",
    )


def test_a_warning_is_not_seen_where_only_errors_are_asked_for(command: Mailer) -> None:
    command("migrate")
    assert command("job", "list", env={"MAILER_TRASPORT": "ses", "MAILER_LOG_LEVEL": "error"}).stderr == ""


def test_a_run_that_may_not_migrate_says_what_to_type(command: Mailer, workplace: Path) -> None:
    ran = command("run", "--until-idle", env={"MAILER_AUTO_MIGRATE": "false"})
    assert (ran.code, ran.stdout) == (2, "")
    assert "mailer migrate" in ran.stderr.splitlines()[-1]
    assert not (workplace / "mailer.db").exists()
    (workplace / "mailer.db").touch()
    ran = command("run", "--until-idle", env={"MAILER_AUTO_MIGRATE": "false"})
    assert ran.code == 2
    assert "mailer migrate" in ran.stderr.splitlines()[-1]


def test_migrate_shows_what_would_run_then_runs_it_once(command: Mailer, workplace: Path) -> None:
    ran = command("migrate", "--sql")
    assert (ran.code, ran.stderr) == (0, "")
    assert "CREATE TABLE JOB_QUEUE" in ran.stdout
    assert not (workplace / "mailer.db").exists()
    with closing(sqlite3.connect(workplace / "by-hand.db")) as by_hand:
        by_hand.executescript(ran.stdout)
    status = command("migrate", "--status", "--json", env={"MAILER_DATABASE": "by-hand.db"})
    assert json.loads(status.stdout)["pending"] == []
    assert command("migrate").stdout.endswith("up to date\n")
    status = json.loads(command("migrate", "--status", "--json").stdout)
    assert [one["version"] for one in status["installed"]] == list(range(1, len(status["installed"]) + 1))
    assert status["installed"]
    assert status["pending"] == []
    assert command("migrate").stdout == "up to date\n"
    assert command("migrate", "--sql").stdout == ""


@pytest.mark.parametrize("url", ["sqlite:///없는.db", "sqlite:////no/such/folder/crm.db"])
def test_a_source_file_that_is_missing_is_exit_2_and_never_made(command: Mailer, workplace: Path, url: str) -> None:
    path = write_definition(workplace)
    ran = command("automation", "preview", str(path), "--json", env={"MAILER_SOURCES__CRM__URL": url})
    assert ran.code == 2
    assert "MAILER_SOURCES__CRM__URL" in " ".join(as_json(ran).values())
    assert not (workplace / "없는.db").exists()


def test_the_database_is_a_path_or_a_url_of_a_sources_form(command: Mailer, workplace: Path) -> None:
    path = str(write_definition(workplace))
    for number, database in enumerate(["가.db", "sqlite:///나.db", f"sqlite:///{workplace}/다.db"]):
        env = {"MAILER_DATABASE": database}
        assert command("automation", "apply", path, env=env).code == 0
        assert json.loads(command("enqueue", NAME, "--json", env=env).stdout) == {"job_id": 1}
        assert (workplace / ["가.db", "나.db", "다.db"][number]).is_file()
    assert not (workplace / "mailer.db").exists()


def test_an_automation_without_a_schedule_runs_by_enqueue_alone(command: Mailer, workplace: Path) -> None:
    command("automation", "apply", str(write_definition(workplace)))
    assert json.loads(command("job", "list", "--json").stdout) == []
    assert json.loads(command("automation", "show", NAME, "--json").stdout)["schedules"] == []
