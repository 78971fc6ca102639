"""Predicate pushdown: conditions with a query that read one member of FROM go before the joins.

Ibis compiles a filter of joined tables to a SELECT around them. DuckDB takes plain conditions from
there to the tables; conditions with a query stay above all rows of the join.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import TYPE_CHECKING

from sqlglot import exp

from ibert.translator import conditions
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Scope, Table

if TYPE_CHECKING:
    from ibert.translator.sides import Side

Member = tuple["Side", exp.Expr | None]


def push_down(
    where: list[exp.Expr], members: Sequence[Member], tables: list[Table], scope: Scope
) -> None:
    """Filter members of FROM by conditions of WHERE, which are taken out of it.

    Where a plain condition restricts another member, joining that first leaves fewer rows to ask
    the query for, and the condition stays.

    Parameters
    ----------
    where
        The conditions that AND connects.
    members
        Members of FROM that are not joined yet, each with the join that adds it.
    tables
        All tables in FROM.
    scope
        The query.
    """
    if len(tables) < 2:
        return
    asking = [part for part in where if part.find(exp.Query) and not part.find(exp.Columns)]
    joins = [join for _, join in members if join is not None]
    sides = list(_kept(members))
    merged = {name.name.casefold() for join in joins for name in join.args.get("using") or ()}
    restricted = set(_restricted([*where, *_conditions(joins)], tables))
    for part in asking:
        columns = list(_columns(part))
        if any(not column.table and column.name.casefold() in merged for column in columns):
            continue
        read = _tables(_columns(part, within=False), tables) or _tables(columns, tables)
        wanted = read | restricted
        side = next((side for side in sides if read and wanted.issubset(side.tables)), None)
        if side is not None and _filtered(side, part, tables, scope):
            where.remove(part)


def _kept(members: Sequence[Member]) -> Iterator[Side]:
    """Yield the members whose columns the joins never fill with NULL."""
    words = [
        (_word(join, "side"), _word(join, "kind")) if join else ("", "") for _, join in members
    ]
    methods = any(join and join.args.get("method") for _, join in members)
    if methods or any(side in ("RIGHT", "FULL") for side, _ in words):
        return
    for (member, _), (side, kind) in zip(members, words, strict=True):
        if not side and kind not in ("SEMI", "ANTI"):
            yield member


def _word(join: exp.Expr, name: str) -> str:
    return join.text(name).upper()


def _conditions(joins: Sequence[exp.Expr]) -> Iterator[exp.Expr]:
    for join in joins:
        if join.args.get("on") is not None:
            yield from conditions.conjuncts(join.args["on"])


def _restricted(parts: Sequence[exp.Expr], tables: list[Table]) -> Iterator[Table]:
    """Yield the tables that plain conditions read alone."""
    for part in parts:
        if part.find(exp.Query) is None:
            read = _tables(_columns(part), tables)
            if len(read) == 1:
                yield from read


def _columns(node: exp.Expr, within: bool = True) -> Iterator[exp.Column]:
    """Yield the columns in a condition, those in its queries left out unless they are wanted."""
    for item in node.walk(prune=lambda item: not within and isinstance(item, exp.Query)):
        if isinstance(item, exp.Column):
            yield item


def _tables(columns: Iterable[exp.Column], tables: list[Table]) -> set[Table]:
    """Give the tables that some columns can be of, by their names alone."""
    names = {(column.table.casefold(), column.name.casefold()) for column in columns}
    return {
        table
        for table in tables
        for alias, name in names
        if name in table.names and alias in ("", table.alias.casefold())
    }


def _filtered(side: Side, part: exp.Expr, tables: list[Table], scope: Scope) -> bool:
    """Filter a member by a condition, unless that reads other members or queries around."""
    others = Scope(scope.context, scope.outer)
    others.ctes = scope.ctes
    others.tables = [table for table in tables if table not in side.tables]
    own = Scope(scope.context, others)
    own.tables, own.relation = [copy(table) for table in side.tables], side.relation
    own.aliases, own.asked = scope.aliases, scope.asked
    try:
        conditions.restrict(own, [part])
    except Refusal:
        return False
    assert own.relation is not None
    if own.correlated or own.relation.columns != side.relation.columns:
        return False
    side.moved(own.relation)
    return True
