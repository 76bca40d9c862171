"""The mapping query for many recipients at once, over the stand-in for Oracle: by the database's own values."""

from collections.abc import AsyncIterator, Sequence

import oracledb
import pytest

from mailer.clock import SystemClock
from mailer.errors import QueryFailed
from mailer.model.automation import Dbio
from mailer.model.database_url import OracleService
from mailer.model.row import Row, Value
from mailer.sources.oracle import OracleSource
from mailer.worker.mapping import MappedAhead, MappingQuery, make_mapping
from tests.doubles.oracle import StandIn, running_standin, shared_postgres

PASSWORD = "비밀"
TABLE = "CREATE TABLE LINE (CUST_ID NUMBER(19), CODE VARCHAR2(10), LINE_NO NUMBER, ITEM VARCHAR2(30))"
KEY = 9_007_199_254_740_993_001
"""Nineteen digits: no float holds it."""
ROWS = [
    (KEY, "K-1", 2, "현미 10kg"),
    (KEY, "K-1", 1, "쌀 20kg"),
    (KEY + 1, "k-1", 1, "보리"),
    (7, "7", 1, "콩"),
    (8, "007", 1, "팥"),
]


@pytest.fixture
async def standin() -> AsyncIterator[StandIn]:
    async with running_standin(shared_postgres(), {"CRM": PASSWORD}) as running:
        async with oracledb.connect_async(user="CRM", password=PASSWORD, dsn=running.dsn) as connection:
            await connection.execute(TABLE)
            await connection.executemany("INSERT INTO LINE VALUES (:1, :2, :3, :4)", ROWS)
            await connection.commit()
        yield running


def source_of(standin: StandIn) -> OracleSource:
    service = OracleService(standin.dsn, "CRM", PASSWORD, pool=3)
    return OracleSource("crm", service, patience=5, query_seconds=100, clock=SystemClock())


def dbio(column: str, condition: str = "") -> Dbio:
    mapping = f"SELECT L.{column} AS KEY, L.ITEM FROM LINE L WHERE L.{column} = :key{condition} ORDER BY L.LINE_NO"
    return Dbio("crm", "SELECT KEY, EMAIL FROM CUSTOMER", "KEY", "EMAIL", mapping=mapping, mapping_batch=True)


async def answers(
    mapping: MappingQuery, keys: Sequence[Value], faults: list[str]
) -> tuple[list[Sequence[Row] | None], list[Sequence[Row]]]:
    """What each key gets ahead (None: nothing), and alone."""

    async def note(why: str) -> None:
        faults.append(why)

    rows: list[Row] = [{"KEY": key} for key in keys]
    ahead = MappedAhead(mapping, rows, SystemClock(), note)
    return [await ahead.rows_of(row) for row in rows], [await mapping.ask(row, 1) for row in rows]


@pytest.mark.parametrize(
    ("column", "keys"),
    [
        ("CUST_ID", [KEY, 5, KEY + 1, 7]),
        ("CODE", ["K-1", "K-2", "007", "7"]),
    ],
)
async def test_each_key_gets_what_the_query_gives_for_it_alone(
    standin: StandIn, column: str, keys: list[Value]
) -> None:
    faults: list[str] = []
    async with source_of(standin) as source:
        mapping = await make_mapping(dbio(column), source, ("KEY", "EMAIL"))
        assert mapping is not None
        ahead, alone = await answers(mapping, keys, faults)
    assert ahead == alone
    assert [row["ITEM"] for row in alone[0]] == ["쌀 20kg", "현미 10kg"]
    assert faults == []


@pytest.mark.parametrize(("column", "keys"), [("CUST_ID", ["7", "8"]), ("CODE", [7, 8])])
async def test_a_number_beside_a_text_is_asked_for_alone(standin: StandIn, column: str, keys: list[Value]) -> None:
    faults: list[str] = []
    async with source_of(standin) as source:
        mapping = await make_mapping(dbio(column), source, ("KEY", "EMAIL"))
        assert mapping is not None
        try:
            ahead, _ = await answers(mapping, keys, faults)
        except QueryFailed:  # as the query alone is refused: a text there is no number
            assert faults
            return
    assert ahead == [None, None]
    assert len(faults) == 1


async def test_a_query_that_the_database_refuses_is_refused_before_any_recipient(standin: StandIn) -> None:
    async with source_of(standin) as source:
        with pytest.raises(QueryFailed, match="ORA-"):
            await make_mapping(dbio("CUST_ID", " AND L.GONE = 1"), source, ("KEY", "EMAIL"))
