"""Deliveries: their states, and which change may replace which."""

from dataclasses import dataclass
from enum import Enum, StrEnum

from mailer.model.row import Row


class Status(StrEnum):
    """Where a delivery stands; all but PENDING and SENDING are final, unless a person, an event or a policy speaks."""

    PENDING = "PENDING"
    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    UNKNOWN = "UNKNOWN"


class UpdateStatus(Enum):
    """Where a delivery's update query stands. NONE: there is none, or the mail has not been sent.

    No StrEnum: its FAILED must not equal the delivery's.
    """

    NONE = "NONE"
    DUE = "DUE"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A target row on its way into the ledger."""

    row_no: int
    recipient_key: str
    email: str | None
    row: Row
    token: str
    status: Status
    error_code: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as a claimed batch hands it out."""

    delivery_id: int
    job_id: int
    batch_no: int
    row_no: int
    recipient_key: str
    email: str | None
    row: Row
    token: str
    status: Status
    attempt: int
    tries: int
    update_status: UpdateStatus
    message_id: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the guard of a change looks at."""

    status: Status
    attempt: int
    update_status: UpdateStatus


CODE_LIMIT = 100
ERROR_LIMIT = 1000
"""Characters of a change's error code and error that the ledger keeps."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a delivery, guarded by where it stood: `before` must still be so."""

    delivery_id: int
    job_id: int
    batch_no: int
    before: Standing
    after: Standing
    tries: int
    message_id: str | None = None
    error_code: str | None = None
    error: str | None = None
    update_rows: int | None = None

    @property
    def is_claim(self) -> bool:
        """Whether only the batch's holder may make it: it carries the batch's fence."""
        return self.before.status is Status.PENDING

    @property
    def is_answer(self) -> bool:
        """What the transport said of the attempt: evidence, whoever owns the batch by then."""
        return self.before.status is Status.SENDING

    @property
    def reopens(self) -> bool:
        """Whether it leaves something to be done, so that the batch must be open."""
        return self.after.status is Status.PENDING or self.after.update_status is UpdateStatus.DUE


def answer_replaces(answer: Change, found: Standing) -> bool:
    """Whether the answer to an attempt may be written over a row that no longer stands where the attempt left it.

    SENT replaces UNKNOWN, and the PENDING or FAILED of that same attempt; a refusal replaces UNKNOWN; 'no answer'
    replaces nothing but SENDING.
    """
    if found.attempt != answer.after.attempt:
        return False
    if answer.after.status is Status.SENT:
        return found.status in (Status.SENDING, Status.UNKNOWN, Status.PENDING, Status.FAILED)
    if answer.after.status is Status.UNKNOWN:
        return found.status is Status.SENDING
    return found.status in (Status.SENDING, Status.UNKNOWN)
