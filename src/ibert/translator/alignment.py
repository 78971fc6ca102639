"""Bring the members of a set operation to one schema: Ibis wants names and types to be equal."""

from __future__ import annotations

import ast
from typing import NamedTuple

from ibert.translator.datatypes import NULL, UNKNOWN, Type
from ibert.translator.projection import projected
from ibert.translator.relations import (
    Aggregate,
    Column,
    Relation,
    SetOperation,
    Step,
    ValueRelation,
)
from ibert.translator.scope import Scope
from ibert.translator.table_functions import one_row, typed_as
from ibert.translator.values import Value, cast, null


class Cell(NamedTuple):
    """A column that a member gives: the one it is now, the type it gets, whether by a cast."""

    name: str | None
    kind: Type
    is_cast: bool = False

    def of(self, values: dict[str, Value]) -> Value:
        """Give it over the columns that there are; one that is missing is NULL."""
        if self.name is None:
            return null(self.kind)
        value = values[self.name]
        if not self.is_cast or self.kind in (NULL, UNKNOWN) or self.kind.dtype is None:
            return value
        if value.is_literal or value.type == NULL:
            return typed_as(value, self.kind)
        return cast(value.typed(value.type, UNKNOWN), self.kind)


def reprojected(relation: Relation, cells: dict[str, Cell], scope: Scope) -> Relation:
    """Give other columns of a relation, as part of its own projection where it ends with one."""
    base, values = _made(relation)
    wanted = {label: cell.of(values) for label, cell in cells.items()}
    if isinstance(relation, Aggregate) and not relation.named:
        again = _aggregated(relation, cells)
        if again is not None:
            return again
    if isinstance(relation, SetOperation) and not relation.named:
        combined = _combined(relation, cells, scope)
        if combined is not None:
            return combined
    made = one_row(wanted) if base is None else projected(base, wanted, scope)
    made.label = made.label or relation.label
    made.comments = made.comments or relation.comments
    return made


def _made(relation: Relation) -> tuple[Relation | None, dict[str, Value]]:
    """Give what a projection reads, and its columns; nothing is read by a row of constants."""
    own = {name: relation.field(name) for name in relation.columns}
    if relation.named:
        return relation, own
    constants = _constants(relation)
    if constants is not None:
        return None, constants
    if not isinstance(relation, Step) or relation.method not in ("select", "mutate", "drop"):
        return relation, own
    parent = relation.parent
    values = {value.name or "": value for value in relation.arguments}
    if relation.method != "select":
        values = {name: parent.field(name) for name in parent.columns}
    values |= relation.keywords
    return parent, {name: values[name] for name in relation.columns}


def _constants(relation: Relation) -> dict[str, Value] | None:
    """Give the values of a table of one row: `ibis.literal(1).name("a").as_table()`."""
    if isinstance(relation, Step) and relation.method == "mutate":
        first = _constants(relation.parent)
        if first is None or any(value.uses for value in relation.keywords.values()):
            return None
        return first | relation.keywords
    if not isinstance(relation, ValueRelation) or len(relation.columns) != 1:
        return None
    ((label, column),) = relation.columns.items()
    match relation.value.node:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Call(
                    func=ast.Attribute(value=inner, attr="name"), args=[ast.Constant(value=name)]
                ),
                attr="as_table",
            )
        ) if name == label:
            return {label: _constant(inner, column)}
    return None


def _constant(node: ast.expr, column: Column) -> Value:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="ibis"), attr="literal"),
            args=[ast.Constant(value=found)],
        ):
            return Value(ast.Constant(value=found), column.type, column.declared, literal=found)
    return Value(node, column.type, column.declared)


def _combined(relation: SetOperation, cells: dict[str, Cell], scope: Scope) -> SetOperation | None:
    """Give a set operation of members with other names, where no cast can make rows equal."""
    if [cell.name for cell in cells.values()] != list(relation.columns):
        return None
    is_bag = relation.method == "union" and not relation.distinct
    if not is_bag and any(cell.is_cast for cell in cells.values()):
        return None
    members = [reprojected(member, cells, scope) for member in relation.members]
    return SetOperation(relation.method, members, relation.distinct)


def _aggregated(relation: Aggregate, cells: dict[str, Cell]) -> Aggregate | None:
    """Give an aggregation with other names and casts of its metrics."""
    names = [cell.name for cell in cells.values()]
    own = [*relation.keys, *relation.metrics]
    if names != own or any(cell.is_cast and cell.name in relation.keys for cell in cells.values()):
        return None
    labels = dict(zip(own, cells, strict=True))
    return Aggregate(
        relation.parent,
        {labels[name]: value for name, value in relation.keys.items()},
        {labels[name]: cells[labels[name]].of(relation.metrics) for name in relation.metrics},
        relation.having,
    )
