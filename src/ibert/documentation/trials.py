"""Read functions over tables whose columns and values are tried out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.expr.types.groupby import GroupedTable

from ibert.catalog import Catalog
from ibert.documentation.source import TableFunction
from ibert.interpreter import UNKNOWN, Function, Interpreter, Problem, Reading

Columns = Mapping[str, Mapping[str, dt.DataType]]  # by table: types by column


@dataclass(frozen=True)
class Trial:
    """What a function gives for tables of some columns.

    Attributes
    ----------
    result
        The expression that it gives; None where it raises, or gives no expression.
    problem
        What it raises.
    reading
        The values of its parts.
    """

    result: ir.Expr | None
    problem: Problem | None
    reading: Reading = field(repr=False)

    @property
    def progress(self) -> int:
        """How many parts have a value."""
        return sum(value is not UNKNOWN for value in self.reading.values.values())

    @property
    def said(self) -> str:
        """What is raised, and where."""
        if self.problem is None:
            return ""
        error = self.problem.error
        line = getattr(self.problem.node, "lineno", 0), getattr(self.problem.node, "col_offset", 0)
        return f"{line} {type(error).__name__}: {error}"

    @property
    def undecided(self) -> ast.AST | None:
        """A condition whose value cannot be told."""
        for node in ast.walk(self.reading.module):
            if (
                isinstance(node, ast.If | ast.IfExp | ast.While)
                and self.reading.values.get(node.test) is UNKNOWN
            ):
                return node.test
        return None

    @cached_property
    def suspects(self) -> list[tuple[str, str]]:
        """Tables and columns that the part which raises is made of."""
        found: dict[tuple[str, str], None] = {}
        for relation, name in self._fields():
            found[relation, name] = None
        return list(found)

    def _fields(self) -> Iterator[tuple[str, str]]:
        texts = set(self.texts())
        for value in self.involved():
            for node in value.op().find(ops.Field):
                yield from _roots(node)
            for table in value.op().find(ops.UnboundTable):
                for name in table.schema.names:
                    if name in texts:
                        yield table.name, name

    @property
    def tables(self) -> list[str]:
        """The tables that the part which raises is made of, the nearest first."""
        found: dict[str, None] = {}
        for value in self.involved():
            for table in value.op().find(ops.UnboundTable):
                found[table.name] = None
        return list(found)

    def involved(self) -> Iterator[ir.Expr]:
        """Give the expressions that the part which raises is made of."""
        if self.problem is None:
            return
        holder = getattr(self.problem.error, "obj", None)
        if isinstance(holder, ir.Expr):
            yield holder
        for node in ast.walk(self.problem.node):
            yield from _expressions(self.reading.values.get(node))

    def texts(self) -> Iterator[str]:
        """Give the names in the part which raises, then all others: it may use what they make."""
        if self.problem is None:
            return
        for part in (self.problem.node, self.reading.module):
            for node in ast.walk(part):
                if isinstance(node, ast.Attribute):
                    yield node.attr
                yield from _strings(self.reading.values.get(node))

    @property
    def fault(self) -> tuple[Any, ...]:
        """What is wrong, whatever the types of columns are."""
        if self.problem is None:
            return ()
        node, error = self.problem
        holder = getattr(error, "obj", None)
        roots: list[tuple[str, str]] = []
        if isinstance(holder, ir.Value):
            for field_ in holder.op().find(ops.Field, filter=ops.Value):
                roots += _roots(field_)
        return (
            getattr(node, "lineno", 0),
            getattr(node, "col_offset", 0),
            type(error).__name__,
            getattr(error, "name", None),
            *roots,
        )


def _roots(op: ops.Field) -> Iterator[tuple[str, str]]:
    """Follow a column to the tables that it may come from."""
    relation = op.rel
    if isinstance(relation, ops.UnboundTable):
        yield relation.name, op.name
    elif isinstance(relation, ops.SelfReference):
        yield from _roots(ops.Field(relation.parent, op.name))
    elif (value := relation.values.get(op.name)) is not None:
        for node in value.find(ops.Field):
            yield from _roots(node)


def _expressions(value: Any) -> Iterator[ir.Expr]:
    if isinstance(value, ir.Expr):
        yield value
    elif isinstance(value, GroupedTable):
        yield value.table.to_expr()
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _expressions(item)
    elif isinstance(owner := getattr(value, "__self__", None), ir.Expr):  # a method
        yield owner


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        yield from _strings([*value, *value.values()])


class Bench:
    r"""Tries a function out.

    Examples
    --------
    >>> from ibert.documentation.source import Source
    >>> function = Source("def f(t, n):\n    return t.filter(t.x > n)").function("f")
    >>> bench = Bench(function)
    >>> bench.run({"t": {"x": ibis.dtype("int8")}}, {"n": ast.Constant(1)}).result.columns
    ('x',)
    >>> bench.run({"t": {"y": ibis.dtype("int8")}}, {"n": ast.Constant(1)}).said
    "(2, 20) AttributeError: 'Table' object has no attribute 'x'"
    """

    def __init__(self, function: TableFunction) -> None:
        self.function = function
        self._interpreter = Interpreter(Catalog({}))
        self.count = 0

    def run(self, columns: Columns, values: Mapping[str, ast.expr]) -> Trial:
        """Call the function with tables of these columns and with these values."""
        self.count += 1
        tables = {
            name: ibis.table(dict(schema), name=name) if schema else ibis.table({}, name=name)
            for name, schema in columns.items()
        }
        given = {name: ast.fix_missing_locations(node) for name, node in values.items()}
        assigned = [
            ast.Assign(targets=[ast.Name(_variable(name), ast.Store())], value=node)
            for name, node in given.items()
        ]
        body = [*_FOR_VALUES, *self.function.module.body, *assigned]
        module = ast.fix_missing_locations(ast.Module(body, type_ignores=[]))
        reading = self._interpreter.read(module)
        function = reading.names.get(self.function.name)
        if not isinstance(function, Function) or reading.problems:
            return Trial(None, next(iter(reading.problems), None), reading)
        keywords = dict(tables) | {name: reading.names[_variable(name)] for name in given}
        result = reading.call(function, (), keywords)
        problem = next(iter(reading.problems), None)
        found = result if isinstance(result, ir.Expr) and problem is None else None
        return Trial(found, problem, reading)


def _variable(name: str) -> str:
    return f"given {name}"  # no name that code can have


_FOR_VALUES = ast.parse("import datetime, decimal").body
