"""Which columns a template needs: so that `validate` finds a name that no query has, also in a branch not taken."""

from jinja2 import nodes
from jinja2.visitor import NodeVisitor

from mailer.model.template.lists import PLACE_OF_COLUMN
from mailer.model.template.names import LOOP, ROW, ROWS, fold


class Needs(NodeVisitor):
    """Walks a tree that the rules have rewritten. A name counts as set only where every way to it sets it."""

    def __init__(self) -> None:
        self.variables: set[str] = set()
        """Columns of the recipient's row, ROW["CUST#NO"] among them."""
        self.line_variables: set[str] = set()
        """Columns of the rows in ROWS, by a loop's variable or as ROWS[0].NAME."""
        self._set = {ROW, ROWS, LOOP}
        self._lines: set[str] = set()

    def visit_Name(self, node: nodes.Name) -> None:
        """A column, unless the template itself gives the name a value."""
        if node.ctx == "load" and node.name not in self._set:
            self.variables.add(node.name)

    def visit_Getitem(self, node: nodes.Getitem) -> None:
        """A column of a row."""
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            if isinstance(node.node, nodes.Name) and node.node.name == ROW:
                self.variables.add(node.arg.value)
            elif self._is_line(node.node):
                self.line_variables.add(node.arg.value)

    def visit_Filter(self, node: nodes.Filter) -> None:
        """ROWS | sum('AMOUNT')."""
        self.generic_visit(node)
        column = column_argument(node)
        if isinstance(column, nodes.Const) and isinstance(column.value, str) and _is_rows(node):
            self.line_variables.add(fold(column.value))

    def visit_Assign(self, node: nodes.Assign) -> None:
        """{% set %}."""
        self.visit(node.node)
        self._set = self._set | _named(node.target)

    def visit_For(self, node: nodes.For) -> None:
        """What a loop sets ends with it."""
        self.visit(node.iter)
        outside, lines = self._set, self._lines
        self._set = outside | _named(node.target)
        if _is_rows(node.iter):
            self._lines = lines | _named(node.target)
        for child in (node.test, *node.body):
            if child is not None:
                self.visit(child)
        self._set, self._lines = outside, lines
        for child in node.else_:
            self.visit(child)
        self._set = outside

    def visit_If(self, node: nodes.If) -> None:
        """After it, what all branches set is set."""
        before = self._set
        ends = []
        for branch in (node, *node.elif_):
            self._set = before
            self.visit(branch.test)
            ends.append(self._after(branch.body))
        self._set = before
        ends.append(self._after(node.else_))
        self._set = set.intersection(*ends)

    def _after(self, body: list[nodes.Node]) -> set[str]:
        for child in body:
            self.visit(child)
        return self._set

    def _is_line(self, node: nodes.Node) -> bool:
        if isinstance(node, nodes.Name):
            return node.name in self._lines
        return isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Slice) and _is_rows(node.node)


def column_argument(node: nodes.Filter) -> nodes.Expr | None:
    """The argument of a filter over rows that names a column; None where there is none."""
    place = PLACE_OF_COLUMN.get(node.name)
    if place is not None and len(node.args) > place:
        return node.args[place]
    named = {str(keyword.key): keyword.value for keyword in node.kwargs}
    return None if place is None else named.get("column")


def _named(target: nodes.Node) -> set[str]:
    return {target.name} if isinstance(target, nodes.Name) else set()


def _is_rows(node: nodes.Node) -> bool:
    """ROWS itself, or filtered or cut."""
    while isinstance(node, nodes.Filter | nodes.Getitem) and node.node is not None:
        node = node.node
    return isinstance(node, nodes.Name) and node.name == ROWS
