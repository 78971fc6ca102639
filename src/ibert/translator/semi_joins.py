"""EXISTS and IN in WHERE as semi joins and anti joins."""

from __future__ import annotations

from sqlglot import exp

from ibert.translator import conditions
from ibert.translator.comparisons import comparable
from ibert.translator.joins import ancestors, join
from ibert.translator.refusal import Refusal
from ibert.translator.relations import Join, Relation, Step, TableRelation, ValueRelation, View
from ibert.translator.scope import Scope
from ibert.translator.subqueries import translated
from ibert.translator.syntax import free_slots, signature


def is_semi_join(node: exp.Expr, scope: Scope) -> bool:
    """Whether a condition of WHERE may become a semi join or an anti join."""
    node = _unwrapped(node)[0]
    if isinstance(node, exp.Exists):
        return True
    return (
        isinstance(node, exp.In)
        and bool(node.args.get("query"))
        and isinstance(node.this.unnest(), exp.Tuple)
    )


def _unwrapped(node: exp.Expr) -> tuple[exp.Expr, bool]:
    """Give what stands under NOT and parentheses, and whether it is negated."""
    negated = False
    while isinstance(node, exp.Not | exp.Paren):
        negated ^= isinstance(node, exp.Not)
        node = node.this
    return node, negated


def semi_join(condition: exp.Expr, scope: Scope) -> bool:
    """Keep the rows of a scope that a query has (or has not) rows for, by a join if possible."""
    node, negated = _unwrapped(condition)
    if isinstance(node, exp.In):
        return False if negated else _row_semi_join(node, scope)
    assert scope.relation is not None
    if free_slots(scope.relation):
        return False  # DuckDB fails to evaluate a semi join for each row of a query around it
    inner = node.this.unnest()
    if not isinstance(inner, exp.Select) or not _is_flat(inner):
        return False
    body = inner.copy()
    where = body.args.get("where")
    parts = conditions.conjuncts(where.this) if where is not None else []
    correlated = [part for part in parts if _reads(part, body, scope)]
    if not correlated or any(part.find(exp.Query) for part in correlated):
        return False
    kept = [part for part in parts if part not in correlated]
    from ibert.translator.selects import rows_of

    body_scope = rows_of(body, kept, scope)
    assert body_scope.relation is not None
    if body_scope.correlated or free_slots(body_scope.relation):
        return False
    values = [conditions.condition(part, body_scope) for part in correlated]
    keys, predicates = [], []
    ours, theirs = scope.relation.slot, body_scope.relation.slot
    for part, value in zip(correlated, values, strict=True):
        pair = None
        if isinstance(part, exp.EQ):
            one, other = body_scope.value(part.this), body_scope.value(part.expression)
            if one.uses == {theirs} and other.uses == {ours}:
                one, other = other, one
            if one.uses == {ours} and other.uses == {theirs}:
                pair = comparable(one, other)
        if pair is not None:
            keys.append(pair)
        elif value.uses <= {ours, theirs}:
            predicates.append(value)
        else:
            return False
    if not predicates:
        for view in body_scope.views:
            view.needed = False
    right = body_scope.relation
    if predicates and (_is_repeated(right, scope.relation) or _is_same(right, scope.relation)):
        again = View(right)
        again.slot, again.needed = right.slot, True
        right = again
    result, _ = join(scope.relation, right, "anti" if negated else "semi", keys, predicates)
    scope.move(result)
    return True


def _is_repeated(right: Relation, left: Relation) -> bool:
    """Whether Ibis could take the rows of a semi join for those of an earlier one."""
    own = _tables(right)
    item = left
    while isinstance(item, Step | Join) and item.slot is left.slot:
        if isinstance(item, Join) and own & _tables(item.right):
            return True
        item = item.inputs[0]
    return False


def _is_same(right: Relation, left: Relation) -> bool:
    """Whether both have rows that one expression makes, which are one relation for Ibis."""
    made, others = (
        {signature(item.value.node) for item in ancestors(side) if isinstance(item, ValueRelation)}
        for side in (right, left)
    )
    return not made.isdisjoint(others)


def _tables(relation: Relation) -> set[tuple[str, str | None]]:
    """Give the tables that a relation reads otherwise than in views of its own."""
    found: set[tuple[str, str | None]] = set()
    pending = [relation]
    while pending:
        item = pending.pop()
        if isinstance(item, TableRelation):
            found.add((item.table, item.database))
        if not (isinstance(item, View) and item.needed):
            pending += item.inputs
    return found


def _row_semi_join(node: exp.Expr, scope: Scope) -> bool:
    output = translated(node.args["query"], scope)
    left = node.this.unnest().expressions
    if len(left) != len(output.labels):
        raise Refusal("rows of different widths", node, code="IB503")
    assert scope.relation is not None
    keys = [
        comparable(scope.value(part), output.relation.field(label.name), node)
        for part, label in zip(left, output.labels, strict=True)
    ]
    result, _ = join(scope.relation, output.relation, "semi", keys)
    scope.move(result)
    return True


def _is_flat(node: exp.Expr) -> bool:
    """Whether a query has rows exactly if its FROM and WHERE have."""
    parts = ("group", "having", "limit", "offset", "qualify", "with_")
    if any(node.args.get(part) for part in parts) or node.args.get("from_") is None:
        return False
    from ibert.translator.calls import has_aggregate

    return not any(
        has_aggregate(item) or item.find(exp.Explode, exp.Unnest) for item in node.expressions
    )


def _reads(part: exp.Expr, body: exp.Expr, scope: Scope) -> bool:
    """Whether a condition reads columns of the query around; decided by names alone."""
    from ibert.translator.selects import tables_of

    inner = tables_of(body, scope)
    for column in part.find_all(exp.Column):
        if column.table:
            if column.table.casefold() not in inner:
                return True
        elif not any(column.name.casefold() in names for names in inner.values()):
            return True
    return False
