"""What a query guarantees of its rows: which columns are never NULL, and that no two are alike.

Only what follows from declared keys, NOT NULL, joins and predicates; where in doubt, nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlglot import exp

from ibert.catalog import Catalog

# Predicates that are not true where one of their operands is NULL.
_STRICT = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Like, exp.ILike)
# Functions that are NULL only where an argument is.
_TRANSPARENT = (exp.Paren, exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Upper, exp.Lower)
_NEVER_NULL = (exp.Count, exp.CountIf, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Exists)
_OF_GROUPS = (exp.Sum, exp.Avg, exp.Min, exp.Max)
_FILTERS = (exp.Where, exp.Join, exp.Having, exp.Qualify, exp.If)
_SETS = ("cube", "rollup", "grouping_sets", "totals", "all")


class _Source(NamedTuple):
    """What stands in FROM: for each column whether it is never NULL, and a key of its rows."""

    name: str
    columns: dict[str, bool]
    key: frozenset[str] | None


class Guarantees:
    """What holds of the rows of a query and its parts.

    Parameters
    ----------
    catalog
        The tables, with their keys.

    Examples
    --------
    >>> from ibert.sql.parse import parse_as_written
    >>> ddl = "CREATE TABLE t (a INT PRIMARY KEY, b INT)"
    >>> guarantees = Guarantees(Catalog.from_ddl(ddl))
    >>> query = parse_as_written("SELECT a, b FROM t WHERE b > 1")
    >>> [guarantees.is_never_null(column) for column in query.expressions]
    [True, True]
    >>> guarantees.are_distinct(query)
    True
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = {name.casefold(): name for name in catalog}
        self._tables = catalog
        self._known: dict[int, _Source] = {}

    # NULL

    def is_never_null(self, node: exp.Expr) -> bool:
        """Tell whether an expression is never NULL where it stands."""
        if isinstance(node, exp.Alias):
            return self.is_never_null(node.this)
        if isinstance(node, exp.Literal | exp.Boolean):
            return not _is_position(node)
        if isinstance(node, _NEVER_NULL):
            return True
        if isinstance(node, exp.Window | exp.Filter):
            return isinstance(node.this, _NEVER_NULL)
        if isinstance(node, exp.Case):
            results = [
                node.args.get("default"),
                *(branch.args["true"] for branch in node.args["ifs"]),
            ]
            return all(result is not None and self.is_never_null(result) for result in results)
        if isinstance(node, exp.Coalesce):
            return any(map(self.is_never_null, [node.this, *node.expressions]))
        if isinstance(node, _TRANSPARENT) or (
            isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast)
        ):
            return all(
                map(self.is_never_null, filter(None, (node.this, node.args.get("expression"))))
            )
        if isinstance(node, _OF_GROUPS):
            select = node.find_ancestor(exp.Select)
            is_grouped = select is not None and bool(_keys(select)) and not _has_sets(select)
            plain = not isinstance(node.parent, exp.Window | exp.Filter)
            return is_grouped and plain and self.is_never_null(node.this)
        return isinstance(node, exp.Column) and self._is_never_null_column(node)

    def _is_never_null_column(self, column: exp.Column) -> bool:
        name = column.name.casefold()
        for select, place in _selects_around(column):
            if _has_sets(select):
                return False
            ordered = isinstance(place, exp.Order)
            aliased = _aliased(select, name) if ordered and not column.table else None
            if aliased is not None and aliased is not column:
                return self.is_never_null(aliased)
            sources = self._sources(select)
            if sources is None:
                return False
            found = _matching(sources, column)
            if len(found) > 1:
                return False
            if found:
                (i,) = found
                if isinstance(place, exp.Join):
                    before = _joins(select).index(place)
                else:
                    before = len(sources) - 1
                    if place.key != "where" and (i, name) in self.rejected(select):
                        return True
                return sources[i].columns.get(name, False) and not _is_extended(select, i, before)
        return False

    def is_idle_for_null(self, node: exp.Expr, operand: exp.Expr) -> bool:
        """Tell whether the value of a predicate does not matter where an operand of it is NULL.

        So it is if what stands beside it, or beside a query around it, lets no such row pass.
        """
        owner = self._owner(operand) if isinstance(operand, exp.Column) else None
        place, above = node, node.parent
        while owner is not None and above is not None and id(place) != owner[0]:
            beside: exp.Expr | None = None
            if isinstance(above, exp.And):
                beside = above.expression if above.this is place else above.this
            elif isinstance(above, (*_STRICT, exp.In)):
                beside = above
            if beside is not None and only_filters(above):
                strict = (*_strict_columns(beside), *_strict_in_exists(beside))
                if any(self._owner(column) == owner for column in strict):
                    return True
            place, above = above, above.parent
        return False

    def _owner(self, column: exp.Column) -> tuple[int, int, str] | None:
        """Find the SELECT and the source that a column is of."""
        for select, _ in _selects_around(column):
            sources = self._sources(select)
            found = _matching(sources, column) if sources else []
            if sources is None or len(found) > 1:
                return None
            if found:
                return id(select), found[0], column.name.casefold()
        return None

    def rejected(self, select: exp.Select) -> set[tuple[int, str]]:
        """Give the columns (number of the source, name) that WHERE and joins keep free of NULL."""
        sources = self._sources(select)
        if sources is None:
            return set()
        where = select.args.get("where")
        found = set(_strict_columns(where.this)) if where else set()
        for join in reversed(_joins(select)):
            if join.side in ("RIGHT", "FULL"):
                break
            if not join.side and join.args.get("on"):
                found |= set(_strict_columns(join.args["on"]))
        matched = ((_matching(sources, column), column) for column in found)
        return {
            (number[0], column.name.casefold()) for number, column in matched if len(number) == 1
        }

    # Rows

    def are_distinct(self, select: exp.Select) -> bool:
        """Tell whether no two rows of a SELECT can be alike, DISTINCT or not."""
        return self._key(select, distinct=False) is not None

    def has_no_ties(self, window: exp.Window) -> bool:
        """Tell whether no two rows of a partition have the same sort key."""
        select = window.find_ancestor(exp.Select)
        order = window.args.get("order")
        if select is None or select.args.get("group") or _is_aggregated(select) or order is None:
            return False
        sources = self._sources(select)
        parts = [*window.args.get("partition_by", []), *(key.this for key in order.expressions)]
        known = {
            (number[0], part.name.casefold())
            for part in parts
            if isinstance(part, exp.Column) and len(number := _matching(sources or [], part)) == 1
        }
        return bool(sources) and self._determines(select, sources or [], known)

    def _key(self, select: exp.Select, *, distinct: bool = True) -> frozenset[str] | None:
        """Give names of output columns that no two rows agree on; None where none is known."""
        group, names = select.args.get("group"), _output_names(select)
        if any(map(_gives_rows, select.expressions)):
            return None
        if distinct and select.args.get("distinct") and not select.args["distinct"].args.get("on"):
            return None if None in names else frozenset(map(str, names))
        numbered = _numbered(select)
        if group or numbered is not None:
            return numbered
        if _is_aggregated(select) or not select.args.get("from_"):
            return frozenset()
        sources = self._sources(select)
        if not sources:
            return None
        outputs = self._plain_outputs(select, sources)
        return (
            frozenset(outputs.values()) if self._determines(select, sources, set(outputs)) else None
        )

    def _plain_outputs(
        self, select: exp.Select, sources: list[_Source]
    ) -> dict[tuple[int, str], str]:
        """Give the columns of sources that are in the output, and what they are called there."""
        found: dict[tuple[int, str], str] = {}
        for projection in select.expressions:
            body = projection.unalias()
            if isinstance(body, exp.Star) or (
                isinstance(body, exp.Column) and isinstance(body.this, exp.Star)
            ):
                changed = _changed_names(body if isinstance(body, exp.Star) else body.this)
                if changed is None:
                    continue
                for i, source in enumerate(sources):
                    if (
                        isinstance(body, exp.Star)
                        or source.name == body.args["table"].name.casefold()
                    ):
                        found |= {(i, name): name for name in source.columns if name not in changed}
            elif isinstance(body, exp.Column) and len(number := _matching(sources, body)) == 1:
                found[number[0], body.name.casefold()] = projection.alias_or_name.casefold()
        return found

    def _determines(
        self, select: exp.Select, sources: list[_Source], known: set[tuple[int, str]]
    ) -> bool:
        """Tell whether values of some columns leave at most one row for each source."""
        joins = _joins(select)
        outer = any(join.side in ("RIGHT", "FULL") for join in joins)
        where = select.args.get("where")
        conditions: list[tuple[int | None, exp.Expr]] = [(None, where.this)] if where else []
        conditions += [
            (i + 1 if join.side else None, join.args["on"])
            for i, join in enumerate(joins)
            if join.args.get("on")
        ]
        equal = [] if outer else [
            (only, part) for only, tree in conditions for part in _conjuncts(tree)
            if isinstance(part, exp.EQ)
        ]  # fmt: skip
        fixed: set[int] = set()
        size = -1
        while size < len(known) + len(fixed):
            size = len(known) + len(fixed)
            for i, source in enumerate(sources):
                if source.key is not None and all((i, name) in known for name in source.key):
                    fixed.add(i)
                    known |= {(i, name) for name in source.columns}
            for only, part in equal:
                for one, other in ((part.this, part.expression), (part.expression, part.this)):
                    number = _matching(sources, one) if isinstance(one, exp.Column) else []
                    if (
                        len(number) == 1
                        and only in (None, *number)
                        and self._given(other, sources, known)
                    ):
                        known.add((number[0], one.name.casefold()))
        return len(fixed) == len(sources)

    def _given(self, node: exp.Expr, sources: list[_Source], known: set[tuple[int, str]]) -> bool:
        """Tell whether the value of an expression follows from known columns."""
        if isinstance(node, exp.Column):
            number = _matching(sources, node)
            return len(number) == 1 and (number[0], node.name.casefold()) in known
        return isinstance(node, exp.Literal)

    # Sources

    def _sources(self, select: exp.Select) -> list[_Source] | None:
        """Give what stands in FROM, in order; None where it is not known what that is."""
        start = select.args.get("from_")
        if start is None or select.args.get("laterals"):
            return None
        found = []
        for item in (start.this, *(join.this for join in _joins(select))):
            source = self._source(item)
            if source is None:
                return None
            found.append(source)
        for join in _joins(select):
            if join.method or join.kind in ("SEMI", "ANTI") or join.args.get("using"):
                return None
        return found

    def _source(self, item: exp.Expr) -> _Source | None:
        if any(item.args.get(part) for part in ("joins", "pivots", "sample", "laterals")):
            return None
        name = item.alias_or_name.casefold()
        if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
            query = _common_table(item)
            if query is None and item.name.casefold() in self._catalog:
                table = self._catalog[item.name.casefold()]
                keys = self._tables.keys.get(table)
                primary = frozenset(column.casefold() for column in (keys.primary if keys else ()))
                columns = {
                    column.casefold(): not dtype.nullable or column.casefold() in primary
                    for column, dtype in self._tables[table].items()
                }
                return _Source(name, columns, primary or None)
        else:
            query = item.this if isinstance(item, exp.Subquery) else None
        alias = item.args.get("alias")
        if not isinstance(query, exp.Select) or (alias and alias.args.get("columns")):
            return None
        if id(query) not in self._known:
            outputs = self._outputs(query)
            if outputs is None:
                return None
            self._known[id(query)] = _Source("", outputs, self._grouped_key(query))
        return self._known[id(query)]._replace(name=name)

    def _outputs(self, query: exp.Select) -> dict[str, bool] | None:
        """Tell of each column of the output whether it is never NULL; None without sure names."""
        found: list[tuple[str | None, bool]] = []
        for name, projection in zip(_output_names(query), query.expressions, strict=True):
            if isinstance(projection, exp.Star) and not any(projection.args.values()):
                found += self._of_star(query)
            else:
                found.append((name, name is not None and self.is_never_null(projection)))
        columns = {name: never for name, never in found if name is not None}
        return columns if len(columns) == len(found) else None

    def _of_star(self, query: exp.Select) -> list[tuple[str | None, bool]]:
        sources = self._sources(query)
        if sources is None or query.args.get("group"):
            return [(None, False)]
        rejected, last = self.rejected(query), len(sources) - 1
        return [
            (name, (i, name) in rejected or (never and not _is_extended(query, i, last)))
            for i, source in enumerate(sources)
            for name, never in source.columns.items()
        ]

    def _grouped_key(self, query: exp.Select) -> frozenset[str] | None:
        keys = _keys(query)
        if not keys or _has_sets(query):
            return self._key(query)
        outputs = {p.unalias(): p.alias_or_name.casefold() for p in query.expressions}
        if all(key in outputs for key in keys):
            return frozenset(outputs[key] for key in keys)
        return None


