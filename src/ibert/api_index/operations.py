"""Which operations a function of Ibis builds, read off its source, and where they are supported."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import ibis.expr.api as api
import ibis.expr.operations as ops
import ibis.expr.types as ir

from ibert.backends import compilers_by_backend

_DEPTH = 3  # how many calls of other methods are followed


@cache
def backends_of(operation: str) -> frozenset[str]:
    """Give the SQL backends whose compiler has a rule for an operation."""
    kind = getattr(ops, operation)
    if not issubclass(kind, ops.Value):
        return frozenset(compilers_by_backend())
    return frozenset(
        name for name, compiler in compilers_by_backend().items() if _has_rule(compiler, kind)
    )


def _has_rule(compiler: Any, kind: type[ops.Value]) -> bool:
    if kind in compiler.extra_supported_ops:
        return True
    rule = getattr(compiler, f"visit_{kind.__name__}", None)
    return rule not in (None, compiler.visit_Undefined, compiler.visit_Unsupported)


def operations_of(function: Callable[..., Any], owner: type | None = None) -> tuple[str, ...]:
    """Give the names of the operations that a function builds, in the order of its source.

    What only hands on to other functions of Ibis, or methods of its owner, builds what they build.

    Examples
    --------
    >>> import ibis.expr.types as ir
    >>> operations_of(ir.StringValue.upper)
    ('Uppercase',)
    >>> operations_of(ir.Column.rank)
    ('MinRank',)
    >>> operations_of(ir.Table.left_join, ir.Table)[-1]
    'JoinLink'
    """
    return tuple(dict.fromkeys(_built(function, owner, _DEPTH)))


def _built(function: Callable[..., Any], owner: type | None, depth: int) -> list[str]:
    function = inspect.unwrap(function, stop=_is_own)
    if not inspect.isfunction(function):
        return []
    module, name = sys.modules[function.__globals__["__name__"]], function.__code__.co_qualname
    definition = _definitions(module).get(name)
    if definition is None:
        return []
    own = list(_named(definition))
    if own or not depth:
        return own
    names = vars(module) | _imported(definition)
    return [
        operation
        for called, its_owner in _called(definition, names, owner)
        for operation in _built(called, its_owner, depth - 1)
    ]


def _is_own(function: Any) -> bool:
    """Whether a function has a body of its own, though its signature may be that of another."""
    return str(function.__globals__["__name__"]).startswith("ibis.expr.")


def _named(definition: ast.FunctionDef) -> Iterator[str]:
    """Yield the operations that a body names, except those it only asks about."""
    pending: list[ast.AST] = list(reversed(definition.body))
    while pending:
        node = pending.pop()
        match node:
            case ast.Attribute(value=ast.Name(id="ops"), attr=name):
                kind = getattr(ops, name, None)
                if isinstance(kind, type) and issubclass(kind, ops.Node) and not _is_abstract(kind):
                    yield name
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass")) | ast.AnnAssign():
                continue
        pending += reversed(list(ast.iter_child_nodes(node)))


def _is_abstract(kind: type[ops.Node]) -> bool:
    return kind.__module__ == "ibis.expr.operations.core" and kind is not ops.Alias


def _imported(definition: ast.FunctionDef) -> dict[str, Any]:
    """Give what a body imports."""
    found: dict[str, Any] = {}
    for node in ast.walk(definition):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ibis.expr."):
            assert node.module is not None
            module = import_module(node.module)
            found |= {item.asname or item.name: getattr(module, item.name) for item in node.names}
    return found


def _called(
    definition: ast.FunctionDef, names: dict[str, Any], owner: type | None
) -> Iterator[tuple[Callable[..., Any], type | None]]:
    """Yield the functions that a body calls, and their class, as far as their names tell."""
    for node in ast.walk(definition):
        holder: Any
        match node:
            case ast.Call(func=ast.Name(id=name)):
                holder = SimpleNamespace(**names)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                holder = owner
            case ast.Call(func=ast.Attribute(value=ast.Name(id="ibis"), attr=name)):
                holder = api
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id=maker)), attr=name)):
                holder = names.get(maker)
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Attribute(attr="to_expr")), attr=name)
            ):
                holder = ir.Table
            case _:
                continue
        found = getattr(holder, name, None)
        if inspect.isroutine(found):
            yield found, holder if isinstance(holder, type) else None


@cache
def _definitions(module: ModuleType) -> dict[str, ast.FunctionDef]:
    found: dict[str, ast.FunctionDef] = {}
    pending = [("", part) for part in ast.parse(inspect.getsource(module)).body]
    while pending:
        around, node = pending.pop()
        if isinstance(node, ast.FunctionDef):
            found.setdefault(f"{around}{node.name}", node)  # the last one: others are overloads
            pending += [(f"{around}{node.name}.<locals>.", part) for part in node.body]
        elif isinstance(node, ast.ClassDef):
            pending += [(f"{around}{node.name}.", part) for part in node.body]
    return found
