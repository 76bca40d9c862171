"""What Oracle undid for another session's sake (ORA-00060) is said again, and has taken effect once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from mailer.errors import DatabaseAway
from mailer.model.automation import UnknownPolicy
from mailer.model.delivery import Delivery, Status, UpdateStatus
from mailer.model.ses_event import EventKind, SesEvent
from mailer.store.feedback import FeedbackLedger
from mailer.store.suppressions import NewSuppression, Suppressions
from mailer.store.undone import TIMES
from tests.doubles.oracle import Action, Fault
from tests.store.engines import Engine
from tests.store.oracle_engine import StandInEngine
from tests.store.processes import ACTOR, Process, definition

Verb = Callable[[Process], Awaitable[object]]


async def enqueue(process: Process) -> object:
    auto_id = (await process.automations.save(definition(), ACTOR)).auto_id
    return await process.fires.enqueue(auto_id, ACTOR)


async def add(process: Process) -> object:
    return await Suppressions(process.database).add([NewSuppression("kim@example.com", "요청")], ACTOR)


async def remove(process: Process) -> object:
    await add(process)
    return await Suppressions(process.database).remove(["kim@example.com"], ACTOR)


async def claim_job(process: Process) -> object:
    await enqueue(process)
    return await process.queue.claim_job()


async def load(process: Process) -> object:
    return await process.run_job(definition(), ["하나", "둘", "셋"])


async def claim_batch(process: Process) -> object:
    return await process.claim_batch((await process.run_job(definition(), ["하나"])).job_id)


async def send(process: Process) -> object:
    job = await process.run_job(definition(), ["하나"])
    claim, (delivery,) = await process.take(job.job_id)
    await process.send(delivery, claim)
    assert await process.queue.close_batch(claim)
    return await process.queue.end_done(job, "", unknown_is_final=True)


async def cancel(process: Process) -> object:
    return await process.interventions.cancel(await process.enqueue(definition()), ACTOR)


async def left(process: Process, after: Status, unknown: UnknownPolicy = UnknownPolicy.SKIP) -> tuple[int, Delivery]:
    """A job that is over but for what its policy waits for; its one delivery stands so, or its update query failed."""
    job = await process.run_job(definition(unknown=unknown), ["하나"])
    claim, (delivery,) = await process.take(job.job_id)
    await process.send(delivery, claim, after, UpdateStatus.FAILED)
    assert await process.queue.close_batch(claim)
    if unknown is UnknownPolicy.SKIP:
        await process.finish(job)
    return job.job_id, delivery


async def retry(process: Process) -> object:
    job_id, _ = await left(process, Status.FAILED)
    return (await process.interventions.retry(job_id, ACTOR, with_current=False)).deliveries == 1


async def retry_updates(process: Process) -> object:
    job_id, _ = await left(process, Status.SENT)
    return await process.interventions.retry_updates(job_id, ACTOR, with_current=False) == 1


async def settle(process: Process) -> object:
    job_id, _ = await left(process, Status.UNKNOWN)
    return await process.interventions.settle(job_id, ACTOR, sent=False, key=None) == 1


async def resend(process: Process) -> object:
    job_id, _ = await left(process, Status.UNKNOWN, UnknownPolicy.RESEND)
    return await process.unknowns.resend(job_id, timedelta()) == 1


async def heed(process: Process) -> object:
    _, delivery = await left(process, Status.UNKNOWN)
    event = SesEvent(EventKind.SEND, delivery.delivery_id, delivery.token, "ses-1", "", False, ())
    return await FeedbackLedger(process.database, "default", "events").heed([event]) == 1


CASES: dict[str, tuple[Verb, str]] = {
    "enqueue": (enqueue, "INSERT INTO JOB_QUEUE"),
    "claim a job": (claim_job, "UPDATE JOB_QUEUE"),
    "load": (load, "INSERT INTO DELIVERY"),
    "judge": (load, "ROW_NO <"),
    "loaded": (load, "LOADED_AT ="),
    "claim a batch": (claim_batch, "UPDATE JOB_BATCH"),
    "record": (send, "UPDATE DELIVERY"),
    "close a batch": (send, "'CLOSED'"),
    "end a job": (send, "END_AT"),
    "save": (enqueue, "INTO AUDIT_LOG"),
    "cancel": (cancel, "SET STATUS = 'CANCELLED'"),
    "retry": (retry, "END_AT = NULL"),
    "retry updates": (retry_updates, "UPDATE_STATUS = 'DUE', UPDATE_ROWS"),
    "settle": (settle, "DISTINCT BATCH_NO"),
    "resend": (resend, "DISTINCT BATCH_NO"),
    "heed an event": (heed, "SET FEEDBACK"),
    "suppress": (add, "INTO SUPPRESSION"),
    "suppress no longer": (remove, "DELETE FROM SUPPRESSION"),
}


@pytest.fixture
def standin(engine: Engine) -> StandInEngine:
    if not isinstance(engine, StandInEngine):
        pytest.skip("SQLite has no deadlocks")
    return engine


@pytest.mark.parametrize("case", CASES)
async def test_a_deadlock_is_nothing_that_a_caller_sees(standin: StandInEngine, worker: Process, case: str) -> None:
    verb, sql = CASES[case]
    fault = await standin.control.arm(Fault(Action.ERROR, sql=sql, code=60, times=TIMES - 1))
    assert await verb(worker)
    async with asyncio.timeout(10):
        await standin.control.until_struck(fault)


async def test_one_that_lasts_is_said_to_be_passing(standin: StandInEngine, worker: Process) -> None:
    await standin.control.arm(Fault(Action.ERROR, sql="INTO SUPPRESSION", code=60, times=TIMES))
    with pytest.raises(DatabaseAway, match="ORA-00060"):
        await add(worker)
    assert await add(worker)
