"""What SES's events say, written: into whatever state the delivery is, matched by its token and never by ids alone."""

from collections.abc import Sequence

from mailer.db.database import Binds, Database, Session
from mailer.db.record import Record
from mailer.model.delivery import Change, Standing, Status, UpdateStatus
from mailer.model.ses_event import Feedback, SesEvent, change_after, feedback_after
from mailer.store.ledger import write_changes
from mailer.store.minutes import Minutes
from mailer.store.suppressions import suppress


class FeedbackLedger:
    """Heeds events; to do so again changes nothing."""

    def __init__(self, database: Database, account: str, writer: str) -> None:
        self._database = database
        self._account = account
        self._minutes = Minutes(writer)

    async def heed(self, events: Sequence[SesEvent]) -> int:
        """All of them in one transaction; how many were of deliveries that are there. Raises DatabaseAway."""
        async with self._database.transaction() as transaction:
            known = 0
            for event in sorted(events, key=lambda event: event.delivery_id):
                known += await self._heed(transaction, event)
            return known

    async def _heed(self, transaction: Session, event: SesEvent) -> bool:
        binds: Binds = {"delivery_id": event.delivery_id, "token": event.token}
        for row in await transaction.fetch("lock_delivery_by_token", binds, at_most=1):
            await self._change(transaction, event, row)
            found = row.maybe_text("FEEDBACK")
            feedback = feedback_after(Feedback(found) if found else None, event)
            if feedback is not None and feedback != found:
                noted: Binds = {"delivery_id": event.delivery_id, "feedback": feedback.value}
                await transaction.execute("set_feedback", noted)
            for address in event.suppressed:
                await suppress(transaction, address, f"{event.kind.value}: {event.reason}")
            if row.maybe_moment("SENDING_AT") is not None:
                await transaction.execute(
                    "note_event_flow", {"account": self._account, "sending_at": row.moment("SENDING_AT")}
                )
            return True
        return False

    async def _change(self, transaction: Session, event: SesEvent, row: Record) -> None:
        standing = Standing(Status(row.text("STATUS")), row.integer("ATTEMPT"), UpdateStatus(row.text("UPDATE_STATUS")))
        found = Change(
            delivery_id=event.delivery_id,
            job_id=row.integer("JOB_ID"),
            batch_no=row.integer("BATCH_NO"),
            before=standing,
            after=standing,
            tries=row.integer("TRIES"),
        )
        change = change_after(event, found, has_update=row.maybe_integer("HAS_UPDATE") == 1)
        if change is None:
            return
        await write_changes(transaction, self._minutes, [change])
        if change.after.update_status is UpdateStatus.DUE:
            await transaction.execute("open_batch", {"job_id": change.job_id, "batch_no": change.batch_no})
