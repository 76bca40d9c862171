"""`mailer automation validate`: a definition, or every row of its list, tried without sending."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Annotated

import typer

from mailer.assembly import OpenSources
from mailer.attachments.storage import Index
from mailer.checking.dry_run import DryRun
from mailer.checking.finding import Finding, Severity, fault_of, has_fault
from mailer.checking.live_check import Checked, LiveCheck
from mailer.checking.static_check import check_static
from mailer.cli import session
from mailer.cli.arguments import AsJson, FileOrName
from mailer.cli.automation_definition import open_index, read_file_or_saved
from mailer.cli.automation_report import Report, report_of
from mailer.cli.output import console
from mailer.errors import ConfigurationError, DefinitionInvalid
from mailer.model.automation import Automation
from mailer.settings import Settings
from mailer.sources.source import Source
from mailer.worker_resources import limits_of

ROWS_FAULTY = 1
DEFINITION_FAULTY = 2


def validate(
    definition: FileOrName,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Try every row: map, render, look up its files, and report each fault.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Checks a definition against its live data source; sends nothing and writes nothing, the update query never runs.

    A file needs no database of mailer's. Exit code 0: nothing wrong, or warnings alone (a file that is missing under
    "skip" or "send"); 1: faults in rows, of which without --all the first is tried; 2: faults of the definition, and
    then no row is tried.
    """
    settings = session.settings()
    with report_of(console(), as_json=as_json) as report:
        code = session.run_async(lambda: _validate(settings, definition, all_rows, report))
    raise typer.Exit(code)


async def _validate(settings: Settings, file_or_name: str, all_rows: bool, report: Report) -> int:
    try:
        definition = await read_file_or_saved(settings, file_or_name)
    except DefinitionInvalid as invalid:
        report.tell_definition(file_or_name, [Finding(Severity.FAULT, "definition", one) for one in invalid.faults])
        report.tell_end("no rows checked")
        return DEFINITION_FAULTY
    return await _Validation(settings, definition, report).run(all_rows)


class _Validation:
    """The validation of one definition."""

    def __init__(self, settings: Settings, definition: Automation, report: Report) -> None:
        self._settings = settings
        self._definition = definition
        self._report = report
        self._findings = check_static(definition)
        self._rows_are_faulty = False

    async def run(self, all_rows: bool) -> int:
        """The exit code. Raises SourceAway, StorageAway."""
        async with AsyncExitStack() as stack:
            source, index = await self._open_source(stack), await self._open_index(stack)
            checked = None if source is None else await self._check_live(source, index)
            self._report.tell_definition(self._definition.name, self._findings)
            if source is None or checked is None or has_fault(self._findings):
                self._report.tell_end("no rows checked")
                return DEFINITION_FAULTY
            if all_rows:
                total = await DryRun(self._definition, source, checked.row_check).run(self._tell_rows)
                self._report.tell_end(f"{total:,} rows checked")
            else:
                self._look_up_files(checked)
        return ROWS_FAULTY if self._rows_are_faulty else 0

    async def _open_source(self, stack: AsyncExitStack) -> Source | None:
        sources = await stack.enter_async_context(OpenSources(self._settings, session.CLOCK))
        try:
            return await sources.get(self._definition.dbio.source)
        except ConfigurationError as fault:
            self._findings.append(fault_of("source", fault))
            return None

    async def _open_index(self, stack: AsyncExitStack) -> Index | None:
        try:
            return await stack.enter_async_context(open_index(self._settings, self._definition))
        except ConfigurationError as fault:
            self._findings.append(fault_of("attachment", fault))
            return None

    async def _check_live(self, source: Source, index: Index | None) -> Checked | None:
        if any(finding.code == "template" for finding in self._findings):
            return None
        live = LiveCheck(self._definition, source, index, limits_of(self._settings).render, session.CLOCK)
        checked = await live.run()
        self._findings += live.findings
        return checked

    def _look_up_files(self, checked: Checked) -> None:
        self._tell_rows(0, len(checked.rows), checked.tried)
        for row_no, row in enumerate(checked.rows, start=1):
            self._tell_rows(row_no, len(checked.rows), checked.row_check.check_files(row_no, row))
        files = (
            f", the files of the first {len(checked.rows)} rows looked up" if self._definition.dbio.attachment else ""
        )
        self._report.tell_end(f"definition checked{files}")

    def _tell_rows(self, done: int, total: int | None, findings: Sequence[Finding]) -> None:
        self._rows_are_faulty = self._rows_are_faulty or has_fault(findings)
        self._report.tell_rows(done, total, findings)
