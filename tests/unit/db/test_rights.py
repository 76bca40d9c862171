"""Which rights a statement needs, by its text: what `doctor` asks the tables' owner for."""

import re

from mailer.db.migrations import shipped_migrations
from mailer.db.rights import missing_rights, rights_of
from mailer.db.statements import shipped_statements

ORACLE = shipped_statements("oracle")


def test_all_that_our_statements_need_are_rights_on_our_tables() -> None:
    scripts = "".join(migration.script for migration in shipped_migrations("oracle"))
    tables = set(re.findall(r"CREATE TABLE (\w+)", scripts)) | {"SCHEMA_HISTORY"}
    needed = set().union(*(rights_of(statement) for statement in ORACLE.values()))
    assert {table for table, _ in needed} == tables
    assert {right for _, right in needed} == {"SELECT", "INSERT", "UPDATE", "DELETE"}


def test_a_lock_is_an_update_and_a_merge_is_both() -> None:
    assert rights_of(ORACLE["lock_automation"]) == {("AUTOMATION", "SELECT"), ("AUTOMATION", "UPDATE")}
    assert {("JOB_MINUTE", "INSERT"), ("JOB_MINUTE", "UPDATE")} < rights_of(ORACLE["add_to_minute"])


def test_what_may_never_be_changed_needs_no_right_to() -> None:
    needed = set().union(*(rights_of(statement) for statement in ORACLE.values()))
    assert {("AUDIT_LOG", "UPDATE"), ("AUDIT_LOG", "DELETE"), ("DBIO", "UPDATE"), ("TEMPLATE", "UPDATE")}.isdisjoint(
        needed
    )


def test_what_only_refused_statements_need_is_missing() -> None:
    closing = [name for name, statement in ORACLE.items() if ("WORKER", "DELETE") in rights_of(statement)]
    assert missing_rights(ORACLE, closing) == {"WORKER": ["DELETE"]}
    assert missing_rights(ORACLE, []) == {}
