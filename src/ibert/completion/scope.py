"""What the names and the expressions around a cursor stand for, without running the code."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.common.deferred import Deferred
from ibis.expr.types.groupby import GroupedTable

from ibert.completion.cursor import PLACE, Cursor
from ibert.interpreter import UNKNOWN, Interpreter, Reading

_BLOCKS = (ast.FunctionDef, ast.For, ast.While, ast.If, ast.With, ast.Try, ast.ClassDef)

_READ = 50  # statements before the cursor in which words are looked for


class Argument(NamedTuple):
    """The place of the cursor in a call around it.

    Attributes
    ----------
    call
        The call.
    function
        What is called.
    receiver
        What it is a method of; UNKNOWN for a function.
    name
        The last part of its name.
    keyword
        The keyword that the argument is passed by; empty where it is passed by position.
    position
        How many arguments stand before it.
    """

    call: ast.Call
    function: Any
    receiver: Any
    name: str
    keyword: str
    position: int


class Scope:
    """The values around a cursor."""

    def __init__(self, cursor: Cursor, interpreter: Interpreter) -> None:
        self.cursor = cursor
        self.node = cursor.path[0]
        self.parameters = [
            item.arg
            for node in cursor.path
            if isinstance(node, ast.Lambda)
            for item in node.args.args
            if item.arg != PLACE
        ]
        expression = _outermost(cursor.path)
        self.expression = expression
        statement = _statement(cursor.path)
        wanted = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        kept = _needed(cursor.earlier, wanted)
        body = [*kept]
        if expression is not None:
            body.append(ast.copy_location(ast.Expr(self._readable(expression)), expression))
        self.reading: Reading = interpreter.read(ast.Module(body, []))
        self.arguments = list(self._arguments())
        self.relation: ir.Table | None = None
        self.relation = self._relation()
        self.arguments = [
            item._replace(
                function=self.resolved(item.function), receiver=self.resolved(item.receiver)
            )
            for item in self.arguments
        ]
        self.names = {**self.reading.names, **self._inner_names()}
        for name in self._assigned_elsewhere(kept):
            self.names.setdefault(name, UNKNOWN)

    @cached_property
    def words(self) -> list[str]:
        """The names and strings of the code before the cursor, the nearest first."""
        statement = _statement(self.cursor.path)
        found = list(words_of(statement))[::-1]
        for earlier in reversed(self.cursor.earlier[-_READ:]):
            found += list(words_of(earlier))[::-1]
        return found

    @cached_property
    def unused_tables(self) -> frozenset[str]:
        """The names of tables that were assigned before the cursor and not read since."""
        nodes = [
            node
            for root in (*self.cursor.earlier[-_READ:], _statement(self.cursor.path))
            for node in ast.walk(root)
            if isinstance(node, ast.Name)
        ]
        read = {node.id for node in nodes if isinstance(node.ctx, ast.Load)}
        assigned = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
        tables = (name for name, value in self.names.items() if isinstance(value, ir.Table))
        return frozenset(tables) & (assigned - read)

    @cached_property
    def stored(self) -> frozenset[str]:
        """The columns that tables have, before anything is made of them."""
        return frozenset(
            name
            for table in self.reading.names.values()
            if isinstance(table, ir.Table) and isinstance(table.op(), ops.PhysicalTable)
            for name in table.columns
        )

    def value(self, node: ast.AST) -> Any:
        """Give the value of a node; for a deferred expression what it resolves to."""
        return self.resolved(self.reading.values.get(node, UNKNOWN))

    def resolved(self, value: Any) -> Any:
        """Give what a deferred expression stands for in the call around the cursor."""
        if not isinstance(value, Deferred) or self.relation is None:
            return value
        try:
            return value.resolve(self.relation)
        except Exception:  # noqa: BLE001  whatever Ibis raises, it stands for nothing
            return UNKNOWN

    def call_builds(self, text: str) -> bool:
        """Whether the innermost call around the cursor is built with an expression there."""
        if not self.arguments or self.arguments[0].function is UNKNOWN:
            return True
        root = self.arguments[0].call
        known: dict[str, Any] = {}
        expression = _standing(self.node, text)
        whole = _replaced(root, self.cursor.path, expression, self.reading.values, known)
        try:
            self.reading.evaluate(whole, {**self.names, **known})
        except Exception:  # noqa: BLE001  whatever Ibis raises, it is not built
            return False
        return True

    def completed(self, text: str) -> Any:
        """Give the value of the expression at the cursor with a text there; None if it raises."""
        if self.expression is None:
            return UNKNOWN
        try:
            known: dict[str, Any] = {}
            expression: Any = _standing(self.node, text)
            whole = _replaced(
                self.expression, self.cursor.path, expression, self.reading.values, known
            )
            value = self.resolved(self.reading.evaluate(whole, {**self.names, **known}))
        except Exception:  # noqa: BLE001  whatever Ibis raises, it is not built
            return None
        return UNKNOWN if value is None else value

    def _readable(self, expression: ast.expr) -> ast.expr:
        """Read the parameter of a lambda in place of a name that is not there yet."""
        if isinstance(self.node, ast.Name) and self.parameters:
            self.node.id = self.parameters[0]
        return expression

    def _arguments(self) -> Iterator[Argument]:
        """Yield the calls around the cursor that it is in an argument of, innermost first."""
        path = self.cursor.path
        for index, node in enumerate(path[1:], 1):
            if not isinstance(node, ast.Call) or path[index - 1] is node.func:
                continue
            below = path[index - 1]
            keyword = below.arg or "" if isinstance(below, ast.keyword) else ""
            if below is self.node and isinstance(below, ast.keyword):
                keyword = ""
            position = node.args.index(below) if isinstance(below, ast.expr) else len(node.args)
            function = self.reading.values.get(node.func, UNKNOWN)
            receiver: Any = UNKNOWN
            name = ""
            if isinstance(node.func, ast.Attribute):
                receiver = self.reading.values.get(node.func.value, UNKNOWN)
                name = node.func.attr
            elif isinstance(node.func, ast.Name):
                name = node.func.id
            yield Argument(node, function, receiver, name, keyword, position)

    def _relation(self) -> ir.Table | None:
        """Give the relation that `_` stands for: that of the innermost call of a table's method."""
        column: ir.Table | None = None
        for argument in self.arguments:
            receiver = argument.receiver
            if isinstance(receiver, GroupedTable):
                return receiver.table.to_expr()
            if isinstance(receiver, ir.Table):
                return receiver
            if isinstance(receiver, ir.Value) and column is None:
                relations = list(receiver.op().relations)
                column = relations[0].to_expr() if len(relations) == 1 else None
        return column if column is not None else self._likely_relation()

    def _likely_relation(self) -> ir.Table | None:
        """Give the table that code outside of any call of a table is most likely about."""
        assigned = [
            node.id
            for statement in self.cursor.earlier[-_READ:]
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
        own = [self.reading.names.get(name, UNKNOWN) for name in reversed(assigned)]
        tables = [value for value in own if isinstance(value, ir.Table)]
        if not tables:
            tables = [one for one in self.reading.names.values() if isinstance(one, ir.Table)]
            return tables[0] if len(tables) == 1 else None
        return tables[0]

    def _inner_names(self) -> dict[str, Any]:
        """Give the parameters of lambdas and the targets of comprehensions around the cursor."""
        own: dict[str, Any] = dict.fromkeys(self.parameters, UNKNOWN)
        for node in self.cursor.path:
            if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
                for generator in node.generators:
                    for target in ast.walk(generator.target):
                        if isinstance(target, ast.Name):
                            own[target.id] = self.reading.values.get(target, UNKNOWN)
        for node, value in self.reading.values.items():
            if isinstance(node, ast.Name) and node.id in self.parameters:
                own[node.id] = value
        for name in self.parameters:  # of a lambda that a method of the relation calls
            if own[name] is UNKNOWN and self.relation is not None:
                own[name] = self.relation
        return own

    def _assigned_elsewhere(self, kept: Iterable[ast.stmt]) -> Iterator[str]:
        """Yield the names that are assigned before the cursor in statements that were not read."""
        read = set(map(id, kept))
        for statement in self.cursor.earlier:
            if id(statement) not in read:
                yield from _bound(statement)
        for node in self.cursor.path:
            if isinstance(node, ast.FunctionDef):
                yield from (item.arg for item in node.args.args if item.arg != PLACE)


def _standing(node: ast.AST, text: str) -> ast.expr:
    """Parse a text that takes the place of the placeholder at the cursor."""
    if isinstance(node, ast.Attribute):
        whole = ast.parse(f"x.{text}", mode="eval").body
        for inner in ast.walk(whole):
            if isinstance(inner, ast.Attribute) and getattr(inner.value, "id", "") == "x":
                inner.value = node.value
        return whole
    return ast.parse(text, mode="eval").body


def _outermost(path: tuple[ast.AST, ...]) -> ast.expr | None:
    """Give the whole expression at the cursor."""
    found = None
    for node in path:
        if isinstance(node, ast.stmt):
            break
        if isinstance(node, ast.expr):
            found = node
    return found


def _statement(path: tuple[ast.AST, ...]) -> ast.AST:
    """Give the statement at the cursor; of one with a block, its head."""
    statement = next(node for node in path if isinstance(node, ast.stmt))
    expression = _outermost(path)
    return expression if expression is not None and isinstance(statement, _BLOCKS) else statement


def _needed(earlier: tuple[ast.stmt, ...], wanted: set[str]) -> list[ast.stmt]:
    """Give the statements that the names in use depend on, in order."""
    kept = []
    wanted = set(wanted)
    for statement in reversed(earlier):
        bound = set(_bound(statement))
        if bound & wanted or isinstance(statement, ast.Import | ast.ImportFrom):
            kept.append(statement)
            wanted |= {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return kept[::-1]


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


def _replaced(
    node: ast.AST,
    path: tuple[ast.AST, ...],
    expression: ast.expr,
    values: Mapping[ast.AST, Any],
    known: dict[str, Any],
) -> Any:
    """Copy a node with an expression at the cursor, and names for the values that are known."""
    if node is path[0]:
        if isinstance(node, ast.keyword):
            return node
        return expression
    if node not in path:
        if isinstance(node, ast.expr) and node in values:
            name = f"known_{len(known)}__"
            known[name] = values[node]
            return ast.copy_location(ast.Name(name, ast.Load()), node)
        return node
    fields = {}
    for field, value in ast.iter_fields(node):
        if isinstance(value, list):
            fields[field] = [
                _replaced(item, path, expression, values, known)
                if isinstance(item, ast.AST)
                else item
                for item in value
            ]
        elif isinstance(value, ast.AST):
            fields[field] = _replaced(value, path, expression, values, known)
        else:
            fields[field] = value
    return ast.copy_location(type(node)(**fields), node)


def words_of(node: ast.AST) -> Iterator[str]:
    """Yield the names and short strings of syntax, in the order of the code."""
    found: list[tuple[int, int, str]] = []
    for inner in ast.walk(node):
        match inner:
            case (
                ast.Attribute(attr=str(name))
                | ast.Name(id=str(name))
                | ast.Constant(value=str(name))
            ):
                found.append((inner.end_lineno or 0, inner.end_col_offset or 0, name))
            case ast.keyword(arg=str(name)):
                found.append((inner.lineno, inner.col_offset, name))
            case _:
                pass
    yield from (name for _, _, name in sorted(found) if name != PLACE)
