"""JOB_QUEUE in workers' hands: who gets which job, for how long, and who is turned away."""

from datetime import timedelta

import pytest

from mailer.errors import FenceLost
from mailer.model.job import JobStatus, Stopping
from tests.store.engines import Engine, TimePasses
from tests.store.processes import ACTOR, LEASE, Process, definition, target_row
from tests.store.tables import Tables

STEP = 0.000001


async def test_the_job_that_has_waited_longest_is_taken_first(worker: Process, time_passes: TimePasses) -> None:
    first = await worker.enqueue(definition("첫째"))
    await time_passes(1)
    second = await worker.enqueue(definition("둘째"))
    assert [(await worker.claim_job()).job_id for _ in range(2)] == [first, second]


async def test_a_retried_job_waits_behind_those_that_waited_already(worker: Process, time_passes: TimePasses) -> None:
    early = await worker.enqueue(definition("첫째"))
    await worker.interventions.cancel(early, ACTOR)
    await time_passes(1)
    late = await worker.enqueue(definition("둘째"))
    await time_passes(1)
    await worker.interventions.retry(early, ACTOR, with_current=False)
    assert [(await worker.claim_job()).job_id for _ in range(2)] == [late, early]


async def test_a_second_worker_gets_nothing_while_the_first_holds_the_job(worker: Process, other: Process) -> None:
    await worker.enqueue(definition())
    assert await worker.queue.claim_job() is not None
    assert await other.queue.claim_job() is None


async def test_nothing_is_claimed_where_nothing_waits(worker: Process) -> None:
    assert await worker.queue.claim_job() is None


async def test_a_claim_makes_the_job_run_and_says_when_it_started(
    worker: Process, tables: Tables, time_passes: TimePasses, engine: Engine
) -> None:
    job_id = await worker.enqueue(definition())
    await time_passes(5)
    claim = await worker.claim_job()
    row = await tables.job(job_id)
    assert row.text("STATUS") == "RUNNING"
    assert row.text("WORKER_ID") == "worker-1"
    assert row.moment("START_AT") == claim.start_at == engine.clock.now()
    assert row.moment("LEASE_UNTIL") == engine.clock.now() + timedelta(seconds=LEASE)
    assert not claim.is_loaded


