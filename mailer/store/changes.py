"""A change of a delivery as the ledger's statements take it, and what it adds to a job's counts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from mailer.db.database import Binds, Session
from mailer.model.delivery import CODE_LIMIT, ERROR_LIMIT, Change, Status, UpdateStatus
from mailer.model.stored_text import maybe_storable
from mailer.store.database_time import read_now
from mailer.store.minutes import Minutes

MESSAGE_ID_LIMIT = 200
"""Characters that the column takes."""


async def write_changes(transaction: Session, minutes: Minutes, changes: Sequence[Change]) -> None:
    """Writes and counts changes of rows that the transaction has locked."""
    moment = await read_now(transaction)
    await transaction.execute_many("record_change", [change_binds(change, moment) for change in changes])
    await minutes.add_all(transaction, state_changes(changes))


def without_texts(change: Change) -> Change:
    """The state is what counts: which texts could not be kept, nobody knows."""
    return replace(change, message_id=None, error_code="text not kept" if change.error_code else None, error=None)


def change_binds(change: Change, moment: datetime) -> Binds:
    """For `record_change`; `moment`: the database's time."""
    return {
        "delivery_id": change.delivery_id,
        "job_id": change.job_id,
        "was_status": change.before.status.value,
        "was_attempt": change.before.attempt,
        "was_update_status": change.before.update_status.value,
        "status": change.after.status.value,
        "attempt": change.after.attempt,
        "update_status": change.after.update_status.value,
        "tries": change.tries,
        "message_id": maybe_storable(change.message_id, MESSAGE_ID_LIMIT),
        "error_code": maybe_storable(change.error_code, CODE_LIMIT),
        "error": maybe_storable(change.error, ERROR_LIMIT),
        "update_rows": change.update_rows,
        "moment": moment,
    }


def state_changes(changes: Iterable[Change]) -> dict[int, Counter[Status | UpdateStatus]]:
    """What the changes add to each job's counts."""
    states: defaultdict[int, Counter[Status | UpdateStatus]] = defaultdict(Counter)
    for change in changes:
        counter = states[change.job_id]
        if change.before.status is not change.after.status:
            counter[change.before.status] -= 1
            counter[change.after.status] += 1
        if change.before.update_status is not change.after.update_status:
            for update_status, step in ((change.before.update_status, -1), (change.after.update_status, 1)):
                if update_status is not UpdateStatus.NONE:
                    counter[update_status] += step
    return states
