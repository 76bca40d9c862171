"""The mapping query for many recipients at once gives each of them what the query itself would."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.errors import QueryFailed, SourceAway
from mailer.model.automation import Dbio
from mailer.model.batched_query import BATCH_KEYS, KEY_BINDS
from mailer.model.row import Row, Value
from mailer.sources.source import Binds
from mailer.sources.sqlite import SqliteSource
from mailer.worker.mapping import FRESH_SECONDS, MappedAhead, MappingQuery, in_slices, make_mapping
from tests.doubles.hand_clock import HandClock

DBIO = Dbio(
    source="crm",
    target="SELECT CUST_ID, EMAIL FROM CUSTOMER",
    key="CUST_ID",
    email="EMAIL",
    mapping="SELECT CUST_ID, NO, ITEM FROM LINE WHERE CUST_ID = :CUST_ID ORDER BY NO",
    mapping_batch=True,
)
CLOCK = HandClock()


class CountingSource(SqliteSource):
    """Counts what it is asked for, and can be made to fail."""

    def __init__(self, path: Path) -> None:
        super().__init__("crm", path, patience=10, query_seconds=100, clock=CLOCK)
        self.asked: list[int] = []
        self.fails_with: Exception | None = None

    async def __aenter__(self) -> "CountingSource":
        await super().__aenter__()
        return self

    async def read(self, query: str, binds: Binds) -> Sequence[Row]:
        self.asked.append(len(set(binds.values())))
        if self.fails_with is not None and KEY_BINDS[0] in binds:
            raise self.fails_with
        return await super().read(query, binds)


@dataclass
class Lines:
    """A file with a table LINE; a test gives the type of its key, and its rows."""

    path: Path
    faults: list[str] = field(default_factory=list)

    def make(self, declared: str, rows: Sequence[tuple[object, ...]]) -> CountingSource:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("DROP TABLE IF EXISTS LINE")
            connection.execute(f"CREATE TABLE LINE (CUST_ID {declared}, NO INTEGER, ITEM)")
            connection.executemany("INSERT INTO LINE VALUES (?, ?, ?)", rows)
        return CountingSource(self.path)

    async def note(self, why: str) -> None:
        self.faults.append(why)


@pytest.fixture
def lines(tmp_path: Path) -> Lines:
    return Lines(tmp_path / "crm.db")


def targets(keys: Sequence[Value]) -> list[Row]:
    return [{"CUST_ID": key, "EMAIL": "kim@example.co.kr"} for key in keys]


async def made(source: CountingSource, dbio: Dbio = DBIO) -> MappingQuery:
    mapping = await make_mapping(dbio, source, ("CUST_ID", "EMAIL"))
    assert mapping is not None
    return mapping


def ahead_of(mapping: MappingQuery, rows: Sequence[Row], lines: Lines) -> MappedAhead:
    return MappedAhead(mapping, rows, CLOCK, lines.note)


async def mapped(mapping: MappingQuery, keys: Sequence[Value], lines: Lines) -> list[Sequence[Row]]:
    """What each gets, as a job asks for it: all of them at once."""
    rows = targets(keys)
    ahead = ahead_of(mapping, rows, lines)
    found: dict[int, Sequence[Row]] = {}

    async def one(number: int, row: Row) -> None:
        answer = await ahead.rows_of(row)
        found[number] = await mapping.ask(row, 1) if answer is None else answer

    async with anyio.create_task_group() as group:
        for number, row in enumerate(rows):
            group.start_soon(one, number, row)
    return [found[number] for number in range(len(rows))]


KEYS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from(["7", "07", "7.0", "a", "A", " a", "a ", "A-1", "가", "é", "e", "", "%", "'", "1e1"]),
    st.sampled_from([2**63, -(2**63), 2**70, 7.0, 0.5, b"a", None, 10]),
)
"""What a key may be, and what SQLite takes for equal to another by the type or the collation of a column."""
KEY_LISTS = st.one_of(
    st.lists(st.integers(-3, 12)), st.lists(st.sampled_from(["7", "07", "a", "A", "b", "a ", "A-1"])), st.lists(KEYS)
)
STORED = st.one_of(
    st.integers(-3, 10), st.sampled_from(["7", "07", "a", "A", "a ", "A-1", "가", "é", "1e1", 7.0, 0.5, b"a", None])
)
DECLARED = st.sampled_from(
    ["INTEGER", "TEXT", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM", "REAL", "NUMERIC", "BLOB", ""]
)
QUERIES = st.sampled_from(
    [
        "SELECT CUST_ID, NO, ITEM FROM LINE WHERE CUST_ID = :CUST_ID ORDER BY NO",
        "SELECT * FROM LINE L WHERE ITEM <> 2 AND CUST_ID = :1 ORDER BY NO DESC",
        "SELECT L.CUST_ID AS 고객, M.ITEM FROM LINE L LEFT JOIN LINE M ON M.NO = L.NO + 1"
        " WHERE L.CUST_ID = :ID ORDER BY L.NO",
        "SELECT DISTINCT CUST_ID, ITEM FROM LINE WHERE CUST_ID=:CUST_ID AND (ITEM = 1 OR ITEM = 2) ORDER BY ITEM",
        "SELECT CUST_ID, ITEM, COUNT(*) N FROM LINE WHERE CUST_ID = :ID"
        " GROUP BY CUST_ID, ITEM HAVING N < 3 ORDER BY ITEM",
        "WITH S AS (SELECT CUST_ID, MAX(NO) N FROM LINE GROUP BY ITEM)"
        " SELECT S.* FROM S WHERE S.CUST_ID = :X ORDER BY N",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(declared=DECLARED, query=QUERIES, stored=st.lists(st.tuples(STORED, st.integers(1, 3))), keys=KEY_LISTS)
async def test_each_key_gets_exactly_what_the_query_gives_for_it_alone(
    lines: Lines, declared: str, query: str, stored: list[tuple[object, int]], keys: list[Value]
) -> None:
    rows = [(key, number, item) for number, (key, item) in enumerate(stored)]
    async with lines.make(declared, rows) as source:
        mapping = await made(source, replace(DBIO, mapping=query))
        alone = [await mapping.ask(row, 1) for row in targets(keys)]
        assert await mapped(mapping, keys, lines) == alone


async def test_many_are_asked_for_by_one_query_a_slice(lines: Lines) -> None:
    keys = list(range(1, 2 * BATCH_KEYS + 11))
    async with lines.make("INTEGER PRIMARY KEY", [(key, 1, f"상품 {key}") for key in keys]) as source:
        found = await mapped(await made(source), keys, lines)
        assert [[row["ITEM"] for row in rows] for rows in found] == [[f"상품 {key}"] for key in keys]
        assert source.asked == [BATCH_KEYS, BATCH_KEYS, 10]
    assert lines.faults == []


async def test_who_has_no_row_has_none_without_being_asked_for_again(lines: Lines) -> None:
    async with lines.make("TEXT", [("K-1", 2, "둘"), ("K-1", 1, "하나"), ("K-3", 1, "셋")]) as source:
        found = await mapped(await made(source), ["K-1", "K-2", "K-3"], lines)
        assert [[row["ITEM"] for row in rows] for rows in found] == [["하나", "둘"], [], ["셋"]]
        assert source.asked == [3]


async def test_one_recipient_is_asked_for_by_the_query_as_it_is_written(lines: Lines) -> None:
    async with lines.make("INTEGER", [(1, 1, "하나")]) as source:
        mapping = await made(source)
        source.fails_with = AssertionError("no batch of one")
        assert len(await mapped(mapping, [1], lines)) == 1


@pytest.mark.parametrize(
    ("declared", "key"), [("TEXT", 7), ("INTEGER", "7"), ("REAL", 7), ("TEXT COLLATE NOCASE", "a")]
)
async def test_where_rows_can_not_be_told_apart_each_is_asked_for_alone_from_then_on_and_that_is_said_once(
    lines: Lines, declared: str, key: int | str
) -> None:
    async with lines.make(declared, [("A" if key == "a" else "7", 1, "하나")]) as source:
        mapping = await made(source)
        keys = [key, *(type(key)(number) for number in range(100, 100 + BATCH_KEYS))]
        found = await mapped(mapping, keys, lines)
        assert [len(rows) for rows in found] == [1] + [0] * BATCH_KEYS
        assert source.asked == [BATCH_KEYS] + [1] * (BATCH_KEYS + 1)
        assert not mapping.is_batched
    [fault] = lines.faults
    assert "CUST_ID is equal to the key, but of another type or spelling" in fault


async def test_an_error_in_one_row_of_a_slice_is_the_error_of_its_recipient_alone(lines: Lines) -> None:
    dbio = replace(DBIO, mapping="SELECT CUST_ID, JSON(ITEM) J FROM LINE WHERE CUST_ID = :CUST_ID")
    async with lines.make("INTEGER", [(1, 1, "[1]"), (2, 1, "[2"), (3, 1, "[3]")]) as source:
        mapping = await made(source, dbio)
        rows = targets([1, 2, 3])
        ahead = ahead_of(mapping, rows, lines)
        assert [await ahead.rows_of(row) for row in rows] == [None, None, None]
        assert [len(await mapping.ask(row, 1)) for row in (rows[0], rows[2])] == [1, 1]
        with pytest.raises(QueryFailed):
            await mapping.ask(rows[1], 1)
    assert len(lines.faults) == 1


async def test_a_source_that_is_away_is_away_for_the_slice_too(lines: Lines) -> None:
    async with lines.make("INTEGER", [(1, 1, "하나")]) as source:
        mapping = await made(source)
        source.fails_with = SourceAway("data source 'crm' is away")
        ahead = ahead_of(mapping, targets([1, 2]), lines)
        with pytest.raises(SourceAway):
            await ahead.rows_of({"CUST_ID": 1})
        assert mapping.is_batched


async def test_an_answer_that_waited_for_long_is_asked_for_anew(lines: Lines) -> None:
    async with lines.make("INTEGER", [(1, 1, "하나"), (2, 1, "둘")]) as source:
        mapping = await made(source)
        rows = targets([1, 2])
        ahead = ahead_of(mapping, rows, lines)
        assert await ahead.rows_of(rows[0]) is not None
        CLOCK.advance(FRESH_SECONDS)
        assert await ahead.rows_of(rows[1]) is None


async def test_an_answer_is_kept_no_longer_than_until_it_is_used(lines: Lines) -> None:
    async with lines.make("INTEGER", [(key, 1, "가") for key in range(BATCH_KEYS)]) as source:
        ahead = ahead_of(await made(source), targets(list(range(3 * BATCH_KEYS))), lines)
        for row in targets(list(range(BATCH_KEYS))):
            assert await ahead.rows_of(row) is not None
        assert source.asked == [BATCH_KEYS]
        assert await ahead.rows_of(targets([0])[0]) is None


@pytest.mark.parametrize(
    ("mapping", "columns", "message"),
    [
        ("SELECT NO FROM LINE WHERE CUST_ID = :CUST_ID", ("CUST_ID",), "SELECT list lacks CUST_ID"),
        ("SELECT NO, ITEM FROM LINE WHERE NO = :NO", ("CUST_ID", "NO"), "asks by :NO, and not by the key CUST_ID"),
        ("SELECT NO FROM LINE WHERE NO = :JOB_ID", ("CUST_ID",), "asks by :JOB_ID, and not by the key CUST_ID"),
    ],
)
async def test_a_query_that_does_not_allow_it_is_refused(
    lines: Lines, mapping: str, columns: tuple[str, ...], message: str
) -> None:
    async with lines.make("INTEGER", []) as source:
        with pytest.raises(QueryFailed) as refused:
            await make_mapping(replace(DBIO, mapping=mapping), source, columns)
    assert str(refused.value).startswith("mapping_batch: ")
    assert message in str(refused.value)


async def test_without_the_key_or_without_a_mapping_query_nothing_is_asked_ahead(lines: Lines) -> None:
    async with lines.make("INTEGER", []) as source:
        assert await make_mapping(replace(DBIO, mapping=None, mapping_batch=False), source, ("CUST_ID",)) is None
        assert not (await made(source, replace(DBIO, mapping_batch=False))).is_batched


@given(st.lists(KEYS | st.text(st.characters(max_codepoint=200)), max_size=200))
def test_a_slice_holds_keys_of_one_type_that_nobody_takes_for_equal(keys: list[Value]) -> None:
    slices = list(in_slices(keys))
    together = [key for one in slices for key in one]
    assert not Counter(map(repr, together)) - Counter(set(map(repr, keys)))
    for one in slices:
        assert 0 < len(one) <= BATCH_KEYS
        assert {type(key) for key in one} in ({int}, {str})
        assert len({str(key).strip().lower() for key in one}) == len(one)


@pytest.mark.parametrize(
    "key",
    [None, True, 0.5, Decimal("0.5"), b"a", "가", "é", 2**63, datetime(2026, 11, 25)],  # noqa: DTZ001 - as DATE
)
def test_what_databases_compare_in_ways_of_their_own_is_in_no_slice(key: Value) -> None:
    assert list(in_slices([1, key, 2])) == [(1, 2)]
