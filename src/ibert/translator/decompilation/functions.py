"""User-defined functions: those of the database are declared again in the code."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Callable
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops

from ibert.translator.datatypes import UNKNOWN
from ibert.translator.decompilation.literals import dtype_node
from ibert.translator.refusal import Refusal
from ibert.translator.values import Value, call, constant, dotted, name

_RESERVED = {"con", "ibis", "dt", "s", "expr", *keyword.kwlist, *dir(builtins)}
_PYTHON_TYPES = {dt.string: "str", dt.int64: "int", dt.float64: "float", dt.boolean: "bool"}


class Functions:
    """The functions that an expression calls.

    Attributes
    ----------
    declarations
        The statements that declare them.
    """

    def __init__(self) -> None:
        self.declarations: list[ast.stmt] = []
        self._variables: dict[tuple[Any, ...], str] = {}

    @property
    def names(self) -> list[str]:
        """The variables that they are."""
        return list(self._variables.values())

    def call(self, op: Any, argument: Callable[[Any], Any]) -> Value:
        """Write the call of a function.

        Raises
        ------
        Refusal
            It is written in Python, and the expression does not hold its source.
        """
        if op.__input_type__.name != "BUILTIN":
            raise Refusal(
                f"the user-defined function {op.__func_name__}",
                hint="only functions that are built into the database can be declared again",
            )
        arguments = dict(zip(op.__argnames__, op.__args__, strict=True))
        where = arguments.pop("where", None) if isinstance(op, ops.AggUDF) else None
        keywords = {} if where is None or is_true(where) else {"where": argument(where)}
        function = name(self._declared(op, list(arguments), where is not None))
        return call(function, tuple(map(argument, arguments.values())), keywords, UNKNOWN)

    def _declared(self, op: Any, parameters: list[str], filtered: bool) -> str:
        identity = (signature(op), tuple(parameters), filtered)
        if identity not in self._variables:
            variable = self._unique(op.__func_name__)
            self._variables[identity] = variable
            self.declarations.append(_declaration(variable, op, parameters, filtered))
        return self._variables[identity]

    def _unique(self, label: str) -> str:
        base = re.sub(r"\W", "_", label)
        base = f"{base}_" if base in _RESERVED or base[:1].isdigit() else base
        variable, number = base, 2
        while variable in self.names:
            variable, number = f"{base}_{number}", number + 1
        return variable


def is_true(op: Any) -> bool:
    """Whether a value is the literal TRUE."""
    return isinstance(op, ops.Literal) and op.value is True


def signature(op: Any) -> tuple[Any, ...]:
    """Give what makes two user-defined functions the same one."""
    space = op.__udf_namespace__
    config = tuple(sorted(op.__config__.items()))
    return (op.__input_type__, op.__func_name__, space.catalog, space.database, config, op.dtype)


def _declaration(variable: str, op: Any, parameters: list[str], filtered: bool) -> ast.stmt:
    kind = "agg" if isinstance(op, ops.AggUDF) else "scalar"
    decorator = dotted(f"ibis.udf.{kind}.builtin")
    space = op.__udf_namespace__
    keywords = {
        "name": None if variable == op.__func_name__ else op.__func_name__,
        "catalog": space.catalog,
        "database": space.database,
        **op.__config__,
    }
    written = [
        ast.keyword(arg=label, value=constant(value))
        for label, value in keywords.items()
        if value is not None
    ]
    if written:
        decorator = ast.Call(func=decorator, args=[], keywords=written)
    arguments = [ast.arg(arg=parameter) for parameter in parameters]
    if filtered:
        arguments.append(ast.arg(arg="where", annotation=name("bool")))
    return ast.FunctionDef(
        name=variable,
        args=ast.arguments(
            posonlyargs=[],
            args=arguments,
            kwonlyargs=[],
            kw_defaults=[],
            defaults=[constant(True)] if filtered else [],
        ),
        body=[ast.Expr(value=ast.Constant(value=...))],
        decorator_list=[decorator],
        returns=_returned(op.dtype),
    )


def _returned(dtype: dt.DataType) -> ast.expr:
    if dtype in _PYTHON_TYPES:
        return name(_PYTHON_TYPES[dtype])
    text = str(dtype)
    if text.isidentifier() and getattr(dt, text, None) == dtype:
        return dotted(f"dt.{text}")
    return ast.Call(func=dotted("dt.dtype"), args=[dtype_node(dtype)], keywords=[])
