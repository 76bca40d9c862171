"""On Oracle the commit of a group of the ledger rides on its last statement, which is JOB_MINUTE's."""

import pytest

from mailer.db.database import Binds, Database, Session
from mailer.db.oracle import OracleDatabase
from mailer.model.delivery import Status
from mailer.store.ledger import Verdict
from tests.doubles.oracle import Action, Fault
from tests.store.engines import Engine
from tests.store.oracle_engine import StandInEngine
from tests.store.processes import Process, at_work, definition
from tests.store.tables import Tables
from tests.store.test_ledger_patience import ClockOfOneWhoWaits


@pytest.fixture
def standin(engine: Engine) -> StandInEngine:
    if not isinstance(engine, StandInEngine):
        pytest.skip("SQLite commits in its own thread")
    return engine


async def status(standin: StandInEngine) -> str:
    (row,) = await standin.run_sql("SELECT STATUS FROM DELIVERY")
    return row.text("STATUS")


async def test_a_group_is_committed_without_a_call_of_its_own(standin: StandInEngine, worker: Process) -> None:
    claim, (delivery,) = await worker.take((await worker.run_job(definition(), ["하나"])).job_id)
    await standin.control.arm(Fault(Action.KILL, call="commit", times=0))
    assert (await worker.mark_sending(delivery, claim)).verdict is Verdict.WRITTEN
    assert await status(standin) == Status.SENDING
    await standin.control.clear_faults()


@pytest.mark.parametrize("action", [Action.LOSE, Action.KILL], ids=["answer lost", "not done"])
async def test_a_group_whose_last_answer_did_not_come_is_read_back_or_written_again(
    standin: StandInEngine, database: Database, tables: Tables, action: Action
) -> None:
    async with at_work("worker-1", database, ClockOfOneWhoWaits(standin), patience=60) as worker:
        claim, (delivery,) = await worker.take((await worker.run_job(definition(), ["하나"])).job_id)
        await standin.control.arm(Fault(action, sql="MERGE INTO JOB_MINUTE"))
        assert (await worker.mark_sending(delivery, claim)).verdict is Verdict.WRITTEN
    assert await status(standin) == Status.SENDING
    await tables.require_sums()


async def test_nothing_may_come_behind_the_statement_that_commits(worker: Process) -> None:
    if not isinstance(worker.database, OracleDatabase):
        pytest.skip("SQLite commits in its own thread")
    job = await worker.run_job(definition(), ["하나"])

    async def work(session: Session) -> None:
        minute: Binds = {"job_id": job.job_id, "writer": "kim", "state": "SENT", "n": 0}
        await session.execute_many("add_to_minute", [minute])
        await session.execute_many("add_to_minute", [minute])

    with pytest.raises(RuntimeError, match="comes behind add_to_minute"):
        await worker.database.atomically(work)
