"""One call of the transport: at its slot, under a live lease, with no wait between the look and the call."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import anyio
import pytest

from mailer.model.message import Message
from mailer.model.outcome import Accepted, NoAnswer, Outcome
from mailer.pacer import SLOT_GRACE, Pacer
from mailer.worker.calling import ANOTHER_SLOT, SENDING_AHEAD, call, near_slot
from mailer.worker.in_flight import InFlight
from mailer.worker.lease import Lease
from mailer.worker.resources import Resources
from tests.doubles.hand_clock import HandClock

LEASE = 60.0
MARGIN = 25.0
TIMEOUT = 18.0
MESSAGE = Message(
    label="1-하나-1", sender="billing@example.co.kr", to="haeun@example.com", subject="명세서", html="<p></p>", text=""
)


@dataclass
class Slots:
    """Hands out the moments that a test names, and then none."""

    moments: list[float]
    rate: float = 1000.0

    async def reserve(self) -> float:
        if not self.moments:
            await anyio.sleep_forever()
        return self.moments.pop(0)

    async def slow_down(self) -> None:
        raise AssertionError("nobody throttles here")


@dataclass
class Transport:
    """Notes when it is called."""

    clock: HandClock
    called_at: list[float] = field(default_factory=list)
    is_silent: bool = False
    renewal: float = 0.0

    async def ready(self) -> None:
        """Takes as long as credentials do that a role gives slowly."""
        await self.clock.sleep(self.renewal)

    async def send(self, message: Message, *, timeout: float) -> Outcome:
        assert (message, timeout) == (MESSAGE, TIMEOUT)
        self.called_at.append(self.clock.monotonic())
        if self.is_silent:
            await anyio.sleep_forever()
        return Accepted("ses-1")


class Calling:
    """What a call looks at."""

    def __init__(self, *slots: float) -> None:
        self.clock = HandClock()
        self.transport = Transport(self.clock)
        self.in_flight = InFlight()
        self.lease = Lease(LEASE, self.clock, 0.0)
        parts = SimpleNamespace(
            pacer=Pacer(Slots(list(slots)), self.clock),
            transport=self.transport,
            in_flight=self.in_flight,
            limits=SimpleNamespace(send_timeout=TIMEOUT),
        )
        self.resources = cast("Resources", parts)  # the four of its parts that a call looks at
        self.outcome: Outcome | None = None
        self.is_over = False

    async def run(self, slot: float) -> None:
        self.outcome = await call(self.resources, self.lease, slot, MESSAGE)
        self.is_over = True


async def test_a_mail_leaves_at_its_slot() -> None:
    calling = Calling()
    async with anyio.create_task_group() as group:
        group.start_soon(calling.run, 2.0)
        await anyio.wait_all_tasks_blocked()
        calling.clock.advance(1.999)
        await anyio.wait_all_tasks_blocked()
        assert calling.transport.called_at == []
        calling.clock.advance(0.001)
    assert calling.transport.called_at == [2.0]
    assert calling.outcome == Accepted("ses-1")


async def test_a_slot_that_passes_while_credentials_are_renewed_is_thrown_away_before_anything_is_sending() -> None:
    calling = Calling(1.0, 6.0)
    calling.transport.renewal = 3.0
    slots: list[float] = []

    async def take() -> None:
        slots.append(await near_slot(calling.resources))

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        for _ in range(2):
            await anyio.wait_all_tasks_blocked()
            assert slots == []
            calling.clock.advance(3.0)
    assert slots == [6.0]


async def test_no_call_begins_when_the_lease_has_come_near_its_end_meanwhile() -> None:
    calling = Calling()
    async with anyio.create_task_group() as group:
        group.start_soon(calling.run, LEASE - MARGIN)
        await anyio.wait_all_tasks_blocked()
        calling.clock.advance(LEASE - MARGIN)
    assert calling.is_over
    assert (calling.outcome, calling.transport.called_at) == (None, [])


async def test_a_slot_that_was_missed_is_thrown_away_for_another() -> None:
    calling = Calling(5.0)
    async with anyio.create_task_group() as group:
        group.start_soon(calling.run, 2.0)
        await anyio.wait_all_tasks_blocked()
        calling.clock.advance(2.0 + 2 * SLOT_GRACE)  # the process was frozen
        await anyio.wait_all_tasks_blocked()
        assert calling.transport.called_at == []
        calling.clock.advance(5.0 - calling.clock.monotonic())
    assert calling.transport.called_at == [5.0]


async def test_a_lease_that_ends_while_another_slot_is_waited_for_lets_nothing_go() -> None:
    calling = Calling(LEASE)
    async with anyio.create_task_group() as group:
        calling.clock.advance(1)
        group.start_soon(calling.run, 0.0)
        await anyio.wait_all_tasks_blocked()
        calling.clock.advance(LEASE - 1)
    assert (calling.outcome, calling.transport.called_at) == (None, [])


async def test_at_the_end_of_a_drain_a_call_under_way_has_no_answer() -> None:
    calling = Calling()
    calling.transport.is_silent = True
    async with anyio.create_task_group() as group:
        group.start_soon(calling.run, 0.0)
        await anyio.wait_all_tasks_blocked()
        calling.in_flight.end()
    assert len(calling.transport.called_at) == 1
    assert isinstance(calling.outcome, NoAnswer)


@pytest.mark.parametrize("slot", [0.0, 2.0], ids=["a slot now", "a slot to come"])
async def test_after_the_end_of_a_drain_what_was_not_called_has_provably_not_been_sent(slot: float) -> None:
    calling = Calling(1000.0)
    calling.clock.advance(1)  # so that the slot of now is missed
    async with anyio.create_task_group() as group:
        group.start_soon(calling.run, slot)
        await anyio.wait_all_tasks_blocked()
        calling.in_flight.end()
    assert calling.is_over
    assert (calling.outcome, calling.transport.called_at) == (None, [])


async def test_a_slot_is_near_when_sending_may_be_committed() -> None:
    calling = Calling(3.0)
    near: list[float] = []

    async def come_near() -> None:
        near.append(await near_slot(calling.resources))

    async with anyio.create_task_group() as group:
        group.start_soon(come_near)
        await anyio.wait_all_tasks_blocked()
        calling.clock.advance(3.0 - SENDING_AHEAD - 0.001)
        await anyio.wait_all_tasks_blocked()
        assert near == []
        calling.clock.advance(0.001)
    assert near == [3.0]


async def test_a_delivery_that_is_sending_waits_for_another_slot_for_a_short_time_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailer.worker.calling.ANOTHER_SLOT", 0.01)
    assert ANOTHER_SLOT > 0.01
    calling = Calling()
    calling.clock.advance(1)
    await calling.run(0.0)
    assert (calling.outcome, calling.transport.called_at) == (None, [])
