import dataclasses
import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from mailer.errors import ConfigurationError, NotFound
from mailer.model.database_url import OracleService, SqliteFile
from mailer.settings import LoadedSettings, Settings, load_settings, variable_names

NO_FILE = Path("no-such-folder/.env")
EXAMPLE = Path(__file__).parents[2] / ".env.example"
EXAMPLE_LINE = re.compile(r"^#(MAILER_\w+)=(.*)$", re.MULTILINE)


def loaded(**variables: str) -> LoadedSettings:
    return load_settings({f"MAILER_{name}": value for name, value in variables.items()}, NO_FILE)


def refused(**variables: str) -> str:
    with pytest.raises(ConfigurationError) as refusal:
        loaded(**variables)
    assert refusal.value.exit_code == 2
    assert refusal.value.next_step
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_without_any_variable_everything_has_its_default() -> None:
    settings = load_settings({}, NO_FILE).settings
    assert settings.database_address == SqliteFile(Path("mailer.db"))
    assert (settings.transport, settings.outbox, settings.attachments) == ("outbox", Path("outbox"), None)
    assert (settings.ses_rate, settings.ses_timeout) == (None, timedelta(seconds=18))
    assert (settings.tick, settings.poll) == (timedelta(seconds=30), timedelta(seconds=2))
    assert (settings.lease, settings.drain) == (timedelta(seconds=60), timedelta(seconds=25))
    assert (settings.db_patience, settings.unknown_grace) == (timedelta(seconds=30), timedelta(minutes=15))
    assert (settings.workers, settings.auto_migrate) == (4, None)
    assert (settings.ses_events_queue, settings.ses_account, settings.ses_client) == (None, "default", "aioboto3")
    assert (settings.render_seconds, settings.render_bytes) == (timedelta(seconds=2), 10_000_000)
    assert (settings.query_seconds, settings.row_query_limit) == (timedelta(minutes=5), timedelta(seconds=30))
    assert (settings.log_level, settings.log_format) == ("info", "auto")


def test_the_process_environment_is_read_when_none_is_handed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_POLL", "250ms")
    assert load_settings(env_file=NO_FILE).settings.poll == timedelta(milliseconds=250)


def test_settings_made_in_code_do_not_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_POLL", "250ms")
    assert Settings().poll == timedelta(seconds=2)


def test_settings_are_frozen() -> None:
    result = loaded(SOURCES__CRM__URL="sqlite:///crm.db")
    with pytest.raises(ValidationError):
        setattr(result.settings, "workers", 9)  # noqa: B010 - mypy refuses the plain form
    with pytest.raises(ValidationError):
        setattr(result.settings.source("crm"), "url", "sqlite:///other.db")  # noqa: B010
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(result, "warnings", ())  # noqa: B010


@pytest.mark.parametrize(
    ("written", "seconds"), [("90", 90), ("1.5", 1.5), ("500ms", 0.5), ("2s", 2), ("15m", 900), ("1h", 3600)]
)
def test_a_duration_is_seconds_or_has_a_unit(written: str, seconds: float) -> None:
    assert loaded(TICK=written).settings.tick == timedelta(seconds=seconds)


def test_a_variable_set_to_nothing_is_not_set() -> None:
    assert loaded(ATTACHMENTS="", SES_RATE="").settings == Settings()


@pytest.mark.parametrize(("written", "expected"), [("true", True), ("off", False), ("1", True), ("NO", False)])
def test_auto_migrate_takes_the_usual_words(written: str, expected: bool) -> None:
    assert loaded(AUTO_MIGRATE=written).settings.auto_migrate is expected


def test_the_schema_migrates_itself_on_sqlite_and_on_oracle_only_when_told() -> None:
    assert loaded().settings.migrates_itself
    assert not loaded(DATABASE="oracle://db1:1521/MAILER").settings.migrates_itself
    assert loaded(DATABASE="oracle://db1:1521/MAILER", AUTO_MIGRATE="yes").settings.migrates_itself
    assert not loaded(AUTO_MIGRATE="no").settings.migrates_itself


