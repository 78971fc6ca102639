"""Logic: AND, OR and XOR of conditions."""

from __future__ import annotations

from functools import reduce

from sqlglot import exp

from ibert.translator.datatypes import (
    BOOLEAN,
)
from ibert.translator.literals import truth
from ibert.translator.scope import Rule, Scope
from ibert.translator.tidying import with_between, with_in
from ibert.translator.values import (
    Value,
    enclosed,
    operator,
)


def conjunction(node: exp.Expr, scope: Scope) -> Value:
    """Translate AND."""
    return _connected("&", node, scope)


def disjunction(node: exp.Expr, scope: Scope) -> Value:
    """Translate OR."""
    return _connected("|", node, scope)


def _connected(symbol: str, node: exp.Expr, scope: Scope) -> Value:
    parts = list(node.flatten(unnest=False))
    tidied = with_between(_inclusive(parts, scope)) if symbol == "&" else with_in(parts)
    values = [truth(scope.value(part)) for part in tidied]
    return reduce(lambda one, other: operator(symbol, one, other, BOOLEAN), values)


def _inclusive(parts: list[exp.Expr], scope: Scope) -> list[exp.Expr]:
    """Give both bounds of an integer as inclusive ones: `x > 30 AND x <= 60` is 31 to 60."""
    lows = [part.unnest() for part in parts if isinstance(part.unnest(), exp.GT)]
    made = list(parts)
    for low in lows:
        high = next((part.unnest() for part in parts if _is_above(part.unnest(), low)), None)
        if high is None or not scope.value(low.this).type.is_integer:
            continue
        for place, part in enumerate(parts):
            if part.unnest() is low:
                made[place] = exp.GTE(this=low.this, expression=_shifted(low, 1))
            elif part.unnest() is high and isinstance(high, exp.LT):
                made[place] = exp.LTE(this=high.this, expression=_shifted(high, -1))
            elif part.unnest() is high:
                made[place] = high
    return made


def _is_above(part: exp.Expr, low: exp.Expr) -> bool:
    bounds = (low.expression, part.expression)
    whole = all(isinstance(bound, exp.Literal) and bound.name.isdigit() for bound in bounds)
    return isinstance(part, exp.LT | exp.LTE) and whole and part.this == low.this


def _shifted(part: exp.Expr, by: int) -> exp.Expr:
    return exp.Literal.number(int(part.expression.name) + by)


def exclusive(node: exp.Expr, scope: Scope) -> Value:
    """Translate XOR of conditions."""
    sides = (truth(scope.value(part)) for part in (node.this, node.expression))
    left, right = (enclosed(side, logic=True) for side in sides)
    return operator("^", left, right, BOOLEAN)


RULES: dict[type[exp.Expr], Rule] = {
    exp.And: conjunction,
    exp.Or: disjunction,
    exp.Xor: exclusive,
}
