"""Operators of texts: LIKE and its kin, and `||`."""

from __future__ import annotations

from functools import reduce

from sqlglot import exp

from ibert.translator.datatypes import (
    BIT,
    BLOB,
    BOOLEAN,
    NULL,
    UNKNOWN,
    VARCHAR,
)
from ibert.translator.functions import lists
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Rule, Scope
from ibert.translator.values import (
    Value,
    as_expression,
    builtin,
    cast,
    invert,
    literal,
    method,
    operator,
)
from ibert.translator.values import null as null_of


def like(node: exp.Expr, scope: Scope) -> Value:
    """Translate LIKE and ILIKE."""
    patterns = node.expression
    if isinstance(patterns, exp.Any | exp.All):
        return _like_several(node, scope)
    name = "ilike" if isinstance(node, exp.ILike) else "like"
    operand, pattern = as_text(scope.value(node.this)), as_text(scope.value(patterns))
    if operand.is_null or pattern.is_null:
        return null_of(BOOLEAN)
    found = method(operand, name, pattern, type=BOOLEAN)
    return invert(found) if node.args.get("negate") else found


def _like_several(node: exp.Expr, scope: Scope) -> Value:
    """Translate LIKE ANY and LIKE ALL with the patterns in a row."""
    patterns = node.expression.this.unnest()
    if not isinstance(patterns, exp.Tuple | exp.Array):
        raise Refusal("LIKE ANY", node, "write one LIKE for each pattern")
    parts = patterns.expressions
    single = [
        type(node)(this=node.this.copy(), expression=part.copy(), negate=node.args.get("negate"))
        for part in parts
    ]
    symbol = "|" if isinstance(node.expression, exp.Any) else "&"
    return reduce(lambda one, other: operator(symbol, one, other, BOOLEAN), scope.values(single))


def escape(node: exp.Expr, scope: Scope) -> Value:
    """Translate LIKE … ESCAPE, by the function that DuckDB has for it."""
    inner = node.this
    name = "ilike_escape" if isinstance(inner, exp.ILike) else "like_escape"
    parts = [as_text(scope.value(part)) for part in (inner.this, inner.expression, node.expression)]
    found = builtin(name, *parts, type=BOOLEAN)
    return invert(found) if inner.args.get("negate") else found


def similar(node: exp.Expr, scope: Scope) -> Value:
    """Translate SIMILAR TO and `~`, which match the whole text."""
    parts = [node.this, node.expression, node.args.get("options")]
    values = [as_text(scope.value(part)) for part in parts if part is not None]
    return builtin("regexp_full_match", *values, type=BOOLEAN)


def glob(node: exp.Expr, scope: Scope) -> Value:
    """Translate GLOB."""
    parts = [as_text(scope.value(part)) for part in (node.this, node.expression)]
    return builtin("~~~", *parts, type=BOOLEAN)


def as_text(value: Value) -> Value:
    """Give a value as text."""
    if value.type in (VARCHAR, UNKNOWN) or value.declared == NULL or value.type.name == "enum":
        return value
    return cast(as_expression(value), VARCHAR)


def concatenation(node: exp.Expr, scope: Scope) -> Value:
    """Translate `||` of texts or of lists."""
    left, right = scope.value(node.this), scope.value(node.expression)
    if left.type.is_list or right.type.is_list:
        found = lists.concatenated(left, right)
        if found is None:
            raise Refusal(f"|| of {left.type.name} and {right.type.name}", node)
        return found
    if left.is_null or right.is_null or NULL in (left.type, right.type):
        return literal(None, NULL)
    if BLOB in (left.type, right.type) or BIT in (left.type, right.type):
        kind = left.type if left.type == right.type else VARCHAR
        return builtin("||", left, right, type=kind)
    return operator("+", as_text(left), as_text(right), VARCHAR)


RULES: dict[type[exp.Expr], Rule] = {
    exp.Like: like,
    exp.ILike: like,
    exp.Escape: escape,
    exp.SimilarTo: similar,
    exp.Glob: glob,
    exp.DPipe: concatenation,
}
