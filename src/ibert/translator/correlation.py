"""What queries read of the rows around them, and whether Ibis can write that."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ibert.translator.datatypes import INTEGER, NULL
from ibert.translator.names import unique
from ibert.translator.projection import extended
from ibert.translator.refusal import Refusal
from ibert.translator.relations import (
    Relation,
    Step,
    ValueRelation,
)
from ibert.translator.scope import Scope
from ibert.translator.syntax import (
    free_slots,
    has_subquery,
    nodes,
    signature,
    subqueries_of,
)
from ibert.translator.values import (
    FieldNode,
    Slot,
    Value,
    null,
)

OuterField = tuple[Slot, str]


def rows_around(scope: Scope) -> dict[Slot, Relation]:
    """Give the relations whose columns the queries in a scope can read."""
    if scope.grouping is not None:
        return {scope.grouping.slot: scope.grouping.build()}
    found = {table.relation.slot: table.relation for table in scope.tables}
    if scope.relation is not None:
        found[scope.relation.slot] = scope.relation
    return found


def hoisted(value: Value, scope: Scope) -> Value:
    """Make a column of a value that Ibis takes in projections and filters alone."""
    if not has_subquery(value) or scope.relation is None:
        return value
    slots = frozenset(rows_around(scope))
    correlated = any(free_slots(relation) & slots for relation in subqueries_of(value))
    if not correlated and value.uses & slots:
        return value
    if scope.grouping is not None:
        if not correlated:
            return value
        raise Refusal("a query over the groups around it in a window", None)
    name = unique("value", scope.relation.columns)
    scope.move(extended(scope.relation, {name: value}))
    return scope.relation.field(name)


def columned(value: Value, scope: Scope) -> Value:
    """Make a column of a constant: Ibis neither aggregates one nor shifts it."""
    from ibert.translator.table_functions import typed_as

    relation = scope.relation
    if value.uses or has_subquery(value) or relation is None:
        return value
    if isinstance(relation, ValueRelation) and relation.is_dummy:
        return value
    if value.type == NULL:
        return columned(null(INTEGER), scope).typed(NULL, INTEGER)
    constant = typed_as(value, value.type)
    if scope.grouping is not None:
        return scope.grouping.constant(constant)
    return column_for("constant", constant, scope)


def column_for(label: str, value: Value, scope: Scope) -> Value:
    """Make a column of a value, or give the one that it is already."""
    assert scope.relation is not None
    latest = scope.relation
    mark = signature(value.node)
    while isinstance(latest, Step) and latest.method == "mutate":
        for name, known in latest.keywords.items():
            if signature(known.node) == mark:
                return scope.relation.field(name)
        latest = latest.parent
    name = unique(label, scope.relation.columns)
    scope.move(extended(scope.relation, {name: value}))
    return scope.relation.field(name)


def outer_fields(relation: Relation, slots: frozenset[Slot]) -> dict[OuterField, FieldNode]:
    """Give the columns of some rows around it that a relation reads."""
    found: dict[OuterField, FieldNode] = {}
    for _, value, local in _values_within(relation):
        for node in nodes(value.node):
            if isinstance(node, FieldNode) and node.slot in slots - local:
                found.setdefault((node.slot, node.name), node)
    return found


def _values_within(
    relation: Relation, bound: frozenset[Slot] = frozenset()
) -> Iterator[tuple[Relation, Value, frozenset[Slot]]]:
    """Yield the values in a relation, with the rows that are bound where they stand."""
    pending, seen = [(relation, bound)], set()
    while pending:
        item, around = pending.pop()
        if item in seen:
            continue
        seen.add(item)
        pending += [(part, around) for part in item.inputs]
        local = around | {part.slot for part in item.inputs}
        for value in item.values:
            yield item, value, local
            pending += [(part, local) for part in subqueries_of(value)]


def is_writable(relation: Relation, slots: frozenset[Slot]) -> bool:
    """Whether a relation reads the rows around it in filters alone, each at one place."""
    seen: set[Relation] = set()
    pending = [(relation, slots)]
    while pending:
        item, outer = pending.pop()
        if not free_slots(item) & outer:
            continue
        if item in seen:
            return False
        seen.add(item)
        pending += [(part, outer) for part in item.inputs]
        local = frozenset(part.slot for part in item.inputs)
        for value in item.values:
            pending += [(part, outer - local) for part in subqueries_of(value)]
            if not all(
                _is_writable_in(item, part, outer - local, local)
                for part in conjuncts_of(value.node)
            ):
                return False
    return True


def conjuncts_of(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the conditions that `&` connects."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd):
        yield from conjuncts_of(node.left)
        yield from conjuncts_of(node.right)
    else:
        yield node


def _is_writable_in(
    relation: Relation, node: ast.expr, outer: frozenset[Slot], local: frozenset[Slot]
) -> bool:
    read = {part.slot for part in nodes(node) if isinstance(part, FieldNode)}
    if not read & outer:
        return True
    return isinstance(relation, Step) and relation.method == "filter" and bool(read & local)


def names_within(relation: Relation) -> set[str]:
    """Give the names of all columns in a relation."""
    names, pending, seen = set(relation.columns), [relation], set()
    while pending:
        item = pending.pop()
        if item in seen:
            continue
        seen.add(item)
        names |= set(item.columns)
        pending += item.inputs
        for value in item.values:
            pending += subqueries_of(value)
    return names
