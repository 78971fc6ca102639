"""Describe where a cursor is and what tells the candidates there apart, in words of ranking."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

import ibis.expr.types as ir

from ibert.completion.candidates import Candidate
from ibert.completion.cursor import PLACE
from ibert.completion.scope import Scope
from ibert.completion.vocabulary import columns_of, family
from ibert.interpreter import UNKNOWN

_REMEMBERED = 200  # words before the cursor that count as uses
_RECENT = 3  # words that count nearly alike


class Context(NamedTuple):
    """Where a cursor is, as ranking sees it.

    Attributes
    ----------
    chain
        Descriptions of the place, the most telling first.
    hints
        Descriptions that tell something beside those.
    place
        The description that odds are counted for.
    """

    chain: tuple[str, ...]
    hints: tuple[str, ...]
    place: str


def context_of(scope: Scope) -> Context:
    """Describe the place of a cursor."""
    around = _around(scope)
    callee, slot, wrapper, before = around
    word = _first_word(_keyword_at(scope))
    hints = [f"word {word}"] if word else []
    hints.append(f"unused {min(len(scope.unused_tables), 2)}")
    node = scope.node
    chain: tuple[str, ...]
    if isinstance(node, ast.Attribute):
        sort, tail = family(scope.value(node.value)), _tail(node.value)
        chain = (
            f"attribute {sort} {tail} {callee} {slot} {wrapper}",
            f"attribute {sort} {tail} {callee}",
            f"attribute {sort} {tail}",
            f"attribute {sort}",
            "attribute",
        )
        hints += [f"in {callee} {slot}", f"between {wrapper}", f"after {_previous(scope)}"]
        hints = [f"attribute {sort} {hint}" for hint in hints]
        return Context(chain, tuple(hints), f"in {callee}")
    form = "string" if isinstance(node, ast.Constant) else "expression"
    if isinstance(node, ast.alias | ast.ImportFrom):
        form = "import"
    elif isinstance(node, ast.keyword):
        form = "keyword"
    chain = (
        f"{form} {callee} {slot} {wrapper} {before}",
        f"{form} {callee} {slot} {wrapper}",
        f"{form} {callee} {slot}",
        f"{form} {slot} {wrapper}",
        f"{form} {wrapper}",
        form,
    )
    return Context(chain, tuple(f"{form} {hint}" for hint in hints), f"in {callee}")


def _around(scope: Scope) -> tuple[str, str, str, str]:
    """Describe what is around the token: the call, the argument, what is between, what precedes."""
    path = scope.cursor.path
    wrapper: list[str] = []
    before = ""
    expression: ast.AST = path[0]
    for index, node in enumerate(path[1:], 1):
        below = path[index - 1]
        match node:
            case ast.Call(func=func) if below is not func:
                argument = next(item for item in scope.arguments if item.call is node)
                known = argument.keyword
                slot = f"{known}=" if known else f"*{min(argument.position, 3)}"
                if not before and node.args and below is expression and not known:
                    earlier = [item for item in node.args if item is not below]
                    before = _shape(earlier[-1]) if earlier else ""
                return argument.name, slot, " ".join(wrapper[-2:]), before
            case ast.Compare(left=left, ops=[op, *_]) if below is not left:
                wrapper.append(f"{type(op).__name__} {family(scope.value(left))}")
                before = before or _shape(left)
            case ast.BinOp(left=left, op=op) if below is not left:
                wrapper.append(f"{type(op).__name__} {family(scope.value(left))}")
                before = before or _shape(left)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                place = min(elements.index(below), 2) if isinstance(below, ast.expr) else 0
                wrapper.append(f"{type(node).__name__}{place}")
                if len(elements) > 1 and not before:
                    before = _shape(elements[-2])
            case ast.Dict(keys=keys):
                wrapper.append("key" if below in keys else "value")
            case ast.Subscript() | ast.Lambda() | ast.UnaryOp() | ast.comprehension():
                wrapper.append(type(node).__name__)
            case ast.stmt():
                return type(node).__name__, "", " ".join(wrapper[-2:]), before or _previous(scope)
            case _:
                pass
    return "", "", " ".join(wrapper[-2:]), before


def _previous(scope: Scope) -> str:
    """Describe the statement before the one at the cursor."""
    if not scope.cursor.earlier:
        return "first"
    last = scope.cursor.earlier[-1]
    return f"{type(last).__name__} {_tail(last.value)}" if hasattr(last, "value") else "other"


def _shape(node: ast.AST) -> str:
    """Describe an expression in a word."""
    match node:
        case ast.Call():
            return f"{_tail(node)}()"
        case ast.Attribute(value=value):
            return f"{_tail(value)}."
        case ast.Constant(value=value):
            return type(value).__name__
        case ast.Starred(value=value):
            return _shape(value)
        case _:
            return _tail(node)


def _tail(node: ast.AST | None) -> str:
    """Describe what an expression ends in."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return f"{name}()"
        case ast.Name(id="_" | "ibis" | "s" as name):
            return name
        case None:
            return ""
        case _:
            return type(node).__name__


