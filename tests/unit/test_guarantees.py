"""docs/guarantees.md and docs/security.md promise nothing that no test shows: each test that they name exists."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGES = {
    name: (TESTS.parent / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("guarantees", "security")
}
NAMED = sorted({found for page in PAGES.values() for found in re.findall(r"`([\w/]+\.py)::(\w+)`", page)})


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_each_test_that_a_page_names_exists(file: str) -> None:
    nodes = ast.walk(ast.parse((TESTS / file).read_text(encoding="utf-8")))
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert {name for named_in, name in NAMED if named_in == file} <= defined


@pytest.mark.parametrize(("page", "sections"), [("guarantees", 6), ("security", 8)])
def test_each_section_names_tests_and_what_it_does_not_cover(page: str, sections: int) -> None:
    numbered = re.split(r"(?m)^## ", PAGES[page])[1 : sections + 1]
    assert [section.split(".")[0] for section in numbered] == [str(number) for number in range(1, sections + 1)]
    for section in numbered:
        assert re.search(r"`[\w/]+\.py::\w+`", section), section
        assert "\nNot covered: " in section, section


@pytest.mark.parametrize("page", PAGES)
def test_each_row_of_a_table_names_a_test_or_the_soak(page: str) -> None:
    lines = PAGES[page].splitlines()
    rows = [line for line, below in zip(lines, [*lines[1:], ""], strict=True) if _is_row(line, below)]
    assert rows
    for row in rows:
        assert ".py::" in row or "make soak" in row, row


def _is_row(line: str, below: str) -> bool:
    return line.startswith("| ") and not line.startswith("| ---") and not below.startswith("| ---")
