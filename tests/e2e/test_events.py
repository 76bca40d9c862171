"""SES's events from topic to ledger: real processes, SQS and SNS over HTTP, the AWS SDK as it is."""

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailer.model.automation import Automation, UnknownPolicy
from mailer.model.job import JobStatus
from mailer.model.ses_event import EventKind
from tests.doubles.event_street import EventStreet, moto_server
from tests.doubles.ses_events import example, record
from tests.doubles.ses_process import SesProcess, ses_process
from tests.e2e.own_database import OwnDatabase, new_workplace_on, on_both_databases
from tests.faults.processes import stop_at
from tests.faults.waiting import until
from tests.faults.workplace import Workplace, address, statement

pytestmark = pytest.mark.xdist_group("SES's events")

GRACE = 5.0
"""Seconds; little more than a lease and a call, which it must be longer than."""
PEOPLE = 6
OWNER = "crm-team@example.co.kr"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def running_ses() -> Iterator[SesProcess]:
    with ses_process() as double:
        yield double


@pytest.fixture(params=[True, False], ids=["raw", "wrapped"])
def street(request: pytest.FixtureRequest, moto: str) -> EventStreet:
    return EventStreet(moto, is_raw=request.param)


@pytest.fixture
def raw_street(moto: str) -> EventStreet:
    return EventStreet(moto)


@pytest.fixture
def workplace(tmp_path: Path, running_ses: SesProcess, database: OwnDatabase) -> Iterator[Workplace]:
    """Six customers; SES answers at once, and publishes what the test says."""
    running_ses.clear_faults()
    running_ses.clear_mails()
    place = new_workplace_on(database, tmp_path / "작업", running_ses, tmp_path)
    place.environment |= {"MAILER_UNKNOWN_GRACE": f"{GRACE:g}s", "MAILER_POLL": "100ms"}
    place.add_customers(PEOPLE)
    yield place
    place.kill_all()


def of_customer(workplace: Workplace, kind: EventKind, number: int, **more: Any) -> dict[str, Any]:
    """An event of job 1's mail to that customer."""
    delivery, token = workplace.query(
        "SELECT DELIVERY_ID, TOKEN FROM DELIVERY WHERE JOB_ID = 1 AND EMAIL = ?", address(number)
    )[0]
    sent = message_of(workplace, number)
    return record(kind, delivery=delivery, token=token, to=address(number), message_id=sent, **more)


def row(workplace: Workplace, number: int) -> dict[str, Any]:
    rows = workplace.query("SELECT * FROM DELIVERY WHERE JOB_ID = 1 AND EMAIL = ?", address(number))
    return dict(zip(rows[0].keys(), rows[0], strict=True))


def end(workplace: Workplace, number: int) -> tuple[str, str, str | None]:
    """Where the customer's delivery stands."""
    found = row(workplace, number)
    return found["STATUS"], found["UPDATE_STATUS"], found["FEEDBACK"]


def message_of(workplace: Workplace, number: int) -> str:
    """SES's own id of the mail that it accepted."""
    (mail,) = [mail for mail in workplace.ses.mails() if mail.to == address(number)]
    return mail.id


def leave_unknown(workplace: Workplace, fault: str = "close") -> None:
    """Job 1 is DONE; of the mail to customer 3 there was no answer."""
    workplace.ses.fault(fault, to=address(3))
    workplace.new_job(statement())
    workplace.run_until_idle()
    assert workplace.job_status(1) is JobStatus.DONE
    assert end(workplace, 3) == ("UNKNOWN", "NONE", None)


def wait_until_all_but_one_are_sent(workplace: Workplace) -> None:
    """Of the mail to customer 3 nobody knows."""
    sql = "SELECT COUNT(*) FROM DELIVERY WHERE UPDATE_STATUS = 'DONE'"
    until(lambda: workplace.query(sql)[0][0] == PEOPLE - 1, "the others are sent")
    assert end(workplace, 3)[0] == "UNKNOWN"


def grow_older(workplace: Workplace, seconds: float) -> None:
    """What is UNKNOWN has been so for that much longer."""
    earlier = workplace.earlier("CHANGED_AT", seconds)
    workplace.execute(f"UPDATE DELIVERY SET CHANGED_AT = {earlier} WHERE STATUS = 'UNKNOWN'")


@on_both_databases
def test_an_event_settles_what_nobody_knew_after_the_job_and_the_update_query_runs(
    workplace: Workplace, street: EventStreet
) -> None:
    leave_unknown(workplace)
    running = workplace.start("run", env=street.environment)
    street.publish(of_customer(workplace, EventKind.SEND, 3))
    until(lambda: end(workplace, 3) == ("SENT", "DONE", None), "the event is heeded, and the update query run")
    until(lambda: street.left() == 0, "the message is deleted")
    assert row(workplace, 3)["MESSAGE_ID"] == message_of(workplace, 3)
    assert running.end(signal.SIGTERM).code == 0
    workplace.require_all_sent(1, PEOPLE)


