import os
from pathlib import Path

import pytest

from tests.unit.cli.job_cases import Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder of its own, with none of this machine's settings."""
    for name in list(os.environ):
        if name.startswith(("MAILER_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, capsys)
