"""ACCOUNT: what all processes know of one SES account and region, or of the outbox."""

from dataclasses import dataclass
from datetime import datetime

from mailer.db.database import Binds, Database
from mailer.errors import DuplicateKey


@dataclass(frozen=True, slots=True)
class Pause:
    """Why nothing leaves, and until when it is not even tried."""

    until: datetime
    why: str


class Account:
    """One row of ACCOUNT."""

    def __init__(self, database: Database, account: str) -> None:
        self._database = database
        self._account = account

    async def pause(self, why: str, seconds: float) -> None:
        """Nothing leaves for that long; the cause stands in `job show` and `doctor`."""
        binds: Binds = {"account": self._account, "why": why[:1000], "seconds": seconds}
        if not await self._database.execute("pause_account", binds):
            await self._make()
            await self._database.execute("pause_account", binds)

    async def resume(self) -> None:
        """Mails leave again."""
        await self._database.execute("resume_account", {"account": self._account})

    async def paused(self) -> Pause | None:
        """Why nothing leaves now; None where mails leave, as far as is known."""
        for row in await self._database.fetch("read_account", {"account": self._account}):
            until, why = row.maybe_moment("PAUSED_UNTIL"), row.maybe_text("WHY")
            if until is not None and why is not None:
                return Pause(until, why)
        return None

    async def _make(self) -> None:
        try:
            await self._database.execute("insert_account", {"account": self._account})
        except DuplicateKey:
            return  # another process made it at the same moment
