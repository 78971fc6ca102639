"""Look into the Python syntax of values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

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
    """Yield a node and all within it, in the order in which they are written."""
    pending = [node]
    while pending:
        item = pending.pop()
        yield item
        parts: list[ast.AST] = []
        for name in item._fields:
            part = getattr(item, name, None)
            if isinstance(part, ast.AST):
                parts.append(part)
            elif isinstance(part, list):
                parts += [member for member in part if isinstance(member, ast.AST)]
        pending += reversed(parts)


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
        return rebuilt(node, rewrite)

    node = rewrite(value.node)
    assert isinstance(node, ast.expr)
    eager.update(value.eager & uses)
    return Value(node, value.type, value.declared, frozenset(uses), frozenset(eager), value.literal)


def rebuilt(node: ast.AST, change: Callable[[ast.AST], ast.AST]) -> ast.AST:
    """Give a node anew, with its parts changed."""
    if not node._fields:
        return node
    made: dict[str, object] = {}
    for name in node._fields:
        part = getattr(node, name, None)
        if isinstance(part, ast.AST):
            made[name] = change(part)
        elif isinstance(part, list):
            made[name] = [change(item) if isinstance(item, ast.AST) else item for item in part]
        else:
            made[name] = part
    return type(node)(**made)


def is_scalar(value: Value) -> bool:
    """Whether a value is made of the single value of a query by methods alone."""
    node = value.node
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, RelationNode | ColumnNode)


def subqueries_of(value: Value) -> list[Relation]:
    """Give the relations that a value reads."""
    return _relations(nodes(value.node))


def free_slots(
    relation: Relation, known: dict[Relation, frozenset[Slot]] | None = None
) -> frozenset[Slot]:
    """Give the slots whose fields a relation reads without being made from them.

    `known` keeps what was found, for calls between which no relation changes what it reads.
    """
    known = {} if known is None else known
    pending = [relation]
    read: dict[Relation, list[FieldNode | RelationNode | ColumnNode]] = {}
    while pending:
        item = pending.pop()
        if item in known:
            continue
        if item not in read:
            read[item] = list(_reads(item))
            pending += [item, *item.inputs, *_relations(read[item])]
            continue
        slots = {node.slot for node in read[item] if isinstance(node, FieldNode)}
        slots.update(*(known[part] for part in _relations(read[item])))
        slots -= {part.slot for part in item.inputs}
        known[item] = frozenset(slots).union(*(known[part] for part in item.inputs))
    return known[relation]


def _reads(relation: Relation) -> Iterator[FieldNode | RelationNode | ColumnNode]:
    for value in relation.values:
        for node in nodes(value.node):
            if isinstance(node, FieldNode | RelationNode | ColumnNode):
                yield node


def _relations(read: Iterable[ast.AST]) -> list[Relation]:
    return [node.relation for node in read if isinstance(node, RelationNode | ColumnNode)]


def slots_of(node: ast.AST) -> frozenset[Slot]:
    """Give the rows that some syntax reads, also those around the queries in it."""
    found: set[Slot] = set()
    for part in nodes(node):
        if isinstance(part, FieldNode):
            found.add(part.slot)
        elif isinstance(part, RelationNode | ColumnNode):
            found |= free_slots(part.relation)
    return frozenset(found)
