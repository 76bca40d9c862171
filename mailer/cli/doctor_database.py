"""mailer's own database: there, up to date, its clock, who works on it, and whether mails may leave."""

from contextlib import AsyncExitStack
from datetime import timedelta

from mailer.assembly import account_name, database_of
from mailer.cli.doctor_report import Tell, fault, fault_of, ok, warning
from mailer.cli.job_show import ALIVE, shown_pause
from mailer.cli.output import shown_time
from mailer.db.database import Database
from mailer.db.migrations import installed_migrations, pending_migrations, shipped_migrations
from mailer.errors import MailerError
from mailer.model.clock import Clock
from mailer.model.database_url import SqliteFile
from mailer.service import Role
from mailer.settings import Settings
from mailer.store.account import Account
from mailer.store.database_time import read_now
from mailer.store.workers import Workers

CLOCK_DIFFERENCE = timedelta(seconds=2)
"""From here on a clock counts as wrong."""


async def open_checked_database(settings: Settings, clock: Clock, stack: AsyncExitStack, tell: Tell) -> Database | None:
    """The database, where it answers and has this program's schema; never made or changed here."""
    try:
        database = await stack.enter_async_context(database_of(settings, clock))
        shipped = shipped_migrations(database.dialect)
        pending = pending_migrations(shipped, await installed_migrations(database))
    except MailerError as error:
        tell(fault_of("database", error))
        return None
    tell(ok("database", f"{settings.database} answers"))
    if pending:
        names = ", ".join(f"V{migration.version:03}" for migration in pending)
        tell(fault("schema", f"older than this mailer: {names} to run", "Run 'mailer migrate'."))
        return None
    tell(ok("schema", f"V{shipped[-1].version:03}, this program's"))
    return database


async def check_clock(settings: Settings, database: Database, clock: Clock, tell: Tell) -> None:
    """Leases, rate and schedules go by the database's clock, logs and AWS's signatures by this machine's."""
    if isinstance(settings.database_address, SqliteFile):
        tell(ok("clock", "the embedded database goes by this machine's"))
        return
    before = clock.now()
    there = await read_now(database)
    middle = before + (clock.now() - before) / 2
    difference = abs(there - middle)
    if difference > CLOCK_DIFFERENCE:
        what = f"the database's clock and this machine's differ by {difference.total_seconds():.1f} s"
        tell(warning("clock", what, "Let both follow the same NTP servers."))
    else:
        tell(ok("clock", f"the database's differs by {difference.total_seconds():.1f} s"))


async def check_account(settings: Settings, database: Database, tell: Tell) -> None:
    """Whether mails wait, as for a transport that is down or a quota that is used up."""
    pause = await Account(database, account_name(settings)).paused()
    if pause is None:
        tell(ok("sending", "nothing holds mails back"))
        return
    advice = "It goes on by itself when the cause is gone; see the transport's line here."
    tell(warning("sending", shown_pause(pause, "mails wait"), advice))


async def check_processes(database: Database, tell: Tell) -> None:
    """Whether somebody turns schedules into jobs, and somebody sends."""
    alive = await Workers(database).alive(ALIVE)
    for process in alive:
        what = f"{process.worker_id}: {process.role}, version {process.version}"
        tell(ok("process", f"{what}, alive {shown_time(process.heartbeat_at)}"))
    if not any(process.role in (Role.ALL, Role.SCHEDULER) for process in alive):
        tell(warning("scheduler", "no process turns schedules into jobs", "Start 'mailer run'."))
    if not any(process.role in (Role.ALL, Role.WORKER) for process in alive):
        tell(warning("worker", "no process works on jobs", "Start 'mailer run'."))
