"""Oracle's SQL as its parsers see it, and as far as it must be SQLite's: no Oracle server is needed to tell.

Neither parser knows all of Oracle, so a statement must parse in one of the two. sqlglot hands on what it does not know
as a `Command`: that counts as not parsed.
"""

import tomllib
from collections.abc import Iterator
from functools import cache

import pytest
import sqlglot
from sqlfluff.core import Linter
from sqlglot import exp

from mailer.db.migrations import shipped_migrations
from mailer.db.oracle_script import split_script
from mailer.db.oracle_session import GENERATED_KEY
from mailer.db.statements import Statement, shipped_statements
from mailer.shipped import shipped_folder

ORACLE, SQLITE = shipped_statements("oracle"), shipped_statements("sqlite")
OF_ORACLE_ALONE = {"insert_migration_lock", "lock_migrations"}
"""SQLite's write lock keeps a second migration out."""
KNOWN_TO_NEITHER = {"IDENTITY (CACHE 1000)": "IDENTITY", "END) INITRANS 8": "END)"}
"""Right on Oracle all the same: options of an identity beside IS JSON, and storage behind an expression's index."""
OUT_BINDS = {"reserve_slots": {"next_slot", "moment"}}


def migrations() -> Iterator[tuple[str, str]]:
    for migration in shipped_migrations("oracle"):
        for number, statement in enumerate(split_script(migration.script), start=1):
            known = statement
            for clause, without in KNOWN_TO_NEITHER.items():
                known = known.replace(clause, without)
            yield f"V{migration.version:03} {number}", known


def queries_of_examples() -> Iterator[tuple[str, str]]:
    for file in sorted(shipped_folder("examples").glob("*/automation.toml")):
        dbio = tomllib.loads(file.read_text(encoding="utf-8"))["dbio"]
        for kind in ("target", "mapping", "update"):
            if kind in dbio:
                yield f"{file.parent.name} {kind}", dbio[kind]


ALL = [
    *((name, statement.sql) for name, statement in ORACLE.items()),
    *migrations(),
    *queries_of_examples(),
]


@pytest.mark.parametrize("sql", [pytest.param(sql, id=name) for name, sql in ALL])
def test_a_parser_of_oracles_sql_takes_it(sql: str) -> None:
    assert sqlglot_parses(sql) or sqlfluff_parses(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT A FROM T LIMIT 1 1",
        "CREATE TABEL T (A NUMBER)",
        "UPDATE T A = :a WHERE B = 1",
        "MERGE INTO T USING (SELECT 1 FROM DUAL) ON WHEN MATCHED",
    ],
)
def test_the_parsers_refuse_what_is_no_sql(sql: str) -> None:
    assert not sqlglot_parses(sql)
    assert not sqlfluff_parses(sql)


@pytest.mark.parametrize("statement", [pytest.param(one, id=one.name) for one in ORACLE.values()])
def test_no_statement_ends_with_a_semicolon(statement: Statement) -> None:
    without_comments = sqlglot.tokenize(statement.sql, read="oracle")
    assert without_comments[-1].text != ";"


def test_both_dialects_have_the_same_statements_in_the_same_order() -> None:
    assert [name for name in ORACLE if name not in OF_ORACLE_ALONE] == list(SQLITE)


@pytest.mark.parametrize("name", sorted(SQLITE))
def test_a_statement_has_the_same_binds_in_both_dialects(name: str) -> None:
    outs = OUT_BINDS.get(name, {GENERATED_KEY})
    assert ORACLE[name].binds - outs == SQLITE[name].binds


@pytest.mark.parametrize("name", sorted(ORACLE))
def test_a_statement_that_locks_takes_no_more_rows_than_it_must(name: str) -> None:
    """ORA-02014, or rows that are locked and lost: how many to take is an argument of `fetch`."""
    words = ORACLE[name].sql.upper().split()
    if "UPDATE" in words and "FOR" in words:
        assert not {"ROWNUM", "FETCH", "DISTINCT", "GROUP"} & set(words)


def sqlglot_parses(sql: str) -> bool:
    try:
        trees = sqlglot.parse(sql, read="oracle")
    except sqlglot.errors.SqlglotError:
        return False
    return len(trees) == 1 and trees[0] is not None and not list(trees[0].find_all(exp.Command))


def sqlfluff_parses(sql: str) -> bool:
    ended = sql if sql.rstrip().upper().endswith("END;") else f"{sql}\n;"
    parsed = linter().parse_string(f"{ended}\n")
    tree = parsed.tree
    return tree is not None and not parsed.violations and "unparsable" not in tree.type_set()


@cache
def linter() -> Linter:
    return Linter(dialect="oracle")
