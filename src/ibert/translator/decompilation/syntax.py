"""Calls without types: an Ibis expression knows its own."""

from __future__ import annotations

import ast

from ibert.translator.datatypes import UNKNOWN
from ibert.translator.values import LOAD, Argument, Value, as_expression, call, dotted


def of_value(base: Value, method_name: str, *arguments: Argument, **keywords: Argument) -> Value:
    """Write `base.method_name(…)`.

    Examples
    --------
    >>> from ibert.translator.values import name
    >>> ast.unparse(of_value(Value(name("x"), UNKNOWN), "round", 2).node)
    'x.round(2)'
    """
    base = as_expression(base)
    function = ast.Attribute(value=base.node, attr=method_name, ctx=LOAD)
    return call(function, arguments, keywords, UNKNOWN, base=base)


def of_ibis(path: str, *arguments: Argument, **keywords: Argument) -> Value:
    """Write `ibis.path(…)`."""
    return call(dotted(f"ibis.{path}"), arguments, keywords, UNKNOWN)
