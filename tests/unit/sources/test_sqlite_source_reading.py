"""Target and mapping queries on a person's SQLite file: what comes back, and in which words it fails."""

import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from mailer.errors import QueryFailed
from mailer.model.row import Row, Value
from mailer.sources.sqlite import SqliteSource
from mailer.sources.sqlite_reads import MAPPING_ROWS

OpenSource = Callable[..., SqliteSource]


async def all_slices(source: SqliteSource, query: str, slice_rows: int) -> list[list[Row]]:
    async with source.stream(query, slice_rows) as slices:
        return [list(rows) async for rows in slices]


async def test_the_target_query_is_streamed_in_slices_and_in_its_order(crm: Path, open_source: OpenSource) -> None:
    async with open_source(crm) as source:
        slices = await all_slices(source, "SELECT CUST_ID, EMAIL FROM CUSTOMER ORDER BY CUST_ID DESC", 2)
    assert slices == [
        [{"CUST_ID": 3, "EMAIL": None}, {"CUST_ID": 2, "EMAIL": "lee@example.co.kr"}],
        [{"CUST_ID": 1, "EMAIL": "kim@example.co.kr"}],
    ]


async def test_a_target_query_without_rows_has_no_slice(crm: Path, open_source: OpenSource) -> None:
    async with open_source(crm) as source:
        assert await all_slices(source, "SELECT CUST_ID FROM CUSTOMER WHERE 1 = 0", 2) == []


async def test_several_lists_stream_at_once(crm: Path, open_source: OpenSource) -> None:
    async with open_source(crm) as source:
        query = "SELECT CUST_ID FROM CUSTOMER ORDER BY 1"
        async with source.stream(query, 1) as one, source.stream(query, 1) as other:
            pairs = [(await anext(one), await anext(other)) for _ in range(3)]
    assert [(dict(a[0]), dict(b[0])) for a, b in pairs] == [({"CUST_ID": n}, {"CUST_ID": n}) for n in (1, 2, 3)]


async def test_a_mapping_query_returns_all_its_rows_by_named_binds(crm: Path, open_source: OpenSource) -> None:
    async with open_source(crm) as source:
        query = 'SELECT "이름", "금액" FROM "고객" WHERE "번호" <= :번호 ORDER BY "번호"'
        rows = await source.read(query, {"번호": 2})
        assert await source.read(query, {"번호": 0}) == []
    assert rows == [{"이름": "김민지", "금액": 12000}, {"이름": "이서준", "금액": 0.99}]


async def test_values_come_as_the_database_holds_them(crm: Path, open_source: OpenSource) -> None:
    async with open_source(crm) as source:
        (row,) = await source.read("SELECT 5 AS i, 0.99 AS f, '한글' AS s, x'00ff' AS b, NULL AS n", {})
    assert row == {"I": 5, "F": 0.99, "S": "한글", "B": b"\x00\xff", "N": None}
    assert [type(value) for value in row.values()] == [int, float, str, bytes, type(None)]


async def test_times_are_bound_as_text_in_utc_days_and_decimals_as_their_digits(
    crm: Path, open_source: OpenSource
) -> None:
    seoul = timezone(timedelta(hours=9))
    binds: dict[str, Value] = {
        "aware": datetime(2026, 11, 24, 9, 30, tzinfo=seoul),
        "naive": datetime(2026, 11, 24, 0, 30, 0, 250),  # noqa: DTZ001 (a row of a source may hold one)
        "utc": datetime(2026, 11, 24, 0, 30, tzinfo=UTC),
        "day": date(2026, 11, 24),
        "money": Decimal("1E+3"),
        "huge": 2**63,
    }
    async with open_source(crm) as source:
        (row,) = await source.read("SELECT :aware A, :naive B, :utc C, :day D, :money E, :huge F", binds)
    assert row == {
        "A": "2026-11-24 00:30:00.000000",
        "B": "2026-11-24 00:30:00.000250",
        "C": "2026-11-24 00:30:00.000000",
        "D": "2026-11-24",
        "E": "1000",
        "F": "9223372036854775808",
    }


async def test_columns_are_known_without_rows_and_upper_case(crm: Path, open_source: OpenSource) -> None:
    async with open_source(crm) as source:
        query = "SELECT cust_id, email AS Mail, '' AS 이름 FROM CUSTOMER WHERE CUST_ID = :id;  -- one"
        assert await source.columns(query, {"id": 77}) == ("CUST_ID", "MAIL", "이름")


