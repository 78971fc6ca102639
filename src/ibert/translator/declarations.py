"""The declarations of DuckDB's functions that the code calls."""

from __future__ import annotations

import ast

from ibert.translator.datatypes import Type
from ibert.translator.values import (
    LOAD,
    Builtin,
    constant,
    dotted,
    name,
)

_MAX_LETTERS = 26
OPERATORS = {
    "&": "bitwise_and",
    "|": "bitwise_or",
    "~": "bitwise_not",
    "<<": "shift_left",
    ">>": "shift_right",
    "||": "concatenate",
    "&&": "overlap",
    "~~~": "glob",
}
_BUILTIN_TYPES = {"varchar": "str", "bigint": "int", "double": "float", "boolean": "bool"}
_CONSTRUCTORS = {"decimal": "Decimal", "list": "Array", "array": "Array", "map": "Map"}
_ARGUMENTS_OF_TYPES = {
    "timestamptz": ("Timestamp", ("UTC", 6)),
    "timestamp_s": ("Timestamp", (None, 0)),
    "timestamp_ms": ("Timestamp", (None, 3)),
    "timestamp_ns": ("Timestamp", (None, 9)),
    "interval": ("Interval", ("us",)),
}


def annotation(kind: Type) -> ast.expr:
    """Write a type as an annotation: `str`, `dt.int32`, `dt.Array(dt.string)`.

    Examples
    --------
    >>> from ibert.translator.datatypes import DATE, VARCHAR, list_of
    >>> [ast.unparse(annotation(kind)) for kind in (VARCHAR, DATE, list_of(DATE))]
    ['str', 'dt.date', 'dt.Array(dt.date)']
    """
    if kind.name in _BUILTIN_TYPES:
        return name(_BUILTIN_TYPES[kind.name])
    return _datatype(kind)


def _datatype(kind: Type) -> ast.expr:
    if kind.dtype is None:
        return dotted("dt.unknown")
    if kind.name == "struct":
        fields = ast.Dict(
            keys=[constant(label) for label, _ in kind.args],
            values=[_datatype(part) for _, part in kind.args],
        )
        return ast.Call(func=dotted("dt.Struct"), args=[fields], keywords=[])
    if kind.name in _ARGUMENTS_OF_TYPES:
        constructor, values = _ARGUMENTS_OF_TYPES[kind.name]
        return ast.Call(
            func=dotted(f"dt.{constructor}"), args=[constant(v) for v in values], keywords=[]
        )
    if kind.name in _CONSTRUCTORS:
        return ast.Call(
            func=dotted(f"dt.{_CONSTRUCTORS[kind.name]}"),
            args=[
                _datatype(part) if isinstance(part, Type) else constant(part) for part in kind.args
            ],
            keywords=[],
        )
    return dotted(f"dt.{(kind.dtype or '').partition('(')[0]}")


def declaration(variable: str, function: Builtin) -> ast.stmt:
    """Write the declaration of a function of DuckDB; it is called by its full name.

    sqlglot writes some functions in another way when it knows them. A catalog and a schema before
    the name keep it from that.
    """
    kind = "agg" if function.aggregate else "scalar"
    decorator: ast.expr = ast.Attribute(
        value=ast.Attribute(
            value=ast.Attribute(value=name("ibis"), attr="udf", ctx=LOAD), attr=kind, ctx=LOAD
        ),
        attr="builtin",
        ctx=LOAD,
    )
    keywords = {} if variable == function.name else {"name": function.name}
    keywords |= {"catalog": "system", "database": "main"}
    decorator = ast.Call(
        func=decorator,
        args=[],
        keywords=[ast.keyword(arg=key, value=constant(part)) for key, part in keywords.items()],
    )
    arguments = [ast.arg(arg=chr(ord("a") + index)) for index in range(function.arity)]
    if function.arity > _MAX_LETTERS:
        arguments = [ast.arg(arg=f"a{index}") for index in range(function.arity)]
    defaults: list[ast.expr] = []
    if function.filtered:
        arguments.append(ast.arg(arg="where", annotation=name("bool")))
        defaults.append(constant(True))
    return ast.FunctionDef(
        name=variable,
        args=ast.arguments(
            posonlyargs=[], args=arguments, kwonlyargs=[], kw_defaults=[], defaults=defaults
        ),
        body=[ast.Expr(value=ast.Constant(value=...))],
        decorator_list=[decorator],
        returns=annotation(function.returns),
    )
