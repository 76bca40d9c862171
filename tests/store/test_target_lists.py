"""The frozen list of a job: written slice by slice under the job's fence, judged, and counted once."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from mailer.errors import FenceLost
from mailer.model.delivery import NewDelivery, Status, UpdateStatus
from mailer.model.job import JobClaim, Stopping
from mailer.model.row import Row
from mailer.store import target_lists
from mailer.store.target_lists import Skipped
from tests.store.engines import TimePasses
from tests.store.processes import ACTOR, HOLD_BACK, LEASE, Process, definition, target_row
from tests.store.tables import Tables

KEYS = ["하나", "둘", "셋"]


async def begun(process: Process) -> JobClaim:
    """A job of which nothing is loaded yet."""
    await process.enqueue(definition())
    claim = await process.claim_job()
    await process.jobs.freeze(claim)
    return claim


Step = Callable[[Process, JobClaim], Awaitable[object]]
STEPS: dict[str, Step] = {
    "clear": lambda process, claim: process.lists.clear(claim),
    "add a slice": lambda process, claim: process.lists.add_slice(claim, 2, [target_row(9, "아홉")]),
    "judge": lambda process, claim: process.lists.judge(claim, HOLD_BACK),
    "set loaded": lambda process, claim: process.lists.set_loaded(claim),
}


async def test_a_slice_is_a_batch_of_the_list(worker: Process, tables: Tables) -> None:
    claim = await begun(worker)
    await worker.lists.add_slice(claim, 1, [target_row(1, "하나"), target_row(2, "둘")])
    await worker.lists.add_slice(claim, 2, [target_row(3, "셋")])
    assert await tables.batches(claim.job_id) == {1: "OPEN", 2: "OPEN"}
    rows = await tables.deliveries(claim.job_id)
    assert [(row.integer("BATCH_NO"), row.integer("ROW_NO"), row.text("RECIPIENT_KEY")) for row in rows] == [
        (1, 1, "하나"),
        (1, 2, "둘"),
        (2, 3, "셋"),
    ]
    assert await tables.statuses(claim.job_id) == [Status.PENDING] * 3


async def test_a_row_comes_back_as_the_target_query_gave_it(worker: Process) -> None:
    row: Row = {
        "이름": "김민지",
        "AMOUNT": Decimal("12000.10"),
        "RATE": 0.1,
        "N": 3,
        "NOTHING": None,
        "PHOTO": b"\x00\xff",
        "SINCE": datetime(2026, 11, 24, 9, 0, 0, 1, tzinfo=UTC),
        "BORN": date(1999, 12, 31),
    }
    claim = await begun(worker)
    await worker.lists.add_slice(claim, 1, [NewDelivery(1, "하나", "kim@example.co.kr", row, "token", Status.PENDING)])
    (delivery,) = await worker.lists.first_pending(claim.job_id, 1)
    assert delivery.row == row
    assert {name: type(value) for name, value in delivery.row.items()} == {
        name: type(value) for name, value in row.items()
    }


async def test_a_row_that_can_never_be_sent_is_in_the_list_too(worker: Process, tables: Tables) -> None:
    claim = await begun(worker)
    failed = NewDelivery(2, "#2", None, {"CUST_ID": None}, "token", Status.FAILED, "no key", "no key")
    await worker.lists.add_slice(claim, 1, [target_row(1, "하나"), failed])
    assert await worker.lists.set_loaded(claim) == {Status.PENDING: 1, Status.FAILED: 1}
    row = await tables.delivery(claim.job_id, 2)
    assert (row.text("ERROR_CODE"), row.maybe_text("EMAIL")) == ("no key", None)
    assert row.maybe_moment("DONE_AT") is not None


async def test_the_rows_that_are_tried_out_are_the_first_that_are_pending(worker: Process) -> None:
    claim = await begun(worker)
    rows = [replace(target_row(1, "하나"), status=Status.FAILED), *(target_row(n, f"{n}") for n in range(2, 6))]
    await worker.lists.add_slice(claim, 1, rows)
    tried = await worker.lists.first_pending(claim.job_id, 2)
    assert [delivery.row_no for delivery in tried] == [2, 3]


async def test_a_slice_renews_the_lease(worker: Process, other: Process, time_passes: TimePasses) -> None:
    claim = await begun(worker)
    await time_passes(LEASE - 1)
    await worker.lists.add_slice(claim, 1, [target_row(1, "하나")])
    await time_passes(LEASE - 1)
    assert await other.queue.claim_job() is None


@pytest.mark.parametrize("step", STEPS)
async def test_a_loader_that_was_taken_over_writes_nothing(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses, step: str
) -> None:
    old = await begun(worker)
    await worker.lists.add_slice(old, 1, [target_row(1, "하나"), target_row(2, "하나")])
    await time_passes(LEASE)
    await other.claim_job()
    with pytest.raises(FenceLost):
        await STEPS[step](worker, old)
    assert await tables.statuses(old.job_id) == [Status.PENDING] * 2
    assert await tables.batches(old.job_id) == {1: "OPEN"}
    assert (await tables.job(old.job_id)).maybe_moment("LOADED_AT") is None


@pytest.mark.parametrize("step", STEPS)
async def test_a_loader_whose_job_is_to_stop_writes_nothing(worker: Process, tables: Tables, step: str) -> None:
    claim = await begun(worker)
    await worker.lists.add_slice(claim, 1, [target_row(1, "하나"), target_row(2, "하나")])
    await worker.queue.mark_stopping(claim.job_id, Stopping.CANCELLED, "enough")
    with pytest.raises(FenceLost):
        await STEPS[step](worker, claim)
    assert await tables.statuses(claim.job_id) == [Status.PENDING] * 2


@pytest.mark.parametrize("step", STEPS)
async def test_a_list_that_is_loaded_does_not_change(worker: Process, tables: Tables, step: str) -> None:
    claim = await begun(worker)
    await worker.load(claim, ["하나", "둘"])
    with pytest.raises(FenceLost):
        await STEPS[step](worker, claim)
    assert await tables.statuses(claim.job_id) == [Status.PENDING] * 2


async def test_the_next_loader_deletes_a_partial_list_and_loads_its_own(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    old = await begun(worker)
    await worker.lists.add_slice(old, 1, [target_row(n, f"old-{n}") for n in range(1, 4)])
    await time_passes(LEASE)
    claim = await other.claim_job()
    assert not claim.is_loaded
    await other.load(claim, ["하나", "둘"])
    assert [row.text("RECIPIENT_KEY") for row in await tables.deliveries(claim.job_id)] == ["하나", "둘"]
    assert await tables.batches(claim.job_id) == {1: "OPEN"}


async def test_a_long_list_is_deleted_in_slices_whatever_row_numbers_are_left(
    worker: Process, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_lists, "DELETE_SLICE", 3)
    claim = await begun(worker)
    await worker.lists.add_slice(claim, 1, [target_row(n, f"{n}") for n in (1, 2, 3, 4, 50, 51, 1000)])
    await worker.lists.clear(claim)
    assert await tables.deliveries(claim.job_id) == []
    assert await tables.batches(claim.job_id) == {}


async def test_clearing_a_list_leaves_other_jobs_alone(worker: Process, tables: Tables) -> None:
    first = await worker.run_job(definition("첫째"), KEYS)
    await worker.enqueue(definition("둘째"))
    await worker.lists.clear(await worker.claim_job())
    assert len(await tables.deliveries(first.job_id)) == 3


async def test_the_first_row_of_a_key_counts_and_its_repeats_are_skipped(worker: Process, tables: Tables) -> None:
    claim = await begun(worker)
    skipped = await worker.load(claim, ["하나", "둘", "하나", "셋", "하나"], batch_rows=2)
    assert skipped == Skipped(repeated=2, held_back=0, sent_since=0, suppressed=0)
    rows = await tables.deliveries(claim.job_id)
    assert [row.text("STATUS") for row in rows] == ["PENDING", "PENDING", "SKIPPED", "PENDING", "SKIPPED"]
    assert rows[4].text("ERROR") == "repeated key: row 1 has it first"


async def test_a_repeat_of_a_row_that_failed_is_skipped_all_the_same(worker: Process, tables: Tables) -> None:
    claim = await begun(worker)
    bad = replace(target_row(1, "하나"), status=Status.FAILED, error_code="malformed address")
    await worker.lists.add_slice(claim, 1, [bad, target_row(2, "하나")])
    assert (await worker.lists.judge(claim, HOLD_BACK)).repeated == 1
    assert await tables.statuses(claim.job_id) == [Status.FAILED, Status.SKIPPED]


async def test_a_suppressed_address_is_skipped_whatever_its_case(worker: Process, tables: Tables) -> None:
    await tables.suppress("kim@example.co.kr")
    claim = await begun(worker)
    rows = [
        target_row(1, "하나", "Kim@Example.co.kr"),
        target_row(2, "둘", "lee@example.co.kr"),
        replace(target_row(3, "셋"), email=None, status=Status.FAILED, error_code="no address"),
    ]
    await worker.lists.add_slice(claim, 1, rows)
    assert (await worker.lists.judge(claim, HOLD_BACK)).suppressed == 1
    assert await tables.reasons(claim.job_id) == {"하나": "suppressed"}
    assert (await tables.statuses(claim.job_id))[1:] == [Status.PENDING, Status.FAILED]


async def test_a_loaded_list_is_counted_by_state(worker: Process) -> None:
    claim = await begun(worker)
    await worker.lists.add_slice(claim, 1, [target_row(n, key) for n, key in enumerate(["하나", "둘", "하나"], 1)])
    assert (await worker.jobs.counts(claim.job_id)).total == 0
    await worker.lists.judge(claim, HOLD_BACK)
    assert await worker.lists.set_loaded(claim) == {Status.PENDING: 2, Status.SKIPPED: 1}
    counts = await worker.jobs.counts(claim.job_id)
    assert counts.total == 3
    assert (counts.deliveries[Status.PENDING], counts.deliveries[Status.SKIPPED]) == (2, 1)


async def test_a_batch_is_judged_again_when_it_is_claimed_and_what_it_skips_is_counted(
    worker: Process, tables: Tables
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘", "셋"], batch_rows=2)
    for key in ("하나", "셋"):
        await tables.suppress(f"{key}@example.co.kr")
    batch = await worker.claim_batch(job.job_id)
    assert await worker.lists.judge_batch(batch, job, HOLD_BACK) == Skipped(0, 0, 0, 1)
    assert [delivery.recipient_key for delivery in await worker.ledger.work(batch)] == ["둘"]
    assert await tables.reasons(job.job_id) == {"하나": "suppressed"}  # 셋 is another batch's
    assert (await worker.jobs.counts(job.job_id)).deliveries[Status.SKIPPED] == 1


async def test_a_batch_is_judged_over_what_is_pending_alone(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    batch, (first, _) = await worker.take(job.job_id)
    await worker.mark_sending(first, batch)
    for key in ("하나", "둘"):
        await tables.suppress(f"{key}@example.co.kr")
    await worker.lists.judge_batch(batch, job, HOLD_BACK)
    assert await tables.statuses(job.job_id) == [Status.SENDING, Status.SKIPPED]


@pytest.mark.parametrize("update", [UpdateStatus.DONE, UpdateStatus.FAILED])
async def test_a_retried_job_leaves_out_what_a_later_job_has_sent_whatever_its_update(
    worker: Process, tables: Tables, time_passes: TimePasses, update: UpdateStatus
) -> None:
    """Also where nothing is held back."""
    first = await worker.run_job(definition(), KEYS)
    await worker.stop(first)
    await time_passes(1)
    later = await worker.fires.enqueue(first.auto_id, ACTOR)
    claim = await worker.claim_job()
    await worker.load(claim, ["하나", "넷"])
    await worker.send_all(claim, update=update)
    await worker.finish(claim)
    assert later > first.job_id
    await worker.interventions.retry(first.job_id, ACTOR, with_current=False)
    again = await worker.claim_job()
    batch = await worker.claim_batch(again.job_id)
    assert await worker.lists.judge_batch(batch, again, timedelta()) == Skipped(0, 0, 1, 0)
    assert await tables.reasons(first.job_id) == {"하나": "sent since"}


async def test_an_earlier_jobs_mail_does_not_count_as_sent_since(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    first = await worker.run_job(definition(), ["하나"])
    await worker.send_all(first)
    await worker.finish(first)
    await time_passes(1)
    await worker.fires.enqueue(first.auto_id, ACTOR)
    await time_passes(1)
    second = await worker.claim_job()
    assert await worker.load(second, ["하나"]) == Skipped(0, 0, 0, 0)


async def test_a_list_that_is_loaded_anew_leaves_out_what_a_later_job_has_sent(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    first = await begun(worker)
    await worker.lists.add_slice(first, 1, [target_row(1, "하나")])
    await worker.stop(first)
    await time_passes(1)
    await worker.fires.enqueue(first.auto_id, ACTOR)
    claim = await worker.claim_job()
    await worker.load(claim, ["하나"])
    await worker.send_all(claim)
    await worker.finish(claim)
    await time_passes(1)
    await worker.interventions.retry(first.job_id, ACTOR, with_current=False)
    assert await worker.load(await worker.claim_job(), KEYS) == Skipped(0, 0, 1, 0)
    assert await tables.reasons(first.job_id) == {"하나": "sent since"}
