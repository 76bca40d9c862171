"""From a target row to a mail: map, render, attach. The same for a job, a preview, a test mail and a dry run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailer.attachments.storage import Index
from mailer.errors import AttachmentAmbiguous, AttachmentMissing, ConfigurationError, QueryFailed
from mailer.model.address import header_address
from mailer.model.automation import Automation, MissingAttachment
from mailer.model.clock import Clock
from mailer.model.message import Attachment, Message, check_size, message_headers
from mailer.model.row import Row, Value, fold_name
from mailer.model.template import CompiledTemplate, RenderLimits, compile_template
from mailer.sources.binds import UPDATE_EXTRAS, BindPlan, resolve_binds
from mailer.sources.source import Source
from mailer.worker.mapping import MappedAhead, MappingQuery, OnFault, make_mapping


class NoMappingRow(QueryFailed):
    """The mapping query returned nothing for this recipient."""


class FileFault(Protocol):
    """Is told of a file that is not there, or not there once."""

    async def __call__(self, fault: AttachmentMissing | AttachmentAmbiguous) -> None:
        """Notes it."""
        ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a mail carries beside its content."""

    label: str
    to: str
    tags: tuple[tuple[str, str], ...] = ()


class Composer:
    """A definition, made ready once: template compiled, binds resolved, files indexed."""

    def __init__(
        self,
        definition: Automation,
        index: Index | None,
        template: CompiledTemplate,
        mapping: MappingQuery | None,
        limits: RenderLimits,
        clock: Clock,
    ) -> None:
        self._definition = definition
        self._index = index
        self._template = template
        self._mapping = mapping
        self._limits = limits
        self._clock = clock
        self._sender = header_address(definition.policies.sender)
        self._reply_to = tuple(header_address(address) for address in definition.policies.reply_to)

    def ahead(self, rows: Sequence[Row], on_fault: OnFault) -> MappedAhead | None:
        """For target rows that will be mapped in this order, many by one query; None where each has its own."""
        if self._mapping is None or not self._mapping.is_batched:
            return None
        return MappedAhead(self._mapping, rows, self._clock, on_fault)

    async def map(self, row: Row, job_id: int, ahead: MappedAhead | None = None) -> tuple[Row, Sequence[Row]]:
        """The variables of a target row, and ROWS. Raises NoMappingRow, QueryFailed, SourceAway."""
        if self._mapping is None:
            return row, [row]
        rows = None if ahead is None else await ahead.rows_of(row)
        if rows is None:
            rows = await self._mapping.ask(row, job_id)
        if not rows:
            raise NoMappingRow("mapping query returned no row")
        return {**row, **rows[0]}, rows

    async def attach(self, row: Row, on_fault: FileFault) -> tuple[Attachment, ...] | None:
        """The files that the row names; None where one is missing and the policy does not say to send without.

        Raises AttachmentTooLarge, StorageAway.
        """
        names = self.attachment_names(row)
        if not names:
            return ()
        index = self._need_index()
        files: list[Attachment] = []
        is_missing = False
        for name in names:
            try:
                files.append(await index.read(name))
            except (AttachmentMissing, AttachmentAmbiguous) as fault:
                is_missing = True
                await on_fault(fault)
        if is_missing and self._definition.policies.missing_attachment is not MissingAttachment.SEND:
            return None
        return tuple(files)

    def attachment_names(self, row: Row) -> list[str]:
        """The file names in the row. A blank one is none: that mail goes without a file."""
        column = self._definition.dbio.attachment
        value = row.get(fold_name(column)) if column else None
        return [name.strip() for name in str(value).split(";") if name.strip()] if value is not None else []

    def render(self, row: Row, rows: Sequence[Row], attachments: tuple[Attachment, ...], envelope: Envelope) -> Message:
        """The mail. Raises TemplateFault, AttachmentTooLarge."""
        rendered = self._template.render(row, rows, self._limits, self._clock.monotonic)
        message = Message(
            label=envelope.label,
            sender=self._sender,
            to=envelope.to,
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            reply_to=self._reply_to,
            attachments=attachments,
            headers=message_headers(rendered.headers),
            tags=envelope.tags,
            configuration_set=self._definition.policies.configuration_set,
        )
        check_size(message)
        return message

    def _need_index(self) -> Index:
        if self._index is None:
            raise ConfigurationError(
                f"automation '{self._definition.name}' sends attachments, and there is no storage for them",
                "Set MAILER_ATTACHMENTS to a folder or s3://bucket/prefix.",
            )
        return self._index


async def make_composer(
    definition: Automation,
    source: Source,
    index: Index | None,
    columns: Sequence[str],
    limits: RenderLimits,
    clock: Clock,
) -> Composer:
    """Makes a definition ready for target rows of these columns.

    Raises TemplateFault, QueryFailed (also a bind of an unknown name), SourceAway, MalformedAddress.
    """
    template = compile_template(definition.template, definition.policies.headers)
    mapping = await make_mapping(definition.dbio, source, columns)
    return Composer(definition, index, template, mapping, limits, clock)


class Updater:
    """The definition's update query, its binds resolved."""

    def __init__(self, source: Source, query: str, binds: BindPlan) -> None:
        self._source = source
        self._query = query
        self._binds = binds

    async def update(self, row: Row, facts: Mapping[str, Value]) -> int:
        """Runs it for one recipient; the rows touched. `facts`: JOB_ID, MESSAGE_ID, SENT_AT. Raises as the source."""
        return await self._source.update(self._query, self._binds.bind(row, facts))


async def make_updater(definition: Automation, source: Source, columns: Sequence[str]) -> Updater | None:
    """None where the definition has no update query. Raises QueryFailed, SourceAway."""
    query = definition.dbio.update
    if query is None:
        return None
    names = await source.bind_names(query)
    return Updater(source, query, resolve_binds(names, columns, definition.dbio.key, UPDATE_EXTRAS))
