"""Connections to one Oracle service, kept and handed out.

Not by the driver's own pool: in python-oracledb 26.1 one session that never answers, once dropped, or one connection
that never comes about, keeps its asynchronous pool from opening any other (tests/unit/db/test_oracle_driver.py).
"""

import os
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio
import oracledb

from mailer.db.oracle_calls import GRACE, bounded, undisturbed
from mailer.db.oracle_errors import Kind, Trouble, Whereabouts, is_dead, read_error
from mailer.db.oracle_names import look_up
from mailer.model.clock import Clock
from mailer.model.database_url import OracleService

T = TypeVar("T")

CONNECT_SECONDS = 20.0
"""Until a connection stands, at most."""
FIRST_SECONDS = 5.0
"""Of patience with the first connection of all: something about it may be wrong for good."""
IDLE_SECONDS = 60.0
"""A connection that nobody used for longer is asked whether it still stands: a firewall may have forgotten it."""
LIFETIME_SECONDS = 3600.0
"""A connection is not kept for longer, so that sessions spread again over a cluster whose nodes have come back."""
AGAIN_SECONDS = 0.5
"""Between two tries to connect."""
DENIED_SECONDS = 60.0
"""A login that was refused is not tried again for so long: each try counts towards locking the account."""
STATEMENTS_KEPT = 150
"""Parsed statements that each connection keeps: all of mailer's own."""


class OracleTrouble(Exception):
    """An error of Oracle's, the driver's or the network's; the users of a pool make it one of theirs."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


@dataclass(slots=True)
class _Kept:
    raw: oracledb.AsyncConnection
    opened_at: float
    used_at: float


class OracleLink:
    """A connection in somebody's hands. One call at a time."""

    def __init__(self, raw: oracledb.AsyncConnection, where: Whereabouts) -> None:
        self.raw = raw
        self.is_spoiled = False
        """A call of it was cancelled, found no answer in time, or found the connection dead."""
        self._where = where
        self._action = self._info = ""

    async def run(self, call: Coroutine[object, object, T], seconds: float) -> T:
        """What the call returns, within that time. Raises OracleTrouble."""
        self.is_spoiled = True  # until it has ended well, or with an error of the database's
        try:
            result = await bounded(call, seconds)
        except (oracledb.Error, OSError) as error:  # TimeoutError is an OSError
            self.is_spoiled = is_dead(error) or not self.raw.is_healthy()
            raise OracleTrouble(read_error(error, self._where)) from None  # its cause may quote a value of a row
        self.is_spoiled = False
        return result

    @asynccontextmanager
    async def read_only(self, seconds: float) -> AsyncIterator[None]:
        """A transaction in which the database refuses every change, and which sees it as it is now."""
        await self.run(self._say("SET TRANSACTION READ ONLY"), seconds)
        try:
            yield
        finally:
            # The driver is not told that such a transaction is open, and would leave it so.
            if not self.is_spoiled:
                with anyio.CancelScope(shield=True), suppress(OracleTrouble):
                    await self.run(self.raw.rollback(), GRACE)

    async def _say(self, sql: str) -> None:
        with self.raw.cursor() as cursor:
            await cursor.execute(sql)

    def trace(self, action: str, info: str) -> None:
        """What a DBA sees of this connection in V$SESSION from its next call on; costs no round trip."""
        if action != self._action:
            self._action = action
            self.raw.action = action[:64]
        if info != self._info:
            self._info = info
            # None, for to the driver '' is a text whose length it writes twice.
            self.raw.clientinfo = info[:64] or None  # type: ignore[assignment] # the driver's annotation lacks None


