"""What SES's events say, written: into whatever state the delivery is, matched by its token and never by ids alone."""

from collections.abc import Sequence
from datetime import datetime

import anyio

from mailer.db.database import Binds, Database, Session
from mailer.db.record import Record
from mailer.model.delivery import Change, Standing, Status, UpdateStatus
from mailer.model.ses_event import Feedback, SesEvent, feedback_after, standing_after
from mailer.store.changes import write_changes
from mailer.store.locks import lock_batches
from mailer.store.minutes import Minutes
from mailer.store.suppressions import suppress
from mailer.store.undone import again_if_undone


class FeedbackLedger:
    """Heeds events; to do so again changes nothing."""

    def __init__(self, database: Database, account: str, writer: str) -> None:
        """`writer`: a name in JOB_MINUTE that nobody else writes under, not even this process's ledger."""
        self._database = database
        self._account = account
        self._minutes = Minutes(writer)
        self._heeding = anyio.Lock()

    @again_if_undone
    async def heed(self, events: Sequence[SesEvent]) -> int:
        """All of them in one transaction; how many were of deliveries that are there.

        Raises DatabaseAway, and DatabaseRefused where one of them can't be written: then none was.
        """
        events = sorted(events, key=lambda event: event.delivery_id)
        sent_at: list[datetime] = []
        known = 0
        async with self._heeding:
            async with self._database.transaction() as transaction:
                await self._lock_batches(transaction, events)
                for event in events:
                    for row in await transaction.fetch("lock_delivery_by_token", _key(event), at_most=1):
                        await self._heed(transaction, event, row)
                        known += 1
                        if (sending_at := row.maybe_moment("SENDING_AT")) is not None:
                            sent_at.append(sending_at)
            if sent_at:
                # A statement of its own: all senders reserve their slots from that row.
                flow: Binds = {"account": self._account, "sending_at": max(sent_at)}
                await self._database.execute("note_event_flow", flow)
        return known

    async def _lock_batches(self, transaction: Session, events: Sequence[SesEvent]) -> None:
        """Before any delivery is locked, as everywhere: the batches in which an update query may become due."""
        batches: set[tuple[int, int]] = set()
        for event in events:
            for row in await transaction.fetch("find_delivery_by_token", _key(event), at_most=1):
                if standing_after(_standing(row), event, has_update=True) is not None:
                    batches.add((row.integer("JOB_ID"), row.integer("BATCH_NO")))
        await lock_batches(transaction, batches)

    async def _heed(self, transaction: Session, event: SesEvent, row: Record) -> None:
        await self._change(transaction, event, row)
        found = row.maybe_text("FEEDBACK")
        feedback = feedback_after(Feedback(found) if found else None, event)
        if feedback != found or (event.message_id and row["MESSAGE_ID"] is None):
            noted: Binds = {
                "delivery_id": event.delivery_id,
                "feedback": feedback.value if feedback else None,
                "message_id": event.message_id,
            }
            await transaction.execute("note_feedback", noted)
        if event.suppresses:
            reason = f"{event.kind.value}: {event.reason}" if event.reason else event.kind.value
            for address in sorted({(row.maybe_text("EMAIL") or "").lower(), *event.named} - {""}):
                await suppress(transaction, address, reason)

    async def _change(self, transaction: Session, event: SesEvent, row: Record) -> None:
        before = _standing(row)
        after = standing_after(before, event, has_update=row.maybe_integer("HAS_UPDATE") == 1)
        if after is None:
            return
        is_sent = after.status is Status.SENT
        change = Change(
            delivery_id=event.delivery_id,
            job_id=row.integer("JOB_ID"),
            batch_no=row.integer("BATCH_NO"),
            before=before,
            after=after,
            tries=row.integer("TRIES"),
            message_id=event.message_id,
            error_code=None if is_sent else event.kind.value,
            error=None if is_sent else event.reason or event.kind.value,
        )
        await write_changes(transaction, self._minutes, [change])
        if after.update_status is UpdateStatus.DUE:
            await transaction.execute("open_batch", {"job_id": change.job_id, "batch_no": change.batch_no})


def _key(event: SesEvent) -> Binds:
    return {"delivery_id": event.delivery_id, "token": event.token}


def _standing(row: Record) -> Standing:
    return Standing(Status(row.text("STATUS")), row.integer("ATTEMPT"), UpdateStatus(row.text("UPDATE_STATUS")))
