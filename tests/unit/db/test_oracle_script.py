"""Scripts as SQL*Plus reads them, taken apart."""

import pytest

from mailer.db.migrations import shipped_migrations
from mailer.db.oracle_script import split_script


def test_a_semicolon_ends_a_statement_and_is_no_part_of_it() -> None:
    assert split_script("CREATE TABLE A (B NUMBER);\nCREATE INDEX C ON A (B);\n") == [
        "CREATE TABLE A (B NUMBER)",
        "CREATE INDEX C ON A (B)",
    ]


def test_plsql_keeps_its_semicolons_and_ends_with_a_slash() -> None:
    trigger = "CREATE OR REPLACE TRIGGER T BEFORE UPDATE ON A FOR EACH ROW\nBEGIN\n    NULL;\nEND;"
    assert split_script(f"{trigger}\n/\nDROP TABLE A;\n") == [trigger, "DROP TABLE A"]


@pytest.mark.parametrize("head", ["BEGIN", "DECLARE X NUMBER; BEGIN", "create editionable procedure P as begin"])
def test_every_kind_of_plsql_is_known(head: str) -> None:
    assert split_script(f"{head} NULL; END;\n/\n") == [f"{head} NULL; END;"]


def test_what_ends_a_statement_ends_nothing_inside_a_text_a_name_or_a_comment() -> None:
    statement = "INSERT INTO A VALUES ('끝;', q, \"B;\") -- not here;\n /* nor; here */"
    assert split_script(f"{statement};\n") == [statement]


def test_a_doubled_quote_does_not_end_a_text() -> None:
    assert split_script("INSERT INTO A VALUES ('it''s;');SELECT 1 FROM DUAL;") == [
        "INSERT INTO A VALUES ('it''s;')",
        "SELECT 1 FROM DUAL",
    ]


def test_a_slash_that_divides_ends_nothing() -> None:
    assert split_script("SELECT 4\n / 2 FROM DUAL;") == ["SELECT 4\n / 2 FROM DUAL"]


def test_comments_before_a_statement_are_left_out() -> None:
    assert split_script("-- what for; and why\n/* more; */\nDROP TABLE A;\n-- the end;\n") == ["DROP TABLE A"]


def test_a_last_statement_needs_no_end() -> None:
    assert split_script("DROP TABLE A") == ["DROP TABLE A"]


def test_an_empty_script_has_no_statement() -> None:
    assert split_script("-- nothing yet\n") == []


def test_the_shipped_scripts_are_whole_statements() -> None:
    for migration in shipped_migrations("oracle"):
        for statement in split_script(migration.script):
            assert statement.split(maxsplit=1)[0] in {"CREATE", "ALTER", "UPDATE", "INSERT"}
            assert statement.endswith(";") == ("TRIGGER" in statement.split("(")[0].split("\n")[0])
