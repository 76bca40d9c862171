"""Whether mails leave at all. While SES, or the outbox, can't take any, jobs wait here and nobody is failed for it."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from typing import Protocol

import anyio

from mailer.model.clock import Clock

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class Said(Protocol):
    """Is told why nothing leaves."""

    async def __call__(self, why: str, seconds: float, *, is_account: bool) -> None:
        """For how long it is not tried. `is_account`: SES refused the account itself: no other process need try."""
        ...


class Gate:
    """Open, or closed for a while that doubles; then one mail tries, and the rest follow when it is through."""

    def __init__(
        self, clock: Clock, chance: random.Random, on_close: Said, on_open: Callable[[str], Awaitable[None]]
    ) -> None:
        """`on_open` is told what had held the mails."""
        self._clock = clock
        self._chance = chance
        self._on_close = on_close
        self._on_open = on_open
        self._pause = 0.0
        self._closed_until = 0.0
        self._trying = anyio.Lock()
        self.why: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether mails wait."""
        return self.why is not None

    def passage(self) -> AbstractAsyncContextManager[None]:
        """Waits while it is closed. The mails that waited go one by one until it is open again."""
        return self._passage_one_by_one() if self.is_closed else nullcontext()

    @asynccontextmanager
    async def _passage_one_by_one(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._trying)
            while self.is_closed and self._clock.monotonic() < self._closed_until:
                await self._clock.sleep(self._closed_until - self._clock.monotonic())
            if not self.is_closed:
                await stack.aclose()
            yield

    async def close(self, why: str, *, is_account: bool = False) -> None:
        """Nothing leaves for a while: twice as long as the last time, with jitter. `is_account`: see `Said`."""
        if self.why is not None and self._closed_until > self._clock.monotonic():
            return
        self._pause = min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)
        seconds = self._pause * self._chance.uniform(0.5, 1.0)
        self._closed_until = self._clock.monotonic() + seconds
        self.why = why
        await self._on_close(why, seconds, is_account=is_account)

    async def open(self) -> None:
        """A mail was taken."""
        if (why := self.why) is not None:
            self.why = None
            self._pause = 0.0
            await self._on_open(why)
