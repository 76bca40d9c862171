"""Fixtures of the end-to-end tests: a workplace, and the command in it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mailer.cli.demo_data import DemoData, make_demo_data
from tests.doubles.oracle_process import OracleProcess, oracle_process
from tests.doubles.ses_process import SesProcess, ses_process
from tests.e2e.commands import Mailer, Ran, Running, StartMailer, new_workplace, run_mailer
from tests.e2e.crew import Crew
from tests.e2e.own_database import OwnDatabase, SqliteFile, new_schema


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> DemoData:
    """The example's data, made once; tests get copies."""
    return make_demo_data(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def standin() -> Iterator[OracleProcess]:
    """The stand-in for Oracle, which the tests of this process share."""
    with oracle_process({}) as process:
        yield process


@pytest.fixture
def database(request: pytest.FixtureRequest) -> OwnDatabase:
    """mailer's own, for a workplace to settle in: SQLite, or what `on_both_databases` says."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return SqliteFile()
    return new_schema(request.getfixturevalue("standin"))


@pytest.fixture
def workplace(tmp_path: Path, demo_data: DemoData, database: OwnDatabase) -> Path:
    """A folder with `crm.db` and `attachments/` of the example, where `mailer` keeps its `mailer.db` and `outbox/`."""
    folder = new_workplace(tmp_path / "작업", demo_data)
    database.settle_in(folder)
    return folder


@pytest.fixture
def mailer(workplace: Path) -> Mailer:
    """`mailer(*arguments)` in the workplace."""

    def run(*arguments: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> Ran:
        return run_mailer(workplace, *arguments, env=env, stdin=stdin)

    return run


@pytest.fixture
def start_mailer(workplace: Path, tmp_path: Path) -> Iterator[StartMailer]:
    """`start_mailer(*arguments)` in the workplace: a process that goes on beside the test."""
    started: list[Running] = []

    def start(*arguments: str, env: Mapping[str, str] | None = None) -> Running:
        started.append(Running(workplace, tmp_path / f"printed-{len(started)}", arguments, env))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.wait()


@pytest.fixture
def crew(database: OwnDatabase, start_mailer: StartMailer) -> Crew:
    """Who works on the jobs of the workplace."""
    return Crew(start_mailer, is_many=database.is_shared)


@pytest.fixture
def ses() -> Iterator[SesProcess]:
    """The double of SES as a process of its own."""
    with ses_process() as double:
        yield double
