"""The filters and tests of a template, by name: $(TOTAL | won). What is not here can't be called from one."""

from collections.abc import Callable
from functools import wraps

from mailer.model.template.arithmetic import Number, calculate, signed
from mailer.model.template.dates import formatted_date
from mailer.model.template.formats import money, number, percent, rounded, won
from mailer.model.template.josa import with_particle
from mailer.model.template.lists import flat, join, length, sort, timed, total, watched
from mailer.model.template.texts import joined, nl2br, replace, safe, truncate, urlencode
from mailer.model.template.values import given, is_blank, shown

LOOP_OVER = " loop over"
JOINED = " joined"
WATCHED = " watched"
FLAT = " flat"
"""Filters of the syntax tree's own: nobody can write a name with a blank."""

Filter = Callable[..., object]


def _of_value(function: Filter) -> Filter:
    """NULL and blank texts pass by, and print nothing."""

    @wraps(function)
    def passing(value: object, *args: object, **kwargs: object) -> object:
        return None if is_blank(given(value)) else function(value, *args, **kwargs)

    return passing


def _of_text(function: Filter) -> Filter:
    """Numbers and dates are texts as they print; NULL passes by."""

    @wraps(function)
    def reading(value: object, *args: object, **kwargs: object) -> object:
        return None if given(value) is None else function(shown(value), *args, **kwargs)

    return reading


def _default(value: object, fallback: object) -> object:
    return fallback if is_blank(given(value)) else value


def _absolute(value: object) -> Number:
    number = signed("+", value)
    return -number if number < 0 else number


def _trim(text: str) -> str:
    return text.strip()


FILTERS: dict[str, Filter] = {
    "abs": _of_value(_absolute),
    "date": _of_value(formatted_date),
    "default": _default,
    "join": join,
    "josa": _of_text(with_particle),
    "length": length,
    "lower": _of_text(lambda text: text.lower()),
    "money": _of_value(money),
    "nl2br": nl2br,
    "number": _of_value(number),
    "percent": _of_value(percent),
    "replace": replace,
    "round": _of_value(rounded),
    "safe": _of_text(safe),
    "sort": sort,
    "sum": total,
    "trim": _of_text(_trim),
    "truncate": _of_text(truncate),
    "upper": _of_text(lambda text: text.upper()),
    "urlencode": urlencode,
    "won": _of_value(won),
    LOOP_OVER: timed,
    JOINED: joined,
    WATCHED: watched,
    FLAT: flat,
}


def _divisible(value: object, divisor: object) -> bool:
    return calculate("%", value, divisor) == 0


TESTS: dict[str, Callable[..., bool]] = {
    "blank": lambda value: is_blank(given(value)),
    "divisibleby": _divisible,
    "even": lambda value: _divisible(value, 2),
    "none": lambda value: given(value) is None,
    "null": lambda value: given(value) is None,
    "odd": lambda value: not _divisible(value, 2),
}
