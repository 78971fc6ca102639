"""Values that stand for the parameters of a function, to be found again in its expression."""

from __future__ import annotations

import ast
import datetime
from collections.abc import Mapping
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops

from ibert.documentation.source import Parameter, TableFunction
from ibert.documentation.trials import Bench, Trial

_NUMBER = 7919  # a prime that code hardly has, plus the position of the parameter

Tables = dict[str, dict[str, dt.DataType]]
Values = dict[str, ast.expr]


def marked(
    function: TableFunction, bench: Bench, columns: Tables, values: Values, trial: Trial
) -> tuple[Tables, Values, Trial, dict[Any, str]]:
    """Put marks in the place of values, where the function does the same with them.

    Gives columns and values with marks, what the function makes of them, and the parameters by
    their marks.
    """
    found: dict[Any, str] = {}
    for position, item in enumerate(function.values):
        current = values.get(item.name, item.default)
        mark = _mark(item, current, position) if current is not None else None
        if mark is None or current is None:
            continue
        node, key, old = mark
        changed = {
            table: {key if name == old else name: kind for name, kind in schema.items()}
            for table, schema in columns.items()
        }
        after = bench.run(changed, {**values, item.name: node})
        if after.result is not None and _shape(after) == _shape(trial):
            columns, values, trial = changed, {**values, item.name: node}, after
            found[key] = item.name
    return columns, values, trial, found


def _mark(
    item: Parameter, node: ast.expr, position: int
) -> tuple[ast.expr, Any, str | None] | None:
    """Give a mark as syntax and as a value, and the text that it takes the place of."""
    number = _NUMBER + position
    text = f"«{item.name}»"
    match node:
        case ast.Constant(value=bool() | None):
            return None
        case ast.Constant(value=str(old)):
            return ast.Constant(text), text, old
        case ast.Constant(value=int()):
            return ast.Constant(number), number, None
        case ast.Constant(value=float()):
            return ast.Constant(number + 0.5), number + 0.5, None
        case ast.List(elts=[ast.Constant(value=str(old))]):
            return ast.List([ast.Constant(text)], ast.Load()), text, old
        case ast.Tuple(elts=[ast.Constant(value=str(old))]):
            return ast.Tuple([ast.Constant(text)], ast.Load()), text, old
        case ast.Call(func=ast.Attribute(attr="date")):
            day = datetime.date(1971, 1, 1 + position % 28)
            return ast.parse(repr(day), mode="eval").body, day, None
        case ast.Call(func=ast.Attribute(attr="datetime")):
            time = datetime.datetime(1971, 1, 1 + position % 28)
            return ast.parse(repr(time), mode="eval").body, time, None
    return None


def _shape(trial: Trial) -> list[Any]:
    """Give the operations of a result, but for literals, which may be equal by chance."""
    assert trial.result is not None
    udfs = (ops.ScalarUDF, ops.AggUDF)  # each is a class of its own
    return [
        "function" if isinstance(node, udfs) else type(node).__name__
        for node in trial.result.op().find(ops.Node)
        if not isinstance(node, ops.Literal)
    ]


def stands_for(marks: Mapping[Any, str], parameter: str) -> Any:
    """Give what stands for a parameter; None if nothing does."""
    return next((mark for mark, name in marks.items() if name == parameter), None)
