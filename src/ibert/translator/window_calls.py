"""Functions over windows."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import NamedTuple

from sqlglot import exp

from ibert.translator import frames
from ibert.translator.calls import WRAPPERS, aggregate_call, name_of, sorted_by
from ibert.translator.correlation import columned, hoisted
from ibert.translator.datatypes import (
    INTEGER,
    NULL,
)
from ibert.translator.functions.aggregates import windowed
from ibert.translator.functions.classes import function_call
from ibert.translator.functions.exclusions import over_parts
from ibert.translator.functions.sort_keys import unsorted
from ibert.translator.functions.windows import (
    UNFRAMED,
    WINDOW_FUNCTIONS,
    Frame,
    over,
    window_function,
)
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Rule, Scope
from ibert.translator.syntax import signature
from ibert.translator.values import (
    Value,
    literal,
    null,
    operator,
)


def window(node: exp.Expr, scope: Scope) -> Value:
    """Translate a function over a window."""
    before, scope.reducing = scope.reducing, True
    try:
        return _windowed(node, scope)
    finally:
        scope.reducing = before


def _windowed(node: exp.Expr, scope: Scope) -> Value:
    inner = node.this
    specification = _specification(node, scope)
    partition = [hoisted(value, scope) for value in scope.values(specification.partition)]
    keys = [sorted_by(part, scope) for part in specification.order]
    order = _distinct_keys(keys)
    frame, exclude = None, ""
    if specification.frame is not None:
        frame, exclude = frames.frame_of(specification.frame, scope)
    function_name = name_of(inner)
    ignoring = isinstance(inner, exp.IgnoreNulls) or isinstance(inner.this, exp.IgnoreNulls)
    ranking = function_name in WINDOW_FUNCTIONS or ignoring
    if frame is not None and exclude and function_name not in UNFRAMED:
        found = _excluding(inner, frame, exclude, partition, order, scope)
        if found is None:
            raise Refusal(f"{function_name} over a frame with EXCLUDE {exclude.upper()}", node)
        return found
    if ranking:
        value, offset, framed = _ranking(inner, scope)
    else:
        read, _ = aggregate_call(inner, scope)
        aggregate_value = windowed(read)
        if aggregate_value is None:
            raise Refusal(f"{inner.sql('duckdb')} over a window", node)
        value, offset, framed = aggregate_value, 0, True
    if not framed:
        frame = None
    elif frame is None and order:
        frame = Frame("range", None, 0)
    result = _over(value, partition, order, frame, scope)
    if result is None:
        raise Refusal("this window frame", node, "its end is before its start")
    return operator("+", result, literal(offset, result.type), result.type) if offset else result


def _over(
    value: Value, partition: list[Value], order: list[Value], frame: Frame | None, scope: Scope
) -> Value | None:
    if frame is not None:
        frame, order = frames.by_groups(frame, partition, order, scope)
    return over(value, partition, order, frame)


def _excluding(
    node: exp.Expr,
    frame: Frame,
    exclude: str,
    partition: list[Value],
    order: list[Value],
    scope: Scope,
) -> Value | None:
    """Translate a function over what EXCLUDE leaves of a frame."""
    spans = frames.spans(frame, exclude, bool(order))
    if not spans:
        return None
    read, ignore = aggregate_call(node, scope)

    def window_of(span: frames.Span) -> Callable[[Value], Value | None]:
        if not span.within_peers:
            return lambda value: _over(value, partition, order, span.frame, scope)
        peers = [*partition, *(unsorted(key)[0] for key in order)]
        return lambda value: over(value, peers, (), span.frame)

    return over_parts(read, bool(ignore), [window_of(span) for span in spans])


def _ranking(node: exp.Expr, scope: Scope) -> tuple[Value, int, bool]:
    ignore = isinstance(node, exp.IgnoreNulls)
    where = None
    while isinstance(node, WRAPPERS):
        ignore = ignore or isinstance(node, exp.IgnoreNulls)
        where = node if isinstance(node, exp.Filter) else where
        node = node.this
    if where is not None:
        raise Refusal("a window function with FILTER", node)
    found = function_call(node)
    assert found is not None
    arguments = [part for part in found[1] if part is not None]
    if any(isinstance(part, exp.Order | exp.Distinct) for part in arguments):
        raise Refusal("a window function with an order of its own", node)
    values = scope.values(arguments)
    if values and found[0] != "ntile":
        first = null(INTEGER) if values[0].type == NULL else values[0]
        values[0] = columned(first, scope)
    ranked = window_function(found[0], values, ignore)
    if ranked is None:
        raise Refusal(f"{found[0]} with these arguments", node)
    return ranked.value, ranked.offset, ranked.framed


def _distinct_keys(keys: list[Value]) -> list[Value]:
    """Leave out keys that repeat an earlier one: Ibis would let the later one win."""
    seen, kept = set(), []
    for value in keys:
        base = value.node
        match base:
            case ast.Call(func=ast.Attribute(value=inner, attr="asc" | "desc")):
                base = inner
        mark = signature(base)
        if mark not in seen:
            seen.add(mark)
            kept.append(value)
    return kept


class _Specification(NamedTuple):
    """The parts of a window."""

    partition: list[exp.Expr]
    order: list[exp.Expr]
    frame: exp.Expr | None


def _specification(node: exp.Expr, scope: Scope) -> _Specification:
    """Give the parts of a window, those of the named one it extends included."""
    partition = list(node.args.get("partition_by") or [])
    order = node.args.get("order")
    keys = list(order.expressions) if order is not None else []
    frame = node.args.get("spec")
    base = node.args.get("alias")
    if base is None:
        return _Specification(partition, keys, frame)
    named = scope.windows.get(base.name.casefold())
    if named is None:
        raise Refusal(f"no window {base.name!r}", node, code="IB503")
    inherited = _specification(named, scope)
    return _Specification(
        partition or inherited.partition, keys or inherited.order, frame or inherited.frame
    )


RULES: dict[type[exp.Expr], Rule] = {exp.Window: window}
