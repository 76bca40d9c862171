import json
from datetime import UTC, datetime

import pytest

from mailer.db.database import Database
from mailer.model.delivery import Status, UpdateStatus
from mailer.model.job import JobStatus
from mailer.store.account import Account
from mailer.store.job_log import Level, log_once
from tests.unit.cli.job_cases import Desk, end, load, new, set_update

ROWS = [
    new(1, Status.SENT),
    new(2, Status.SENT),
    new(3, Status.FAILED, code="no address", error="no address"),
    new(4, Status.SKIPPED, code="held back", error="held back: job 1 has not settled this key"),
    new(5, Status.SKIPPED, code="repeated key", error="repeated key: row 1 has it first"),
]


async def a_job_that_is_done(database: Database) -> int:
    job_id = await load(database, ROWS)
    await set_update(database, job_id, "K1", UpdateStatus.DONE, 1)
    await set_update(database, job_id, "K2", UpdateStatus.FAILED, None)
    for _ in range(3):
        await log_once(database, 1, job_id, Level.WARNING, "attachment missing", "no file '명세서.pdf'")
    await end(database, job_id, JobStatus.DONE, "sent 2, skipped 2, failed 1 of 5 in 1.0 s (2/s)")
    return job_id


def test_json_holds_all_six_states_zeros_too_and_the_rest_of_the_contract(desk: Desk) -> None:
    job_id = desk.given(a_job_that_is_done)
    shown = json.loads(desk.mailer("job", "show", str(job_id), "--json").out)
    assert shown["counts"] == {"PENDING": 0, "SENDING": 0, "SENT": 2, "FAILED": 1, "SKIPPED": 2, "UNKNOWN": 0}
    assert (shown["total"], shown["held_back"]) == (5, 1)
    assert shown["updates"] == {"NONE": 3, "DUE": 0, "DONE": 1, "FAILED": 1}
    (line,) = shown["log_lines"]
    assert (line["level"], line["code"], line["times"]) == ("WARNING", "attachment missing", 3)
    assert line["message"] == "no file '명세서.pdf'"
    assert line["first_at"] <= line["last_at"]
    assert (shown["status"], shown["log"]) == ("DONE", "sent 2, skipped 2, failed 1 of 5 in 1.0 s (2/s)")
    assert shown["paused"] is None
    listed = json.loads(desk.mailer("job", "list", "--json").out)[0]
    assert {key: shown[key] for key in listed} == listed


def test_on_the_screen_it_says_the_same_and_what_to_do(desk: Desk) -> None:
    job_id = desk.given(a_job_that_is_done)
    said = desk.mailer("job", "show", str(job_id))
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "job 1 of 월간-명세서: DONE"
    for line in ("PENDING\t0", "SENDING\t0", "SENT\t2", "FAILED\t1", "SKIPPED\t2", "UNKNOWN\t0", "total\t5"):
        assert line in lines
    assert "held back: 1 (1 settled since)" in lines
    assert "WARNING\tattachment missing\t3\tno file '명세서.pdf'" in lines
    assert any("mailer job retry 1 --updates" in line for line in lines)


def test_it_says_why_nothing_can_leave_while_the_job_is_active(desk: Desk) -> None:
    async def given(database: Database) -> int:
        job_id = await load(database, [new(1, Status.PENDING)])
        await Account(database, "outbox").pause("SendingPausedException: Sending paused for this account.", 60)
        return job_id

    job_id = desk.given(given)
    paused = json.loads(desk.mailer("job", "show", str(job_id), "--json").out)["paused"]
    assert paused["why"] == "SendingPausedException: Sending paused for this account."
    assert datetime.fromisoformat(paused["until"]) > datetime.now(UTC)
    assert "nothing can leave, next try at" in desk.mailer("job", "show", str(job_id)).out
    desk.given(lambda database: end(database, job_id, JobStatus.CANCELLED))
    assert json.loads(desk.mailer("job", "show", str(job_id), "--json").out)["paused"] is None


def test_addresses_in_its_log_are_masked_on_the_screen(desk: Desk) -> None:
    async def given(database: Database) -> None:
        job_id = await load(database, [new(1, Status.PENDING)])
        await end(database, job_id, JobStatus.FAIL, "MessageRejected: Email address is not verified: kim@example.com")

    desk.given(given)
    assert "kim@" not in desk.mailer("job", "show", "1").out
    assert "kim@" not in desk.mailer("job", "list").out


@pytest.mark.parametrize("verb", [["show"], ["deliveries"], ["cancel"], ["retry"], ["settle", "--as", "sent"]])
def test_an_unknown_job_is_exit_2_for_every_verb(desk: Desk, verb: list[str]) -> None:
    desk.given(lambda database: database.fetch("read_now"))
    said = desk.mailer("job", *verb, "99")
    assert (said.code, said.out) == (2, "")
    assert said.err == "mailer: there is no job 99\n  See 'mailer job list'.\n"
    assert json.loads(desk.mailer("job", *verb, "99", "--json").err)["error"] == "there is no job 99"


@pytest.mark.parametrize("number", ["0", "-1", "열", "99999999999999999999", "1.5"])
def test_what_can_be_no_jobs_number_is_exit_2(desk: Desk, number: str) -> None:
    said = desk.mailer("job", "show", "--", number)
    assert (said.code, said.out) == (2, "")
    assert "Traceback" not in said.err
