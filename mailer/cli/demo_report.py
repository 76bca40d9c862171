"""What `mailer demo` says at its end: how the job went, and what to try next."""

import os
import shlex
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailer.cli.demo_folder import SETTINGS_FILE
from mailer.cli.job_show import print_log_lines
from mailer.cli.job_view import JobView
from mailer.cli.output import Column, console, print_table
from mailer.db.database import Database
from mailer.db.record import Record
from mailer.model.delivery import Status, UpdateStatus
from mailer.store.jobs import Jobs


@dataclass(slots=True)
class Group:
    """Deliveries that ended alike."""

    example: str
    """The key of the first of them."""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The ledger in a few lines: by state and reason, and when the mails left."""

    groups: dict[tuple[str, str], Group]
    first: datetime | None
    last: datetime | None

    @property
    def rate(self) -> float | None:
        """Mails per second between the first and the last; None where there are too few to say."""
        sent = sum(group.count for (status, _), group in self.groups.items() if status == Status.SENT)
        if self.first is None or self.last is None or self.last <= self.first:
            return None
        return (sent - 1) / (self.last - self.first).total_seconds()


async def read_outcomes(slices: AsyncIterator[list[Record]]) -> Outcomes:
    """Sums up the ledger's rows."""
    groups: dict[tuple[str, str], Group] = {}
    first: datetime | None = None
    last: datetime | None = None
    async for records in slices:
        for record in records:
            key = record.text("STATUS"), record.maybe_text("ERROR_CODE") or ""
            group = groups.setdefault(key, Group(record.text("RECIPIENT_KEY")))
            group.count += 1
            sending_at = record.maybe_moment("SENDING_AT")
            if sending_at is not None:
                first, last = min(first or sending_at, sending_at), max(last or sending_at, sending_at)
    return Outcomes(groups, first, last)


async def print_report(database: Database, view: JobView) -> None:
    """Sent, skipped, failed and why; update queries; the rate; what the job's log says."""
    async with Jobs(database).deliveries(view.job.job_id, ()) as slices:
        outcomes = await read_outcomes(slices)
    out = console()
    out.print()
    order = list(Status)
    rows = [
        [status, why, str(group.count), group.example]
        for (status, why), group in sorted(
            outcomes.groups.items(), key=lambda one: (order.index(Status(one[0][0])), one[0][1])
        )
    ]
    columns = [Column("state"), Column("why"), Column("deliveries", is_number=True), Column("for example")]
    print_table(columns, rows, empty="nothing was sent")
    updates = view.counts.updates
    out.print(
        f"\nupdate queries: {updates[UpdateStatus.DONE]} done, {updates[UpdateStatus.FAILED]} failed (their mails stay "
        "sent)\n",
        markup=False,
    )
    if view.log_lines:
        print_log_lines(view)
    out.print(f"\njob {view.job.job_id} {view.job.status.value}: {view.job.log or ''}", markup=False)
    if outcomes.rate:
        out.print(f"from its first mail to its last: {outcomes.rate:.0f} mails a second")


def print_next(folder: Path, examples: Path) -> None:
    """Commands that work as they stand here."""
    lines = next_commands(folder, examples)
    out = console()
    out.print(
        f"\nThe mails are in ./outbox. What to try next ({folder / SETTINGS_FILE} leads to the demo):\n", markup=False
    )
    for line in lines:
        out.print(f"  {line}", markup=False, soft_wrap=True)  # a line that is cut could not be copied


def next_commands(folder: Path, examples: Path) -> list[str]:
    """For a shell, from the folder where the demo was started."""
    lines = [f"cd {shlex.quote(str(folder))}"]
    command, found = Path(sys.argv[0]).resolve(), shutil.which("mailer")
    if found is None or Path(found).resolve() != command:
        lines.append(f"export PATH={shlex.quote(str(command.parent))}:$PATH")
    welcome = examples / "welcome" / "automation.toml"
    shortest = min(str(welcome), os.path.relpath(welcome, folder), key=len)
    return [
        *lines,
        "mailer job show 1",
        "mailer job deliveries 1 --status failed,skipped",
        "mailer automation preview monthly-statement --key 10001",
        f"mailer automation apply {shlex.quote(shortest)}",
        "mailer enqueue welcome",
        "mailer run --until-idle",
        "mailer job show 2",
    ]
