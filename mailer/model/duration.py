"""Durations as people write them, in settings and definitions: seconds, or `500ms`, `2s`, `15m`, `1h`, `1d`."""

import re
from datetime import timedelta
from decimal import Decimal

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
"""Longest first."""

_MICROSECOND = timedelta(microseconds=1)
_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(d|h|m|s|ms)?")
_SHOWN_CHARACTERS = 60
_FORMS = "write a number of seconds, or 500ms, 2s, 15m, 1h, 1d"


def parse_duration(value: str | int | float) -> timedelta:
    """The duration that `value` says, to the microsecond; a number, also one in text, is seconds. Zero is allowed.

    Raises ValueError, with a sentence for the person who wrote it: no duration, negative, not finite, too long.
    """
    try:
        duration = _from_text(value) if isinstance(value, str) else _from_number(value)
    except OverflowError:
        raise ValueError(f"{_shown(value)} is too long for a duration; {_FORMS}") from None
    if duration is None:
        raise ValueError(f"{_shown(value)} is no duration; {_FORMS}")
    if duration < timedelta(0):
        raise ValueError(f"a duration can't be negative, as {_shown(value)} is; {_FORMS}")
    return duration


def format_duration(duration: timedelta) -> str:
    """The shortest form that `parse_duration` reads back exactly: a whole number of the longest unit that fits.

    What is finer than a millisecond becomes a decimal fraction of milliseconds. Raises ValueError for a negative one.
    """
    if duration < timedelta(0):
        raise ValueError(f"a duration can't be negative, as {duration} is")
    if not duration:
        return "0s"
    for letters, unit in _UNITS.items():
        if not duration % unit:
            return f"{duration // unit}{letters}"
    return f"{Decimal(duration // _MICROSECOND) / 1000:f}ms"


def _shown(value: str | int | float) -> str:
    return repr(value[:_SHOWN_CHARACTERS] + "…" if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS else value)


def _from_text(text: str) -> timedelta | None:
    written = _WRITTEN.fullmatch(text.strip().removeprefix("-"))
    if written is None:
        return None
    number, letters = written.groups()
    microseconds = Decimal(number) * (_UNITS[letters or "s"] // _MICROSECOND)
    duration = timedelta(microseconds=round(microseconds))
    return -duration if text.strip().startswith("-") else duration


def _from_number(number: float) -> timedelta | None:
    # True is an int to Python, and no duration to whoever wrote it; NaN is what differs from itself.
    if isinstance(number, bool) or number != number:
        return None
    return timedelta(seconds=number)
