"""Changes that the ledger writes in one commit."""

import asyncio

import anyio
import anyio.lowlevel

from mailer.model.delivery import Change
from mailer.model.job import BatchClaim
from mailer.store.ledger import Ledger, Recorded

Entries = list[tuple[Change, BatchClaim]]


async def in_one_group(ledger: Ledger, entries: Entries) -> list[Recorded | BaseException]:
    """What became of each: all have handed in before the committer begins."""
    waiting = [asyncio.create_task(ledger.record(change, claim)) for change, claim in entries]
    await anyio.lowlevel.checkpoint()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ledger.run)
        results = await asyncio.gather(*waiting, return_exceptions=True)
        tasks.cancel_scope.cancel()
    return results
