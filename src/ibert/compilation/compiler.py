"""Compile a program for a dialect, and give the SQL its names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import ibis.expr.operations as ops
import ibis.expr.types as ir
import sqlglot
from ibis.expr.operations.udf import InputType
from sqlglot import ErrorLevel, exp
from sqlglot.errors import SqlglotError

from ibert.backends import COMPILER_ERRORS, compilers_by_backend, stopped_by
from ibert.compilation.corrections import (
    filter_outside,
    knows_null_order,
    knows_qualify,
    leave_null_order,
    with_lists,
    with_null_keys,
)
from ibert.compilation.dialects import Target, sqlglot_dialect
from ibert.compilation.program import Program
from ibert.diagnostics import Diagnostic, IbertError

_NUMBERED = re.compile(r"t\d+")


def compiled(program: Program, target: Target, *, pretty: bool = True) -> str:
    """Give the SQL of a program.

    Common table expressions take the names of the variables that hold them, and the comments above
    these; other relations that of the table they read.

    Raises
    ------
    IbertError
        The dialect has no spelling for an operation; the diagnostic says which, and where it
        stands.
    """
    tree = _tree(program, target)
    _rename(tree, program, target)
    try:
        sql = tree.sql(sqlglot_dialect(target), pretty=pretty, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise _unsupported(program, target, error) from None
    return f"{sql}\n"


def _tree(program: Program, target: Target) -> exp.Query:
    """Compile; the tree is that of the backend, or what sqlglot reads of its SQL."""
    compiler = compilers_by_backend()[target.backend]
    relation = program.expr.as_table().unbind()
    _check_functions(relation, program, target)
    null_is_lowest = not knows_null_order(compiler.dialect)
    if null_is_lowest:
        relation = with_null_keys(relation)
    try:
        tree = with_lists(compiler.to_sqlglot(relation))
        if null_is_lowest:
            leave_null_order(tree)
        if not all(map(knows_qualify, (compiler.dialect, sqlglot_dialect(target)))):
            filter_outside(tree)
        if target.rewritten:
            sql = tree.sql(compiler.dialect, unsupported_level=ErrorLevel.RAISE)
            tree = cast(exp.Query, sqlglot.parse_one(sql, dialect=compiler.dialect))
    except COMPILER_ERRORS as error:
        raise _unsupported(program, target, error) from None
    return tree


def _check_functions(relation: ir.Table, program: Program, target: Target) -> None:
    """Refuse functions that are Python's: no SQL says what they do."""
    for node in relation.op().find((ops.ScalarUDF, ops.AggUDF)):
        if node.__input_type__ is not InputType.BUILTIN:
            message = f"{target.dialect}: {node.__func_name__} is a Python function, not SQL"
            span = program.place_of(node)
            raise IbertError([Diagnostic(code="IB508", message=message, span=span)])


def _unsupported(program: Program, target: Target, error: Exception) -> IbertError:
    name, message = stopped_by(error)
    kind = getattr(ops, name or "", None)
    span = None
    if kind is not None:
        found = program.expr.op().find(kind)
        span = next((place for node in found if (place := program.place_of(node))), None)
    what = f"{name}: {message}" if name and name not in message else message
    return IbertError([Diagnostic(code="IB508", message=f"{target.dialect}: {what}", span=span)])


def _rename(tree: exp.Query, program: Program, target: Target) -> None:
    names = _names(tree, program, target)
    for node in tree.find_all(exp.Identifier):
        is_relation = node.arg_key == "table" or not isinstance(node.parent, exp.Column | exp.Alias)
        if is_relation and node.this in names:
            node.set("this", names[node.this])
    for table in tree.find_all(exp.Table):
        if table.alias == table.name:
            table.set("alias", None)
    comments = program.comments()
    for cte in tree.ctes:
        if cte.alias in comments:
            cte.add_comments([f" {line}" for line in comments[cte.alias]])
    if "expr" in comments:
        tree.add_comments([f" {line}" for line in comments["expr"]], prepend=True)


def _names(tree: exp.Query, program: Program, target: Target) -> dict[str, str]:
    """Find names for the numbered relations of Ibis' SQL: no two get the same one."""
    names = [node.name for node in tree.find_all(exp.Table)]
    taken = {name.casefold() for name in names if not _is_numbered(name)}
    known = dict(_shapes(program, target))
    found: dict[str, str] = {}
    for cte in tree.ctes:
        name = known.get(_shape(cte.this), "")
        if name and name.casefold() not in taken:
            found[cte.alias] = name
            taken.add(name.casefold())
    reads = [node for node in tree.find_all(exp.Table) if _is_numbered(node.alias)]
    bases = [found.get(node.name, node.name) for node in reads]
    for node, base in zip(reads, bases, strict=True):
        once = bases.count(base) == 1
        if once and not _is_numbered(base):
            found[node.alias] = base
    return found


def _is_numbered(name: str) -> bool:
    return _NUMBERED.fullmatch(name) is not None


def _shapes(program: Program, target: Target) -> Iterator[tuple[str, str]]:
    """Yield the shape of the SQL of each variable, with its name."""
    compiler = compilers_by_backend()[target.backend]
    for name, table in program.variables.items():
        if name != "expr":
            try:
                tree = compiler.to_sqlglot(table.unbind())
            except COMPILER_ERRORS:
                continue
            tree.set("with_", None)
            yield _shape(tree), name


def _shape(tree: exp.Expr) -> str:
    """Give SQL in which the numbered names are counted from where they first stand."""
    order: dict[str, str] = {}
    return _NUMBERED.sub(
        lambda found: order.setdefault(found[0], f"r{len(order)}"), tree.sql("duckdb")
    )
