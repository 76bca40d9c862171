"""A data source by its address."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mailer.clock import SystemClock
from mailer.model.database_url import DatabaseAddress, OracleService, parse_database_url
from mailer.sources.opening import open_source
from mailer.sources.oracle import OracleSource
from mailer.sources.source import Source


def opened(address: DatabaseAddress) -> Source:
    return open_source("crm", address, patience=1, query_seconds=10, clock=SystemClock())


def make(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE T (A); INSERT INTO T VALUES ('한글')")


async def test_three_slashes_are_relative_to_the_working_folder_of_when_it_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "고객.db")
    monkeypatch.chdir(tmp_path)
    source = opened(parse_database_url("sqlite:///고객.db"))
    monkeypatch.chdir("/")
    async with source:
        assert await source.read("SELECT A FROM T", {}) == [{"A": "한글"}]


async def test_four_slashes_are_absolute(tmp_path: Path) -> None:
    make(tmp_path / "crm.db")
    async with opened(parse_database_url(f"sqlite:///{tmp_path}/crm.db")) as source:
        assert source.name == "crm"
        assert await source.read("SELECT A FROM T", {}) == [{"A": "한글"}]


def test_an_oracle_service_is_a_source_of_its_own_kind() -> None:
    assert isinstance(opened(OracleService("db1/CRM", user="MAILER_READ", password="s3cret")), OracleSource)
