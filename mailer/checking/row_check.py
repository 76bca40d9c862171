"""One target row, tried as a job would make its mail: mapped, rendered, its files looked up; nothing is sent."""

from collections.abc import Sequence
from dataclasses import replace

from mailer.attachments.names import shown
from mailer.attachments.storage import Index
from mailer.checking.finding import Finding, Severity, fault_of
from mailer.errors import (
    AttachmentAmbiguous,
    AttachmentMissing,
    AttachmentTooLarge,
    QueryFailed,
    TemplateFault,
)
from mailer.model.automation import Automation, MissingAttachment
from mailer.model.message import MAX_MESSAGE_BYTES, Attachment, Message, base64_size, estimated_size
from mailer.model.row import Row
from mailer.model.template import CompiledTemplate
from mailer.model.template.nulls import columns_asked_for_null
from mailer.worker.composing import Composer, Envelope, NoMappingRow
from mailer.worker.loading import KEY_TOO_LONG, NO_KEY, new_delivery
from mailer.worker.mapping import MappedAhead

NO_JOB = 0
"""JOB_ID where there is no job."""
_NO_BYTES = "has no bytes; it is attached all the same"
_NOBODY = Envelope(label="", to="")


class RowCheck:
    """Checks rows of one definition."""

    def __init__(
        self, definition: Automation, composer: Composer, template: CompiledTemplate, index: Index | None
    ) -> None:
        """`index` may be None where the definition attaches no files."""
        self._definition = definition
        self._composer = composer
        asked = columns_asked_for_null(definition.template, definition.policies.headers)
        self._printed = sorted(template.variables - asked)
        self._printed_of_lines = sorted(template.line_variables - asked)
        self._index = index

    def ahead(self, rows: Sequence[Row]) -> MappedAhead | None:
        """For rows that will be checked in this order; None where each has a mapping query of its own."""

        async def say_nothing(why: str) -> None:
            """The check of the definition has warned already."""

        return self._composer.ahead(rows, say_nothing)

    async def check(self, row_no: int, row: Row, ahead: MappedAhead | None = None) -> list[Finding]:
        """All that is wrong with a row. No file is read, only looked up. Raises SourceAway."""
        delivery = new_delivery(self._definition.dbio, row, row_no, new_token=str)
        findings = []
        if delivery.error_code:
            findings.append(Finding(Severity.FAULT, delivery.error_code, delivery.error or delivery.error_code))
        if delivery.error_code not in (NO_KEY, KEY_TOO_LONG):
            files, sizes = self._look_up(row)
            findings += [*files, *await self._try_mail(row, sizes, ahead)]
        return [replace(finding, row_no=row_no, key=delivery.recipient_key) for finding in findings]

    def check_files(self, row_no: int, row: Row) -> list[Finding]:
        """What is wrong with the row's files alone."""
        key = new_delivery(self._definition.dbio, row, row_no, new_token=str).recipient_key
        return [replace(finding, row_no=row_no, key=key) for finding in self._look_up(row)[0]]

    def _look_up(self, row: Row) -> tuple[list[Finding], dict[str, int]]:
        """What is wrong with the row's files, and the sizes of those that are there."""
        findings: list[Finding] = []
        sizes: dict[str, int] = {}
        for name in self._composer.attachment_names(row):
            if self._index is None:
                raise TypeError("a definition that attaches files needs an index of them")
            try:
                sizes[name] = self._index.size(name)
            except (AttachmentMissing, AttachmentAmbiguous) as fault:
                findings.append(self._missing(fault))
            except AttachmentTooLarge as fault:
                findings.append(fault_of("attachment too large", fault))
        empty = [name for name, size in sizes.items() if not size]
        findings += [Finding(Severity.WARNING, "attachment empty", f"{shown(name)} {_NO_BYTES}") for name in empty]
        return findings, sizes

    def _missing(self, fault: AttachmentMissing | AttachmentAmbiguous) -> Finding:
        """The policy decides what a missing file is, or one of two: with `fail` it stops the job."""
        stops = self._definition.policies.missing_attachment is MissingAttachment.FAIL
        return Finding(Severity.FAULT if stops else Severity.WARNING, "attachment missing", str(fault), fault.next_step)

    async def _try_mail(self, row: Row, sizes: dict[str, int], ahead: MappedAhead | None) -> list[Finding]:
        try:
            variables, rows = await self._composer.map(row, NO_JOB, ahead)
        except NoMappingRow as fault:
            return [fault_of("no mapping row", fault)]
        except QueryFailed as fault:
            return [fault_of("mapping query", fault)]
        findings = self._nulls(variables, rows)
        # Their content is not read, so its size is added to that of a mail whose files are empty.
        files = tuple(Attachment(name, "", b"") for name in sizes)
        try:
            message = self._composer.render(variables, rows, files, _NOBODY)
        except TemplateFault as fault:
            return [*findings, fault_of("template", fault)]
        except AttachmentTooLarge as fault:
            return [*findings, fault_of("attachment too large", fault)]
        return [*findings, *_too_large(message, sizes)]

    def _nulls(self, variables: Row, rows: Sequence[Row]) -> list[Finding]:
        """A NULL prints nothing; where the template does not ask for it, that leaves a hole in the mail."""
        names = [name for name in self._printed if variables.get(name, "") is None]
        in_lines = [
            f"{name} in ROWS" for name in self._printed_of_lines if any(line.get(name, "") is None for line in rows)
        ]
        if not names and not in_lines:
            return []
        return [Finding(Severity.FAULT, "NULL", f"the template uses what is NULL: {', '.join([*names, *in_lines])}")]


def _too_large(message: Message, sizes: dict[str, int]) -> list[Finding]:
    total = estimated_size(message) + sum(map(base64_size, sizes.values()))
    if total <= MAX_MESSAGE_BYTES:
        return []
    what = f"the mail would be {total / 2**20:.1f} MB in base64; SES takes {MAX_MESSAGE_BYTES // 2**20} MB"
    advice = "Send smaller files, or links to them."
    return [Finding(Severity.FAULT, "attachment too large", f"{what} ({', '.join(sizes)})", advice)]