# The database and the sources


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("./자료/mailer.db", "자료/mailer.db"),
        ("/var/lib/mailer.db", "/var/lib/mailer.db"),
        ("sqlite:///rel.db", "rel.db"),
        ("sqlite:////abs/x.db", "/abs/x.db"),
        ("sqlite:///고객 %20.db", "고객 %20.db"),
        ("~/mailer.db", "/home/kim/mailer.db"),
    ],
)
def test_the_database_is_a_path_or_a_url(written: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/kim")
    assert loaded(DATABASE=written).settings.database_address == SqliteFile(Path(path))


def test_the_database_on_oracle_has_its_login_in_settings_of_its_own() -> None:
    settings = loaded(
        DATABASE="oracle://db1:1521/MAILER",
        DATABASE_USER="MAILER",
        DATABASE_PASSWORD="비밀",
        DATABASE_TNS_ADMIN="/etc/tns",
        DATABASE_WALLET="/etc/wallet",
        DATABASE_WALLET_PASSWORD="지갑",
    ).settings
    address = settings.database_address
    assert address == OracleService("db1:1521/MAILER", "MAILER", "비밀", Path("/etc/tns"), Path("/etc/wallet"), "지갑")
    assert "비밀" not in repr((settings, address))
    assert "지갑" not in repr((settings, address))


@pytest.mark.parametrize("asked", ["crm", "CRM", "Crm"])
@pytest.mark.parametrize("variable", ["SOURCES__CRM__URL", "SOURCES__crm__url", "sources__Crm__URL"])
def test_a_source_is_found_whatever_the_case_of_its_name(asked: str, variable: str) -> None:
    settings = loaded(**{variable: "sqlite:////abs/x.db"}).settings
    assert settings.source(asked).address == SqliteFile(Path("/abs/x.db"))


def test_a_source_on_oracle_is_given_by_dsn_or_url() -> None:
    settings = loaded(
        SOURCES__ERP__DSN="(DESCRIPTION=(ADDRESS=(HOST=db1)))",
        SOURCES__ERP__USER="READER",
        SOURCES__ERP__PASSWORD="123",
        SOURCES__DW__URL="oracle://DW_HIGH",
        SOURCES__DW__PASSWORD='"quoted"',
    ).settings
    assert settings.source("erp").address == OracleService("(DESCRIPTION=(ADDRESS=(HOST=db1)))", "READER", "123")
    assert settings.source("dw").address == OracleService("DW_HIGH", password='"quoted"')


def test_an_unknown_source_is_named_with_those_there_are_and_the_variable_to_set() -> None:
    with pytest.raises(NotFound, match=r"'Crn'.*there are: crm, erp") as missing:
        loaded(SOURCES__ERP__DSN="x", SOURCES__CRM__DSN="x").settings.source("Crn")
    assert "MAILER_SOURCES__CRN__URL" in missing.value.next_step


@pytest.mark.parametrize(
    "url",
    [
        "crm.db",
        "sqlite:crm.db",
        "sqlite://crm.db",
        "sqlite:///:memory:",
        "sqlite:///x.db?mode=ro",
        "postgres://db1/crm",
        "oracle://SCOTT:tiger@db1/CRM",
    ],
)
def test_a_url_of_another_form_is_refused_without_showing_it(url: str) -> None:
    message = refused(SOURCES__CRM__URL=url)
    assert message.startswith("MAILER_SOURCES__CRM__URL ")
    assert url not in message
    assert "tiger" not in message


@pytest.mark.parametrize("url", ["sqlite:///", "oracle://"])
def test_a_url_of_nothing_is_refused(url: str) -> None:
    assert refused(SOURCES__CRM__URL=url).startswith("MAILER_SOURCES__CRM__URL names no ")


def test_a_source_has_a_url_or_a_dsn_and_not_both() -> None:
    assert refused(SOURCES__CRM__USER="x").startswith("MAILER_SOURCES__CRM needs one of")
    assert refused(SOURCES__CRM__URL="oracle://x", SOURCES__CRM__DSN="x").startswith("MAILER_SOURCES__CRM needs one of")


# Secrets


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("호랑이 \n", encoding="utf-8")
    settings = loaded(
        SOURCES__CRM__DSN="x",
        SOURCES__CRM__PASSWORD_FILE=str(tmp_path / "password"),
        DATABASE_PASSWORD_FILE=str(tmp_path / "password"),
    ).settings
    assert settings.source("crm").password == SecretStr("호랑이 ")
    assert settings.database_password == SecretStr("호랑이 ")


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "latin").write_bytes(b"\xe9\n")
    for name, reason in [("missing", "No such file"), ("", "directory"), ("empty", "empty"), ("latin", "UTF-8")]:
        message = refused(SOURCES__CRM__DSN="x", SOURCES__CRM__PASSWORD_FILE=str(tmp_path / name))
        assert "MAILER_SOURCES__CRM__PASSWORD_FILE" in message
        assert reason in message


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    message = refused(SOURCES__CRM__DSN="x", SOURCES__CRM__PASSWORD="호랑이", SOURCES__CRM__PASSWORD_FILE="x")
    assert "MAILER_SOURCES__CRM__PASSWORD and MAILER_SOURCES__CRM__PASSWORD_FILE are both set" in message
    assert "호랑이" not in message


