"""WORKER: who is at work, as the heartbeats tell."""

from datetime import timedelta

import pytest

from mailer.db.database import Database
from mailer.store.workers import Workers
from tests.store.engines import Engine, TimePasses

DAY = 86400.0


@pytest.fixture
def workers(database: Database) -> Workers:
    return Workers(database)


async def enter(workers: Workers, worker_id: str, role: str = "all") -> None:
    await workers.enter(worker_id, "host-1", 4711, role, "0.1.0")


async def alive(workers: Workers, seconds: float = 10) -> list[str]:
    return [process.worker_id for process in await workers.alive(timedelta(seconds=seconds))]


async def test_a_process_that_signs_in_is_alive(workers: Workers, engine: Engine) -> None:
    await enter(workers, "worker-1")
    (process,) = await workers.alive(timedelta(seconds=10))
    assert (process.worker_id, process.host, process.pid) == ("worker-1", "host-1", 4711)
    assert (process.role, process.version, process.heartbeat_at) == ("all", "0.1.0", engine.clock.now())


@pytest.mark.parametrize(("seconds", "found"), [(9.999999, ["worker-1"]), (10, [])], ids=["one step before", "exactly"])
async def test_a_process_that_is_silent_for_long_is_not_alive(
    workers: Workers, time_passes: TimePasses, seconds: float, found: list[str]
) -> None:
    await enter(workers, "worker-1")
    await time_passes(seconds)
    assert await alive(workers) == found


async def test_a_process_without_workers_may_be_silent_for_three_times_as_long(
    workers: Workers, time_passes: TimePasses
) -> None:
    for role in ("all", "worker", "scheduler", "events"):
        await enter(workers, role, role)
    await time_passes(29)
    assert await alive(workers) == ["events", "scheduler"]
    await time_passes(1)
    assert await alive(workers) == []


async def test_a_heartbeat_keeps_a_process_alive(workers: Workers, time_passes: TimePasses) -> None:
    await enter(workers, "worker-1")
    await time_passes(60)
    await workers.beat("worker-1")
    assert await alive(workers) == ["worker-1"]


async def test_a_process_that_signs_out_is_gone_at_once(workers: Workers) -> None:
    await enter(workers, "worker-1")
    await enter(workers, "worker-2")
    await workers.leave("worker-1")
    assert await alive(workers) == ["worker-2"]


@pytest.mark.parametrize(("seconds", "count"), [(DAY, 2), (DAY + 0.000001, 1)], ids=["exactly", "one step past"])
async def test_who_was_silent_for_more_than_a_day_is_forgotten_when_the_next_signs_in(
    workers: Workers, engine: Engine, seconds: float, count: int
) -> None:
    await enter(workers, "worker-1")
    await engine.pass_time(seconds)
    await enter(workers, "worker-2")
    assert len(await engine.run_sql("SELECT WORKER_ID FROM WORKER")) == count
