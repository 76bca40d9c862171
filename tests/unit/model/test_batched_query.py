import sqlite3
from contextlib import closing

import pytest

from mailer.model import batched_query as module
from mailer.model.batched_query import BATCH_KEYS, KEY_BINDS, batched_query

PLACED = ", ".join(f":{name}" for name in KEY_BINDS)


def in_place(query: str) -> str:
    """The query as it is asked for many."""
    return batched_query(query).sql.replace(f"({PLACED})", "(…)")


def test_the_equality_becomes_an_in_and_nothing_else_changes() -> None:
    query = "SELECT 이름, CUST_ID /* = :A */\n  FROM T -- 고객\n WHERE A = ':B' AND CUST_ID = :cust_id\n ORDER BY 1 "
    batched = batched_query(query)
    assert batched.sql == query.replace("= :cust_id", f"IN ({PLACED})")
    assert (batched.bind, batched.column, len(KEY_BINDS)) == ("cust_id", "CUST_ID", BATCH_KEYS)


@pytest.mark.parametrize(
    ("query", "sql", "column"),
    [
        ("SELECT ID FROM T WHERE ID=:1", "SELECT ID FROM T WHERE ID IN (…)", "ID"),
        ("select t.id as key from T where T.ID = :x", "select t.id as key from T where T.ID IN (…)", "KEY"),
        (
            "SELECT A, T.ID K FROM T WHERE T.ID = :K AND A > 1",
            "SELECT A, T.ID K FROM T WHERE T.ID IN (…) AND A > 1",
            "K",
        ),
        ("SELECT * FROM T WHERE ID = :K", "SELECT * FROM T WHERE ID IN (…)", "ID"),
        ("SELECT A, T.* FROM T WHERE T.ID = :K", "SELECT A, T.* FROM T WHERE T.ID IN (…)", "ID"),
        ("SELECT DISTINCT ID FROM T WHERE ID = :K", "SELECT DISTINCT ID FROM T WHERE ID IN (…)", "ID"),
        ('SELECT "번호" FROM "고객" WHERE "번호" = :번호', 'SELECT "번호" FROM "고객" WHERE "번호" IN (…)', "번호"),
        (
            "SELECT ID, SUM(A) FROM T WHERE ID = :K GROUP BY ID, B HAVING COUNT(*) > 1 ORDER BY SUM(A)",
            "SELECT ID, SUM(A) FROM T WHERE ID IN (…) GROUP BY ID, B HAVING COUNT(*) > 1 ORDER BY SUM(A)",
            "ID",
        ),
        (
            "WITH S AS (SELECT A, MAX(B) FROM U LIMIT 9) SELECT S.A FROM S JOIN V ON V.A = S.A WHERE S.A = :A",
            "WITH S AS (SELECT A, MAX(B) FROM U LIMIT 9) SELECT S.A FROM S JOIN V ON V.A = S.A WHERE S.A IN (…)",
            "A",
        ),
        (
            "SELECT ID FROM T WHERE (A OR B) AND C BETWEEN 1 AND 2 AND D = (SELECT MAX(D) FROM U) AND ID = :K",
            "SELECT ID FROM T WHERE (A OR B) AND C BETWEEN 1 AND 2 AND D = (SELECT MAX(D) FROM U) AND ID IN (…)",
            "ID",
        ),
        (
            "SELECT ID, T.LIMIT, A AS OFFSET, CASE WHEN A OR B THEN C END FROM T, U WHERE T.A = U.A(+) AND ID = :K",
            "SELECT ID, T.LIMIT, A AS OFFSET, CASE WHEN A OR B THEN C END FROM T, U WHERE T.A = U.A(+) AND ID IN (…)",
            "ID",
        ),
        (
            "SELECT ID FROM (SELECT A.*, ROW_NUMBER() OVER (ORDER BY B) N FROM A) X WHERE ID = :K AND N = 1",
            "SELECT ID FROM (SELECT A.*, ROW_NUMBER() OVER (ORDER BY B) N FROM A) X WHERE ID IN (…) AND N = 1",
            "ID",
        ),
    ],
)
def test_one_select_with_the_key_as_a_conjunct_and_a_column_is_taken(query: str, sql: str, column: str) -> None:
    assert in_place(query) == sql
    assert batched_query(query).column == column


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "does not begin with SELECT"),
        ("UPDATE T SET A = 1 WHERE ID = :K", "does not begin with SELECT"),
        ("(SELECT ID FROM T WHERE ID = :K)", "does not begin with SELECT"),
        ("SELECT ID FROM T", "one WHERE outside of parentheses, and has none"),
        ("SELECT ID FROM T WHERE A IS DISTINCT FROM B AND ID = :K", "one FROM outside of parentheses, and has 2"),
        ("SELECT ID FROM T WHERE ID = 1", "one bind, the key's, used once, and has none"),
        ("SELECT ID FROM T WHERE ID = :K AND A = :K", "one bind, the key's, used once, and has 2"),
        ("SELECT ID FROM T WHERE ID = :K AND A = :JOB_ID", "one bind, the key's, used once, and has 2"),
        ("SELECT ID FROM T WHERE ID = ?", "'?'"),
        ("SELECT ID FROM T WHERE ID = :K;", "';'"),
        ("SELECT ID, q'[it's]' FROM T WHERE ID = :K", "a text in q'"),
        *(
            (f"SELECT ID FROM T WHERE {condition}", "COLUMN = :K")
            for condition in (
                "ID > :K",
                "ID >= :K",
                "ID == :K",
                "ID != :K",
                ":K = ID",
                "NOT ID = :K",
                "(ID = :K)",
                "ID + 0 = :K",
                "UPPER(ID) = :K",
                "ID = :K + 1",
                "ID = UPPER(:K)",
                "ID = :K COLLATE NOCASE",
                "ID = :K OR A",
                "ID IN (:K)",
                "A AND ID = :K LIMIT 1",
                "ID(+) = :K",
                "A.B ID = :K",
                "CASE WHEN A AND ID = :K THEN B END",
                "A IN (SELECT A FROM U WHERE U.ID = :K)",
                "EXISTS (SELECT 1 FROM U WHERE U.ID = T.ID AND ID = :K)",
            )
        ),
        ("SELECT ID FROM T JOIN U ON U.ID = :K WHERE A", "COLUMN = :K"),
        ("SELECT ID FROM T WHERE A OR B AND ID = :K", "an OR outside of parentheses"),
        ("SELECT ID FROM T WHERE ID = :K AND A OR B", "an OR outside of parentheses"),
        ("SELECT ID FROM T WHERE A BETWEEN 1 AND ID = :K", "right behind a BETWEEN"),
        ("SELECT ID FROM T WHERE ID = :K ORDER BY A LIMIT 1", "LIMIT would look"),
        ("SELECT ID FROM T WHERE ID = :K ORDER BY A FETCH FIRST ROW ONLY", "FETCH would look"),
        ("SELECT ID FROM T WHERE ID = :K AND ROWNUM = 1", "ROWNUM would look"),
        ("SELECT ID, NVL(ROWNUM, 0) N FROM T WHERE ID = :K", "ROWNUM would look"),
        ("SELECT ID, SUM(A) OVER () FROM T WHERE ID = :K", "OVER would look"),
        ("SELECT ID FROM T WHERE ID = :K AND A UNION SELECT ID FROM U", "one SELECT outside of parentheses, and has 2"),
        ("SELECT ID FROM T WHERE ID = :K AND A CONNECT BY PRIOR A = B", "CONNECT would look"),
        ("SELECT ID FROM T WHERE ID = :K GROUP BY ROLLUP(ID)", "ROLLUP would look"),
        ("SELECT ID FROM T WHERE ID = :K GROUP BY A", "groups rows, and not by ID"),
        ("SELECT ID FROM T WHERE ID = :K GROUP BY ID || A", "groups rows, and not by ID"),
        ("SELECT ID, MAX(A) FROM T WHERE ID = :K", "MAX has no GROUP BY ID"),
        ('SELECT ID, 1 + "count" (*) FROM T WHERE ID = :K', "COUNT has no GROUP BY ID"),
        ("SELECT ID, (SELECT SUM(T.A)) FROM T WHERE ID = :K", "SUM has no GROUP BY ID"),
        ("SELECT ID FROM T WHERE ID = :K ORDER BY COUNT(*)", "COUNT has no GROUP BY ID"),
        ("SELECT ID FROM T WHERE ID = :K AND A HAVING A > 1", "HAVING has no GROUP BY ID"),
        ("SELECT A FROM T WHERE ID = :K", "SELECT list lacks ID"),
        ("SELECT ID + 0 AS ID FROM T WHERE ID = :K", "SELECT list lacks ID"),
        ("SELECT U.ID FROM T WHERE T.ID = :K", "SELECT list lacks T.ID"),
        ("SELECT ID FROM T WHERE T.ID = :K", "SELECT list lacks T.ID"),
        ("SELECT U.* FROM T, U WHERE T.ID = :K", "SELECT list lacks T.ID"),
        ("SELECT UPPER(ID) FROM T WHERE ID = :K", "SELECT list lacks ID"),
        ('SELECT "id" FROM T WHERE ID = :K', "SELECT list lacks ID"),
        ("SELECT (SELECT ID FROM U) FROM T WHERE ID = :K", "SELECT list lacks ID"),
    ],
)
def test_what_can_not_be_proved_to_say_the_same_is_refused_with_the_reason(query: str, why: str) -> None:
    with pytest.raises(ValueError, match="can't be asked for many keys at once") as refused:
        batched_query(query)
    assert why in str(refused.value)
    assert str(refused.value).endswith("change that, or leave mapping_batch out")
    assert "\n" not in str(refused.value)


def test_every_aggregate_of_sqlite_is_known_or_needs_an_over() -> None:
    pure_windows = {
        *("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"),
        *("lag", "lead", "first_value", "last_value", "nth_value"),
    }
    with closing(sqlite3.connect(":memory:")) as connection:
        rows = connection.execute("SELECT name FROM pragma_function_list WHERE type IN ('a', 'w')")
        names = {name for (name,) in rows} - pure_windows
    assert {name.upper() for name in names} <= module._AGGREGATES
