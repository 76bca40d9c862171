"""What follows from a transport's answer: the ledger's next state. Pure."""

from dataclasses import dataclass

from mailer.model.delivery import CODE_LIMIT, ERROR_LIMIT, Change, Delivery, Standing, Status, UpdateStatus
from mailer.model.outcome import Accepted, NoAnswer, Outcome, RecipientRefused, Refused

MAX_RETRIES = 3
"""How often a refusal that names neither account nor recipient is tried again."""


@dataclass(frozen=True, slots=True)
class Next:
    """How the delivery goes on."""

    status: Status
    update_status: UpdateStatus
    tries: int
    message_id: str | None = None
    error_code: str | None = None
    error: str | None = None


def without_mail(status: Status, code: str, error: str) -> Next:
    """FAILED or SKIPPED before any call was made."""
    return Next(status, UpdateStatus.NONE, 0, error_code=code[:CODE_LIMIT], error=error[:ERROR_LIMIT])


def after(outcome: Outcome | None, tries: int, *, has_update: bool) -> Next:
    """The state after an outcome; None: the call was not made. Only `Refused` uses up a try."""
    match outcome:
        case None:
            return Next(Status.PENDING, UpdateStatus.NONE, tries)
        case Accepted():
            update = UpdateStatus.DUE if has_update else UpdateStatus.NONE
            return Next(Status.SENT, update, tries, message_id=outcome.message_id)
        case NoAnswer():
            status = Status.UNKNOWN
        case RecipientRefused():
            status = Status.FAILED
        case Refused():
            tries += 1
            status = Status.FAILED if tries > MAX_RETRIES else Status.PENDING
        case _:
            status = Status.PENDING
    code, error = outcome.code[:CODE_LIMIT], outcome.text[:ERROR_LIMIT]
    return Next(status, UpdateStatus.NONE, tries, error_code=code, error=error)


def update_failed(tries: int, error: str) -> Next:
    """The mail stays SENT; its update query did not run."""
    return Next(Status.SENT, UpdateStatus.FAILED, tries, error_code="update failed", error=error[:ERROR_LIMIT])


def change_of(
    delivery: Delivery, before: Standing, attempt: int, result: Next, update_rows: int | None = None
) -> Change:
    """The change that leads from `before` to the result, as of that attempt."""
    return Change(
        delivery_id=delivery.delivery_id,
        job_id=delivery.job_id,
        batch_no=delivery.batch_no,
        before=before,
        after=Standing(result.status, attempt, result.update_status),
        tries=result.tries,
        message_id=result.message_id,
        error_code=result.error_code,
        error=result.error,
        update_rows=update_rows,
    )