def _joins(select: exp.Select) -> list[exp.Join]:
    return select.args.get("joins") or []


def _keys(select: exp.Select) -> list[exp.Expr]:
    group = select.args.get("group")
    return list(group.expressions) if group else []


def _has_sets(select: exp.Select) -> bool:
    group = select.args.get("group")
    return bool(group and any(group.args.get(part) for part in _SETS))


def _is_aggregated(select: exp.Select) -> bool:
    """Tell whether it gives one row for all: an aggregate of its own that is no window."""
    return any(
        not isinstance(function.parent, exp.Window)
        and function.find_ancestor(exp.Select) is select
        and function.find_ancestor(exp.Window, exp.Select) is select
        for projection in select.expressions
        for function in projection.find_all(exp.AggFunc)
    )


def only_filters(node: exp.Expr) -> bool:
    """Tell whether NULL is as good as false for a predicate."""
    above = node.parent
    below = node
    while isinstance(above, exp.And | exp.Or | exp.Paren):
        below, above = above, above.parent
    if isinstance(above, exp.If):
        return above.this is below
    return isinstance(above, _FILTERS)


def _gives_rows(projection: exp.Expr) -> bool:
    """Tell whether a projection may multiply rows."""
    return projection.find(exp.Explode, exp.Unnest, exp.Anonymous) is not None


