"""Points at which a test stops this process, to see what is left when it dies right there.

Without MAILER_TEST_STOP_AT in the environment each of them is a call that does nothing.
"""

import os
import signal
import time
from typing import Literal, get_args

FaultPoint = Literal[
    "job claimed",
    "slice loaded",
    "list loaded",
    "batch claimed",
    "SENDING committed",
    "answer in hand",
    "answer committed",
    "update run",
    "job ending",
    "job inserted",
    "migration begun",
    "events committed",
]

VARIABLE = "MAILER_TEST_STOP_AT"
"""`point`, or `point:nth` for its nth pass: there the process stops (SIGSTOP) until a test kills it or lets it go on.
`point:nth:seconds`: instead its event loop is blocked there for so long, while its other threads run."""


class _Stop:
    """What a test asked for. Raises ValueError for what is no point."""

    def __init__(self, asked: str) -> None:
        self._point, *more = asked.split(":")
        if self._point not in get_args(FaultPoint):
            raise ValueError(f"{VARIABLE}: there is no point {self._point!r}")
        self._passes_left = int(more[0]) if more else 1
        self._seconds = float(more[1]) if len(more) > 1 else None

    def at(self, point: FaultPoint) -> None:
        """Stops, or blocks, if this is the pass."""
        if point != self._point:
            return
        self._passes_left -= 1
        if self._passes_left:
            return
        if self._seconds is None:
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            time.sleep(self._seconds)


_STOP = _Stop(os.environ[VARIABLE]) if VARIABLE in os.environ else None


def fault_point(point: FaultPoint) -> None:
    """Nothing, unless the test that started this process asked for this point."""
    if _STOP is not None:
        _STOP.at(point)
