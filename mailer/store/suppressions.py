"""SUPPRESSION: addresses that get no mail, lower case, with why and since when."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from mailer.db.database import Database, Session
from mailer.db.record import Record
from mailer.errors import DuplicateKey
from mailer.store.audit import write_audit


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One address."""

    email: str
    reason: str
    since: datetime


class Suppressions:
    """The list in a person's hands."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listed(self) -> AbstractAsyncContextManager[AsyncIterator[list[Record]]]:
        """All, by address, in slices; see `as_suppressed`."""
        return self._database.stream("list_suppressions")

    async def add(self, addresses: Sequence[str], reason: str, actor: str) -> int:
        """Adds those that are not there yet; how many."""
        async with self._database.transaction() as transaction:
            added = 0
            for address in addresses:
                added += await suppress(transaction, address, reason)
            await write_audit(transaction, actor, "suppression add", f"{added} addresses", reason)
        return added

    async def remove(self, addresses: Sequence[str], actor: str) -> int:
        """Takes them out; how many there were."""
        async with self._database.transaction() as transaction:
            counts = await transaction.execute_many(
                "delete_suppression", [{"email": address.lower()} for address in addresses]
            )
            await write_audit(transaction, actor, "suppression remove", f"{sum(counts)} addresses")
        return sum(counts)


async def suppress(transaction: Session, address: str, reason: str) -> bool:
    """Adds one address; False where it is there already, whose reason then stays."""
    binds = {"email": address.lower()[:320], "reason": reason[:200]}
    if await transaction.fetch("find_suppression", {"email": binds["email"]}):
        return False
    try:
        await transaction.execute("insert_suppression", binds)
    except DuplicateKey:
        return False  # another process was first
    return True


def as_suppressed(row: Record) -> Suppressed:
    """A row of SUPPRESSION as a value."""
    return Suppressed(row.text("EMAIL"), row.text("REASON"), row.moment("SINCE"))
