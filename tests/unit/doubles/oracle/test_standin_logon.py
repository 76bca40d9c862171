from __future__ import annotations

import asyncio

import oracledb
import pytest

from tests.doubles.oracle import StandIn
from tests.unit.doubles.oracle.conftest import PASSWORD, Connect
from tests.unit.doubles.oracle.failures import fails_with


async def test_the_driver_sees_a_19c_in_thin_mode(connection: oracledb.AsyncConnection) -> None:
    assert connection.thin
    assert connection.version == "19.3.0.0.0"
    assert connection.max_identifier_length == 128
    await connection.ping()


async def test_a_password_older_than_12c_is_proven_by_its_own_verifier(standin: StandIn, connect: Connect) -> None:
    await standin.add_user("OLD", "옛날", old_verifier=True)
    await (await connect("old", "옛날")).ping()


@pytest.mark.parametrize(("user", "password"), [("app", "wrong"), ("nobody", PASSWORD)])
async def test_a_wrong_password_and_an_unknown_user_are_the_same_to_the_client(
    connect: Connect, user: str, password: str
) -> None:
    with fails_with("ORA-01017"):
        await connect(user, password)


async def test_a_changed_password_holds_from_the_next_logon_on(standin: StandIn, connect: Connect) -> None:
    standin.set_password("app", "new")
    with fails_with("ORA-01017"):
        await connect()
    await (await connect(password="new")).ping()


async def test_an_unknown_service_is_refused_by_the_listener(standin: StandIn) -> None:
    with pytest.raises(oracledb.DatabaseError) as caught:
        await oracledb.connect_async(user="app", password=PASSWORD, dsn=standin.dsn.replace("FREEPDB1", "NOPE"))
    assert caught.value.args[0].full_code == "DPY-6005"
    cause = caught.value.__cause__
    assert isinstance(cause, oracledb.Error)
    assert cause.args[0].full_code == "DPY-6001"
    assert "NOPE" in cause.args[0].message


async def test_a_connect_string_too_long_for_its_packet_follows_in_another(standin: StandIn) -> None:
    address = f"(ADDRESS=(PROTOCOL=TCP)(HOST=127.0.0.1)(PORT={standin.port}))"
    dsn = f"(DESCRIPTION=(ADDRESS_LIST={address * 5})(CONNECT_DATA=(SERVICE_NAME=freepdb1)))"
    async with oracledb.connect_async(user="app", password=PASSWORD, dsn=dsn) as connection:
        await connection.ping()


async def test_the_synchronous_driver_is_served_too(standin: StandIn) -> None:
    def ask() -> object:
        with (
            oracledb.connect(user="app", password=PASSWORD, dsn=standin.dsn) as connection,
            connection.cursor() as cursor,
        ):
            return cursor.execute("SELECT 7 FROM DUAL").fetchone()

    assert await asyncio.to_thread(ask) == (7,)


async def test_the_tracing_attributes_of_a_session_are_kept(
    standin: StandIn, connection: oracledb.AsyncConnection
) -> None:
    connection.module, connection.action = "mailer", "송신"
    connection.client_identifier, connection.clientinfo = "worker-1", "job=17 batch=2"
    await connection.ping()
    (session,) = standin.sessions.values()
    assert session.attributes == {
        "module": "mailer",
        "action": "송신",
        "client_identifier": "worker-1",
        "clientinfo": "job=17 batch=2",
    }
    assert (session.sid, session.serial) == (connection.session_id, connection.serial_num)


async def test_a_pool_rolls_back_what_is_left_open_on_release(standin: StandIn) -> None:
    pool = oracledb.create_pool_async(user="app", password=PASSWORD, dsn=standin.dsn, min=2, max=4, increment=1)
    async with pool.acquire() as first, first.cursor() as cursor:
        await cursor.execute("CREATE TABLE counted (n NUMBER)")
        await cursor.execute("INSERT INTO counted VALUES (0)")
        await first.commit()

    async def add(turn: int) -> None:
        async with pool.acquire() as connection, connection.cursor() as cursor:
            await cursor.execute("UPDATE counted SET n = n + 1")
            if turn % 2:
                await connection.commit()

    await asyncio.gather(*map(add, range(40)))
    async with pool.acquire() as last, last.cursor() as cursor:
        await cursor.execute("SELECT n FROM counted")
        assert await cursor.fetchone() == (20,)
    assert pool.opened <= 4
    await pool.close()
