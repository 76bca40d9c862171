"""Numbers and money as people write them. NULL and blank texts never get here: they print nothing."""

from decimal import ROUND_HALF_UP, Context, Decimal

from mailer.errors import TemplateFault
from mailer.model.template.values import number_of, plain

_MOST_DECIMALS = 20
_EXPONENTS = tuple(Decimal(1).scaleb(-decimals) for decimals in range(_MOST_DECIMALS + 1))
_ROUNDING = Context(prec=2000, rounding=ROUND_HALF_UP)


def rounded(value: object, decimals: int = 0) -> Decimal:
    """Rounded half up, as invoices are: 2.5 → 3, 1.005 with 2 decimals → 1.01."""
    if not isinstance(decimals, int) or not 0 <= decimals <= _MOST_DECIMALS:
        raise TemplateFault(f"decimals are a number from 0 to {_MOST_DECIMALS}")
    result = number_of(value).quantize(_EXPONENTS[decimals], context=_ROUNDING)
    return abs(result) if result == 0 else result


def number(value: object, decimals: int | None = None) -> str:
    """1234567.5 → 1,234,567.5; with `decimals` that many: number(2) → 1,234,567.50."""
    return plain(number_of(value) if decimals is None else rounded(value, decimals), ",f")


def money(value: object, symbol: str = "", decimals: int = 2) -> str:
    """1234.5 → 1,234.50; money('$') → $1,234.50, and -$1,234.50."""
    amount = rounded(value, decimals)
    return f"{'-' if amount < 0 else ''}{symbol}{plain(abs(amount), ',f')}"


def won(value: object) -> str:
    """1234567 → 1,234,567원."""
    return f"{plain(rounded(value), ',f')}원"


def percent(value: object, decimals: int = 0) -> str:
    """0.256 → 26%; percent(1) → 25.6%."""
    return f"{plain(rounded(number_of(value).scaleb(2, context=_ROUNDING), decimals), ',f')}%"
