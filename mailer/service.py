"""The service: scheduler and workers in one task group, until a signal, or until nothing is left to do."""

import gc
import os
import secrets
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from datetime import timedelta
from enum import StrEnum
from importlib.metadata import version

import anyio
import structlog

from mailer.assembly import account_name, open_database
from mailer.db.database import Database
from mailer.db.migrations import Migration
from mailer.errors import ConfigurationError, DatabaseAway
from mailer.model.clock import Clock
from mailer.scheduler import Scheduler
from mailer.settings import Settings
from mailer.settings.fields import DRAIN_RESERVE
from mailer.store.account import Account
from mailer.store.automations import Automations
from mailer.store.feedback import FeedbackLedger
from mailer.store.fires import Fires
from mailer.store.jobs import Jobs
from mailer.store.workers import Workers
from mailer.worker.in_flight import InFlight
from mailer.worker.resources import Resources
from mailer.worker.worker import Wake, Worker
from mailer.worker_resources import open_resources

log = structlog.get_logger(__name__)

OVERTIME = timedelta(seconds=3)
"""After MAILER_DRAIN, until a process that hangs in its database or a dead file system ends all the same."""
BEAT = 10.0
"""Seconds between two heartbeats of a process with workers; each is a write of the database."""
QUIET_BEAT = 3 * BEAT
"""The same for a process that has none: nobody waits for it."""
IDLE_CHECK = 0.2


GARBAGE = (10_000, 20, 50)
"""Thresholds of the collector of cycles, of which a mail leaves few: as they come it takes 6 % of a mail's time."""


class Role(StrEnum):
    """What a process does."""

    ALL = "all"
    SCHEDULER = "scheduler"
    WORKER = "worker"
    EVENTS = "events"


