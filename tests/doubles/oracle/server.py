"""The stand-in itself: a listener, its users, its sessions, its faults and its clock."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import LiteralString

import psycopg
from psycopg import sql

from .authentication import Verifier, Verifier10g, Verifier11g, Verifier12c
from .backend import Backend
from .calls import Calls
from .columns import OwnTypes
from .faults import Faults
from .packets import PacketStream
from .postgres import create_database, drop_database
from .session import Session
from .tokens import postgres_name

_HOST = "127.0.0.1"
_LOOK_EVERY = 0.01
_MICROSECOND = timedelta(microseconds=1)
_Admin = psycopg.AsyncConnection[tuple[object, ...]]


class StandIn:
    """An Oracle 19c, as far as the driver can tell: `dsn` is where it listens, `faults` what goes wrong with it.

    Every user has a schema and a password. Make one by `running_standin`.
    """

    def __init__(self, postgres: str, database: str, admin: _Admin, types: OwnTypes, service: str) -> None:
        self.service = service
        self.faults = Faults()
        self.sessions: dict[int, Session] = {}
        self.verifiers: dict[str, Verifier] = {}
        self.port = 0
        self._postgres = postgres
        self._database = database
        self._admin = admin
        self._types = types
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._last_sid = 0

    @property
    def dsn(self) -> str:
        return f"{_HOST}:{self.port}/{self.service}"

    async def add_user(self, user: str, password: str, *, old_verifier: bool = False) -> None:
        """A user with a schema of the same name; `old_verifier` is one whose password is older than 12c."""
        name = sql.Identifier(postgres_name(user.upper()))
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            # A role belongs to the whole server: another stand-in may have made it.
            await self._admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        await self._admin.execute(sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(name, name))
        await self._admin.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO PUBLIC").format(name))
        self.set_password(user, password, old_verifier=old_verifier)

    def set_password(self, user: str, password: str, *, old_verifier: bool = False) -> None:
        self.verifiers[user.upper()] = Verifier11g(password) if old_verifier else Verifier12c(password)

    def keep_ancient_password(self, user: str) -> None:
        """As if it had last been set before 11.1: no driver in thin mode can prove it."""
        self.verifiers[user.upper()] = Verifier10g()

    async def listen(self, port: int = 0) -> None:
        """Takes connections; after `go_down` on the port that it had."""
        self._listener = await asyncio.start_server(self._connected, _HOST, port or self.port, limit=1 << 22)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def go_down(self) -> None:
        """The listener refuses and all sessions are cut: a database that is shut down. `listen` brings it back."""
        if self._listener:
            self._listener.close()
            self._listener = None
        self.kill_all()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def kill_all(self) -> None:
        for session in list(self.sessions.values()):
            session.kill()

    async def advance(self, by: timedelta) -> None:
        """Moves the database's clock on (or back) for all sessions at once, in the middle of their transactions too."""
        await self._admin.execute(
            "SELECT setval('sys.clock_offset', (SELECT last_value FROM sys.clock_offset) + %s)", [by // _MICROSECOND]
        )

    async def set_clock_offset(self, offset: timedelta) -> None:
        await self._admin.execute("SELECT setval('sys.clock_offset', %s)", [offset // _MICROSECOND])

    async def freeze_clock(self, at: datetime | None) -> None:
        """Stops the database's clock at a moment (the offset is added to it); None lets it run again."""
        moment = 0 if at is None else int(at.timestamp() * 1_000_000)
        await self._admin.execute("SELECT setval('sys.clock_frozen_at', %s)", [moment])

    async def is_waiting(self, sid: int) -> bool:
        """Whether a session waits for another one's lock."""
        return await self._has_process(sid, "wait_event_type = 'Lock'")

    async def until_waiting(self, sid: int) -> None:
        """Returns when a session waits for another one's lock: so a race is arranged without sleeping."""
        while not await self.is_waiting(sid):  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(_LOOK_EVERY)

    async def until_executing(self, sid: int) -> None:
        """Returns when a session's statement runs in PostgreSQL."""
        while not await self._has_process(sid, "state = 'active'"):  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(_LOOK_EVERY)

    async def may_see(self, role: str, table: str) -> bool:
        """Whether a user has any right on a table of that name: ORA-01031 says so, ORA-00942 does not."""
        found = await self._admin.execute(
            "SELECT 1 FROM pg_class"
            " WHERE relname = %s AND has_table_privilege(%s, oid, 'SELECT, INSERT, UPDATE, DELETE')",
            [table, role],
        )
        return await found.fetchone() is not None

    async def open_calls(self, session: Session) -> Calls:
        role = postgres_name(session.user)
        backend = await Backend.connect(self._postgres, self._database, role, session.sid)
        return Calls(self, backend, self._types, role)

    async def _has_process(self, sid: int, condition: LiteralString) -> bool:
        calls = self.sessions[sid].calls
        if calls is None:
            return False
        found = await self._admin.execute(
            f"SELECT 1 FROM pg_stat_activity WHERE pid = %s AND {condition}", [calls.process]
        )
        return await found.fetchone() is not None

    def forget(self, session: Session) -> None:
        self.sessions.pop(session.sid, None)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._connections.add(task)
        try:
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._last_sid += 1
            session = Session(self, PacketStream(reader, writer), self._last_sid)
            self.sessions[session.sid] = session
            await session.run()
        finally:
            self._connections.discard(task)


@asynccontextmanager
async def running_standin(
    postgres: str,
    users: Mapping[str, str],
    *,
    port: int = 0,
    service: str = "FREEPDB1",
    old_verifiers: Collection[str] = (),
) -> AsyncIterator[StandIn]:
    """A stand-in with an empty database of its own on a running PostgreSQL; both are gone on leaving.

    `users` has a password for each user; those in `old_verifiers` have passwords older than 12c.
    """
    database = f"standin_{secrets.token_hex(6)}"
    await create_database(postgres, database)
    try:
        async with await psycopg.AsyncConnection.connect(postgres, dbname=database, autocommit=True) as admin:
            found = await admin.execute(
                "SELECT typname, oid::int FROM pg_type WHERE typnamespace = 'sys'::regnamespace"
            )
            types = OwnTypes.of({str(name): int(str(number)) for name, number in await found.fetchall()})
            standin = StandIn(postgres, database, admin, types, service.upper())
            for user, password in users.items():
                await standin.add_user(user, password, old_verifier=user in old_verifiers)
            await standin.listen(port)
            try:
                yield standin
            finally:
                await standin.go_down()
    finally:
        await drop_database(postgres, database)