def _numbered(select: exp.Select) -> frozenset[str] | None:
    """Give the output columns that number the rows: row_number() and what it starts again for."""
    outputs = {p.unalias(): p.alias_or_name.casefold() for p in select.expressions}
    for body, name in outputs.items():
        if isinstance(body, exp.Window) and isinstance(body.this, exp.RowNumber) and name:
            parts = body.args.get("partition_by") or []
            if not body.args.get("alias") and all(part in outputs for part in parts):
                return frozenset([name, *(outputs[part] for part in parts)])
    return None


def _changed_names(star: exp.Expr) -> set[str] | None:
    """Give the columns that a star leaves out or puts something else for; None if it renames."""
    if any(part for name, part in star.args.items() if name not in ("except_", "replace")):
        return None
    parts = [*(star.args.get("except_") or []), *(star.args.get("replace") or [])]
    return {part.alias_or_name.casefold() for part in parts}


def _is_position(node: exp.Expr) -> bool:
    """Tell whether a literal stands for a column of the output."""
    return isinstance(node.parent, exp.Ordered | exp.Group)


def _output_names(select: exp.Select) -> list[str | None]:
    """Give the names of the output; None for what has no certain one."""
    return [
        None if projection.is_star else projection.alias_or_name.casefold() or None
        for projection in select.expressions
    ]


