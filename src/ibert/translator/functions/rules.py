"""What rules of functions are made of."""

from __future__ import annotations

from collections.abc import Callable

from ibert.translator.datatypes import Type
from ibert.translator.values import Value, function, method

# Arguments in the order of DuckDB's function; the result, or None if it has to be a builtin UDF.
Rule = Callable[..., Value | None]


def plain(name: str, result: Type | None = None, declared: Type | None = None) -> Rule:
    """Give the rule for a method of the first argument; without a type the result has that one's.

    Examples
    --------
    >>> import ast
    >>> from ibert.translator.datatypes import VARCHAR
    >>> from ibert.translator.values import literal
    >>> value = plain("upper", VARCHAR)(literal("a", VARCHAR))
    >>> ast.unparse(value.node), value.type.name
    ("ibis.literal('a').upper()", 'varchar')
    """

    def rule(first: Value, *rest: Value) -> Value:
        return method(first, name, *rest, type=result or first.type, declared=declared)

    return rule


def coalesced(*values: Value) -> Value:
    """Give the first value that is not NULL."""
    return function("coalesce", *values, type=values[0].type)


def top_level(name: str, result: Type, declared: Type | None = None) -> Rule:
    """Give the rule for a function of the module: `ibis.name(…)`."""

    def rule(*arguments: Value) -> Value:
        return function(name, *arguments, type=result, declared=declared)

    return rule
