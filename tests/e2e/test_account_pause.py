"""SES stops the account: no process sends, nobody is failed for it, and all go on by themselves when SES allows it."""

import signal
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest

from mailer.account_watch import DISABLED, QUOTA_USED_UP
from mailer.model.job import JobStatus
from tests.doubles.ses_process import SesProcess, ses_process
from tests.e2e.own_database import OwnDatabase, new_workplace_on, on_both_databases
from tests.faults.waiting import until
from tests.faults.workplace import Workplace, statement

PEOPLE = 40


@pytest.fixture
def workplace(tmp_path: Path, database: OwnDatabase) -> Iterator[Workplace]:
    with ses_process() as ses:
        place = new_workplace_on(database, tmp_path / "작업", ses, tmp_path)
        place.environment |= {"MAILER_SES_RATE": "20", "MAILER_POLL": "100ms"}
        place.add_customers(PEOPLE)
        yield place
        place.kill_all()


def ask_ses_now(workplace: Workplace) -> None:
    """As if the minute between two questions were over."""
    workplace.execute("UPDATE ACCOUNT SET POLLED_AT = NULL")


def cause(workplace: Workplace) -> str | None:
    rows = workplace.query("SELECT WHY FROM ACCOUNT WHERE ACCOUNT = 'default'")
    return rows[0][0] if rows else None


DISABLED_THEN_ENABLED = ({"sending_enabled": False}, {"sending_enabled": True}, DISABLED)
QUOTA_THEN_MORE = ({"quota": 10}, {"quota": None}, QUOTA_USED_UP)


@pytest.mark.parametrize(
    ("database", "stop", "go_on", "why"),
    [
        pytest.param("sqlite", *DISABLED_THEN_ENABLED, id="sqlite-sending disabled"),
        pytest.param("sqlite", *QUOTA_THEN_MORE, id="sqlite-quota used up"),
        pytest.param("oracle", *DISABLED_THEN_ENABLED, id="oracle-sending disabled"),
        pytest.param("oracle", *QUOTA_THEN_MORE, id="oracle-quota used up", marks=pytest.mark.slow),
    ],
    indirect=["database"],
)
def test_two_processes_stop_together_and_go_on_together(
    workplace: Workplace, stop: dict[str, object], go_on: dict[str, object], why: str
) -> None:
    ses: SesProcess = workplace.ses
    job_id = workplace.new_job(statement(max_parallel=4))
    processes = [workplace.start("run", "--role", "worker") for _ in range(2)]
    workplace.wait_for_mails(job_id, 10)
    ses.limit(**stop)
    until(lambda: ses.stats()["refused"], "SES refuses a mail")
    ask_ses_now(workplace)
    until(lambda: cause(workplace) == why, "SES was asked, and the account paused")
    sleep(1.5)  # whoever sends looks at the account once a second
    posts = ses.stats()["posts"]
    sleep(5)  # in which either process by itself would try again, after one, two and four seconds
    assert ses.stats()["posts"] == posts
    shown = workplace.run("job", "show", str(job_id), "--json")
    assert why in shown.stdout
    assert workplace.job_status(job_id) is JobStatus.RUNNING

    ses.limit(**go_on)
    ask_ses_now(workplace)
    assert workplace.wait_for_job(job_id) is JobStatus.DONE
    workplace.require_all_sent(job_id, PEOPLE)
    assert cause(workplace) is None
    assert ses.stats()["twice"] == []
    assert "waiting" in {row[0] for row in workplace.query("SELECT CODE FROM JOB_LOG")}
    assert [process.end(signal.SIGTERM).code for process in processes] == [0, 0]


@on_both_databases
def test_a_paused_account_lets_a_job_be_cancelled_and_a_process_drain_at_once(workplace: Workplace) -> None:
    workplace.ses.limit(sending_enabled=False)
    job_id = workplace.new_job(statement(max_parallel=4))
    running = workplace.start("run", "--role", "worker")
    until(lambda: cause(workplace) == DISABLED, "the account is paused")
    assert workplace.run("job", "cancel", str(job_id)).code == 0
    assert workplace.wait_for_job(job_id) is JobStatus.CANCELLED
    workplace.enqueue(1)
    workplace.wait_for_job(2, JobStatus.RUNNING)
    assert running.end(signal.SIGTERM).code == 0
    assert workplace.query("SELECT COUNT(*) FROM DELIVERY WHERE STATUS <> 'PENDING'")[0][0] == 0
