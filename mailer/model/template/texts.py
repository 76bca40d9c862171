"""Filters over texts."""

from urllib.parse import quote

from jinja2 import pass_context, pass_eval_context
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from markupsafe import Markup, escape

from mailer.errors import TemplateFault
from mailer.model.template.bounds import budget_of
from mailer.model.template.values import given, shown


@pass_context
def joined(context: Context, values: list[object]) -> str:
    """What `A ~ B` makes: the values as they print, so that NULL is nothing (plain Jinja writes None)."""
    texts = [shown(value) for value in values]
    budget_of(context).spend(*texts)
    return (Markup("") if any(isinstance(text, Markup) for text in texts) else "").join(texts)


@pass_context
def replace(context: Context, value: object, old: str, new: str) -> str:
    """The text with each `old` as `new`."""
    text = shown(given(value))
    if not old:
        raise TemplateFault("replace needs a text to look for")
    budget = budget_of(context)
    budget.spend(text)
    budget.spend(new, times=text.count(old))
    return text.replace(old, new)


@pass_eval_context
def nl2br(evaluation: EvalContext, value: object) -> str:
    """The lines of a text as lines of HTML; in text parts they are lines already."""
    text = shown(given(value))
    if not evaluation.autoescape:
        return text
    # Line by line Markup would take a minute for a few million of them.
    return Markup("<br>\n".join(str(escape(text)).splitlines()))  # noqa: S704 escaped a word before


@pass_context
def urlencode(context: Context, value: object) -> str | None:
    """The text as a part of a URL; NULL passes by."""
    if given(value) is None:
        return None
    text = shown(value)
    budget_of(context).watch(text)  # before it: a byte of it takes as long as a hundred elsewhere
    return quote(text, safe="")


def safe(text: str) -> str:
    """HTML that goes out as it is: the operator's word that the column holds it, and that it is harmless."""
    return Markup(text)  # noqa: S704 that is what it is for


def truncate(text: str, length: int, end: str = "…") -> str:
    """At most `length` characters, the last of them `end` where something was cut off."""
    if length < len(end):
        raise TemplateFault("truncate needs room for at least its end")
    return text if len(text) <= length else text[: length - len(end)].rstrip() + end
