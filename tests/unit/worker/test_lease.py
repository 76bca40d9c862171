"""For how long a claim is surely a worker's own: always for less than the database says."""

import pytest

from mailer.model.job import LONGEST_MARGIN
from mailer.worker.lease import Lease
from tests.doubles.hand_clock import HandClock

STEP = 0.001


@pytest.mark.parametrize(("seconds", "margin"), [(3, 1.5), (49, 24.5), (50, 25), (60, LONGEST_MARGIN), (3600, 25)])
def test_no_call_begins_within_the_leases_last_seconds_or_its_last_half(seconds: float, margin: float) -> None:
    clock = HandClock()
    lease = Lease(seconds, clock, clock.monotonic())
    clock.advance(seconds - margin - STEP)
    assert lease.lets_send()
    clock.advance(STEP)
    assert not lease.lets_send()


def test_a_lease_counts_from_before_the_database_was_asked() -> None:
    clock = HandClock()
    asked_at = clock.monotonic()
    clock.advance(34)  # the answer took its time
    lease = Lease(60, clock, asked_at)
    assert lease.lets_send()
    clock.advance(1)
    assert not lease.lets_send()


def test_a_renewal_counts_from_when_it_was_asked_for() -> None:
    clock = HandClock()
    lease = Lease(60, clock, clock.monotonic())
    clock.advance(20)
    asked_at = clock.monotonic()
    clock.advance(30)
    assert not lease.lets_send()
    lease.renewed(asked_at)
    assert lease.lets_send()
    clock.advance(5)
    assert not lease.lets_send()


def test_a_renewal_whose_answer_comes_late_does_not_shorten_the_lease() -> None:
    clock = HandClock()
    lease = Lease(60, clock, clock.monotonic())
    clock.advance(20)
    lease.renewed(clock.monotonic())
    lease.renewed(clock.monotonic() - 10)
    clock.advance(34)
    assert lease.lets_send()


def test_after_a_blocked_loop_the_lease_ends_by_itself() -> None:
    clock = HandClock()
    lease = Lease(60, clock, clock.monotonic())
    clock.advance(10_000)
    assert not lease.lets_send()
