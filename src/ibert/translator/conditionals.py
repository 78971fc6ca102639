"""CASE, COALESCE and their like; casts."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from ibert.translator.comparisons import comparable, compare, read_as
from ibert.translator.datatypes import (
    BIGINT,
    DOUBLE,
    INTERVAL,
    NULL,
    TIME,
    UNKNOWN,
    VARCHAR,
    Type,
    from_sqlglot,
)
from ibert.translator.functions import dates, durations
from ibert.translator.literals import truth
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Rule, Scope
from ibert.translator.tidying import with_coalesce
from ibert.translator.values import (
    Value,
    as_expression,
    cast,
    common_type,
    converted,
    function,
    literal,
    method,
    null,
    typed_literal,
)


def case(node: exp.Expr, scope: Scope) -> Value:
    """Translate CASE."""
    tidied = with_coalesce(node)
    if tidied is not node:
        return scope.value(tidied)
    subject = node.args.get("this")
    branches = [(part.this, scope.value(part.args["true"])) for part in node.args["ifs"]]
    default = node.args.get("default")
    otherwise = scope.value(default) if default is not None else literal(None, NULL)
    results, kind, declared = unified([value for _, value in branches] + [otherwise], node)
    if subject is None:
        conditions = [truth(scope.value(condition)) for condition, _ in branches]
        return choose(list(zip(conditions, results[:-1], strict=True)), results[-1], kind, declared)
    operand = as_expression(scope.value(subject))
    matches = [scope.value(match) for match, _ in branches]
    pairs = [
        (operand, match) if match.is_null else comparable(operand, match, node) for match in matches
    ]
    if any(one is not operand for one, _ in pairs) or any(match.is_null for match in matches):
        conditions = [compare("==", operand, match, node) for match in matches]
        return choose(list(zip(conditions, results[:-1], strict=True)), results[-1], kind, declared)
    branches_ = [[match, result] for (_, match), result in zip(pairs, results[:-1], strict=True)]
    keywords = {} if results[-1].is_null else {"else_": results[-1]}
    return method(
        operand, "cases", *map(tuple, branches_), type=kind, declared=declared, **keywords
    )


def choose(
    branches: list[tuple[Value, Value]], otherwise: Value, kind: Type, declared: Type | None
) -> Value:
    """Give the first result whose condition holds."""
    if len(branches) == 1 and not otherwise.is_null:
        condition, result = branches[0]
        return method(condition, "ifelse", result, otherwise, type=kind, declared=declared)
    keywords = {} if otherwise.is_null else {"else_": otherwise}
    if all(result.is_null for _, result in branches) and not keywords:
        keywords = {"else_": as_expression(otherwise)}
    pairs = [(as_expression(condition), result) for condition, result in branches]
    return function("cases", *pairs, type=kind, declared=declared, **keywords)


def unified(
    values: list[Value], node: exp.Expr | None = None
) -> tuple[list[Value], Type, Type | None]:
    """Bring values to one type; give it with the one that Ibis declares."""
    kind = common_type(values)
    if kind == UNKNOWN:
        names = sorted({value.type.name for value in values})
        if "unknown" in names:
            return values, UNKNOWN, None
        raise Refusal(f"one result of the types {', '.join(names)}", node, "cast them to one type")
    values = [_adapted(value, kind) for value in values]
    if kind == INTERVAL:
        values = [value if value.is_null else _brought(value, kind) for value in values]
        return durations.of_one_unit(values), kind, None
    declared = {value.declared for value in values if not value.is_null}
    if all(item.is_integer for item in declared):
        # Of integers with and without sign Ibis declares the type of some.
        if any(item.is_unsigned for item in declared) and len(declared) > 1:
            values = [_brought_integer(value, kind) for value in values]
        return values, kind, None if kind.dtype else BIGINT
    if all(item.is_integer or item.is_floating for item in declared) and kind.is_floating:
        return values, kind, DOUBLE
    held = _holding_literals(values)
    if held is not None:
        return values, *held
    if len(declared) > 1 or (declared and declared != {kind} and not _alike(values, kind)):
        values = [_brought(value, kind) for value in values]
        return values, kind, None
    return values, kind, next(iter(declared), None)


def _holding_literals(values: list[Value]) -> tuple[Type, Type] | None:
    """Give the decimal type of all values that are no constants, if it holds the constants too."""
    columns = [value for value in values if not value.is_literal]
    kinds = {(value.type, value.declared) for value in columns}
    if len(kinds) != 1 or not all(kind.is_decimal for pair in kinds for kind in pair):
        return None
    ((kind, declared),) = kinds
    digits, scale = declared.args
    for value in values:
        if value.is_null or not value.is_literal:
            continue
        if not value.type.is_integer or abs(value.literal) >= 10 ** (digits - scale):
            return None
    return kind, declared


def _alike(values: list[Value], kind: Type) -> bool:
    return all(value.type == kind or value.is_null for value in values)


def _brought(value: Value, kind: Type) -> Value:
    if value.is_null or value.type == value.declared == kind or value.type == kind == INTERVAL:
        return value
    if value.is_literal and value.type.is_integer and kind.is_integer:
        return value
    return cast(as_expression(value), kind)


def _adapted(value: Value, kind: Type) -> Value:
    """Read a constant text as what stands beside it."""
    is_text = value.is_literal and value.type == VARCHAR and not value.is_null
    return read_as(value, kind) if is_text and kind not in (VARCHAR, UNKNOWN) else value


def _brought_integer(value: Value, kind: Type) -> Value:
    if value.is_literal and not value.is_null and kind.dtype is not None:
        return typed_literal(literal(value.literal, kind))
    return (
        value
        if value.is_null
        else converted(value, kind)
        if kind.dtype is None
        else _brought(value, kind)
    )


def if_(node: exp.Expr, scope: Scope) -> Value:
    """Translate IF and IIF."""
    otherwise = node.args.get("false")
    results, kind, declared = unified(
        [
            scope.value(node.args["true"]),
            scope.value(otherwise) if otherwise is not None else literal(None, NULL),
        ],
        node,
    )
    condition = truth(scope.value(node.this))
    return choose([(condition, results[0])], results[1], kind, declared)


def coalesce(node: exp.Expr, scope: Scope) -> Value:
    """Translate COALESCE; with two arguments it fills the NULLs of the first."""
    values = scope.values([node.this, *node.expressions])
    values, kind, declared = unified(values, node)
    if len(values) == 1:
        return values[0]
    if len(values) == 2 and not values[0].is_literal and not values[1].is_null:
        return method(values[0], "fill_null", values[1], type=kind, declared=declared)
    return function("coalesce", *values, type=kind, declared=declared)


def nullif(node: exp.Expr, scope: Scope) -> Value:
    """Translate NULLIF."""
    left, right = scope.value(node.this), scope.value(node.expression)
    if left.is_null or right.is_null:
        return left
    if left.is_literal and right.is_literal and left.type == right.type:
        return null(left.type) if left.literal == right.literal else left
    first, second = comparable(left, right, node)
    if first is left and left.type == right.type:
        second = right
    if first is not left or not _keeps_type(left, second):
        same = compare("==", left, right, node)
        return choose([(same, literal(None, NULL))], left, left.type, left.declared)
    return method(left, "nullif", second, type=left.type, declared=left.declared)


def _keeps_type(left: Value, right: Value) -> bool:
    """Whether Ibis declares the type of the first operand for NULLIF, or a wider one."""
    one, other = left.declared, right.declared
    if left.type == INTERVAL:
        return False
    if right.is_literal and other.is_integer and one.is_numeric:
        return not one.is_unsigned
    if one.is_floating and (other.is_floating or right.is_literal):
        return True
    return one == other == right.type or (one.is_decimal and other.is_decimal and right.is_literal)


def extreme(node: exp.Expr, scope: Scope) -> Value:
    """Translate GREATEST and LEAST."""
    name = "greatest" if isinstance(node, exp.Greatest) else "least"
    values, kind, declared = unified(scope.values([node.this, *node.expressions]), node)
    if all(value.is_literal for value in values):
        values = [as_expression(values[0]), *values[1:]]
    return function(name, *values, type=kind, declared=declared)


def conversion(node: exp.Expr, scope: Scope) -> Value:
    """Translate CAST, TRY_CAST and literals that name their type."""
    kind = from_sqlglot(node.args["to"])
    inner = node.this
    if UNKNOWN in _parts(kind):
        raise Refusal(f"a cast to {node.args['to'].sql('duckdb')}", node, "DuckDB has no such type")
    value = scope.value(inner)
    if isinstance(node, exp.TryCast):
        return _tried(value, kind, node)
    if kind.dtype is None or kind.name == "enum":
        return converted(value, kind)
    if value.is_literal and value.type == VARCHAR and kind.is_temporal:
        found = dates.temporal_literal(str(value.literal), kind)
        if found is not None:
            return found
    if kind.name == "interval":
        found = dates.to_interval(value)
        if found is None:
            raise Refusal(f"a cast of {value.type.name} to INTERVAL", node)
        return found
    return _cast(value, kind)


def _cast(value: Value, kind: Type) -> Value:
    if value.is_null:
        return cast(value, kind)
    if kind == TIME == value.type and value.is_field:
        return converted(value, kind)  # what Ibis declares as time may be one with a time zone
    if value.is_literal and isinstance(value.literal, float) and kind.is_floating:
        # Ibis leaves out the cast of a float to float64, and DuckDB takes it for a decimal.
        return cast(literal(repr(value.literal), VARCHAR), kind)
    if value.is_literal and kind.is_integer and value.type.is_integer:
        # A typed integer is written bare: as an expression it keeps its cast.
        value = literal(value.literal, value.type, Type("tinyint"))
    return cast(as_expression(value), kind)


def _parts(kind: Type) -> Iterator[Type]:
    """Give a type and those it is made of."""
    yield kind
    for part in kind.args:
        inner = part[1] if isinstance(part, tuple) and not isinstance(part, Type) else part
        if isinstance(inner, Type):
            yield from _parts(inner)


def _tried(value: Value, kind: Type, node: exp.Expr) -> Value:
    if value.is_null:
        return cast(value, kind)
    if kind.dtype is None or kind.name == "enum":
        raise Refusal(f"TRY_CAST to {kind.sql}", node, "Ibis has no such type")
    return method(as_expression(value), "try_cast", kind.dtype, type=kind)


RULES: dict[type[exp.Expr], Rule] = {
    exp.Case: case,
    exp.If: if_,
    exp.Coalesce: coalesce,
    exp.Nullif: nullif,
    exp.Greatest: extreme,
    exp.Least: extreme,
    exp.Cast: conversion,
    exp.TryCast: conversion,
}
