"""Repairs of types: casts, literals, intervals, scalars, reductions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from ibert.interpreter import UNKNOWN
from ibert.repair.fault import Candidate, Fault, table_of
from ibert.repair.shapes import data

# The types that a value is cast to for the methods of a class, likeliest first.
_CASTS = {
    "StringValue": ("string",),
    "NumericValue": ("float64", "int64"),
    "NumericColumn": ("float64", "int64"),
    "IntegerValue": ("int64",),
    "IntegerColumn": ("int64",),
    "TimestampValue": ("timestamp",),
    "DateValue": ("date", "timestamp"),
    "BooleanValue": ("boolean",),
    "BooleanColumn": ("boolean",),
}
_COMPARING = ("between", "isin", "notin", "nullif", "fill_null", "coalesce")
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


def _pairs(fault: Fault) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield the values that an operator or a method brings together."""
    around = fault.source.parents.get(fault.region)
    nodes = [*fault.nodes(ast.expr), *([around] if isinstance(around, ast.BinOp) else [])]
    for node in nodes:
        match node:
            case ast.Compare(left=left, comparators=rest):
                for right in rest:
                    yield left, right
                    left = right
            case ast.BinOp(left=left, right=right, op=op) if isinstance(op, _ARITHMETIC):
                yield left, right
            case ast.Call(func=ast.Attribute(value=left, attr=name), args=args):
                if name in _COMPARING:
                    for item in args:
                        inner = item.elts if isinstance(item, ast.List | ast.Tuple) else [item]
                        for right in inner:
                            yield left, right


def _dtype(fault: Fault, node: ast.expr) -> Any:
    value = fault.value(node)
    if isinstance(value, ir.Value):
        return value.type()
    if value is not UNKNOWN and isinstance(value, bool | int | float | str):
        return dt.infer(value)
    return None


def _family(dtype: Any) -> str | None:
    """Name what can be compared and reckoned with one another."""
    for family in ("numeric", "string", "temporal", "boolean", "array", "struct", "map"):
        if dtype is not None and getattr(dtype, f"is_{family}")():
            return family
    return None


def _mismatched(fault: Fault) -> Iterator[tuple[ast.expr, ast.expr]]:
    for left, right in _pairs(fault):
        families = [_family(_dtype(fault, node)) for node in (left, right)]
        if None in families or families[0] != families[1]:
            yield left, right


def literal_of_type(fault: Fault) -> Iterator[Candidate]:
    """Write a literal as one of the type that it is compared with."""
    source = fault.source
    for left, right in _mismatched(fault):
        for node, other in ((right, left), (left, right)):
            value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
            family = _family(_dtype(fault, other))
            if isinstance(value, str) and family == "numeric" and _is_number(value):
                text = source.with_node(node, value.strip())
                yield Candidate(text, "a number is compared with a number", 0.5)
            elif isinstance(value, int | float) and family == "string":
                text = source.with_node(node, f'"{source.of(node)}"')
                yield Candidate(text, "a text is compared with a text", 0.5)
            elif isinstance(value, int) and family == "temporal" and 1000 < value < 3000:
                end = source.outer(other)[1]
                text = source.replaced((end, end, ".year()"))
                yield Candidate(text, "a year is compared with a year", 0.6)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", text) is not None


def cast_operand(fault: Fault) -> Iterator[Candidate]:
    """Cast a value to the type of the one that it meets."""
    for left, right in _mismatched(fault):
        for node, other in ((left, right), (right, left)):
            if isinstance(node, ast.Constant):
                continue
            dtype = _dtype(fault, other)
            family = _family(dtype)
            targets = {
                "numeric": ("float64", "int64")
                if dtype and dtype.is_floating()
                else ("int64", "float64"),
                "string": ("string",),
                "temporal": ("date", "timestamp"),
                "boolean": ("boolean",),
            }.get(family or "", ("float64", "string"))
            if dtype is not None and family == "temporal":
                targets = (str(dtype.copy(nullable=True)),)
            for rank, target in enumerate(targets):
                yield _cast(fault, node, target, 1.0 + 0.2 * rank)


def _cast(fault: Fault, node: ast.expr, target: str, cost: float) -> Candidate:
    source = fault.source
    piece = (*source.outer(node), f'{source.enclosed(node)}.cast("{target}")')
    return Candidate(source.replaced(piece), f"{source.of(node)} is cast to {target}", cost)


def cast_for_method(fault: Fault) -> Iterator[Candidate]:
    """Cast a value to a type that has the method."""
    name = fault.parts.get("name", "")
    owner = fault.parts.get("owner", "")
    if owner in ("Table", "Join", "Deferred") or not hasattr(ir, owner):
        return
    for node in fault.nodes(ast.Attribute):
        if node.attr != name:
            continue
        seen: set[str] = set()
        for kind, targets in _CASTS.items():
            if name in vars(getattr(ir, kind)):
                for target in targets:
                    if target not in seen:
                        seen.add(target)
                        yield _cast(fault, node.value, target, 1.0 + 0.2 * len(seen))


