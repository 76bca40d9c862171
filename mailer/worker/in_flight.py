"""The calls of this process that wait for an answer, so that the end of a drain can end them together."""

import asyncio
from types import TracebackType


class InFlight:
    """Calls under way."""

    def __init__(self) -> None:
        self._calls: set[Call] = set()
        self.is_over = False

    def call(self) -> "Call":
        """Around one call, by `async with`."""
        return Call(self._calls, 0.0 if self.is_over else None)

    def end(self) -> None:
        """Waits for no answer any more, nor for one of a later call."""
        self.is_over = True
        for call in self._calls:
            call.end()


class Call:
    """One call. A timeout of asyncio's, for each mail has two: a cancel scope costs several times as much."""

    __slots__ = ("_calls", "_timeout", "was_ended")

    def __init__(self, calls: "set[Call]", seconds: float | None) -> None:
        self._calls = calls
        self._timeout = asyncio.timeout(seconds)
        self.was_ended = False
        """Afterwards: whether its answer was not waited for."""

    async def __aenter__(self) -> "Call":
        await self._timeout.__aenter__()
        self._calls.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self._calls.discard(self)
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            self.was_ended = True
        return self.was_ended

    def end(self) -> None:
        """Its answer is not waited for."""
        self._timeout.reschedule(asyncio.get_running_loop().time())
