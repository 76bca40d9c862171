"""The customer's database is away when a dead worker's update queries are still to run."""

from mailer.model.job import JobStatus
from tests.faults.processes import stop_at
from tests.faults.workplace import Workplace, statement

CUSTOMERS = 3


def test_an_update_that_cannot_run_is_failed_with_that_cause_so_that_its_job_ends_and_runs_on_request(
    workplace: Workplace,
) -> None:
    workplace.add_customers(CUSTOMERS)
    job_id = workplace.new_job(statement())
    doomed = workplace.start("run", env=stop_at("answer committed", nth=CUSTOMERS))
    doomed.wait_until_stopped()
    doomed.kill()
    away = (workplace.folder / "crm.db").rename(workplace.folder / "away.db")

    workplace.run_until_idle({"MAILER_DB_PATIENCE": "2s"})

    assert workplace.job_status(job_id) is JobStatus.FAIL
    assert "crm.db" in workplace.job_log(job_id)
    updates = workplace.query("SELECT UPDATE_STATUS, ERROR FROM DELIVERY ORDER BY ROW_NO")
    assert [row["UPDATE_STATUS"] for row in updates] == ["DONE", "DONE", "FAILED"]
    assert "crm.db" in updates[2]["ERROR"]

    away.rename(workplace.folder / "crm.db")
    assert workplace.look("job", "retry", str(job_id), "--updates").code == 0
    workplace.run_until_idle()
    verdict = workplace.judge(job_id, CUSTOMERS)
    assert (verdict.lost, verdict.twice, verdict.denied, verdict.unknown) == ([], [], [], [])
    workplace.require_updates(job_id)
