"""Jobs that stop half-way: who got the mail and who did not is one command away, and a retry goes on with the rest."""

import email
import json
import signal
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep, time

import pytest

from tests.doubles.ses_process import SesProcess
from tests.e2e.commands import TIMEOUT, Mailer, StartMailer, look
from tests.e2e.crew import Crew
from tests.e2e.over_ses import apply_and_enqueue, over, people_mailed, run, wait_for_mails
from tests.e2e.own_database import OwnDatabase, on_both_databases, on_both_databases_in_time
from tests.e2e.people import OWNER, change_people, make_people, people, write_definition
from tests.e2e.statements import deliveries, show

PEOPLE = 60
OPEN = "pending,failed,unknown"
FAULTY = "<p>$(NAME)님, $(JOINED|date('%Y-%m-%d'))</p>"
MENDED = "<p>$(NAME)님, $(JOINED)</p>"


@pytest.fixture
def workplace(tmp_path: Path, database: OwnDatabase) -> Path:
    """With sixty people to greet."""
    folder = tmp_path / "작업"
    folder.mkdir()
    make_people(folder, PEOPLE)
    database.settle_in(folder)
    return folder


def check_half_way(workplace: Path, ses: SesProcess, status: str) -> dict[str, dict[str, str]]:
    """That nothing is lost: the counts add up, and who is open is who has no mail. Returns the open ones."""
    shown = show(workplace)
    assert (shown["status"], shown["total"]) == (status, PEOPLE)
    assert sum(shown["counts"].values()) == PEOPLE
    assert shown["counts"]["SENDING"] == 0
    left = {row["key"]: row for row in deliveries(workplace, status=OPEN)}
    assert len(left) == sum(shown["counts"][state.upper()] for state in OPEN.split(","))
    got_it = {row["email"] for row in deliveries(workplace)} - {row["email"] for row in left.values()}
    assert sorted(people_mailed(ses)) == sorted(got_it)
    return left


def check_whole(workplace: Path, ses: SesProcess) -> None:
    """That everybody has the mail, once, and has it written back."""
    shown = show(workplace)
    assert (shown["status"], shown["counts"]["SENT"], shown["updates"]["DONE"]) == ("DONE", PEOPLE, PEOPLE)
    assert sorted(people_mailed(ses)) == sorted(f"kim{n}@example.com" for n in range(1, PEOPLE + 1))
    assert all(sent_at is not None and updates == 1 for sent_at, updates in people(workplace).values())


@on_both_databases
def test_a_template_error_in_a_later_row_stops_the_job_and_names_the_row(
    workplace: Path, crew: Crew, ses: SesProcess
) -> None:
    change_people(workplace, "UPDATE PERSON SET JOINED = '모름' WHERE PERSON_ID = ?", "P30")
    apply_and_enqueue(workplace, write_definition(workplace, html=FAULTY))
    run(crew, ses)
    left = check_half_way(workplace, ses, "FAIL")
    assert left["P30"]["status"] == "PENDING"
    assert "P31" not in {row["key"] for row in deliveries(workplace, status="sent")} or len(left) < 31
    shown = show(workplace)
    stopped = next(line for line in shown["log_lines"] if line["code"] == "job stopped")
    assert stopped["level"] == "ERROR"
    assert "P30" in stopped["message"]
    assert shown["log"].startswith(stopped["message"][:40])

    # The same definition meets the same row again.
    retried = look(workplace, "job", "retry", "1")
    assert retried.stdout == f"job 1 waits again: {len(left)} deliveries are PENDING\n"
    run(crew, ses)
    assert show(workplace)["status"] == "FAIL"

    assert look(workplace, "automation", "apply", write_definition(workplace, html=MENDED)).code == 0
    assert "--with-current" in look(workplace, "job", "show", "1").stdout
    retried = look(workplace, "job", "retry", "1", "--with-current")
    assert "has changed" not in retried.stdout
    run(crew, ses)
    check_whole(workplace, ses)


