import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from mailer.errors import ConfigurationError
from mailer.model.database_url import SqliteFile
from mailer.settings import Settings, load_settings, variable_names
from tests.given_settings import NO_FILE

EXAMPLE = Path(__file__).parents[2] / ".env.example"
EXAMPLE_LINE = re.compile(r"^#(MAILER_\w+)=(.*)$", re.MULTILINE)


def test_the_file_is_read_and_the_environment_wins_over_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "\ufeff# 설정\nMAILER_WORKERS=7\nexport MAILER_POLL='5s' # often\nMAILER_SOURCES__CRM__URL=sqlite:///a.db\n"
    (tmp_path / ".env").write_text(lines + 'MAILER_SOURCES__ERP__DSN=x\nMAILER_SOURCES__ERP__PASSWORD="${HOME}$1"\n')
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"MAILER_POLL": "9s", "MAILER_SOURCES__CRM__url": "sqlite:///b.db"}).settings
    assert (settings.workers, settings.poll) == (7, timedelta(seconds=9))
    assert settings.source("crm").url == "sqlite:///b.db"
    assert settings.source("erp").password == SecretStr("${HOME}$1")


def test_an_unknown_variable_in_the_file_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAILER_POL=1\nOTHER=1\n")
    assert load_settings({}, tmp_path / ".env").warnings == (
        "MAILER_POL is no setting of mailer; did you mean MAILER_POLL?",
    )


def test_a_variable_of_aws_in_the_file_is_a_warning_for_the_sdk_does_not_read_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AWS_REGION=ap-northeast-2\nAWS_PROFILE=mail\n")
    (warning,) = load_settings({"AWS_PROFILE": "mail"}, tmp_path / ".env").warnings
    assert warning.startswith("AWS_REGION in ")
    assert "not read" in warning


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"A=1\n\n\nMAILER_POLL 5\nB=2\n", "line 4: not of the form NAME=value"),
        (b"A=1\nMAILER_POLL\n", "line 2: not of the form NAME=value"),
        ("MAILER_POLL=5초".encode("cp949"), "not UTF-8"),
        (b"A=\x00", "NUL"),
        (b"#" * 1_000_001, "larger"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ConfigurationError, match=says):
        load_settings({}, tmp_path / ".env")


def test_a_folder_named_env_is_no_settings_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert load_settings({}, tmp_path / ".env").settings == Settings()


# .env.example


def test_the_example_names_every_setting_and_no_other() -> None:
    written = [name for name, _ in EXAMPLE_LINE.findall(EXAMPLE.read_text(encoding="utf-8"))]
    assert sorted(written) == sorted(variable_names())


def test_the_example_says_the_defaults() -> None:
    lines = EXAMPLE_LINE.findall(EXAMPLE.read_text(encoding="utf-8"))
    written = {name: value for name, value in lines if "__NAME__" not in name}
    assert load_settings(written, NO_FILE).settings == Settings()
    for name, value in written.items():
        default = None if name.endswith("_FILE") else getattr(Settings(), name.removeprefix("MAILER_").lower())
        assert (value == "") == (default is None), name


def test_each_setting_of_the_example_has_a_comment_above_it() -> None:
    for block in EXAMPLE.read_text(encoding="utf-8").split("\n\n"):
        assert not EXAMPLE_LINE.match(block), block


def test_the_example_is_a_file_that_can_be_copied_as_it_is(tmp_path: Path) -> None:
    text = EXAMPLE_LINE.sub(r"\1=\2", EXAMPLE.read_text(encoding="utf-8"))
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    result = load_settings({}, tmp_path / ".env")
    assert result.settings.source("name").address == SqliteFile(Path("crm.db"))
    assert result.warnings == ()


def test_a_folder_in_place_of_the_file_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    (warning,) = load_settings({}, tmp_path / ".env").warnings
    assert warning.endswith(".env is a folder, not a file of settings: it is not read")
