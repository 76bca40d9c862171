"""Calls with a bound: cancelled once, given a moment, then given up."""

import asyncio

import pytest

from mailer.db.oracle_calls import bounded, undisturbed


class Call:
    """A driver's call that answers, or not, and takes its time to be cancelled."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.begun = asyncio.Event()
        self.cancelled = 0

    async def run(self) -> str:
        self.begun.set()
        try:
            return await asyncio.shield(self.answer)
        except asyncio.CancelledError:
            self.cancelled += 1
            await self.agree()
            raise

    async def agree(self) -> None:
        try:
            await self.agreed
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def test_a_call_that_answers_gives_its_answer() -> None:
    call = Call()
    call.answer.set_result("답")
    assert await bounded(call.run(), 10) == "답"


async def test_a_calls_own_error_is_raised() -> None:
    call = Call()
    call.answer.set_exception(ValueError("own"))
    with pytest.raises(ValueError, match="own"):
        await bounded(call.run(), 10)


async def test_a_call_without_an_answer_is_cancelled_once_and_may_agree_on_that_with_the_server() -> None:
    call = Call()
    call.agreed.set_result(None)
    with pytest.raises(TimeoutError):
        await bounded(call.run(), 0.01)
    assert call.cancelled == 1


async def test_a_call_whose_server_says_nothing_is_given_up() -> None:
    call = Call()
    with pytest.raises(TimeoutError):
        await bounded(call.run(), 0.01, grace=0.01)
    assert call.cancelled == 2


async def test_an_answer_that_comes_while_the_call_is_given_up_counts() -> None:
    async def late() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "just in time"
        return ""

    assert await bounded(late(), 0.01) == "just in time"


async def test_who_is_cancelled_waits_until_the_call_has_ended() -> None:
    call = Call()
    task = asyncio.create_task(bounded(call.run(), 10, grace=10))
    await call.begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not task.done()
    call.agreed.set_result(None)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.cancelled == 1


async def test_a_call_that_is_not_to_be_broken_off_ends_and_its_result_is_kept() -> None:
    call, kept = Call(), list[str]()
    task = asyncio.create_task(undisturbed(call.run(), 10, kept.append))
    await call.begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    call.answer.set_result("다 됐다")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kept == ["다 됐다"]
    assert call.cancelled == 0


async def test_a_call_that_is_not_to_be_broken_off_has_its_bound_all_the_same() -> None:
    call, kept = Call(), list[str]()
    call.agreed.set_result(None)
    with pytest.raises(TimeoutError):
        await undisturbed(call.run(), 0.01, kept.append)
    assert (call.cancelled, kept) == (1, [])