async def test_a_waiting_job_goes_before_an_abandoned_one(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    abandoned = await worker.enqueue(definition("첫째"))
    await worker.claim_job()
    waiting = await worker.enqueue(definition("둘째"))
    await time_passes(LEASE)
    assert [(await other.claim_job()).job_id for _ in range(2)] == [waiting, abandoned]


async def test_a_lease_holds_until_its_last_microsecond(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    await worker.enqueue(definition())
    await worker.claim_job()
    await time_passes(LEASE - STEP)
    assert await other.queue.claim_job() is None


@pytest.mark.parametrize("seconds", [LEASE, LEASE + STEP], ids=["exactly", "one step past"])
async def test_a_lease_that_is_over_lets_another_take_over(
    worker: Process, other: Process, time_passes: TimePasses, seconds: float
) -> None:
    await worker.enqueue(definition())
    claim = await worker.claim_job()
    await time_passes(seconds)
    assert (await other.claim_job()).fence == claim.fence + 1


async def test_the_fence_rises_with_each_claim(worker: Process, other: Process, time_passes: TimePasses) -> None:
    await worker.enqueue(definition())
    fences = []
    for process in (worker, other, worker):
        fences.append((await process.claim_job()).fence)
        await time_passes(LEASE)
    assert fences == [1, 2, 3]


async def test_a_renewed_lease_counts_from_its_renewal(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    await worker.enqueue(definition())
    claim = await worker.claim_job()
    await time_passes(LEASE - 1)
    await worker.queue.renew_job(claim)
    await time_passes(LEASE - 1)
    assert await other.queue.claim_job() is None
    await time_passes(1)
    assert await other.queue.claim_job() is not None


async def test_a_holder_that_was_taken_over_renews_nothing(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    await worker.enqueue(definition())
    old = await worker.claim_job()
    await time_passes(LEASE)
    await other.claim_job()
    with pytest.raises(FenceLost):
        await worker.queue.renew_job(old)


async def test_a_late_holder_that_nobody_took_over_renews(worker: Process, time_passes: TimePasses) -> None:
    await worker.enqueue(definition())
    claim = await worker.claim_job()
    await time_passes(LEASE * 10)
    await worker.queue.renew_job(claim)


async def test_a_job_given_back_is_free_at_once_and_its_next_claim_is_no_take_over(
    worker: Process, other: Process
) -> None:
    await worker.enqueue(definition())
    await worker.queue.give_back_job(await worker.claim_job())
    again = await other.claim_job()
    assert (again.fence, again.takeovers) == (2, 0)


async def test_an_old_holder_gives_nothing_back(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job_id = await worker.enqueue(definition())
    old = await worker.claim_job()
    await time_passes(LEASE)
    await other.claim_job()
    await worker.queue.give_back_job(old)
    assert (await tables.job(job_id)).text("WORKER_ID") == "worker-2"


async def test_take_overs_while_loading_are_counted(worker: Process, other: Process, time_passes: TimePasses) -> None:
    await worker.enqueue(definition())
    counted = []
    for process in (worker, other, worker, other):
        counted.append((await process.claim_job()).takeovers)
        await time_passes(LEASE)
    assert counted == [0, 1, 2, 3]


async def test_a_part_of_the_list_is_no_progress_for_a_reload_starts_from_nothing(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    await worker.enqueue(definition())
    claim = await worker.claim_job()
    await worker.lists.add_slice(claim, 1, [target_row(1, "하나")])
    await time_passes(LEASE)
    assert (await other.claim_job()).takeovers == 1


async def test_a_loaded_list_ends_the_count_and_later_take_overs_of_the_job_do_not_count(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job_id = await worker.enqueue(definition())
    await worker.claim_job()
    await time_passes(LEASE)
    claim = await other.claim_job()
    assert claim.takeovers == 1
    await other.load(claim, ["하나"])
    assert (await tables.job(job_id)).integer("TAKEOVERS") == 0
    await time_passes(LEASE)
    again = await worker.claim_job()
    assert again.is_loaded
    assert again.takeovers == 0


async def test_the_start_of_a_job_stays_when_it_is_taken_over_and_is_new_when_it_is_retried(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    job_id = await worker.enqueue(definition())
    first = await worker.claim_job()
    await time_passes(LEASE)
    taken_over = await other.claim_job()
    assert taken_over.start_at == first.start_at
    await other.stop(taken_over)
    await time_passes(LEASE)
    await worker.interventions.retry(job_id, ACTOR, with_current=False)
    assert (await other.claim_job()).start_at > first.start_at


async def test_standing_tells_whether_the_job_may_send(worker: Process) -> None:
    job_id = await worker.enqueue(definition())
    await worker.claim_job()
    assert (await worker.queue.standing(job_id)).stopping is None
    assert await worker.queue.mark_stopping(job_id, Stopping.FAIL, "templates/명세서.html, line 3")
    standing = await worker.queue.standing(job_id)
    assert standing.status is JobStatus.RUNNING
    assert (standing.stopping, standing.log) == (Stopping.FAIL, "templates/명세서.html, line 3")


async def test_the_first_cause_to_stop_wins(worker: Process) -> None:
    job_id = await worker.enqueue(definition())
    await worker.claim_job()
    assert await worker.queue.mark_stopping(job_id, Stopping.FAIL, "first")
    assert not await worker.queue.mark_stopping(job_id, Stopping.CANCELLED, "second")
    assert (await worker.queue.standing(job_id)).log == "first"


async def test_a_job_that_another_holds_is_not_marked_under_a_lost_claim(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    await worker.enqueue(definition())
    old = await worker.claim_job()
    await time_passes(LEASE)
    new = await other.claim_job()
    with pytest.raises(FenceLost):
        await worker.queue.mark_stopping(old.job_id, Stopping.FAIL, "stalled", fence=old.fence)
    assert (await other.queue.standing(new.job_id)).stopping is None
    assert await other.queue.mark_stopping(new.job_id, Stopping.FAIL, "the holder's", fence=new.fence)
    assert not await other.queue.mark_stopping(new.job_id, Stopping.FAIL, "again", fence=new.fence)
    assert (await other.queue.standing(new.job_id)).log == "the holder's"


async def test_a_job_that_waits_is_not_marked(worker: Process) -> None:
    job_id = await worker.enqueue(definition())
    assert not await worker.queue.mark_stopping(job_id, Stopping.FAIL, "nobody runs it")


async def test_a_loaded_job_that_another_sends_can_be_joined(worker: Process, other: Process) -> None:
    claim = await worker.run_job(definition(), ["하나", "둘", "셋"])
    await worker.take(claim.job_id)
    assert [job.job_id for job in await other.queue.jobs_to_join()] == [claim.job_id]


async def test_a_job_that_is_sent_in_order_is_nobody_elses_to_join(worker: Process, other: Process) -> None:
    await worker.run_job(definition(max_parallel=1), ["하나", "둘"])
    assert await other.queue.jobs_to_join() == []


async def test_a_job_is_not_joined_before_its_list_is_loaded(worker: Process, other: Process) -> None:
    await worker.enqueue(definition())
    claim = await worker.claim_job()
    await worker.jobs.freeze(claim)
    await worker.lists.add_slice(claim, 1, [target_row(1, "하나")])
    assert await other.queue.jobs_to_join() == []


async def test_a_job_is_not_joined_while_it_stops(worker: Process, other: Process) -> None:
    claim = await worker.run_job(definition(), ["하나"])
    await worker.queue.mark_stopping(claim.job_id, Stopping.CANCELLED, "enough")
    assert await other.queue.jobs_to_join() == []


async def test_a_job_without_a_free_batch_is_not_joined_until_a_lease_ends(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    claim = await worker.run_job(definition(), ["하나"])
    await worker.take(claim.job_id)
    assert await other.queue.jobs_to_join() == []
    await time_passes(LEASE)
    assert len(await other.queue.jobs_to_join()) == 1