def _keyword_at(scope: Scope) -> str:
    """Give the keyword that the token at the cursor is a value of."""
    for node in scope.cursor.path:
        if isinstance(node, ast.keyword):
            return node.arg or "" if node.arg != PLACE else ""
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            return ""
    return ""


def _first_word(name: str) -> str:
    return name.partition("_")[0].rstrip("0123456789")


def with_traits(scope: Scope, offered: Iterable[Candidate]) -> list[Candidate]:
    """Add what tells the candidates of one label apart."""
    offered = list(offered)
    uses = _uses(scope)
    recent = {name: rank for rank, name in enumerate(uses)}
    ranks = sorted({recent[one.name] for one in offered if one.name in recent})
    order = {rank: min(index, 4) for index, rank in enumerate(ranks)}
    near = _near(scope)
    weight = _weight_of_uses(scope)
    keyword, opposite = _keyword_at(scope), _opposite(scope)
    placed = {name: i for i, name in enumerate(_columns_at(scope))}
    stored = scope.stored
    result = []
    for one in offered:
        last = one.name.rpartition("_")[2]
        used = f"used {order[recent[one.name]]}" if one.name in recent else "unused"
        if one.name in scope.unused_tables:
            used = "idle table"
        traits = [used, f"uses {min(uses.get(one.name, 0), 3)}"]
        traits.append(f"near {min(near.get(one.name, 0), 2)}")
        if keyword:
            traits.append(f"keyword {_likeness(one.name, keyword)}")
        if opposite:
            traits.append(f"opposite {_likeness(one.name, opposite)}")
        if one.name in placed:
            traits.append(f"place {min(placed[one.name], 8)}")
            traits.append("stored" if one.name in stored else "made")
        if one.kind == "column":
            traits.append(f"word {last}")
        use = weight.get(one.name, 0.0)
        result.append(one._replace(traits=(*one.traits, *traits), use=use))
    return result


def _uses(scope: Scope) -> dict[str, int]:
    """Count the names in the code, the last used first."""
    found: dict[str, int] = {}
    for name in scope.words:
        found[name] = found.get(name, 0) + 1
    return found


def _weight_of_uses(scope: Scope) -> dict[str, float]:
    """Weigh the names in the code: what was used last counts most."""
    found: dict[str, float] = {}
    for distance, name in enumerate(scope.words[:_REMEMBERED]):
        found[name] = found.get(name, 0.0) + 1 / (distance + _RECENT)
    return found


def _near(scope: Scope) -> dict[str, int]:
    """Count the names in the call at the cursor."""
    found: dict[str, int] = {}
    if scope.arguments:
        call = scope.arguments[0].call
        for node in (*call.args, *call.keywords):
            for inner in ast.walk(node):
                for name in _names(inner):
                    found[name] = found.get(name, 0) + 1
    return found


def _names(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.Constant(value=str(name)):
            return (name,) if name != PLACE else ()
        case ast.keyword(arg=str(name)):
            return (name,) if name != PLACE else ()
        case _:
            return ()


def _opposite(scope: Scope) -> str:
    """Give the name on the left of the operator at the cursor, or of the pair."""
    for below, node in zip(scope.cursor.path, scope.cursor.path[1:], strict=False):
        match node:
            case ast.Compare(left=left) | ast.BinOp(left=left) if below is not left:
                return next(iter(_names(left)), "")
            case ast.Tuple(elts=[left, _]) if below is not left:
                return next(iter(_names(left)), "")
            case ast.Attribute() | ast.Call():
                continue
            case ast.expr():
                return ""
            case _:
                pass
    return ""


def _columns_at(scope: Scope) -> tuple[str, ...]:
    node = scope.node
    holder = scope.value(node.value) if isinstance(node, ast.Attribute) else UNKNOWN
    table = holder if isinstance(holder, ir.Table) else scope.relation
    return () if table is None else tuple(columns_of(table))


def _likeness(name: str, other: str) -> str:
    """Tell how alike two names are."""
    if name == other:
        return "equal"
    shared = set(name.split("_")) & set(other.split("_"))
    return "alike" if shared else "unlike"
