"""Dates as people write them. NULL and blank texts never get here: they print nothing."""

import re
from collections.abc import Callable
from datetime import date, datetime, time

from mailer.errors import TemplateFault
from mailer.model.template.values import kind

_DIRECTIVE = re.compile("%(-?)(.?)", re.DOTALL)

_NUMBERS: dict[str, tuple[int, Callable[[datetime], int]]] = {
    "Y": (4, lambda moment: moment.year),
    "y": (2, lambda moment: moment.year % 100),
    "m": (2, lambda moment: moment.month),
    "d": (2, lambda moment: moment.day),
    "H": (2, lambda moment: moment.hour),
    "I": (2, lambda moment: moment.hour % 12 or 12),
    "M": (2, lambda moment: moment.minute),
    "S": (2, lambda moment: moment.second),
    "j": (3, lambda moment: moment.timetuple().tm_yday),
}

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NAMES: dict[str, dict[str, Callable[[datetime], str]]] = {
    "ko": {
        "a": lambda moment: "월화수목금토일"[moment.weekday()],
        "A": lambda moment: "월화수목금토일"[moment.weekday()] + "요일",
        "b": lambda moment: f"{moment.month}월",
        "B": lambda moment: f"{moment.month}월",
        "p": lambda moment: "오전" if moment.hour < 12 else "오후",
    },
    "en": {
        "a": lambda moment: _DAYS[moment.weekday()][:3],
        "A": lambda moment: _DAYS[moment.weekday()],
        "b": lambda moment: _MONTHS[moment.month - 1][:3],
        "B": lambda moment: _MONTHS[moment.month - 1],
        "p": lambda moment: "AM" if moment.hour < 12 else "PM",
    },
}


def formatted_date(value: object, form: str = "%Y-%m-%d", language: str | None = None) -> str:
    """A date in the manner of strftime; `%-m` is the month without its leading zero.

    A text in ISO 8601 is a date too (also 20261124), for SQLite has no other. Names of days, months and half days
    (%a %A %b %B %p) need the language, 'ko' or 'en', for the machine's own is nobody's choice.
    """
    moment = _moment(value)
    return _DIRECTIVE.sub(lambda found: _written(moment, found[1] == "-", found[2], language), form)


def _written(moment: datetime, bare: bool, letter: str, language: str | None) -> str:
    if letter in _NUMBERS:
        width, number = _NUMBERS[letter]
        return str(number(moment)).zfill(0 if bare else width)
    if letter == "%":
        return "%"
    if letter not in _NAMES["ko"]:
        raise TemplateFault(f"a date has no %{letter}", f"use one of {' '.join('%' + known for known in _NUMBERS)}")
    if language not in _NAMES:
        raise TemplateFault(f"%{letter} is a name: in which language?", f"write date('… %{letter}', 'ko'), or 'en'")
    return _NAMES[language][letter](moment)


def _moment(value: object) -> datetime:
    match value:
        case datetime():
            return value
        case date():
            return datetime.combine(value, time())
        case str():
            try:
                return datetime.fromisoformat(value.strip())
            except ValueError:
                pass
    raise TemplateFault(f"a date is needed, and this is {kind(value)} that is none", "texts must be like 2026-11-24")