@on_both_databases
def test_events_in_any_order_doubled_late_and_of_others_leave_the_ledger_right(
    workplace: Workplace, raw_street: EventStreet
) -> None:
    leave_unknown(workplace)
    workplace.start("run", env=raw_street.environment)
    late = [of_customer(workplace, EventKind.SEND, number) for number in range(1, PEOPLE + 1)]
    raw_street.publish(
        of_customer(workplace, EventKind.COMPLAINT, 1),
        of_customer(workplace, EventKind.DELIVERY, 1),
        of_customer(workplace, EventKind.BOUNCE, 2),
        of_customer(workplace, EventKind.BOUNCE, 2),
        of_customer(workplace, EventKind.OPEN, 3),
        of_customer(workplace, EventKind.DELIVERY, 3),
        of_customer(workplace, EventKind.BOUNCE, 4, bounce="Transient"),
        of_customer(workplace, EventKind.REJECT, 5),
        example(EventKind.BOUNCE),
        record(EventKind.BOUNCE, delivery=row(workplace, 6)["DELIVERY_ID"], token="0123456789abcdef"),
        record(EventKind.COMPLAINT, delivery=999_999, token="0123456789abcdef"),
        *late,
        *late,
    )
    until(lambda: raw_street.left() == 0, "every event is consumed")
    assert [end(workplace, number)[2] for number in range(1, PEOPLE + 1)] == [
        "COMPLAINED",
        "BOUNCED",
        "DELIVERED",
        "BOUNCED",
        "REJECTED",
        None,
    ]
    until(lambda: end(workplace, 3)[:2] == ("SENT", "DONE"), "the update query runs")
    suppressed = workplace.query("SELECT EMAIL, REASON FROM SUPPRESSION ORDER BY EMAIL")
    assert [tuple(one) for one in suppressed] == [
        (address(1), "Complaint: abuse"),
        (address(2), "Bounce: Permanent General"),
    ]
    workplace.require_all_sent(1, PEOPLE)
    assert workplace.ses.stats()["twice"] == []


def test_what_is_no_event_goes_to_the_dead_letters_and_holds_nothing_up(
    workplace: Workplace, raw_street: EventStreet
) -> None:
    leave_unknown(workplace)
    for body in ("안녕하세요", "{}", '{"eventType": "Send", "mail": 3}'):
        raw_street.put(body)
    raw_street.put("Successfully validated SNS topic for Amazon SES event publishing.")
    raw_street.publish(of_customer(workplace, EventKind.SEND, 3))
    running = workplace.start("run", "--role", "events", env=raw_street.environment)
    until(lambda: end(workplace, 3)[0] == "SENT", "the event between them is heeded")
    until(lambda: raw_street.dead() == 3, "the others are dead letters")
    assert raw_street.left() == 0
    assert running.stderr.count("a message is no event of SES") >= 3
    assert "Traceback" not in running.stderr


@on_both_databases
def test_a_consumer_killed_between_commit_and_delete_does_no_harm(
    workplace: Workplace, raw_street: EventStreet
) -> None:
    leave_unknown(workplace)
    raw_street.publish(of_customer(workplace, EventKind.DELIVERY, 3), of_customer(workplace, EventKind.BOUNCE, 2))
    first = workplace.start("run", "--role", "events", env=raw_street.environment | stop_at("events committed"))
    first.wait_until_stopped()
    heeded = [number for number in (2, 3) if end(workplace, number)[2] is not None]
    assert heeded
    assert raw_street.left() == 2  # the commit is first, the delete after it
    first.kill()
    workplace.start("run", env=raw_street.environment)
    until(lambda: raw_street.left() == 0, "what was not deleted came again")
    until(lambda: end(workplace, 3) == ("SENT", "DONE", "DELIVERED"), "the update query runs")
    assert end(workplace, 2) == ("SENT", "DONE", "BOUNCED")
    workplace.require_all_sent(1, PEOPLE)


@on_both_databases
def test_an_event_that_comes_while_the_call_hangs_is_not_undone_by_the_missing_answer(
    workplace: Workplace, raw_street: EventStreet
) -> None:
    workplace.ses.fault("hang", to=address(3))
    workplace.new_job(statement(max_parallel=PEOPLE))
    running = workplace.start("run", "--until-idle", env=raw_street.environment)
    until(lambda: any(mail.to == address(3) for mail in workplace.ses.mails()), "SES has accepted the mail")
    raw_street.publish(of_customer(workplace, EventKind.SEND, 3))
    assert running.wait().code == 0
    assert row(workplace, 3)["MESSAGE_ID"] == message_of(workplace, 3)
    workplace.require_all_sent(1, PEOPLE)


