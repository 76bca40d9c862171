import json
from dataclasses import replace

from mailer.db.database import Database
from mailer.model.automation import Dbio
from mailer.model.delivery import Status, UpdateStatus
from mailer.model.job import JobStatus
from mailer.store.automations import Automations
from mailer.store.workers import Workers
from tests.unit.cli.job_cases import AUTOMATION, Desk, end, enqueue, load, new, set_update

WITH_UPDATE = replace(
    AUTOMATION, dbio=replace(AUTOMATION.dbio, update="UPDATE CUSTOMER SET SENT_AT = :SENT_AT WHERE ID = :ID")
)
CHANGED = replace(AUTOMATION, dbio=Dbio(source="crm", target="SELECT 2 AS ID, '' AS EMAIL", key="ID", email="EMAIL"))


def counts(desk: Desk, job_id: int = 1) -> dict[str, int]:
    shown = json.loads(desk.mailer("job", "show", str(job_id), "--json").out)
    return {state: number for state, number in shown["counts"].items() if number}


def status(desk: Desk, job_id: int = 1) -> str:
    text: str = json.loads(desk.mailer("job", "show", str(job_id), "--json").out)["status"]
    return text


async def a_failed_job(database: Database) -> None:
    rows = [
        new(1, Status.SENT),
        new(2, Status.PENDING),
        new(3, Status.FAILED, code="MessageRejected", error="content"),
        new(4, Status.FAILED, code="no address", error="no address"),
        new(5, Status.UNKNOWN, code="Timeout", error="no answer"),
        new(6, Status.SKIPPED, code="repeated key", error="repeated key"),
    ]
    await end(database, await load(database, rows), JobStatus.FAIL)


def test_a_job_that_waits_is_cancelled_at_once(desk: Desk) -> None:
    desk.given(enqueue)
    said = desk.mailer("job", "cancel", "1")
    assert (said.code, said.out) == (0, "job 1 is CANCELLED: nobody had begun it\n")
    assert status(desk) == "CANCELLED"


def test_a_job_that_runs_is_marked_and_its_worker_stops(desk: Desk) -> None:
    async def given(database: Database) -> None:
        await Workers(database).enter("w", "host", 1, "all", "1")
        await load(database, [new(1, Status.PENDING)])

    desk.given(given)
    assert desk.mailer("job", "cancel", "1").out == "job 1 stops: what is in flight ends first\n"
    assert json.loads(desk.mailer("job", "list", "--json").out)[0]["status"] == "RUNNING"


def test_where_no_worker_is_left_to_stop_it_that_is_said(desk: Desk) -> None:
    desk.given(lambda database: load(database, [new(1, Status.PENDING)]))
    assert "no worker is running" in desk.mailer("job", "cancel", "1").out


def test_a_job_that_stops_or_is_over_is_not_cancelled_again(desk: Desk) -> None:
    job_id = desk.given(lambda database: load(database, [new(1, Status.PENDING)]))
    assert json.loads(desk.mailer("job", "cancel", "1", "--json").out) == {"job_id": 1, "status": "RUNNING"}
    assert desk.mailer("job", "cancel", "1").code == 3
    desk.given(lambda database: end(database, job_id, JobStatus.CANCELLED))
    said = desk.mailer("job", "cancel", "1", "--json")
    assert (said.code, said.out) == (3, "")
    assert json.loads(said.err) == {"error": "job 1 is CANCELLED", "next": "See 'mailer job show 1'."}


def test_retry_reopens_what_is_pending_and_what_failed_but_for_rows_that_can_not_get_better(desk: Desk) -> None:
    desk.given(a_failed_job)
    said = desk.mailer("job", "retry", "1")
    assert (said.code, said.out) == (0, "job 1 waits again: 2 deliveries are PENDING\n")
    assert counts(desk) == {"SENT": 1, "PENDING": 2, "FAILED": 1, "UNKNOWN": 1, "SKIPPED": 1}
    assert status(desk) == "WAITING"


def test_retry_of_an_active_job_or_beside_one_is_exit_3(desk: Desk) -> None:
    desk.given(a_failed_job)
    desk.given(enqueue)
    beside, active = desk.mailer("job", "retry", "1"), desk.mailer("job", "retry", "2")
    assert (beside.code, active.code) == (3, 3)
    assert "job 2 of its automation is active" in beside.err
    assert "it is active itself" in active.err
    assert desk.mailer("job", "retry", "2", "--updates").code == 3


