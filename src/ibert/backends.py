"""Where an Ibis expression compiles: each of Ibis' SQL backends, and what stops it there."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import ibis
import ibis.backends.sql.compilers as compilers
import ibis.expr.operations as ops
import msgspec
from ibis.common.annotations import ValidationError
from ibis.common.exceptions import IbisError
from ibis.config import Config
from ibis.expr.operations.udf import InputType
from ibis.expr.types import Expr, Table
from sqlglot import ErrorLevel
from sqlglot.errors import SqlglotError

from ibert.answer import Portability, Support
from ibert.catalog import Catalog
from ibert.database import write_database
from ibert.diagnostics import Diagnostic, IbertError, Span
from ibert.sandbox import Failure, Profile, Sandbox

_ORIGIN = "duckdb"  # whose functions generated code declares
# What compilers raise, besides Ibis' own errors, where they have no rule for something.
COMPILER_ERRORS = (
    *(AssertionError, AttributeError, KeyError, NotImplementedError, TypeError, ValueError),
    *(IbisError, SqlglotError, ValidationError),
)
_OPERATION = re.compile(r"'(\w+)' operation")
_ADDRESS = re.compile(r"<([\w.]+) object at 0x[0-9a-f]+>")
_LONGEST = 100


def portability(code: str | Expr, catalog: object = None) -> list[Portability]:
    """Tell on which of Ibis' SQL backends an expression compiles.

    That it compiles does not mean that it gives the same rows there: engines differ in what they
    do with NULL, text, division and time zones.

    Parameters
    ----------
    code
        An Ibis expression, or code that defines `expr` or ends with the expression. Code runs in
        the sandbox, on tables without rows.
    catalog
        The tables that the code reads: what `Catalog.from_any` takes.

    Raises
    ------
    IbertError
        The catalog cannot be read, or the code gives no expression.

    Examples
    --------
    >>> found = portability("t.agg(m=t.a.median())", {"t": {"a": "int64"}})
    >>> {item.backend: item.operation for item in found if item.backend in ("duckdb", "mysql")}
    {'duckdb': None, 'mysql': 'Median'}
    """
    if isinstance(code, Expr):
        return list(report(code))
    tables = Catalog({}) if catalog is None else Catalog.from_any(catalog)
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "tables.duckdb")
        write_database(database, tables.to_ddl("duckdb"), {})
        with Sandbox([database], finish=f"{__name__}:{report_table.__name__}") as sandbox:
            execution = sandbox.run(code, profile=Profile.OWN)
    if isinstance(execution, Failure):
        exception = f"{execution.exception}: " if execution.exception else ""
        span = Span(execution.line, 1) if execution.line else None
        message = f"{exception}{execution.message}"
        raise IbertError([Diagnostic(code="IB302", message=message, span=span)])
    rows = [tuple(row.values()) for row in execution.raw.table.to_pylist()]
    return [msgspec.convert(dict(zip(_FIELDS, row, strict=True)), Portability) for row in rows]


def report(expr: Expr) -> Iterator[Portability]:
    """Compile an expression for each backend."""
    unbound = expr.as_table().unbind()
    functions = sorted(set(builtin_functions(unbound)))
    parameters = {node.to_expr(): None for node in unbound.op().find(ops.ScalarParameter)}
    for backend, compiler in compilers_by_backend().items():
        found = _compiled(backend, compiler, unbound, parameters)
        if found.support is Support.COMPILES and functions and backend != _ORIGIN:
            found = Portability(
                backend=backend,
                support=Support.FOREIGN,
                operation=", ".join(functions),
                message=f"the code calls what DuckDB has: {', '.join(functions)}",
            )
        yield found


def report_table(expr: Expr) -> Table:
    """Give the report as a table of Ibis."""
    columns: dict[str, list[str | None]] = {field: [] for field in _FIELDS}
    for found in report(expr):
        for field, values in columns.items():
            values.append(getattr(found, field))
    return ibis.memtable(columns, schema=dict.fromkeys(_FIELDS, "string"))


@cache
def compilers_by_backend() -> dict[str, Any]:
    """Give the compiler of each SQL backend; they need no driver."""
    if ibis.options.pyspark is None:
        ibis.options.pyspark = _SparkOptions()
    found = {}
    for module in iter_modules(compilers.__path__):
        compiler = getattr(import_module(f"{compilers.__name__}.{module.name}"), "compiler", None)
        if compiler is not None:
            found[module.name] = compiler
    return found


class _SparkOptions(Config):  # type: ignore[misc]
    """What PySpark's compiler asks for, and only its driver would register."""

    treat_nan_as_null: bool = False


_FIELDS = Portability.__struct_fields__


def _compiled(
    backend: str, compiler: Any, expr: Table, parameters: dict[Expr, None]
) -> Portability:
    try:
        tree = compiler.to_sqlglot(expr, params=parameters)
        tree.sql(compiler.dialect, unsupported_level=ErrorLevel.RAISE)
    except COMPILER_ERRORS as error:
        operation, message = stopped_by(error)
        return Portability(
            backend=backend, support=Support.UNSUPPORTED, operation=operation, message=message
        )
    return Portability(backend=backend, support=Support.COMPILES)


def stopped_by(error: Exception) -> tuple[str | None, str]:
    """Give the operation that a compiler raised for, as far as that is known, and what it says."""
    text = _ADDRESS.sub(r"\1", str(error).strip().partition("\n")[0])[:_LONGEST]
    operation = _OPERATION.search(text)
    return operation[1] if operation else _raised_for(error), text or type(error).__name__


def _raised_for(error: Exception) -> str | None:
    """Find the operation whose rule raised: rules are methods called after operations."""
    traceback = error.__traceback__
    found = None
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_name
        if name.startswith("visit_") and hasattr(ops, name.removeprefix("visit_")):
            found = name.removeprefix("visit_")
        traceback = traceback.tb_next
    return found


def builtin_functions(expr: Expr) -> Iterator[str]:
    """Yield the functions of the backend that an expression calls by their names."""
    for node in expr.op().find((ops.ScalarUDF, ops.AggUDF)):
        if node.__input_type__ is InputType.BUILTIN:
            yield node.__func_name__
