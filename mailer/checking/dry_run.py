"""A dry run: every row of the target list mapped, rendered and its files looked up; nothing is sent or written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import anyio

from mailer.checking.finding import Finding, Severity
from mailer.checking.row_check import RowCheck
from mailer.checking.row_spool import RowSpool, Spooled
from mailer.model.automation import Automation
from mailer.sources.source import Source
from mailer.worker.loading import new_delivery
from mailer.worker.mapping import MappedAhead

SLICE_ROWS = 200
AT_ONCE = 8
"""Rows that wait for their mapping query at once: what a remote database takes to answer is not added up."""


class Tell(Protocol):
    """Hears how far a dry run is."""

    def __call__(self, done: int, total: int | None, findings: Sequence[Finding]) -> None:
        """`total` None: the list is still being read. `findings`: those of the rows since the last time."""
        ...


@dataclass(frozen=True, slots=True)
class DryRun:
    """The dry run of one definition. Memory holds one slice, however long the list is."""

    definition: Automation
    source: Source
    row_check: RowCheck

    async def run(self, tell: Tell) -> int:
        """Checks all rows, in order; how many there are.

        The target query's cursor is closed before the first row is checked: on a file in rollback-journal mode it
        keeps everybody from writing. Raises SourceAway, and QueryFailed where the target query breaks off.
        """
        with RowSpool() as spool:
            total = await self._spool(spool, tell)
            done = 0
            while rows := await spool.after(done, SLICE_ROWS):
                findings = await self._check(rows)
                done = rows[-1].row_no
                tell(done, total, findings)
        return total

    async def _spool(self, spool: RowSpool, tell: Tell) -> int:
        dbio, read = self.definition.dbio, 0
        async with self.source.stream(dbio.target, SLICE_ROWS) as slices:
            async for rows in slices:
                numbered = enumerate(rows, start=read + 1)
                await spool.add([(new_delivery(dbio, row, row_no, str).recipient_key, row) for row_no, row in numbered])
                read += len(rows)
                tell(read, None, ())
        await spool.close_list()
        return read

    async def _check(self, rows: Sequence[Spooled]) -> list[Finding]:
        """What is wrong with the rows of a slice, in their order."""
        places = anyio.Semaphore(AT_ONCE)
        found: dict[int, list[Finding]] = {}
        ahead = self.row_check.ahead([spooled.row for spooled in rows])

        async def check(spooled: Spooled) -> None:
            async with places:
                found[spooled.row_no] = await self._check_row(spooled, ahead)

        async with anyio.create_task_group() as group:
            for spooled in rows:
                group.start_soon(check, spooled)
        return [finding for row_no in sorted(found) for finding in found[row_no]]

    async def _check_row(self, spooled: Spooled, ahead: MappedAhead | None) -> list[Finding]:
        if spooled.first_row_no == spooled.row_no:
            return await self.row_check.check(spooled.row_no, spooled.row, ahead)
        what = f"row {spooled.first_row_no} has it first"
        return [Finding(Severity.FAULT, "repeated key", what, row_no=spooled.row_no, key=spooled.key)]
