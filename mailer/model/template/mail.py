"""A whole mail's template: every part compiled once, rendered together under one budget."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailer.errors import TemplateFault
from mailer.model.automation import Template
from mailer.model.row import Row
from mailer.model.template.bounds import BUDGET, Budget, RenderLimits
from mailer.model.template.derived_text import text_template
from mailer.model.template.environment import HTML, PLAIN
from mailer.model.template.html_text import ended, html_to_text
from mailer.model.template.names import ROW, ROWS
from mailer.model.template.part import Part, compile_part


class TextSource(StrEnum):
    """Where a mail's text part comes from."""

    OWN = "own"
    """The definition has one."""
    DERIVED = "derived"
    """Made once from the HTML template."""
    EACH_MAIL = "each mail"
    """Made from each rendered HTML, which costs several times what sending does: the template could not be turned."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The parts of one mail; no line break in `subject` or in the values of `headers`."""

    subject: str
    html: str
    text: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A template that is ready to render, and what it needs."""

    variables: frozenset[str]
    """Columns it needs of target or mapping query, upper case; those named as ROW["CUST#NO"] too."""
    line_variables: frozenset[str]
    """Columns it needs of each row in ROWS."""
    text_source: str
    """A `TextSource`."""
    _subject: Part
    _html: Part
    _text: Part | None
    _headers: tuple[tuple[str, Part], ...]

    def render(self, row: Row, rows: Sequence[Row], limits: RenderLimits, monotonic: Callable[[], float]) -> Rendered:
        """The mail of one recipient. `rows` are the mapping query's; where they are empty, ROWS holds `row`.

        `monotonic` gives seconds. Raises TemplateFault naming part, line and variables, never a value of the row.
        """
        budget = Budget(limits, monotonic)
        values: dict[str, object] = {**row, ROW: row, ROWS: list(rows) or [row], BUDGET: budget}
        subject = self._subject.render(values, budget)
        html = self._html.render(values, budget)
        text = html_to_text(html) if self._text is None else self._text.render(values, budget)
        return Rendered(
            subject=_one_line(subject),
            html=html,
            text=_tidied(text) if self.text_source == TextSource.DERIVED else text,
            headers=tuple((name, _one_line(part.render(values, budget))) for name, part in self._headers),
        )


def compile_template(template: Template, headers: Sequence[tuple[str, str]] = ()) -> CompiledTemplate:
    """The template and the values of `headers`, ready to render. Raises TemplateFault with the part and the line."""
    subject = compile_part(PLAIN, "subject", template.subject)
    html = compile_part(HTML, "html", template.html)
    text, source = _text_part(template, html)
    values = tuple((name, compile_part(PLAIN, f"header {name}", value)) for name, value in headers)
    parts = [subject, html, *([] if text is None else [text]), *(part for _, part in values)]
    return CompiledTemplate(
        variables=frozenset().union(*(part.variables for part in parts)),
        line_variables=frozenset().union(*(part.line_variables for part in parts)),
        text_source=source,
        _subject=subject,
        _html=html,
        _text=text,
        _headers=values,
    )


def _text_part(template: Template, html: Part) -> tuple[Part | None, TextSource]:
    if template.text is not None:
        return compile_part(PLAIN, "text", template.text), TextSource.OWN
    # A column that holds HTML can be turned into text only when its value is there.
    source = None if "safe" in html.filters else text_template(template.html, HTML.lexer)
    if source is None:
        return None, TextSource.EACH_MAIL
    try:
        return compile_part(PLAIN, "text made from html", source), TextSource.DERIVED
    except TemplateFault:
        return None, TextSource.EACH_MAIL


_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_BLANK_LINES = re.compile("\n{3,}")


def _one_line(text: str) -> str:
    """Line breaks and other control characters as one blank: a value must not begin a header of its own."""
    if text.isprintable():
        return text.strip(" ")
    return " ".join(part for line in _CONTROLS.split(text) if (part := line.strip(" ")))


def _tidied(text: str) -> str:
    """No heap of blank lines where a block or a value came to nothing."""
    return ended(_BLANK_LINES.sub("\n\n", text) if "\n\n\n" in text else text)
