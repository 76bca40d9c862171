"""ACCOUNT: what all processes know of one SES account and region, or of the outbox."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.db.database import Binds, Database
from mailer.db.record import Record
from mailer.errors import DuplicateKey
from mailer.model.stored_text import maybe_storable, storable

WHY_LIMIT = 1000
"""Characters of a cause that are kept."""
FORGOTTEN = timedelta(minutes=5)
"""After a pause that nobody prolonged: whoever can't send tries again each minute, so its process is gone."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why nothing leaves, and until when it is not even tried."""

    until: datetime
    why: str
    is_over: bool = False
    """Whether that moment is past: it is tried, and has not gone well yet."""


@dataclass(frozen=True, slots=True)
class Block:
    """Slots that are this process's alone, in the database's time: evenly spaced after `begins`, the last at `ends`."""

    begins: datetime
    ends: datetime
    now: datetime
    """The database's time of the reservation."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Mails per second. `lowered` is what throttling left of the rate, `lowered_for` seconds ago."""

    allowed: float | None
    """What SES says; None: it was not asked, or does not say."""
    lowered: float | None
    lowered_for: float
    paused_for: float = 0.0
    """Seconds for which nobody may send; 0: the account is not paused."""


class Account:
    """One row of ACCOUNT. It is made when it is first needed."""

    def __init__(self, database: Database, account: str) -> None:
        self._database = database
        self._account = account

    async def reserve(self, block_seconds: float) -> Block:
        """The next free stretch of that length; committed at once."""
        binds: Binds = {"account": self._account, "block_seconds": block_seconds}
        returned = ("NEXT_SLOT", "MOMENT")
        row = await self._database.execute_returning("reserve_slots", binds, returned)
        if row is None:
            await self._make()
            return await self.reserve(block_seconds)
        ends = row.moment("NEXT_SLOT")
        return Block(ends - timedelta(seconds=block_seconds), ends, row.moment("MOMENT"))

    async def rates(self) -> Rates:
        """What is known of the account's rate now."""
        row = await self._read()
        if row is None:
            return Rates(None, None, 0.0)
        now, lowered_at, paused_until = (
            row.moment("MOMENT"),
            row.maybe_moment("RATE_AT"),
            row.maybe_moment("PAUSED_UNTIL"),
        )
        return Rates(
            allowed=row.maybe_number("MAX_RATE"),
            lowered=row.maybe_number("RATE") if lowered_at else None,
            lowered_for=(now - lowered_at).total_seconds() if lowered_at else 0.0,
            paused_for=max(0.0, (paused_until - now).total_seconds()) if paused_until else 0.0,
        )

    async def lower_rate(self, rate: float) -> None:
        """SES has throttled; mails that were in flight together, in whatever process, count once."""
        await self._database.execute("lower_rate", {"account": self._account, "rate": rate})

    async def claims_poll(self, every_seconds: float) -> bool:
        """Whether this process is the one that asks SES now."""
        binds: Binds = {"account": self._account, "every_seconds": every_seconds}
        return bool(await self._execute_made("claim_account_poll", binds))

    async def note(self, max_rate: float | None, quota: float | None) -> None:
        """What SES said of the account: mails per second, and a day."""
        await self._execute_made("note_account", {"account": self._account, "max_rate": max_rate, "quota": quota})

    async def pause(self, why: str, seconds: float) -> None:
        """No process sends for that long, or for as long as a longer pause lasts. The cause stands in `job show`.

        0 seconds: only the cause is noted, of what one process can't do and another perhaps can.
        """
        await self._execute_made(
            "pause_account", {"account": self._account, "why": storable(why, WHY_LIMIT), "seconds": seconds}
        )

    async def resume(self, why: str | None = None) -> bool:
        """Mails leave again, as far as this cause held them (None: any); whether it did."""
        cause = maybe_storable(why, WHY_LIMIT)
        return bool(await self._database.execute("resume_account", {"account": self._account, "why": cause}))

    async def paused(self) -> Pause | None:
        """Why nothing leaves now; None where mails leave, as far as is known."""
        row = await self._read()
        until, why = (row.maybe_moment("PAUSED_UNTIL"), row.maybe_text("WHY")) if row else (None, None)
        if row is None or until is None or why is None or row.moment("MOMENT") - until > FORGOTTEN:
            return None
        return Pause(until, why, is_over=until <= row.moment("MOMENT"))

    async def _read(self) -> Record | None:
        rows = await self._database.fetch("read_account", {"account": self._account})
        return rows[0] if rows else None

    async def _execute_made(self, statement: str, binds: Binds) -> int:
        """Executes it, on a row that is there: where no row was touched and there is none, it is made first."""
        touched = await self._database.execute(statement, binds)
        if touched or await self._read() is not None:
            return touched
        await self._make()
        return await self._database.execute(statement, binds)

    async def _make(self) -> None:
        try:
            await self._database.execute("insert_account", {"account": self._account})
        except DuplicateKey:
            return  # another process made it at the same moment
