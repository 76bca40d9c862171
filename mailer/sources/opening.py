"""A data source by where the settings say it is."""

from mailer.model.clock import Clock
from mailer.model.database_url import DatabaseAddress, OracleService, SqliteFile
from mailer.sources.source import Source
from mailer.sources.sqlite import SqliteSource


def open_source(name: str, address: DatabaseAddress, *, patience: float, query_seconds: float, clock: Clock) -> Source:
    """The data source, to be entered by `async with`; a relative path starts at the working folder of now.

    `patience`: seconds for which a lock or an outage is waited for; `query_seconds`: how long a target query may run, a
    mapping or update query a tenth of it.
    """
    match address:
        case SqliteFile(path):
            return SqliteSource(name, path, patience=patience, query_seconds=query_seconds, clock=clock)
        case OracleService():
            from mailer.sources.oracle import OracleSource  # noqa: PLC0415 - its driver takes long to load

            return OracleSource(name, address, patience=patience, query_seconds=query_seconds, clock=clock)
