"""The functions that a session's client calls, and the state that they share: cursors, LOBs, the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from . import replies
from .backend import Backend
from .columns import OwnTypes
from .commands import Commands
from .conversions import Conversions
from .cursors import Cursor, Cursors
from .errors import OracleError, unsupported
from .lobs import Lobs
from .requests import (
    CloseCursors,
    CurrentSchema,
    Execute,
    Fetch,
    FreeLobs,
    Function,
    LobCall,
    Option,
    Request,
    Simple,
    Variable,
)
from .statements import Kind, Statement, translated

if TYPE_CHECKING:
    from .server import StandIn

Binds = Sequence[Mapping[int, bytes | None]]


class Calls:
    def __init__(self, standin: StandIn, backend: Backend, types: OwnTypes, role: str) -> None:
        self._standin = standin
        self._role = role
        self._backend = backend
        self._lobs = Lobs()
        conversions = Conversions(types, self._lobs)
        self._cursors = Cursors(backend, conversions, types)
        self._commands = Commands(standin, backend, self._cursors, conversions, role)
        self._open: dict[int, Cursor] = {}
        self._next = 1

    @property
    def in_transaction(self) -> bool:
        return self._backend.open_to_client

    @property
    def open_cursors(self) -> int:
        return len(self._open)

    @property
    def process(self) -> int:
        return self._backend.process

    def text_of(self, request: Execute | Fetch) -> str:
        if isinstance(request, Execute) and request.sql is not None:
            return request.sql
        cursor = self._open.get(request.cursor)
        return cursor.statement.text if cursor else ""

    def variables_to_read(self, request: Execute) -> list[tuple[int, Variable]]:
        """Which bind values follow this request, in order: those that RETURNING … INTO fills are not sent."""
        if request.defines or not request.options & (Option.BIND | Option.EXECUTE):
            return []
        cursor = self._open.get(request.cursor)
        variables = request.variables or (cursor.variables if cursor and request.sql is None else ())
        statement = self._statement(request, cursor)
        outputs = statement.outputs if statement else ()
        sent = [(at, variable) for at, variable in enumerate(variables) if at not in outputs]
        if statement and statement.kind is Kind.PLSQL:
            return sent
        return sorted(sent, key=lambda item: item[1].is_long)  # long values are sent behind the others

    def _statement(self, request: Execute, cursor: Cursor | None) -> Statement | None:
        if request.sql is None:
            return cursor.statement if cursor else None
        try:
            return translated(request.sql)
        except OracleError:
            return None  # the answer will say what is wrong

    async def answer(self, request: Request, binds: Binds) -> bytes:
        match request:
            case Execute():
                return await self._execute(request, binds)
            case Fetch():
                cursor = self._open.get(request.cursor)
                if cursor is None:
                    raise OracleError(1001)
                return await self._cursors.fetch(cursor, request.rows)
            case LobCall():
                return self._lobs.operate(request) + replies.outcome(in_transaction=self.in_transaction)
            case Simple(function=function):
                if function in (Function.COMMIT, Function.LOGOFF):
                    await self._backend.commit()
                elif function is Function.ROLLBACK:
                    await self._backend.rollback()
                return replies.status(in_transaction=self.in_transaction)
        raise unsupported(f"the request {request}")

    async def note(self, request: CloseCursors | CurrentSchema | FreeLobs) -> None:
        """What rides in front of a function and has no answer."""
        match request:
            case CloseCursors(cursors=cursors):
                for number in cursors:
                    cursor = self._open.pop(number, None)
                    if cursor:
                        await self._cursors.close_rows(cursor)
            case CurrentSchema(name=name):
                await self._commands.set_schema(name)
            case FreeLobs(locators=locators):
                for locator in locators:
                    self._lobs.free(locator)

    async def alter_session(self, text: str) -> None:
        await self._commands.alter_session(text)

    async def cancel(self) -> None:
        await self._backend.cancel()

    async def close(self) -> None:
        await self._backend.close()

    async def _execute(self, request: Execute, binds: Binds) -> bytes:
        cursor = self._cursor(request)
        if request.variables:
            cursor.variables = request.variables
        if request.defines:
            cursor.defines = request.defines
        binds = binds or [{}] * max(request.executions, 1)
        try:
            match cursor.statement.kind:
                case Kind.QUERY:
                    return await self._cursors.query(cursor, request, binds)
                case Kind.DML:
                    return await self._cursors.write(cursor, request, binds)
            return await self._commands.run(cursor, request, binds)
        except OracleError as error:
            if error.denied and not await self._standin.may_see(self._role, error.denied):
                error = OracleError(942)  # what a user may not see is not there
            return replies.outcome(error, in_transaction=self.in_transaction, cursor=cursor.number)

    def _cursor(self, request: Execute) -> Cursor:
        if request.sql is None:
            try:
                return self._open[request.cursor]
            except KeyError:
                raise OracleError(1001) from None
        number = request.cursor or self._next
        if not request.cursor:
            self._next += 1
        cursor = Cursor(number, translated(request.sql))
        self._open[number] = cursor
        return cursor
