from __future__ import annotations

import pytest
from oracledb import AsyncConnection as Connection
from oracledb import AsyncCursor as Cursor

from tests.unit.doubles.oracle.asking import rows
from tests.unit.doubles.oracle.failures import fails_with

MAKE_T = """
BEGIN
    EXECUTE IMMEDIATE 'CREATE TABLE t (n NUMBER, name VARCHAR2(20) DEFAULT ''x'')';
EXCEPTION
    WHEN OTHERS THEN
        IF SQLCODE != -955 THEN RAISE; END IF;
END;
"""


async def test_a_migration_is_made_restartable_by_a_block(cursor: Cursor) -> None:
    for _ in range(2):
        await cursor.execute(MAKE_T)
    assert await rows(cursor, "SELECT table_name FROM user_tables") == [("T",)]


async def test_an_error_that_a_block_does_not_expect_is_raised_again(cursor: Cursor) -> None:
    with fails_with("ORA-00902"):
        await cursor.execute(MAKE_T.replace("NUMBER", "BOOLEAN"))


async def test_a_block_looks_before_it_makes(cursor: Cursor) -> None:
    block = """
        DECLARE
            found NUMBER;
            wanted VARCHAR2(30) := 'T';
        BEGIN
            SELECT COUNT(*) INTO found FROM user_tables WHERE table_name = wanted;
            IF found = 0 THEN
                EXECUTE IMMEDIATE 'CREATE TABLE ' || wanted || ' (n NUMBER)';
            ELSIF found > 1 THEN
                RAISE_APPLICATION_ERROR(-20002, 'too many');
            ELSE
                INSERT INTO t VALUES (found);
            END IF;
        END;"""
    await cursor.execute(block)
    assert await rows(cursor, "SELECT * FROM t") == []
    await cursor.execute(block)
    assert await rows(cursor, "SELECT * FROM t") == [(1,)]


async def test_named_exceptions_are_handled_by_their_numbers(cursor: Cursor) -> None:
    await cursor.execute(MAKE_T)
    await cursor.execute("""
        DECLARE
            exists_already EXCEPTION;
            PRAGMA EXCEPTION_INIT(exists_already, -955);
            v_name VARCHAR2(20);
        BEGIN
            BEGIN
                EXECUTE IMMEDIATE 'CREATE TABLE t (n NUMBER)';
            EXCEPTION
                WHEN exists_already THEN NULL;
            END;
            BEGIN
                SELECT name INTO v_name FROM t WHERE n = 1;
            EXCEPTION
                WHEN NO_DATA_FOUND OR TOO_MANY_ROWS THEN
                    INSERT INTO t (n, name) VALUES (SQLCODE, SUBSTR(SQLERRM, 1, 9));
            END;
        END;""")
    assert await rows(cursor, "SELECT n, name FROM t") == [(100, "ORA-01403")]


async def test_a_block_gives_values_back_through_its_binds(cursor: Cursor) -> None:
    await cursor.execute(MAKE_T)
    doubled, touched = cursor.var(int), cursor.var(int)
    await cursor.execute(
        """BEGIN
            :doubled := :n * 2;
            FOR i IN 1 .. :n LOOP
                INSERT INTO t (n) VALUES (i);
            END LOOP;
            UPDATE t SET name = :name WHERE n > 1;
            :touched := SQL%ROWCOUNT;
        END;""",
        n=3,
        name="한글",
        doubled=doubled,
        touched=touched,
    )
    assert (doubled.getvalue(), touched.getvalue()) == (6, 2)
    assert await rows(cursor, "SELECT n, name FROM t ORDER BY n") == [(1, "x"), (2, "한글"), (3, "한글")]


async def test_a_block_walks_over_a_query_and_drops_what_it_finds(cursor: Cursor) -> None:
    await cursor.execute(MAKE_T)
    await cursor.execute("CREATE TABLE u (n NUMBER)")
    await cursor.execute("""
        BEGIN
            FOR found IN (SELECT table_name FROM user_tables) LOOP
                EXECUTE IMMEDIATE 'DROP TABLE "' || found.table_name || '" CASCADE CONSTRAINTS PURGE';
            END LOOP;
        END;""")
    assert await rows(cursor, "SELECT table_name FROM user_tables") == []


