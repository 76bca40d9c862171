"""Which templates are allowed, and what their names mean: one walk over the syntax tree before it is compiled."""

import inspect
import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import NamedTuple
from unicodedata import normalize

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from mailer.errors import TemplateFault
from mailer.model.template.environment import BEGIN, LITERALS
from mailer.model.template.filters import FILTERS, FLAT, JOINED, LOOP_OVER, TESTS, WATCHED
from mailer.model.template.names import LOOP, ROW, ROWS, fold
from mailer.model.template.needs import column_argument

_LOOP_PARTS = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"})
_LOOP_CALLS = frozenset({"cycle", "changed"})

_ALLOWED = (
    *(nodes.Template, nodes.TemplateData, nodes.Slice, nodes.Keyword),
    *(nodes.Scope, nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.Neg, nodes.Pos),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
)
_FORBIDDEN_TAGS: dict[type[nodes.Node], str] = {
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from",
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.AssignBlock: "set … endset",
    nodes.With: "with",
    nodes.ScopedEvalContextModifier: "autoescape",
}
_LITERAL_HELP = f"to write the two characters {BEGIN} themselves, write $('{BEGIN}')"


class Spot(NamedTuple):
    """Where in the source a piece of the compiled template comes from, and the variables it uses."""

    line: int
    names: tuple[str, ...]


