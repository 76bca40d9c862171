"""Slots out of reserved blocks: each once, none too late, and one reservation for all who wait."""

from datetime import datetime, timedelta
from itertools import pairwise

import anyio
import anyio.lowlevel
import pytest

from mailer.errors import DatabaseAway
from mailer.pacer import AWAY_AGAIN, BLOCK_SECONDS, SLOT_GRACE, SPACING, AccountSlots, Pacer
from mailer.store.account import Account, Block, Rates
from tests.doubles.hand_clock import HandClock

RATE = 200.0
STEP = 1 / (RATE * SPACING)
IN_A_BLOCK = int(BLOCK_SECONDS / STEP)


class Row(Account):
    """The account's row of one process, without a database: `away` of the next reservations fail."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.reservations = 0
        self.away = 0
        self._next: datetime | None = None

    async def reserve(self, block_seconds: float) -> Block:
        await anyio.lowlevel.checkpoint()
        if self.away:
            self.away -= 1
            raise DatabaseAway("away")
        self.reservations += 1
        now = self.clock.now()
        begins = max(self._next or now, now)
        self._next = begins + timedelta(seconds=block_seconds)
        return Block(begins, self._next, now)

    async def rates(self) -> Rates:
        return Rates(None, None, 0.0)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def row(clock: HandClock) -> Row:
    return Row(clock)


@pytest.fixture
def slots(clock: HandClock, row: Row) -> AccountSlots:
    return AccountSlots(row, RATE, clock)


async def test_slots_are_evenly_spaced_across_blocks(slots: AccountSlots, row: Row) -> None:
    moments = [await slots.reserve() for _ in range(3 * IN_A_BLOCK)]
    steps = [after - before for before, after in pairwise(moments)]
    assert steps == pytest.approx([STEP] * len(steps), abs=1e-5)
    assert row.reservations == 3


async def test_all_who_wait_go_on_with_one_reservation_and_no_slot_is_given_twice(
    slots: AccountSlots, row: Row
) -> None:
    moments: list[float] = []

    async def take() -> None:
        moments.append(await slots.reserve())

    async with anyio.create_task_group() as group:
        for _ in range(IN_A_BLOCK):
            group.start_soon(take)
    assert row.reservations == 1
    assert len(set(moments)) == IN_A_BLOCK


async def test_a_slot_that_is_handed_out_is_not_missed_at_once(slots: AccountSlots, row: Row, clock: HandClock) -> None:
    await slots.reserve()
    pacer = Pacer(slots, clock)
    for late in (0.6 * SLOT_GRACE, 3.2 * STEP, 100 * STEP):
        clock.advance(late)
        slot = await slots.reserve()
        clock.advance(SLOT_GRACE / 3)
        assert not pacer.is_missed(slot)


async def test_one_who_gives_up_waiting_does_not_hold_up_the_others(slots: AccountSlots, row: Row) -> None:
    moments: list[float] = []

    async def take() -> None:
        moments.append(await slots.reserve())

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as first:
            first.cancel()
            await slots.reserve()
        group.start_soon(take)
    assert len(moments) == 1


async def test_slots_are_waited_for_while_the_database_is_away(slots: AccountSlots, row: Row, clock: HandClock) -> None:
    row.away = 2
    moments: list[float] = []

    async def take() -> None:
        moments.append(await slots.reserve())

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        for _ in range(2):
            await anyio.wait_all_tasks_blocked()
            assert not moments
            clock.advance(AWAY_AGAIN)
    assert moments == [clock.monotonic()]
    assert row.reservations == 1
