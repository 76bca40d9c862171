"""From settings to open parts: the database, data sources, storage and transport that a command works with."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType

import anyio
import structlog
from anyio.abc import TaskStatus

from mailer.attachments.location import open_storage
from mailer.attachments.storage import Storage
from mailer.db.database import Database
from mailer.db.migrations import Migration, migrate, require_current_schema, require_own
from mailer.db.sqlite import SqliteDatabase
from mailer.errors import TransportAway
from mailer.model.clock import Clock
from mailer.model.database_url import OracleService, SqliteFile
from mailer.pacer import AccountSlots, Pacer
from mailer.settings import Settings
from mailer.sources.opening import open_source
from mailer.sources.source import Source
from mailer.store.account import Account
from mailer.transports.outbox import Outbox
from mailer.transports.transport import Transport

log = structlog.get_logger(__name__)

OUTBOX_RATE = 200.0
"""Mails per second into the outbox, where MAILER_SES_RATE is unset."""
SPARE_CONNECTIONS = 10
"""Beside one for each delivery in flight: warnings to owners."""


def database_of(settings: Settings, clock: Clock, *, create: bool = False) -> Database:
    """mailer's own database, to be entered by `async with`. `create`: an SQLite file is made where there is none."""
    match settings.database_address:
        case SqliteFile(path):
            patience = settings.db_patience.total_seconds()
            return SqliteDatabase(path, clock, create=create, busy_seconds=patience)
        case OracleService() as service:
            from mailer.db.oracle import OracleDatabase  # noqa: PLC0415 - its driver takes long to load

            return OracleDatabase(service, clock, patience=settings.db_patience.total_seconds())


def _silently(migration: Migration) -> None:
    pass


@asynccontextmanager
async def open_database(
    settings: Settings, clock: Clock, *, may_migrate: bool = False, on_migrated: Callable[[Migration], None] = _silently
) -> AsyncIterator[Database]:
    """The database with this program's schema. Raises NotFound, MigrationNeeded, ConfigurationError, DatabaseAway.

    `may_migrate`: for commands that bring the schema up by themselves where MAILER_AUTO_MIGRATE lets them; each
    migration that ran is told to `on_migrated`.
    """
    migrates = may_migrate and settings.migrates_itself
    async with database_of(settings, clock, create=migrates) as database:
        if migrates:
            await require_own(database)
            for migration in await migrate(database):
                on_migrated(migration)
        else:
            await require_current_schema(database)
        yield database


def transport_of(settings: Settings, clock: Clock, *, in_flight: int = 1) -> Transport:
    """The transport, to be entered by `async with`. `in_flight`: deliveries that may wait for an answer at once."""
    if settings.transport == "outbox":
        return Outbox(settings.outbox, clock)
    from mailer.transports.ses import SesTransport  # noqa: PLC0415 - the AWS SDK takes long to load
    from mailer.transports.ses_lean import LeanSesTransport  # noqa: PLC0415 - likewise

    new = partial(LeanSesTransport, clock) if settings.ses_client == "lean" else SesTransport
    connect = settings.connect_timeout.total_seconds()
    return new(
        max_connections=in_flight + SPARE_CONNECTIONS,
        connect_timeout=connect,
        read_timeout=settings.call_timeout.total_seconds() - connect,
    )


def account_name(settings: Settings) -> str:
    """The row of ACCOUNT that this process's mails are counted under; the outbox has its own."""
    return "outbox" if settings.transport == "outbox" else settings.ses_account


async def open_pacer(settings: Settings, transport: Transport, account: Account, clock: Clock) -> Pacer:
    """Paced by MAILER_SES_RATE, or by what the account allows: as it says now, or as it last said."""
    own_rate = settings.ses_rate
    if own_rate is None and settings.transport == "outbox":
        own_rate = OUTBOX_RATE
    if own_rate is None:
        try:
            await account.note(await transport.max_rate(), None)
        except TransportAway as fault:
            log.warning("the account's rate is not known", why=str(fault), next_step=fault.next_step)
    return Pacer(AccountSlots(account, own_rate, clock), clock)


@asynccontextmanager
async def open_attachments(settings: Settings) -> AsyncIterator[Storage | None]:
    """The attachment storage; None where MAILER_ATTACHMENTS is unset."""
    if settings.attachments is None:
        yield None
        return
    async with open_storage(settings.attachments) as storage:
        yield storage


class OpenSources:
    """The data sources of the settings, each opened when it is first asked for and kept until the end."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._open: dict[str, Source] = {}
        self._opening = anyio.Lock()
        self._closing = anyio.Event()
        self._keepers = anyio.create_task_group()

    async def get(self, name: str) -> Source:
        """The data source of that name, whatever its case. Raises NotFound, SourceAway, ConfigurationError."""
        folded = name.lower()
        async with self._opening:
            if folded not in self._open:
                self._open[folded] = await self._keepers.start(self._keep, folded)
            return self._open[folded]

    async def _keep(self, name: str, *, task_status: TaskStatus[Source]) -> None:
        """Opens and closes a source in one task, whoever asked for it: its own tasks live inside."""
        source = open_source(
            name,
            self._settings.source(name).address,
            patience=self._settings.db_patience.total_seconds(),
            query_seconds=self._settings.query_seconds.total_seconds(),
            clock=self._clock,
        )
        async with source:
            task_status.started(source)
            await self._closing.wait()

    async def __aenter__(self) -> "OpenSources":
        await self._keepers.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._closing.set()
        return await self._keepers.__aexit__(kind, error, trace)