class Rules(NodeTransformer):
    """Checks and rewrites one tree; afterwards tells what it met. Raises TemplateFault with the line.

    The line number of each node that runs becomes its number in `spots`, so that a fault names its own variables
    where a page has all its tags in one line.
    """

    def __init__(self, part: str) -> None:
        self._part = part
        self._line = 1
        self._names: list[str] = []
        self._spellings: dict[str, str] = {}
        self._loops = 0
        self.spots: dict[int, Spot] = {}
        self.filters: set[str] = set()

    def visit(self, node: nodes.Node, *args: object, **kwargs: object) -> nodes.Node:
        """The node as it is to be compiled."""
        self._line = node.lineno or self._line
        visited = super().visit(node)
        if not isinstance(visited, nodes.Node):
            raise TypeError(f"a rule for {type(node).__name__} gave {visited!r}")
        return visited

    def generic_visit(self, node: nodes.Node, *args: object, **kwargs: object) -> nodes.Node:
        """Nodes without a rule: harmless, or refused."""
        if isinstance(node, _ALLOWED):
            return super().generic_visit(node)
        if isinstance(node, nodes.Pow):
            raise self._fault("there is no **: a power can fill the memory")
        tag = _FORBIDDEN_TAGS.get(type(node))
        if tag is None:
            raise self._fault(f"there is no {type(node).__name__.lower()} in a template")
        raise self._fault(f"there is no {{% {tag} %}}", "a template has {% if %}, {% for %}, {% set %} and {% raw %}")

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        """Text, and what $(…) prints."""
        node.nodes = [child if isinstance(child, nodes.TemplateData) else self._printed(child) for child in node.nodes]
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:
        """A loop over data alone; `loop` is its own within."""
        line = node.lineno
        if node.recursive:
            raise self._fault("there is no recursive loop")
        if not isinstance(node.target, nodes.Name):
            raise self._fault("a loop has one variable", "write {% for LINE in ROWS %}")
        iterated, names = self._read(node.iter)
        if not names:
            raise self._fault("a loop runs over rows", "write {% for LINE in ROWS %}")
        node.iter = _own(LOOP_OVER, iterated)
        node.target = self.visit(node.target)
        outer, self._loops = self._loops, 0
        if node.test is not None:
            node.test = self._spotted(node.test)
        self._loops = outer + 1
        node.body = [self.visit(child) for child in node.body]
        self._loops = outer
        node.else_ = [self.visit(child) for child in node.else_]
        node.lineno = self._spot(line, names)
        return node

    def visit_If(self, node: nodes.If) -> nodes.Node:
        """{% if %} and each {% elif %}."""
        line = node.lineno
        node.test, names = self._read(node.test)
        node.body = [self.visit(child) for child in node.body]
        for branch in node.elif_:
            self.visit(branch)
        node.else_ = [self.visit(child) for child in node.else_]
        node.lineno = self._spot(line, names)
        return node

    def visit_Assign(self, node: nodes.Assign) -> nodes.Node:
        """{% set NAME = … %}."""
        line = node.lineno
        if not isinstance(node.target, nodes.Name):
            raise self._fault("{% set %} sets one name")
        node.target = self._expression(node.target)
        node.node, names = self._read(node.node)
        node.lineno = self._spot(line, names)
        return node

    def visit_Name(self, node: nodes.Name) -> nodes.Node:
        """A variable, in any case of letters."""
        if self._is_loop(node):
            raise self._fault(
                "'loop' is the loop itself", f"write loop.index, or {ROW}['LOOP'] for a column of that name"
            )
        node.name = fold(node.name)
        if node.ctx == "store" and node.name in (ROW, ROWS, LOOP.upper()):
            raise self._fault(f"{node.name} is a name of its own in templates", "choose another name")
        # Python, which Jinja compiles to, takes names that are equal in NFKC for one.
        if self._spellings.setdefault(normalize("NFKC", node.name), node.name) != node.name:
            raise self._fault(
                f"{node.name} differs from another name by its width alone", f'write {ROW}["{node.name}"]'
            )
        self._names.append(node.name)
        return node

    def visit_Const(self, node: nodes.Const) -> nodes.Node:
        """A text or a number; 1e999 is Python's inf, which Jinja writes as a name."""
        if isinstance(node.value, float) and not math.isfinite(node.value):
            raise self._fault("a number too large")
        return node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:
        """LINE.TRACK is a column; loop.index is the loop's."""
        if self._is_loop(node.node):
            return self._of_loop(node, _LOOP_PARTS)
        return self.visit(nodes.Getitem(node.node, nodes.Const(node.attr), "load", lineno=node.lineno))

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        """A column by its name, an item by its place, or a slice."""
        if isinstance(node.node, nodes.Const):
            raise self._fault("a constant has no columns and no places")
        node.node = self._expression(node.node)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            column = fold(node.arg.value)
            node.arg = nodes.Const(column, lineno=node.arg.lineno)
            if isinstance(node.node, nodes.Name):
                self._names[-1] += f".{column}"
        elif isinstance(node.arg, nodes.Slice):
            node.arg = self._expression(node.arg)
            return _own(WATCHED, node)
        elif not _is_place(node.arg):
            raise self._fault("between [ and ] stands a name in quotes, a number or a slice")
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        """Nothing can be called but loop.cycle and loop.changed."""
        if not isinstance(node.node, nodes.Getattr) or not self._is_loop(node.node.node):
            raise self._fault("nothing can be called", "a filter may do it: $(NAME | upper)")
        if node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise self._fault("loop takes plain arguments")
        node.node = self._of_loop(node.node, _LOOP_CALLS)
        node.args = [self._expression(argument) for argument in node.args]
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        """A filter of ours, with arguments that it takes."""
        self.filters.add(node.name)
        applied = self._applied(node, "filter", FILTERS)
        column = column_argument(node)
        if column is not None and not (isinstance(column, nodes.Const) and isinstance(column.value, str | None)):
            raise self._fault(f"'{node.name}' takes the column's name in quotes", "write ROWS | sum('AMOUNT')")
        return _own(WATCHED, applied)

    def visit_List(self, node: nodes.List | nodes.Tuple) -> nodes.Node:
        """[A, B] and (A, B)."""
        node.items = [self._expression(item) for item in node.items]
        return _own(FLAT, node)

    visit_Tuple = visit_List

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        """A test of ours."""
        return self._applied(node, "test", TESTS)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        """A ~ B."""
        parts = nodes.List([self._expression(part) for part in node.nodes], lineno=node.lineno)
        return _own(JOINED, parts)

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:
        """A if B else C; without its else it is nothing."""
        node.expr2 = node.expr2 or nodes.Const(None, lineno=node.lineno)
        return super().generic_visit(node)

    def _of_loop(self, node: nodes.Getattr, parts: frozenset[str]) -> nodes.Getattr:
        attribute = node.attr.lower()
        if attribute not in parts:
            raise self._fault(f"there is no loop.{attribute} here", f"there are {', '.join(sorted(parts))}")
        self._names.append(f"{LOOP}.{attribute}")
        return nodes.Getattr(nodes.Name(LOOP, "load"), attribute, "load", lineno=node.lineno)

    def _applied(
        self, node: nodes.Filter | nodes.Test, sort: str, known: Mapping[str, Callable[..., object]]
    ) -> nodes.Expr:
        named = [name for name in known if name.isidentifier()]
        if node.name not in named:
            near = get_close_matches(node.name, named, 1)
            choices = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(named)}"
            raise self._fault(f"there is no {sort} '{node.name}'", choices)
        if node.dyn_args or node.dyn_kwargs or not _takes(known[node.name], node.args, node.kwargs):
            raise self._fault(f"'{node.name}' does not take these arguments")
        super().generic_visit(node)
        return node

    def _printed(self, node: nodes.Expr) -> nodes.Expr:
        if isinstance(node, nodes.Const) and node.value in LITERALS:
            return node
        line = self._line = node.lineno
        if isinstance(node, nodes.Tuple):
            raise self._fault("a $(…) prints one value, and this are several", _LITERAL_HELP)
        printed, names = self._read(node)
        if not names:
            self._line = line
            raise self._fault("this $(…) names no variable, so it would always print the same", _LITERAL_HELP)
        printed.lineno = self._spot(line, names)
        return printed

    def _spotted(self, node: nodes.Node) -> nodes.Expr:
        line = node.lineno
        read, names = self._read(node)
        read.lineno = self._spot(line, names)
        return read

    def _read(self, node: nodes.Node) -> tuple[nodes.Expr, tuple[str, ...]]:
        outer, self._names = self._names, []
        read = self._expression(node)
        names, self._names = tuple(dict.fromkeys(self._names)), outer
        return read, names

    def _expression(self, node: nodes.Node) -> nodes.Expr:
        visited = self.visit(node)
        if not isinstance(visited, nodes.Expr):
            raise TypeError(f"{type(visited).__name__} is no expression")
        return visited

    def _spot(self, line: int, names: tuple[str, ...]) -> int:
        self.spots[len(self.spots) + 1] = Spot(line, names)
        return len(self.spots)

    def _is_loop(self, node: nodes.Node) -> bool:
        return self._loops > 0 and isinstance(node, nodes.Name) and node.ctx == "load" and node.name.lower() == LOOP

    def _fault(self, why: str, next_step: str = "") -> TemplateFault:
        return TemplateFault(f"{self._part}, line {self._line}: {why}", next_step)


def _own(name: str, node: nodes.Expr) -> nodes.Filter:
    """The node through a filter that nobody can write."""
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _takes(function: Callable[..., object], args: list[nodes.Expr], kwargs: list[nodes.Pair]) -> bool:
    before = 2 if hasattr(function, "jinja_pass_arg") else 1
    try:
        inspect.signature(function).bind(
            *[None] * (before + len(args)), **{str(keyword.key): None for keyword in kwargs}
        )
    except TypeError:
        return False
    return True


def _is_place(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Neg):
        node = node.node
    return isinstance(node, nodes.Const) and type(node.value) is int
