"""How many mails leave: in the worst second and in all, by one process and by several, over simulated time."""

import pytest

from mailer.pacer import CAUTIOUS_RATE, LEAST_SHARE, RECOVERY_PER_SECOND, SLOWER, SPACING, AccountSlots, Pacer
from tests.unit.pacing_simulation import LoopClock, Row, SetBack, send, simulate, worst_second


@pytest.mark.parametrize("processes", [1, 4])
@pytest.mark.parametrize(("rate", "seconds"), [(1.0, 120), (14.0, 60), (200.0, 20), (1000.0, 6)])
def test_the_rate_is_used_and_no_second_holds_more_than_it_may(rate: float, seconds: float, processes: int) -> None:
    sent = simulate(send(rate, processes, seconds))
    assert worst_second(sent) <= rate + max(1, 0.02 * rate)
    begun = [moment for moment in sent if moment >= 1]
    assert len(begun) >= 0.99 * rate * (seconds - 1) - 1  # 1: where the last second happens to end


@pytest.mark.parametrize("processes", [1, 4])
def test_a_slow_database_takes_nothing_of_the_bound(processes: int) -> None:
    sent = simulate(send(200, processes, 20, journey=0.02))
    assert worst_second(sent) <= 204


def test_a_reply_that_hangs_puts_its_block_into_nobodys_second() -> None:
    assert worst_second(simulate(send(200, 4, 120, hangs=0.02))) <= 204


def test_processes_that_stand_still_take_little_with_them_and_nobody_sends_more() -> None:
    seconds, rate = 60, 200
    sent = simulate(send(rate, 8, seconds, freezes=True))
    assert worst_second(sent) <= 204
    assert len(sent) >= 0.9 * rate * seconds  # blocks four times as long: half of it


async def first_slots_after(clock_set_back: float) -> tuple[float, list[float]]:
    """What is handed out once the database's clock was set back, as by a failover to another machine."""
    clock = LoopClock()
    row = Row(clock)
    slots = AccountSlots(row, 200.0, clock)
    await slots.reserve()
    row.clock = SetBack(clock_set_back)
    row.forget()
    await clock.sleep(1)
    return clock.monotonic(), [await slots.reserve() for _ in range(20)]


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_a_databases_clock_that_is_set_moves_no_slot(seconds: float) -> None:
    asked, slots = simulate(first_slots_after(seconds))
    assert asked <= slots[0] <= slots[-1] < asked + 0.2


def test_without_a_rate_of_its_own_a_process_goes_by_what_the_account_allows() -> None:
    sent = simulate(send(50, 1, 10, own_rate=False))
    assert 49 <= worst_second([moment for moment in sent if moment > 1]) <= 51


async def rates_after_throttling(
    own: float | None, allowed: float | None, throttles: int, ages: list[float]
) -> list[float]:
    """The rate right after so many throttlings, and later."""
    clock = LoopClock()
    row = Row(clock, allowed, journey=0.0)
    slots = AccountSlots(row, own, clock)
    for _ in range(throttles):
        await slots.reserve()
        await slots.slow_down()
        await clock.sleep(0.1)  # the block in hand is past
    rates, begun = [], row.lowered_at
    for age in ages:
        await clock.sleep(begun + age - clock.monotonic())
        await slots.reserve()
        rates.append(slots.rate)
    return rates


def test_throttling_takes_a_fifth_of_the_rate_and_it_comes_back_by_itself() -> None:
    ages = [0.2, 5.2, 25.0, 60.0]
    rates = simulate(rates_after_throttling(200.0, None, 1, ages))
    expected = [min(200, 200 * SLOWER + age * RECOVERY_PER_SECOND * 200) for age in ages]
    assert rates == pytest.approx(expected, rel=0.001)
    assert rates[-1] == 200


def test_throttling_lowers_what_the_account_allows_too_and_where_nothing_is_known() -> None:
    for allowed, full in ((50.0, 50.0), (None, CAUTIOUS_RATE)):
        (rate,) = simulate(rates_after_throttling(None, allowed, 1, [0.2]))
        assert rate == pytest.approx(full * (SLOWER + 0.2 * RECOVERY_PER_SECOND), rel=0.01)


def test_however_often_ses_throttles_a_hundredth_of_the_rate_is_left() -> None:
    (rate,) = simulate(rates_after_throttling(200.0, None, 60, [0.2]))
    assert rate == pytest.approx(200 * LEAST_SHARE, abs=200 * RECOVERY_PER_SECOND)


async def slots_after_a_freeze() -> tuple[float, list[float]]:
    """What is handed out to one who was frozen for a second, with a block in hand."""
    clock = LoopClock()
    pacer = Pacer(AccountSlots(Row(clock, journey=0.0), 200.0, clock), clock)
    await pacer.slot()
    await clock.sleep(1)
    return clock.monotonic(), [await pacer.slot() for _ in range(20)]


def test_who_was_frozen_sends_nothing_that_it_saved_up() -> None:
    woken, slots = simulate(slots_after_a_freeze())
    assert min(slots) >= woken
    assert slots == pytest.approx([slots[0] + place / (200 * SPACING) for place in range(20)], abs=0.001)


async def missed(late: float) -> bool:
    clock = LoopClock()
    pacer = Pacer(AccountSlots(Row(clock), 200.0, clock), clock)
    slot = await pacer.slot()
    await pacer.wait_for(slot)
    await clock.sleep(late)
    return pacer.is_missed(slot)


@pytest.mark.parametrize(("late", "is_missed"), [(0.0, False), (0.0049, False), (0.0051, True)])
def test_a_slot_is_used_within_five_milliseconds_or_not_at_all(late: float, is_missed: bool) -> None:
    assert simulate(missed(late)) is is_missed


class Generous:
    """Slots that are all now, as of a database gone wrong."""

    rate = 100.0

    async def reserve(self) -> float:
        return LoopClock().monotonic()

    async def slow_down(self) -> None:
        raise NotImplementedError


async def count_slots(seconds: float) -> int:
    clock, count = LoopClock(), 0
    pacer = Pacer(Generous(), clock)
    while clock.monotonic() < seconds:
        await pacer.slot()
        await clock.sleep(0.001)
        count += 1
    return count


def test_whatever_the_slots_say_a_process_keeps_the_rate_by_itself() -> None:
    assert simulate(count_slots(10)) <= 10 * Generous.rate * 1.02
