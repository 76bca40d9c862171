"""The calls of this process that wait for an answer, so that the end of a drain can end them together."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio


class InFlight:
    """Calls under way."""

    def __init__(self) -> None:
        self._calls: set[anyio.CancelScope] = set()
        self.is_over = False

    @contextmanager
    def call(self) -> Iterator[anyio.CancelScope]:
        """A scope around one call; where `cancelled_caught` is set afterwards, its answer was not waited for."""
        with anyio.CancelScope() as scope:
            if self.is_over:
                scope.cancel()
            self._calls.add(scope)
            try:
                yield scope
            finally:
                self._calls.discard(scope)

    def end(self) -> None:
        """Waits for no answer any more, nor for one of a later call."""
        self.is_over = True
        for scope in self._calls:
            scope.cancel()
