"""A definition against its live data source: its queries, their columns and binds, the template's variables."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches

from mailer.attachments.storage import Index
from mailer.checking.finding import Finding, Severity, fault_of, has_fault
from mailer.checking.row_check import NO_JOB, RowCheck
from mailer.errors import AttachmentTooLarge, QueryFailed, TemplateFault
from mailer.model.automation import Automation
from mailer.model.clock import Clock
from mailer.model.row import Row
from mailer.model.template import CompiledTemplate, RenderLimits, compile_template
from mailer.sources.binds import MAPPING_EXTRAS, resolve_binds
from mailer.sources.source import Source
from mailer.worker.composing import Composer, Envelope, NoMappingRow, make_composer, make_updater
from mailer.worker.loading import TRIED_ROWS, missing_columns, new_delivery
from mailer.worker.mapping import make_mapping


@dataclass(frozen=True, slots=True)
class Checked:
    """A definition without faults: what its rows are checked by, and the head of its target list.

    `tried`: what is wrong with the one row of them that was mapped and rendered.
    """

    row_check: RowCheck
    rows: Sequence[Row]
    tried: Sequence[Finding] = ()


class LiveCheck:
    """Checks one definition, of which `check_static` found no fault. No mail is sent, no update query runs."""

    def __init__(
        self, definition: Automation, source: Source, index: Index | None, limits: RenderLimits, clock: Clock
    ) -> None:
        """`index` None: there is no storage, or the definition attaches no files."""
        self._definition = definition
        self._source = source
        self._index = index
        self._limits = limits
        self._clock = clock
        self.findings: list[Finding] = []

    async def run(self) -> Checked | None:
        """Adds to `findings`; None where there is a fault among them. Raises SourceAway."""
        template = compile_template(self._definition.template, self._definition.policies.headers)
        columns, rows = await self._read_target()
        if columns:
            for missing in missing_columns(self._definition.dbio, columns):
                self._add_fault("target", missing, f"It returns {', '.join(columns)}.")
            mapped = await self._read_mapping(columns, rows)
            await self._check_update(columns)
            if mapped is not None:
                self._check_variables(template, {*columns, *mapped}, mapped or columns)
        if has_fault(self.findings):
            return None
        composer = await make_composer(self._definition, self._source, self._index, columns, self._limits, self._clock)
        tried = await self._try_out(composer, rows)
        return Checked(RowCheck(self._definition, composer, template, self._index), rows, tried)

    async def _read_target(self) -> tuple[Sequence[str], Sequence[Row]]:
        """The columns of the target query, and its first rows; no columns where it fails."""
        query = self._definition.dbio.target
        columns: Sequence[str] = ()
        rows: Sequence[Row] = ()
        with self._noting("target"):
            async with self._source.stream(query, TRIED_ROWS) as slices:
                rows = await anext(slices, [])
            columns = tuple(rows[0]) if rows else await self._source.columns(query, {})
        return columns, rows

    async def _read_mapping(self, columns: Sequence[str], rows: Sequence[Row]) -> Sequence[str] | None:
        """The columns that the mapping query adds; none where there is none, None where it fails."""
        dbio = self._definition.dbio
        if dbio.mapping is None:
            return ()
        try:
            names = await self._source.bind_names(dbio.mapping)
            binds = resolve_binds(names, columns, dbio.key, MAPPING_EXTRAS)
            row = rows[0] if rows else dict.fromkeys(columns)
            mapped = await self._source.columns(dbio.mapping, binds.bind(row, {"JOB_ID": NO_JOB}))
            if dbio.mapping_batch:
                await make_mapping(dbio, self._source, columns)
            return mapped
        except QueryFailed as fault:
            self.findings.append(fault_of("mapping", fault))
            return None

    async def _check_update(self, columns: Sequence[str]) -> None:
        with self._noting("update"):
            await make_updater(self._definition, self._source, columns)
            if self._definition.dbio.update is not None:
                await self._source.check_update(self._definition.dbio.update)

    def _check_variables(self, template: CompiledTemplate, columns: Collection[str], lines: Collection[str]) -> None:
        for name in sorted(template.variables - set(columns)):
            self._add_fault("template", f"$({name}) is a column of neither query{_offer(name, columns)}")
        for name in sorted(template.line_variables - set(lines)):
            what = f"a row of ROWS has no column {name}"
            self._add_fault("template", f"{what}{_offer(name, lines)}")

    async def _try_out(self, composer: Composer, rows: Sequence[Row]) -> list[Finding]:
        """Maps and renders the first row that can be mapped, as a job does before its first mail."""
        ahead = composer.ahead(rows, self._warn_of_batch)
        for row_no, row in enumerate(rows, start=1):
            try:
                variables, lines = await composer.map(row, NO_JOB, ahead)
                composer.render(variables, lines, (), Envelope(label="", to=""))
            except (NoMappingRow, AttachmentTooLarge):
                continue
            except (QueryFailed, TemplateFault) as fault:
                key = new_delivery(self._definition.dbio, row, row_no, new_token=str).recipient_key
                return [replace(fault_of("template", fault), row_no=row_no, key=key)]
            return []
        what = f"none of the first {len(rows)} rows has a mail" if rows else "the target query returns no row now"
        self.findings.append(Finding(Severity.NOTE, "template", f"{what}: the template was not tried"))
        return []

    async def _warn_of_batch(self, why: str) -> None:
        what = f"{why}; a job asks for one recipient at a time, then"
        self.findings.append(Finding(Severity.WARNING, "mapping", what, "Correct that, or leave mapping_batch out."))

    @contextmanager
    def _noting(self, code: str) -> Iterator[None]:
        """What is wrong becomes a finding, and the block ends."""
        try:
            yield
        except QueryFailed as fault:
            self.findings.append(fault_of(code, fault))

    def _add_fault(self, code: str, message: str, next_step: str = "") -> None:
        self.findings.append(Finding(Severity.FAULT, code, message, next_step))


def _offer(name: str, columns: Collection[str]) -> str:
    near = get_close_matches(name, columns, n=1)
    return f" (did you mean {near[0]}?)" if near else f" (there are {', '.join(sorted(columns))})"
