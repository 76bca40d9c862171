"""Processes whose clocks are an hour wrong, over a database that has a clock of its own: it is the one that counts."""

import shutil
import subprocess
import time as machine
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from mailer.model.automation import Schedule, ScheduleKind
from mailer.model.job import JobStatus
from tests.doubles.ses_process import SesProcess
from tests.faults.oracle_workplace import OracleWorkplace, oracle_workplace
from tests.faults.processes import stop_at
from tests.faults.waiting import until
from tests.faults.workplace import LEASE, statement

HOUR = 3600
SLOW_RATE = 80
Clock = Callable[[int], dict[str, str]]
"""The environment of a process whose clock is so many seconds ahead."""

both_ways = pytest.mark.parametrize(
    "ahead",
    [
        pytest.param(HOUR, id="an hour ahead"),
        pytest.param(-HOUR, id="an hour behind", marks=pytest.mark.slow),
    ],
)


@pytest.fixture
def workplace(tmp_path: Path, ses: SesProcess) -> Iterator[OracleWorkplace]:
    with oracle_workplace(tmp_path / "작업", ses, tmp_path) as place:
        yield place


@pytest.fixture(scope="session")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    if shutil.which("cc") is None:
        pytest.skip("without a C compiler no clock can be made wrong for one process alone")
    library = tmp_path_factory.mktemp("clock") / "wrong_clock.so"
    source = Path(__file__).with_name("wrong_clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return lambda ahead: {"LD_PRELOAD": str(library), "WRONG_CLOCK_SECONDS": str(ahead)}


def test_workers_whose_clocks_are_two_hours_apart_share_a_job_and_rob_nobody(
    workplace: OracleWorkplace, clock: Clock
) -> None:
    customers, lease = 1000, 9  # two batches, and longer than a lease
    workplace.add_customers(customers)
    workplace.environment |= {"MAILER_SES_RATE": str(SLOW_RATE), "MAILER_LEASE": f"{lease}s"}
    auto_id = workplace.save(statement(max_parallel=10))
    workers = [workplace.start("run", "--role", "worker", env=clock(ahead)) for ahead in (HOUR, -HOUR)]
    for worker in workers:
        worker.wait_until_said("started")
    began = datetime.now(UTC)
    job_id = workplace.enqueue(auto_id)
    until(lambda: workplace.job_status(job_id) is not JobStatus.WAITING, "it is claimed")
    until(lambda: workplace.job_status(job_id) is JobStatus.DONE, "it is done", seconds=200)

    workplace.require_all_sent(job_id, customers)
    assert (
        len(workplace.query("SELECT DISTINCT WRITER FROM JOB_MINUTE WHERE JOB_ID = ? AND STATE = 'SENT'", job_id)) == 2
    )
    assert [tuple(row) for row in workplace.query("SELECT DISTINCT FENCE FROM JOB_BATCH")] == [(1,)]
    assert [tuple(row) for row in workplace.query("SELECT FENCE FROM JOB_QUEUE")] == [(1,)]
    stats = workplace.ses.stats()
    assert stats["worst_second"] <= SLOW_RATE + max(1, SLOW_RATE // 50)
    (times,) = workplace.query("SELECT MIN(SENDING_AT), MAX(SENT_AT) FROM DELIVERY")
    now = datetime.now(UTC)
    assert all(began - timedelta(minutes=1) < at.replace(tzinfo=UTC) < now + timedelta(minutes=1) for at in times)


@both_ways
def test_who_died_is_followed_when_the_databases_clock_says_that_its_lease_is_over(
    workplace: OracleWorkplace, clock: Clock, ahead: int
) -> None:
    workplace.add_customers(20)
    job_id = workplace.new_job(statement())
    doomed = workplace.start("run", "--workers", "1", env=clock(-ahead) | stop_at("SENDING committed", nth=3))
    doomed.wait_until_stopped()
    successor = workplace.start("run", "--workers", "1", env=clock(ahead))
    successor.wait_until_said("started")
    stopped_at = machine.monotonic()
    until(lambda: workplace.query("SELECT 1 FROM JOB_QUEUE WHERE FENCE = 2"), "the job is taken over")
    assert machine.monotonic() - stopped_at < 10 * LEASE
    doomed.kill()
    workplace.wait_for_job(job_id)
    workplace.require_all_sent(job_id, 20, unknown=1)


@both_ways
def test_a_schedule_fires_by_the_databases_clock(workplace: OracleWorkplace, clock: Clock, ahead: int) -> None:
    workplace.add_customers(1)
    daily = Schedule(ScheduleKind.DAILY, at=(time(9),), timezone="Asia/Seoul", misfire_grace=timedelta(days=2))
    due, to_come = (workplace.save(statement(name, schedules=(daily,))) for name in ("지금", "반 시간 뒤"))
    move = (
        "UPDATE SCHEDULE SET NEXT_RUN = SYS_EXTRACT_UTC(SYSTIMESTAMP) + NUMTODSINTERVAL(?, 'SECOND') WHERE AUTO_ID = ?"
    )
    workplace.execute(move, -1, due)
    workplace.execute(move, 1800, to_come)
    workplace.start("run", "--role", "scheduler", env=clock(ahead) | {"MAILER_TICK": "200ms"}).wait_until_said(
        "started"
    )
    until(lambda: workplace.query("SELECT 1 FROM JOB_QUEUE"), "what is due has its job")
    (job,) = workplace.query("SELECT AUTO_ID, FIRE_AT, CREATED_AT FROM JOB_QUEUE")
    assert job["AUTO_ID"] == due
    assert timedelta() < job["CREATED_AT"] - job["FIRE_AT"] < timedelta(minutes=2)
    machine.sleep(1)  # some ticks
    assert [tuple(row) for row in workplace.query("SELECT AUTO_ID FROM JOB_QUEUE")] == [(due,)]
    (schedule,) = workplace.query("SELECT NEXT_RUN, LAST_RUN FROM SCHEDULE WHERE AUTO_ID = ?", due)
    assert (schedule["NEXT_RUN"].hour, schedule["NEXT_RUN"].minute) == (0, 0)  # nine in Seoul
    assert timedelta() < schedule["NEXT_RUN"] - schedule["LAST_RUN"] <= timedelta(days=1)
