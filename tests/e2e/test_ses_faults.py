"""What goes wrong with SES, and how its recipients end: each fault by the double, met by the real command."""

import socket
from pathlib import Path
from time import monotonic

import pytest

from tests.doubles.ses_process import SesProcess, ses_process
from tests.e2e.commands import Mailer, StartMailer, look
from tests.e2e.crew import Crew
from tests.e2e.over_ses import apply_and_enqueue, over, run, wait_for_mails
from tests.e2e.own_database import OwnDatabase, on_both_databases, on_both_databases_in_time
from tests.e2e.people import make_people, people, write_definition
from tests.e2e.statements import deliveries, show


@pytest.fixture
def workplace(tmp_path: Path, database: OwnDatabase) -> Path:
    """With sixty people to greet."""
    folder = tmp_path / "작업"
    folder.mkdir()
    make_people(folder, 60)
    database.settle_in(folder)
    return folder


def ends(workplace: Path) -> dict[str, dict[str, str]]:
    return {row["key"]: row for row in deliveries(workplace)}


@on_both_databases
def test_each_answer_ends_its_delivery_as_the_table_of_errors_says(
    workplace: Path, crew: Crew, ses: SesProcess
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace))
    ses.fault("bad-address", to="kim3@example.com")
    ses.fault("bad-request", to="kim5@example.com", times=None)
    ses.fault("bad-request", to="kim7@example.com", times=2)
    ses.fault("503", to="kim9@example.com")
    ses.fault("half", to="kim11@example.com")
    ses.fault("content", to="kim13@example.com")
    ses.fault("quota", to="kim15@example.com")
    ses.fault("rate", times=6)
    run(crew, ses)

    shown, rows = show(workplace), ends(workplace)
    assert (shown["status"], shown["total"]) == ("DONE", 60)
    assert {key: row["status"] for key, row in rows.items() if row["status"] != "SENT"} == {
        "P3": "FAILED",
        "P5": "FAILED",
        "P9": "UNKNOWN",
        "P11": "UNKNOWN",
        "P13": "FAILED",
    }
    assert (rows["P3"]["error_code"], rows["P3"]["error"], rows["P3"]["attempt"]) == (
        "BadRequestException",
        "Missing final '@domain'",
        "1",
    )
    assert (rows["P5"]["error_code"], rows["P5"]["attempt"]) == ("BadRequestException", "4")
    assert "Invalid tag value" in rows["P5"]["error"]
    assert rows["P7"]["attempt"] == "3"
    assert rows["P9"]["error"] == "Service is unavailable."
    assert rows["P13"]["error_code"] == "MessageRejected"
    assert {"throttled", "waiting"} <= {line["code"] for line in shown["log_lines"]}
    assert shown["updates"] == {"NONE": 5, "DUE": 0, "DONE": 55, "FAILED": 0}
    accepted = {mail.to for mail in ses.mails()}
    assert accepted == {row["email"] for key, row in rows.items() if row["status"] == "SENT" or key == "P11"}
    assert ses.stats()["twice"] == []


@on_both_databases
def test_a_person_settles_what_nobody_knows_and_a_retry_sends_the_rest(
    workplace: Path, mailer: Mailer, crew: Crew, ses: SesProcess
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace))
    for kind, to in (("503", "kim9"), ("half", "kim11"), ("content", "kim13")):
        ses.fault(kind, to=f"{to}@example.com")
    run(crew, ses)
    assert "mailer job settle 1" in mailer("job", "show", "1").stdout
    assert mailer("job", "settle", "1", "--as", "sent", "--key", "P11").code == 0
    assert mailer("job", "settle", "1", "--as", "not-sent").code == 0
    assert mailer("job", "retry", "1").stdout == "job 1 waits again: 2 deliveries are PENDING\n"
    run(crew, ses)

    shown = show(workplace)
    assert (shown["status"], shown["counts"]["SENT"]) == ("DONE", 60)
    assert shown["updates"]["DONE"] == 60
    assert len(ses.mails()) == 60
    assert ses.stats()["twice"] == []
    assert all(sent_at is not None and updates == 1 for sent_at, updates in people(workplace).values())


@on_both_databases_in_time
def test_a_sender_that_is_not_verified_stops_the_job_and_fails_nobody(
    workplace: Path, crew: Crew, ses: SesProcess
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace))
    ses.fault("unverified-sender", times=None)
    run(crew, ses)
    shown = show(workplace)
    assert shown["status"] == "FAIL"
    assert shown["counts"] == {"PENDING": 60, "SENDING": 0, "SENT": 0, "FAILED": 0, "SKIPPED": 0, "UNKNOWN": 0}
    assert "Email address is not verified" in shown["log"]
    ses.clear_faults()
    assert look(workplace, "job", "retry", "1").code == 0
    run(crew, ses)
    assert show(workplace)["counts"]["SENT"] == len(ses.mails()) == 60


def test_while_ses_refuses_connections_the_job_waits_says_why_and_goes_on(
    workplace: Path, mailer: Mailer, start_mailer: StartMailer
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace))
    with socket.socket() as nobody:  # holds the port, and does not listen
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        env = over(f"http://127.0.0.1:{port}")
        running = start_mailer("run", "--until-idle", env=env)
        shown = show(workplace, env=env)
        deadline = monotonic() + 60
        while not shown["paused"] and monotonic() < deadline:
            shown = show(workplace, env=env)
    assert "Could not connect" in shown["paused"]["why"]
    assert (shown["status"], shown["counts"]["FAILED"], shown["counts"]["UNKNOWN"]) == ("RUNNING", 0, 0)
    assert any("Nothing can be sent now" in step for step in shown["next"])
    with ses_process("--port", str(port)) as ses:
        assert running.end().code == 0
        assert len(ses.mails()) == 60
        assert ses.stats()["twice"] == []
    shown = show(workplace, env=env)
    assert (shown["status"], shown["counts"]["SENT"], shown["paused"]) == ("DONE", 60, None)


@on_both_databases
def test_connections_refused_for_two_seconds_in_the_middle_fail_nobody(
    workplace: Path, mailer: Mailer, start_mailer: StartMailer, ses: SesProcess
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace))
    running = start_mailer("run", "--until-idle", env=over(ses.url, MAILER_SES_RATE="30"))
    wait_for_mails(ses, 5)
    ses.refuse_connections(2)
    assert running.end().code == 0
    shown = show(workplace)
    counts = shown["counts"]
    assert (shown["status"], counts["FAILED"]) == ("DONE", 0)
    assert counts["SENT"] + counts["UNKNOWN"] == 60
    assert counts["UNKNOWN"] <= 4  # those whose connection was cut: at most as many as were in flight
    assert "waiting" in {line["code"] for line in shown["log_lines"]}
    assert ses.stats()["twice"] == []
