"""What a value looks like in a mail, and which values count as numbers."""

import math
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from jinja2 import Undefined

from mailer.errors import TemplateFault

_MOST_DIGITS = 1000
"""Oracle's largest NUMBER has 126 digits, a double 309: what is longer came from a text like 1e999999999."""


def shown(value: object) -> str:
    """The value as it prints: as the database gives it, numbers without an exponent, NULL as nothing.

    Raises TemplateFault for what has no text: binary values and lists.
    """
    match value:
        case str():
            return value
        case None:
            return ""
        case int():
            return str(value)
        case Decimal():
            return plain(value)
        case float():
            return plain(Decimal(repr(value))) if "e" in repr(value) else repr(value)
        case datetime():
            return value.isoformat(" ")
        case date():
            return value.isoformat()
        case Undefined():
            return str(value)
        case bytes():
            raise TemplateFault("a binary value can't be printed", "leave the column out of the template")
        case _:
            raise TemplateFault(f"{kind(value)} can't be printed", "loop over a list; name a column of a row")


def plain(number: Decimal, form: str = "f") -> str:
    """A decimal in a fixed-point `form` of the format language; never 1E+3."""
    if abs(number.adjusted()) > _MOST_DIGITS:
        raise TemplateFault(f"a number of more than {_MOST_DIGITS} digits can't be printed")
    return format(number, form)


def exact(value: object) -> Decimal | None:
    """A number of the database without binary fractions (0.1 is 0.1); None where it is no finite number."""
    match value:
        case bool():
            return None
        case int() | Decimal():
            number = Decimal(value)
        case float() if math.isfinite(value):
            number = Decimal(repr(value))
        case _:
            return None
    return number if number.is_finite() else None


def number_of(value: object) -> Decimal:
    """A number for a format; a text that reads as one counts too, for SQLite keeps numbers as text at will.

    Raises TemplateFault where it is none.
    """
    number = exact(_parsed(value) if isinstance(value, str) else value)
    if number is None:
        raise TemplateFault(f"a number is needed, and this is {kind(value)}")
    return number


def given(value: object) -> object:
    """The value itself. Raises UndefinedError for a column that is not there."""
    if isinstance(value, Undefined):
        str(value)
    return value


def is_blank(value: object) -> bool:
    """Whether there is nothing in it: NULL or, as in Oracle the same, a text of blanks."""
    return value is None or (isinstance(value, str) and not value.strip())


def kind(value: object) -> str:
    """What sort of value it is, for a message, which never holds the value itself."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float() | Decimal():
            return "a number"
        case date():
            return "a date"
        case bytes():
            return "a binary value"
        case list() | tuple():
            return "a list"
        case _:
            return "a row or another thing of many values"


def _parsed(text: str) -> Decimal | None:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None
