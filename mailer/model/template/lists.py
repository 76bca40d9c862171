"""Filters over rows: ROWS | sum('AMOUNT'), and over lists of values."""

from collections.abc import Mapping
from decimal import Decimal

from jinja2 import pass_context
from jinja2.runtime import Context

from mailer.errors import TemplateFault
from mailer.model.template.arithmetic import Number, calculate
from mailer.model.template.bounds import TimedList, budget_of
from mailer.model.template.names import fold
from mailer.model.template.values import exact, given, is_blank, kind, shown

PLACE_OF_COLUMN = {"join": 1, "sort": 0, "sum": 0}
"""Of the filters over rows, which argument names a column."""


@pass_context
def timed(context: Context, value: object) -> TimedList:
    """What a loop runs over, with an eye on the clock; rows and lists alone, so that no text or number is one."""
    if isinstance(value, list | tuple):
        return TimedList(value, budget_of(context))
    raise TemplateFault(f"a loop runs over rows, and this is {kind(given(value))}", "write {% for LINE in ROWS %}")


@pass_context
def join(context: Context, value: object, separator: str = "", column: str | None = None) -> str:
    """The values, or one column of the rows, as they print, with `separator` between; those with nothing left out."""
    texts = [shown(item) for item in items(value, column) if not is_blank(item)]
    budget = budget_of(context)
    budget.spend(*texts)
    budget.spend(separator, times=len(texts))
    return separator.join(texts)


@pass_context
def watched(context: Context, value: object) -> object:
    """What a filter or a slice has made: a row of them over a long text or list ends at the bounds, too."""
    budget_of(context).watch(value)
    return value


def flat(values: list[object] | tuple[object, ...]) -> list[object] | tuple[object, ...]:
    """A list as it is written, of anything but lists: within each other they would take for ever to compare."""
    if any(isinstance(value, list | tuple) for value in values):
        raise TemplateFault("a list holds values, and this one a list", "loop over each list for itself")
    return values


def total(value: object, column: str | None = None) -> Number:
    """The sum of the values, or of one column of the rows; NULL is left out, as in SQL."""
    result: Number = 0
    for item in items(value, column):
        if item is not None:
            result = calculate("+", result, item)
    return result


def sort(value: object, column: str | None = None, reverse: bool = False) -> list[object]:
    """In the order of the values, or of one column of the rows; NULL last."""
    keyed = list(zip(items(value, column), list_of(value), strict=True))
    there = [(_order(key), place) for place, (key, _) in enumerate(keyed) if key is not None]
    there.sort(key=lambda pair: pair[0], reverse=reverse)
    return [keyed[place][1] for _, place in there] + [row for key, row in keyed if key is None]


def length(value: object) -> int:
    """How many items a list has, or characters a text."""
    return len(value) if isinstance(value, list | tuple) else len(shown(given(value)))


def items(value: object, column: str | None) -> list[object]:
    """The items of a list, or with `column` those values of its rows."""
    if column is None:
        return list(list_of(value))
    name = fold(column)
    try:
        return [row[name] for row in list_of(value) if isinstance(row, Mapping)]
    except KeyError:
        raise TemplateFault(f"there is no column {name}") from None


def list_of(value: object) -> list[object] | tuple[object, ...]:
    """The value where it is a list. Raises TemplateFault otherwise."""
    if isinstance(value, list | tuple):
        return value
    raise TemplateFault(f"a list is needed, as ROWS is one, and this is {kind(given(value))}")


def _order(value: object) -> tuple[str, Decimal, str]:
    number = exact(value)
    return (kind(value), Decimal(0), shown(value)) if number is None else ("", number, "")
