"""The watching of a job, with time in the test's hand."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import NoReturn

import pytest
from rich.console import Console

from mailer.cli.progress import LiveProgress, PlainProgress, progress_on
from mailer.cli.watching import Watch
from mailer.db.database import Database
from mailer.db.migrations import migrate
from mailer.db.sqlite import SqliteDatabase
from mailer.errors import DatabaseAway
from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from mailer.store.account import Account
from mailer.store.jobs import Job, Jobs
from mailer.store.workers import Workers
from tests.doubles.hand_clock import HandClock
from tests.unit.cli.job_cases import end, enqueue, load, new

PATIENCE = timedelta(seconds=30)


class Seen:
    """A display that remembers the states it was shown."""

    def __init__(self) -> None:
        self.states: list[JobStatus] = []

    def show(self, job: Job, counts: object) -> None:
        self.states.append(job.status)


class Eventful(HandClock):
    """A clock by which nobody waits: time passes with each sleep, and one thing after the other happens meanwhile."""

    def __init__(self, events: Sequence[Callable[[], Awaitable[None]]]) -> None:
        super().__init__()
        self._events = list(events)

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        if self._events:
            await self._events.pop(0)()


async def nothing() -> None:
    """Happens."""


async def away(*arguments: object, **options: object) -> NoReturn:
    raise DatabaseAway("the database does not answer")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def database(tmp_path: Path, clock: HandClock) -> AsyncIterator[Database]:
    async with SqliteDatabase(tmp_path / "mailer.db", clock, create=True) as opened:
        await migrate(opened)
        yield opened


def watch_of(database: Database, job_id: int, clock: HandClock, said: list[str]) -> Watch:
    return Watch(database, Account(database, "outbox"), job_id, clock, said.append)


async def test_a_worker_that_is_missing_is_said_after_ten_seconds_once(database: Database, clock: HandClock) -> None:
    said: list[str] = []
    watch = watch_of(database, await enqueue(database), clock, said)
    clock.advance(9.9)
    await watch.look(Seen())
    assert said == []
    clock.advance(0.1)
    await watch.look(Seen())
    clock.advance(60)
    await watch.look(Seen())
    assert said == ["no worker has been running for 10 s, and the job waits: start 'mailer run'"]


async def test_a_scheduler_alone_is_no_worker(database: Database, clock: HandClock) -> None:
    said: list[str] = []
    watch = watch_of(database, await enqueue(database), clock, said)
    clock.advance(10)
    await Workers(database).enter("s", "host", 1, "scheduler", "1")
    await watch.look(Seen())
    assert len(said) == 1


async def test_a_worker_that_died_is_missed_like_one_that_never_came(database: Database, clock: HandClock) -> None:
    said: list[str] = []
    watch = watch_of(database, await enqueue(database), clock, said)
    await Workers(database).enter("w", "host", 1, "worker", "1")
    clock.advance(12)
    await watch.look(Seen())
    assert said == []
    clock.advance(4)  # its last sign of life is too old by now
    await watch.look(Seen())
    clock.advance(10)
    await watch.look(Seen())
    assert len(said) == 1


async def test_why_nothing_can_leave_is_said_once_and_again_when_it_comes_again(
    database: Database, clock: HandClock
) -> None:
    said: list[str] = []
    watch = watch_of(database, await enqueue(database), clock, said)
    account = Account(database, "outbox")
    for why in ("SES refuses connections", "SES refuses connections", None, "SES refuses connections"):
        await (account.resume() if why is None else account.pause(why, 5))
        await watch.look(Seen())
    assert said == ["nothing can leave, the job waits: SES refuses connections"] * 2


async def test_it_watches_to_the_jobs_end(database: Database, clock: HandClock) -> None:
    job_id = await load(database, [new(1, Status.SENT)])

    async def end_it() -> None:
        await end(database, job_id, JobStatus.FAIL, "원인")

    seen = Seen()
    job = await watch_of(database, job_id, Eventful([nothing, end_it]), []).to_end(seen, PATIENCE)
    assert (job.status, job.log) == (JobStatus.FAIL, "원인")
    assert seen.states == [JobStatus.RUNNING, JobStatus.RUNNING, JobStatus.FAIL]


async def test_a_database_that_is_away_for_a_while_is_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await load(database, [new(1, Status.SENT)])
    await end(database, job_id, JobStatus.DONE)
    monkeypatch.setattr(database, "fetch", away)

    async def come_back() -> None:
        monkeypatch.undo()

    job = await watch_of(database, job_id, Eventful([nothing, come_back]), []).to_end(Seen(), PATIENCE)
    assert job.status is JobStatus.DONE


async def test_a_database_that_is_away_for_longer_than_the_patience_is_an_error(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "fetch", away)
    clock = Eventful([])
    with pytest.raises(DatabaseAway):
        await watch_of(database, 1, clock, []).to_end(Seen(), PATIENCE)
    assert PATIENCE.total_seconds() < clock.monotonic() < PATIENCE.total_seconds() + 1


async def test_a_plain_line_comes_every_ten_seconds_where_something_has_changed(
    database: Database, clock: HandClock
) -> None:
    text = StringIO()
    jobs, job_id = Jobs(database), await load(database, [new(1, Status.SENT), new(2, Status.PENDING)])
    with progress_on(Console(file=text), clock) as progress:
        assert isinstance(progress, PlainProgress)
        job, counts = await jobs.read(job_id), await jobs.counts(job_id)
        later = type(counts)({**counts.deliveries, Status.SENT: 2, Status.PENDING: 0}, counts.updates)
        for seconds in (0, 1, 8.9, 0.1, 10, 10):
            clock.advance(seconds)
            progress.show(job, counts)
        for _ in range(3):
            progress.show(job, later)
            clock.advance(10)
    assert text.getvalue().splitlines() == [
        f"job {job_id} RUNNING: sent 1, pending 1 of 2",
        f"job {job_id} RUNNING: sent 2 of 2",
    ]


async def test_on_a_terminal_a_bar_shows_what_has_ended_and_the_rate(database: Database, clock: HandClock) -> None:
    text = StringIO()
    job_id = await load(database, [new(1, Status.SENT), new(2, Status.SKIPPED), new(3, Status.PENDING)])
    jobs = Jobs(database)
    with progress_on(Console(file=text, force_terminal=True, width=120), clock) as progress:
        assert isinstance(progress, LiveProgress)
        job, counts = await jobs.read(job_id), await jobs.counts(job_id)
        progress.show(job, counts)
        clock.advance(2)
        later = type(counts)({**counts.deliveries, Status.SENT: 101}, counts.updates)
        progress.show(job, later)
    assert "102/103" in text.getvalue()
    assert "50/s" in text.getvalue()
