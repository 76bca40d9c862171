"""SUPPRESSION: addresses that get no mail, lower case, with why and since when."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from mailer.db.database import Binds, Database, Session
from mailer.db.record import Record
from mailer.errors import DuplicateKey
from mailer.model.address import mask_address
from mailer.model.stored_text import storable
from mailer.store.audit import write_audit
from mailer.store.undone import again_if_undone

REASON_LIMIT = 200
"""Characters of a reason that are kept."""
NAMED_IN_AUDIT = 20
"""Addresses that AUDIT_LOG names, masked; of more it says the number."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One address."""

    email: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class NewSuppression:
    """An address as it is to be added. The address is plain, as `parse_recipient` gives it."""

    email: str
    reason: str


class Suppressions:
    """The list in a person's hands."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self) -> int:
        """How many addresses there are."""
        (row,) = await self._database.fetch("count_suppressions")
        return row.integer("N")

    def listed(self) -> AbstractAsyncContextManager[AsyncIterator[list[Record]]]:
        """All, by address, in slices; see `as_suppressed`."""
        return self._database.stream("list_suppressions")

    @again_if_undone
    async def add(self, suppressions: Sequence[NewSuppression], actor: str, action: str = "suppression add") -> int:
        """Adds those that are not there yet, in one transaction; how many. What is there keeps its reason."""
        async with self._database.transaction() as transaction:
            binds = [_binds(one.email, one.reason) for one in sorted(suppressions, key=lambda one: one.email.lower())]
            added = sum(await transaction.execute_many("insert_suppression", binds))
            named = _named([one.email for one in suppressions])
            await write_audit(transaction, actor, action, f"{added} addresses", named)
        return added

    @again_if_undone
    async def remove(self, addresses: Sequence[str], actor: str) -> int:
        """Takes them out; how many there were."""
        async with self._database.transaction() as transaction:
            counts = await transaction.execute_many(
                "delete_suppression", [{"email": address} for address in sorted({one.lower() for one in addresses})]
            )
            await write_audit(transaction, actor, "suppression remove", f"{sum(counts)} addresses", _named(addresses))
        return sum(counts)


async def suppress(transaction: Session, address: str, reason: str) -> bool:
    """Adds one address; False where it is there already, whose reason then stays."""
    try:
        return bool(await transaction.execute("insert_suppression", _binds(address, reason)))
    except DuplicateKey:
        return False  # another process was first


def as_suppressed(row: Record) -> Suppressed:
    """A row of SUPPRESSION as a value."""
    return Suppressed(row.text("EMAIL"), row.text("REASON"), row.moment("SINCE"))


def _binds(address: str, reason: str) -> Binds:
    return {"email": address.lower(), "reason": storable(reason, REASON_LIMIT)}


def _named(addresses: Sequence[str]) -> str:
    if len(addresses) > NAMED_IN_AUDIT:
        return f"{len(addresses)} were given"
    return ", ".join(mask_address(address) for address in addresses)
