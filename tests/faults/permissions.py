"""Permissions that hold for root, too: tests run as root in containers."""

import ctypes
import os
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_FOWNER = 1, 2, 3


def start_unprivileged(start: Callable[[], T]) -> T:
    """What `start` returns; a process that it starts may do only what the files' modes let their owner do (Linux)."""
    started: list[T] = []

    def drop_and_start() -> None:
        if os.geteuid() == 0:
            for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_FOWNER):
                assert ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0
        started.append(start())

    # Rights are a thread's own, and can't be had back: this one ends with it.
    thread = threading.Thread(target=drop_and_start)
    thread.start()
    thread.join()
    return started[0]
