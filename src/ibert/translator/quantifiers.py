"""Comparisons with ANY and ALL of queries and lists, and of rows with those of queries."""

from __future__ import annotations

from functools import reduce

from sqlglot import exp

from ibert.translator.comparisons import COMPARISONS, comparable, compare
from ibert.translator.datatypes import BIGINT, BOOLEAN, INTEGER
from ibert.translator.functions.lists import struct
from ibert.translator.refusal import Refusal
from ibert.translator.relations import Relation, Step
from ibert.translator.scope import Output, Rule, Scope
from ibert.translator.subqueries import count, domain_of, member, require_views, translated
from ibert.translator.values import (
    Value,
    function,
    invert,
    lambda_of,
    literal,
    method,
    name,
    null,
    operator,
)


def quantified(node: exp.Expr, scope: Scope) -> Value:
    """Translate a comparison with ANY or ALL of a query or of a list."""
    symbol = COMPARISONS[type(node)]
    operand, other = node.this, node.expression
    if isinstance(operand, exp.Any | exp.All):
        operand, other, symbol = other, operand, _FLIPPED[symbol]
    is_any = isinstance(other, exp.Any)
    inner = other.this if isinstance(other.this, exp.Query) else other.this.unnest()
    if not isinstance(inner, exp.Query):
        return _of_list(symbol, scope.value(operand), inner, is_any, node, scope)
    output = translated(inner, scope)
    parts = _row(operand)
    if parts is not None and len(output.labels) > 1:
        return row_quantified(symbol, parts, output, is_any, node, scope)
    value = scope.value(operand)
    if symbol == "==" and is_any:
        return member(value, output, node, scope)
    if symbol == "!=" and not is_any:
        return invert(member(value, output, node, scope))
    found = output.relation.field(output.labels[0].name)
    if value.is_null:
        found = found.typed(value.type)
    one, other_ = comparable(value, found, node)
    holds = operator(symbol, one, other_, BOOLEAN)
    unknown = method(holds, "isnull", type=BOOLEAN)
    return _three_valued(holds, unknown, output.relation, is_any, scope)


_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _row(node: exp.Expr) -> list[exp.Expr] | None:
    """Give the parts of a row."""
    inner = node.unnest()
    if isinstance(inner, exp.Tuple):
        return list(inner.expressions)
    if isinstance(inner, exp.Anonymous) and inner.name.lower() == "row":
        return list(inner.expressions)
    return None


def _of_list(
    symbol: str, value: Value, node: exp.Expr, is_any: bool, whole: exp.Expr, scope: Scope
) -> Value:
    """Give ANY or ALL of a list: of a written one each comparison, else those of its elements."""
    if isinstance(node, exp.Array):
        members = scope.values(node.expressions)
        holds = [compare(symbol, value, member, whole) for member in members]
        connective = "|" if is_any else "&"
        if not holds:
            return literal(not is_any, BOOLEAN)
        return reduce(lambda one, other: operator(connective, one, other, BOOLEAN), holds)
    found = scope.value(node)
    if not found.type.is_list:
        raise Refusal(f"{'ANY' if is_any else 'ALL'} of {found.type.name}", whole)
    element = Value(name("element"), found.type.element, found.declared.element)
    one, other = comparable(value, element, whole)
    comparison = operator(symbol, one, other, BOOLEAN)

    def any_element(condition: Value) -> Value:
        kept = method(found, "filter", _lambda("element", condition), type=found.type)
        return compare(">", method(kept, "length", type=BIGINT), literal(0, INTEGER))

    settling = comparison if is_any else invert(comparison)
    unknown = method(comparison, "isnull", type=BOOLEAN)
    return _settled(any_element(settling), any_element(unknown), is_any)


def _lambda(parameter: str, body: Value) -> Value:
    node = lambda_of([parameter], body.node)
    return Value(node, body.type, None, body.uses, body.uses)


def row_quantified(
    symbol: str,
    parts: list[exp.Expr],
    output: Output,
    is_any: bool,
    node: exp.Expr,
    scope: Scope,
) -> Value:
    """Compare a row with those of a query: sizes as structs, equality part by part."""
    if len(parts) != len(output.labels):
        raise Refusal("rows of different widths", node, code="IB503")
    found = [output.relation.field(label.name) for label in output.labels]
    pairs = [
        comparable(value.typed(other.type) if value.is_null else value, other, node)
        for value, other in zip(scope.values(parts), found, strict=True)
    ]
    if symbol in ("==", "!="):
        if not is_any:
            opposite = "!=" if symbol == "==" else "=="
            return invert(row_quantified(opposite, parts, output, True, node, scope))
        connective = "&" if symbol == "==" else "|"
        holds = reduce(
            lambda one, other: operator(connective, one, other, BOOLEAN),
            [compare(symbol, one, other) for one, other in pairs],
        )
        nulls = [
            method(value, "isnull", type=BOOLEAN)
            for pair in pairs
            for value in pair
            if not value.is_literal or value.is_null
        ]
        unknown = reduce(lambda one, other: operator("|", one, other, BOOLEAN), nulls)
    else:
        names = [f"f{position}" for position in range(1, len(pairs) + 1)]
        ours = struct({label: one for label, (one, _) in zip(names, pairs, strict=True)})
        theirs = struct({label: other for label, (_, other) in zip(names, pairs, strict=True)})
        holds, unknown = operator(symbol, ours, theirs, BOOLEAN), None
    return _three_valued(holds, unknown, output.relation, is_any, scope)


def _three_valued(
    holds: Value, unknown: Value | None, relation: Relation, is_any: bool, scope: Scope
) -> Value:
    """Give ANY or ALL: settled by one row, else unknown if one comparison is, else the default."""
    if holds.uses - {relation.slot}:
        require_views(relation, scope)
    domain = domain_of(relation, scope, times=1 if unknown is None else 2)
    same: list[Value] = []
    if domain is not None:
        relation = domain.pushed(relation)
        same = domain.matches(relation)

    def any_row(condition: Value) -> Value:
        wanted = [*same, condition]
        if isinstance(relation, Step) and relation.method == "filter" and not relation.named:
            kept = Step(relation.parent, "filter", [*relation.arguments, *wanted])
        else:
            kept = Step(relation, "filter", wanted)
        kept.slot = relation.slot
        return compare(">", count(kept, scope), literal(0, INTEGER))

    settled = any_row(holds if is_any else invert(holds))
    return _settled(settled, any_row(unknown) if unknown is not None else None, is_any)


def _settled(settled: Value, unknown: Value | None, is_any: bool) -> Value:
    if unknown is None:
        return settled if is_any else invert(settled)
    return function(
        "cases",
        (settled, literal(is_any, BOOLEAN)),
        (unknown, null(BOOLEAN)),
        type=BOOLEAN,
        else_=literal(not is_any, BOOLEAN),
    )


RULES: dict[type[exp.Expr], Rule] = {exp.Any: quantified, exp.All: quantified}
