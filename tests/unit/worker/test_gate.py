"""Mails wait while nothing can be sent; then one tries, and the rest follow when it is through."""

import random

import anyio
import pytest

from mailer.worker.gate import FIRST_PAUSE, LONGEST_PAUSE, Gate
from tests.doubles.hand_clock import HandClock

REPETITIONS = 5


class Heard:
    """A gate, and what it says; `Full` chance: each pause is as long as it may be."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.said: list[tuple[str, float, bool]] = []
        self.opened: list[str] = []
        self.gate = Gate(self.clock, Longest(), self._close, self._open)

    async def _close(self, why: str, seconds: float, *, is_account: bool) -> None:
        self.said.append((why, seconds, is_account))

    async def _open(self, why: str) -> None:
        self.opened.append(why)


class Longest(random.Random):
    """A chance that always draws the longest."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Mail:
    """Goes through the gate, and stays in its passage until it is told what became of it."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._end = anyio.Event()
        self._is_refused = False
        self.is_through = False

    async def go(self) -> None:
        async with self._gate.passage():
            self.is_through = True
            await self._end.wait()
            await (self._gate.close("still full") if self._is_refused else self._gate.open())

    def end(self, *, is_refused: bool = False) -> None:
        self._is_refused = is_refused
        self._end.set()


async def settle() -> None:
    await anyio.wait_all_tasks_blocked()


@pytest.fixture
def heard() -> Heard:
    return Heard()


async def test_an_open_gate_holds_up_nobody(heard: Heard) -> None:
    mails = [Mail(heard.gate) for _ in range(3)]
    async with anyio.create_task_group() as group:
        for mail in mails:
            group.start_soon(mail.go)
        await settle()
        assert all(mail.is_through for mail in mails)
        for mail in mails:
            mail.end()
    assert not heard.gate.is_closed
    assert heard.opened == []


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_when_it_is_tried_again_one_goes_and_all_follow_once_it_is_through(heard: Heard, _: int) -> None:
    await heard.gate.close("the disk is full")
    assert (heard.gate.is_closed, heard.gate.why) == (True, "the disk is full")
    mails = [Mail(heard.gate) for _ in range(4)]
    async with anyio.create_task_group() as group:
        for mail in mails:
            group.start_soon(mail.go)
        await settle()
        assert not any(mail.is_through for mail in mails)
        heard.clock.advance(FIRST_PAUSE - 0.001)
        await settle()
        assert not any(mail.is_through for mail in mails)
        heard.clock.advance(0.001)
        await settle()
        assert [mail.is_through for mail in mails].count(True) == 1
        next(mail for mail in mails if mail.is_through).end()
        await settle()
        assert all(mail.is_through for mail in mails)
        for mail in mails:
            mail.end()
    assert heard.opened == ["the disk is full"]


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_where_the_one_that_tried_is_refused_the_rest_wait_for_twice_as_long(heard: Heard, _: int) -> None:
    await heard.gate.close("full")
    mails = [Mail(heard.gate) for _ in range(2)]
    async with anyio.create_task_group() as group:
        for mail in mails:
            group.start_soon(mail.go)
        await settle()
        heard.clock.advance(FIRST_PAUSE)
        await settle()
        next(mail for mail in mails if mail.is_through).end(is_refused=True)
        await settle()
        assert [mail.is_through for mail in mails].count(True) == 1
        heard.clock.advance(2 * FIRST_PAUSE)
        await settle()
        assert all(mail.is_through for mail in mails)
        for mail in mails:
            mail.end()
    assert [seconds for _, seconds, _ in heard.said] == [FIRST_PAUSE, 2 * FIRST_PAUSE]


async def test_pauses_double_up_to_a_minute_and_begin_anew_after_a_mail_was_taken(heard: Heard) -> None:
    for _ in range(9):
        await heard.gate.close("full")
        heard.clock.advance(LONGEST_PAUSE)
    assert [seconds for _, seconds, _ in heard.said] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    await heard.gate.open()
    await heard.gate.close("full again")
    assert heard.said[-1] == ("full again", FIRST_PAUSE, False)


async def test_mails_that_were_in_flight_together_close_it_once(heard: Heard) -> None:
    for _ in range(10):
        await heard.gate.close("full")
    assert len(heard.said) == 1


async def test_it_says_whether_the_account_itself_was_refused(heard: Heard) -> None:
    await heard.gate.close("the account is paused", is_account=True)
    assert heard.said == [("the account is paused", FIRST_PAUSE, True)]


async def test_a_pause_is_at_least_half_of_what_it_may_be() -> None:
    heard = Heard()
    heard.gate = Gate(heard.clock, random.Random(7), heard._close, heard._open)
    for _ in range(20):
        await heard.gate.close("full")
        heard.clock.advance(LONGEST_PAUSE)
    assert all(LONGEST_PAUSE / 2 <= seconds <= LONGEST_PAUSE for _, seconds, _ in heard.said[7:])
    assert len({seconds for _, seconds, _ in heard.said}) == 20


async def test_a_mail_that_is_taken_while_it_is_open_says_nothing(heard: Heard) -> None:
    await heard.gate.open()
    assert heard.opened == []


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_one_that_is_cancelled_while_it_waits_or_tries_lets_the_next_try(heard: Heard, _: int) -> None:
    await heard.gate.close("full")
    first, second = Mail(heard.gate), Mail(heard.gate)
    async with anyio.create_task_group() as group:
        async with anyio.create_task_group() as to_cancel:
            to_cancel.start_soon(first.go)
            await settle()
            group.start_soon(second.go)
            await settle()
            to_cancel.cancel_scope.cancel()
        heard.clock.advance(FIRST_PAUSE)
        await settle()
        assert (first.is_through, second.is_through) == (False, True)
        second.end()
