from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import anyio
import anyio.lowlevel

from mailer.clock import SystemClock
from mailer.db.sqlite import SqliteDatabase
from mailer.model.delivery import Delivery, Status, UpdateStatus
from mailer.model.job import JobClaim
from mailer.model.message import Attachment, Message
from mailer.model.row import Row
from mailer.model.template import compile_template
from mailer.worker.composing import Composer, Envelope
from mailer.worker.job_notes import JobNotes
from mailer.worker.plan import Plan
from mailer.worker.preparing import SLOW, Preparer
from tests.doubles.hand_clock import HandClock
from tests.unit.shop import DEFINITION, LIMITS

RECIPIENTS = 20


class TimedComposer(Composer):
    """Each of its mails takes so many seconds, and is told of."""

    clock: HandClock
    seconds: float
    told: Callable[[], None]

    def render(self, row: Row, rows: Sequence[Row], attachments: tuple[Attachment, ...], envelope: Envelope) -> Message:
        self.told()
        self.clock.advance(self.seconds)
        return super().render(row, rows, attachments, envelope)


async def laps_between_mails(folder: Path, seconds: float) -> list[int]:
    """Of the event loop, while the mails of one wave are rendered."""
    definition = replace(DEFINITION, dbio=replace(DEFINITION.dbio, mapping=None, attachment=None))
    clock, laps, seen = HandClock(), 0, list[int]()
    template = compile_template(replace(definition.template, html="<p>$(NAME)</p>"), ())
    composer = TimedComposer(definition, None, template, None, LIMITS, clock)
    composer.clock, composer.seconds, composer.told = clock, seconds, lambda: seen.append(laps)
    job = JobClaim(7, 1, definition.name, "worker", 1, clock.now(), True, 0)
    database = SqliteDatabase(folder / "mailer.db", SystemClock())
    preparer = Preparer(Plan(definition, composer, None), JobNotes(database, job), clock)

    async def prepare(number: int) -> None:
        delivery = Delivery(
            delivery_id=number, job_id=7, batch_no=1, row_no=number, recipient_key=str(number),
            email="haeun@example.com", row={"NAME": "김하은"}, token="t", status=Status.PENDING,
            update_status=UpdateStatus.NONE, attempt=0, tries=0, message_id=None,
        )  # fmt: skip
        assert isinstance(await preparer.prepare(delivery), Message)

    async def wave() -> None:
        async with anyio.create_task_group() as group:
            for number in range(RECIPIENTS):
                group.start_soon(prepare, number)

    async with anyio.create_task_group() as group:
        group.start_soon(wave)
        while len(seen) < RECIPIENTS:
            await anyio.lowlevel.checkpoint()
            laps += 1
    return [later - earlier for earlier, later in pairwise(seen)]


async def test_slow_mails_give_way_to_the_loop_between_each_other(tmp_path: Path) -> None:
    assert min(await laps_between_mails(tmp_path, 2 * SLOW)) > 0


async def test_quick_mails_of_a_wave_are_rendered_in_one_go(tmp_path: Path) -> None:
    assert max(await laps_between_mails(tmp_path, SLOW / 2)) == 0
