"""What only Oracle can lack: rights on tables, sessions for a whole pool, a password that is about to expire."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from mailer.cli.doctor_report import Check, Tell, fault, fault_of, ok, warning
from mailer.db.database import Database
from mailer.errors import MailerError
from mailer.settings import Settings
from mailer.sources.source import Source

if TYPE_CHECKING:
    from mailer.db.oracle import OracleDatabase


async def check_own_oracle(settings: Settings, database: Database, tell: Tell) -> None:
    """mailer's own database, where that is Oracle."""
    from mailer.db.oracle import OracleDatabase  # noqa: PLC0415 - its driver takes long to load

    if not isinstance(database, OracleDatabase):
        return
    if database.notice:
        tell(warning("password", f"mailer's database: {database.notice}", _advice("MAILER_DATABASE_")))
    for name, check in (("rights", _check_rights), ("pool", _check_pool)):
        try:
            tell(await check(settings, database))
        except MailerError as error:
            tell(fault_of(name, error))


def check_source_password(name: str, source: Source, tell: Tell) -> None:
    """Whether a data source on Oracle has said that the password will expire."""
    from mailer.sources.oracle import OracleSource  # noqa: PLC0415 - its driver takes long to load

    if isinstance(source, OracleSource) and source.notice:
        advice = _advice(f"MAILER_SOURCES__{name.upper()}__")
        tell(warning("password", f"data source {name}: {source.notice}", advice))


async def _check_rights(_: Settings, database: "OracleDatabase") -> Check:
    """Every statement of ours is parsed, which asks for its rights, and not run."""
    refused = await database.refused_statements()
    if not refused:
        return ok("rights", "the user may do all that mailer does with its tables")
    first = min(refused)
    missing = database.missing_rights(refused)
    grants = [f"GRANT {', '.join(rights)} ON {table} TO …;" for table, rights in missing.items()]
    advice = f"Ask the tables' owner: {' '.join(grants)} See docs/oracle.md."
    return fault("rights", f"{len(refused)} of mailer's statements would be refused; {first}: {refused[first]}", advice)


async def _check_pool(settings: Settings, database: "OracleDatabase") -> Check:
    """As many sessions at once as this process may open."""
    async with AsyncExitStack() as stack:
        for _ in range(settings.database_pool):
            await stack.enter_async_context(database.transaction())
    return ok("pool", f"{settings.database_pool} sessions can be opened")


def _advice(prefix: str) -> str:
    return f"Ask the DBA for a new one (ALTER USER … IDENTIFIED BY …), then set {prefix}PASSWORD."
