"""Work on a person's SQLite file, asked for from the event loop: patient with locks, stopped when its caller is."""

import asyncio
import sqlite3
from asyncio import CancelledError
from collections.abc import Callable
from typing import Literal, TypeVar, cast

import aiosqlite
import anyio

from mailer.errors import QueryFailed, SourceAway
from mailer.sources.sqlite_connection import GuardedConnection, connect
from mailer.sources.sqlite_errors import FAILURES, as_source_error, is_locked, source_setting
from mailer.sources.sqlite_file import SourceFile

T = TypeVar("T")
Work = Callable[[GuardedConnection], T]

_PAUSE = 0.02
"""Seconds between two tries for a lock: SQLite waits itself, but now and then refuses at once."""
_GRACE = 5.0
"""Seconds for a thread that is asked to stop: within one step of SQLite's, like a sort, nothing can be interrupted."""


class SqliteSession:
    """A connection in a thread of its own; opened when first needed, and again after it broke. One call at a time."""

    def __init__(
        self, file: SourceFile, mode: Literal["ro", "rw"], *, may_change_rows: bool = False, follows: bool = False
    ) -> None:
        """`follows`: each call looks whether another file was put in this one's place, and then opens that."""
        self._file = file
        self._mode = mode
        self._may_change_rows = may_change_rows
        self._follows = follows
        self._thread: _Thread | None = None
        self._spent = 0.0

    async def run(self, work: Work[T], seconds: float, *, in_all: bool = False) -> T:
        """What `work` returns, run in the connection's thread; repeated from its start while the file is locked.

        Past `seconds` (`in_all`: of this session's calls together) the statement is stopped: QueryFailed. Cancelled, it
        is stopped and the connection closed. Raises SourceAway and QueryFailed for sqlite3's errors.
        """
        source = self._file.source
        patient_until = self._file.clock.monotonic() + self._file.patience
        while True:
            seconds_left = max(0.0, seconds - self._spent) if in_all else seconds
            try:
                return await self._turn(work, seconds_left)
            except _FileReplaced:
                await self.close()
            except FAILURES as error:
                if not is_locked(error) or self._file.clock.monotonic() >= patient_until:
                    # Without the cause: it may quote a value of a row.
                    raise as_source_error(source, error, seconds) from None
                await self._file.clock.sleep(_PAUSE)
            except TimeoutError:
                raise QueryFailed(
                    f"data source {source!r}: the query ran longer than {seconds:g} s, and could not be stopped",
                    "Make it faster: it spends its time in one step, like a sort of very many rows.",
                ) from None
            except OSError as error:
                raise SourceAway(
                    f"data source {source!r}: {error.strerror or error}",
                    f"Check that the file of {source_setting(source)} is there.",
                ) from None

    async def close(self) -> None:
        """Stops what runs, and closes; the next call opens again."""
        thread, self._thread = self._thread, None
        if thread is not None:
            with anyio.move_on_after(_GRACE, shield=True):
                thread.guarded.stop()
                await thread.close()

    async def _turn(self, work: Work[T], seconds: float) -> T:
        thread = self._thread or await self._open()
        try:
            return await thread.run(lambda: self._perform(thread.guarded, work, seconds), seconds + _GRACE)
        except (CancelledError, TimeoutError):
            await self.close()
            raise

    async def _open(self) -> "_Thread":
        thread = _Thread(lambda: connect(self._file, self._mode, may_change_rows=self._may_change_rows))
        with anyio.CancelScope(shield=True):  # cancelled half-way, it would leave a connection that nobody closes
            await thread
        self._thread = thread
        return thread

    def _perform(self, connection: GuardedConnection, work: Work[T], seconds: float) -> T:
        if self._follows and self._file.identity() != connection.identity:
            raise _FileReplaced
        began = self._file.clock.monotonic()
        connection.allow(seconds)
        try:
            return work(connection)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY_ROLLBACK:
                raise
            # A writer died in the middle of a commit, perhaps this program: a reader may not roll that back.
            self._file.settle()
            return work(connection)
        finally:
            self._spent += self._file.clock.monotonic() - began


class _FileReplaced(Exception):
    """Another file stands where this connection's was."""


class _Thread(aiosqlite.Connection):
    """aiosqlite's thread, given a whole piece of work at once: each of its own verbs is a journey there and back."""

    def __init__(self, connector: Callable[[], GuardedConnection]) -> None:
        super().__init__(connector, iter_chunk_size=1)
        # A step of SQLite's that can't be stopped must not hold up the end of the process.
        self._thread.daemon = True

    @property
    def guarded(self) -> GuardedConnection:
        """The connection in the thread."""
        return cast("GuardedConnection", self._conn)

    async def run(self, work: Callable[[], T], seconds: float) -> T:
        """What `work` returns or raises; TimeoutError past `seconds`, and then, as when cancelled, it may still run."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        # Not a cancel scope: that costs a third of what a whole mapping query does.
        timer = loop.call_later(seconds, _expire, future)
        self._tx.put_nowait((future, work))
        try:
            return await future
        finally:
            timer.cancel()


def _expire(future: "asyncio.Future[T]") -> None:
    if not future.done():
        future.set_exception(TimeoutError())
