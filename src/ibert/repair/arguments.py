"""Repairs of arguments: their names, order, number and values."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Iterator
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.common.deferred import Deferred

from ibert.interpreter import UNKNOWN
from ibert.repair.fault import Candidate, Fault, nearest
from ibert.repair.shapes import data
from ibert.repair.source import joined

_UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond")
_TYPES = (
    *("int8", "int16", "int32", "int64", "float32", "float64", "string", "boolean", "date"),
    *("timestamp", "time", "decimal", "binary", "json", "uuid", "interval"),
)
_JOINS = ("inner", "left", "right", "outer", "semi", "anti", "any_inner", "any_left", "cross")
_ALLOWED = {"how": _JOINS, "to": _TYPES, "unit": _UNITS, "": _TYPES}


def _parameters(fault: Fault, call: ast.Call) -> dict[str, inspect.Parameter]:
    """Give the parameters of what is called."""
    function = fault.reading.values.get(call.func, UNKNOWN)
    if isinstance(function, Deferred) and isinstance(call.func, ast.Attribute):
        holder = fault.value(call.func.value)
        function = getattr(holder, call.func.attr, UNKNOWN) if _is_expr(holder) else UNKNOWN
    if not callable(function):
        holder = getattr(ir, fault.parts.get("class", ""), None)
        function = getattr(holder, fault.parts.get("method", ""), None)
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def _is_expr(value: Any) -> bool:
    return isinstance(value, ir.Expr)


def nearest_keyword(fault: Fault) -> Iterator[Candidate]:
    """Give an argument by the name that it has."""
    wrong = fault.parts.get("name")
    for call in fault.nodes(ast.Call):
        known = list(_parameters(fault, call))
        for item in call.keywords:
            if item.arg is None or (wrong is not None and item.arg != wrong):
                continue
            given = {other.arg for other in call.keywords}
            meant = [name for name in data()["keywords"].get(item.arg, ()) if name not in given]
            found = {name: 0.4 + 0.1 * i for i, name in enumerate(meant)}
            for name, cost in nearest(item.arg, set(known) - given):
                found[name] = min(cost, found.get(name, cost))
            for name, cost in found.items():
                if wrong is not None or name in known:
                    yield _renamed_keyword(fault, item, name, cost)


def _renamed_keyword(fault: Fault, item: ast.keyword, name: str, cost: float) -> Candidate:
    assert item.arg is not None
    start = fault.source.start(item)
    text = fault.source.replaced((start, start + len(item.arg), name))
    return Candidate(text, f"the argument is called {name}, not {item.arg}", cost)


def positional(fault: Fault) -> Iterator[Candidate]:
    """Give an argument without its name."""
    wrong = fault.parts.get("name")
    source = fault.source
    for call in fault.nodes(ast.Call):
        for item in call.keywords:
            if item.arg == wrong and (not call.args or _is_next(source, call, item)):
                piece = (source.start(item), source.outer(item.value)[0], "")
                title = f"{item.arg} is given by its position"
                yield Candidate(source.replaced(piece), title, 0.6)


def _is_next(source: Any, call: ast.Call, item: ast.keyword) -> bool:
    return all(source.start(other) >= source.start(item) for other in call.keywords)


def without_keyword(fault: Fault) -> Iterator[Candidate]:
    """Leave an argument out that is not taken."""
    wrong = fault.parts.get("name")
    for call in fault.nodes(ast.Call):
        for item in call.keywords:
            if item.arg == wrong:
                text = fault.source.without_argument(call, item)
                yield Candidate(text, f"there is no argument {wrong}", 2.5)


def wrapped_arguments(fault: Fault) -> Iterator[Candidate]:
    """Give several values as one list."""
    for call in fault.nodes(ast.Call):
        if len(call.args) > 1 and not any(isinstance(item, ast.Starred) for item in call.args):
            pieces = [fault.source.outer(item) for item in call.args]
            for first in range(len(pieces) - 1):
                text = joined(fault.source.text[slice(*piece)] for piece in pieces[first:])
                piece = (pieces[first][0], pieces[-1][1], f"[{text}]")
                yield Candidate(
                    fault.source.replaced(piece), "several values are given as a list", 0.7 + first
                )


def fewer_arguments(fault: Fault) -> Iterator[Candidate]:
    """Leave the last argument out."""
    for call in fault.nodes(ast.Call):
        if call.args and isinstance(call.func, ast.Attribute):
            text = fault.source.without_argument(call, call.args[-1])
            yield Candidate(text, f".{call.func.attr}() takes fewer arguments", 2.0)


def split_argument(fault: Fault) -> Iterator[Candidate]:
    """Give the elements of a list as arguments."""
    for call in fault.nodes(ast.Call):
        match call.args:
            case [ast.List(elts=[_, *_] as elements) | ast.Tuple(elts=[_, *_] as elements) as only]:
                text = joined(map(fault.source.of, elements))
                title = "the values are given as arguments, not as a list"
                piece = (*fault.source.outer(only), text)
                yield Candidate(fault.source.replaced(piece), title, 0.7)


def swapped_arguments(fault: Fault) -> Iterator[Candidate]:
    """Give two arguments in the other order, or what a method is called on and its argument."""
    source = fault.source
    for call in fault.nodes(ast.Call):
        places = [source.outer(item) for item in call.args]
        places += [source.outer(item.value) for item in call.keywords]
        for one, other in itertools.combinations(places[:4], 2):
            pieces = ((*one, source.text[slice(*other)]), (*other, source.text[slice(*one)]))
            yield Candidate(source.replaced(*pieces), "the arguments change places", 0.8)


def allowed_value(fault: Fault) -> Iterator[Candidate]:
    """Give a value that an argument takes."""
    parameter = fault.parts.get("parameter", "")
    for node in fault.nodes(ast.Constant):
        value = node.value
        wrong = fault.parts.get("value", value)
        if not isinstance(value, str) or value != wrong or not _may_be(parameter, value):
            continue
        meant = data()["allowed"].get(parameter or "to", {}).get(value.casefold(), ())
        found = {other: 0.3 + 0.1 * i for i, other in enumerate(meant)}
        for other, cost in nearest(value, _ALLOWED.get(parameter, ())):
            found.setdefault(other, cost)
        if value.casefold() in _ALLOWED.get(parameter, ()):
            found[value.casefold()] = 0.3
        for other, cost in found.items():
            quote = source_quote(fault, node)
            text = fault.source.with_node(node, f"{quote}{other}{quote}")
            yield Candidate(text, f"the value is {other!r}, not {value!r}", cost)


def _may_be(parameter: str, value: str) -> bool:
    """Whether a text that no error names can be the one: it is a type that Ibis does not know."""
    if parameter:
        return True
    try:
        ibis.dtype(value)
    except Exception:  # noqa: BLE001  whatever the parser of types raises, it is none
        return True
    return False


def source_quote(fault: Fault, node: ast.AST) -> str:
    """Give the quotes that a text stands in."""
    return "'" if fault.source.of(node).startswith("'") else '"'
