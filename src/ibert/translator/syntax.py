"""Look into the Python syntax of values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from ibert.translator.relations import Relation
from ibert.translator.values import (
    ColumnNode,
    FieldNode,
    FunctionNode,
    RelationNode,
    Slot,
    Value,
)


def nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all within it."""
    yield node
    for child in ast.iter_child_nodes(node):
        yield from nodes(child)


def fields(value: Value) -> list[FieldNode]:
    """Give the columns that a value reads."""
    return [node for node in nodes(value.node) if isinstance(node, FieldNode)]


def calls(value: Value, *names: str) -> bool:
    """Whether one of some methods is called in a value."""
    return any(isinstance(node, ast.Attribute) and node.attr in names for node in nodes(value.node))


def calls_last(value: Value, *names: str) -> bool:
    """Whether a value is what one of some methods gives."""
    match value.node:
        case ast.Call(func=ast.Attribute(attr=called)):
            return called in names
    return False


def is_windowed(value: Value) -> bool:
    """Whether a value is computed over a window."""
    return calls(value, "over")


def has_subquery(value: Value) -> bool:
    """Whether a value reads another relation."""
    return any(isinstance(node, RelationNode | ColumnNode) for node in nodes(value.node))


def signature(node: ast.AST) -> object:
    """Give what two pieces of syntax have in common exactly if they mean the same."""
    match node:
        case FieldNode():
            return ("field", id(node.slot), node.name)
        case ColumnNode():
            return ("column", id(node.relation), node.name)
        case RelationNode():
            return ("relation", id(node.relation))
        case FunctionNode():
            return ("function", node.function)
        case ast.Constant():
            return (type(node.value).__name__, node.value)
        case ast.Name():
            return node.id
    parts: list[object] = [type(node).__name__]
    for name in node._fields:
        if name == "ctx":
            continue
        part = getattr(node, name, None)
        if isinstance(part, ast.AST):
            parts.append(signature(part))
        elif isinstance(part, list):
            parts.append(
                tuple(signature(item) if isinstance(item, ast.AST) else item for item in part)
            )
        else:
            parts.append(part)
    return tuple(parts)


def replaced(value: Value, replace: Callable[[FieldNode], Value | None]) -> Value:
    """Give a value with other values in place of some of its fields."""
    uses: set[Slot] = set()
    eager: set[Slot] = set()

    def rewrite(node: ast.AST) -> ast.AST:
        if isinstance(node, FieldNode):
            other = replace(node)
            if other is None:
                uses.add(node.slot)
                return node
            uses.update(other.uses)
            eager.update(other.eager)
            if node.slot in value.eager:
                eager.update(other.uses)
            return other.node
        if not node._fields:
            return node
        made: dict[str, Any] = {}
        for name in node._fields:
            part = getattr(node, name, None)
            if isinstance(part, ast.AST):
                made[name] = rewrite(part)
            elif isinstance(part, list):
                made[name] = [rewrite(item) if isinstance(item, ast.AST) else item for item in part]
            else:
                made[name] = part
        return type(node)(**made)

    node = rewrite(value.node)
    assert isinstance(node, ast.expr)
    eager.update(value.eager & uses)
    return Value(node, value.type, value.declared, frozenset(uses), frozenset(eager), value.literal)


def subqueries_of(value: Value) -> list[Relation]:
    """Give the relations that a value reads."""
    return [
        node.relation for node in nodes(value.node) if isinstance(node, RelationNode | ColumnNode)
    ]


def free_slots(relation: Relation) -> frozenset[Slot]:
    """Give the slots whose fields a relation reads without being made from them."""
    known: dict[Relation, frozenset[Slot]] = {}

    def free(item: Relation) -> frozenset[Slot]:
        if item not in known:
            known[item] = frozenset()
            read: set[Slot] = set()
            for value in item.values:
                read.update(node.slot for node in fields(value))
                for part in subqueries_of(value):
                    read |= free(part)
            read -= {part.slot for part in item.inputs}
            known[item] = frozenset(read).union(*map(free, item.inputs))
        return known[item]

    return free(relation)
