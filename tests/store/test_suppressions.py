"""The list of addresses that get no mail, in a person's hands and in the events' way; and that jobs respect it."""

import asyncio

from mailer.model.delivery import Status
from mailer.model.ses_event import EventKind, SesEvent
from mailer.store.feedback import FeedbackLedger
from mailer.store.suppressions import NewSuppression, Suppressions, as_suppressed
from tests.store.engines import Engine, TimePasses
from tests.store.processes import HOLD_BACK, Process, definition
from tests.store.tables import Tables

ACTOR = "kim"


def new(*emails: str, reason: str = "고객 요청") -> list[NewSuppression]:
    return [NewSuppression(email, reason) for email in emails]


async def test_addresses_are_kept_once_in_lower_case_with_reason_and_time(
    worker: Process, engine: Engine, time_passes: TimePasses
) -> None:
    suppressions = Suppressions(worker.database)
    begun = engine.clock.now()
    assert await suppressions.add(new("Hong@Example.com", "kim@example.com", "KIM@example.com"), ACTOR) == 2
    await time_passes(60)
    assert await suppressions.add(new("kim@example.com", "lee@example.com", reason="나중"), ACTOR) == 1
    async with suppressions.listed() as slices:
        listed = [as_suppressed(row) async for rows in slices for row in rows]
    assert [(one.email, one.reason) for one in listed] == [
        ("hong@example.com", "고객 요청"),
        ("kim@example.com", "고객 요청"),
        ("lee@example.com", "나중"),
    ]
    assert [one.since for one in listed] == [begun, begun, engine.clock.now()]
    assert await suppressions.count() == 3


async def test_a_removed_address_is_gone_whatever_its_case_and_once(worker: Process, tables: Tables) -> None:
    suppressions = Suppressions(worker.database)
    await suppressions.add(new("hong@example.com", "kim@example.com"), ACTOR)
    assert await suppressions.remove(["HONG@example.com", "hong@example.com", "nobody@example.com"], ACTOR) == 1
    assert await suppressions.remove(["hong@example.com"], ACTOR) == 0
    assert await tables.suppressed() == {"kim@example.com": "고객 요청"}


async def test_each_change_is_audited_without_a_full_address(worker: Process, engine: Engine, tables: Tables) -> None:
    suppressions = Suppressions(worker.database)
    await suppressions.add(new("hong@example.com"), ACTOR)
    await suppressions.add(new(*(f"kim{n}@example.com" for n in range(21))), ACTOR, "suppression import")
    await suppressions.remove(["hong@example.com"], ACTOR)
    assert await tables.audit() == [
        (ACTOR, "suppression add", "1 addresses"),
        (ACTOR, "suppression import", "21 addresses"),
        (ACTOR, "suppression remove", "1 addresses"),
    ]
    details = [row.text("DETAILS") for row in await engine.run_sql("SELECT DETAILS FROM AUDIT_LOG ORDER BY AUDIT_ID")]
    assert details == ["h***@example.com", "21 were given", "h***@example.com"]


async def test_a_long_reason_is_cut(worker: Process, tables: Tables) -> None:
    await Suppressions(worker.database).add(new("hong@example.com", reason="가" * 300), ACTOR)
    assert await tables.suppressed() == {"hong@example.com": "가" * 200}


async def test_two_processes_add_the_same_addresses_at_once(worker: Process, other: Process, tables: Tables) -> None:
    emails = [f"kim{n}@example.com" for n in range(50)]
    added = await asyncio.gather(
        Suppressions(worker.database).add(new(*emails), ACTOR),
        Suppressions(other.database).add(new(*emails[::-1]), ACTOR),
    )
    assert sum(added) == 50
    assert len(await tables.suppressed()) == 50


async def test_what_an_event_suppresses_gets_no_mail_from_the_next_job(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    first = await worker.run_job(definition(), ["하나", "둘"])
    batch, (delivery, other_delivery) = await worker.take(first.job_id)
    for one in (delivery, other_delivery):
        await worker.send(one, batch)
    complaint = SesEvent(EventKind.COMPLAINT, delivery.delivery_id, delivery.token, "ses-1", "abuse", True, ())
    await FeedbackLedger(worker.database, "default", "events").heed([complaint])
    assert await worker.queue.close_batch(batch)
    await worker.finish(first)
    await time_passes(1)
    await worker.fires.enqueue(first.auto_id, ACTOR)
    second = await worker.claim_job()
    assert (await worker.load(second, ["하나", "둘"])).suppressed == 1
    assert await tables.reasons(second.job_id) == {"하나": "suppressed"}


async def test_what_is_suppressed_while_a_job_runs_is_skipped_when_its_batch_is_claimed(
    worker: Process, tables: Tables
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    await Suppressions(worker.database).add(new("둘@example.co.kr"), ACTOR)
    batch = await worker.claim_batch(job.job_id)
    assert (await worker.lists.judge_batch(batch, job, HOLD_BACK)).suppressed == 1
    assert await tables.statuses(job.job_id) == [Status.PENDING, Status.SKIPPED]