@on_both_databases_in_time
def test_a_retry_keeps_the_jobs_own_definition_and_says_that_the_automation_has_changed(
    workplace: Path, crew: Crew, ses: SesProcess
) -> None:
    change_people(workplace, "UPDATE PERSON SET JOINED = '모름' WHERE PERSON_ID = ?", "P30")
    apply_and_enqueue(workplace, write_definition(workplace, html=FAULTY))
    run(crew, ses)
    look(workplace, "automation", "apply", write_definition(workplace, html="<p>$(NAME)님, 다른 글</p>"))
    change_people(workplace, "UPDATE PERSON SET JOINED = '2026-01-05' WHERE PERSON_ID = ?", "P30")
    retried = look(workplace, "job", "retry", "1", "--json")
    assert json.loads(retried.stdout)["definition_changed"] is True
    run(crew, ses)
    check_whole(workplace, ses)
    assert all("다른 글" not in mail.html for mail in ses.mails())


def test_the_owner_is_warned_by_mail_once(workplace: Path, mailer: Mailer) -> None:
    change_people(workplace, "UPDATE PERSON SET JOINED = '모름' WHERE PERSON_ID = ?", "P30")
    apply_and_enqueue(workplace, write_definition(workplace, html=FAULTY))
    assert mailer("run", "--until-idle").code == 0
    (warning,) = (workplace / "outbox" / "alerts").glob("*.eml")
    mail = email.message_from_bytes(warning.read_bytes())
    assert mail["To"] == OWNER
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert "P30" in payload.decode("utf-8")
    assert "mailer job retry 1" in payload.decode("utf-8")


def test_a_data_source_that_goes_away_stops_the_job_and_a_retry_goes_on(
    workplace: Path, crew: Crew, start_mailer: StartMailer, ses: SesProcess
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace, max_parallel=1))
    running = start_mailer("run", "--until-idle", env=over(ses.url, MAILER_SES_RATE="20", MAILER_DB_PATIENCE="1s"))
    wait_for_mails(ses, 5)
    (workplace / "crm.db").rename(workplace / "away.db")
    assert running.end().code == 0
    left = check_half_way(workplace, ses, "FAIL")
    assert len(left) > 10
    shown = show(workplace)
    assert "crm" in shown["log"]
    assert any(line["level"] == "ERROR" and "crm" in line["message"] for line in shown["log_lines"])

    (workplace / "away.db").rename(workplace / "crm.db")
    assert look(workplace, "job", "retry", "1").code == 0
    run(crew, ses)
    look(workplace, "job", "retry", "1", "--updates")  # what was sent just as the source went away
    run(crew, ses)
    check_whole(workplace, ses)


@on_both_databases_in_time
def test_cancel_stops_the_sending_within_five_seconds_and_a_retry_sends_the_rest(
    workplace: Path, mailer: Mailer, crew: Crew, ses: SesProcess
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace))
    running = crew.start(over(ses.url, MAILER_SES_RATE="2"))
    wait_for_mails(ses, 3)
    said = mailer("job", "cancel", "1")
    cancelled_at = time()  # how long a command takes to start is not the job's
    assert said.stdout == "job 1 stops: what is in flight ends first\n"
    deadline = monotonic() + TIMEOUT
    while (shown := show(workplace))["status"] != "CANCELLED":
        assert monotonic() < deadline
        sleep(0.1)
    assert datetime.fromisoformat(shown["end_at"]).timestamp() - cancelled_at < 10
    assert max(mail.at for mail in ses.mails()) - cancelled_at < 5
    assert mailer("job", "cancel", "1").code == 3
    left = check_half_way(workplace, ses, "CANCELLED")
    assert {row["status"] for row in left.values()} == {"PENDING"}

    mails = len(ses.mails())
    assert mailer("job", "retry", "1").code == 0
    wait_for_mails(ses, mails + 1)  # the same process goes on with it
    running.end(signal.SIGTERM)
    run(crew, ses)
    check_whole(workplace, ses)


@on_both_databases
def test_a_job_that_nobody_has_begun_is_cancelled_at_once(workplace: Path) -> None:
    apply_and_enqueue(workplace, write_definition(workplace))
    assert look(workplace, "job", "cancel", "1").stdout == "job 1 is CANCELLED: nobody had begun it\n"
    assert look(workplace, "enqueue", "1").stdout == "job 2 waiting\n"
    assert look(workplace, "job", "retry", "1").code == 3