def _aliased(select: exp.Select, name: str) -> exp.Expr | None:
    found = [p.this for p in select.expressions if isinstance(p, exp.Alias)
             and p.alias.casefold() == name]  # fmt: skip
    return found[0] if len(found) == 1 else None


def _selects_around(node: exp.Expr) -> Iterator[tuple[exp.Select, exp.Expr]]:
    """Give the SELECTs that an expression stands in, each with the part of it that holds it."""
    place, above = node, node.parent
    while above is not None:
        if isinstance(above, exp.SetOperation) and isinstance(place, exp.Order):
            return
        if isinstance(above, exp.Select):
            yield above, place
            around = above.parent and above.parent.parent
            if isinstance(above.parent, exp.CTE) or isinstance(around, exp.From | exp.Join):
                return  # it sees nothing of what is around it
        place, above = above, above.parent


def _matching(sources: list[_Source], column: exp.Expr) -> list[int]:
    """Give the numbers of the sources that a column may be of."""
    table, name = column.text("table").casefold(), column.name.casefold()
    if table:
        return [i for i, source in enumerate(sources) if source.name == table]
    return [i for i, source in enumerate(sources) if name in source.columns]


def _is_extended(select: exp.Select, i: int, before: int) -> bool:
    """Tell whether one of the first joins may put NULL in the columns of a source."""
    for k, join in enumerate(_joins(select)[:before]):
        if (i <= k and join.side in ("RIGHT", "FULL")) or (
            i == k + 1 and join.side in ("LEFT", "FULL")
        ):
            return True
    return False


