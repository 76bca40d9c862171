"""What a definition's SQL can't do to a person's file, whatever it says; the database itself refuses it."""

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mailer.errors import QueryFailed
from mailer.sources.sqlite import SqliteSource

OpenSource = Callable[..., SqliteSource]

CHANGES_ROWS = [
    "INSERT INTO CUSTOMER (EMAIL) VALUES ('x')",
    "REPLACE INTO CUSTOMER (CUST_ID) VALUES (1)",
    "UPDATE CUSTOMER SET EMAIL = 'x'",
    "UPDATE CUSTOMER SET EMAIL = 'x' RETURNING CUST_ID",
    "DELETE FROM CUSTOMER",
    "WITH N AS (SELECT 7 AS X) INSERT INTO CUSTOMER (CUST_ID) SELECT X FROM N",
]
REACHES_FURTHER = [
    "ATTACH DATABASE '{folder}/new.db' AS other",
    "DETACH DATABASE main",
    "PRAGMA query_only = off",
    "PRAGMA query_only",
    "PRAGMA writable_schema = on",
    "PRAGMA journal_mode = off",
    "PRAGMA user_version = 7",
    "PRAGMA data_version = 7",
    "SELECT * FROM pragma_journal_mode",
    "UPDATE sqlite_master SET sql = ''",
    "CREATE TABLE NEW (A)",
    "CREATE TEMP TABLE NEW (A)",
    "CREATE TRIGGER T AFTER INSERT ON CUSTOMER BEGIN SELECT 1; END",
    "CREATE VIRTUAL TABLE V USING fts5(A)",
    "DROP TABLE CUSTOMER",
    "ALTER TABLE CUSTOMER RENAME TO LOST",
    "VACUUM",
    "VACUUM INTO '{folder}/copy.db'",
    "ANALYZE",
    "REINDEX",
    "BEGIN",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT here",
    "SELECT load_extension('{folder}/evil')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT 1; DELETE FROM CUSTOMER",
]


def fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("hostile", CHANGES_ROWS + REACHES_FURTHER)
async def test_target_and_mapping_queries_only_read(crm: Path, open_source: OpenSource, hostile: str) -> None:
    before = fingerprint(crm)
    query = hostile.replace("{folder}", str(crm.parent))
    async with open_source(crm) as source:
        with pytest.raises(QueryFailed):
            await source.read(query, {})
        with pytest.raises(QueryFailed):
            await source.columns(query, {})
        with pytest.raises(QueryFailed):
            async with source.stream(query, 10) as slices:
                await anext(slices)
        assert await source.read("SELECT COUNT(EMAIL) N FROM CUSTOMER", {}) == [{"N": 2}]
    assert fingerprint(crm) == before
    assert list(crm.parent.iterdir()) == [crm]


async def test_what_a_refused_query_may_do_is_said(crm: Path, open_source: OpenSource) -> None:
    async with open_source(crm) as source:
        with pytest.raises(QueryFailed, match="not authorized") as caught:
            await source.read("DELETE FROM CUSTOMER", {})
        assert "only read" in caught.value.next_step


@pytest.mark.parametrize("hostile", REACHES_FURTHER)
async def test_an_update_query_changes_rows_and_nothing_else_and_its_neighbours_in_the_commit_stand(
    crm: Path, open_source: OpenSource, hostile: str
) -> None:
    update = "UPDATE CUSTOMER SET SENT_AT = 'now' WHERE CUST_ID = :id"
    query = hostile.replace("{folder}", str(crm.parent))
    async with open_source(crm) as source:
        results = await asyncio.gather(
            source.update(update, {"id": 1}),
            source.update(query, {}),
            source.update(update, {"id": 2}),
            return_exceptions=True,
        )
        assert isinstance(results[1], QueryFailed)
        assert [results[0], results[2]] == [1, 1]
    assert list(crm.parent.iterdir()) == [crm]
    with closing(sqlite3.connect(crm)) as connection:
        assert connection.execute("SELECT EMAIL, SENT_AT FROM CUSTOMER").fetchall() == [
            ("kim@example.co.kr", "now"),
            ("lee@example.co.kr", "now"),
            (None, None),
        ]
        assert connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() == (3,)


@pytest.mark.parametrize("query", CHANGES_ROWS)
async def test_an_update_query_is_checked_without_being_run(crm: Path, open_source: OpenSource, query: str) -> None:
    before = fingerprint(crm)
    async with open_source(crm) as source:
        await source.check_update(query)
    assert fingerprint(crm) == before


@pytest.mark.parametrize(
    "query",
    ["UPDATE CUSTOMER SET NO_SUCH = 1", "UPDATE NOWHERE SET A = 1", "UPDAT", "DROP TABLE CUSTOMER", "COMMIT", ""],
)
async def test_a_wrong_update_query_is_found_by_the_check(crm: Path, open_source: OpenSource, query: str) -> None:
    async with open_source(crm) as source:
        with pytest.raises(QueryFailed):
            await source.check_update(query)


async def test_views_functions_and_recursion_may_be_read(crm: Path, open_source: OpenSource) -> None:
    with closing(sqlite3.connect(crm)) as connection:
        connection.execute("CREATE VIEW 단골 AS SELECT upper(EMAIL) AS 주소 FROM CUSTOMER WHERE EMAIL IS NOT NULL")
    query = "WITH RECURSIVE N(X) AS (SELECT 1 UNION ALL SELECT X + 1 FROM N WHERE X < 2) SELECT X, 주소 FROM N, 단골"
    async with open_source(crm) as source:
        assert len(await source.read(query, {})) == 4


async def test_an_update_may_feed_a_full_text_index_by_its_trigger(crm: Path, open_source: OpenSource) -> None:
    with closing(sqlite3.connect(crm)) as connection:
        connection.executescript(
            "CREATE VIRTUAL TABLE SEARCH USING fts5(MARK);"
            "CREATE TRIGGER KEEP AFTER UPDATE ON CUSTOMER BEGIN INSERT INTO SEARCH VALUES (new.SENT_AT); END;"
        )
    async with open_source(crm) as source:
        assert await source.update("UPDATE CUSTOMER SET SENT_AT = '보냄'", {}) == 3
    with closing(sqlite3.connect(crm)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM SEARCH WHERE SEARCH MATCH '보냄'").fetchone() == (3,)


@pytest.mark.parametrize(
    "value",
    ["hex(zeroblob(60000000))", "zeroblob(900000000)", "replace(hex(zeroblob(9000)), '0', hex(zeroblob(9000)))"],
)
async def test_a_value_without_end_is_refused_before_it_fills_the_memory(
    crm: Path, open_source: OpenSource, value: str
) -> None:
    async with open_source(crm) as source:
        with pytest.raises(QueryFailed, match="too big"):
            await source.read(f"SELECT {value} AS X", {})
        with pytest.raises(QueryFailed, match="too big"):
            await source.update(f"UPDATE CUSTOMER SET EMAIL = {value}", {})
