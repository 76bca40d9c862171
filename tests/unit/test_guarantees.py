"""docs/guarantees.md promises nothing that no test shows: each test that it names exists."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "guarantees.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_each_test_that_a_guarantee_names_exists(file: str) -> None:
    nodes = ast.walk(ast.parse((TESTS / file).read_text(encoding="utf-8")))
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert {name for named_in, name in NAMED if named_in == file} <= defined


def test_each_promise_names_tests_and_what_it_does_not_cover() -> None:
    promises = re.split(r"(?m)^## ", PAGE)[1:7]
    assert [promise[:2] for promise in promises] == ["1.", "2.", "3.", "4.", "5.", "6."]
    for promise in promises:
        assert re.search(r"`[\w/]+\.py::\w+`", promise), promise
        assert "\nNot covered: " in promise, promise


def test_each_row_of_a_table_names_a_test_or_the_soak() -> None:
    rows = [
        line
        for line in PAGE.splitlines()
        if line.startswith("| ") and not line.startswith(("| it rests", "| what", "| ---"))
    ]
    assert rows
    for row in rows:
        assert ".py::" in row or "make soak" in row, row
