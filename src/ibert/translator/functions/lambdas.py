"""Lambdas, and the functions of lists that take them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from ibert.translator.datatypes import (
    BIGINT,
    BOOLEAN,
    HUGEINT,
    JSON,
    UNKNOWN,
    VARCHAR,
    Type,
    decimal,
    list_of,
)
from ibert.translator.functions.constructors import as_list, retyped
from ibert.translator.functions.rules import Rule
from ibert.translator.syntax import nodes
from ibert.translator.values import (
    LOAD,
    Value,
    builtin,
    cast,
    constant,
    function,
    is_keyword,
    lambda_of,
    method,
    null,
    operator,
)


class LambdaArgument(NamedTuple):
    """A lambda of SQL as an argument of a function.

    Parameters
    ----------
    parameters
        Its parameters; a second one counts the elements from 1.
    body
        Its value, in which the parameters are variables of Python.
    """

    parameters: list[str]
    body: Value


def lambda_value(parameters: Sequence[str], body: Value) -> Value:
    """Write a lambda; the columns in its body cannot be written with `_`."""
    node = lambda_of(parameters, _body(body, parameters))
    return Value(node, body.type, body.declared, body.uses, body.uses | body.eager)


def _body(body: Value, parameters: Sequence[str]) -> ast.expr:
    node = body.node
    # The arrow of DuckDB's lambda and that of `json -> key` would be read as one.
    if body.type == JSON and isinstance(node, ast.Subscript):
        kept = Value(node.slice, UNKNOWN)
        node = builtin("json_extract", Value(node.value, JSON), kept, type=JSON).node
    return _Recounted(parameters[1]).visit(node) if len(parameters) > 1 else node


class _Recounted(ast.NodeTransformer):
    """Count the elements from 1 where Ibis counts them from 0."""

    def __init__(self, counter: str) -> None:
        self._counter = counter

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id != self._counter:
            return node
        return ast.BinOp(left=ast.Name(id=node.id, ctx=LOAD), op=ast.Add(), right=constant(1))


def list_transform(base: Value, argument: LambdaArgument) -> Value | None:
    """Give what a lambda makes of each element.

    Examples
    --------
    >>> from ibert.translator.datatypes import INTEGER
    >>> from ibert.translator.values import literal, name, operator
    >>> base = Value(name("l"), list_of(INTEGER))
    >>> element = Value(name("x"), INTEGER)
    >>> doubled = LambdaArgument(["x"], operator("*", element, literal(2, INTEGER), INTEGER))
    >>> ast.unparse(list_transform(base, doubled).node)
    'l.map(lambda x: x * 2)'
    """
    body = argument.body
    if base.is_null:
        return base
    if not _takes_lambdas(base, argument) or body.type == UNKNOWN:
        return None
    return method(
        as_list(base),
        "map",
        lambda_value(argument.parameters, body),
        type=list_of(body.type),
        declared=list_of(body.declared),
    )


def list_filter(base: Value, argument: LambdaArgument) -> Value | None:
    """Give the elements for which a lambda is true."""
    if base.is_null:
        return base
    if not _takes_lambdas(base, argument):
        return None
    body = argument.body
    if body.type != BOOLEAN:
        body = retyped(body, BOOLEAN)
    base = as_list(base)
    return method(
        base,
        "filter",
        lambda_value(argument.parameters, body),
        type=base.type,
        declared=base.declared,
    )


def _takes_lambdas(base: Value, argument: LambdaArgument) -> bool:
    """Whether Ibis can pass a lambda to a list; it mixes up counters of the same name."""
    if not all(map(is_keyword, argument.parameters)):
        return False
    counters = argument.parameters[1:]
    inner = [node.args for node in nodes(argument.body.node) if isinstance(node, ast.Lambda)]
    if any(parameter.arg in counters for arguments in inner for parameter in arguments.args):
        return False
    return base.type.is_list and base.declared.dtype is not None


def list_reduce(base: Value, argument: LambdaArgument, start: Value | None = None) -> Value | None:
    """Give what a lambda makes of the elements one after the other, where a reduction does.

    Ibis' pass over NULLs, where an operator gives NULL.

    Examples
    --------
    >>> from ibert.translator.datatypes import INTEGER
    >>> from ibert.translator.values import name, operator
    >>> base = Value(name("l"), list_of(INTEGER))
    >>> x, y = (Value(name(text), INTEGER) for text in "xy")
    >>> larger = function("greatest", x, y, type=INTEGER)
    >>> ast.unparse(list_reduce(base, LambdaArgument(["x", "y"], larger)).node)
    'l.maxs()'
    """
    element = base.type.element if base.type.is_list else UNKNOWN
    if start is not None or len(argument.parameters) != 2 or base.declared.dtype is None:
        return None
    body = ast.unparse(argument.body.node)
    one, other = argument.parameters
    for left, right in ((one, other), (other, one)):
        if body == f"ibis.greatest({left}, {right})":
            return method(base, "maxs", type=element)
        if body == f"ibis.least({left}, {right})":
            return method(base, "mins", type=element)
        if body == f"{left} + {right}" and element.is_integer and argument.body.type == element:
            total = cast(method(base, "sums", type=HUGEINT, declared=element), decimal(38, 0))
            return _without_null(base, cast(total, element), element)
    if body == f"{one} + {other}" and element == VARCHAR:
        return _without_null(base, method(base, "join", "", type=VARCHAR), VARCHAR)
    return None


def _without_null(base: Value, value: Value, kind: Type) -> Value:
    """Give a value if no element is NULL."""
    known = builtin("list_count", base, type=BIGINT)
    length = method(base, "length", type=BIGINT)
    all_known = operator("==", known, length, BOOLEAN)
    return function("ifelse", all_known, value, null(kind), type=kind)


RULES: dict[str, Rule] = {
    "list_filter": list_filter,
    "list_reduce": list_reduce,
    "list_transform": list_transform,
}
