"""Code that was read: the value and the text of each node, and what stands around it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.common.deferred import Deferred
from ibis.expr.types.groupby import GroupedTable

from ibert.diagnostics import Edit, Fix, Span
from ibert.edits import span_of, text_of
from ibert.interpreter import UNKNOWN, Reading

# What an expression is passed through on its way into a call.
_CARRIERS = (
    *(ast.BinOp, ast.UnaryOp, ast.Compare, ast.keyword, ast.Starred, ast.List, ast.Tuple),
    *(ast.Dict, ast.JoinedStr, ast.FormattedValue, ast.Lambda),
)


class Code:
    """A program and what is known of it.

    Parameters
    ----------
    text
        Its text.
    reading
        What reading it gave.
    """

    def __init__(self, text: str, reading: Reading) -> None:
        self.text = text
        self.reading = reading
        self._parents = {
            child: node for node in ast.walk(reading.module) for child in ast.iter_child_nodes(node)
        }

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Give the node that a node stands in."""
        return self._parents.get(node)

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Give what a node stands in, innermost first."""
        above = self.parent(node)
        while above is not None:
            yield above
            above = self.parent(above)

    def value(self, node: ast.AST | None) -> Any:
        """Give the value of an expression; what is deferred is resolved where it stands."""
        if node is None:
            return UNKNOWN
        found = self.reading.values.get(node, UNKNOWN)
        if not isinstance(found, Deferred):
            return found
        table = self.scope(node)
        if table is None:
            return UNKNOWN
        try:
            return found._resolver.resolve({"_": table})
        except Exception:  # noqa: BLE001  what does not resolve here has its own finding
            return UNKNOWN

    def op(self, node: ast.AST | None) -> ops.Node | None:
        """Give the operation that an expression builds."""
        found = self.value(node)
        return found.op() if isinstance(found, ir.Expr) else None

    @functools.cached_property
    def results(self) -> tuple[ops.Relation, ...]:
        """The tables that the code makes and makes no other table from."""
        made = {
            value.op(): None
            for value in self.reading.values.values()
            if isinstance(value, ir.Table) and not isinstance(value.op(), ops.PhysicalTable)
        }
        # A join that goes on does not stand in the longer one.
        below: set[ops.Node] = {
            holder.op()
            for node, value in self.reading.values.items()
            if isinstance(value, ir.Table) and isinstance(holder := self.receiver(node), ir.Table)
        }
        waiting: list[ops.Node] = [child for op in made for child in op.__children__]
        while waiting:
            node = waiting.pop()
            if node not in below:
                below.add(node)
                waiting += node.__children__
        return tuple(op for op in made if op not in below)

    @functools.cached_property
    def fetched_decimals(self) -> frozenset[ops.Node]:
        """The decimals that those in the results are, or are computed from."""
        found: set[ops.Node] = set()
        waiting: list[ops.Node] = [
            ops.Field(relation, name)
            for relation in self.results
            for name, dtype in relation.schema.items()
            if dtype.is_decimal()
        ]
        while waiting:
            node = waiting.pop()
            if node in found or isinstance(node, ops.Cast | ops.TryCast | ops.Round):
                continue
            found.add(node)
            below = _origins(node) if isinstance(node, ops.Field) else node.__children__
            decimals = (one for one in below if isinstance(one, ops.Value))
            waiting += (one for one in decimals if one.dtype.is_decimal())
        return frozenset(found)

    def receiver(self, call: ast.AST) -> Any:
        """Give the value of `x` in `x.method(…)`."""
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            return self.value(call.func.value)
        return UNKNOWN

    def table_call(self, node: ast.AST) -> ast.Call | None:
        """Give the innermost call of a table's method that a node is an argument of."""
        inner = node
        for above in self.around(node):
            if isinstance(above, ast.stmt):
                return None
            if (
                isinstance(above, ast.Call)
                and inner is not above.func
                and isinstance(self._receiver_read(above), ir.Table | GroupedTable)
            ):
                return above
            inner = above
        return None

    def scope(self, node: ast.AST) -> ir.Table | None:
        """Give the table that `_` means at a node."""
        call = self.table_call(node)
        found = None if call is None else self._receiver_read(call)
        return found.table.to_expr() if isinstance(found, GroupedTable) else found

    def _receiver_read(self, call: ast.Call) -> Any:
        if isinstance(call.func, ast.Attribute):
            return self.reading.values.get(call.func.value, UNKNOWN)
        return UNKNOWN

    def is_operand(self, node: ast.AST) -> bool:
        """Whether what a node gives becomes part of an expression of Ibis."""
        inner = node
        for above in self.around(node):
            if isinstance(above, ast.Call):
                holder = self._receiver_read(above)
                built = isinstance(holder, ir.Expr | GroupedTable | Deferred)
                made = self.reading.values.get(above, UNKNOWN)
                return inner is not above.func and (built or isinstance(made, ir.Expr))
            if not isinstance(above, _CARRIERS):
                return False
            inner = above
        return False

    def is_windowed(self, node: ast.AST) -> bool:
        """Whether `.over(…)` is called on an expression that a node is part of."""
        inner = node
        for above in self.around(node):
            if isinstance(above, ast.Attribute) and above.attr == "over":
                return True
            if isinstance(above, ast.stmt):
                return False
            if isinstance(above, ast.Call) and inner is not above.func:
                made = self.reading.values.get(above)
                if isinstance(made, ir.Table | GroupedTable):
                    return False
            inner = above
        return False

    @functools.cached_property
    def mentioned(self) -> frozenset[str]:
        """The names that the code writes, as attributes or in quotes."""
        found = set()
        for node in ast.walk(self.reading.module):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
        return frozenset(found)

    def span(self, node: ast.AST) -> Span:
        """Give the place of a node."""
        assert isinstance(node, ast.expr | ast.stmt)
        return span_of(node, self.text)

    def source(self, node: ast.expr) -> str:
        """Give the text of a node; what an operator would tear apart stands in parentheses."""
        text = text_of(node, self.text)
        whole = ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.Constant
        return text if isinstance(node, whole) else f"({text})"

    def replace(self, node: ast.expr, text: str, title: str, *, safe: bool = False) -> Fix:
        """Make the fix that puts other text in place of a node."""
        return Fix(title=title, edits=(Edit(self.span(node), text),), safe=safe)

    def append(self, node: ast.expr, text: str, title: str, *, safe: bool = False) -> Fix:
        """Make the fix that adds text after a node."""
        span = self.span(node)
        assert span.end_line is not None
        assert span.end_column is not None
        end = Span(span.end_line, span.end_column)
        return Fix(title=title, edits=(Edit(end, text),), safe=safe)

    def argue(self, call: ast.Call, text: str, title: str) -> Fix:
        """Make the fix that adds a last argument to a call."""
        last = [*call.args, *(item.value for item in call.keywords)]
        if last:
            return self.append(max(last, key=_end), f", {text}", title)
        return self.replace(call, f"{text_of(call.func, self.text)}({text})", title)


def method(node: ast.AST) -> str:
    """Give the name of the method that a call calls; empty where it calls none."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ""


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Give what a call passes by a name."""
    return next((item.value for item in call.keywords if item.arg == name), None)


def argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    """Give what a call passes in a place or by a name."""
    return call.args[place] if len(call.args) > place else keyword(call, name)


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0


def _origins(field: ops.Field) -> tuple[ops.Node, ...]:
    """Give what a column is made of in the table that it is of."""
    relation = field.rel
    while isinstance(relation, ops.Reference):
        relation = relation.parent
    if isinstance(relation, ops.Set):
        return tuple(ops.Field(one, field.name) for one in (relation.left, relation.right))
    if relation is not field.rel:
        return (ops.Field(relation, field.name),)
    value = relation.values.get(field.name)
    return () if value is None else (value,)