async def test_binds_are_told_as_the_query_spells_them_each_once_in_order(crm: Path, open_source: OpenSource) -> None:
    async with open_source(crm) as source:
        query = "SELECT :b, @a, :b, $c, ':no', \"이름\" FROM 고객 -- :no\nWHERE 번호 = :번호 AND :B > 0"
        assert await source.bind_names(query) == ("b", "a", "c", "번호", "B")
        assert await source.bind_names("UPDATE CUSTOMER SET SENT_AT = :SENT_AT WHERE CUST_ID = :ID") == (
            "SENT_AT",
            "ID",
        )
        assert await source.bind_names("SELECT 1;") == ()
        assert await source.read("SELECT COUNT(SENT_AT) N FROM CUSTOMER", {}) == [{"N": 0}]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT NAME FROM CUSTOMER", "no such column: NAME"),
        ("SELECT * FROM CUSTOMERS", "no such table: CUSTOMERS"),
        ("SELEKT 1", "syntax error"),
        ("SELECT 1 FROM CUSTOMER WHERE CUST_ID = ?", "a bind needs a name, as in :CUST_ID"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT CUST_ID, EMAIL AS cust_id FROM CUSTOMER", "two columns of one name: CUST_ID"),
        ("", "returns no columns"),
        (" ;", "returns no columns"),
        ("-- nothing", "returns no columns"),
        ("SELECT :missing", "missing"),
        ("SELECT 1 \0", "null character"),
        ("SELECT '\ud800'", "surrogates not allowed"),
    ],
)
async def test_a_query_that_is_wrong_says_so_in_the_words_of_the_database(
    crm: Path, open_source: OpenSource, query: str, message: str
) -> None:
    async with open_source(crm) as source:
        for use in (source.read(query, {}), source.columns(query, {}), all_slices(source, query, 10)):
            with pytest.raises(QueryFailed) as caught:
                await use
            assert message in str(caught.value)
            assert str(caught.value).startswith("data source 'crm': ")
            assert caught.value.next_step
            assert caught.value.exit_code == 2
        assert await source.read("SELECT 1 A", {}) == [{"A": 1}]


@pytest.mark.parametrize("query", ["SELECT ?", "SELECT 1; SELECT 2", "", "SELEKT", "UPDATE NOWHERE SET A = :a"])
async def test_binds_of_a_query_that_is_wrong_are_refused(crm: Path, open_source: OpenSource, query: str) -> None:
    async with open_source(crm) as source:
        with pytest.raises(QueryFailed):
            await source.bind_names(query)


async def test_text_that_is_not_utf_8_names_the_column_and_not_the_text(crm: Path, open_source: OpenSource) -> None:
    with closing(sqlite3.connect(crm)) as connection, connection:
        connection.execute("UPDATE CUSTOMER SET EMAIL = CAST(x'6b696dff' AS TEXT) WHERE CUST_ID = 2")
    async with open_source(crm) as source:
        query = "SELECT CUST_ID, EMAIL FROM CUSTOMER ORDER BY CUST_ID"
        for use in (source.read(query, {}), all_slices(source, query, 10)):
            with pytest.raises(QueryFailed, match="not UTF-8, in column 'EMAIL'") as caught:
                await use
            assert "kim" not in str(caught.value)
            assert caught.value.__suppress_context__
        assert len(await source.read("SELECT CUST_ID FROM CUSTOMER", {})) == 3


async def test_a_stream_that_failed_does_not_end_as_if_it_were_whole(crm: Path, open_source: OpenSource) -> None:
    query = "SELECT CASE CUST_ID WHEN 2 THEN CAST(x'ff' AS TEXT) END A FROM CUSTOMER ORDER BY CUST_ID"
    async with open_source(crm) as source, source.stream(query, 1) as slices:
        seen = [await anext(slices)]
        with pytest.raises(QueryFailed):
            seen.append(await anext(slices))
        assert len(seen) == 1


async def test_a_mapping_query_that_lost_its_where_is_refused_before_it_fills_the_memory(
    crm: Path, open_source: OpenSource
) -> None:
    counting = "WITH RECURSIVE N(X) AS (SELECT 1 UNION ALL SELECT X + 1 FROM N) SELECT X FROM N LIMIT :many"
    async with open_source(crm) as source:
        assert len(await source.read(counting, {"many": MAPPING_ROWS})) == MAPPING_ROWS
        with pytest.raises(QueryFailed, match=f"more than {MAPPING_ROWS} rows"):
            await source.read(counting, {"many": MAPPING_ROWS + 1})


async def test_memory_does_not_grow_with_the_list(crm: Path, open_source: OpenSource) -> None:
    counting = (
        "WITH RECURSIVE N(X) AS (SELECT 1 UNION ALL SELECT X + 1 FROM N) SELECT X, '고객' || X AS 이름 FROM N LIMIT "
    )

    async def peak(rows: int) -> int:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        seen = 0
        async with source.stream(f"{counting}{rows}", 500) as slices:
            async for piece in slices:
                seen += len(piece)
        assert seen == rows
        return tracemalloc.get_traced_memory()[1] - before

    async with open_source(crm) as source:
        tracemalloc.start()
        try:
            await peak(1_000)
            short, long = await peak(2_000), await peak(100_000)
        finally:
            tracemalloc.stop()
    assert long < short * 1.5 + 50_000
