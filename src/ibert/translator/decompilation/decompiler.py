"""The decompiler's door: an Ibis expression in, the code that builds it out."""

from __future__ import annotations

from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir

from ibert.diagnostics import Diagnostic, IbertError
from ibert.translator.decompilation.equality import same
from ibert.translator.decompilation.errors import ERRORS
from ibert.translator.decompilation.expressions import Expressions
from ibert.translator.decompilation.tables import Reader, several_sources
from ibert.translator.emission import RESULT, emit
from ibert.translator.layout import format_module
from ibert.translator.refusal import Refusal
from ibert.translator.relations import ValueRelation
from ibert.translator.translation import assembled
from ibert.translator.values import as_expression


def decompile(expr: ir.Expr) -> str:
    """Write the code that builds an Ibis expression.

    The code is run before it is given, without a database: what it builds is the same expression,
    or there is an error.

    Parameters
    ----------
    expr
        A table, a column or a scalar.

    Returns
    -------
    str
        A module that defines `expr`. Tables of a database are taken from `con`, the connection to
        it; tables without one are declared, those in memory are written out.

    Raises
    ------
    IbertError
        The expression has an operation that no public part of Ibis builds, or one that holds what
        is not text: a function in Python, SQL, a large table in memory.

    Examples
    --------
    >>> import ibis
    >>> from ibis import _
    >>> orders = ibis.table({"status": "string", "total": "decimal(12, 2)"}, name="orders")
    >>> expr = orders.filter(_.total > 10).group_by("status").agg(total=_.total.sum())
    >>> print(decompile(expr))
    import ibis
    from ibis import _
    <BLANKLINE>
    orders = ibis.table({"status": "string", "total": "decimal(12, 2)"}, name="orders")
    expr = orders.filter(_.total > 10).group_by("status").agg(total=_.total.sum())
    <BLANKLINE>
    """
    op = expr.op()
    if several_sources(op.find(ops.DatabaseTable)):
        raise _error("tables of more than one database", "the code has one connection, `con`")
    reader = Reader(op)
    try:
        if isinstance(op, ops.Relation):
            relation = reader.relation(op)
        else:
            relation = ValueRelation(as_expression(Expressions(reader).value(op)), {})
    except Refusal as refusal:
        raise _error(refusal.construct, refusal.hint) from refusal
    module = emit(relation, reader.functions.names)
    module.declarations += reader.functions.declarations
    code = format_module(assembled(module, "script"))
    try:
        is_same = same(expr, built(code, expr))
    except ERRORS as error:
        raise _error("this expression", f"Ibis would not build it: {error}") from error
    if not is_same:
        raise _error("this expression", "the code for it would build another one")
    return code


def _error(construct: str, hint: str | None) -> IbertError:
    message = f"no code for {construct}"
    return IbertError([Diagnostic(code="IB501", message=message, hint=hint)])


class _Tables:
    """What stands for the connection while code is run: the tables of an expression."""

    def __init__(self, expr: ir.Expr) -> None:
        self._tables = {
            (table.name, _place(table)): table for table in expr.op().find(ops.DatabaseTable)
        }

    def table(self, name: str, database: str | None = None) -> ir.Table:
        """Give a table."""
        return self._tables[name, database].to_expr()


def _place(table: ops.DatabaseTable) -> str | None:
    space = table.namespace
    return ".".join(part for part in (space.catalog, space.database) if part) or None


def built(code: str, expr: ir.Expr) -> Any:
    """Give what code builds from the tables of an expression."""
    namespace: dict[str, Any] = {"con": _Tables(expr)}
    exec(compile(code, "<decompiled>", "exec"), namespace)  # noqa: S102
    return namespace[RESULT]