def test_with_nothing_to_retry_it_says_so_and_exits_0(desk: Desk) -> None:
    rows = [new(1, Status.SENT), new(2, Status.FAILED, code="no address", error="no address")]

    async def given(database: Database) -> None:
        await end(database, await load(database, rows), JobStatus.DONE)

    desk.given(given)
    said = desk.mailer("job", "retry", "1")
    assert (said.code, said.out) == (0, "nothing to retry in job 1: what FAILED has no usable address or key\n")
    assert json.loads(desk.mailer("job", "retry", "1", "--json").out) == {
        "job_id": 1,
        "reopened": False,
        "deliveries": 0,
        "definition_changed": False,
    }
    assert desk.mailer("job", "retry", "1", "--updates").out == "nothing to retry in job 1\n"
    assert status(desk) == "DONE"


def test_retry_says_when_the_automation_has_changed_since_and_with_current_takes_it(desk: Desk) -> None:
    desk.given(a_failed_job)
    desk.given(lambda database: Automations(database).save(CHANGED, "somebody"))
    said = desk.mailer("job", "retry", "1", "--with-current")
    assert "has changed since" not in said.out
    desk.mailer("job", "cancel", "1")
    desk.given(lambda database: Automations(database).save(AUTOMATION, "somebody"))
    said = desk.mailer("job", "retry", "1")
    assert "The automation has changed since this job was loaded; the job keeps its own definition." in said.out
    assert said.out.endswith("job 1 waits again: 2 deliveries are PENDING\n")


def test_a_job_that_never_loaded_loads_its_list_anew(desk: Desk) -> None:
    desk.given(enqueue)
    desk.mailer("job", "cancel", "1")
    assert desk.mailer("job", "retry", "1").out == "job 1 waits again: its list is loaded anew\n"


def test_updates_that_failed_or_touched_no_row_are_due_again(desk: Desk) -> None:
    async def given(database: Database) -> None:
        rows = [new(number, Status.SENT) for number in range(1, 5)]
        job_id = await load(database, rows, WITH_UPDATE)
        await set_update(database, job_id, "K1", UpdateStatus.DONE, 1)
        await set_update(database, job_id, "K2", UpdateStatus.DONE, 0)
        await set_update(database, job_id, "K3", UpdateStatus.FAILED, None)
        await set_update(database, job_id, "K4", UpdateStatus.DONE, 2)
        await end(database, job_id, JobStatus.DONE)

    desk.given(given)
    said = desk.mailer("job", "retry", "1", "--updates")
    assert (said.code, said.out) == (0, "due again in job 1: 2 update queries\n")
    shown = json.loads(desk.mailer("job", "show", "1", "--json").out)
    assert shown["updates"] == {"NONE": 0, "DUE": 2, "DONE": 2, "FAILED": 0}
    assert shown["status"] == "DONE"


def test_an_unknown_that_was_sent_is_sent(desk: Desk) -> None:
    desk.given(a_failed_job)
    said = desk.mailer("job", "settle", "1", "--as", "sent")
    assert (said.code, said.out) == (0, "SENT in job 1: 1 delivery more\n")
    assert counts(desk)["SENT"] == 2
    assert desk.mailer("job", "settle", "1", "--as", "sent").out == "nothing to settle in job 1: none is UNKNOWN\n"


def test_an_unknown_that_was_not_sent_fails_so_that_a_retry_sends_it(desk: Desk) -> None:
    desk.given(a_failed_job)
    said = desk.mailer("job", "settle", "1", "--as", "not-sent", "--key", "K5")
    assert said.out == "not sent in job 1: 1 delivery; 'mailer job retry 1' sends what is FAILED\n"
    assert counts(desk)["FAILED"] == 3
    assert desk.mailer("job", "retry", "1").out == "job 1 waits again: 3 deliveries are PENDING\n"


def test_a_key_without_an_unknown_is_exit_2(desk: Desk) -> None:
    desk.given(a_failed_job)
    said = desk.mailer("job", "settle", "1", "--as", "sent", "--key", "K1", "--json")
    assert (said.code, said.out) == (2, "")
    assert "no UNKNOWN delivery with that key" in json.loads(said.err)["error"]


def test_a_verdict_must_be_given(desk: Desk) -> None:
    desk.given(a_failed_job)
    assert desk.mailer("job", "settle", "1").code == 2
    assert desk.mailer("job", "settle", "1", "--as", "perhaps").code == 2


def test_what_a_person_decided_is_in_the_audit_log(desk: Desk) -> None:
    desk.given(a_failed_job)
    desk.mailer("job", "settle", "1", "--as", "sent")
    desk.mailer("job", "retry", "1")
    desk.mailer("job", "cancel", "1")
    lines = desk.given(lambda database: database.fetch("list_audit"))
    assert [line.text("ACTION") for line in lines][-3:] == ["job settle", "job retry", "job cancel"]
