"""Jobs and batches: their states, and what a claim on one lets its holder do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LONGEST_MARGIN = 25.0
"""Seconds before a lease's end in which no call starts; shorter leases take half of themselves."""


class JobStatus(StrEnum):
    """WAITING → RUNNING → DONE | FAIL | CANCELLED; `job retry` leads back to WAITING."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAIL = "FAIL"
    CANCELLED = "CANCELLED"

    @property
    def is_active(self) -> bool:
        """Whether it keeps another job of its automation from starting."""
        return self in (JobStatus.WAITING, JobStatus.RUNNING)


class Stopping(StrEnum):
    """The mark on a RUNNING job that is to end early, named by the state that it will end in."""

    FAIL = "FAIL"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class JobClaim:
    """A job in a worker's hands. What its holder writes carries `fence`, and is refused once there is a higher one."""

    job_id: int
    auto_id: int
    automation: str
    worker_id: str
    fence: int
    start_at: datetime
    is_loaded: bool
    takeovers: int
    """Claims in a row that found an owner dead while the list was being loaded."""


@dataclass(frozen=True, slots=True)
class BatchClaim:
    """A batch in a worker's hands, with the fence that its claims carry."""

    job_id: int
    batch_no: int
    worker_id: str
    fence: int
    takeovers: int
    """Claims in a row that found an owner dead and nothing done."""


def sending_margin(lease: float) -> float:
    """Seconds before the end of a lease of so many, in which no call starts: past it another process takes over."""
    return min(LONGEST_MARGIN, lease / 2)
