import os
from pathlib import Path

import pytest

from mailer.cli.demo_data import make_demo_data
from mailer.cli.demo_folder import make_fresh, write_settings
from mailer.cli.demo_report import next_commands
from mailer.errors import ConfigurationError
from mailer.model.database_url import SqliteFile
from mailer.settings import load_settings


def all_files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_an_earlier_demo_made_is_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "데모"
    make_fresh(folder)
    (fresh,) = all_files(folder)
    make_demo_data(folder)
    write_settings(folder, tmp_path / "outbox", 200)
    for name in ("mailer.db", "mailer.db-wal", "mailer.db-shm", "crm.db-journal"):
        (folder / name).touch()
    mine = {"메모.txt", "attachments/서울/내것.pdf", "mailer.db.bak", "own/automation.toml"}
    for name in mine:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    make_fresh(folder)
    assert all_files(folder) == {fresh, *mine}
    assert make_demo_data(folder).expected.rows == 640


def test_a_folder_with_files_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mailer.db").write_text("mine")
    with pytest.raises(ConfigurationError, match="holds files that no demo made") as raised:
        make_fresh(tmp_path)
    assert "--folder" in raised.value.next_step
    assert all_files(tmp_path) == {"mailer.db"}


def test_an_empty_folder_may_be_given(tmp_path: Path) -> None:
    make_fresh(tmp_path)
    make_demo_data(tmp_path)


def test_a_file_where_the_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "demo").touch()
    with pytest.raises(ConfigurationError, match=r"can't make .*demo fresh"):
        make_fresh(tmp_path / "demo")


@pytest.mark.parametrize("outbox", ["outbox", "it's here", "백\\슬래시", 'a "b" #c $HOME'])
def test_the_settings_lead_to_the_demo_whatever_the_outbox_is_called(tmp_path: Path, outbox: str) -> None:
    folder = tmp_path / "demo"
    make_fresh(folder)
    write_settings(folder, tmp_path / outbox, 12.5)
    loaded = load_settings({}, folder / ".env")
    assert loaded.warnings == ()
    assert loaded.settings.database_address == SqliteFile(Path("mailer.db"))
    assert loaded.settings.source("CRM").address == SqliteFile(Path("crm.db"))
    assert loaded.settings.ses_rate == 12.5
    assert os.path.normpath(folder / loaded.settings.outbox) == str(tmp_path / outbox)


def test_the_commands_to_try_begin_in_the_demos_folder(tmp_path: Path) -> None:
    commands = next_commands(tmp_path / "내 데모", Path("/elsewhere/examples"))
    assert commands[0] == f"cd '{tmp_path}/내 데모'"
    assert all(one.startswith(("cd ", "export PATH=", "mailer ")) for one in commands)
