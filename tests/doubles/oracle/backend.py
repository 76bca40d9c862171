"""One PostgreSQL connection behind one Oracle session: statements and transactions, one at a time.

PostgreSQL gives up a whole transaction after an error, Oracle only the statement: so within a transaction each
statement runs inside a savepoint. A savepoint, its statement and its release travel together, in one turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import psycopg
from psycopg import generators, waiting
from psycopg.abc import RV, PQGen
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from .errors import OracleError, from_postgres
from .streams import Buffered, LockingCursor, Row, Stream

_CHUNK = 500
_WAKE_EVERY = 60.0  # seconds; psycopg wants a number, nothing depends on it
_SAVEPOINT = b"SAVEPOINT standin"
_RELEASE = b"RELEASE SAVEPOINT standin"
_UNDO = b"ROLLBACK TO SAVEPOINT standin; RELEASE SAVEPOINT standin"

Types = Sequence[int]
_Command = Callable[[], None]


class Backend:
    """What an Oracle session needs of PostgreSQL. Every failure is an OracleError; a lost connection is psycopg's."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        self.in_transaction = False
        self.read_only = False
        self.transaction_number = 0
        self._connection = connection
        self._pg = connection.pgconn
        self._stream: Stream | None = None
        self._stream_in_savepoint = False
        self._cursors = 0

    @classmethod
    async def connect(cls, uri: str, database: str, role: str, session_id: int) -> Backend:
        options = f'-c search_path="{role}",sys,pg_catalog -c standin.sid={session_id}'
        return cls(
            await psycopg.AsyncConnection.connect(uri, dbname=database, user=role, options=options, autocommit=True)
        )

    @property
    def process(self) -> int:
        """The number of PostgreSQL's process for this session."""
        return self._pg.backend_pid

    @property
    def open_to_client(self) -> bool:
        """What the client is told of a transaction. A read-only one is not told: who forgets to end it shall notice."""
        return self.in_transaction and not self.read_only

    async def run(self, sql: str, values: Row = (), types: Types = ()) -> PGresult:
        """One statement; within a transaction it fails alone, outside of one it commits by itself."""
        command = self._command(sql, values, types)
        await self._settle()
        results = await (self._atomically([command]) if self.in_transaction else self._turn([command]))
        return results[0]

    async def write(self, sql: str, values: Row, types: Types, *, commit: bool = False) -> PGresult:
        """One statement that belongs to a transaction: begins one if none is open, and commits it if asked."""
        return (await self._write([self._command(sql, values, types)], commit=commit))[0]

    async def write_many(self, sql: str, rows: Sequence[Row], types: Types, *, commit: bool = False) -> list[PGresult]:
        """The statement for each row, prepared once: all rows or none.

        A failure's `position` is its row's, -1 where the statement itself is at fault.
        """

        def execution(row: Row) -> _Command:
            return lambda: self._pg.send_query_prepared(b"", row)

        prepare = self._preparation(sql, types)
        try:
            results = await self._write([prepare, *map(execution, rows)], commit=commit)
        except OracleError as error:
            error.position -= 1
            raise
        return results[1:]

    async def describe(self, sql: str, types: Types) -> PGresult:
        """What a statement would return, without running it."""
        commands = [self._preparation(sql, types), lambda: self._pg.send_describe_prepared(b"")]
        await self._settle()
        results = await (self._atomically(commands) if self.in_transaction else self._turn(commands))
        await self._require_rights(sql, types)
        return results[-1]

    async def _require_rights(self, sql: str, types: Types) -> None:
        """Oracle asks for them when it parses, PostgreSQL when it begins to execute, or to explain."""
        explain = [self._command(f"EXPLAIN {sql}", (None,) * len(types), types)]
        try:
            await (self._atomically(explain) if self.in_transaction else self._turn(explain))
        except OracleError as error:
            if error.denied:
                raise

    async def stream(self, sql: str, values: Row, types: Types) -> Stream:
        """A plain query, its rows read as they are taken."""
        await self._settle()
        if self.in_transaction:
            await self._script(_SAVEPOINT)
            self._stream_in_savepoint = True
        self._command(sql, values, types)()
        self._pg.set_chunked_rows_mode(_CHUNK)
        await self._wait(generators.send(self._pg))
        first = await self.next_chunk()
        if first is None:
            raise OracleError(900)
        self._stream = Stream(self, first)
        return self._stream

    async def next_chunk(self) -> PGresult | None:
        """The current stream's next chunk; None behind its last, when the connection is free again."""
        result: PGresult | None = await self._wait(generators.fetch(self._pg))
        if result is not None and result.status != ExecStatus.FATAL_ERROR:
            return result
        if result is not None:
            await self._discard()
        await self._free_stream(_RELEASE if result is None else _UNDO)
        if result is not None:
            raise from_postgres(result)
        return None

    async def abandon(self, stream: Stream) -> None:
        """Ends a stream that nobody reads any more."""
        if self._stream is stream:
            await self.cancel()
            await self._discard()
            await self._free_stream(_UNDO)

    async def lock(self, sql: str, values: Row, types: Types, wait_seconds: int | None) -> Buffered:
        """A FOR UPDATE query: all its rows are locked at once. ORA-30006 if one stays locked beyond the wait."""
        if wait_seconds is None:
            return Buffered(await self.write(sql, values, types))
        limits = [
            self._command(f"SET LOCAL lock_timeout = '{wait_seconds}s'"),
            self._command("SET LOCAL lock_timeout = 0"),
        ]
        try:
            results = await self._write([limits[0], self._command(sql, values, types), limits[1]])
        except OracleError as error:
            raise OracleError(30006) if error.number == 54 else error from error
        return Buffered(results[1])

    async def open_locking_cursor(self, sql: str, values: Row, types: Types) -> LockingCursor:
        self._cursors += 1
        name = f"standin_{self._cursors}"
        declare = self._command(f"DECLARE {name} NO SCROLL CURSOR FOR {sql}", values, types)
        results = await self._write([declare, self._command(f"FETCH 0 FROM {name}")])
        return LockingCursor(self, name, results[1])

    async def begin(self, how: str = "BEGIN") -> None:
        await self._settle()
        await self._script(how.encode())
        self.in_transaction = True
        self.read_only = "READ ONLY" in how

    async def commit(self) -> None:
        await self._end(b"COMMIT")

    async def rollback(self) -> None:
        await self._end(b"ROLLBACK")

    async def script(self, sql: str) -> None:
        """Several statements at once: all or none."""
        await self._settle()
        await self._script(sql.encode())

    async def cancel(self) -> None:
        """Asks PostgreSQL to give up what runs now; it ends with ORA-01013."""
        await self._connection.cancel_safe(timeout=5)

    async def close(self) -> None:
        await self._connection.close()

    async def _end(self, how: bytes) -> None:
        await self._settle()
        if self.in_transaction:
            await self._script(how)
            self.in_transaction = self.read_only = False
            self.transaction_number += 1

    async def _settle(self) -> None:
        if self._stream is not None:
            await self._stream.buffer_rest()

    async def _free_stream(self, end: bytes) -> None:
        self._stream = None
        if self._stream_in_savepoint:
            self._stream_in_savepoint = False
            await self._script(end)

    async def _write(self, commands: Sequence[_Command], *, commit: bool = False) -> list[PGresult]:
        await self._settle()
        if self.in_transaction:
            results = await self._atomically(commands)
            if commit:
                await self.commit()
            return results
        if commit:
            return await self._turn(commands)
        try:
            results = await self._turn([self._command("BEGIN"), *commands])
        except OracleError as error:
            error.position -= 1
            await self._script(b"ROLLBACK")
            raise
        self.in_transaction = True
        return results[1:]

    async def _atomically(self, commands: Sequence[_Command]) -> list[PGresult]:
        wrapped = [self._command(_SAVEPOINT.decode()), *commands, self._command(_RELEASE.decode())]
        try:
            return (await self._turn(wrapped))[1:-1]
        except OracleError as error:
            error.position -= 1
            await self._script(_UNDO)
            raise

    async def _turn(self, commands: Sequence[_Command]) -> list[PGresult]:
        """All commands, then all their results; the first error's `position` is its command's."""
        pg = self._pg
        pg.enter_pipeline_mode()
        try:
            found = await self._wait(generators.pipeline_communicate(pg, deque([*commands, pg.pipeline_sync])))
            await self._wait(generators.send(pg))  # what is large has not left yet
            results = [result for group in found for result in group]
            while not results or results[-1].status != ExecStatus.PIPELINE_SYNC:
                results += await self._wait(generators.fetch_many(pg))
        finally:
            if pg.status == ConnStatus.OK:
                pg.exit_pipeline_mode()
        for at, result in enumerate(results):
            if result.status == ExecStatus.FATAL_ERROR:
                error = from_postgres(result)
                error.position = at
                raise error
        return results[:-1]

    def _command(self, sql: str, values: Row = (), types: Types = ()) -> _Command:
        return lambda: self._pg.send_query_params(sql.encode(), values or None, param_types=types or None)

    def _preparation(self, sql: str, types: Types) -> _Command:
        return lambda: self._pg.send_prepare(b"", sql.encode(), types or None)

    async def _script(self, sql: bytes) -> None:
        self._pg.send_query(sql)
        for result in await self._wait(generators.execute(self._pg)):
            if result.status == ExecStatus.FATAL_ERROR:
                raise from_postgres(result)

    async def _discard(self) -> None:
        while await self._wait(generators.fetch(self._pg)) is not None:
            pass

    async def _wait(self, generator: PQGen[RV]) -> RV:
        return await waiting.wait_async(generator, self._pg.socket, interval=_WAKE_EVERY)
