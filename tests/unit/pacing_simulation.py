"""Processes that share a rate over simulated time: the event loop's own, for aiolimiter goes by it.

Nobody waits, and a minute takes a second.
"""

import asyncio
import random
import selectors
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import anyio

from mailer.pacer import AccountSlots, Pacer
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


class Freezing(LoopClock):
    """The clock of a process that stands still now and then: nothing that it waits for ends meanwhile."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._begins = self._ends = 0.0

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        while self._begins <= (now := self.monotonic()):
            if now < self._ends:
                await super().sleep(self._ends - now)
            else:
                self._begins = now + self._chance.uniform(3, 8)
                self._ends = self._begins + self._chance.uniform(0.3, 2)


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


class Reached(Row):
    """The row as a process that may stand still has it: it hears no answer meanwhile."""

    def __init__(self, row: Row, clock: LoopClock) -> None:
        self._row, self._clock = row, clock

    async def reserve(self, block_seconds: float) -> Block:
        block = await self._row.reserve(block_seconds)
        await self._clock.sleep(0)
        return block

    async def rates(self) -> Rates:
        rates = await self._row.rates()
        await self._clock.sleep(0)
        return rates


@dataclass
class Process:
    """Sends as fast as it may, with so many deliveries in flight."""

    row: Row
    in_flight: int
    rate: float | None
    clock: LoopClock
    sent: list[float] = field(default_factory=list)

    async def run(self, until: float) -> None:
        clock = self.clock
        pacer = Pacer(AccountSlots(Reached(self.row, clock), self.rate, clock), clock)
        async with anyio.create_task_group() as group:
            for _ in range(self.in_flight):
                group.start_soon(self._send, pacer, until)

    async def _send(self, pacer: Pacer, until: float) -> None:
        clock = self.clock
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
    rate: float,
    processes: int,
    seconds: float,
    *,
    own_rate: bool = True,
    journey: float = 0.002,
    hangs: float = 0.0,
    freezes: bool = False,
) -> list[float]:
    """The moments at which the mails of all processes leave; `freezes`: each stands still now and then."""
    row = Row(LoopClock(), None if own_rate else rate, journey)
    row.hangs = hangs
    in_flight = int(rate * (LATENCY + SENDING_AHEAD) * 2 / processes) + 3
    clocks = [Freezing(random.Random(seed)) if freezes else row.clock for seed in range(processes)]
    workers = [Process(row, in_flight, rate if own_rate else None, clock) for clock in clocks]
    async with anyio.create_task_group() as group:
        for worker in workers:
            group.start_soon(worker.run, seconds)
    return sorted(moment for worker in workers for moment in worker.sent if moment < seconds)
