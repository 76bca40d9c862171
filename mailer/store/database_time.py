"""The database's clock, which leases, schedules and the ledger go by."""

from datetime import datetime

from mailer.db.database import Session


async def read_now(session: Session) -> datetime:
    """Its time of day, aware, in UTC."""
    (row,) = await session.fetch("read_now")
    return row.moment("MOMENT")
