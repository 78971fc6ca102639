"""WHERE and its like: conditions as filters, semi joins and anti joins."""

from __future__ import annotations

from sqlglot import exp

from ibert.translator.literals import truth
from ibert.translator.relations import Step
from ibert.translator.scope import Scope
from ibert.translator.tidying import with_between
from ibert.translator.values import Value


def conjuncts(node: exp.Expr) -> list[exp.Expr]:
    """Give the conditions that AND connects."""
    node = node.unnest()
    if isinstance(node, exp.And):
        return [part for side in node.flatten() for part in conjuncts(side)]
    return [node]


def condition(node: exp.Expr, scope: Scope) -> Value:
    """Translate a condition."""
    return truth(scope.value(node))


def _filter(node: exp.Expr, scope: Scope) -> Value:
    """Translate a condition for a filter of the rows of a scope."""
    scope.filtering = True
    try:
        return condition(node, scope)
    finally:
        scope.filtering = False


def restrict(scope: Scope, parts: list[exp.Expr]) -> None:
    """Keep the rows for which all conditions hold."""
    from ibert.translator import semi_joins

    plain: list[Value] = []
    late: list[exp.Expr] = []
    assert scope.relation is not None
    for part in with_between(parts):
        if semi_joins.is_semi_join(part, scope):
            late.append(part)
        else:
            value = _filter(part, scope)
            if not (value.is_literal and value.literal is True):
                plain.append(value)
    if plain:
        scope.move(Step(scope.relation, "filter", plain, keeps_rows=True))
    for part in late:
        if not semi_joins.semi_join(part, scope):
            value = _filter(part, scope)
            scope.move(Step(scope.relation, "filter", [value], keeps_rows=True))
