"""Waiting for something that can be seen, with a bound: a fault test never sleeps and hopes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

BOUND = 60.0
"""Seconds that anything may take on a busy machine."""
LOOK_AGAIN = 0.02


def until(look: Callable[[], T], what: str, *, seconds: float = BOUND) -> T:
    """What `look` saw when it first saw something; fails where it sees nothing within the bound."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(LOOK_AGAIN)
    return seen


def lasts(seconds: float) -> None:
    """A fault that goes on for so long: the one thing that tests wait for by the clock."""
    time.sleep(seconds)
