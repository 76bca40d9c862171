"""Connections to Oracle: kept, bounded, replaced; and none of them, nor a row, is lost to a cancellation."""

import asyncio
import random
import socket
import threading
from collections.abc import Awaitable
from contextlib import suppress

import anyio
import oracledb
import pytest

from mailer.db import oracle_pool
from mailer.db.oracle import OracleDatabase
from mailer.errors import DatabaseAway, DatabaseDenied
from mailer.model.database_url import OracleService
from tests.doubles.hand_clock import HandClock
from tests.doubles.oracle import Action, Fault, StandIn
from tests.unit.db.conftest import PASSWORD, USER, Open

ASK = "read_now"


async def ask(database: OracleDatabase) -> object:
    return await database.fetch(ASK)


async def test_one_after_another_share_a_connection(standin: StandIn, opened: Open) -> None:
    database = await opened()
    for _ in range(5):
        await ask(database)
    assert len(standin.sessions) == 1


async def test_there_are_as_many_connections_as_are_used_at_once_and_no_more_than_the_pool_has(
    standin: StandIn, opened: Open
) -> None:
    database = await opened(pool=3)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(ask(database))
    assert 1 <= len(standin.sessions) <= 3


async def test_a_full_pool_says_so_and_which_setting_makes_it_larger(opened: Open) -> None:
    database = await opened(pool=2, patience=0.2)
    async with database.transaction(), database.transaction():
        with pytest.raises(DatabaseAway, match="all 2 connections were in use") as caught:
            async with database.transaction():
                pass
    assert "MAILER_DATABASE_POOL" in caught.value.next_step
    await ask(database)


async def test_a_dba_sees_who_does_what(standin: StandIn, database: OracleDatabase) -> None:
    await database.execute("delete_minutes", {"job_id": 17})
    (session,) = [one for one in standin.sessions.values() if one.attributes.get("action") == "delete_minutes"]
    assert session.attributes["module"] == "mailer"
    assert session.attributes["clientinfo"] == "job 17"
    assert session.attributes["client_identifier"]


async def test_a_connection_that_died_in_the_pool_is_replaced_and_nobody_hears_of_it(
    standin: StandIn, opened: Open
) -> None:
    database = await opened()
    await ask(database)
    standin.kill_all()
    assert await ask(database)


async def test_a_connection_that_a_firewall_forgot_is_asked_first_and_replaced(standin: StandIn, opened: Open) -> None:
    clock = HandClock()
    database = await opened(clock=clock)
    clock.advance(oracle_pool.IDLE_SECONDS + 1)
    armed = standin.faults.arm(Fault(Action.KILL, call="ping"))
    assert await ask(database)
    assert armed.strikes == 1


async def test_a_connection_in_use_is_not_asked(standin: StandIn, opened: Open) -> None:
    clock = HandClock()
    database = await opened(clock=clock)
    clock.advance(oracle_pool.IDLE_SECONDS)
    armed = standin.faults.arm(Fault(Action.KILL, call="ping"))
    assert await ask(database)
    assert armed.strikes == 0


async def test_an_old_connection_is_not_used_again(standin: StandIn, opened: Open) -> None:
    clock = HandClock()
    database = await opened(clock=clock)
    before = set(standin.sessions)
    clock.advance(oracle_pool.LIFETIME_SECONDS + 1)
    await ask(database)
    assert before.isdisjoint(standin.sessions)


async def test_a_session_that_never_answers_holds_up_its_own_call_alone(standin: StandIn, opened: Open) -> None:
    database = await opened(patience=0.3, pool=2)
    armed = standin.faults.arm(Fault(Action.HANG, sql="INSERT INTO ACCOUNT", times=1))
    hung = asyncio.create_task(database.execute("insert_account", {"account": "default"}))
    await armed.struck.wait()
    for _ in range(5):
        assert await ask(database)
    with pytest.raises(DatabaseAway, match="no answer in time"):
        await hung
    async with database.transaction(), database.transaction():
        pass  # both connections of the pool are there


async def test_a_connection_that_never_comes_about_holds_up_nobody_else(
    standin: StandIn, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle_pool, "CONNECT_SECONDS", 0.5)
    database = await opened(patience=5, pool=3)
    armed = standin.faults.arm(Fault(Action.HANG, call="connect"))
    async with database.transaction():
        slow = asyncio.create_task(ask(database))
        await armed.struck.wait()
        assert await ask(database)
        assert await slow  # by another try


async def test_a_database_that_is_starting_is_waited_for(standin: StandIn, opened: Open) -> None:
    database = await opened()
    standin.kill_all()
    armed = standin.faults.arm(Fault(Action.REFUSE, call="connect", code=12514))
    assert await ask(database)
    assert armed.strikes == 1


async def test_a_database_that_goes_down_and_comes_back_is_waited_for(standin: StandIn, opened: Open) -> None:
    database = await opened()
    await standin.go_down()
    waiting = asyncio.create_task(ask(database))
    with pytest.raises(OSError):  # noqa: PT011 - refused
        await asyncio.open_connection("127.0.0.1", standin.port)
    await standin.listen()
    assert await waiting


