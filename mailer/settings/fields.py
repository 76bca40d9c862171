"""What there is to set. `.env.example` says of each its unit, and what goes wrong below and above."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mailer.errors import NotFound
from mailer.model.database_url import (
    DatabaseAddress,
    OracleService,
    SqliteFile,
    parse_database_url,
    parse_path_or_url,
)
from mailer.model.duration import format_duration, parse_duration
from mailer.model.job import sending_margin

SES_CONNECT_TIMEOUT = timedelta(seconds=3)
"""Of a call to SES, until the connection stands."""
DRAIN_RESERVE = timedelta(seconds=2)
"""What is left of MAILER_DRAIN, after the last answer came or was given up, to write it and to give claims back."""


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str | int | float) else value


def _between(shortest: timedelta, longest: timedelta = timedelta(days=1)) -> AfterValidator:
    def check(duration: timedelta) -> timedelta:
        if duration < shortest:
            raise ValueError(f"is {format_duration(duration)}: must be {format_duration(shortest)} or longer")
        if duration > longest:
            raise ValueError(f"is {format_duration(duration)}: must be {format_duration(longest)} or shorter")
        return duration

    return AfterValidator(check)


def _matching(pattern: str, form: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"is {text[:60]!r}: must be {form}")
        return text

    return AfterValidator(check)


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _not_blank(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise ValueError("is blank: set it to something, or to nothing at all")
    return value


def _short(value: object) -> object:
    if isinstance(value, str) and len(value) > 30:
        raise ValueError("is no size: must be a number of bytes, or a size such as 500kB or 10MB")
    return value


def _no_url(folder: Path) -> Path:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(folder)):
        raise ValueError("is a URL: must be a folder's path")
    return folder


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as unknown:
        raise ValueError("begins with '~' and the name of nobody known here") from unknown


Duration = Annotated[timedelta, BeforeValidator(_duration)]
SomeTime = Annotated[Duration, _between(timedelta(milliseconds=10))]
"""Long enough not to be a busy loop."""
Folder = Annotated[Path, BeforeValidator(_not_blank), AfterValidator(_expanded)]
Connections = Annotated[int, Field(ge=2, le=200)]
"""To an Oracle service at once: one may be reading a long list while another writes."""


class SourceSettings(BaseModel):
    """A data source: an SQLite file, or an Oracle service by URL or DSN. MAILER_SOURCES__NAME__…"""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str | None = None
    dsn: str | None = None
    user: str | None = None
    password: SecretStr | None = None
    tns_admin: Folder | None = None
    wallet: Folder | None = None
    wallet_password: SecretStr | None = None
    pool: Connections = 8

    @field_validator("url")
    @classmethod
    def _url_is_one(cls, url: str | None) -> str | None:
        if url is not None:
            parse_database_url(url)
        return url

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if (self.url is None) == (self.dsn is None):
            raise ValueError("needs one of __URL and __DSN")
        return self

    @property
    def address(self) -> DatabaseAddress:
        """Where it is, login included."""
        address = OracleService(self.dsn) if self.dsn is not None else parse_database_url(self.url or "")
        return _complete(
            address, self.user, self.password, self.tns_admin, self.wallet, self.wallet_password, self.pool
        )


class Settings(BaseSettings):
    """All settings. One that is made in code reads nothing but its arguments."""

    model_config = SettingsConfigDict(
        env_prefix="MAILER_", env_nested_delimiter="__", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    database: Annotated[str, BeforeValidator(_not_blank)] = "./mailer.db"
    database_user: str | None = None
    database_password: SecretStr | None = None
    database_tns_admin: Folder | None = None
    database_wallet: Folder | None = None
    database_wallet_password: SecretStr | None = None
    database_pool: Connections = 8
    auto_migrate: bool | None = None
    """None: on for SQLite, off on Oracle; see `migrates_itself`."""
    db_patience: Annotated[Duration, _between(timedelta(0))] = timedelta(seconds=30)

    sources: dict[str, SourceSettings] = Field(default_factory=dict)
    """By name in lower case; see `source`."""
    query_seconds: SomeTime = timedelta(seconds=300)
    """Of a target query; see `row_query_limit` for the others."""

    transport: Annotated[Literal["outbox", "ses"], BeforeValidator(_lower)] = "outbox"
    outbox: Annotated[Folder, AfterValidator(_no_url)] = Path("outbox")
    attachments: Annotated[str, BeforeValidator(_not_blank)] | None = None
    """A folder or s3://bucket/prefix, as it was written."""

    ses_rate: Annotated[float, Field(ge=0.001, le=100_000, allow_inf_nan=False)] | None = None
    """Mails per second."""
    ses_timeout: Annotated[Duration, _between(timedelta(milliseconds=100))] = timedelta(seconds=18)
    """As it was written; see `call_timeout` for what holds."""
    ses_account: Annotated[str, _matching(r"[A-Za-z0-9._-]{1,64}", "letters, digits, '.', '_' and '-'")] = "default"
    ses_events_queue: Annotated[str, _matching(r"https?://\S+", "the queue's URL, https://sqs.…")] | None = None
    ses_client: Annotated[Literal["aioboto3", "lean"], BeforeValidator(_lower)] = "aioboto3"

    workers: Annotated[int, Field(ge=1, le=256)] = 4
    tick: SomeTime = timedelta(seconds=30)
    poll: SomeTime = timedelta(seconds=2)
    lease: Annotated[Duration, _between(timedelta(seconds=3))] = timedelta(seconds=60)
    drain: Annotated[Duration, _between(timedelta(seconds=3))] = timedelta(seconds=25)
    unknown_grace: Annotated[Duration, _between(timedelta(0), timedelta(days=30))] = timedelta(minutes=15)

    render_seconds: SomeTime = timedelta(seconds=2)
    render_bytes: Annotated[ByteSize, BeforeValidator(_short), Field(ge=1000, le=100_000_000)] = ByteSize(10_000_000)

    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = "info"
    log_format: Annotated[Literal["auto", "json", "console"], BeforeValidator(_lower)] = "auto"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments alone: `load_settings` reads the environment, so that it can name what it does not know."""
        return (init_settings,)

    @field_validator("database")
    @classmethod
    def _database_is_somewhere(cls, database: str) -> str:
        address = parse_path_or_url(database)
        if isinstance(address, SqliteFile):
            _expanded(address.path)
        return database

    @field_validator("sources")
    @classmethod
    def _names_match_whatever_their_case(cls, sources: dict[str, SourceSettings]) -> dict[str, SourceSettings]:
        return {name.lower(): source for name, source in sources.items()}

    @model_validator(mode="after")
    def _unknown_outlasts_its_sender(self) -> Self:
        # While the sender may still be waiting for its answer, a mail's outcome isn't unknown, only late.
        shortest = self.lease + self.call_timeout
        if self.unknown_grace <= shortest:
            raise ValueError(
                f"MAILER_UNKNOWN_GRACE is {format_duration(self.unknown_grace)}: must be longer than MAILER_LEASE "
                f"and the time of one SES call together, {format_duration(shortest)}"
            )
        return self

    def source(self, name: str) -> SourceSettings:
        """The data source of that name, whatever the case of its letters. Raises NotFound."""
        if name.lower() in self.sources:
            return self.sources[name.lower()]
        there_are = ", ".join(sorted(self.sources)) or "none"
        raise NotFound(
            f"there is no data source {name!r} in the settings (there are: {there_are})",
            f"Set MAILER_SOURCES__{name.upper()}__URL, for example to sqlite:///{name.lower()}.db.",
        )

    @property
    def database_address(self) -> DatabaseAddress:
        """Where mailer's own database is, login included."""
        return _complete(
            parse_path_or_url(self.database),
            self.database_user,
            self.database_password,
            self.database_tns_admin,
            self.database_wallet,
            self.database_wallet_password,
            self.database_pool,
        )

    @property
    def migrates_itself(self) -> bool:
        """Whether `mailer run` brings the schema up to date before it starts."""
        return isinstance(self.database_address, SqliteFile) if self.auto_migrate is None else self.auto_migrate

    @property
    def row_query_limit(self) -> timedelta:
        """How long a mapping or an update query may run."""
        return self.query_seconds / 10

    @property
    def sending_margin(self) -> timedelta:
        """See `sending_margin`."""
        return timedelta(seconds=sending_margin(self.lease.total_seconds()))

    @property
    def call_timeout(self) -> timedelta:
        """The deadline of a whole call to SES: it ends within the sending margin, and early enough in a drain."""
        return min(
            SES_CONNECT_TIMEOUT + self.ses_timeout,
            self.sending_margin * 0.95,
            (self.drain - DRAIN_RESERVE) * 0.95,
        )

    @property
    def connect_timeout(self) -> timedelta:
        """Of a call to SES, until the connection stands: a part of `call_timeout`."""
        return min(SES_CONNECT_TIMEOUT, self.call_timeout / 3)


def _complete(
    address: DatabaseAddress,
    user: str | None,
    password: SecretStr | None,
    tns_admin: Path | None,
    wallet: Path | None,
    wallet_password: SecretStr | None,
    pool: int,
) -> DatabaseAddress:
    """The address with its login; SQLite has none, and what was set for it does no harm."""
    if isinstance(address, SqliteFile):
        return SqliteFile(address.path.expanduser())
    return replace(
        address,
        user=user,
        password=password.get_secret_value() if password else None,
        tns_admin=tns_admin,
        wallet=wallet,
        wallet_password=wallet_password.get_secret_value() if wallet_password else None,
        pool=pool,
    )