class Service:
    """One process. `run` ends after a clean drain, or, with `until_idle`, when nothing is due, waiting or running."""

    def __init__(self, settings: Settings, role: Role, clock: Clock, *, workers: int | None = None) -> None:
        self._settings = settings
        self._role = role
        self._clock = clock
        self._worker_count = workers or settings.workers
        self._worker_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._stop = anyio.Event()
        self._wake = Wake()
        self._in_flight = InFlight()
        self._workers: list[Worker] = []

    def stop(self) -> None:
        """Claims nothing more, lets what is in flight end, gives the rest back."""
        self._stop.set()

    async def run(self, *, until_idle: bool = False) -> None:
        """Raises MigrationNeeded, ConfigurationError, and what can't be reached at the start."""
        if self._role is Role.EVENTS and self._settings.ses_events_queue is None:
            raise ConfigurationError("there is no queue of events", "Set MAILER_SES_EVENTS_QUEUE to its URL.")
        async with (
            open_database(self._settings, self._clock, may_migrate=True, on_migrated=_log_migration) as database,
            self._signed_in(database),
            self._open_resources(database) as resources,
            anyio.create_task_group() as background,
        ):
            _collect_less_often()
            background.start_soon(self._heed_signals)
            background.start_soon(self._end_drain)
            background.start_soon(self._beat, Workers(database))
            if resources is not None:
                background.start_soon(resources.ledger.run)
            if until_idle:
                background.start_soon(self._stop_when_idle, Fires(database), Jobs(database))
            await self._run_roles(database, resources)
            background.cancel_scope.cancel()
        log.info("stopped", worker=self._worker_id)

    async def _run_roles(self, database: Database, resources: Resources | None) -> None:
        """Until each role has ended, as it does when the service is told to stop."""
        async with anyio.create_task_group() as roles:
            if self._role in (Role.ALL, Role.SCHEDULER):
                tick = self._settings.tick.total_seconds()
                scheduler = Scheduler(Fires(database), Automations(database), tick, self._clock, self._wake.wake)
                roles.start_soon(scheduler.run, self._stop)
            if resources is not None:
                at_work: Counter[int] = Counter()
                self._workers = [Worker(resources, self._stop, self._wake, at_work) for _ in range(self._worker_count)]
                roles.start_soon(self._watch_account, resources, at_work)
                for worker in self._workers:
                    roles.start_soon(worker.run)
            if self._settings.ses_events_queue is not None and self._role in (Role.ALL, Role.EVENTS):
                roles.start_soon(self._consume_events, database, self._settings.ses_events_queue)
            log.info("started", role=self._role.value, worker=self._worker_id, version=version("mailer"))

    async def _watch_account(self, resources: Resources, at_work: Counter[int]) -> None:
        """Where there is one that can be asked."""
        if self._settings.transport != "ses":
            return
        from mailer.account_watch import AccountWatch  # noqa: PLC0415 - the AWS SDK takes long to load
        from mailer.transports.ses import SesTransport  # noqa: PLC0415 - likewise

        if isinstance(resources.transport, SesTransport):
            account = Account(resources.database, account_name(self._settings))
            watch = AccountWatch(
                resources.database,
                account,
                resources.transport,
                resources.warn,
                self._clock,
                is_at_work=lambda: bool(at_work),
            )
            await watch.run(self._stop)

    async def _consume_events(self, database: Database, url: str) -> None:
        from mailer.events import READERS, Events  # noqa: PLC0415 - the AWS SDK takes long to load
        from mailer.transports.event_queue import EventQueue  # noqa: PLC0415 - likewise

        ledger = FeedbackLedger(database, account_name(self._settings), f"{self._worker_id}-events")
        async with EventQueue(url, readers=READERS) as queue:
            await Events(queue, ledger, self._clock).run(self._stop)

    def _open_resources(self, database: Database) -> AbstractAsyncContextManager[Resources | None]:
        """What workers work with; None for a process that has none."""
        if self._role not in (Role.ALL, Role.WORKER):
            return nullcontext()
        return open_resources(self._settings, database, self._worker_id, self._in_flight, self._clock)

    @asynccontextmanager
    async def _signed_in(self, database: Database) -> AsyncIterator[None]:
        workers = Workers(database)
        await workers.enter(self._worker_id, socket.gethostname(), os.getpid(), self._role.value, version("mailer"))
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True), suppress(DatabaseAway):
                await workers.leave(self._worker_id)

    async def _beat(self, workers: Workers) -> None:
        """So that people, and `enqueue --wait`, see that this process is alive."""
        seconds = BEAT if self._role in (Role.ALL, Role.WORKER) else QUIET_BEAT
        while True:
            await self._clock.sleep(seconds)
            try:
                await workers.beat(self._worker_id)
            except DatabaseAway as fault:
                log.warning("the database is away", error=str(fault))

    async def _heed_signals(self) -> None:
        """The first SIGINT or SIGTERM begins the drain; the second ends the process where it stands."""
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                if self._stop.is_set():
                    os._exit(128 + number)
                log.info("draining", signal=number.name, seconds=self._settings.drain.total_seconds())
                self.stop()

    async def _end_drain(self) -> None:
        """What has no answer by then is written UNKNOWN while there is time to; after that nothing is waited for."""
        await self._stop.wait()
        await self._clock.sleep((self._settings.drain - DRAIN_RESERVE).total_seconds())
        self._in_flight.end()
        await self._clock.sleep((DRAIN_RESERVE + OVERTIME).total_seconds())
        log.error("the drain took too long: what is left is the next worker's", worker=self._worker_id)
        os._exit(1)

    async def _stop_when_idle(self, fires: Fires, jobs: Jobs) -> None:
        while not self._stop.is_set():
            await self._clock.sleep(IDLE_CHECK)
            if not all(worker.is_idle for worker in self._workers):
                continue
            with suppress(DatabaseAway):
                if not await fires.due() and not await jobs.active():
                    self.stop()


def _collect_less_often() -> None:
    """What is loaded by now lasts as long as the process: it is not looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def _log_migration(migration: Migration) -> None:
    log.info("migrated", version=migration.version, what=migration.description)
