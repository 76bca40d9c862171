import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from mailer.errors import ConfigurationError
from mailer.model.database_url import SqliteFile
from mailer.settings import Settings, load_settings
from tests.given_settings import NO_FILE, loaded, refused


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
        setattr(result.settings.source("crm"), "url", "sqlite:///other.db")  # noqa: B010 - likewise
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(result, "warnings", ())  # noqa: B010 - likewise


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
        ("LEASE", "9999999d", "is 9999999d: must be 1d or shorter"),
        ("UNKNOWN_GRACE", "31d", "must be 30d or shorter"),
        ("DB_PATIENCE", "2d", "must be 1d or shorter"),
        ("SES_RATE", "0", "must be 0.001 or more"),
        ("SES_RATE", "-1", "must be 0.001 or more"),
        ("SES_RATE", "1e-300", "must be 0.001 or more"),
        ("SES_RATE", "1e25", "must be 100,000 or less"),
        ("SES_RATE", "nan", "finite"),
        ("SES_RATE", "inf", "finite"),
        ("SES_RATE", "fast", "number"),
        ("WORKERS", "0", "1"),
        ("WORKERS", "1.5", "whole number"),
        ("AUTO_MIGRATE", "perhaps", "must be true or false"),
        ("TRANSPORT", "smtp", "'outbox' or 'ses'"),
        ("SES_CLIENT", "boto3", "'aioboto3' or 'lean'"),
        ("SES_EVENTS_QUEUE", "events", "URL"),
        ("SES_ACCOUNT", "두 번째", "letters"),
        ("RENDER_BYTES", "10 XB", "XB"),
        ("RENDER_BYTES", "10", "must be 1,000 or more"),
        ("RENDER_BYTES", "-1", "must be a number of bytes, or a size"),
        ("RENDER_BYTES", "9" * 25, "must be 100,000,000 or less"),
        ("RENDER_BYTES", "9" * 400, "must be a number of bytes, or a size"),
        ("LOG_LEVEL", "loud", "'info'"),
        ("LOG_FORMAT", "xml", "'json'"),
        ("OUTBOX", "~nobody-of-that-name/x", "'~'"),
        ("OUTBOX", "s3://bucket", "must be a folder's path"),
        ("OUTBOX", " ", "blank"),
        ("ATTACHMENTS", " ", "blank"),
        ("DATABASE", " ", "blank"),
        ("DATABASE_WALLET", " ", "blank"),
        ("DATABASE", "sqlite://x.db", "three"),
    ],
)
def test_a_bad_value_is_one_line_with_the_variable_and_what_is_wrong(name: str, value: str, says: str) -> None:
    message = refused(**{name: value})
    assert message.startswith(f"MAILER_{name} ")
    assert says in message


@pytest.mark.parametrize("name", ["LEASE", "AUTO_MIGRATE", "TRANSPORT"])
def test_of_a_long_value_only_the_beginning_is_shown(name: str) -> None:
    message = refused(**{name: "가" * 5000})
    assert f"{'가' * 60}…'" in message
    assert "가" * 61 not in message


def test_sources_without_a_name_are_a_warning_with_the_form_that_is_meant() -> None:
    assert loaded(SOURCES="x").warnings == (
        "MAILER_SOURCES is no setting of mailer; did you mean MAILER_SOURCES__NAME__URL?",
    )


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
