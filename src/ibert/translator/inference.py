"""The types that Ibis infers for values, found by having Ibis read their syntax.

What Ibis infers follows no rule that could be stated shortly: it goes by the bounds of constants,
by what a method does with its arguments, and by which columns may be NULL.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from ibert.translator.relations import (
    Aggregate,
    Column,
    Join,
    Relation,
    SetOperation,
    Step,
    TableRelation,
    ValueRelation,
    View,
)
from ibert.translator.values import (
    LOAD,
    ColumnNode,
    FieldNode,
    FunctionNode,
    RelationNode,
    RowsNode,
    Value,
    name,
)

# Methods that leave the columns that they keep as they are.
_KEEPING = ("filter", "order_by", "limit", "distinct", "drop", "view", "sample")
_MAKING = ("select", "mutate")


def inferred(relation: Relation, column: str) -> Any:
    """Give the type that Ibis infers for a column of a relation; None where that is uncertain."""
    while True:
        match relation:
            case TableRelation():
                return _declared(relation.columns[column])
            case View() | Step(method="" | "view"):
                relation = relation.parent
            case Step(method=method) if method in _KEEPING:
                relation = relation.parent
            case Step(method=method) if method in _MAKING and column in relation.keywords:
                found = inferred_for(relation.keywords[column], relation.inputs)
                if found is not None and isinstance(_base(relation), Join):
                    return None if found.is_nested() else found.copy(nullable=True)
                return found
            case Step(method=method) if method in _MAKING:
                relation = relation.parent
            case Aggregate():
                value = (relation.keys | relation.metrics)[column]
                return inferred_for(value, relation.inputs)
            case SetOperation():
                relation = relation.members[0]
            case Join():
                return _joined(relation, column)
            case ValueRelation():
                return _row(relation, column)
            case _:
                return None


def inferred_for(value: Value, inputs: Iterable[Relation]) -> Any:
    """Give the type that Ibis infers for a value over some relations; None if uncertain."""
    reader = _Reader(inputs)
    found = reader.read(value.node)
    return None if found is None else found.type()


def _base(step: Step) -> Relation:
    """Give what a step starts from, which is a join as long as that goes on."""
    parent = step.parent
    while isinstance(parent, View) and not parent.needed:
        parent = parent.parent
    return parent


def _declared(column: Column) -> Any:
    import ibis

    text = column.declared.dtype
    return None if text is None else ibis.dtype(text, nullable=not column.required)


def _joined(join: Join, column: str) -> Any:
    """Find a column in the side of a join that it comes from; any join makes it nullable."""
    if column in join.left.columns:
        found = inferred(join.left, column)
    else:
        names = {join.suffix.format(name=own): own for own in join.right.columns}
        own = column if column in join.right.columns else names.get(column)
        found = None if own is None else inferred(join.right, own)
    return None if found is None else found.copy(nullable=True)


def _row(relation: ValueRelation, column: str) -> Any:
    """Read the type of a column off a table that a value makes."""
    match relation.value.node:
        case ast.Call(func=ast.Attribute(attr="memtable")):
            return _declared(relation.columns[column])
    found = _Reader(()).read(relation.value.node)
    return None if found is None else found[column].type()


class _UncertainError(Exception):
    """A part of a value whose type cannot be told."""


class _Reader:
    """Evaluates syntax in Ibis, with the columns of some relations in scope."""

    def __init__(self, inputs: Iterable[Relation]) -> None:
        self._inputs = {relation.slot: relation for relation in inputs}
        self._known: dict[str, Any] = {}

    def read(self, node: ast.expr) -> Any:
        """Give the expression that Ibis makes of syntax, None where it cannot be told."""
        import ibis
        from ibis.common.exceptions import IbisError

        try:
            body = self._node(node)
            code = ast.fix_missing_locations(ast.Expression(body=body))
            names = {"ibis": ibis, **self._known}
            found = eval(compile(code, "<value>", "eval"), names)  # noqa: S307  our own syntax
        except (_UncertainError, IbisError, TypeError, ValueError, AttributeError):
            return None
        return found if hasattr(found, "type") or hasattr(found, "schema") else ibis.literal(found)

    def _node(self, node: Any) -> Any:
        match node:
            case RowsNode():
                return self._rows(self._input(node))
            case FieldNode():
                return self._column(inferred(self._input(node), node.name))
            case ColumnNode():
                return self._column(inferred(node.relation, node.name))
            case RelationNode():
                return self._rows(node.relation)
            case FunctionNode():
                return self._function(node)
        made = type(node)()
        for part in node._fields:
            inner = getattr(node, part, None)
            if isinstance(inner, list):
                inner = [self._node(item) if isinstance(item, ast.AST) else item for item in inner]
            elif isinstance(inner, ast.AST):
                inner = self._node(inner)
            setattr(made, part, inner)
        return made

    def _input(self, node: FieldNode) -> Relation:
        try:
            return self._inputs[node.slot]
        except KeyError:
            raise _UncertainError from None

    def _table(self, columns: dict[str, Any]) -> Any:
        import ibis

        if None in columns.values():
            raise _UncertainError
        return ibis.table(columns, name="rows")

    def _bound(self, thing: Any) -> ast.expr:
        label = f"part_{len(self._known)}"
        self._known[label] = thing
        return name(label)

    def _rows(self, relation: Relation) -> ast.expr:
        return self._bound(
            self._table({label: inferred(relation, label) for label in relation.columns})
        )

    def _column(self, dtype: Any) -> ast.expr:
        return ast.Attribute(
            value=self._bound(self._table({"value": dtype})), attr="value", ctx=LOAD
        )

    def _function(self, node: FunctionNode) -> ast.expr:
        """Stand for a declared function: its type is the declared one, whatever it is given."""
        text = node.function.returns.dtype
        if text is None:
            raise _UncertainError
        column = self._table({"value": text}).value
        found = column.first() if node.function.aggregate else column
        return self._bound(lambda *arguments, **keywords: found)