def cast_argument(fault: Fault) -> Iterator[Candidate]:
    """Cast what a method is called on or given."""
    for call in fault.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute):
            receiver = fault.value(call.func.value)
            values = [call.func.value] if isinstance(receiver, ir.Value) else []
            for node in (*values, *call.args):
                if isinstance(fault.value(node), ir.Value):
                    for rank, target in enumerate(("string", "float64", "int64", "date")):
                        yield _cast(fault, node, target, 1.6 + 0.2 * rank)


def lenient_cast(fault: Fault) -> Iterator[Candidate]:
    """Give NULL where a cast fails."""
    for node in fault.nodes(ast.Attribute):
        if node.attr == "cast":
            end = fault.source.end(node)
            text = fault.source.replaced((end - len("cast"), end, "try_cast"))
            yield Candidate(text, "what cannot be cast is NULL with .try_cast()", 1.2)


def interval(fault: Fault) -> Iterator[Candidate]:
    """Add an interval to a date, not a number."""
    source = fault.source
    for node in (fault.region, *fault.nodes(ast.BinOp)):
        match node:
            case ast.BinOp(left=left, right=ast.Constant(value=int()) as right):
                dtype = _dtype(fault, left)
                if dtype is not None and dtype.is_temporal():
                    text = source.with_node(right, f"ibis.interval(days={source.of(right)})")
                    yield Candidate(text, "an interval is added to a date", 0.6)


def as_scalar(fault: Fault) -> Iterator[Candidate]:
    """Use a table of one value as that value."""
    source = fault.source
    for node in fault.nodes(ast.Call, ast.Name):
        parent = source.parents.get(node)
        is_operand = isinstance(parent, ast.Compare | ast.BinOp | ast.Call | ast.keyword)
        called = isinstance(parent, ast.Call) and parent.func is node
        table = table_of(fault.reading.values.get(node))
        if table is not None and is_operand and not called and len(table.columns) == 1:
            end = source.outer(node)[1]
            text = source.replaced((end, end, ".as_scalar()"))
            yield Candidate(text, "a table of one value is used as that with .as_scalar()", 0.6)


def column_of_table(fault: Fault) -> Iterator[Candidate]:
    """Use the column of a table of one column."""
    source = fault.source
    for node in fault.nodes(ast.Call, ast.Name):
        parent = source.parents.get(node)
        table = table_of(fault.reading.values.get(node))
        if table is None or not isinstance(parent, ast.Compare | ast.BinOp | ast.Call):
            continue
        if isinstance(parent, ast.Call) and parent.func is node:
            continue
        for rank, column in enumerate(table.columns[:3]):
            if column.isidentifier():
                end = source.outer(node)[1]
                text = source.replaced((end, end, f".{column}"))
                yield Candidate(text, f"the column {column} of a table is used", 1.0 + 0.4 * rank)


def without_reduction(fault: Fault) -> Iterator[Candidate]:
    """Leave a reduction out: it stands where a column is due."""
    source = fault.source
    reductions = data()["reductions"]
    for node in fault.nodes(ast.Call):
        match node:
            case ast.Call(func=ast.Attribute(value=inner, attr=name), args=[], keywords=[]):
                if name in reductions:
                    piece = (source.outer(inner)[1], source.end(node), "")
                    title = f"a column is due here, not its {name}"
                    yield Candidate(source.replaced(piece), title, 0.9)


def _given(call: ast.Call) -> Iterator[tuple[ast.expr | ast.keyword, ast.expr, str]]:
    """Yield the arguments of a call with their values and names."""
    yield from ((node, node, "") for node in call.args)
    yield from ((item, item.value, item.arg or "") for item in call.keywords)


def reduced(fault: Fault) -> Iterator[Candidate]:
    """Reduce the values that an aggregate is given."""
    for call in _aggregates(fault):
        for _, node, name in _given(call):
            if isinstance(fault.value(node), ir.Column):
                for rank, reduction in enumerate(_reductions(name, fault.value(node))):
                    text = f"{fault.source.enclosed(node)}.{reduction}()"
                    piece = (*fault.source.outer(node), text)
                    title = f"the values of a group are reduced with .{reduction}()"
                    yield Candidate(fault.source.replaced(piece), title, 0.6 + 0.2 * rank)


def _aggregates(fault: Fault) -> Iterator[ast.Call]:
    for call in fault.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("agg", "aggregate"):
            yield call


def _reductions(name: str, value: Any) -> list[str]:
    """Give the reductions that a name speaks of, then those that a type has."""
    words = set(re.split(r"[^a-z]+", name.casefold()))
    hinted = [reduction for reduction, hints in data()["reductions"].items() if words & set(hints)]
    usual = ["sum", "max"] if isinstance(value, ir.NumericValue) else ["max", "first"]
    found = dict.fromkeys([*hinted, *usual])
    return [reduction for reduction in found if hasattr(value, reduction)][:4]


def grouped_by(fault: Fault) -> Iterator[Candidate]:
    """Leave a column out of an aggregate: it is what is grouped by."""
    for call in _aggregates(fault):
        for item, node, _ in _given(call):
            if isinstance(node, ast.Attribute | ast.Constant):
                text = fault.source.without_argument(call, item)
                yield Candidate(text, "what is grouped by is in the result anyway", 1.6)
