"""What is neither a query nor DML: DDL, the control of sessions and transactions, and where PL/SQL blocks begin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import replies
from .backend import Backend
from .blocks import Blocks
from .conversions import Conversions
from .cursors import BindRows, Cursor, Cursors
from .ddl import translated_ddl
from .errors import OracleError, unsupported
from .requests import Execute, Option
from .statements import Kind
from .tokens import postgres_name, tokenize

if TYPE_CHECKING:
    from .server import StandIn

_DDL_WAIT = "SET lock_timeout = '2s'; {}; SET lock_timeout = 0"
_TIME_ZONE = re.compile(r"TIME_ZONE\s*=\s*'([+-]\d\d:\d\d)'", re.IGNORECASE)
_SCHEMA = re.compile(r"CURRENT_SCHEMA\s*=\s*\"?([\w$#]+)", re.IGNORECASE)
_KILL = re.compile(r"KILL\s+SESSION\s+'(\d+)\s*,\s*(\d+)", re.IGNORECASE)
_LOCK = re.compile(r"LOCK\s+TABLE\s+([\w.]+)\s+IN\s+([\w\s]+?)\s+MODE(\s+NOWAIT)?\s*", re.IGNORECASE)
_ISOLATION = {"READ ONLY": "REPEATABLE READ READ ONLY", "ISOLATION LEVEL SERIALIZABLE": "REPEATABLE READ"}


class Commands:
    """The commands of one session; `schema` is PostgreSQL's name of its current schema."""

    def __init__(
        self, standin: StandIn, backend: Backend, cursors: Cursors, conversions: Conversions, schema: str
    ) -> None:
        self._standin = standin
        self._backend = backend
        self._blocks = Blocks(backend, cursors, self.execute)
        self._conversions = conversions
        self._schema = schema

    async def run(self, cursor: Cursor, request: Execute, binds: BindRows) -> bytes:
        answer = b""
        if request.has(Option.EXECUTE):
            if cursor.statement.kind is Kind.PLSQL:
                answer = await self._run_block(cursor, binds)
                if request.has(Option.COMMIT):
                    await self._backend.commit()
            else:
                await self.execute(cursor.statement.kind, cursor.statement.text)
        rows = 1 if cursor.statement.kind is Kind.PLSQL else 0
        return answer + replies.outcome(in_transaction=self._backend.open_to_client, cursor=cursor.number, rows=rows)

    async def _run_block(self, cursor: Cursor, binds: BindRows) -> bytes:
        """Runs it once for each row of binds; what it assigned goes back to the client."""
        statement = cursor.statement
        answer = b""
        for row in binds:
            given = {
                name: self._conversions.parameter(cursor.variables[at], row[at])
                for at, name in enumerate(statement.binds)
            }
            assigned = await self._blocks.run(statement.text, given)
            if statement.binds:
                out = self._conversions.out
                answer += replies.out_values(
                    [
                        out(cursor.variables[at], assigned[name][0]) if name in assigned else None
                        for at, name in enumerate(statement.binds)
                    ]
                )
        return answer

    async def execute(self, kind: Kind, text: str) -> None:
        await (self.ddl(text) if kind is Kind.DDL else self._control(text))

    async def ddl(self, text: str) -> None:
        """DDL commits before and after itself, and waits for locks but for a moment (ORA-00054)."""
        words = [token.upper for token in tokenize(text)[:2]]
        if words == ["ALTER", "SESSION"]:
            await self.alter_session(text)
        elif words == ["ALTER", "SYSTEM"]:
            self._alter_system(text)
        else:
            script = translated_ddl(text, self._schema)
            await self._backend.commit()
            if script:
                await self._backend.script(_DDL_WAIT.format(script))

    async def alter_session(self, text: str) -> None:
        """TIME_ZONE and CURRENT_SCHEMA are honoured, the NLS settings taken as they are."""
        zone, schema = _TIME_ZONE.search(text), _SCHEMA.search(text)
        if zone:
            await self._backend.script(f"SET TIME ZONE INTERVAL '{zone[1]}' HOUR TO MINUTE")
        if schema:
            await self.set_schema(schema[1])

    async def set_schema(self, name: str) -> None:
        self._schema = postgres_name(name.upper())
        await self._backend.script(f'SET search_path = "{self._schema}", sys, pg_catalog')

    def _alter_system(self, text: str) -> None:
        kill = _KILL.search(text)
        if not kill:
            raise unsupported(f"commands like {text[:40]!r}")
        session = self._standin.sessions.get(int(kill[1]))
        if session is None or session.serial != int(kill[2]):
            raise OracleError(30, "User session ID does not exist.")
        session.kill()

    async def _control(self, text: str) -> None:
        words = " ".join(token.upper for token in tokenize(text))
        if words == "COMMIT":
            await self._backend.commit()
        elif words == "ROLLBACK":
            await self._backend.rollback()
        elif words.startswith("SET TRANSACTION "):
            await self._set_transaction(words.removeprefix("SET TRANSACTION "))
        elif locked := _LOCK.fullmatch(text.strip()):
            table = ".".join(f'"{postgres_name(part.upper())}"' for part in locked[1].split("."))
            await self._backend.write(f"LOCK TABLE {table} IN {locked[2]} MODE{locked[3] or ''}", (), ())
        else:
            raise unsupported(f"commands like {text[:40]!r}")

    async def _set_transaction(self, how: str) -> None:
        """ORA-01453 where a transaction is open. A read-only one sees the database as it is now."""
        if self._backend.in_transaction:
            raise OracleError(1453)
        if how in _ISOLATION:
            await self._backend.begin(f"BEGIN ISOLATION LEVEL {_ISOLATION[how]}; SELECT 1")
        elif how not in ("READ WRITE", "ISOLATION LEVEL READ COMMITTED"):
            raise OracleError(900)
