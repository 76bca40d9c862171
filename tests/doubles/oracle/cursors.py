"""Executing a cursor: what a query, a DML statement and an array of them answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from psycopg.pq.abc import PGresult

from . import replies
from .backend import Backend, Types
from .columns import OwnTypes, ResultColumn
from .conversions import TEXT, UNKNOWN, Conversions, Encoder, Parameters, parameters
from .errors import CANCELLED, OracleError
from .requests import Execute, Option, Variable
from .statements import Kind, Locking, Statement
from .streams import Row, Rows
from .values import LOBS

_T = TypeVar("_T")
_UNDECIDED_TYPE = frozenset({"42P18", "42P08"})
_OTHER_TYPE_WANTED = frozenset({"42883", "42804", "42846"})
BindRows = Sequence[Mapping[int, bytes | None]]


@dataclass(slots=True)
class Cursor:
    """A statement that the client may execute again by its number; it sends the types of binds and defines once."""

    number: int
    statement: Statement
    variables: tuple[Variable, ...] = ()
    defines: tuple[Variable, ...] = ()
    columns: Sequence[ResultColumn] = ()
    rows: Rows | None = None
    fetched: int = 0
    encoders: Sequence[Encoder] = field(default_factory=list)

    @property
    def awaits_defines(self) -> bool:
        """A query of LOBs sends no rows before the client has told how it wants them."""
        return not self.defines and any(column.kind in LOBS for column in self.columns)


class Cursors:
    """Executes the queries and the DML of one session."""

    def __init__(self, backend: Backend, conversions: Conversions, types: OwnTypes) -> None:
        self._backend = backend
        self._conversions = conversions
        self._types = types
        self._working_types: dict[tuple[str, Types], Types] = {}

    async def query(self, cursor: Cursor, request: Execute, binds: BindRows) -> bytes:
        answer = b""
        if not request.has(Option.EXECUTE):
            return await self._describe(cursor, request)
        await self.close_rows(cursor)
        cursor.rows = await self._open(cursor, self.bound(cursor, binds[:1]))
        cursor.fetched = 0
        if request.sql is not None or not cursor.columns:
            cursor.columns = self._types.described(cursor.rows.shape)
            answer = replies.description(cursor.columns)
        self._prepare_encoders(cursor)
        if request.has(Option.COMMIT) and self._backend.in_transaction:
            await self._backend.commit()
        if request.has(Option.FETCH) and not cursor.awaits_defines:
            return answer + await self.fetch(cursor, request.fetch_rows)
        return answer + self._outcome(cursor)

    async def fetch(self, cursor: Cursor, count: int) -> bytes:
        """At most `count` rows; ORA-01403 in the outcome says that they were the last."""
        if cursor.rows is None:
            raise OracleError(1002)
        rows, last = await cursor.rows.take(count)
        cursor.fetched += len(rows)
        encoders = cursor.encoders
        parts = [replies.row_header(count)] if rows else []
        parts += [replies.row([encode(value) for encode, value in zip(encoders, row, strict=True)]) for row in rows]
        if last:
            await self.close_rows(cursor)
        end = OracleError(1403) if last else None
        return b"".join(parts) + self._outcome(cursor, end, cursor.fetched)

    async def close_rows(self, cursor: Cursor) -> None:
        rows, cursor.rows = cursor.rows, None
        if rows is not None:
            await rows.close()

    async def write(self, cursor: Cursor, request: Execute, binds: BindRows) -> bytes:
        if not request.has(Option.EXECUTE):
            return await self._describe(cursor, request)
        bound = self.bound(cursor, binds)
        batch, commit = request.has(Option.BATCH_ERRORS), request.has(Option.COMMIT)
        failures: list[tuple[int, OracleError]] = []
        fatal: OracleError | None = None
        if len(bound.rows) == 1 and not batch:
            results: list[PGresult | None] = [await self.run_dml(cursor.statement, bound, commit=commit)]
        else:
            results, failures, fatal = await self._write_array(cursor.statement.postgres, bound, batch=batch)
            if commit and fatal is None and not failures and self._backend.in_transaction:
                await self._backend.commit()
        counts = [(result.command_tuples or 0) if result is not None else 0 for result in results]
        answer = b"".join(self._returned(cursor, result) for result in results if result is not None)
        if request.wants_row_counts:
            answer += replies.row_counts(counts)
        if fatal is not None:
            fatal.position = 0
        return answer + self._outcome(cursor, fatal, sum(counts), failures)

    async def run_dml(self, statement: Statement, bound: Parameters, *, commit: bool = False) -> PGresult:
        """One execution of a DML statement, in a transaction unless it is to be committed at once."""
        return await self._typed(
            statement.postgres,
            bound.types,
            lambda types: self._backend.write(statement.postgres, bound.rows[0], types, commit=commit),
        )

    async def run_query(self, statement: Statement, bound: Parameters) -> Rows:
        sql, row = statement.postgres, bound.rows[0]
        backend = self._backend
        if statement.locking is Locking.NONE:
            return await self._typed(sql, bound.types, lambda types: backend.stream(sql, row, types))
        if statement.locking is Locking.AT_FETCH:
            return await self._typed(sql, bound.types, lambda types: backend.open_locking_cursor(sql, row, types))
        return await self._typed(sql, bound.types, lambda types: backend.lock(sql, row, types, statement.wait_seconds))

    def bound(self, cursor: Cursor, binds: BindRows) -> Parameters:
        """The input binds of each execution. ORA-01008 if there are fewer than the statement names."""
        statement, variables = cursor.statement, cursor.variables
        if len(variables) != len(statement.binds):
            raise OracleError(1008 if len(variables) < len(statement.binds) else 1036)
        convert = self._conversions.parameter
        rows = [[convert(variables[at], row[at]) for at in statement.inputs] for row in binds]
        return parameters(rows)

    async def _open(self, cursor: Cursor, bound: Parameters) -> Rows:
        return await self.run_query(cursor.statement, bound)

    async def _describe(self, cursor: Cursor, request: Execute) -> bytes:
        """Parses without executing; also how the client tells its defines."""
        if request.has(Option.DEFINE):
            self._prepare_encoders(cursor)
            return self._outcome(cursor)
        statement = cursor.statement
        unknown = (UNKNOWN,) * len(statement.inputs)
        sql = statement.postgres
        try:
            shape = await self._typed(sql, unknown, lambda types: self._backend.describe(sql, types))
        except OracleError as error:
            if statement.kind is Kind.QUERY or error.sqlstate not in _OTHER_TYPE_WANTED:
                raise
            return self._outcome(cursor)  # its binds have no types before it is executed
        if statement.kind is not Kind.QUERY:
            return self._outcome(cursor)
        cursor.columns = self._types.described(shape)
        return replies.description(cursor.columns) + self._outcome(cursor)

    def _prepare_encoders(self, cursor: Cursor) -> None:
        defines: list[Variable | None] = [*cursor.defines]
        defines += [None] * (len(cursor.columns) - len(defines))
        cursor.encoders = [
            self._conversions.encoder(column, define) for column, define in zip(cursor.columns, defines, strict=True)
        ]

    async def _write_array(
        self, sql: str, bound: Parameters, *, batch: bool
    ) -> tuple[list[PGresult | None], list[tuple[int, OracleError]], OracleError | None]:
        """Each row's result, None for a failed one. Without `batch` the first failure ends it; the rows before stay."""
        results: list[PGresult | None] = []
        failures: list[tuple[int, OracleError]] = []
        while len(results) < len(bound.rows):
            start = len(results)
            try:
                results += await self._write_many(sql, bound.rows[start:], bound.types)
            except OracleError as error:
                if error.position < 0 or error.number == CANCELLED:
                    raise
                good = bound.rows[start : start + error.position]
                if good:
                    results += await self._write_many(sql, good, bound.types)
                if not batch:
                    return results, [], error
                failures.append((len(results), error))
                results.append(None)
        return results, failures, None

    async def _write_many(self, sql: str, rows: Sequence[Row], types: Types) -> list[PGresult]:
        return await self._typed(sql, types, lambda tried: self._backend.write_many(sql, rows, tried))

    async def _typed(self, sql: str, types: Types, attempt: Callable[[Types], Awaitable[_T]]) -> _T:
        """The attempt with the binds' own types; where others are wanted PostgreSQL chooses, as Oracle converts."""
        key = (sql, tuple(types))
        tried: list[Types] = [self._working_types.get(key, tuple(types))]
        while True:
            try:
                result = await attempt(tried[-1])
            except OracleError as error:
                following = _other_types(tried[-1], error)
                if following is None or following in tried:
                    raise
                tried.append(following)
            else:
                self._working_types[key] = tried[-1]
                return result

    def _returned(self, cursor: Cursor, result: PGresult) -> bytes:
        outputs = cursor.statement.outputs
        if not outputs:
            return b""
        out = self._conversions.out
        columns: list[list[bytes]] = [[] for _ in cursor.variables]
        for column, at in enumerate(outputs):
            variable = cursor.variables[at]
            columns[at] = [out(variable, result.get_value(row, column)) for row in range(result.ntuples)]
        return replies.returned_rows([columns[at] for at in sorted(outputs)])

    def _outcome(
        self,
        cursor: Cursor,
        error: OracleError | None = None,
        rows: int = 0,
        batch: Sequence[tuple[int, OracleError]] = (),
    ) -> bytes:
        return replies.outcome(
            error, in_transaction=self._backend.open_to_client, cursor=cursor.number, rows=rows, batch=batch
        )


def _other_types(types: Types, error: OracleError) -> Types | None:
    if error.sqlstate in _UNDECIDED_TYPE and error.parameter:
        return tuple(TEXT if at == error.parameter else number for at, number in enumerate(types, 1))
    if error.sqlstate in _OTHER_TYPE_WANTED and error.number != 1861:
        return (UNKNOWN,) * len(types)
    return None
