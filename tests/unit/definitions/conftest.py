from pathlib import Path

import pytest

from mailer.definitions import read_definition
from mailer.errors import DefinitionInvalid
from mailer.model.automation import Automation
from tests.definition_texts import HTML, Faults, Read


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "정의"
    folder.mkdir()
    (folder / "statement.html").write_text(HTML, encoding="utf-8")
    return folder


@pytest.fixture
def read(folder: Path) -> Read:
    def read(toml: str) -> Automation:
        (folder / "monthly.toml").write_text(toml, encoding="utf-8")
        return read_definition(folder / "monthly.toml")

    return read


@pytest.fixture
def faults(read: Read) -> Faults:
    def faults(toml: str) -> tuple[str, ...]:
        with pytest.raises(DefinitionInvalid) as refusal:
            read(toml)
        assert refusal.value.exit_code == 2
        assert "monthly.toml" in str(refusal.value)
        return refusal.value.faults

    return faults
