"""When a process may take over what others hold, after it has seen the database away."""

import pytest

from mailer.errors import DatabaseAway
from mailer.worker.outages import Outages
from tests.doubles.hand_clock import HandClock

HEARTBEAT = 20.0


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def outages(clock: HandClock) -> Outages:
    return Outages(HEARTBEAT, clock)


def test_a_process_that_has_seen_no_outage_takes_over(clock: HandClock, outages: Outages) -> None:
    with outages.watched() as may_take_over:
        clock.advance(HEARTBEAT - 1)
        assert may_take_over()


def test_a_heartbeat_is_waited_from_the_first_answer_after_calls_without_one(
    clock: HandClock, outages: Outages
) -> None:
    with pytest.raises(DatabaseAway):
        _ask_in_vain(outages)
    clock.advance(10 * HEARTBEAT)
    with outages.watched() as may_take_over:
        assert not may_take_over()
    clock.advance(HEARTBEAT - 1)
    with outages.watched() as may_take_over:
        assert not may_take_over()
        clock.advance(1)
        assert may_take_over()


def test_a_call_that_waited_through_an_outage_takes_over_nothing_and_ends_it(
    clock: HandClock, outages: Outages
) -> None:
    with outages.watched() as may_take_over:
        clock.advance(HEARTBEAT)
        assert not may_take_over()
    clock.advance(HEARTBEAT - 1)
    with outages.watched() as may_take_over:
        assert not may_take_over()
        clock.advance(1)
        assert may_take_over()


def _ask_in_vain(outages: Outages) -> None:
    with outages.watched():
        raise DatabaseAway("no answer")
