"""Attachments that are removed or replaced while their job runs, and a storage that is away for a while."""

import signal
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from tests.faults.processes import MailerProcess
from tests.faults.workplace import Workplace, address, statement

CUSTOMERS = 20
LAST = CUSTOMERS
OLD, NEW = b"%PDF old " * 1000, b"%PDF new " * 2000


def start_job(workplace: Workplace, env: dict[str, str] | None = None) -> tuple[int, MailerProcess]:
    """A job that sends each customer a file of their own, one by one, and has sent a few."""
    workplace.add_customers(CUSTOMERS)
    with workplace.crm() as crm:
        crm.execute("UPDATE CUSTOMER SET ATTACH_NAME = '명세서-' || CUST_ID || '.pdf'")
    workplace.ses.limit(latency=0.1)
    target = "SELECT CUST_ID, CUST_NAME, EMAIL, ATTACH_NAME FROM CUSTOMER ORDER BY CUST_ID"
    job_id = workplace.new_job(statement(target=target, attachment="ATTACH_NAME"))
    service = workplace.start("run", env=env)
    workplace.wait_for_mails(job_id, 3)
    return job_id, service


@pytest.fixture
def files(workplace: Workplace) -> Path:
    folder = workplace.folder / "attachments"
    for number in range(1, CUSTOMERS + 1):
        (folder / f"명세서-{number}.pdf").write_bytes(OLD)
    return folder


def test_a_file_that_is_removed_is_missing_to_its_recipient_alone(workplace: Workplace, files: Path) -> None:
    job_id, service = start_job(workplace)
    (files / f"명세서-{LAST}.pdf").unlink()
    assert workplace.wait_for_job(job_id) is JobStatus.DONE
    assert service.end(signal.SIGTERM).code == 0
    assert [row.status for row in workplace.rows(job_id)] == [Status.SENT] * (CUSTOMERS - 1) + [Status.SKIPPED]
    (line,) = workplace.query("SELECT MESSAGE, TIMES FROM JOB_LOG WHERE CODE = 'attachment missing'")
    assert f"명세서-{LAST}.pdf' has gone" in line["MESSAGE"]


def test_a_file_that_is_replaced_goes_as_it_was_or_as_it_is_and_whole(workplace: Workplace, files: Path) -> None:
    job_id, service = start_job(workplace)
    for number in range(1, CUSTOMERS + 1):
        fresh = files / f".neu-{number}"
        fresh.write_bytes(NEW)
        fresh.rename(files / f"명세서-{number}.pdf")
    workplace.wait_for_job(job_id)
    assert service.end(signal.SIGTERM).code == 0
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)
    contents = {mail.to: mail.attachments[0].content for mail in workplace.mails(job_id)}
    assert set(contents.values()) <= {OLD, NEW}
    assert contents[address(1)] == OLD
    assert contents[address(LAST)] == NEW


def test_a_folder_that_is_unmounted_stops_the_job_and_skips_nobody(workplace: Workplace, files: Path) -> None:
    job_id, service = start_job(workplace)
    away = files.rename(files.with_name("away"))
    files.mkdir()  # a mount point without its disk: it is there, and empty
    assert workplace.wait_for_job(job_id) is JobStatus.FAIL
    assert "attachment folder" in workplace.job_log(job_id)
    assert {row.status for row in workplace.rows(job_id)} == {Status.SENT, Status.PENDING}
    files.rmdir()
    away.rename(files)
    assert workplace.look("job", "retry", str(job_id)).code == 0
    workplace.wait_for_job(job_id, JobStatus.DONE)
    assert service.end(signal.SIGTERM).code == 0
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def test_a_bucket_that_is_away_for_a_while_stops_the_job_and_a_retry_goes_on(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    env = {**workplace.environment, "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}", "MAILER_ATTACHMENTS": "s3://files"}
    for name, value in env.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    bucket = boto3.resource("s3").create_bucket(
        Bucket="files", CreateBucketConfiguration={"LocationConstraint": env["AWS_REGION"]}
    )
    for number in range(1, CUSTOMERS + 1):
        bucket.put_object(Key=f"명세서-{number}.pdf", Body=OLD + str(number).encode())
    job_id, service = start_job(workplace, env)
    server.stop()
    assert workplace.wait_for_job(job_id) is JobStatus.FAIL
    assert "s3://files/" in workplace.job_log(job_id)
    assert {row.status for row in workplace.rows(job_id)} == {Status.SENT, Status.PENDING}

    again = ThreadedMotoServer("127.0.0.1", port)  # what was put there is still there
    again.start()
    assert workplace.look("job", "retry", str(job_id)).code == 0
    workplace.wait_for_job(job_id, JobStatus.DONE)
    assert service.end(signal.SIGTERM).code == 0
    again.stop()
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)
