"""Several processes share one rate: none too many in any sliding second, whoever joins, dies or stands still."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from mailer.db.migrations import migrate
from tests.doubles.oracle_process import oracle_process
from tests.doubles.ses_rate import worst_second
from tests.e2e.commands import environment
from tests.faults.pacing import database_at
from tests.faults.waiting import lasts, until
from tests.faults.workplace import Workplace, statement

RATE = 200
AT_MOST = RATE + max(1, RATE // 50)


class Pacers:
    """Processes that do nothing but call at their slots."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        """`database`: as `database_at` takes it; a file in the folder by default."""
        self._database, self._stamps = database or str(folder / "mailer.db"), folder / "stamps"
        self._processes: list[subprocess.Popen[bytes]] = []
        anyio.run(self._make)

    def join(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.faults.pacing", self._database, str(RATE), str(self._stamps)]
        self._processes.append(subprocess.Popen(command, env=environment({"PYTHONDONTWRITEBYTECODE": ""})))
        return self._processes[-1]

    def wait_for_calls(self, count: int) -> None:
        """Until there are so many more."""
        enough = len(self.moments()) + count
        until(lambda: len(self.moments()) >= enough, f"{count} more calls")

    def moments(self) -> list[float]:
        if not self._stamps.exists():
            return []
        return [float(line) for line in self._stamps.read_bytes().split(b"\n")[:-1]]

    def kill_all(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    async def _make(self) -> None:
        async with database_at(self._database, create=True) as database:
            await migrate(database)


@pytest.fixture
def pacers(tmp_path: Path) -> Iterator[Pacers]:
    started = Pacers(tmp_path)
    yield started
    started.kill_all()


def test_no_sliding_second_holds_too_many_while_processes_join_die_and_stand_still(pacers: Pacers) -> None:
    first, second = pacers.join(), pacers.join()
    pacers.wait_for_calls(RATE)
    pacers.join()
    fourth = pacers.join()
    pacers.wait_for_calls(2 * RATE)
    first.kill()
    second.send_signal(signal.SIGSTOP)
    lasts(1)
    second.send_signal(signal.SIGCONT)
    pacers.wait_for_calls(RATE)
    fourth.kill()
    pacers.wait_for_calls(2 * RATE)
    pacers.kill_all()
    assert worst_second(pacers.moments()) <= AT_MOST


@pytest.fixture
def pacers_on_oracle(tmp_path: Path) -> Iterator[Pacers]:
    with oracle_process({"MAILER": "password"}) as process:
        started = Pacers(tmp_path, f"MAILER/password@{process.dsn}")
        yield started
        started.kill_all()


@pytest.mark.slow
def test_who_joins_dies_or_stands_still_for_a_while_costs_little_of_the_rate(pacers_on_oracle: Pacers) -> None:
    """On SQLite one that is stopped within its commit would stop all: a file has one writer."""
    pacers = pacers_on_oracle
    running = [pacers.join() for _ in range(4)]
    pacers.wait_for_calls(3 * RATE)
    chance = random.Random(1)
    began, seconds = time.monotonic(), 60
    while time.monotonic() < began + seconds:
        frozen = chance.choice(running)
        frozen.send_signal(signal.SIGSTOP)
        lasts(chance.uniform(0.3, 2))
        frozen.send_signal(signal.SIGCONT)
        lasts(4)
        running.remove(dying := chance.choice(running))
        dying.kill()
        running.append(pacers.join())
        lasts(4)
    ended = time.monotonic()
    worst = worst_second(pacers.moments())
    share = sum(began <= moment < ended for moment in pacers.moments()) / (RATE * (ended - began))
    sys.stdout.write(f"worst second {worst}, {share:.1%} of the rate used\n")
    assert worst <= AT_MOST
    assert share >= 0.95


def accepted(workplace: Workplace) -> int:
    return int(workplace.ses.stats()["accepted"])


@pytest.mark.slow
def test_four_workers_use_the_rate_and_never_more_over_a_minute(workplace: Workplace) -> None:
    seconds = 60
    workplace.add_customers(RATE * (seconds + 20))
    workplace.environment["MAILER_SES_RATE"] = str(RATE)
    workplace.new_job(statement(max_parallel=20))
    for _ in range(4):
        workplace.start("run", "--role", "worker")
    # Its numbers alone are asked for: to hand out its mails the double stands still, and then takes many at once.
    until(lambda: accepted(workplace) >= 5 * RATE, "all have joined")
    began, began_at = accepted(workplace), time.monotonic()
    lasts(seconds)
    share = (accepted(workplace) - began) / (RATE * (time.monotonic() - began_at))
    worst = workplace.ses.stats()["worst_second"]
    sys.stdout.write(f"worst second {worst}, {share:.1%} of the rate used\n")
    assert worst <= AT_MOST
    assert share >= 0.99
