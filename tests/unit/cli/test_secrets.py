"""Each secret setting is set to a marker: no command, log line or traceback ever shows one."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
import structlog
from pydantic import BaseModel, SecretStr

from mailer.cli.session import configure_logs
from mailer.settings import Settings
from mailer.settings.fields import SourceSettings
from tests.doubles.ses import environment as ses_environment
from tests.e2e.commands import Mailer, run_mailer
from tests.small_definition import NAME, write_definition

MARK = "호랑이-hunter2"
SECRETS = {
    "MAILER_DATABASE_PASSWORD": f"{MARK}-1",
    "MAILER_DATABASE_WALLET_PASSWORD": f"{MARK}-2",
    "MAILER_SOURCES__CRM__PASSWORD": f"{MARK}-3",
    "MAILER_SOURCES__CRM__WALLET_PASSWORD": f"{MARK}-4",
    "MAILER_SOURCES__ERP__DSN": f"scott/{MARK}-5@127.0.0.1:1/ERP",
    "MAILER_DATABASE_PASWORD": f"{MARK}-6",
    "AWS_SECRET_ACCESS_KEY": "hunter2-of-aws",
    "AWS_SESSION_TOKEN": "hunter2-token",
}
"""Also one in a connect string, and one in a misspelt variable."""
LOUD = {"MAILER_LOG_LEVEL": "debug", "MAILER_DB_PATIENCE": "100ms", "MAILER_POLL": "20ms", **SECRETS}
ELSEWHERE = {
    "ses": {**ses_environment("http://127.0.0.1:9"), "MAILER_TRANSPORT": "ses", **SECRETS},
    "oracle": {"MAILER_DATABASE": "oracle://127.0.0.1:1/MAIL", "MAILER_DATABASE_USER": "MAILER"},
    "source": {"MAILER_SOURCES__CRM__URL": "oracle://127.0.0.1:1/CRM", "MAILER_SOURCES__CRM__USER": "CRM"},
    "lean": {
        **ses_environment("http://127.0.0.1:9"),
        "MAILER_TRANSPORT": "ses",
        "MAILER_SES_CLIENT": "lean",
        **SECRETS,
    },
    "bad": {"MAILER_LEASE": "soon"},
}
"""Where something is away or wrong: errors have more to say than success."""
COMMANDS = [
    "automation list",
    f"automation show {NAME}",
    f"automation export {NAME}",
    f"automation validate {NAME}",
    f"automation preview {NAME}",
    f"automation test-mail {NAME} --to me@example.com",
    f"automation pause {NAME}",
    f"automation resume {NAME}",
    f"enqueue {NAME}",
    "job list",
    "job show 1",
    "job deliveries 1",
    "job cancel 1",
    "job retry 1",
    "job retry 1 --updates",
    "job settle 1 --as sent",
    "suppression list",
    "suppression add a@example.com",
    "suppression remove a@example.com",
    "purge --older-than 90d",
    "migrate --status",
    "doctor",
]

ASKED_ELSEWHERE = [
    "doctor",
    "job list",
    f"automation validate {NAME}",
    f"automation test-mail {NAME} --to me@example.com",
]


def test_every_secret_setting_is_tried() -> None:
    """So that one that is new can't be forgotten here."""

    def secrets(model: type[BaseModel], prefix: str) -> set[str]:
        return {f"{prefix}{name.upper()}" for name, field in model.model_fields.items() if SecretStr in _of(field)}

    found = secrets(Settings, "MAILER_") | secrets(SourceSettings, "MAILER_SOURCES__CRM__")
    assert len(found) == 4
    assert found <= SECRETS.keys()


def test_no_command_shows_a_secret(command: Mailer, workplace: Path) -> None:
    definition = str(write_definition(workplace))
    for words in (["migrate"], ["automation", "apply", definition], ["enqueue", NAME]):
        ran = command(*words, env=LOUD)
        assert ran.code == 0, ran.stderr
        assert "hunter2" not in ran.stdout + ran.stderr
    ran = run_mailer(workplace, "run", "--until-idle", env=LOUD)  # it ends its process
    assert ran.code == 0, ran.stderr
    assert "hunter2" not in ran.stdout + ran.stderr
    for words in map(str.split, COMMANDS):
        for more in ([], ["--json"]):
            ran = command(*words, *more, env=LOUD)
            assert "hunter2" not in ran.stdout + ran.stderr, (words, more)
    assert "hunter2" not in "".join(path.read_text() for path in workplace.rglob("*.eml"))
    with closing(sqlite3.connect(workplace / "mailer.db")) as database:
        assert "hunter2" not in "".join(database.iterdump())


@pytest.mark.parametrize("where", ELSEWHERE)
def test_no_error_shows_a_secret_where_something_is_away_or_wrong(command: Mailer, workplace: Path, where: str) -> None:
    definition = str(write_definition(workplace))
    for words in (["automation", "apply", definition], ["enqueue", NAME]):
        assert command(*words).code == 0
    env = LOUD | ELSEWHERE[where]
    for words in map(str.split, ASKED_ELSEWHERE):
        for more in ([], ["--json"]):
            ran = command(*words, *more, env=env)
            assert "hunter2" not in ran.stdout + ran.stderr, (words, more)
            assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_in_the_log_shows_no_value(
    form: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    """A local variable of a frame may be a secret, or a row."""
    configure_logs(Settings(log_format=form))
    try:
        _fail(SECRETS["MAILER_DATABASE_PASSWORD"], "kim@example.co.kr")
    except ValueError as defect:
        structlog.get_logger().error("a job met a defect", job=7, exc_info=defect)
    said = capsys.readouterr().err
    assert "_fail" in said
    assert "hunter2" not in said
    assert "kim@" not in said


def _fail(secret: str, email: str) -> None:
    raise ValueError(f"no such thing: {email}, {len(secret)}")


def _of(field: object) -> tuple[object, ...]:
    annotation = getattr(field, "annotation", None)
    return getattr(annotation, "__args__", (annotation,))