def _conjuncts(tree: exp.Expr) -> Iterator[exp.Expr]:
    tree = tree.unnest()
    parts = tree.flatten() if isinstance(tree, exp.And) else [tree]
    for part in parts:
        inner = part.unnest()
        if isinstance(inner, exp.And):
            yield from _conjuncts(inner)
        else:
            yield inner


def _strict_columns(tree: exp.Expr) -> Iterator[exp.Column]:
    """Give the columns for whose NULL a condition is not true."""
    for part in _conjuncts(tree):
        inner = part.this.unnest() if isinstance(part, exp.Not) else part
        if isinstance(part, exp.Not) and isinstance(inner, exp.Is):
            if isinstance(inner.expression, exp.Null):
                yield from _seen_through(inner.this)
        elif isinstance(inner, exp.Column):
            yield inner
        elif isinstance(part, exp.In | exp.Between):
            yield from _seen_through(part.this)
        elif isinstance(part, _STRICT) and not isinstance(part.expression, exp.All | exp.Any):
            yield from _seen_through(part.this)
            yield from _seen_through(part.expression)


def _strict_in_exists(tree: exp.Expr) -> Iterator[exp.Column]:
    """Give the columns, of whatever query, for whose NULL an EXISTS finds no row."""
    for part in _conjuncts(tree):
        inner = part.this if isinstance(part, exp.Exists) else None
        if not isinstance(inner, exp.Select) or _is_aggregated(inner):
            continue
        if inner.args.get("where") and not (inner.args.get("group") or inner.args.get("having")):
            yield from _strict_columns(inner.args["where"].this)


def _seen_through(node: exp.Expr) -> Iterator[exp.Column]:
    """Give the columns whose NULL makes an expression NULL."""
    if isinstance(node, exp.Column):
        yield node
    elif isinstance(node, (*_TRANSPARENT, exp.Cast)):
        for part in (node.this, node.args.get("expression")):
            if isinstance(part, exp.Expr):
                yield from _seen_through(part)


def _common_table(table: exp.Table) -> exp.Expr | None:
    """Find the query of a CTE by the name of a table."""
    above = table.parent
    while above is not None and not table.db:
        clause = above.args.get("with_") or exp.With()
        for common in clause.expressions:
            if common.alias.casefold() == table.name.casefold():
                plain = not (
                    clause.args.get("recursive") or common.args["alias"].args.get("columns")
                )
                inside = any(node is table for node in common.walk())
                return common.this if plain and not inside else exp.Null()
        above = above.parent
    return None
