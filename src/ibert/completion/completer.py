"""Complete code at a cursor: read, gather, rank, and keep what builds."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import ibis.expr.types as ir
import msgspec
from ibis.common.deferred import Deferred
from ibis.expr.types.groupby import GroupedTable

from ibert.completion.candidates import Candidate, candidates, quoted
from ibert.completion.context import Context, context_of, with_traits
from ibert.completion.cursor import Cursor, locate
from ibert.completion.ranking import Counts, Ranking
from ibert.completion.scope import Scope
from ibert.completion.steps import steps
from ibert.completion.vocabulary import STARS, columns_of, family
from ibert.interpreter import UNKNOWN, Interpreter

COUNTS = "counts.json"
# Kinds of candidates that are whole arguments: the call around them is built with each.
_WHOLE = frozenset({"column", "type", "value", "field", "table", "string"})


class Site(NamedTuple):
    """A place where something can be completed, and what may stand there."""

    scope: Scope
    context: Context
    offered: list[Candidate]


class Proposal(NamedTuple):
    """What is offered: the text that takes the place of what was typed, and what it is."""

    text: str
    kind: str
    detail: str


class Model(msgspec.Struct, frozen=True):
    """What ranking knows: counts, and the names that code often gives to what it makes."""

    counts: Counts
    new_names: tuple[str, ...]


@cache
def model() -> Model:
    """Read what was counted in Ibis' examples and in the templates of the dataset."""
    data = files("ibert.completion").joinpath(COUNTS).read_bytes()
    return msgspec.json.decode(data, type=Model)


def site_at(
    code: str, offset: int, interpreter: Interpreter, new_names: Sequence[str] = ()
) -> Site | None:
    """Read what is at a cursor; None where nothing can be completed."""
    cursor = locate(code, offset)
    if cursor is None:
        return None
    scope = Scope(cursor, interpreter)
    offered = with_traits(scope, candidates(scope, new_names))
    return Site(scope, context_of(scope), offered)


def building(site: Site, ranking: Ranking) -> Iterator[Candidate]:
    """Yield the candidates that begin with what was typed and build, the likeliest first.

    A candidate that can go on is built up to itself, one that is a whole argument with the call
    around it. Where that builds with none of those, what it lacks stands elsewhere: all are kept.
    """
    typed = site.scope.cursor.typed
    in_string = bool(site.scope.cursor.quote)
    kept = [one for one in site.offered if (one.name if in_string else one.token).startswith(typed)]
    held: list[Candidate] = []
    built = False
    for one in ranking.ranked(site.context, kept):
        if one.kind not in _WHOLE or isinstance(site.scope.node, ast.Attribute):
            if _begins(site.scope, one):
                yield one
        elif site.scope.call_builds(one.token):
            built = True
            yield one
        elif not built and len(held) < _HELD:
            held.append(one)
    if not built:
        yield from held


_HELD = 20  # candidates that do not build and are kept until one does


def _begins(scope: Scope, one: Candidate) -> bool:
    """Whether a candidate by itself can be read."""
    node = scope.node
    try:
        if isinstance(node, ast.Attribute):
            holder = scope.value(node.value)
            if isinstance(holder, GroupedTable) and one.kind == "column":
                holder = holder.table.to_expr()
            if holder is not UNKNOWN and not isinstance(holder, Deferred):
                getattr(holder, one.name)
    except Exception:  # noqa: BLE001  whatever Ibis raises, it is not offered
        return False
    return True


def proposals(site: Site, ranking: Ranking, limit: int) -> Iterator[Proposal]:
    """Yield what is offered at a cursor, the likeliest first."""
    cursor = site.scope.cursor
    node = site.scope.node
    holder = site.scope.value(node.value) if isinstance(node, ast.Attribute) else UNKNOWN
    whole = dict(steps(site.scope, holder)) if not cursor.typed else {}
    for _, one in zip(range(limit), building(site, ranking), strict=False):
        yield Proposal(_written(cursor, one), one.kind, _detail(site.scope, one))
        if one.name in whole and one.kind == "method":
            yield Proposal(whole[one.name], "step", "")


def _written(cursor: Cursor, one: Candidate) -> str:
    """Write a candidate as code, with the quote that was typed."""
    if one.kind in ("parameter", "new name"):
        return f"{one.token}="
    if not cursor.quote or cursor.quote == '"':
        return one.token
    if len(cursor.quote) == 1 and "'" not in one.name and "\\" not in one.token:
        return f"'{one.name}'"
    return quoted(one.name)


def _detail(scope: Scope, one: Candidate) -> str:
    """Describe a candidate: the type of a column, the signature of a method."""
    node = scope.node
    holder: Any = scope.value(node.value) if isinstance(node, ast.Attribute) else UNKNOWN
    if isinstance(holder, GroupedTable) and one.kind == "column":
        holder = holder.table.to_expr()
    if one.kind == "column":
        tables = [holder, scope.relation, *scope.names.values()]
        for table in tables:
            if isinstance(table, ir.Table) and one.name in columns_of(table):
                return str(columns_of(table)[one.name])
    if isinstance(node, ast.Attribute) and holder is not UNKNOWN:
        found = getattr(holder, one.name, None)
        return _signature(found) if callable(found) else ""
    if one.kind == "variable":
        value = scope.names.get(one.name, UNKNOWN)
        return "" if value is UNKNOWN else family(value)
    return ""


def _signature(function: Any) -> str:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ""
    names = (f"{STARS.get(one.kind, '')}{one.name}" for one in parameters)
    return f"({', '.join(names)})"
