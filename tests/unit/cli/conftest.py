"""Commands within the test's own process: a tenth of the time that a process of its own takes."""

import os
from collections.abc import Mapping
from pathlib import Path
from shutil import copy

import pytest

from mailer.cli.app import main
from mailer.cli.demo_data import DemoData, make_demo_data
from tests.e2e.commands import Mailer, Ran, environment
from tests.unit.cli.job_cases import Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder of its own, with none of this machine's settings."""
    for name in list(os.environ):
        if name.startswith(("MAILER_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, capsys)


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> DemoData:
    """The example's data, made once; tests get copies."""
    return make_demo_data(tmp_path_factory.mktemp("made"))


@pytest.fixture
def workplace(tmp_path: Path, demo_data: DemoData) -> Path:
    """A folder with `crm.db` of the example, and a link to its attachments: to copy them takes longer than a test."""
    folder = tmp_path / "작업"
    folder.mkdir()
    copy(demo_data.database, folder)
    (folder / "attachments").symlink_to(demo_data.attachments)
    return folder


@pytest.fixture
def command(workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mailer:
    """`command(*arguments)`: as `mailer` in the workplace, but without stdin."""

    def run(*arguments: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> Ran:
        with monkeypatch.context() as patch:
            for name in os.environ.keys() - environment(env).keys():
                patch.delenv(name)
            for name, value in environment(env).items():
                patch.setenv(name, value)
            patch.chdir(workplace)
            with pytest.raises(SystemExit) as end:
                main(arguments)
        printed = capsys.readouterr()
        return Ran(int(end.value.code or 0), printed.out, printed.err)

    return run
