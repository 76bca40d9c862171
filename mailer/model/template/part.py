"""One part of a mail (subject, html, text, a header): compiled once, rendered for each recipient."""

from dataclasses import dataclass
from types import TracebackType

import jinja2
from jinja2 import TemplateError, TemplateSyntaxError

from mailer.errors import TemplateFault
from mailer.model.template.bounds import Budget
from mailer.model.template.environment import BEGIN, END, MailEnvironment
from mailer.model.template.needs import Needs
from mailer.model.template.syntax import Rules, Spot

_PYTHON_SAYS_NO = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError)
_SYNTAX_HELP = (
    "a variable is $(NAME), or $(ROW['CUST#NO']) where the column's name is no word; \"$(\" itself is $('$(')"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A compiled part and what it asks of the row."""

    name: str
    variables: frozenset[str]
    """Columns it needs, upper case; names of loops and of {% set %} are not among them."""
    line_variables: frozenset[str]
    """Columns it needs of the rows in ROWS."""
    filters: frozenset[str]
    _template: jinja2.Template
    _spots: dict[int, Spot]

    def render(self, values: dict[str, object], budget: Budget) -> str:
        """The text of this part. Raises TemplateFault with the line and its variables, never with their values."""
        context = self._template.new_context(values, shared=True)
        try:
            text = budget.collected(self._template.root_render_func(context))
            budget.tick()
        except TemplateFault as fault:
            raise TemplateFault(f"{self._where(fault)}: {fault}", fault.next_step) from None
        except TemplateError as error:
            raise TemplateFault(f"{self._where(error)}: {error}", "see the columns of the queries") from None
        except _PYTHON_SAYS_NO as error:
            raise TemplateFault(
                f"{self._where(error)}: these values can't be used so ({type(error).__name__})",
                "compare like with like; for NULL there are 'is null' and the filter default",
            ) from None
        return text

    def _where(self, error: Exception) -> str:
        spot = self._spot(error.__traceback__)
        if spot is None:
            return self.name
        return f"{self.name}, line {spot.line}" + (f", {', '.join(spot.names)}" if spot.names else "")

    def _spot(self, step: TracebackType | None) -> Spot | None:
        spot = None
        while step is not None:
            if step.tb_frame.f_globals.get("__jinja_template__") is self._template:
                spot = self._spots.get(self._template.get_corresponding_lineno(step.tb_lineno))
            step = step.tb_next
        return spot


def compile_part(environment: MailEnvironment, name: str, source: str) -> Part:
    """The part, ready to render. Raises TemplateFault with the line."""
    rules = Rules(name)
    try:
        _refuse_what_jinja_swallows(environment, name, source)
        tree = rules.visit(environment.parse(source))
        if not isinstance(tree, jinja2.nodes.Template):
            raise TypeError(f"not a template: {tree!r}")
        tree.set_environment(environment)
        template = environment.from_string(tree)
    except TemplateSyntaxError as error:
        raise TemplateFault(f"{name}, line {error.lineno}: {error.message}", _SYNTAX_HELP) from None
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        raise TemplateFault(f"{name}: nested too deeply, or a number too long", "write it simpler") from None
    needs = Needs()
    needs.visit(tree)
    return Part(
        name=name,
        variables=frozenset(needs.variables),
        line_variables=frozenset(needs.line_variables),
        filters=frozenset(rules.filters),
        _template=template,
        _spots=rules.spots,
    )


def _refuse_what_jinja_swallows(environment: MailEnvironment, name: str, source: str) -> None:
    """`$(-X)` would print X and take the blanks before it away: in a bill, a wrong sign."""
    line, lexeme = 1, ""
    for line, lexeme, text in environment.lexer.tokeniter(source, None):
        if text != {"variable_begin": BEGIN, "variable_end": END}.get(lexeme, text):
            raise TemplateFault(
                f"{name}, line {line}: a sign stands at the edge of $(…)",
                "write $(0 - X) for the negative; to cut blanks away, use {%- and -%}",
            )
    if lexeme in ("comment_begin", "raw_begin"):
        raise TemplateFault(f"{name}, line {line}: {{% raw %}} or a comment is not closed", _SYNTAX_HELP)
