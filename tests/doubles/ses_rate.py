"""The rate of mails: kept by a bucket, and measured over any sliding second."""

import time
from collections.abc import Iterable


class Bucket:
    """A token bucket: `rate` a second, at most `burst` saved up."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._since = burst, time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._since) * self._rate)
        self._since = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def worst_second(times: Iterable[float]) -> int:
    """The most events in any half-open second [t, t + 1)."""
    ordered = sorted(times)
    worst = first = 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= 1.0:
            first += 1
        worst = max(worst, last - first + 1)
    return worst
