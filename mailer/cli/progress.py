"""A job's progress: a live display on a terminal, a plain line now and then elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from mailer.model.clock import Clock
from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from mailer.store.jobs import Job
from mailer.store.minutes import Counts
from mailer.worker.job_run import summary

PLAIN_EVERY = 10.0
"""Seconds between two plain lines of a job that stays in its state."""
RATE_OVER = 3.0
"""Seconds over which the rate that is shown is measured."""


class Progress(Protocol):
    """Is shown a job as often as somebody looks."""

    def show(self, job: Job, counts: Counts) -> None:
        """How it stands now."""
        ...


@contextmanager
def progress_on(console: Console, clock: Clock) -> Iterator[Progress]:
    """What suits the console."""
    if not console.is_terminal:
        yield PlainProgress(console, clock)
        return
    words = TextColumn("{task.description}", markup=False)
    rate = TextColumn("{task.fields[rate]}", markup=False)
    with Bars(words, BarColumn(), MofNCompleteColumn(), rate, TimeElapsedColumn(), console=console) as bars:
        yield LiveProgress(bars, clock)


class PlainProgress:
    """Says each change of the job's state, and how far it is every few seconds, where it has moved on."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._state: tuple[JobStatus, bool] | None = None
        self._said_at = 0.0
        self._said = ""

    def show(self, job: Job, counts: Counts) -> None:
        """See `Progress.show`."""
        now, state = self._clock.monotonic(), (job.status, bool(counts.total))
        if not job.status.is_active or (state == self._state and now - self._said_at < PLAIN_EVERY):
            return
        self._state, self._said_at = state, now
        line = f"job {job.job_id} {job.status.value}" + (f": {summary(counts, None)}" if counts.total else "")
        if line != self._said:
            self._console.print(line, markup=False, highlight=False)
        self._said = line


class LiveProgress:
    """A bar of deliveries that have ended, of the whole list."""

    def __init__(self, bars: Bars, clock: Clock) -> None:
        self._bars = bars
        self._clock = clock
        self._task = bars.add_task("", total=None, rate="")
        self._sent: list[tuple[float, int]] = []

    def show(self, job: Job, counts: Counts) -> None:
        """See `Progress.show`."""
        ended = counts.total - counts.deliveries[Status.PENDING] - counts.deliveries[Status.SENDING]
        self._bars.update(
            self._task,
            description=f"job {job.job_id} of {job.automation} {job.status.value}",
            completed=ended,
            total=counts.total or None,
            rate=self._rate(counts.deliveries[Status.SENT]),
        )

    def _rate(self, sent: int) -> str:
        now = self._clock.monotonic()
        self._sent = [(at, count) for at, count in self._sent if now - at <= RATE_OVER] + [(now, sent)]
        (since, before), seconds = self._sent[0], now - self._sent[0][0]
        return f"{(sent - before) / seconds:.0f}/s" if now > since else ""
