"""`mailer enqueue`: a job now, and the watching of it."""

import json
import signal
from pathlib import Path

import pytest

from tests.e2e.commands import Mailer, StartMailer, look
from tests.e2e.crew import Crew
from tests.e2e.own_database import OwnDatabase, on_both_databases
from tests.e2e.people import NAME, make_people, people, write_definition
from tests.e2e.statements import show


@pytest.fixture
def workplace(tmp_path: Path, database: OwnDatabase) -> Path:
    """With twenty people to greet."""
    folder = tmp_path / "작업"
    folder.mkdir()
    make_people(folder, 20)
    database.settle_in(folder)
    return folder


def apply(workplace: Path, html: str = "<p>$(NAME)님</p>") -> None:
    applied = look(workplace, "automation", "apply", write_definition(workplace, html=html))
    assert applied.code == 0, applied.stderr


@on_both_databases
def test_a_job_waits_and_a_second_one_is_refused_with_the_first_ones_id(mailer: Mailer, workplace: Path) -> None:
    apply(workplace)
    said = mailer("enqueue", NAME)
    assert (said.code, said.stdout, said.stderr) == (0, "job 1 waiting\n", "")
    refused = mailer("enqueue", "1")
    assert (refused.code, refused.stdout) == (3, "")
    assert "job 1 of automation '인사' is active" in refused.stderr
    refused = mailer("enqueue", NAME, "--wait", "--json")
    assert (refused.code, refused.stdout) == (3, "")
    assert "job 1 " in json.loads(refused.stderr)["error"]


def test_with_json_stdout_holds_the_id_alone(mailer: Mailer, workplace: Path) -> None:
    apply(workplace)
    said = mailer("enqueue", "1", "--json")
    assert (said.code, json.loads(said.stdout), said.stderr) == (0, {"job_id": 1}, "")


def test_an_unknown_automation_and_a_missing_database_are_exit_2(mailer: Mailer, workplace: Path) -> None:
    missing = mailer("enqueue", NAME)
    assert (missing.code, missing.stdout) == (2, "")
    assert "there is no database at" in missing.stderr
    assert not (workplace / "mailer.db").exists()
    apply(workplace)
    unknown = mailer("enqueue", "없는것")
    assert (unknown.code, unknown.stdout) == (2, "")
    assert unknown.stderr == "mailer: there is no automation '없는것'\n  See 'mailer automation list'.\n"


@on_both_databases
def test_waiting_shows_the_progress_and_exits_0_for_done(mailer: Mailer, workplace: Path, crew: Crew) -> None:
    apply(workplace)
    service = crew.start({})
    service.wait_for_log("started")
    said = mailer("enqueue", NAME, "--wait")
    assert (said.code, said.stderr) == (0, "")
    lines = said.stdout.splitlines()
    assert lines[0] == "job 1 waiting"
    assert lines[-1].startswith("job 1 DONE: sent 20 of 20 in ")
    service.end(signal.SIGTERM)


def test_with_json_the_progress_goes_to_stderr(mailer: Mailer, workplace: Path, start_mailer: StartMailer) -> None:
    apply(workplace)
    start_mailer("run").wait_for_log("started")
    said = mailer("enqueue", NAME, "--wait", "--json")
    assert (said.code, json.loads(said.stdout)) == (0, {"job_id": 1})
    assert said.stderr.splitlines()[-1].startswith("job 1 DONE: sent 20 of 20 in ")


def test_a_job_that_fails_is_exit_1(mailer: Mailer, workplace: Path, start_mailer: StartMailer) -> None:
    apply(workplace, "<p>$(NAME|date('%Y'))</p>")
    start_mailer("run").wait_for_log("started")
    said = mailer("enqueue", NAME, "--wait")
    assert said.code == 1
    assert said.stdout.splitlines()[-1].startswith("job 1 FAIL: ")
    assert "a date is needed" in said.stdout
    assert "mailer job show 1" in said.stderr


def test_a_job_that_is_cancelled_is_exit_1(mailer: Mailer, workplace: Path, start_mailer: StartMailer) -> None:
    apply(workplace)
    waiting = start_mailer("enqueue", NAME, "--wait")
    waiting.wait_for_text("job 1 WAITING")
    assert mailer("job", "cancel", "1").code == 0
    ended = waiting.end()
    assert ended.code == 1
    assert ended.stdout.splitlines()[-1].startswith("job 1 CANCELLED: cancelled by ")


def test_ctrl_c_ends_the_watching_and_not_the_job(mailer: Mailer, workplace: Path, start_mailer: StartMailer) -> None:
    apply(workplace)
    waiting = start_mailer("enqueue", NAME, "--wait")
    waiting.wait_for_text("job 1 WAITING")
    ended = waiting.end(signal.SIGINT)
    assert ended.code == 130
    assert ended.stderr == "mailer: job 1 goes on; 'mailer job show 1' tells how far it is\n"
    assert show(workplace)["status"] == "WAITING"
    assert mailer("run", "--until-idle").code == 0
    assert show(workplace)["status"] == "DONE"
    assert all(sent_at for sent_at, _ in people(workplace).values())


def test_where_no_worker_runs_it_says_so_and_goes_on_waiting(
    mailer: Mailer, workplace: Path, start_mailer: StartMailer
) -> None:
    apply(workplace)
    waiting = start_mailer("enqueue", NAME, "--wait", "--json")
    waiting.wait_for_text("no worker has been running for 10 s")
    assert waiting.process.poll() is None
    assert mailer("run", "--until-idle").code == 0
    ended = waiting.end()
    assert (ended.code, json.loads(ended.stdout)) == (0, {"job_id": 1})
    assert ended.stderr.count("no worker") == 1


def test_why_nothing_can_leave_is_said_while_it_waits(
    mailer: Mailer, workplace: Path, start_mailer: StartMailer
) -> None:
    apply(workplace)
    (workplace / "outbox").write_text("a file where the folder should be")
    start_mailer("run").wait_for_log("started")
    waiting = start_mailer("enqueue", NAME, "--wait")
    waiting.wait_for_text("nothing can leave, the job waits: the outbox folder")
    shown = show(workplace)
    assert (shown["status"], shown["counts"]["FAILED"]) == ("RUNNING", 0)
    (workplace / "outbox").unlink()
    assert waiting.end().code == 0
    assert show(workplace)["counts"]["SENT"] == 20
