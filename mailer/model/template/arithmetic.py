"""Sums of a template: decimal, so that 0.99 * 3 is 2.97, on numbers alone, and of bounded size."""

import operator
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from mailer.errors import TemplateFault
from mailer.model.template.values import exact, kind

# 40 digits: as many as Oracle's NUMBER keeps.
_DECIMAL = Context(
    prec=40, rounding=ROUND_HALF_UP, Emin=-999, Emax=999, traps=[InvalidOperation, DivisionByZero, Overflow]
)
_LONGEST_BITS = 512
"""Of an integer that is computed with: a few multiplications in a row would fill the memory otherwise."""

_ON_DECIMALS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": _DECIMAL.add,
    "-": _DECIMAL.subtract,
    "*": _DECIMAL.multiply,
    "/": _DECIMAL.divide,
    "//": _DECIMAL.divide_int,
    "%": _DECIMAL.remainder,
}
_ON_INTEGERS: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}

BINARY = frozenset(_ON_DECIMALS)
UNARY = frozenset("+-")

Number = int | Decimal


def calculate(sign: str, left: object, right: object) -> Number:
    """`left sign right`. Raises TemplateFault for anything but numbers, a division by zero, a result out of bounds."""
    first, second = _operand(sign, left), _operand(sign, right)
    if isinstance(first, int) and isinstance(second, int) and sign in _ON_INTEGERS:
        return _ON_INTEGERS[sign](first, second)
    try:
        return _ON_DECIMALS[sign](Decimal(first), Decimal(second))
    except ArithmeticError:
        raise TemplateFault(f"'{sign}' has no result here: divided by zero, or too large") from None


def signed(sign: str, value: object) -> Number:
    """`-value` or `+value`; as `calculate`."""
    number = _operand(sign, value)
    return -number if sign == "-" else number


def _operand(sign: str, value: object) -> Number:
    number = value if isinstance(value, int) and not isinstance(value, bool) else exact(value)
    if number is None:
        raise TemplateFault(f"'{sign}' works on numbers, and this is {kind(value)}", _next_step(value))
    if isinstance(number, int) and number.bit_length() > _LONGEST_BITS:
        raise TemplateFault(f"'{sign}' does not work on a number that long")
    return number


def _next_step(value: object) -> str:
    if value is None:
        return "say what NULL counts as: $((X | default(0)) + 1)"
    return "join texts with ~" if isinstance(value, str) else ""
