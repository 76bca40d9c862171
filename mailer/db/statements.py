"""Named SQL: every statement that will ever run on mailer's tables, read at start from `sql/<dialect>/`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import Parameter
from pathlib import Path
from typing import cast

from aiosql.query_loader import QueryLoader
from aiosql.types import SQLOperationType, SyncDriverAdapterProtocol
from aiosql.utils import SQLParseException

from mailer.errors import ConfigurationError
from mailer.shipped import shipped_folder


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `binds` are the names that it needs, each written `:name` in it."""

    name: str
    sql: str
    binds: frozenset[str]
    place: str
    """File and line, for messages."""


class Statements(Mapping[str, Statement]):
    """The statements of one dialect by name."""

    def __init__(self, folder: Path) -> None:
        """Reads `folder/*.sql`. Raises ConfigurationError, with file and line: empty, misnamed, or repeated."""
        self._by_name: dict[str, Statement] = {}
        loader = QueryLoader(cast("SyncDriverAdapterProtocol", _AsWritten()), None, mandatory_parameters=False)
        for file in sorted(folder.glob("*.sql")):
            try:
                found = loader.load_query_data_from_file(file, encoding="utf-8")
            except SQLParseException as error:
                raise ConfigurationError(f"{file}: {error}") from error
            for query in found:
                place = f"{file}:{query.floc[1]}"
                if query.operation_type is not SQLOperationType.SELECT:
                    raise ConfigurationError(f"{place}: a statement's name ends without a mark for its kind")
                if query.query_name in self._by_name:
                    raise ConfigurationError(f"{place}: a second statement named {query.query_name}")
                names = query.signature.parameters.values() if query.signature else ()
                binds = frozenset(name.name for name in names if name.kind is Parameter.KEYWORD_ONLY)
                sql = query.sql.rstrip().removesuffix(";").rstrip()
                self._by_name[query.query_name] = Statement(query.query_name, sql, binds, place)
        if not self._by_name:
            raise ConfigurationError(f"no SQL in {folder}", "Install mailer anew: its sql folder is missing.")

    def __getitem__(self, name: str) -> Statement:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


@cache
def shipped_statements(dialect: str) -> Statements:
    """The statements that come with the program; read once a process."""
    return Statements(shipped_folder("sql") / dialect)


class _AsWritten:
    """The one method that aiosql's loader calls of a driver: this one leaves the text alone."""

    def process_sql(self, query_name: str, operation: SQLOperationType, sql: str) -> str:
        return sql
