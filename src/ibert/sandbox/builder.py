"""Make SQL of Ibis code where there is neither a database nor any data: only names and types."""

from __future__ import annotations

import ast
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import sqlglot as sg
from ibis.backends.sql.compilers.duckdb import compiler
from ibis.common.exceptions import TableNotFound, UnsupportedOperationError
from ibis.expr.operations.udf import InputType

from ibert.sandbox.policy import needs_database
from ibert.sandbox.protocol import Built, Code, Fetch, NeedsDatabase, Tables
from ibert.sandbox.snippet import Output, expression, failure, fresh_namespace, read

# What a late import meets where nothing can be opened: the code may be right all the same.
_NEEDS_MORE = (ImportError, OSError, NotImplementedError)


class NeedsDatabaseError(Exception):
    """The code asks for what only a database knows."""


class Source:
    """What tables without a database come from; compiles for DuckDB.

    Parameters
    ----------
    tables
        The tables that there are.
    """

    name = "duckdb"

    def __init__(self, tables: Tables) -> None:
        parse = compiler.type_mapper.from_string
        self.tables: dict[str, ir.Table] = {}
        for name, columns in tables.items():
            schema = ibis.schema(
                {column: parse(kind, nullable=nullable) for column, kind, nullable in columns}
            )
            op = ops.DatabaseTable(name, schema=schema, source=self, namespace=ops.Namespace())
            self.tables[name] = op.to_expr()

    def table(self, name: str, /, *, database: str | tuple[str, str] | None = None) -> ir.Table:
        """Give a table."""
        if database is not None:
            raise NeedsDatabaseError
        if name not in self.tables:
            raise TableNotFound(name)
        return self.tables[name]

    def __getattr__(self, name: str) -> Any:
        raise NeedsDatabaseError

    def namespace(self) -> dict[str, Any]:
        """Give the names that code sees."""
        return {**self.tables, "con": self, "ibis": ibis, "_": ibis._}


def compiled(expr: ir.Expr) -> Fetch | NeedsDatabase:
    """Compile an expression as `compile` of Ibis' DuckDB backend does."""
    relation = expr.as_table()
    op = relation.op()
    functions = op.find((ops.ScalarUDF, ops.AggUDF))
    if op.find(ops.InMemoryTable) or any(
        function.__input_type__ is not InputType.BUILTIN for function in functions
    ):
        return NeedsDatabase()
    query = compiler.to_sqlglot(relation)
    try:
        sql = query.sql(dialect=compiler.dialect, copy=False, unsupported_level=_RAISE)
    except sg.UnsupportedError as error:
        raise UnsupportedOperationError(
            f"Operation not supported in duckdb backend: {error}\n\nexpression:\n{expr}\n\n"
            f"sqlglot expression:\n{query}"
        ) from error
    schema = relation.schema()
    types = list(map(str, schema.types))
    if [dt.dtype(text) for text in types] != list(schema.types):
        return NeedsDatabase()  # a type that has no spelling
    return Fetch(sql, list(schema.names), types)


_RAISE = sg.ErrorLevel.RAISE


def build(
    codes: list[Code], source: Source, output: Output, *, checked: bool = True
) -> list[Built]:
    """Compile pieces of code; none runs before all were looked at."""
    found: list[Built | None] = []
    modules: list[ast.Module | None] = []
    for code in codes:
        try:
            module = read(code, checked=checked)
        except BaseException as error:  # noqa: BLE001  the boundary
            modules.append(None)
            found.append(failure(error, 0))
        else:
            modules.append(module)
            found.append(NeedsDatabase() if needs_database(module) else None)
    for number, tree in enumerate(modules):
        if found[number] is None and tree is not None:
            try:
                namespace = fresh_namespace(source.namespace(), checked=checked)
                built = compiled(expression(tree, namespace))
                output.check()
            except (NeedsDatabaseError, *_NEEDS_MORE):
                found[number] = NeedsDatabase()
            except BaseException as error:  # noqa: BLE001  the boundary: SystemExit is an answer
                found[number] = failure(error, output.limit)
            else:
                found[number] = built
    return [reply for reply in found if reply is not None]
