"""Columns for whose NULL a template is prepared: a dry run need not report them."""

from collections.abc import Iterator, Sequence

from jinja2 import nodes

from mailer.model.automation import Template
from mailer.model.template.environment import HTML, PLAIN
from mailer.model.template.names import fold

_TESTS = frozenset({"null", "none", "blank"})


def columns_asked_for_null(template: Template, headers: Sequence[tuple[str, str]] = ()) -> frozenset[str]:
    """Columns, upper case, of which some part asks whether they are NULL: X is null, X | default('…'), {% if X %}.

    For a template that compiles.
    """
    plain = (template.subject, template.text or "", *(value for _, value in headers))
    trees = [HTML.parse(template.html), *map(PLAIN.parse, plain)]
    return frozenset(name for tree in trees for name in _asked(tree))


def _asked(tree: nodes.Template) -> Iterator[str]:
    for test in tree.find_all(nodes.Test):
        if test.name in _TESTS:
            yield from _column(test.node)
    for applied in tree.find_all(nodes.Filter):
        if applied.name == "default" and applied.node is not None:
            yield from _column(applied.node)
    for branch in tree.find_all(nodes.If):
        yield from _condition(branch.test)
    for expression in tree.find_all(nodes.CondExpr):
        yield from _condition(expression.test)


def _condition(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.And() | nodes.Or():
            yield from _condition(node.left)
            yield from _condition(node.right)
        case nodes.Not():
            yield from _condition(node.node)
        case _:
            yield from _column(node)


def _column(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Name():
            yield fold(node.name)
        case nodes.Getattr():
            yield fold(node.attr)
        case nodes.Getitem(arg=nodes.Const(value=str(name))):
            yield fold(name)
        case nodes.Filter(node=nodes.Node() as filtered):
            yield from _column(filtered)
