"""Many callers, few commits, no timer: what arrives while one commit runs is the next group."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from mailer.errors import Unreachable

T = TypeVar("T")
R = TypeVar("R")

Commit = Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]]
"""Commits all items together; a result or an error for each, in their order. An error raised is everybody's."""


class Grouping(Generic[T, R]):
    """Submitters wait for the commit of their group, and each gets its own result. `run` is the one task that commits.

    An idle committer takes a lone item at once, so a quiet system waits for nobody; a busy one takes all that has come
    meanwhile, so groups grow with the load.
    """

    def __init__(self, commit: Commit[T, R], *, limit: int) -> None:
        """`limit`: items in one group, at most; the rest is the next group."""
        self._commit = commit
        self._limit = limit
        self._queue: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._arrived = asyncio.Event()
        self._stopped = False

    async def submit(self, item: T) -> R:
        """The item's result once its group is committed; waits for `run` to begin.

        Cancelled while the item is queued: it is withdrawn. Cancelled later: the commit goes on without a listener.
        Raises the item's own error, the error of the whole commit, or Unreachable when `run` ends first.
        """
        if self._stopped:
            raise _stopped("nothing was written")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        self._arrived.set()
        return await future

    async def run(self) -> None:
        """Commits groups until cancelled; whoever waits then gets Unreachable, as does whoever submits later."""
        try:
            while True:
                await self._arrived.wait()
                await asyncio.sleep(0)  # whoever is ready to submit now joins: half the commits on a busy loop
                if group := self._take():
                    await self._settle(group)
        finally:
            self._stopped = True
            _fail([future for _, future in self._queue], _stopped("nothing was written"))
            self._queue.clear()

    def _take(self) -> list[tuple[T, asyncio.Future[R]]]:
        """The next group, without what was withdrawn: a cancelled submitter leaves a cancelled future behind."""
        group: list[tuple[T, asyncio.Future[R]]] = []
        while self._queue and len(group) < self._limit:
            entry = self._queue.popleft()
            if not entry[1].done():
                group.append(entry)
        if not self._queue:
            self._arrived.clear()
        return group

    async def _settle(self, group: list[tuple[T, asyncio.Future[R]]]) -> None:
        futures = [future for _, future in group]
        try:
            results = await self._commit([item for item, _ in group])
            if len(results) != len(group):
                raise RuntimeError(f"{len(results)} results for a group of {len(group)}")
        except Exception as error:  # noqa: BLE001 (nothing is swallowed: every submitter of the group raises it)
            _fail(futures, error)
        except BaseException:
            _fail(futures, _stopped("whether it was written is not known"))
            raise
        else:
            for future, result in zip(futures, results, strict=True):
                if future.done():
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)


def _fail(futures: Sequence["asyncio.Future[R]"], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)


def _stopped(state: str) -> Unreachable:
    return Unreachable(f"stopped before the commit was confirmed: {state}")
