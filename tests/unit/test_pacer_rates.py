"""How many mails leave: in the worst second and in all, by one process and by several, over simulated time.

The event loop's own time is simulated, for aiolimiter goes by it: nobody waits, and a minute takes a second.
"""

import asyncio
import random
import selectors
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import anyio
import pytest

from mailer.pacer import CAUTIOUS_RATE, LEAST_SHARE, RECOVERY_PER_SECOND, SLOWER, SPACING, AccountSlots, Pacer
from mailer.store.account import Account, Block, Rates

T = TypeVar("T")
BEGINNING = datetime(2026, 11, 24, tzinfo=UTC)
LATENCY = 0.08
"""Seconds that SES takes for a call."""
SENDING_AHEAD = 0.05
TURN = 1e-6
"""Seconds that a turn of the loop takes at least: aiolimiter asks again and again while not the least time passes."""


class Skipping(selectors.SelectSelector):
    """Nothing comes from outside: instead of waiting for it, the time that was to be waited has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nobody for the time")
        self.now += max(TURN, timeout)
        return super().select(0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now


def simulate(work: Coroutine[object, object, T]) -> T:
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(work)


class LoopClock:
    """The clock of all processes, and of the database."""

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(max(0.0, seconds))


class SetBack(LoopClock):
    """A clock of a database, that has been set back."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> datetime:
        return super().now() - timedelta(seconds=self._seconds)


class Row(Account):
    """The row that all share. The statements' own arithmetic is the store's tests'; here it takes its time."""

    def __init__(self, clock: LoopClock, allowed: float | None = None, journey: float = 0.002) -> None:
        self.clock = clock
        self.allowed = allowed
        self.journey = journey
        """Seconds to the database, and again back; each up to twice as long."""
        self.hangs = 0.0
        """Of the replies to a reservation, the share that takes half a second to three."""
        self.chance = random.Random(7)
        self.lowered: float | None = None
        self.lowered_at = 0.0
        self._next: datetime | None = None

    async def reserve(self, block_seconds: float) -> Block:
        await self._travel()
        now = self.clock.now()
        begins = max(self._next or now, now)
        self._next = begins + timedelta(seconds=block_seconds)
        block = Block(begins, self._next, now)
        await self._travel()
        if self.chance.random() < self.hangs:
            await self.clock.sleep(self.chance.uniform(0.5, 3))
        return block

    def forget(self) -> None:
        """As if nobody had reserved a slot lately."""
        self._next = None

    async def rates(self) -> Rates:
        await self._travel()
        return Rates(self.allowed, self.lowered, self.clock.monotonic() - self.lowered_at)

    async def lower_rate(self, rate: float) -> None:
        self.lowered, self.lowered_at = rate, self.clock.monotonic()

    async def _travel(self) -> None:
        await self.clock.sleep(self.journey * self.chance.uniform(1, 2))


@dataclass
class Process:
    """Sends as fast as it may, with so many deliveries in flight."""

    row: Row
    in_flight: int
    rate: float | None
    sent: list[float] = field(default_factory=list)

    async def run(self, until: float) -> None:
        clock = self.row.clock
        pacer = Pacer(AccountSlots(self.row, self.rate, clock), clock)
        async with anyio.create_task_group() as group:
            for _ in range(self.in_flight):
                group.start_soon(self._send, pacer, until)

    async def _send(self, pacer: Pacer, until: float) -> None:
        clock = self.row.clock
        while clock.monotonic() < until:
            slot = await pacer.slot()
            await pacer.wait_for(slot - SENDING_AHEAD)
            await clock.sleep(self.row.chance.uniform(0.001, 0.01))  # SENDING is committed
            await pacer.wait_for(slot)
            if not pacer.is_missed(slot):
                self.sent.append(clock.monotonic())
                await clock.sleep(LATENCY)


def worst_second(moments: list[float]) -> int:
    """The most that leave in any sliding second."""
    worst = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 1:
            first += 1
        worst = max(worst, last - first + 1)
    return worst


async def send(
    rate: float, processes: int, seconds: float, *, own_rate: bool = True, journey: float = 0.002, hangs: float = 0.0
) -> list[float]:
    """The moments at which the mails of all processes leave."""
    row = Row(LoopClock(), None if own_rate else rate, journey)
    row.hangs = hangs
    in_flight = int(rate * (LATENCY + SENDING_AHEAD) * 2 / processes) + 3
    workers = [Process(row, in_flight, rate if own_rate else None) for _ in range(processes)]
    async with anyio.create_task_group() as group:
        for worker in workers:
            group.start_soon(worker.run, seconds)
    return sorted(moment for worker in workers for moment in worker.sent if moment < seconds)


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
