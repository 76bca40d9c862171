"""Jobs as people look at them: lists, counts, the ledger as a stream, and what happened."""

import pytest

from mailer.errors import FenceLost, NotFound
from mailer.model.delivery import Status, UpdateStatus
from mailer.model.job import JobStatus, Stopping
from mailer.store.job_log import MESSAGE_LIMIT, Level, log_always, log_once, read_job_log
from tests.store.engines import TimePasses
from tests.store.processes import ACTOR, Process, definition

ALL = list(Status)


async def keys(process: Process, job_id: int, statuses: list[Status]) -> list[str]:
    found: list[str] = []
    async with process.jobs.deliveries(job_id, statuses) as slices:
        async for rows in slices:
            found += [row.text("RECIPIENT_KEY") for row in rows]
    return found


async def test_jobs_are_listed_the_latest_first(worker: Process, time_passes: TimePasses) -> None:
    first = await worker.enqueue(definition("첫째"))
    await worker.interventions.cancel(first, ACTOR)
    await time_passes(1)
    second = await worker.enqueue(definition("둘째"))
    await time_passes(1)
    third = await worker.fires.enqueue(await worker.automations.find("첫째"), ACTOR)
    jobs = worker.jobs
    assert [job.job_id for job in await jobs.listed(None, None, 10)] == [third, second, first]
    assert [job.job_id for job in await jobs.listed(None, None, 2)] == [third, second]
    auto_id = await jobs.automation_id(first)
    assert [job.job_id for job in await jobs.listed(auto_id, None, 10)] == [third, first]
    assert [job.job_id for job in await jobs.listed(None, JobStatus.CANCELLED, 10)] == [first]
    assert [job.job_id for job in await jobs.listed(auto_id, JobStatus.WAITING, 10)] == [third]
    assert await jobs.active() == 2


async def test_a_job_is_read_with_its_automation_and_its_mark(worker: Process) -> None:
    claim = await worker.run_job(definition(), ["하나"])
    await worker.queue.mark_stopping(claim.job_id, Stopping.FAIL, "the cause")
    job = await worker.jobs.read(claim.job_id)
    assert (job.automation, job.status, job.stopping, job.log) == (
        "월간 명세서",
        JobStatus.RUNNING,
        Stopping.FAIL,
        "the cause",
    )
    assert (job.start_at, job.end_at) == (claim.start_at, None)


async def test_a_job_that_is_not_there_is_not_found(worker: Process) -> None:
    with pytest.raises(NotFound, match="no job 99"):
        await worker.jobs.read(99)
    with pytest.raises(NotFound, match="no job 99"):
        await worker.jobs.automation_id(99)


async def test_counts_have_a_number_for_every_state(worker: Process) -> None:
    job = await worker.run_job(definition(), ["하나", "둘", "하나"])
    counts = await worker.jobs.counts(job.job_id)
    assert counts.deliveries == {**dict.fromkeys(Status, 0), Status.PENDING: 2, Status.SKIPPED: 1}
    assert counts.updates == {**dict.fromkeys(UpdateStatus, 0), UpdateStatus.NONE: 3}
    assert counts.total == 3


async def test_the_ledger_is_streamed_in_the_lists_order_by_state(worker: Process) -> None:
    job = await worker.run_job(definition(), ["가", "나", "다", "라", "마"], batch_rows=5)
    batch, work = await worker.take(job.job_id)
    for delivery, status in zip(work, (Status.SENT, Status.FAILED, Status.UNKNOWN), strict=False):
        await worker.send(delivery, batch, status)
    await worker.mark_sending(work[3], batch)
    assert await keys(worker, job.job_id, []) == ["가", "나", "다", "라", "마"]
    assert await keys(worker, job.job_id, [Status.SENT]) == ["가"]
    assert await keys(worker, job.job_id, [Status.SENDING]) == ["라"]
    assert await keys(worker, job.job_id, [Status.FAILED, Status.UNKNOWN, Status.PENDING]) == ["나", "다", "마"]
    assert await keys(worker, job.job_id, [Status.SKIPPED]) == []


async def test_the_ledger_is_streamed_from_one_moment(worker: Process, other: Process) -> None:
    job = await worker.run_job(definition(), [f"{number:04}" for number in range(1200)], batch_rows=600)
    batch, work = await worker.take(job.job_id)
    found: list[str] = []
    async with other.jobs.deliveries(job.job_id, [Status.PENDING]) as slices:
        async for rows in slices:
            if not found:
                await worker.mark_sending(work[-1], batch)  # row 600, in the second slice
            found += [row.text("RECIPIENT_KEY") for row in rows]
    assert len(found) == 1200
    assert len(await keys(other, job.job_id, [Status.PENDING])) == 1199


async def test_a_stream_that_is_left_early_is_closed(worker: Process) -> None:
    job = await worker.run_job(definition(), [f"{number}" for number in range(600)], batch_rows=600)
    async with worker.jobs.deliveries(job.job_id, []) as slices:
        async for rows in slices:
            assert len(rows) == 500
            break
    assert len(await keys(worker, job.job_id, ALL)) == 600


async def test_a_definition_is_frozen_by_the_holder_alone(worker: Process, other: Process) -> None:
    await worker.enqueue(definition())
    old = await worker.claim_job()
    await worker.queue.give_back_job(old)
    new = await other.claim_job()
    await other.jobs.freeze(new)
    await other.automations.save(definition(subject="새 제목"), ACTOR)
    with pytest.raises(FenceLost):
        await worker.jobs.freeze(old)
    assert (await other.jobs.frozen(new.job_id)).template.subject == "$(CUST_NAME)님, 명세서"
    await other.jobs.freeze(new)
    assert (await other.jobs.frozen(new.job_id)).template.subject == "새 제목"


async def test_what_happens_again_in_a_job_is_counted_and_not_repeated(
    worker: Process, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), [])
    first = []
    for name in ("명세서-1.pdf", "명세서-2.pdf", "명세서-3.pdf"):
        message = f"{name} is missing"
        first.append(
            await log_once(worker.database, job.auto_id, job.job_id, Level.WARNING, "attachment missing", message)
        )
        await time_passes(1)
    await log_always(worker.database, job.auto_id, job.job_id, Level.ERROR, "job stopped", "가" * 3000)
    await log_always(worker.database, job.auto_id, job.job_id, Level.ERROR, "job stopped", "once more")
    missing, stopped, again = await read_job_log(worker.database, job.job_id)
    assert first == [True, False, False]
    assert (missing.level, missing.message, missing.times) == (Level.WARNING, "명세서-1.pdf is missing", 3)
    assert (missing.last_at - missing.first_at).total_seconds() == 2
    assert (len(stopped.message), stopped.times) == (MESSAGE_LIMIT, 1)
    assert again.message == "once more"


async def test_each_job_counts_for_itself(worker: Process) -> None:
    jobs = [await worker.run_job(definition(name), []) for name in ("첫째", "둘째")]
    for job in jobs:
        assert await log_once(worker.database, job.auto_id, job.job_id, Level.INFO, "throttled", "more slowly")
