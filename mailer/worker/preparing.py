"""From a delivery to its mail, or to the reason why none leaves for it."""

from collections.abc import Sequence

import anyio
import anyio.lowlevel

from mailer.errors import (
    AttachmentAmbiguous,
    AttachmentMissing,
    AttachmentTooLarge,
    JobStopped,
    QueryFailed,
    TemplateFault,
)
from mailer.model.automation import MissingAttachment
from mailer.model.clock import Clock
from mailer.model.delivery import Delivery, Status
from mailer.model.message import Attachment, Message, safe_file_name
from mailer.model.row import Row
from mailer.store.job_log import Level
from mailer.worker.composing import Envelope, NoMappingRow
from mailer.worker.job_notes import JobNotes
from mailer.worker.mapping import MappedAhead
from mailer.worker.outcomes import Next, without_mail
from mailer.worker.plan import Plan

SLOW = 0.002
"""Seconds of rendering from which on it gives way to what else there is to do; a slot is missed after 5 ms."""


class Preparer:
    """Prepares the deliveries of one job."""

    def __init__(self, plan: Plan, notes: JobNotes, clock: Clock) -> None:
        self._plan = plan
        self._notes = notes
        self._clock = clock
        self._one_by_one = anyio.Lock()
        self._took = 0.0
        """Seconds that the latest rendering took."""

    def ahead(self, deliveries: Sequence[Delivery]) -> MappedAhead | None:
        """For deliveries that will be prepared in this order; None where nothing can be asked ahead."""
        rows = [delivery.row for delivery in deliveries if delivery.status is Status.PENDING]
        return self._plan.composer.ahead(rows, self._note_one_by_one)

    async def prepare(self, delivery: Delivery, ahead: MappedAhead | None = None) -> Message | Next:
        """The mail, or how the delivery ends without one. Raises what makes the whole job stop."""
        composer = self._plan.composer
        where = f"row {delivery.row_no}, key {delivery.recipient_key}"
        missing: list[str] = []

        async def note(fault: AttachmentMissing | AttachmentAmbiguous) -> None:
            missing.append(str(fault))
            await self._notes.once(Level.WARNING, "attachment missing", f"{fault} ({where})")

        try:
            row, rows = await composer.map(delivery.row, delivery.job_id, ahead)
            files = await composer.attach(delivery.row, note)
            if files is None:
                if self._plan.definition.policies.missing_attachment is MissingAttachment.FAIL:
                    raise JobStopped(f"{where}: {missing[0]}")
                return without_mail(Status.SKIPPED, "attachment missing", "; ".join(missing))
            return await self._render(delivery, row, rows, files)
        except NoMappingRow as fault:
            return without_mail(Status.FAILED, "no mapping row", str(fault))
        except AttachmentTooLarge as fault:
            return without_mail(Status.FAILED, "attachment too large", str(fault))
        except (TemplateFault, QueryFailed) as fault:
            raise JobStopped(f"{where}: {fault}", fault.next_step) from fault

    async def _render(
        self, delivery: Delivery, row: Row, rows: Sequence[Row], files: tuple[Attachment, ...]
    ) -> Message:
        """Slow ones one by one, the event loop's other work between them: heartbeats, slots, signals."""
        if self._took < SLOW:
            return self._rendered(delivery, row, rows, files)
        async with self._one_by_one:
            await anyio.lowlevel.checkpoint()
            return self._rendered(delivery, row, rows, files)

    def _rendered(self, delivery: Delivery, row: Row, rows: Sequence[Row], files: tuple[Attachment, ...]) -> Message:
        begun_at = self._clock.monotonic()
        try:
            return self._plan.composer.render(row, rows, files, _envelope(delivery))
        finally:
            self._took = self._clock.monotonic() - begun_at

    async def _note_one_by_one(self, why: str) -> None:
        await self._notes.once(Level.WARNING, "mapping one by one", f"{why}; asking for one recipient at a time")


def _envelope(delivery: Delivery) -> Envelope:
    key = safe_file_name(delivery.recipient_key)
    return Envelope(
        label=f"{delivery.job_id}-{key}-{delivery.delivery_id}",
        to=delivery.email or "",
        tags=(
            ("job", str(delivery.job_id)),
            ("delivery", str(delivery.delivery_id)),
            ("token", delivery.token),
        ),
    )
