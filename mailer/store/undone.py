"""Transactions that the database undid for another session's sake, as in a deadlock, are said again."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from mailer.errors import TransactionUndone

P = ParamSpec("P")
T = TypeVar("T")

TIMES = 5
"""Tries in all: two that wait for each other in turn are done with it sooner."""


def again_if_undone(verb: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """For a verb that is one transaction and nothing else, so that where it was undone it took no effect."""

    @wraps(verb)
    async def again(*arguments: P.args, **named: P.kwargs) -> T:
        for _ in range(TIMES - 1):
            with suppress(TransactionUndone):
                return await verb(*arguments, **named)
        return await verb(*arguments, **named)

    return again
