import json
import re
from dataclasses import replace

import pytest

from mailer.db.database import Database
from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from tests.unit.cli.job_cases import AUTOMATION, Desk, end, enqueue, load, new

OTHER = replace(AUTOMATION, name="welcome")


async def three_jobs(database: Database) -> None:
    """1: DONE, of 월간-명세서; 2: FAIL, of welcome; 3: WAITING, of 월간-명세서."""
    await end(database, await load(database, [new(1, Status.SENT)]), JobStatus.DONE, "sent 1 of 1")
    await end(database, await load(database, [new(1, Status.PENDING)], OTHER), JobStatus.FAIL, "데이터 소스가 없습니다")
    await enqueue(database)


def ids(said: str) -> list[int]:
    return [job["job_id"] for job in json.loads(said)]


def test_the_latest_job_comes_first(desk: Desk) -> None:
    desk.given(three_jobs)
    said = desk.mailer("job", "list")
    assert said.code == 0
    lines = [line.split("\t") for line in said.out.splitlines()]
    assert lines[0] == ["job", "automation", "status", "due", "started", "ended", "summary"]
    assert [(line[0], line[1], line[2]) for line in lines[1:]] == [
        ("3", "월간-명세서", "WAITING"),
        ("2", "welcome", "FAIL"),
        ("1", "월간-명세서", "DONE"),
    ]
    assert lines[2][-1] == "데이터 소스가 없습니다"


def test_json_holds_what_scripts_rest_on_and_nothing_else(desk: Desk) -> None:
    desk.given(three_jobs)
    waiting, _, done = json.loads(desk.mailer("job", "list", "--json").out)
    assert list(done) == ["job_id", "automation", "status", "fire_at", "start_at", "end_at", "log"]
    assert (done["job_id"], done["automation"], done["status"]) == (1, "월간-명세서", "DONE")
    assert done["log"] == "sent 1 of 1"
    for moment in ("fire_at", "start_at", "end_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", done[moment])
    assert (waiting["start_at"], waiting["end_at"], waiting["log"]) == (None, None, None)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--automation", "월간-명세서"], [3, 1]),
        (["--automation", "2"], [2]),
        (["--status", "fail"], [2]),
        (["--status", "WAITING"], [3]),
        (["--limit", "2"], [3, 2]),
        (["--automation", "welcome", "--status", "done"], []),
    ],
)
def test_jobs_are_chosen_by_automation_state_and_number(desk: Desk, options: list[str], expected: list[int]) -> None:
    desk.given(three_jobs)
    assert ids(desk.mailer("job", "list", *options, "--json").out) == expected


def test_where_there_is_no_job_it_says_so(desk: Desk) -> None:
    desk.given(lambda database: database.fetch("read_now"))
    assert desk.mailer("job", "list").out == "no jobs\n"
    assert desk.mailer("job", "list", "--json").out == "[]\n"


def test_an_unknown_automation_is_an_error_with_a_next_step(desk: Desk) -> None:
    desk.given(three_jobs)
    said = desk.mailer("job", "list", "--automation", "없는것")
    assert (said.code, said.out) == (2, "")
    assert said.err == "mailer: there is no automation '없는것'\n  See 'mailer automation list'.\n"


def test_without_a_database_the_error_is_json_where_a_script_reads(desk: Desk) -> None:
    said = desk.mailer("job", "list", "--json")
    assert (said.code, said.out) == (2, "")
    error = json.loads(said.err)
    assert "there is no database at" in error["error"]
    assert "mailer migrate" in error["next"]
    assert not list(desk.folder.iterdir())


@pytest.mark.parametrize("options", [["--status", "broken"], ["--limit", "0"], ["--limit", "many"], ["too", "much"]])
def test_wrong_usage_is_exit_2(desk: Desk, options: list[str]) -> None:
    said = desk.mailer("job", "list", *options)
    assert (said.code, said.out) == (2, "")
    assert said.err
    assert "Traceback" not in said.err


def test_a_job_that_is_about_to_stop_says_as_what(desk: Desk) -> None:
    job_id = desk.given(lambda database: load(database, [new(1, Status.PENDING)]))
    desk.mailer("job", "cancel", str(job_id))
    assert "RUNNING, stopping: CANCELLED" in desk.mailer("job", "list").out