async def test_a_database_that_stays_down_is_away(standin: StandIn, opened: Open) -> None:
    database = await opened(patience=0.1)
    await standin.go_down()
    with pytest.raises(DatabaseAway, match="can't be reached") as caught:
        await ask(database)
    assert "MAILER_DATABASE" in caught.value.next_step
    assert caught.value.exit_code == 4


async def test_a_wrong_password_is_tried_once_a_minute_for_each_try_counts_towards_a_locked_account(
    standin: StandIn, opened: Open
) -> None:
    clock = HandClock()
    database = await opened(clock=clock)
    clock.advance(oracle_pool.LIFETIME_SECONDS + 1)
    standin.set_password(USER, "다른 비밀번호")
    for _ in range(3):
        with pytest.raises(DatabaseDenied, match=r"ORA-01017 .*wrong user or password") as caught:
            await ask(database)
    assert "MAILER_DATABASE_PASSWORD" in caught.value.next_step
    assert caught.value.exit_code == 2
    assert PASSWORD not in str(caught.value) + caught.value.next_step
    standin.set_password(USER, PASSWORD)
    with pytest.raises(DatabaseDenied):
        await ask(database)
    clock.advance(oracle_pool.DENIED_SECONDS)
    assert await ask(database)


@pytest.mark.parametrize(
    ("code", "says", "advice"),
    [
        (28000, "locked", "ACCOUNT UNLOCK"),
        (28001, "expired", "IDENTIFIED BY"),
        (1045, "may not log in", "CREATE SESSION"),
    ],
)
async def test_a_login_that_is_refused_says_why_and_what_to_do(
    standin: StandIn, opened: Open, code: int, says: str, advice: str
) -> None:
    standin.faults.arm(Fault(Action.ERROR, call="logon", code=code))
    with pytest.raises(DatabaseDenied, match=says) as caught:
        await opened()
    assert f"ORA-{code:05d}" in str(caught.value)
    assert advice in caught.value.next_step


PASSING = [(1033, "starting"), (1034, "down"), (12520, "handler"), (12541, "listener")]


@pytest.mark.parametrize(("code", "says"), PASSING)
async def test_what_passes_by_itself_is_tried_again(
    standin: StandIn, opened: Open, monkeypatch: pytest.MonkeyPatch, code: int, says: str
) -> None:
    call, action = ("logon", Action.ERROR) if code < 12000 else ("connect", Action.REFUSE)
    armed = standin.faults.arm(Fault(action, call=call, code=code, times=2))
    assert await ask(await opened())
    assert armed.strikes == 2
    monkeypatch.setattr(oracle_pool, "FIRST_SECONDS", 0.0)
    standin.faults.arm(Fault(action, call=call, code=code))
    with pytest.raises(DatabaseAway, match=says):
        await opened()


async def test_a_service_that_nobody_knows_is_named_in_the_error(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle_pool, "FIRST_SECONDS", 0.0)
    service = OracleService(f"127.0.0.1:{standin.port}/OTHER", USER, PASSWORD)
    with pytest.raises(DatabaseAway, match=r"DPY-6001 .*the listener does not know the service"):
        await OracleDatabase(service, HandClock(), patience=1).__aenter__()


async def test_a_name_is_looked_up_beside_the_loop_which_the_driver_would_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oracle_pool, "FIRST_SECONDS", 0.0)
    asked: list[bool] = []

    def resolver(*_: object, **__: object) -> list[object]:
        asked.append(threading.current_thread() is threading.main_thread())
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    service = OracleService("db1.example.co.kr:1521/CRM", USER, PASSWORD)
    with pytest.raises(DatabaseAway, match="Temporary failure in name resolution"):
        await OracleDatabase(service, HandClock(), patience=1).__aenter__()
    assert asked == [False]


async def test_cancellations_at_any_moment_lose_neither_connections_nor_rows(
    standin: StandIn, database: OracleDatabase
) -> None:
    chance = random.Random(26)
    await database.execute("insert_account", {"account": "default"})

    async def reserve() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("pause_account", {"account": "default", "why": "바쁨", "seconds": 1})
            await transaction.fetch("read_account", {"account": "default"})

    for _ in range(150):
        await _cancelled_after(reserve(), chance.randrange(1, 40))
        await _cancelled_after(ask(database), chance.randrange(1, 20))
    resumed = await database.execute("resume_account", {"account": "default", "why": None})
    assert resumed in (0, 1)  # nobody holds the row
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(_hold, database)
    assert len(standin.sessions) <= 4


async def _cancelled_after(call: Awaitable[object], turns: int) -> None:
    """Cancels it after so many turns of the loop, wherever it is by then."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _hold(database: OracleDatabase) -> None:
    async with database.transaction() as transaction:
        await transaction.fetch(ASK)


async def test_closing_leaves_no_connection_behind(standin: StandIn, opened: Open) -> None:
    database = await opened()
    async with database.transaction() as one, database.transaction() as two:
        await one.fetch(ASK)
        await two.fetch(ASK)
    assert len(standin.sessions) == 2
    await database.__aexit__(None, None, None)
    await database.__aenter__()  # which the fixture will close
    assert len(standin.sessions) == 1


def test_the_driver_is_of_a_version_that_was_looked_into() -> None:
    """Its defects that oracle_calls.py, oracle_pool.py and oracle_statements.py work around: look again."""
    assert oracledb.__version__.startswith("26.")
