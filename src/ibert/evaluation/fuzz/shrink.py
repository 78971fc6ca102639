"""Make a query smaller while something about it stays true."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sqlglot
from sqlglot import exp

TRIES = 400  # of smaller queries, at most

# Clauses that a statement or a call can do without.
_OPTIONAL = (
    *("limit", "offset", "with_", "order", "joins", "qualify", "having", "where", "distinct"),
    *("group", "laterals", "spec", "partition_by", "filter"),
)


def shrunk(sql: str, holds: Callable[[str], bool], *, tries: int = TRIES) -> str:
    """Delete parts of a query for as long as a predicate holds.

    Parameters
    ----------
    sql
        A query in DuckDB's dialect, for which the predicate holds.
    holds
        What has to stay true. It is asked about queries that may be nonsense.
    tries
        How often it is asked at most.

    Examples
    --------
    >>> shrunk("SELECT a, b + 1 FROM t WHERE a > 2 AND b < 3 ORDER BY a", lambda sql: "b" in sql)
    'SELECT b FROM t'
    """
    asked: set[str] = {sql}
    before = None
    while before != sql:  # until a whole pass finds nothing
        before, index = sql, 0
        while index < _size(sql):
            smaller = (text for text in _smaller(sql, index) if text not in asked)
            for candidate in smaller:
                if len(asked) > tries:
                    return sql
                asked.add(candidate)
                if holds(candidate):
                    sql = candidate
                    break
            else:
                index += 1
    return sql


def _size(sql: str) -> int:
    return sum(1 for _ in sqlglot.parse_one(sql, read="duckdb").bfs())


def _smaller(sql: str, index: int) -> Iterator[str]:
    """Give the queries that lack something of one node of this one, those that lack most first."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    for change in _CHANGES:
        for candidate in change(tree, index):
            if len(candidate) < len(sql):
                yield candidate


def _node(tree: exp.Expr, index: int) -> exp.Expr:
    """Give the node at a place of the breadth-first walk."""
    return next(node for i, node in enumerate(tree.bfs()) if i == index)


# What may stand for what: a query for a query, a truth value for a truth value.
_ALIKE = ((exp.Query,), (exp.Predicate, exp.Connector, exp.Not), (exp.Condition,))


def _replaced_by_children(tree: exp.Expr, index: int) -> Iterator[str]:
    """Put something of a node's own in its place: a branch, an argument, an inner query."""
    node = _node(tree, index)
    wanted = next((kinds for kinds in _ALIKE if isinstance(node, kinds)), ())
    if not isinstance(node, wanted) or isinstance(node, exp.Column | exp.Literal | exp.Table):
        return
    inner = [child for child in node.walk() if child is not node and isinstance(child, wanted)]
    for child in inner[:6]:
        if node is tree:
            yield child.sql("duckdb")
        elif not isinstance(child, exp.Star):
            copy = tree.copy()
            _node(copy, index).replace(child.copy())
            yield copy.sql("duckdb")


def _without_parts(tree: exp.Expr, index: int) -> Iterator[str]:
    """Leave out an optional clause of a node, or an element of one of its lists."""
    args = _node(tree, index).args
    for key in _OPTIONAL:
        if args.get(key):
            copy = tree.copy()
            _node(copy, index).set(key, None)
            yield copy.sql("duckdb")
    for key, value in args.items():
        if isinstance(value, list) and (len(value) > 1 or key == "joins"):
            for place in range(len(value)):
                copy = tree.copy()
                node = _node(copy, index)
                node.set(key, [part for i, part in enumerate(node.args[key]) if i != place])
                yield copy.sql("duckdb")


def _without_group(tree: exp.Expr, index: int) -> Iterator[str]:
    """Leave out what a SELECT groups by, or one of its keys, wherever it stands."""
    select = _node(tree, index)
    group = select.args.get("group")
    if not isinstance(select, exp.Select) or not group:
        return
    copy = tree.copy()
    bare = _node(copy, index)
    bare.set("group", None)
    bare.set("expressions", [item for item in bare.expressions if item.find(exp.AggFunc)])
    if bare.expressions:
        yield copy.sql("duckdb")
    for place, key in enumerate(group.expressions):
        copy = tree.copy()
        bare = _node(copy, index)
        kept = [
            item for item in bare.expressions if item.unalias() != key and item.alias != key.name
        ]
        bare.set("expressions", kept)
        bare.args["group"].expressions.pop(place)
        if kept and bare.args["group"].expressions:
            yield copy.sql("duckdb")


def _without_column(tree: exp.Expr, index: int) -> Iterator[str]:
    """Leave out a column of a set operation, in all of its arms."""
    node = _node(tree, index)
    if not isinstance(node, exp.SetOperation):
        return
    for place in range(len(node.selects)):
        copy = tree.copy()
        for select in _arms(_node(copy, index)):
            kept = [item for i, item in enumerate(select.expressions) if i != place]
            select.set("expressions", kept)
            select.set("order", None)
        if len(node.selects) > 1:
            yield copy.sql("duckdb")


def _arms(query: exp.Expr) -> Iterator[exp.Expr]:
    """Give the SELECTs that a set operation puts together."""
    if isinstance(query, exp.SetOperation | exp.Subquery):
        yield from _arms(query.this)
    if isinstance(query, exp.SetOperation):
        yield from _arms(query.expression)
    if isinstance(query, exp.Select):
        yield query


_CHANGES = (_replaced_by_children, _without_parts, _without_group, _without_column)
