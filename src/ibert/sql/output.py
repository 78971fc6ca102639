"""What a query promises about its result: which names it chose, and in which order rows come."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import ErrorLevel, exp

EVERY_COLUMN = "*"
VOLATILE = (exp.Rand, exp.Randn, exp.Uuid, exp.TableSample)

# What can depend on the order of rows, and the aggregates that cannot.
_UNSETTLED = (exp.Limit, exp.Offset, exp.Fetch, exp.Window, exp.Pivot)
_SETTLED_AGGREGATES = (exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max)
KEY = "__ibert_key_{}"  # the name of a sort key that was appended to the output


@dataclass(frozen=True)
class Output:
    """The output of a query.

    Attributes
    ----------
    names_before, names_after
        Whether the query chose the name of a column: for the columns up to the first `*` from the
        left, and for those after the last `*` from the right. What `*` stands for has names.
    ordered
        Whether the query sorts its result.
    volatile
        Whether the query draws at random.
    settled
        Whether the rows cannot depend on how those of the tables are stored.
    uncut
        How few rows are settled, too, as the query's own LIMIT cuts none off; None: no number is.
    keys
        The sort keys: a position in the output, the name of a column, or `EVERY_COLUMN`; None if
        one of them cannot be read off the result.
    keyed
        The query's text with `appended` more columns at its end, for sort keys that are not in its
        output; None where none is needed.
    cuts
        How many of the sorted rows come before each place where OFFSET and LIMIT cut them.
    whole
        The text with all sort keys, and without OFFSET and LIMIT; None where they do not cut.
    decided
        The query's text with rows sorted upwards, and downwards, wherever it cuts rows in no order:
        two of its right results. Empty where it cuts none.
    """

    names_before: tuple[bool, ...]
    names_after: tuple[bool, ...]
    ordered: bool
    volatile: bool
    settled: bool
    uncut: int | None
    keys: tuple[int | str, ...] | None
    appended: int
    keyed: str | None
    cuts: tuple[int, ...] = ()
    whole: str | None = None
    decided: tuple[str, ...] = ()

    def chosen(self, width: int) -> list[bool]:
        """Tell for each of the output's columns whether the query chose its name."""
        middle = max(0, width - len(self.names_before) - len(self.names_after))
        return [*self.names_before, *[True] * middle, *self.names_after][:width]

    def key_positions(self, columns: list[str]) -> list[int] | None:
        """Find the sort keys in the columns of the (keyed) result; None if one is missing."""
        if self.keys is None:
            return None
        folded = [column.casefold() for column in columns]
        positions = []
        for key in self.keys:
            if key == EVERY_COLUMN:
                return list(range(len(columns)))
            if isinstance(key, int):
                positions.append(key if key >= 0 else len(columns) + key)
            elif folded.count(key.casefold()) == 1:
                positions.append(folded.index(key.casefold()))
            else:
                return None
        return positions


def describe_output(query: exp.Expr) -> Output:
    """Read off a query (DuckDB's dialect) what it promises about its result.

    Examples
    --------
    >>> import sqlglot
    >>> output = describe_output(sqlglot.parse_one("SELECT a, -b FROM t ORDER BY c", "duckdb"))
    >>> output.chosen(2), output.keys, output.keyed
    ([True, False], (-1,), 'SELECT a, -b, c AS __ibert_key_0 FROM t ORDER BY c')
    """
    written = query
    while isinstance(query, exp.Subquery) and not query.args.get("order"):
        query = query.this
    projections = query.selects if isinstance(query, exp.Query) else []
    stars = [i for i, projection in enumerate(projections) if _is_star(projection)]
    first, last = (stars[0], stars[-1]) if stars else (len(projections), len(projections))
    order = query.args.get("order")
    found = _keys(query, projections, order.expressions if order else [], has_star=bool(stars))
    keys, hidden = found or (None, [])
    cuts = _cuts(query) if order and keys else ()
    unsettled = list(filter(_is_unsettled, written.walk()))
    return Output(
        names_before=tuple(map(_is_named, projections[:first])),
        names_after=tuple(map(_is_named, projections[last + 1 :])),
        ordered=order is not None,
        volatile=query.find(*VOLATILE) is not None,
        settled=not unsettled,
        uncut=_most_uncut(query) if unsettled == [query.args.get("limit")] else None,
        keys=None if keys is None else tuple(keys),
        appended=len(hidden),
        keyed=_with_keys(query, hidden) if hidden else None,
        cuts=cuts,
        whole=_with_keys(query, hidden, "limit", "offset") if cuts else None,
        decided=_decided(written),
    )