# Bad values


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("LEASE", "2999ms", "must be 3s or longer"),
        ("LEASE", "soon", "no duration"),
        ("LEASE", "-5", "negative"),
        ("TICK", "0", "must be 10ms or longer"),
        ("POLL", "0", "must be 10ms or longer"),
        ("DRAIN", "2s", "must be 3s or longer"),
        ("SES_TIMEOUT", "0", "must be 100ms or longer"),
        ("SES_RATE", "0", "greater than 0"),
        ("SES_RATE", "-1", "greater than 0"),
        ("SES_RATE", "nan", "finite"),
        ("SES_RATE", "inf", "finite"),
        ("SES_RATE", "fast", "number"),
        ("WORKERS", "0", "1"),
        ("WORKERS", "1.5", "integer"),
        ("AUTO_MIGRATE", "perhaps", "boolean"),
        ("TRANSPORT", "smtp", "'outbox' or 'ses'"),
        ("SES_CLIENT", "boto3", "'aioboto3' or 'lean'"),
        ("SES_EVENTS_QUEUE", "events", "URL"),
        ("SES_ACCOUNT", "두 번째", "letters"),
        ("RENDER_BYTES", "10 XB", "XB"),
        ("RENDER_BYTES", "10", "1000"),
        ("LOG_LEVEL", "loud", "'info'"),
        ("LOG_FORMAT", "xml", "'json'"),
        ("OUTBOX", "~nobody-of-that-name/x", "'~'"),
        ("DATABASE", "sqlite://x.db", "three"),
    ],
)
def test_a_bad_value_is_one_line_with_the_variable_and_what_is_wrong(name: str, value: str, says: str) -> None:
    message = refused(**{name: value})
    assert message.startswith(f"MAILER_{name} ")
    assert says in message


def test_of_several_bad_values_each_variable_is_named() -> None:
    assert "also wrong: MAILER_POLL, MAILER_WORKERS" in refused(SES_RATE="0", POLL="x", WORKERS="0")


def test_a_bad_value_beside_a_misspelt_variable_mentions_both() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        loaded(SOURCES__CRM__USER="x", SOURCES__CRM__ULR="sqlite:///x.db")
    assert "did you mean MAILER_SOURCES__CRM__URL?" in refusal.value.next_step


@pytest.mark.parametrize(("name", "value"), [("TRANSPORT", "SES"), ("LOG_LEVEL", "DEBUG"), ("LOG_FORMAT", "JSON")])
def test_words_are_taken_in_upper_case_too(name: str, value: str) -> None:
    assert getattr(loaded(**{name: value}).settings, name.lower()) == value.lower()


# Rules across settings (the call's deadline lies within the lease's margin and the drain)


def test_a_call_takes_the_time_to_connect_and_to_answer() -> None:
    settings = loaded().settings
    assert settings.call_timeout == timedelta(seconds=21)
    assert settings.connect_timeout == timedelta(seconds=3)
    assert settings.sending_margin == timedelta(seconds=25)


@pytest.mark.parametrize("lease", ["3s", "10s", "42s", "60s", "10m"])
@pytest.mark.parametrize("drain", ["3s", "10s", "25s", "5m"])
@pytest.mark.parametrize("timeout", ["100ms", "18s", "10m"])
def test_a_call_always_ends_within_half_the_lease_and_before_the_drain(lease: str, drain: str, timeout: str) -> None:
    settings = loaded(LEASE=lease, DRAIN=drain, SES_TIMEOUT=timeout, UNKNOWN_GRACE="1h").settings
    assert timedelta(0) < settings.connect_timeout < settings.call_timeout
    assert settings.call_timeout < settings.sending_margin <= settings.lease / 2
    assert settings.call_timeout < settings.drain - timedelta(seconds=2)


def test_the_unknown_grace_is_longer_than_a_lease_and_a_call() -> None:
    # 60 s of lease and 21 s of call
    assert "must be longer" in refused(UNKNOWN_GRACE="81s")
    assert loaded(UNKNOWN_GRACE="82s").settings.unknown_grace == timedelta(seconds=82)
    assert refused(LEASE="20m").startswith("MAILER_UNKNOWN_GRACE is 15m: must be longer than MAILER_LEASE")


# Warnings


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("TRANPORT", "TRANSPORT"),
        ("SES_RAET", "SES_RATE"),
        ("DATABASE_URL", "DATABASE_USER"),
        ("SOURCES__CRM__PASWORD", "SOURCES__CRM__PASSWORD"),
        ("SOURCES__CRM", "SOURCES__CRM__URL"),
        ("SOURCE__CRM__URL", "SOURCES__CRM__URL"),
    ],
)
def test_an_unknown_variable_is_a_warning_with_the_nearest_right_name(wrong: str, right: str) -> None:
    result = loaded(**{wrong: "x"})
    assert result.warnings == (f"MAILER_{wrong} is no setting of mailer; did you mean MAILER_{right}?",)
    assert result.settings == Settings()


def test_an_unknown_variable_that_is_near_to_none_is_a_warning_too() -> None:
    (warning,) = loaded(XYZZY="호랑이").warnings
    assert warning.startswith("MAILER_XYZZY is no setting of mailer")
    assert "호랑이" not in warning


def test_variables_of_others_are_none_of_our_business() -> None:
    assert load_settings({"PATH": "/bin", "AWS_REGION": "x", "MAILERS": "x"}, NO_FILE).warnings == ()


@pytest.mark.parametrize(
    ("name", "value"), [("SES_EVENTS_QUEUE", "https://sqs/x"), ("SES_ACCOUNT", "second"), ("SES_CLIENT", "lean")]
)
def test_a_setting_that_nothing_acts_by_yet_says_so(name: str, value: str) -> None:
    assert loaded(**{name: value}).warnings == (f"MAILER_{name} has no effect in this version",)


# The file .env


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
    assert all("no effect" in warning for warning in result.warnings)
