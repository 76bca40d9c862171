"""The service as an orchestrator sees it: signals, roles in processes of their own, a process that is killed."""

import signal
from pathlib import Path
from time import monotonic

import pytest

from tests.doubles.ses_process import SesProcess
from tests.e2e.commands import Mailer, StartMailer, look
from tests.e2e.crew import Crew, Shift
from tests.e2e.over_ses import apply_and_enqueue, over, people_mailed, run, wait_for_mails
from tests.e2e.own_database import OwnDatabase, on_both_databases, on_both_databases_in_time
from tests.e2e.people import change_people, make_people, people, write_definition
from tests.e2e.statements import deliveries, show

PEOPLE = 100
EVERYBODY = sorted(f"kim{n}@example.com" for n in range(1, PEOPLE + 1))


@pytest.fixture
def workplace(tmp_path: Path, database: OwnDatabase) -> Path:
    """With a hundred people to greet."""
    folder = tmp_path / "작업"
    folder.mkdir()
    make_people(folder, PEOPLE)
    database.settle_in(folder)
    return folder


@pytest.mark.parametrize(
    ("database", "number", "max_parallel"),
    [
        ("sqlite", signal.SIGTERM, 1),
        ("sqlite", signal.SIGINT, 1),
        ("sqlite", signal.SIGTERM, 10),
        ("sqlite", signal.SIGINT, 10),
        ("oracle", signal.SIGTERM, 10),
    ],
    indirect=["database"],
)
def test_a_signal_drains_and_the_next_run_goes_on_at_once(
    workplace: Path, crew: Crew, ses: SesProcess, number: signal.Signals, max_parallel: int
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace, max_parallel=max_parallel))
    ses.limit(latency=0.2)
    # What was not given back would be free only when this lease is over.
    slowly = over(ses.url, MAILER_SES_RATE="20", MAILER_LEASE="1h", MAILER_UNKNOWN_GRACE="2h")
    running = crew.start(slowly)
    wait_for_mails(ses, 10)
    running.end(number)
    counts = show(workplace)["counts"]
    assert (counts["SENDING"], counts["UNKNOWN"], counts["FAILED"]) == (0, 0, 0)
    assert counts["PENDING"] > 0
    assert counts["SENT"] == len(people_mailed(ses))

    ses.limit(latency=0)
    run(crew, ses, MAILER_LEASE="1h", MAILER_UNKNOWN_GRACE="2h")
    shown = show(workplace)
    assert (shown["status"], shown["counts"]["SENT"], shown["updates"]["DONE"]) == ("DONE", PEOPLE, PEOPLE)
    assert sorted(people_mailed(ses)) == EVERYBODY


def test_a_second_signal_ends_the_process_where_it_stands(
    workplace: Path, mailer: Mailer, start_mailer: StartMailer, ses: SesProcess
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace, max_parallel=1))
    ses.fault("hang", times=None)
    running = start_mailer("run", env=over(ses.url))
    wait_for_mails(ses, 1)
    running.tell(signal.SIGTERM)
    running.wait_for_log("draining")
    assert running.end(signal.SIGTERM).code == 128 + signal.SIGTERM


@on_both_databases
def test_what_has_no_answer_at_the_end_of_the_drain_is_unknown(
    workplace: Path, mailer: Mailer, start_mailer: StartMailer, ses: SesProcess
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace, max_parallel=3))
    ses.fault("hang", times=3)
    running = start_mailer("run", env=over(ses.url, MAILER_DRAIN="4s"))
    wait_for_mails(ses, 3)
    told_at = monotonic()
    assert running.end(signal.SIGTERM).code == 0
    assert monotonic() - told_at < 10
    counts = show(workplace)["counts"]
    assert (counts["UNKNOWN"], counts["SENDING"], counts["PENDING"]) == (3, 0, PEOPLE - 3)


@on_both_databases
def test_scheduler_and_workers_run_in_processes_of_their_own(
    workplace: Path, crew: Crew, start_mailer: StartMailer, ses: SesProcess
) -> None:
    schedule = '[[schedule]]\nkind = "realtime"\nevery = "500ms"\n'
    scheduler = start_mailer("run", "--role", "scheduler", env=over(ses.url, MAILER_TICK="500ms"))
    scheduler.wait_for_log("started")
    definition = write_definition(workplace, schedule=schedule)
    assert look(workplace, "automation", "apply", definition).code == 0
    assert (show(workplace)["status"], ses.mails()) == ("WAITING", [])
    workers = [start_mailer("run", "--role", "worker", env=over(ses.url)) for _ in range(crew.workers)]
    wait_for_mails(ses, PEOPLE)
    change_people(
        workplace,
        "INSERT INTO PERSON (PERSON_ID, NAME, EMAIL, JOINED) VALUES (?, '새김', ?, '2026-11-24')",
        "NEW",
        "new@example.com",
    )
    wait_for_mails(ses, PEOPLE + 1)  # by a job that the scheduler made
    Shift([scheduler, *workers]).end(signal.SIGTERM)
    assert sorted(people_mailed(ses)) == sorted([*EVERYBODY, "new@example.com"])


@on_both_databases_in_time
def test_after_kill_9_the_next_process_takes_over_and_nobody_gets_it_twice(
    workplace: Path, crew: Crew, ses: SesProcess
) -> None:
    rate, latency, kills = 40, 0.2, 3
    apply_and_enqueue(workplace, write_definition(workplace, max_parallel=10))
    ses.limit(latency=latency)
    env = over(ses.url, MAILER_SES_RATE=str(rate), MAILER_LEASE="3s")
    for kill in range(1, kills + 1):
        running = crew.start(env)
        wait_for_mails(ses, 20 * kill)
        running.kill()
    crew.run_until_idle(env)

    shown = show(workplace)
    counts = shown["counts"]
    assert (shown["status"], shown["total"]) == ("DONE", PEOPLE)
    assert counts["SENT"] + counts["UNKNOWN"] == PEOPLE
    assert counts["UNKNOWN"] <= kills * (crew.workers * max(2, rate / 10) + rate * latency)
    mailed = people_mailed(ses)
    assert len(set(mailed)) == len(mailed)
    unknown = {row["email"] for row in deliveries(workplace, status="unknown")}
    assert set(EVERYBODY) - set(mailed) <= unknown
    # What is SENT has its update query run too, though its process died in between; perhaps twice, with equal values.
    assert {row["update_status"] for row in deliveries(workplace, status="sent")} == {"DONE"}
    written = {f"kim{key[1:]}@example.com" for key, (sent_at, _) in people(workplace).items() if sent_at}
    assert written == set(EVERYBODY) - unknown


@on_both_databases_in_time
def test_a_job_whose_loader_was_killed_is_loaded_anew_and_sent_once(
    workplace: Path, mailer: Mailer, start_mailer: StartMailer, ses: SesProcess
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace))
    env = over(ses.url, MAILER_LEASE="3s")
    running = start_mailer("run", env=env)
    running.wait_for_log("job taken")
    running.end(signal.SIGKILL)
    assert mailer("run", "--until-idle", env=env).code == 0
    assert show(workplace)["status"] == "DONE"
    mailed = people_mailed(ses)
    assert len(set(mailed)) == len(mailed)
