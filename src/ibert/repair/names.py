"""Repairs of names: of columns, methods, tables, variables, modules."""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.common.deferred import Deferred
from ibis.expr.types.groupby import GroupedTable

from ibert.api_index.aliases import aliases
from ibert.interpreter import UNKNOWN, Connection
from ibert.repair.fault import Candidate, Fault, nearest, table_of
from ibert.repair.shapes import data

_ALIAS = 0.4
_EXACT = 0.1  # the text says what is meant
_UNLIKELY = 1.2  # a column is called, or a method is not


def _blamed(fault: Fault) -> Iterator[ast.Attribute]:
    """Yield the attributes that an error speaks of."""
    name = fault.parts.get("name")
    for node in fault.nodes(ast.Attribute):
        if node.attr == name:
            yield node


def _renamed(fault: Fault, node: ast.Attribute, name: str) -> str:
    end = fault.source.end(node)
    return fault.source.replaced((end - len(node.attr), end, name))


def _is_called(fault: Fault, node: ast.AST) -> bool:
    parent = fault.source.parents.get(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _owner(fault: Fault) -> str:
    return fault.parts.get("owner") or fault.parts.get("owner1", "").partition(" ")[0]


@cache
def _public(owner: str, module: str) -> frozenset[str]:
    """Give what a class of expressions, or a module, has."""
    if module:
        holder: Any = ibis if module == "ibis" else getattr(ibis, module.rpartition(".")[2], None)
    else:
        known = {"GroupedTable": GroupedTable, "Connection": Connection, "Join": ir.Table}
        holder = known.get(owner) or getattr(ir, owner, None)
    return frozenset(name for name in dir(holder) if not name.startswith("_"))


def alias(fault: Fault) -> Iterator[Candidate]:
    """Use Ibis' name for what another tool calls otherwise."""
    name = fault.parts.get("name", "")
    methods = _public(_owner(fault), fault.parts.get("module", ""))
    found = {
        target.rpartition(".")[2]: entry.vocabulary
        for entry in aliases()
        if entry.name.rpartition(".")[2] == name
        for target in entry.targets
    }
    for node in _blamed(fault):
        for rank, (target, vocabulary) in enumerate(found.items()):
            if target in methods and target != name:
                title = f"what {vocabulary} calls {name} is {target} in Ibis"
                yield Candidate(_renamed(fault, node, target), title, _ALIAS + 0.2 * rank)


def nearest_attribute(fault: Fault) -> Iterator[Candidate]:
    """Use a method or function of nearly the same name."""
    name = fault.parts.get("name", "")
    module = fault.parts.get("module", "")
    for node in _blamed(fault):
        extra = 0.0 if _is_called(fault, node) or module else _UNLIKELY
        for other, cost in nearest(name, _public(_owner(fault), module)):
            title = f"{name!r} should be {other!r}"
            yield Candidate(_renamed(fault, node, other), title, cost + extra)


def nearest_column_attribute(fault: Fault) -> Iterator[Candidate]:
    """Use a column of nearly the same name, written as an attribute."""
    name = fault.parts.get("name", "")
    if _owner(fault) not in ("Table", "Join"):
        return
    for node in _blamed(fault):
        value = fault.reading.values.get(node.value)
        table = table_of(value)
        columns = list(table.columns) if table is not None else fault.columns(node)
        extra = _UNLIKELY if _is_called(fault, node) else 0.0
        for other, cost in nearest(name, columns):
            title = f"the column is called {other!r}, not {name!r}"
            if other.isidentifier():
                yield Candidate(_renamed(fault, node, other), title, cost + extra)


def nearest_column(fault: Fault) -> Iterator[Candidate]:
    """Use a column of nearly the same name, written as text."""
    name = fault.parts.get("name", "")
    for node in fault.nodes(ast.Constant):
        if node.value != name:
            continue
        for other, cost in nearest(name, _listed(fault)):
            title = f"the column is called {other!r}, not {name!r}"
            yield Candidate(fault.source.with_node(node, _quoted(fault, node, other)), title, cost)


def _listed(fault: Fault) -> Iterable[str]:
    """Give the columns that an error lists."""
    return [part.strip().strip("'") for part in fault.parts.get("columns", "").split(", ")]


def _quoted(fault: Fault, node: ast.AST, text: str) -> str:
    quote = "'" if fault.source.of(node).startswith("'") else '"'
    return f"{quote}{text}{quote}"


def separated_texts(fault: Fault) -> Iterator[Candidate]:
    """Put a comma between two texts that Python takes for one."""
    source = fault.source
    for node in fault.nodes(ast.Constant):
        if isinstance(node.value, str):
            inside = source.of(node)
            tokens = tokenize.generate_tokens(io.StringIO(f"({inside})").readline)
            texts = [token for token in tokens if token.type == tokenize.STRING]
            if len(texts) > 1 and "\n" not in texts[0].string:
                end = source.start(node) + len(texts[0].string)
                title = "a comma separates texts"
                yield Candidate(source.replaced((end, end, ",")), title, _ALIAS)


def sort_text(fault: Fault) -> Iterator[Candidate]:
    """Write `ibis.desc("x")` for the texts "-x" and "x desc"."""
    name = fault.parts.get("name", "")
    word, _, direction = name.partition(" ")
    column = name.removeprefix("-") if name.startswith("-") else word
    if column == name or direction.casefold() not in ("", "asc", "desc"):
        return
    function = "asc" if direction.casefold() == "asc" else "desc"
    for node in fault.nodes(ast.Constant):
        if node.value == name:
            text = f"ibis.{function}({_quoted(fault, node, column)})"
            title = "the direction of an order is a function"
            yield Candidate(fault.source.with_node(node, text), title, _EXACT)


def comparison_text(fault: Fault) -> Iterator[Candidate]:
    """Write an expression for a text that holds one."""
    name = fault.parts.get("name", "")
    try:
        tree = ast.parse(name, mode="eval").body
    except (SyntaxError, ValueError):
        return
    if not isinstance(tree, ast.Compare | ast.BinOp | ast.Call | ast.BoolOp | ast.Attribute):
        return
    columns = set(_listed(fault))
    for inner in ast.walk(tree):
        if isinstance(inner, ast.Name) and inner.id in columns:
            inner.id = f"_.{inner.id}"
    for node in fault.nodes(ast.Constant):
        if node.value == name:
            title = "an expression is not written as text"
            yield Candidate(fault.source.with_node(node, ast.unparse(tree)), title, 0.8)


def nearest_name(fault: Fault) -> Iterator[Candidate]:
    """Use a variable of nearly the same name."""
    name = fault.parts.get("name", "")
    if not isinstance(fault.region, ast.Name):
        return
    line = fault.region.lineno
    later = {
        node.id
        for node in ast.walk(fault.source.module)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.lineno > line
    }
    known = (set(fault.reading.names) - later) | set(_parameters(fault))
    for other, cost in nearest(name, known):
        title = f"the name is {other!r}, not {name!r}"
        yield Candidate(fault.source.with_node(fault.region, other), title, cost)


def _parameters(fault: Fault) -> Iterator[str]:
    """Yield the parameters of the functions around what raised."""
    for node in fault.source.above(fault.region):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            yield from (item.arg for item in (*node.args.args, *node.args.kwonlyargs))


def column_of_scope(fault: Fault) -> Iterator[Candidate]:
    """Write `_.x` for a column that is written as a bare name."""
    name = fault.parts.get("name", "")
    if not isinstance(fault.region, ast.Name):
        return
    for other, cost in nearest(name, fault.columns(fault.region)):
        title = f"a column is an attribute of its table or of _: _.{other}"
        extra = 0.1 if other == name else 1.0
        if other.isidentifier():
            yield Candidate(fault.source.with_node(fault.region, f"_.{other}"), title, cost + extra)


def of_ibis(fault: Fault) -> Iterator[Candidate]:
    """Qualify a function of Ibis."""
    name = fault.parts.get("name", "")
    if name in _public("", "ibis") and not hasattr(builtins, name):
        text = fault.source.with_node(fault.region, f"ibis.{name}")
        yield Candidate(text, f"{name} is a function of ibis", 0.5)


def imported(fault: Fault) -> Iterator[Candidate]:
    """Import a module or class that is used."""
    for line in data()["imports"].get(fault.parts.get("name", ""), ()):
        place = _after_imports(fault)
        text = fault.source.replaced((place, place, f"{line}\n"))
        yield Candidate(text, f"what is used is imported: {line}", 0.4)


def _after_imports(fault: Fault) -> int:
    """Find the line after the last import at the top."""
    place = 0
    for statement in fault.source.module.body:
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (isinstance(statement, ast.Import | ast.ImportFrom) or is_text):
            break
        newline = fault.source.text.find("\n", fault.source.end(statement))
        place = len(fault.source.text) if newline < 0 else newline + 1
    return place


def nearest_import(fault: Fault) -> Iterator[Candidate]:
    """Import a name that there is."""
    name, module = fault.parts.get("name", ""), fault.parts.get("module", "")
    missing = fault.parts.get("missing") or fault.parts.get("refused")
    for node in fault.nodes(ast.ImportFrom, ast.Import):
        for item in node.names:
            if missing and item.name == missing:
                for other, cost in nearest(missing, data()["modules"]["known"]):
                    yield _import(fault, item, other, cost)
            elif not missing and item.name == name:
                for other, cost in nearest(name, _public("", module)):
                    yield _import(fault, item, other, cost)
        if missing and isinstance(node, ast.ImportFrom) and node.module == missing:
            start = fault.source.text.find(missing, fault.source.start(node))
            for other, cost in nearest(missing, data()["modules"]["known"]):
                text = fault.source.replaced((start, start + len(missing), other))
                yield Candidate(text, f"the module is called {other}", cost)


def _import(fault: Fault, item: ast.alias, other: str, cost: float) -> Candidate:
    start = fault.source.start(item)
    text = fault.source.replaced((start, start + len(item.name), other))
    return Candidate(text, f"what is imported is called {other}, not {item.name}", cost)


def nearest_table(fault: Fault) -> Iterator[Candidate]:
    """Read a table of nearly the same name."""
    name = fault.parts.get("name", "")
    connection = fault.reading.names.get("con")
    known = connection.list_tables() if isinstance(connection, Connection) else []
    for node in fault.nodes(ast.Constant):
        if node.value == name:
            for other, cost in nearest(name, known):
                text = fault.source.with_node(node, _quoted(fault, node, other))
                yield Candidate(text, f"the table is called {other!r}, not {name!r}", cost)


def qualified(fault: Fault) -> Iterator[Candidate]:
    """Take a column from the variable that has it."""
    name = fault.parts.get("name", "")
    for node in _blamed(fault):
        if isinstance(node.value, ast.Name):
            for other, value in fault.reading.names.items():
                table = value if isinstance(value, ir.Table) else None
                if table is not None and name in table.columns and other != node.value.id:
                    title = f"{name!r} is a column of {other}"
                    cost = 2.0 if node.value.id == "_" else 1.4
                    yield Candidate(fault.source.with_node(node.value, other), title, cost)


def uncalled_method(fault: Fault) -> Iterator[Candidate]:
    """Call a method."""
    for node in fault.nodes(ast.Attribute):
        if _is_called(fault, node):
            continue
        inner = fault.value(node.value)
        if isinstance(inner, Deferred) or inner is UNKNOWN or not isinstance(inner, ir.Expr):
            continue
        found = None
        if node.attr in _public(type(inner).__name__, ""):
            with contextlib.suppress(AttributeError, TypeError, ibis.IbisError):
                found = getattr(inner, node.attr)
        if callable(found) and not isinstance(found, ir.Expr):
            end = fault.source.end(node)
            yield Candidate(fault.source.replaced((end, end, "()")), f".{node.attr} is called", 0.4)


def called_column(fault: Fault) -> Iterator[Candidate]:
    """Leave out the parentheses after a column."""
    for node in fault.nodes(ast.Call):
        if not node.args and not node.keywords and isinstance(node.func, ast.Attribute):
            title = f"{node.func.attr} is a column, which is not called"
            piece = (fault.source.end(node.func), fault.source.end(node), "")
            yield Candidate(fault.source.replaced(piece), title, 0.6)


def owner_of_method(fault: Fault) -> Iterator[Candidate]:
    """Call a method of tables on the table, not on a column of it; one of columns on the column."""
    name = fault.parts.get("name", "")
    source = fault.source
    for node in _blamed(fault):
        inner = node.value
        if name in _public("Table", "") and isinstance(inner, ast.Attribute | ast.Subscript):
            holder = table_of(fault.reading.values.get(inner.value))
            if holder is not None:
                title = f"{name} is a method of the table"
                piece = (source.outer(inner.value)[1], source.end(inner), "")
                yield Candidate(source.replaced(piece), title, 0.7)
        if (
            name in _public("Table", "")
            and isinstance(inner, ast.Call)
            and fault.parts.get("owner")
        ):
            holder_node = inner.func.value if isinstance(inner.func, ast.Attribute) else None
            holder = fault.reading.values.get(holder_node) if holder_node is not None else None
            if table_of(holder) is not None:
                end = source.end(inner)
                yield Candidate(
                    source.replaced((end, end, ".as_table()")),
                    f"{name} is a method of tables",
                    2.0,
                )


def grouped_filter(fault: Fault) -> Iterator[Candidate]:
    """Filter groups with `having`."""
    for node in fault.nodes(ast.Attribute):
        holder = fault.reading.values.get(node.value)
        if isinstance(holder, GroupedTable) and node.attr in ("filter", "where"):
            title = "groups are filtered with having"
            yield Candidate(_renamed(fault, node, "having"), title, 0.5)
