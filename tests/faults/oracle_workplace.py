"""A workplace whose own database is on the stand-in for Oracle, which has a clock of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import oracledb

from mailer.clock import SystemClock
from mailer.db.database import Database
from mailer.db.oracle import OracleDatabase
from mailer.model.database_url import OracleService
from tests.doubles.oracle_process import oracle_process
from tests.doubles.ses_process import SesProcess
from tests.faults.workplace import Workplace

USER, PASSWORD = "MAILER", "비밀"


class OracleWorkplace(Workplace):
    """As `Workplace`; its SQL is written with '?' here as there."""

    def __init__(self, folder: Path, ses: SesProcess, printed: Path, dsn: str) -> None:
        super().__init__(folder, ses, printed)
        self._dsn = dsn
        self.environment |= {
            "MAILER_DATABASE": f"oracle://{dsn}",
            "MAILER_DATABASE_USER": USER,
            "MAILER_DATABASE_PASSWORD": PASSWORD,
        }

    def query(self, sql: str, *binds: object) -> list[Any]:
        with self._cursor(sql, binds) as cursor:
            names = [column.name for column in cursor.description or ()]
            return [_Row(names, row) for row in cursor.fetchall()]

    def execute(self, sql: str, *binds: object) -> None:
        with self._cursor(sql, binds) as cursor:
            cursor.connection.commit()

    @contextmanager
    def _cursor(self, sql: str, binds: Sequence[object]) -> Iterator[oracledb.Cursor]:
        for number in range(1, len(binds) + 1):
            sql = sql.replace("?", f":{number}", 1)
        with oracledb.connect(user=USER, password=PASSWORD, dsn=self._dsn) as connection, connection.cursor() as cursor:
            cursor.execute(sql, list(binds))
            yield cursor

    def _open(self) -> Database:
        return OracleDatabase(OracleService(self._dsn, USER, PASSWORD), SystemClock(), patience=30)


class _Row(tuple[object, ...]):
    """A row that knows its columns by name, too."""

    def __new__(cls, names: Sequence[str], values: Sequence[object]) -> "_Row":
        row = super().__new__(cls, values)
        row._by_name = dict(zip(names, values, strict=True))
        return row

    _by_name: dict[str, object]

    def __getitem__(self, key: Any) -> Any:
        return self._by_name[key] if isinstance(key, str) else super().__getitem__(key)


@contextmanager
def oracle_workplace(folder: Path, ses: SesProcess, printed: Path) -> Iterator[OracleWorkplace]:
    """An empty one. What still runs in it at the end is killed."""
    (folder / "attachments").mkdir(parents=True)
    with oracle_process({USER: PASSWORD}) as process:
        place = OracleWorkplace(folder, ses, printed, process.dsn)
        try:
            yield place
        finally:
            place.kill_all()