def settling() -> Automation:
    return statement(unknown=UnknownPolicy.SETTLE, configuration_set="monthly")


@on_both_databases
@pytest.mark.parametrize("fault", ["close-before", "close"], ids=["not accepted", "accepted"])
def test_settle_sends_again_what_has_no_event_and_only_that(
    workplace: Workplace, raw_street: EventStreet, fault: str
) -> None:
    """Its own event settles what SES had accepted; that none came while later mails' did, what it had not."""
    workplace.ses.fault(fault, to=address(3))
    workplace.new_job(settling())
    running = workplace.start("run", "--until-idle", env=raw_street.environment)
    wait_until_all_but_one_are_sent(workplace)
    if fault == "close":
        raw_street.publish(of_customer(workplace, EventKind.SEND, 3))
    raw_street.publish(*(of_customer(workplace, EventKind.SEND, number) for number in (6, 5, 4)))
    until(lambda: raw_street.left() == 0, "the events are consumed")
    assert workplace.job_status(1) is JobStatus.RUNNING or fault == "close"
    grow_older(workplace, GRACE)
    assert running.wait().code == 0
    workplace.require_all_sent(1, PEOPLE)
    assert (row(workplace, 3)["ATTEMPT"] > 1) is (fault == "close-before")


@on_both_databases
def test_settle_without_any_flow_leaves_it_to_a_person_and_warns_the_owner(
    workplace: Workplace, raw_street: EventStreet
) -> None:
    workplace.ses.fault("close", to=address(3))
    workplace.new_job(replace(settling(), owner=OWNER))
    running = workplace.start("run", "--until-idle", env=raw_street.environment)
    wait_until_all_but_one_are_sent(workplace)
    grow_older(workplace, 4 * GRACE)
    assert running.wait().code == 0
    assert workplace.job_status(1) is JobStatus.DONE
    assert end(workplace, 3)[0] == "UNKNOWN"
    assert [mail.to for mail in workplace.ses.mails()].count(address(3)) == 1
    logged = workplace.query("SELECT MESSAGE, TIMES FROM JOB_LOG WHERE CODE = 'no events'")
    assert [tuple(one) for one in logged] == [
        ("1 deliveries stay UNKNOWN: no event of SES came of them or of any later mail within 20s", 1)
    ]
    (warning,) = [mail for mail in workplace.ses.mails() if mail.to == OWNER]
    assert "leaves 1 UNKNOWN" in warning.subject
    assert "mailer job settle 1" in warning.text


@pytest.mark.parametrize("configuration_set", ["monthly", None], ids=["no queue", "no configuration set"])
def test_settle_where_no_event_can_come_acts_as_skip(
    workplace: Workplace, raw_street: EventStreet, configuration_set: str | None
) -> None:
    workplace.ses.fault("close", to=address(3))
    workplace.new_job(statement(unknown=UnknownPolicy.SETTLE, configuration_set=configuration_set))
    workplace.run_until_idle(env=None if configuration_set else raw_street.environment)
    assert workplace.job_status(1) is JobStatus.DONE
    assert end(workplace, 3)[0] == "UNKNOWN"


def test_the_role_of_events_alone_needs_a_queue(workplace: Workplace) -> None:
    ran = workplace.run("run", "--role", "events")
    assert ran.code == 2
    assert "MAILER_SES_EVENTS_QUEUE" in ran.stderr


def test_a_queue_that_is_not_there_is_said_and_holds_nothing_else_up(
    workplace: Workplace, raw_street: EventStreet
) -> None:
    workplace.new_job(statement())
    env = raw_street.environment | {"MAILER_SES_EVENTS_QUEUE": f"{raw_street.url}-of-nobody"}
    running = workplace.start("run", env=env)
    workplace.wait_for_job(1)
    running.wait_until_said("events wait in their queue")
    assert "MAILER_SES_EVENTS_QUEUE" in running.stderr
    assert running.end(signal.SIGTERM).code == 0
    workplace.require_all_sent(1, PEOPLE)


@on_both_databases
def test_doctor_counts_what_waits_without_receiving_it_and_says_who_reads_it(
    workplace: Workplace, raw_street: EventStreet
) -> None:
    workplace.save(statement(unknown=UnknownPolicy.SETTLE))
    raw_street.put("{}")
    ran = workplace.run("doctor", "--json", env=raw_street.environment)
    events = [check["message"] for check in json.loads(ran.stdout) if check["check"] == "events"]
    assert events == [
        '월간 명세서: unknown = "settle" acts as "skip", for no event can come',
        "about 1 of SES's events wait in their queue",
        "no process consumes SES's events",
    ]
    assert raw_street.left() == 1
