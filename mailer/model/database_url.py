"""Where a database is, from the way a person writes it: a path, `sqlite:///…` or `oracle://…`."""

from dataclasses import dataclass, field
from pathlib import Path

_FORMS = "write sqlite:///relative.db, sqlite:////absolute/path.db or oracle://host:1521/service"


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """An SQLite file; a relative path starts at the working folder."""

    path: Path


@dataclass(frozen=True, slots=True)
class OracleService:
    """An Oracle service: `dsn` as the driver takes it (Easy Connect, a full descriptor, or a name of tnsnames.ora).

    `tns_admin` is the folder of tnsnames.ora, `wallet` the folder of ewallet.pem, `pool` the most connections at once.
    The secrets never show in a repr.
    """

    dsn: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tns_admin: Path | None = None
    wallet: Path | None = None
    wallet_password: str | None = field(default=None, repr=False)
    pool: int = 8


DatabaseAddress = SqliteFile | OracleService


def parse_database_url(text: str) -> DatabaseAddress:
    """The database that a URL names, as it is written: nothing in it is percent-decoded.

    Raises ValueError; its message never holds the URL, for somebody may have written a password into it.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise ValueError(f"is not a URL: {_FORMS}")
    match scheme.lower():
        case "sqlite":
            return SqliteFile(_sqlite_path(rest))
        case "oracle":
            return OracleService(_oracle_dsn(rest))
        case _:
            raise ValueError(f"begins with neither sqlite:// nor oracle://: {_FORMS}")


def parse_path_or_url(text: str) -> DatabaseAddress:
    """As `parse_database_url`, but what is no URL is the path of an SQLite file."""
    return parse_database_url(text) if "://" in text else SqliteFile(_usable(text))


def _sqlite_path(rest: str) -> Path:
    if not rest.startswith("/"):
        raise ValueError(f"has two slashes where sqlite:/// needs three: {_FORMS}")
    if "?" in rest:
        raise ValueError("has options after '?', which mailer does not take")
    return _usable(rest[1:])


def _usable(path: str) -> Path:
    if not path or path == ":memory:":
        raise ValueError("names no file, and a database in memory would be gone with the process")
    if "\0" in path:
        raise ValueError("holds a NUL character")
    return Path(path)


def _oracle_dsn(rest: str) -> str:
    if "@" in rest:
        raise ValueError("holds a user or a password: these have settings of their own, …USER and …PASSWORD")
    if not rest:
        raise ValueError(f"names no service: {_FORMS}")
    return rest
