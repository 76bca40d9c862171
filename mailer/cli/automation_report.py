"""What `validate` tells, as it finds it: lines for people, one JSON object for scripts. Nothing of it is kept."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from mailer.checking.finding import Finding, Severity
from mailer.cli.output import Json
from mailer.model.address import mask_addresses
from mailer.model.encoded_word import one_line

_STYLES = {Severity.FAULT: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


class Report(Protocol):
    """Hears of one definition, then of its rows, then of the end. Entered by `with`."""

    def tell_definition(self, name: str, findings: Sequence[Finding]) -> None:
        """First, and once."""
        ...

    def tell_rows(self, done: int, total: int | None, findings: Sequence[Finding]) -> None:
        """As `dry_run.Tell`."""
        ...

    def tell_end(self, checked: str) -> None:
        """Last. `checked`: which rows were looked at."""
        ...

    def __enter__(self) -> "Report": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Tally:
    """Counts findings by what they are."""

    def __init__(self) -> None:
        self._counts: dict[Severity, Counter[str]] = {severity: Counter() for severity in Severity}

    def add(self, findings: Sequence[Finding]) -> None:
        """Some more."""
        for finding in findings:
            self._counts[finding.severity][finding.code] += 1

    def count(self, severity: Severity) -> int:
        """How many are of that severity."""
        return self._counts[severity].total()

    def by_code(self, severity: Severity) -> dict[str, Json]:
        """How many of each code, the most frequent first."""
        return dict(self._counts[severity].most_common())

    def sentence(self) -> str:
        """'2 faults (no address 1, template 1), 1 warning (attachment missing 1)'."""
        parts = []
        for severity in (Severity.FAULT, Severity.WARNING):
            number = self.count(severity)
            named = ", ".join(f"{code} {count}" for code, count in self.by_code(severity).items())
            parts.append(
                f"{number or 'no'} {severity.value}{'' if number == 1 else 's'}" + (f" ({named})" if named else "")
            )
        return ", ".join(parts)


class ScreenReport:
    """A line for each finding; on a terminal, how far it is below them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tally = Tally()
        self._name = ""
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def tell_definition(self, name: str, findings: Sequence[Finding]) -> None:
        """See `Report`."""
        self._name = name
        self._tally.add(findings)
        for finding in findings:
            self._print(finding)
            if finding.next_step:
                self._console.print(Text(f"{'':9}{mask_addresses(finding.next_step)}"))

    def tell_rows(self, done: int, total: int | None, findings: Sequence[Finding]) -> None:
        """See `Report`."""
        if self._task is None:
            self._task = self._progress.add_task("", total=total)
        reading = "reading the list" if total is None else "checking rows"
        self._progress.update(self._task, description=reading, completed=done, total=total)
        self._tally.add(findings)
        for finding in findings:
            self._print(finding)

    def tell_end(self, checked: str) -> None:
        """See `Report`."""
        self._progress.stop()
        self._console.print(Text(f"{self._name}: {checked}: {self._tally.sentence()}"))

    def _print(self, finding: Finding) -> None:
        where = "" if finding.row_no is None else f"row {finding.row_no}, key {finding.key}: "
        what = finding.message if finding.message.startswith(finding.code) else f"{finding.code}: {finding.message}"
        line = Text(f"{finding.severity.value:<9}", style=_STYLES[finding.severity])
        self._console.print(line.append(one_line(mask_addresses(f"{where}{what}")), style="default"))

    def __enter__(self) -> "ScreenReport":
        self._progress.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._progress.stop()


class JsonReport:
    """One object, written piece by piece, for a list may have a fault in each of a million rows."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._tally = Tally()
        self._separator = "\n    "
        self._is_open = False

    def tell_definition(self, name: str, findings: Sequence[Finding]) -> None:
        """See `Report`."""
        self._tally.add(findings)
        about = [_as_json(finding) for finding in findings]
        self._out.write(f'{{\n  "automation": {_dump(name)},\n  "definition": {_dump(about)},\n  "rows": [')
        self._is_open = True

    def tell_rows(self, done: int, total: int | None, findings: Sequence[Finding]) -> None:
        """See `Report`."""
        self._tally.add(findings)
        for finding in findings:
            self._out.write(f"{self._separator}{_dump(_as_json(finding))}")
            self._separator = ",\n    "

    def tell_end(self, checked: str) -> None:
        """See `Report`."""
        self._close({"checked": checked, "is_complete": True})

    def _close(self, end: dict[str, Json]) -> None:
        """What broke off is still JSON, and says so."""
        self._is_open = False
        counts: dict[str, Json] = {
            f"{severity.value}s": self._tally.by_code(severity) for severity in (Severity.FAULT, Severity.WARNING)
        }
        self._out.write(f"\n  ],\n  {_dump({**counts, **end})[1:-1]}\n}}\n")

    def __enter__(self) -> "JsonReport":
        return self

    def __exit__(self, *details: object) -> None:
        if self._is_open:
            self._close({"checked": "", "is_complete": False})


def report_of(console: Console, *, as_json: bool) -> Report:
    """The one that was asked for."""
    return JsonReport(sys.stdout) if as_json else ScreenReport(console)


def _as_json(finding: Finding) -> Json:
    return {
        "severity": finding.severity.value,
        "code": finding.code,
        "message": finding.message,
        "next": finding.next_step,
        "row_no": finding.row_no,
        "key": finding.key,
    }


def _dump(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