class OraclePool:
    """At most `size` connections, each opened when it is first needed."""

    def __init__(self, where: Whereabouts, *, patience: float, clock: Clock) -> None:
        """`patience`: seconds for which a free connection, or a database that is away, is waited for."""
        self._where = where
        self._patience = patience
        self._clock = clock
        self._free: list[_Kept] = []
        self._room = anyio.Semaphore(where.service.pool)
        self.notice = ""
        """What the database said with the login, if it let us in: ORA-28002, the password will expire."""
        self._denied: Trouble | None = None
        self._denied_at = 0.0

    async def __aenter__(self) -> "OraclePool":
        """Connects, so that what is wrong shows at once. Raises OracleTrouble."""
        self._free.append(await self._connection(min(FIRST_SECONDS, self._patience)))
        return self

    async def __aexit__(self, *details: object) -> None:
        with anyio.CancelScope(shield=True):
            while self._free:
                await _close(self._free.pop().raw)

    @asynccontextmanager
    async def link(self) -> AsyncIterator[OracleLink]:
        """A connection without an open transaction; what the block leaves open is rolled back.

        Waits, as long as the patience, for a free one and for a database that is away. Raises OracleTrouble.
        """
        await self._take_room()
        try:
            kept = await self._connection(self._patience)
            link = OracleLink(kept.raw, self._where)
            try:
                yield link
            finally:
                await self._put_back(kept, link)
        finally:
            self._room.release()

    async def _take_room(self) -> None:
        try:
            with anyio.fail_after(self._patience):
                await self._room.acquire()
        except TimeoutError:
            size = self._where.service.pool
            raise OracleTrouble(
                Trouble(
                    Kind.AWAY,
                    f"{self._where}: all {size} connections were in use for {self._patience:g} s",
                    f"Raise {self._where.prefix}POOL, or look in V$SESSION for what they wait for.",
                )
            ) from None

    async def _connection(self, patience: float) -> _Kept:
        deadline = self._clock.monotonic() + patience
        while True:
            while self._free:
                kept = self._free.pop()
                if await self._stands(kept):
                    return kept
                with anyio.CancelScope(shield=True):
                    await _close(kept.raw)
            try:
                return await self._open()
            except OracleTrouble as error:
                if error.trouble.kind not in (Kind.AWAY, Kind.LATE) or self._clock.monotonic() >= deadline:
                    raise
            await self._clock.sleep(AGAIN_SECONDS)

    async def _stands(self, kept: _Kept) -> bool:
        now = self._clock.monotonic()
        if not kept.raw.is_healthy() or now - kept.opened_at > LIFETIME_SECONDS:
            return False
        if now - kept.used_at <= IDLE_SECONDS:
            return True
        try:
            await bounded(kept.raw.ping(), CONNECT_SECONDS)
        except (oracledb.Error, OSError):
            return False
        return True

    async def _open(self) -> _Kept:
        now = self._clock.monotonic()
        if self._denied is not None and now - self._denied_at < DENIED_SECONDS:
            raise OracleTrouble(self._denied)
        try:
            # Undisturbed: broken off in the middle of a login, the driver would leave a session behind now and then.
            await bounded(look_up(self._where.service), CONNECT_SECONDS)
            raw = await undisturbed(_connect(self._where.service), CONNECT_SECONDS, self._keep)
        except (oracledb.Error, OSError) as error:
            trouble = read_error(error, self._where)
            if trouble.kind is Kind.DENIED:
                self._denied, self._denied_at = trouble, now
            raise OracleTrouble(trouble) from None
        self.notice = "" if raw.warning is None else str(raw.warning).partition("\n")[0]
        return _Kept(raw, now, now)

    def _keep(self, raw: oracledb.AsyncConnection) -> None:
        now = self._clock.monotonic()
        self._free.append(_Kept(raw, now, now))

    async def _put_back(self, kept: _Kept, link: OracleLink) -> None:
        """Whatever has happened: a connection that may be in the middle of something is closed."""
        with anyio.CancelScope(shield=True):
            if not link.is_spoiled and kept.raw.transaction_in_progress:
                try:
                    await link.run(kept.raw.rollback(), GRACE)
                except OracleTrouble:
                    link.is_spoiled = True
            if link.is_spoiled:
                await _close(kept.raw)
            else:
                kept.used_at = self._clock.monotonic()
                self._free.append(kept)


async def _connect(service: OracleService) -> oracledb.AsyncConnection:
    connection: oracledb.AsyncConnection = await oracledb.connect_async(
        dsn=service.dsn,
        user=service.user,
        password=service.password,
        config_dir=_text(service.tns_admin),
        wallet_location=_text(service.wallet),
        wallet_password=service.wallet_password,
        stmtcachesize=STATEMENTS_KEPT,
        tcp_connect_timeout=CONNECT_SECONDS / 4,
        expire_time=1,  # minutes: what lies between may forget a connection that is silent
        program="mailer",
    )
    connection.module = "mailer"
    connection.client_identifier = f"{socket.gethostname()}-{os.getpid()}"[:64]
    return connection


async def _close(raw: oracledb.AsyncConnection) -> None:
    """Logs off if the server listens; the socket is closed in any case."""
    with suppress(oracledb.Error, OSError):
        await bounded(raw.close(), GRACE, grace=0.1)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
