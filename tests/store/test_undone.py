"""What Oracle undid for another session's sake (ORA-00060) is said again, and has taken effect once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mailer.errors import DatabaseAway
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
