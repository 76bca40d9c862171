"""Named SQL: what is refused at start, and that what ships is what the program runs, on the schema that it makes."""

import ast
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import mailer
from mailer.db.migrations import shipped_migrations
from mailer.db.statements import Statement, Statements, shipped_statements
from mailer.errors import ConfigurationError

SQLITE = shipped_statements("sqlite")
VERBS = {"fetch", "execute", "execute_many", "insert", "execute_returning", "stream", "_execute_made", "_guarded"}
NAME = re.compile(r"[a-z]+(_[a-z]+)+")
OF_TESTS_ALONE = {"list_audit", "find_delivery_by_key"}
"""What only our tests look into the tables by."""


def folder_with(folder: Path, text: str, file: str = "queue.sql") -> Path:
    (folder / file).write_text(text, encoding="utf-8")
    return folder


def test_a_statement_has_its_text_without_the_semicolon_its_binds_and_its_place(tmp_path: Path) -> None:
    text = "-- name: one\n-- What it is for.\nSELECT 1 FROM T WHERE A = :auto_id AND B = ':no_bind' AND C = :c;\n"
    (statement,) = Statements(folder_with(tmp_path, text)).values()
    assert statement.name == "one"
    assert statement.sql.endswith("AND C = :c")
    assert statement.binds == {"auto_id", "c"}
    assert statement.place.startswith(str(tmp_path / "queue.sql"))


@pytest.mark.parametrize(
    "text",
    ["-- name: one\n", "-- name: one two\nSELECT 1;\n", "-- name: one!\nDELETE FROM T;\n"],
    ids=["empty", "misnamed", "marked"],
)
def test_a_faulty_statement_is_refused_with_its_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"queue\.sql"):
        Statements(folder_with(tmp_path, text))


def test_a_second_statement_of_a_name_is_refused_also_in_another_file(tmp_path: Path) -> None:
    folder_with(tmp_path, "-- name: one\nSELECT 1;\n", "a.sql")
    with pytest.raises(ConfigurationError, match=r"b\.sql:\d+: a second statement named one"):
        Statements(folder_with(tmp_path, "-- name: one\nSELECT 2;\n", "b.sql"))


def test_a_folder_without_sql_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no SQL"):
        Statements(tmp_path)


def sources() -> Iterator[ast.AST]:
    for file in sorted(Path(mailer.__file__).parent.rglob("*.py")):
        yield from ast.walk(ast.parse(file.read_text(encoding="utf-8")))


def asked_for() -> set[str]:
    """Names that are written where a verb takes a statement's."""
    names = set()
    for node in sources():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in VERBS:
            names |= {
                argument.value
                for argument in node.args[:2]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            }
    return {name for name in names if NAME.fullmatch(name)}


def test_every_statement_that_the_program_asks_for_ships() -> None:
    assert len(asked_for()) > 50
    assert asked_for() - SQLITE.keys() - shipped_statements("oracle").keys() == set()


def test_every_statement_that_ships_is_used() -> None:
    texts = {node.value for node in sources() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert SQLITE.keys() - texts - OF_TESTS_ALONE == set()


@pytest.fixture(scope="module")
def schema() -> Iterator[sqlite3.Connection]:
    """The schema that the migrations make, with the functions of the program and no row."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for name, arguments in (("UTC_NOW", 0), ("UTC_AFTER", 1), ("TIME_PLUS", 2)):
            connection.create_function(name, arguments, lambda *_: "2026-11-24 00:00:00.000000")
        connection.execute(SQLITE["create_schema_history"].sql)
        for migration in shipped_migrations("sqlite"):
            connection.executescript(migration.script)
        yield connection


class Asked(dict[str, None]):
    """Binds that note which are asked for."""

    def __missing__(self, name: str) -> None:
        self[name] = None


@pytest.mark.parametrize("statement", [pytest.param(statement, id=name) for name, statement in SQLITE.items()])
def test_each_statement_fits_the_schema_with_exactly_its_binds(
    schema: sqlite3.Connection, statement: Statement
) -> None:
    asked = Asked()
    schema.execute(f"EXPLAIN {statement.sql}", asked).close()
    assert asked.keys() == statement.binds


PLANS = {
    "list_waiting_jobs": {"JOB_QUEUE_CLAIMABLE"},
    "list_abandoned_jobs": {"JOB_QUEUE_CLAIMABLE"},
    "find_active_job": {"JOB_QUEUE_ONE_ACTIVE"},
    "list_jobs_to_join": {"JOB_QUEUE_CLAIMABLE", "JOB_ID=?"},
    "list_free_batches": {"JOB_ID=?"},
    "list_batches_left_over": {"DELIVERY_OPEN"},
    "count_what_keeps_a_job_open": {"JOB_ID=?", "DELIVERY_STATUS", "DELIVERY_OPEN"},
    "close_batch": {"DELIVERY_BATCH"},
    "list_batch_work": {"DELIVERY_BATCH"},
    "mark_batch_unknown": {"DELIVERY_"},
    "record_change": {"INTEGER PRIMARY KEY"},
    "read_standing": {"INTEGER PRIMARY KEY"},
    "skip_repeated_keys": {"DELIVERY_BATCH", "DELIVERY_KEY (RECIPIENT_KEY=? AND JOB_ID=? AND ROW_NO<?)"},
    "skip_held_back_keys": {"DELIVERY_BATCH", "DELIVERY_KEY"},
    "skip_keys_sent_by_later_jobs": {"DELIVERY_BATCH", "DELIVERY_KEY"},
    "skip_suppressed_addresses": {"DELIVERY_BATCH"},
    "list_first_pending": {"DELIVERY_"},
    "list_unknown": {"DELIVERY_STATUS"},
    "list_deliveries": {"DELIVERY_ROW"},
    "delete_slice_of_list": {"DELIVERY_ROW"},
}
"""What each hot statement must be found to use."""
SMALL = ("DELIVERY_OPEN", "JOB_BATCH_OPEN", "JOB_QUEUE_CLAIMABLE", "SCHEDULE_DUE")
"""Indexes of few rows, whatever the size of their table: to read one whole is no harm."""


def plan_of(schema: sqlite3.Connection, name: str) -> list[str]:
    with closing(schema.execute(f"EXPLAIN QUERY PLAN {SQLITE[name].sql}", Asked())) as cursor:
        return [str(row[3]) for row in cursor.fetchall()]


def reads_whole(step: str) -> bool:
    """Whether it reads a whole table, or an index as large as one. An alias is what the plan shows."""
    is_of_large_table = re.match(r"SCAN (DELIVERY|JOB_BATCH|JOB_QUEUE|D|B|Q|O|F)\b", step) is not None
    return is_of_large_table and not any(index in step for index in SMALL)


@pytest.mark.parametrize("name", PLANS)
def test_a_hot_statement_uses_its_index_and_reads_no_table_whole(schema: sqlite3.Connection, name: str) -> None:
    plan = plan_of(schema, name)
    assert [step for step in plan if reads_whole(step)] == []
    for index in PLANS[name]:
        assert any(index in step for step in plan), plan


def test_a_look_for_due_schedules_touches_neither_deliveries_nor_batches(schema: sqlite3.Connection) -> None:
    plan = plan_of(schema, "list_due_schedules")
    assert not any("DELIVERY" in step or "JOB_" in step for step in plan), plan
    assert any("SCHEDULE_DUE" in step for step in plan), plan
