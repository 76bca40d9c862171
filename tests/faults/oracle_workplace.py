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

    def __init__(self, folder: Path, ses: SesProcess, printed: Path, schema: OracleService) -> None:
        """`schema`: a user's own, empty."""
        super().__init__(folder, ses, printed)
        self._schema = schema
        self.environment |= {
            "MAILER_DATABASE": f"oracle://{schema.dsn}",
            "MAILER_DATABASE_USER": str(schema.user),
            "MAILER_DATABASE_PASSWORD": str(schema.password),
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
        user, password, dsn = self._schema.user, self._schema.password, self._schema.dsn
        with oracledb.connect(user=user, password=password, dsn=dsn) as connection, connection.cursor() as cursor:
            cursor.execute(sql, list(binds))
            yield cursor

    def earlier(self, column: str, seconds: float) -> str:
        return f"{column} - NUMTODSINTERVAL({seconds}, 'SECOND')"

    def _open(self) -> Database:
        return OracleDatabase(self._schema, SystemClock(), patience=30)


class _Row(tuple[object, ...]):
    """A row that knows its columns by name, too."""

    def __new__(cls, names: Sequence[str], values: Sequence[object]) -> "_Row":
        row = super().__new__(cls, values)
        row._by_name = dict(zip(names, values, strict=True))
        return row

    _by_name: dict[str, object]

    def keys(self) -> Sequence[str]:
        return list(self._by_name)

    def __getitem__(self, key: Any) -> Any:
        return self._by_name[key] if isinstance(key, str) else super().__getitem__(key)


@contextmanager
def oracle_workplace(folder: Path, ses: SesProcess, printed: Path) -> Iterator[OracleWorkplace]:
    """An empty one. What still runs in it at the end is killed."""
    (folder / "attachments").mkdir(parents=True)
    with oracle_process({USER: PASSWORD}) as process:
        place = OracleWorkplace(folder, ses, printed, OracleService(process.dsn, USER, PASSWORD))
        try:
            yield place
        finally:
            place.kill_all()
