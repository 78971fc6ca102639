"""The comments of a query, above what its parts become."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlglot import Token, exp

from ibert.translator.conditions import conjuncts
from ibert.translator.relations import (
    Aggregate,
    Join,
    Relation,
    SetOperation,
    Step,
    TableRelation,
    View,
)
from ibert.translator.scope import Context, Output, Scope

Query = Callable[[exp.Expr, Scope | None, Context], Output]

_KEY = "comments"  # in the `meta` of a query
_HEADING = ""
_PROJECTION = ("select", "mutate", "drop", "rename", "agg", "distinct")
# The steps that a clause becomes.
_STEPS: dict[str, tuple[str, ...]] = {
    _HEADING: (),
    "expression": ("union", "intersect", "difference"),
    "expressions": _PROJECTION,
    "distinct": ("distinct", *_PROJECTION),
    "from_": (),
    "joins": ("join",),
    "laterals": ("unnest", "join"),
    "where": ("filter", "join"),
    "group": ("agg",),
    "having": ("agg", "filter"),
    "qualify": ("filter",),
    "windows": _PROJECTION,
    "order": ("order_by",),
    "limit": ("limit",),
    "offset": ("limit",),
}
_EARLY = ("joins", "where")  # of several such steps, these become the first ones


class Comment(NamedTuple):
    """A comment of a query.

    Parameters
    ----------
    clause
        Where it stands: a key of the query's `args`, or nothing for the query as a whole.
    part
        The number of the condition or the name of the column that it is about.
    text
        What it says.
    """

    clause: str
    part: int | str | None
    text: str


def collect(tree: exp.Expr, original: exp.Expr, text: str, tokens: Iterable[Token]) -> None:
    """Note in each query of a tree its comments, as they stand in the text.

    Parameters
    ----------
    tree
        What is translated.
    original
        The statement that it comes from, maybe in another dialect.
    text
        The script.
    tokens
        The statement in it.
    """
    queries = list(original.find_all(exp.Query))
    found = {id(query): list(_comments(query)) for query in queries}
    seen = {comment.text for comments in found.values() for comment in comments}
    for position, comment in _of_tokens(tokens):
        if comment not in seen and queries:
            seen.add(comment)
            query, clause = _set_operation(_next(queries, position))
            found[id(query)].append(Comment(clause, None, comment))
    translated: list[exp.Expr] = list(tree.find_all(exp.Query))
    if len(translated) != len(queries):
        translated = [tree]
    for query, other in zip(translated, queries, strict=False):
        comments = found[id(other)]
        if comments:
            query.meta[_KEY] = sorted(comments, key=lambda comment: _position(comment.text, text))


def with_comments(query: Query) -> Query:
    """Make the translation of queries carry their comments over."""
    finished: set[Relation] = set()

    def commented(node: exp.Expr, outer: Scope | None, context: Context) -> Output:
        found = _noted(node)
        output = query(node, outer, context)
        chain = list(_chain(output.relation, finished))
        for comment in found:
            _attach(comment, node, output.relation, chain)
        finished.update(chain)
        return output

    return commented


def lines(comments: Iterable[str]) -> list[str]:
    r"""Give the lines of comments without what only lays them out.

    Examples
    --------
    >>> lines([" one ", "*\n * two\n *   three\n "])
    ['one', 'two', '  three']
    """
    found = []
    for comment in comments:
        stripped = [line.strip() for line in comment.strip().splitlines()]
        if len(stripped) > 1 and all(line.startswith("*") for line in stripped[1:]):
            stripped = [line.lstrip("*") for line in stripped]
        text = textwrap.dedent("\n".join(line for line in stripped)).strip("\n")
        found += text.splitlines()
    return found


def _position(comment: str, text: str) -> int:
    found = (text.find(mark + comment) for mark in ("--", "/*", "#"))
    return min((place for place in found if place >= 0), default=len(text))


def _noted(node: exp.Expr) -> list[Comment]:
    """Give the comments of a query, and of what stands in its parentheses."""
    found = list(node.meta.get(_KEY, ()))
    while isinstance(node, exp.Subquery | exp.Paren):
        node = node.this
        found += node.meta.get(_KEY, ())
    return found


def _of_tokens(tokens: Iterable[Token]) -> Iterator[tuple[int, str]]:
    for token in tokens:
        for comment in token.comments:
            yield token.start, comment


def _next(queries: Sequence[exp.Expr], position: int) -> exp.Expr:
    """Find the first query that begins after a place; the outermost one, if none does."""
    starts = [(_start(query), -i) for i, query in enumerate(queries)]
    later = [(start, i) for start, i in starts if start >= position]
    return queries[-min(later)[1]] if later else queries[0]


def _set_operation(query: exp.Expr) -> tuple[exp.Expr, str]:
    """Give the set operation that a query is a member of, and its clause there."""
    clause = _HEADING
    while isinstance(query.parent, exp.SetOperation):
        clause = "expression" if query.arg_key == "expression" else clause
        query = query.parent
    return query, clause


def _start(query: exp.Expr) -> int:
    return min((part.meta["start"] for part in query.walk() if "start" in part.meta), default=0)


def _comments(query: exp.Expr) -> Iterator[Comment]:
    """Give the comments of a query; those of queries within are theirs."""
    for comment in _heading(query):
        yield Comment(_HEADING, None, comment)
    if isinstance(query, exp.SetOperation):
        if not isinstance(query.parent, exp.SetOperation):
            yield from (Comment("expression", None, comment) for comment in _of_members(query))
        return
    for clause in _STEPS:
        found = query.args.get(clause)
        for item in found if isinstance(found, list) else [found]:
            if isinstance(item, exp.Expr):
                yield from _of_clause(clause, item)


def _heading(query: exp.Expr) -> list[str]:
    if isinstance(query.parent, exp.SetOperation):
        return []
    found = _outside(query)
    if not isinstance(query, exp.SetOperation):
        return [*found, *(query.comments or [])]
    while isinstance(query, exp.SetOperation):
        query = query.this
    # What stands before the first of several queries is about all of them.
    return [*found, *(query.comments or [])]


def _of_members(query: exp.Expr) -> Iterator[str]:
    """Give the comments of the queries that set operations connect, but for the first one."""
    yield from query.comments or []
    for member in (query.this, query.expression):
        if isinstance(member, exp.SetOperation):
            yield from _of_members(member)
        elif member is query.expression:
            yield from member.comments or []


def _of_clause(clause: str, item: exp.Expr) -> Iterator[Comment]:
    if clause == "expressions":
        name = item.alias_or_name
        yield from (Comment(clause, name, comment) for comment in _within(item))
    elif clause == "where":
        yield from _of_conditions(item)
    else:
        yield from (Comment(clause, None, comment) for comment in _within(item))


def _of_conditions(where: exp.Expr) -> Iterator[Comment]:
    """Give the comments of conditions; one at an AND is about what follows."""
    parts = conjuncts(where.this)
    numbers = {id(part): i for i, part in enumerate(parts)}
    for i, part in enumerate(parts):
        yield from (Comment("where", i, comment) for comment in _within(part))
    for node in where.walk(prune=lambda node: id(node) in numbers):
        if id(node) not in numbers:
            following = node.args.get("expression") or where.this
            number = numbers.get(id(conjuncts(following)[0]), 0)
            yield from (Comment("where", number, comment) for comment in node.comments or [])


def _outside(query: exp.Expr) -> list[str]:
    """Give the comments at the name that a query has: as a CTE or a derived table."""
    around = query.parent
    if not isinstance(around, exp.CTE | exp.Subquery):
        return []
    found = [] if isinstance(around, exp.Query) else list(around.comments or [])
    alias = around.args.get("alias")
    if alias is not None:
        found += [comment for part in alias.walk() for comment in part.comments or []]
    clause = around.parent
    if isinstance(clause, exp.With) and clause.expressions[0] is around:
        found = [*(clause.comments or []), *found]
    return found


def _within(node: exp.Expr) -> Iterator[str]:
    if isinstance(node, exp.Query):
        return
    yield from node.comments or []
    for part in node.iter_expressions():
        yield from _within(part)


def _chain(relation: Relation, finished: set[Relation]) -> Iterator[Relation]:
    """Yield the steps of a query from its output inwards, without those of queries within."""
    pending = [relation]
    while pending:
        item = pending.pop()
        if item in finished or isinstance(item, TableRelation):
            continue
        yield item
        pending += reversed(item.inputs)


def _attach(comment: Comment, node: exp.Expr, output: Relation, chain: list[Relation]) -> None:
    text = lines([comment.text])
    wanted = [item for item in chain if _kind(item) in _STEPS[comment.clause]]
    if comment.clause in _EARLY:
        wanted.reverse()
    for item in wanted:
        if comment.part is not None and _has_part(item, comment.part, node):
            item.notes.setdefault(comment.part, []).extend(text)
            return
    (wanted[0].comments if wanted else output.heading).extend(text)


def _has_part(relation: Relation, part: int | str, node: exp.Expr) -> bool:
    """Whether a step has something of its own for a condition or a column, among others."""
    if isinstance(relation, Aggregate):
        return part in (relation.metrics if len(relation.metrics) > 1 else ())
    if not isinstance(relation, Step) or len(relation.arguments) + len(relation.keywords) < 2:
        return False
    if isinstance(part, int):
        where = node.args.get("where")
        is_whole = where is not None and len(conjuncts(where.this)) == len(relation.arguments)
        return relation.method == "filter" and is_whole
    return part in relation.keywords or part in [value.name for value in relation.arguments]


def _kind(relation: Relation) -> str:
    match relation:
        case View():
            return ""
        case Step():
            return relation.method
        case SetOperation():
            return relation.method
        case Aggregate():
            return "agg"
        case Join():
            return "join"
    return ""
