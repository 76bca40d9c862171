"""A list of any length is judged a few batches a commit, so that nobody waits for all of it."""

import asyncio

import pytest

from mailer.store import target_lists
from mailer.store.target_lists import Skipped
from tests.store.processes import HOLD_BACK, Process, definition, target_row
from tests.store.tables import Tables


async def test_a_repeat_is_found_however_far_behind_the_first_of_its_key(
    worker: Process, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_lists, "JUDGED_BATCHES", 2)
    await tables.suppress("셋@example.co.kr")
    await worker.enqueue(definition())
    claim = await worker.claim_job()
    skipped = await worker.load(claim, ["하나", "둘", "셋", "넷", "하나", "다섯", "둘"], batch_rows=1)
    assert skipped == Skipped(repeated=2, held_back=0, sent_since=0, suppressed=1)
    rows = await tables.deliveries(claim.job_id)
    assert [row.integer("ROW_NO") for row in rows if row.text("STATUS") == "SKIPPED"] == [3, 5, 7]
    assert rows[6].text("ERROR") == "repeated key: row 2 has it first"


async def test_a_heartbeat_comes_between_while_a_long_list_is_judged(
    worker: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held up until the whole list was judged, it would be taken for a database that does not answer."""
    monkeypatch.setattr(target_lists, "JUDGED_BATCHES", 1)
    await worker.enqueue(definition())
    claim = await worker.claim_job()
    for batch_no in range(1, 21):
        await worker.lists.add_slice(claim, batch_no, [target_row(batch_no, f"{batch_no}")])
    ended: list[str] = []

    async def judge() -> None:
        await worker.lists.judge(claim, HOLD_BACK)
        ended.append("list judged")

    async def beat() -> None:
        await worker.queue.renew_job(claim)
        ended.append("heartbeat")

    await asyncio.gather(judge(), beat())
    assert ended == ["heartbeat", "list judged"]
