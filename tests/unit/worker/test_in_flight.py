"""Calls that wait for an answer, and the end of a drain, which waits for none."""

import anyio
import anyio.lowlevel
import pytest

from mailer.worker.in_flight import InFlight

REPETITIONS = 5


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_the_end_cancels_every_call_under_way_and_no_more_than_the_calls(_: int) -> None:
    in_flight, ended, after = InFlight(), 0, 0

    async def call() -> None:
        nonlocal ended, after
        async with in_flight.call() as call:
            await anyio.sleep_forever()
        ended += call.was_ended
        await anyio.lowlevel.checkpoint()  # what comes after the call goes on
        after += 1

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        in_flight.end()
    assert (ended, after) == (3, 3)


async def test_a_call_that_is_over_is_not_cancelled() -> None:
    in_flight = InFlight()
    async with in_flight.call() as call:
        await anyio.lowlevel.checkpoint()
    in_flight.end()
    assert not call.was_ended
    await anyio.lowlevel.checkpoint()


async def test_after_the_end_a_call_waits_for_nothing() -> None:
    in_flight = InFlight()
    in_flight.end()
    async with in_flight.call() as call:
        await anyio.sleep_forever()
    assert call.was_ended
    assert in_flight.is_over


async def test_a_call_inside_a_shield_is_ended_all_the_same() -> None:
    """The end of a cancelled job shields what it has sent from its own cancellation, not from the end of the drain."""
    in_flight = InFlight()
    async with anyio.create_task_group() as group:
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            in_flight.end()
            async with in_flight.call() as call:
                await anyio.sleep_forever()
    assert call.was_ended


async def test_an_error_of_a_call_is_its_own_and_the_call_is_forgotten() -> None:
    in_flight = InFlight()
    with pytest.raises(LookupError):
        async with in_flight.call():
            raise LookupError
    in_flight.end()
    await anyio.lowlevel.checkpoint()
