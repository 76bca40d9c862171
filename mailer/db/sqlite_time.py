"""Time in the embedded database, which has no clock of its own: its texts, and the functions that its SQL calls."""

import sqlite3
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from mailer.model.clock import Clock

_WIDTH = len("2026-11-25 00:00:00.000000")


@lru_cache(maxsize=4)  # the rows of a group share their moment
def text_time(moment: datetime) -> str:
    """UTC with six digits of the second, always: texts of one width compare as the times do."""
    return moment.astimezone(UTC).isoformat(" ", "microseconds")[:_WIDTH]


class StatementTime:
    """The time of one connection: it stands still within a statement, as in other databases.

    UTC_NOW() and UTC_AFTER(seconds) say it; TIME_PLUS(time, seconds) reckons with the times that are kept as text.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now: datetime | None = None
        self._text = ""

    def install(self, raw: sqlite3.Connection) -> None:
        """From here on the connection's SQL knows the functions."""
        raw.create_function("UTC_NOW", 0, self._utc_now)
        raw.create_function("UTC_AFTER", 1, self._utc_after)
        raw.create_function("TIME_PLUS", 2, _time_plus)

    def go_on(self) -> None:
        """A new statement begins."""
        self._now = None

    def _moment(self) -> datetime:
        if self._now is None:
            self._now = self._clock.now()
            self._text = text_time(self._now)
        return self._now

    def _utc_now(self) -> str:
        if self._now is None:
            self._moment()
        return self._text

    def _utc_after(self, seconds: float) -> str:
        return text_time(self._moment() + timedelta(seconds=seconds))


def _time_plus(text: str, seconds: float) -> str:
    return text_time(datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(seconds=seconds))