async def test_dynamic_sql_takes_its_binds_in_order(cursor: Cursor) -> None:
    await cursor.execute(MAKE_T)
    total = cursor.var(int)
    await cursor.execute(
        """BEGIN
            EXECUTE IMMEDIATE 'INSERT INTO t (n, name) VALUES (:a, :b)' USING 4 + 1, 'dynamic';
            EXECUTE IMMEDIATE 'SELECT SUM(n) FROM t WHERE name = :x' INTO :total USING 'dynamic';
        END;""",
        total=total,
    )
    assert total.getvalue() == 5


async def test_a_block_that_fails_leaves_nothing_behind_and_the_transaction_open(
    connection: Connection, cursor: Cursor
) -> None:
    await cursor.execute(MAKE_T)
    await cursor.execute("INSERT INTO t (n) VALUES (1)")
    with fails_with("ORA-20001") as failure:
        await cursor.execute("BEGIN INSERT INTO t (n) VALUES (2); RAISE_APPLICATION_ERROR(-20001, '안 됩니다'); END;")
    assert failure.message.startswith("ORA-20001: 안 됩니다")
    await connection.commit()
    assert await rows(cursor, "SELECT n FROM t") == [(1,)]


@pytest.mark.parametrize(
    "wrong",
    [
        "BEGIN NULL END;",
        "BEGIN NULL; END",
        "BEGIN NULL; END; /",
        "BEGIN IF 1 = 1 THEN NULL; END;",
        "BEGIN no_such_procedure(1); END;",
        "BEGIN nothing := 1; END;",
        "BEGIN SELECT 1 FROM DUAL; END;",
    ],
)
async def test_what_is_no_plsql_is_refused(cursor: Cursor, wrong: str) -> None:
    with fails_with("ORA-06550"):
        await cursor.execute(wrong)


REFUSE = """
CREATE OR REPLACE TRIGGER dbio_never_changes
BEFORE UPDATE OR DELETE ON dbio
FOR EACH ROW
BEGIN
    RAISE_APPLICATION_ERROR(-20001, 'DBIO ' || :OLD.dbio_id || ' is never changed: insert a new row');
END;
"""


async def test_a_trigger_refuses_to_change_a_row(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE dbio (dbio_id NUMBER(19), name VARCHAR2(40))")
    for _ in range(2):
        await cursor.execute(REFUSE)
    await cursor.execute("INSERT INTO dbio VALUES (7, 'a')")
    for wrong in ("UPDATE dbio SET name = 'b'", "DELETE FROM dbio"):
        with fails_with("ORA-20001") as failure:
            await cursor.execute(wrong)
        first, *rest = failure.message.splitlines()
        assert first == "ORA-20001: DBIO 7 is never changed: insert a new row"
        assert rest[1] == "ORA-04088: error during execution of trigger 'APP.DBIO_NEVER_CHANGES'"
    assert await rows(cursor, "SELECT trigger_name FROM user_triggers") == [("DBIO_NEVER_CHANGES",)]
    await cursor.execute("DROP TRIGGER dbio_never_changes")
    await cursor.execute("DELETE FROM dbio")


async def test_a_trigger_sets_columns_and_writes_rows_elsewhere(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (n NUMBER, changed TIMESTAMP(6), name VARCHAR2(20))")
    await cursor.execute("CREATE TABLE audit_log (what VARCHAR2(100))")
    await cursor.execute("""
        CREATE TRIGGER t_changes BEFORE INSERT OR UPDATE OF n ON t FOR EACH ROW WHEN (NEW.n > 0)
        BEGIN
            :NEW.changed := SYS_EXTRACT_UTC(SYSTIMESTAMP);
            IF INSERTING THEN
                :NEW.name := NVL(:NEW.name, 'new');
            ELSIF UPDATING AND :OLD.n <> :NEW.n THEN
                INSERT INTO audit_log VALUES (:OLD.n || ' -> ' || :NEW.n);
            ELSE
                NULL;
            END IF;
        END;""")
    await cursor.execute("INSERT INTO t (n) VALUES (0)")
    await cursor.execute("INSERT INTO t (n) VALUES (1)")
    await cursor.execute("UPDATE t SET n = 2 WHERE n = 1")
    assert await rows(cursor, "SELECT n, name, CASE WHEN changed IS NULL THEN 0 ELSE 1 END FROM t ORDER BY n") == [
        (0, None, 0),
        (2, "new", 1),
    ]
    assert await rows(cursor, "SELECT what FROM audit_log") == [("1 -> 2",)]
