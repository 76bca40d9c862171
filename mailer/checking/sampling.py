"""One row's mail, for a person to look at: what `preview` shows and `test-mail` sends."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailer.attachments.storage import Index
from mailer.checking.row_check import NO_JOB
from mailer.errors import AttachmentAmbiguous, AttachmentMissing, NotFound
from mailer.model.automation import Automation, MissingAttachment
from mailer.model.clock import Clock
from mailer.model.delivery import NewDelivery
from mailer.model.message import Attachment, Message
from mailer.model.row import Row
from mailer.model.template import RenderLimits
from mailer.sources.source import Source
from mailer.worker.composing import Composer, Envelope, NoMappingRow, make_composer
from mailer.worker.loading import TRIED_ROWS, new_delivery, require_columns

_POLICIES = {
    MissingAttachment.SKIP: "a job skips this row",
    MissingAttachment.SEND: "a job sends it without the file",
    MissingAttachment.FAIL: "a job stops at this row",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A mail with the row that it is made of. `remarks`: why a job's mail would differ, or not leave at all."""

    row_no: int
    key: str
    message: Message
    remarks: tuple[str, ...] = ()


class Sampler:
    """Makes the mail of a single row of one definition; nothing is sent or written."""

    def __init__(
        self, definition: Automation, source: Source, index: Index | None, limits: RenderLimits, clock: Clock
    ) -> None:
        """`index` None: the definition attaches no files."""
        self._definition = definition
        self._source = source
        self._index = index
        self._limits = limits
        self._clock = clock

    async def take(self, key: str | None) -> Sample:
        """The mail of the first row with that key; None: of the first that the mapping query returns something for.

        Its recipient is the row's own, or '' where that is no address. Raises NotFound where there is no such row, and
        what makes a job stop.
        """
        rows = await self._head() if key is None else [await self._find(key)]
        composer = await self._make_composer(rows[0].row)
        for delivery in rows:
            try:
                variables, lines = await composer.map(delivery.row, NO_JOB)
            except NoMappingRow:
                continue
            return await self._compose(composer, delivery, variables, lines)
        raise NoMappingRow(
            f"mapping query returned no row for {_named(rows)}", "Correct the mapping query, or name another --key."
        )

    async def _compose(self, composer: Composer, delivery: NewDelivery, variables: Row, lines: Sequence[Row]) -> Sample:
        files, remarks = await self._attach(composer.attachment_names(delivery.row))
        if delivery.error:
            remarks.insert(0, f"a job fails this row: {delivery.error}")
        to = "" if delivery.error else delivery.email or ""
        message = composer.render(variables, lines, files, Envelope(label="", to=to))
        return Sample(delivery.row_no, delivery.recipient_key, message, tuple(remarks))

    async def _head(self) -> list[NewDelivery]:
        async with self._source.stream(self._definition.dbio.target, TRIED_ROWS) as slices:
            rows: Sequence[Row] = await anext(slices, [])
        if not rows:
            raise NotFound("the target query returns no row now", "Look at the query, or wait until it finds somebody.")
        require_columns(self._definition.dbio, tuple(rows[0]))
        return [self._delivery(row, row_no) for row_no, row in enumerate(rows, start=1)]

    async def _find(self, key: str) -> NewDelivery:
        row_no = 0
        async with self._source.stream(self._definition.dbio.target, TRIED_ROWS) as slices:
            async for rows in slices:
                require_columns(self._definition.dbio, tuple(rows[0]))
                for row in rows:
                    row_no += 1
                    delivery = self._delivery(row, row_no)
                    if delivery.recipient_key == key:
                        return delivery
        raise NotFound(
            f"the target query returns no row with the key {key!r} (column {self._definition.dbio.key})",
            f"It returns {row_no:,} rows; without --key the first is taken.",
        )

    def _delivery(self, row: Row, row_no: int) -> NewDelivery:
        return new_delivery(self._definition.dbio, row, row_no, new_token=str)

    async def _make_composer(self, row: Row) -> Composer:
        return await make_composer(self._definition, self._source, self._index, tuple(row), self._limits, self._clock)

    async def _attach(self, names: Sequence[str]) -> tuple[tuple[Attachment, ...], list[str]]:
        """The files that are there, and what is to be said of the others."""
        files: list[Attachment] = []
        remarks: list[str] = []
        for name in names:
            if self._index is None:
                raise TypeError("a definition that attaches files needs an index of them")
            try:
                files.append(await self._index.read(name))
            except (AttachmentMissing, AttachmentAmbiguous) as fault:
                remarks.append(f"{fault}: {_POLICIES[self._definition.policies.missing_attachment]}")
        return tuple(files), remarks


def _named(rows: Sequence[NewDelivery]) -> str:
    if len(rows) == 1:
        return f"row {rows[0].row_no}, key {rows[0].recipient_key}"
    return f"any of the first {len(rows)} rows"
