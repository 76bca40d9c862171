"""The stand-in in a process of its own, and what is left when that is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import oracledb
import pytest

from tests.doubles.oracle import Action, Control, Fault, connected_control, running_servers
from tests.unit.doubles.oracle.failures import fails_with

ROOT = Path(__file__).parents[4]


@dataclass(frozen=True, slots=True)
class Running:
    process: asyncio.subprocess.Process
    dsn: str
    control: str


@asynccontextmanager
async def standin_process(temporary: Path | None = None) -> AsyncIterator[Running]:
    """`temporary`: what it takes for the system's temporary directory."""
    command = (sys.executable, "-m", "tests.doubles.oracle", "--port", "0", "--user", "app/한글")
    env = {**os.environ, **({"TMPDIR": str(temporary)} if temporary else {})}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=env, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        dsn = (await process.stdout.readline()).decode().strip()
        control = (await process.stdout.readline()).decode().strip().removeprefix("control ")
        yield Running(process, dsn, control)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # else its pipe is closed by the garbage collector


async def connected(running: Running) -> oracledb.AsyncConnection:
    connection: oracledb.AsyncConnection = await oracledb.connect_async(user="app", password="한글", dsn=running.dsn)
    return connection


async def asked(connection: oracledb.AsyncConnection, sql: str) -> object:
    with connection.cursor() as cursor:
        await cursor.execute(sql)
        (found,) = await cursor.fetchone()
        return found


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with standin_process() as process:
        yield process


@pytest.fixture
async def control(running: Running) -> AsyncIterator[Control]:
    async with connected_control(running.control) as orders:
        yield orders


async def test_faults_sessions_and_the_clock_are_ordered_from_outside(running: Running, control: Control) -> None:
    connection = await connected(running)
    connection.module = "mailer"
    assert await asked(connection, "SELECT 1 FROM DUAL") == 1
    (session,) = await control.sessions()
    assert (session["user"], session["module"], session["sid"]) == ("APP", "mailer", connection.session_id)

    fault = await control.arm(Fault(Action.ERROR, sql="DUAL", code=1555))
    with fails_with("ORA-01555"):
        await asked(connection, "SELECT 2 FROM DUAL")
    await control.until_struck(fault)
    await control.disarm(fault)
    await control.arm(Fault(Action.ERROR, times=0))
    await control.clear_faults()

    await control.freeze_clock(datetime(2026, 11, 24, tzinfo=UTC))
    await control.advance(timedelta(seconds=1.5))
    now = await asked(connection, "SELECT SYS_EXTRACT_UTC(SYSTIMESTAMP) FROM DUAL")
    assert now == datetime(2026, 11, 24, 0, 0, 1, 500000)
    await control.freeze_clock(None)

    await control.go_down()
    with fails_with("DPY-4011"):
        await asked(connection, "SELECT 3 FROM DUAL")
    await control.come_back()
    again = await connected(running)
    await control.kill(again.session_id)
    with fails_with("DPY-4011"):
        await again.ping()
    await control.set_password("app", "new")
    with fails_with("ORA-01017"):
        await connected(running)


async def test_an_order_that_is_wrong_is_said_to_be(control: Control) -> None:
    with pytest.raises(RuntimeError, match="KeyError"):
        await control.kill(999)
    await control.clear_faults()


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary directory for stand-ins of this test alone, with a path that a socket's name may begin with."""
    with tempfile.TemporaryDirectory(prefix="standins-") as folder:
        yield Path(folder)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_stopped_stand_in_leaves_nothing_behind(temporary: Path) -> None:
    async with standin_process(temporary) as running:
        connection = await connected(running)
        assert len(running_servers(temporary)) == 1
    assert running.process.returncode == 0
    assert files_in(temporary) == []
    with fails_with("DPY-4011"):
        await connection.ping()


async def test_a_killed_stand_ins_server_is_stopped_by_whoever_comes_next(temporary: Path) -> None:
    async with standin_process(temporary) as running:
        running.process.send_signal(signal.SIGKILL)
        await running.process.wait()
    (left_over,) = running_servers(temporary)
    async with standin_process(temporary):
        (own,) = running_servers(temporary)
        assert own != left_over
        assert not left_over.exists()
    assert files_in(temporary) == []
