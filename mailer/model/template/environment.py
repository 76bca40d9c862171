"""Jinja, with mailer's delimiters and next to nothing in it: no globals, no attributes, own filters and sums."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailer.model.template.arithmetic import BINARY, UNARY, calculate, signed
from mailer.model.template.filters import FILTERS, TESTS
from mailer.model.template.values import given, shown

if TYPE_CHECKING:
    from jinja2.runtime import Context

BEGIN, END = "$(", ")"
LITERALS = frozenset({BEGIN, "{%"})
"""What $('…') may write without naming a variable."""


class NoSuchColumn(StrictUndefined):
    """A name that the row has no column for: using it in any way is a fault."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return f"there is no column {self._undefined_name}"


class MailEnvironment(ImmutableSandboxedEnvironment):
    """Sandboxed twice: the syntax tree was read by rules of our own, and Jinja's sandbox stands behind."""

    intercepted_binops = BINARY | {"**"}
    intercepted_unops = UNARY

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            variable_start_string=BEGIN,
            variable_end_string=END,
            comment_start_string="$(#",
            comment_end_string="#)",
            undefined=NoSuchColumn,
            finalize=shown,
            autoescape=autoescape,
            keep_trailing_newline=True,
            optimized=False,  # it would compute constants without a budget, and raise what it meets
        )
        self.globals.clear()
        self.filters = dict(FILTERS)
        self.tests = dict(TESTS)

    def getitem(self, obj: object, argument: object) -> object:
        """A row's column, or an item by its place; never an attribute."""
        try:
            if isinstance(obj, Mapping):
                return obj[argument]
            if isinstance(obj, list | tuple | str) and isinstance(argument, int):
                return obj[argument]
        except LookupError:
            pass
        return self.undefined(obj=given(obj), name=argument if isinstance(argument, str) else f"no. {argument}")

    def call_binop(self, context: "Context", operator: str, left: object, right: object) -> object:
        """Every sum."""
        return calculate(operator, given(left), given(right))

    def call_unop(self, context: "Context", operator: str, arg: object) -> object:
        """Every sign."""
        return signed(operator, given(arg))


HTML = MailEnvironment(autoescape=True)
PLAIN = MailEnvironment(autoescape=False)
