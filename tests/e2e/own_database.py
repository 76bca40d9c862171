"""mailer's own database in end-to-end tests: an SQLite file, or a schema of its own on the stand-in for Oracle."""

import asyncio
import itertools
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import oracledb
import pytest

from mailer.model.database_url import OracleService
from tests.doubles.oracle import connected_control
from tests.doubles.oracle_process import OracleProcess
from tests.doubles.ses_process import SesProcess
from tests.e2e.commands import look
from tests.faults.oracle_workplace import OracleWorkplace
from tests.faults.workplace import Workplace

PASSWORD = "비밀"
_NUMBERS = itertools.count(1)

on_both_databases = pytest.mark.parametrize("database", ["sqlite", "oracle"], indirect=True)
"""The test runs on SQLite and on the stand-in; one without this mark runs on SQLite."""
on_both_databases_in_time = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("oracle", marks=pytest.mark.slow)], indirect=True
)
"""The same for what takes many seconds over the stand-in."""


class OwnDatabase(Protocol):
    """Settings lead there; what is in it is read and changed behind mailer's back."""

    is_shared: bool
    """Whether processes on several machines may work on it."""

    def settle_in(self, workplace: Path) -> None:
        """Commands in that folder use it from now on; on Oracle, with mailer's schema."""
        ...

    def query(self, sql: str, binds: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Rows."""
        ...

    def execute(self, sql: str, binds: Mapping[str, object] | None = None) -> None:
        """As another program that writes into it; committed."""
        ...

    def earlier(self, time: str, seconds: float) -> str:
        """The expression for a column's time, so much earlier."""
        ...


class SqliteFile:
    """`mailer.db` in the workplace."""

    is_shared = False

    def __init__(self) -> None:
        self._path = Path()

    def settle_in(self, workplace: Path) -> None:
        self._path = workplace / "mailer.db"

    def query(self, sql: str, binds: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._path, timeout=30)) as connection, connection:
            return connection.execute(sql, dict(binds or {})).fetchall()

    def execute(self, sql: str, binds: Mapping[str, object] | None = None) -> None:
        self.query(sql, binds)

    def earlier(self, time: str, seconds: float) -> str:
        return f"STRFTIME('%Y-%m-%d %H:%M:%f000', {time}, '-{seconds} seconds')"


class OracleSchema:
    """A user's own, empty at first; its password is PASSWORD."""

    is_shared = True

    def __init__(self, dsn: str, user: str) -> None:
        self.dsn = dsn
        self.user = user

    def settle_in(self, workplace: Path) -> None:
        settings = f"MAILER_DATABASE=oracle://{self.dsn}\nMAILER_DATABASE_USER={self.user}\n"
        (workplace / ".env").write_text(f"{settings}MAILER_DATABASE_PASSWORD={PASSWORD}\n", encoding="utf-8")
        migrated = look(workplace, "migrate")
        assert migrated.code == 0, migrated.stderr

    def query(self, sql: str, binds: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        with self._connected() as connection, connection.cursor() as cursor:
            cursor.execute(sql, dict(binds or {}), fetch_lobs=False)
            return list(cursor.fetchall())

    def execute(self, sql: str, binds: Mapping[str, object] | None = None) -> None:
        with self._connected() as connection, connection.cursor() as cursor:
            cursor.execute(sql, dict(binds or {}))
            connection.commit()

    def earlier(self, time: str, seconds: float) -> str:
        return f"{time} - NUMTODSINTERVAL({seconds}, 'SECOND')"

    def _connected(self) -> oracledb.Connection:
        return oracledb.connect(user=self.user, password=PASSWORD, dsn=self.dsn)


def new_workplace_on(database: OwnDatabase, folder: Path, ses: SesProcess, printed: Path) -> Workplace:
    """A workplace for faults, whose processes keep mailer's own tables there."""
    (folder / "attachments").mkdir(parents=True)
    if isinstance(database, OracleSchema):
        return OracleWorkplace(folder, ses, printed, OracleService(database.dsn, database.user, PASSWORD))
    return Workplace(folder, ses, printed)


def new_schema(standin: OracleProcess) -> OracleSchema:
    """A new user's, on a stand-in that all tests of a process share."""
    user = f"MAILER{next(_NUMBERS)}"

    async def add_user() -> None:
        async with connected_control(standin.control) as control:
            await control.add_user(user, PASSWORD)

    asyncio.run(add_user())
    return OracleSchema(standin.dsn, user)
