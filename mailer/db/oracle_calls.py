"""A call of the driver with a bound: cancelled once, given a moment to agree with the server on that, then given up.

python-oracledb's own call_timeout is not used: in 26.1 the process was seen to crash when a reply arrives as it fires.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

import anyio

T = TypeVar("T")

GRACE = 2.0
"""Seconds for which a cancelled call may talk with the server about it. One that is cancelled again meanwhile, as a
cancel scope would, leaves half an answer on the wire."""


async def bounded(call: Coroutine[object, object, T], seconds: float, *, grace: float = GRACE) -> T:
    """What the call returns or raises. Past `seconds` it is cancelled, and TimeoutError raised.

    Past them, and when cancelled itself, the connection must not be used again; whether the statement took effect is
    not known.
    """
    task = asyncio.create_task(call)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        await _stop(task, grace)
        raise
    if not task.done():
        await _stop(task, grace)
        if task.cancelled() or task.exception() is not None:
            raise TimeoutError
    return task.result()


async def undisturbed(call: Coroutine[object, object, T], seconds: float, keep: Callable[[T], None]) -> T:
    """As `bounded`, for a call that should not be broken off: cancelled, it may still end within the grace.

    `keep` gets the result that nobody waits for then. Raises TimeoutError.
    """
    task = asyncio.create_task(call)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        with anyio.CancelScope(shield=True):
            await asyncio.wait({task}, timeout=GRACE)
        await _stop(task, GRACE)
        if not task.cancelled() and task.exception() is None:
            keep(task.result())
        raise
    if not task.done():
        await _stop(task, GRACE)
        if task.cancelled() or task.exception() is not None:
            raise TimeoutError
    return task.result()


async def _stop(task: "asyncio.Task[T]", grace: float) -> None:
    """Twice, if need be: after the first the driver waits for the server's answer to its break."""
    with anyio.CancelScope(shield=True):
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=grace)
    if not task.cancelled():
        task.exception()  # looked at: else asyncio would report it as lost
