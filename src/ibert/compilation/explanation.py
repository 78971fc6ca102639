"""The steps of a query as a tree, with the lines of the code that made them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import ibis.expr.operations as ops
from ibis.common.graph import Node
from ibis.expr.format import pretty

from ibert.compilation.program import Program

_NUMBERED = re.compile(r"\br\d+\.")
# The clause that each relation of Ibis becomes.
_CLAUSES: dict[str, str] = {
    "Aggregate": "GROUP BY",
    "Difference": "EXCEPT",
    "Distinct": "DISTINCT",
    "DropColumns": "SELECT",
    "DropNull": "WHERE",
    "FillNull": "SELECT",
    "Filter": "WHERE",
    "InMemoryTable": "VALUES",
    "Intersection": "INTERSECT",
    "JoinChain": "JOIN",
    "Limit": "LIMIT",
    "Project": "SELECT",
    "Sample": "TABLESAMPLE",
    "SelfReference": "FROM",
    "Sort": "ORDER BY",
    "TableUnnest": "UNNEST",
    "UnboundTable": "FROM",
    "Union": "UNION",
}


def explained(program: Program) -> str:
    """Give a line for each step, what it reads indented below it.

    Examples
    --------
    >>> from ibert.catalog import Catalog
    >>> catalog = Catalog.from_any({"t": {"g": "string", "x": "int64"}})
    >>> print(explained(Program("t.filter(_.x > 1).select('g')", catalog)))
    SELECT g         line 1
      WHERE x > 1    line 1
        FROM t       line 1
    """
    rows = list(_rows(program, program.expr.as_table().op(), 0, set()))
    width = max(len(text) for text, _ in rows)
    return "\n".join(f"{text:<{width}}    {place}".rstrip() for text, place in rows)


def _rows(
    program: Program, relation: ops.Relation, depth: int, seen: set[ops.Node]
) -> Iterator[tuple[str, str]]:
    clause = _CLAUSES.get(type(relation).__name__, type(relation).__name__)
    again = " (as above)" if relation in seen and _inputs(relation) else ""
    span = program.place_of(relation)
    text = f"{'  ' * depth}{clause} {_detail(relation)}".rstrip() + again
    yield text, f"line {span.line}" if span else ""
    if relation in seen:
        return
    seen.add(relation)
    for part in _inputs(relation):
        yield from _rows(program, part, depth + 1, seen)


def _inputs(relation: ops.Relation) -> list[ops.Relation]:
    """Give the relations that a step reads, those of a join without Ibis' numbers."""
    if isinstance(relation, ops.JoinChain):
        tables = [relation.first, *(link.table for link in relation.rest)]
        return [table.parent for table in tables]
    return [child for child in relation.__children__ if isinstance(child, ops.Relation)]


def _detail(relation: ops.Relation) -> str:
    """Say what a step does, in few words."""
    match relation:
        case ops.UnboundTable() | ops.DatabaseTable():
            return str(relation.name)
        case ops.Filter():
            return " AND ".join(map(_shown, relation.predicates))
        case ops.Sort():
            return ", ".join(map(_shown, relation.keys))
        case ops.Project():
            return ", ".join(relation.values)
        case ops.Aggregate():
            return f"{', '.join(relation.groups)}: {', '.join(relation.metrics)}".strip(": ")
        case ops.JoinChain():
            links = (
                (link.how, " AND ".join(map(_shown, link.predicates))) for link in relation.rest
            )
            return "; ".join(f"{how} on {keys}" if keys else how for how, keys in links)
        case ops.Limit():
            return str(relation.n if not isinstance(relation.n, Node) else _shown(relation.n))
        case _:
            return ""


def _shown(value: ops.Node) -> str:
    """Write a value as Ibis prints it, without the names of relations."""
    text = str(pretty(value)).strip().splitlines()[-1]
    return _NUMBERED.sub("", text.partition(": ")[2] or text)
