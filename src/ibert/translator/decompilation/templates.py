"""Fill spellings in: the expression of an operation with values for the names of its arguments."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import ibis

from ibert.translator.datatypes import UNKNOWN
from ibert.translator.decompilation.spellings import SPELLINGS
from ibert.translator.decompilation.syntax import of_ibis, of_value
from ibert.translator.refusal import Refusal
from ibert.translator.values import (
    LOAD,
    MISSING,
    Argument,
    Value,
    argument,
    as_expression,
    attribute,
    dotted,
    operator,
    subscript,
    unary,
)

_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.Div: "/",
    ast.Eq: "==",
    ast.FloorDiv: "//",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Invert: "~",
    ast.LShift: "<<",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Mod: "%",
    ast.Mult: "*",
    ast.NotEq: "!=",
    ast.Pow: "**",
    ast.RShift: ">>",
    ast.Sub: "-",
    ast.USub: "-",
}
# Of a number and a column, Ibis puts the column first for these.
_COMMUTATIVE = {"+", "*", "&", "|", "^"}
# Functions of Ibis that do not wait for `_`.
_EAGER = {"ntile", "range"}


@functools.cache
def spelling(name: str) -> ast.expr | None:
    """Give the spelling of an operation by the name of its class."""
    text = SPELLINGS.get(name)
    return ast.parse(text, mode="eval").body if text else None


class Template:
    """The spelling of one operation, with its arguments.

    Parameters
    ----------
    lowered
        Gives the value of an argument: a value, a list of them, or what Python has for it.
    raw
        Gives the Python value of an argument that is a constant, `MISSING` for others.
    receiver
        Gives the class of expressions that an argument is one of: where to look up methods.
    """

    def __init__(
        self,
        lowered: Callable[[str], Any],
        raw: Callable[[str], Any],
        receiver: Callable[[str], type],
    ) -> None:
        self._lowered = lowered
        self._raw = raw
        self._receiver = receiver

    def value(self, node: ast.expr) -> Value:
        """Write the operation."""
        filled = self._filled(node)
        assert isinstance(filled, Value)
        return filled

    def _filled(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=label):
                return self._lowered(label)
            case ast.Constant(value=value):
                return value
            case ast.Call():
                return self._call(node)
            case ast.Attribute(value=ast.Name(id="ibis"), attr=attr):
                return Value(dotted(f"ibis.{attr}"), UNKNOWN)
            case ast.Attribute(value=value, attr=attr):
                return attribute(self._filled(value), attr, UNKNOWN)
            case ast.BinOp(left=left, op=op, right=right):
                return binary(_SYMBOLS[type(op)], self._filled(left), self._filled(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return binary(_SYMBOLS[type(op)], self._filled(left), self._filled(right))
            case ast.UnaryOp(op=op, operand=operand):
                return unary(_SYMBOLS[type(op)], self._filled(operand), UNKNOWN)
            case ast.List(elts=[ast.Starred(value=value)]):
                return list(self._filled(value))
            case ast.Subscript(value=base, slice=index):
                return self._subscript(self._filled(base), index)
        raise TypeError(f"not a part of a spelling: {ast.unparse(node)}")

    def _subscript(self, base: Any, index: ast.expr) -> Any:
        if isinstance(base, list):
            if isinstance(index, ast.Slice):
                return base[ast.literal_eval(index.lower) if index.lower else 0 :]
            return base[ast.literal_eval(index)]
        if isinstance(index, ast.Slice):
            return sliced(base, self._bound(index.lower), self._bound(index.upper))
        return subscript(base, self._filled(index), UNKNOWN)

    def _bound(self, node: ast.expr | None) -> Value | None:
        assert isinstance(node, ast.Name)
        if self._raw(node.id) is None:
            return None
        bound = self._lowered(node.id)
        assert isinstance(bound, Value)
        return bound

    def _call(self, node: ast.Call) -> Value:
        assert isinstance(node.func, ast.Attribute)
        attr = node.func.attr
        owner = node.func.value
        is_function = isinstance(owner, ast.Name) and owner.id == "ibis"
        parameters = self._parameters(owner, attr)
        arguments, keywords = self._arguments(node, parameters)
        if is_function:
            called = of_ibis(attr, *arguments, **keywords)
            return eager(called) if attr in _EAGER else called
        return of_value(self._filled(owner), attr, *arguments, **keywords)

    def _parameters(self, owner: ast.expr, attr: str) -> list[inspect.Parameter]:
        """Give the parameters of a method, without the value it is called on."""
        if not isinstance(owner, ast.Name):
            return []
        if owner.id == "ibis":
            return parameters(ibis, attr)
        return parameters(self._receiver(owner.id), attr)[1:]

    def _arguments(
        self, node: ast.Call, taken: Sequence[inspect.Parameter]
    ) -> tuple[list[Argument], dict[str, Argument]]:
        """Write the arguments of a call but for those that say nothing."""
        arguments: list[Argument] = []
        keywords: dict[str, Argument] = {}
        skipped = False
        for position, part in enumerate(node.args):
            if isinstance(part, ast.Starred):
                arguments += self._filled(part.value)
                continue
            parameter = taken[position] if position < len(taken) else None
            if isinstance(part, ast.Name) and self._is_default(part.id, parameter):
                skipped = True
                continue
            if skipped and parameter and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                keywords[parameter.name] = self._filled(part)
                continue
            missing = position - len(arguments) if skipped else 0
            arguments += [None] * missing + [self._filled(part)]
        by_name = {parameter.name: parameter for parameter in taken}
        for keyword in node.keywords:
            assert keyword.arg
            assert isinstance(keyword.value, ast.Name)
            if not self._is_default(keyword.value.id, by_name.get(keyword.arg)):
                keywords[keyword.arg] = self._filled(keyword.value)
        return arguments, keywords

    def _is_default(self, label: str, parameter: inspect.Parameter | None) -> bool:
        raw = self._raw(label)
        if raw is MISSING:
            return False
        default = parameter.default if parameter else None
        if raw is None or raw == ():
            return default is None or default is inspect.Parameter.empty
        return type(raw) is type(default) and bool(raw == default)


@functools.cache
def parameters(owner: Any, attr: str) -> list[inspect.Parameter]:
    """Give the parameters of a method of a class, or of a function of a module."""
    if not hasattr(owner, attr):
        raise Refusal(f"{attr}() of a {owner.__name__}")
    return list(inspect.signature(getattr(owner, attr)).parameters.values())


def binary(symbol: str, left: Value, right: Value) -> Value:
    """Write `left symbol right` so that Ibis keeps the order of its sides."""
    if left.is_literal and symbol in _COMMUTATIVE and not isinstance(left.literal, str):
        left = as_expression(left)
    value = operator(symbol, left, right, UNKNOWN)
    if not left.uses and isinstance(value.node, ast.Compare):
        # Python asks `_` first, and that gives the comparison the other way round.
        left = as_expression(left)
        value = operator(symbol, left, right, UNKNOWN)
        return eager(value)
    return value


def eager(value: Value) -> Value:
    """Give a value that cannot wait for `_`."""
    return Value(value.node, value.type, None, value.uses, value.uses | value.eager)


def sliced(base: Value, lower: Value | None, upper: Value | None) -> Value:
    """Write `base[lower:upper]`; Ibis does not wait for `_` in a slice."""
    bounds = [None if bound is None else argument(bound) for bound in (lower, upper)]
    nodes = [bound[0] if bound else None for bound in bounds]
    uses = frozenset().union(*(bound[1] | bound[2] for bound in bounds if bound))
    base = as_expression(base)
    node = ast.Subscript(value=base.node, slice=ast.Slice(*nodes), ctx=LOAD)
    return Value(node, UNKNOWN, None, base.uses | uses, base.eager | uses)
