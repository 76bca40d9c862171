import re
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given

from mailer.definitions import read_definition, write_definition
from mailer.errors import ConfigurationError
from mailer.model.automation import Automation
from tests.automation_strategies import AUTOMATIONS, STATEMENT


@given(AUTOMATIONS)
@example(STATEMENT)
def test_an_exported_definition_reads_back_as_it_was(automation: Automation) -> None:
    with tempfile.TemporaryDirectory() as folder:
        definition, *_ = write_definition(automation, Path(folder))
        assert read_definition(definition) == automation


def test_an_export_lies_in_files_named_after_the_automation(tmp_path: Path) -> None:
    folder = tmp_path / "내보내기" / "new"
    paths = write_definition(STATEMENT, folder)
    assert len(paths) == 3
    assert {path.suffix for path in paths} == {".toml", ".html", ".txt"}
    assert {path.parent for path in paths} == {folder}
    assert (paths[1].read_bytes(), paths[2].read_bytes()) == (
        STATEMENT.template.html.encode(),
        b"$(CUST_NAME)" + "님\n".encode(),
    )


def test_a_name_that_is_no_file_name_is_made_one(tmp_path: Path) -> None:
    automation = Automation("../../etc/passwd: 명세", STATEMENT.dbio, STATEMENT.template, STATEMENT.policies)
    paths = write_definition(automation, tmp_path)
    assert {path.parent for path in paths} == {tmp_path}
    assert read_definition(paths[0]) == automation


def test_a_query_of_several_lines_is_written_in_several_lines(tmp_path: Path) -> None:
    text = write_definition(STATEMENT, tmp_path)[0].read_text(encoding="utf-8")
    assert "SELECT CUST_ID, EMAIL\n  FROM CUSTOMER\n" in text
    assert tomllib.loads(text)["dbio"]["target"] == STATEMENT.dbio.target


def test_exporting_again_changes_nothing_and_never_replaces_a_file_that_differs(tmp_path: Path) -> None:
    toml, html, _ = write_definition(STATEMENT, tmp_path)
    write_definition(STATEMENT, tmp_path)
    html.write_text("mine")
    toml.unlink()
    with pytest.raises(ConfigurationError, match=re.escape(f"{html} is there already")):
        write_definition(STATEMENT, tmp_path)
    assert html.read_text() == "mine"
    assert not toml.exists()
    write_definition(STATEMENT, tmp_path, overwrite=True)
    assert read_definition(toml) == STATEMENT


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="can't be"):
        write_definition(STATEMENT, tmp_path / "file" / "below")
