"""JOB_MINUTE: the numbers that people see, kept by each writer in rows of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailer.db.database import Session
from mailer.model.delivery import Status, UpdateStatus

StateChanges = Mapping[Status | UpdateStatus, int]
"""How many deliveries entered (+) or left (−) a state."""


class Minutes:
    """Adds to the writer's rows, always in the transaction of the change that is counted."""

    def __init__(self, writer: str) -> None:
        self._writer = writer

    async def add(self, transaction: Session, job_id: int, changes: StateChanges) -> None:
        """How many deliveries entered (+) or left (−) each state."""
        await self.add_all(transaction, {job_id: changes})

    async def add_all(self, transaction: Session, changes: Mapping[int, StateChanges]) -> None:
        """The same for several jobs, by JOB_ID."""
        await transaction.execute_many(
            "add_to_minute",
            [
                {"job_id": job_id, "writer": self._writer, "state": _state_name(state), "n": n}
                for job_id in sorted(changes)
                for state, n in sorted(changes[job_id].items(), key=lambda change: _state_name(change[0]))
                if n  # in one order: a claim and a group of the same process meet at these rows
            ],
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """A job's deliveries by state, and its update queries by theirs; zeros too."""

    deliveries: Mapping[Status, int] = field(default_factory=dict)
    updates: Mapping[UpdateStatus, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The length of the list."""
        return sum(self.deliveries.values())


async def read_counts(session: Session, job_id: int) -> Counts:
    """The job's counts as of the last commit."""
    sums = {row.text("STATE"): row.integer("N") for row in await session.fetch("sum_minutes", {"job_id": job_id})}
    deliveries = {status: sums.get(_state_name(status), 0) for status in Status}
    updates = {status: sums.get(_state_name(status), 0) for status in UpdateStatus}
    updates[UpdateStatus.NONE] = sum(deliveries.values()) - sum(updates.values())  # nobody counts these
    return Counts(deliveries, updates)


def _state_name(state: Status | UpdateStatus) -> str:
    return f"UPDATE {state.value}" if isinstance(state, UpdateStatus) else state.value
