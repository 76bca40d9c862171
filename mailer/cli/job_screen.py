"""The ledger on a screen: addresses masked, and no more rows than a person looks at."""

import sys
from collections.abc import AsyncIterator

from mailer.cli.output import Column, console, print_table, shown_time
from mailer.db.record import Record
from mailer.model.address import mask_address, mask_addresses
from mailer.model.delivery import UpdateStatus

SCREEN_ROWS = 100
"""On a terminal. A pipe gets all rows, a slice at a time."""
_COLUMNS = (
    Column("row", is_number=True),
    *map(Column, ("key", "address", "status")),
    Column("attempts", is_number=True),
    *map(Column, ("update", "settled", "why")),
)


async def show_deliveries(slices: AsyncIterator[list[Record]], total: int, job_id: int) -> None:
    """`total`: how many rows there are, as the job's counts tell."""
    shown, most = 0, SCREEN_ROWS if sys.stdout.isatty() else None
    async for records in slices:
        rows = [_cells(record) for record in records[: None if most is None else most - shown]]
        print_table(_COLUMNS, rows, empty="", has_titles=not shown)
        shown += len(rows)
        if shown == most:
            break
    if not shown:
        console().print("no deliveries")
    elif most is not None and total > shown:
        console().print(f"{total - shown} more: 'mailer job deliveries {job_id} --csv FILE' writes all.", markup=False)


def _cells(record: Record) -> list[str]:
    email, update = record.maybe_text("EMAIL"), record.text("UPDATE_STATUS")
    code, error = record.maybe_text("ERROR_CODE") or "", record.maybe_text("ERROR") or ""
    # Many an error begins with what its code says.
    why = error if error.startswith(code) else ": ".join(part for part in (code, error) if part)
    return [
        str(record.integer("ROW_NO")),
        record.text("RECIPIENT_KEY"),
        mask_address(email) if email else "",
        record.text("STATUS"),
        str(record.integer("ATTEMPT")),
        "" if update == UpdateStatus.NONE.value else update,
        shown_time(record.maybe_moment("DONE_AT")),
        mask_addresses(why),
    ]