def _most_uncut(query: exp.Expr) -> int | None:
    """Give the most rows that tell that LIMIT cut none off."""
    limit = query.args["limit"]
    number = limit.expression if isinstance(limit, exp.Limit) else None
    is_number = isinstance(number, exp.Literal) and number.is_int
    return int(number.name) - 1 if is_number and number is not None else None


def _cuts(query: exp.Expr) -> tuple[int, ...]:
    """Give the rows before OFFSET's cut and LIMIT's, where both are plain numbers."""
    found, before = [], 0
    for name in ("offset", "limit"):
        clause = query.args.get(name)
        number = clause.expression if isinstance(clause, exp.Offset | exp.Limit) else None
        if clause and not (isinstance(number, exp.Literal) and number.is_int):
            return ()
        if number is not None:
            before += int(number.name)
            found.append(before)
    return tuple(found)


def _is_unsettled(node: exp.Expr) -> bool:
    if isinstance(node, exp.AggFunc):
        return not isinstance(node, _SETTLED_AGGREGATES)
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc | exp.Unnest | exp.Explode):
        return True
    if isinstance(node, exp.Distinct):
        return bool(node.args.get("on"))
    if isinstance(node, exp.Join):
        return node.method.upper() == "ASOF"
    return isinstance(node, _UNSETTLED)


def _is_star(projection: exp.Expr) -> bool:
    """Tell whether a projection stands for several columns."""
    return projection.is_star or projection.find(exp.Columns) is not None


def _is_named(projection: exp.Expr) -> bool:
    return isinstance(projection.unnest(), exp.Alias | exp.Column | exp.Identifier)


def _keys(
    query: exp.Expr, projections: list[exp.Expr], ordered: list[exp.Expr], *, has_star: bool
) -> tuple[list[int | str], list[exp.Expr]] | None:
    """Find where each sort key stands in the output; None if one of them cannot be read off it."""
    names = {projection.alias_or_name.casefold() for projection in projections} - {"*", ""}
    bodies = [] if has_star else [projection.unalias() for projection in projections]
    keys: list[int | str] = []
    hidden: list[exp.Expr] = []
    for key in (item.this.unnest() for item in ordered):
        if isinstance(key, exp.Var) and key.name.upper() == "ALL":
            return [EVERY_COLUMN], []
        if isinstance(key, exp.Literal) and not key.is_string:
            keys.append(int(key.name) - 1)
        elif _is_bare(key) and key.name.casefold() in names:
            keys.append(key.name)
        elif key in bodies:
            keys.append(bodies.index(key))
        elif _takes_column(query, key):
            keys.append(_Hidden(len(hidden)))
            hidden.append(key)
        elif _is_bare(key) and has_star:
            keys.append(key.name)
        else:
            return None
    return [key - len(hidden) if isinstance(key, _Hidden) else key for key in keys], hidden


class _Hidden(int):
    """The number of an appended key; its place counts from the end of the output."""


def _is_bare(key: exp.Expr) -> bool:
    return isinstance(key, exp.Column) and not key.table


def _takes_column(query: exp.Expr, column: exp.Expr) -> bool:
    """Tell whether a column can be appended to a query without changing its rows."""
    if not isinstance(query, exp.Select):
        return False
    distinct = query.args.get("distinct")
    if distinct and not distinct.args.get("on"):
        return False
    group = query.args.get("group")
    return not (group and group.args.get("all")) or bool(column.find(exp.AggFunc))


def _with_keys(query: exp.Expr, hidden: list[exp.Expr], *left_out: str) -> str:
    copy = query.copy()
    for name in left_out:
        copy.set(name, None)
    if not hidden:
        return copy.sql("duckdb", unsupported_level=ErrorLevel.IGNORE)
    keys = [exp.alias_(key.copy(), KEY.format(i)) for i, key in enumerate(hidden)]
    copy.set("expressions", [*copy.expressions, *keys])
    return copy.sql("duckdb", unsupported_level=ErrorLevel.IGNORE)


def _cuts_unsorted(node: exp.Expr) -> bool:
    """Tell whether a query takes some of its rows without saying which."""
    if not isinstance(node, exp.Query) or node.args.get("order"):
        return False
    return bool(node.args.get("limit") or node.args.get("offset"))


def _decided(query: exp.Expr) -> tuple[str, ...]:
    if not any(map(_cuts_unsorted, query.walk())):
        return ()
    return tuple(_with_order(query, descending) for descending in (False, True))


def _with_order(query: exp.Expr, descending: bool) -> str:
    copy = query.copy()
    for node in list(copy.walk()):
        if _cuts_unsorted(node):
            every = exp.Ordered(this=exp.var("ALL"), desc=descending, nulls_first=descending)
            node.set("order", exp.Order(expressions=[every]))
    return copy.sql("duckdb", unsupported_level=ErrorLevel.IGNORE)
