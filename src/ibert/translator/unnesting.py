"""Queries over the elements of a list as functions of the list."""

from __future__ import annotations

from sqlglot import exp

from ibert.translator.functions.classes import function_call


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


_REDUCTIONS = ("sum", "min", "max", "avg", "count")
_OTHER_PARTS = (
    *("joins", "laterals", "group", "having", "qualify", "distinct", "limit", "offset", "order"),
    *("with_", "windows"),
)


def _or_zero(count: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=count, expressions=[exp.Literal.number(0)])


def reduced(query: exp.Expr) -> exp.Expr | None:
    """Give an aggregate of the elements of a list that a row outside has: `list_sum(l)`.

    Examples
    --------
    >>> import sqlglot
    >>> sql = "SELECT sum(v * 2) FROM unnest(l) AS q(v) WHERE v > 1"
    >>> reduced(sqlglot.parse_one(sql, read="duckdb")).sql("duckdb")
    'LIST_SUM(LIST_TRANSFORM(LIST_FILTER(l, v -> v > 1), v -> v * 2))'
    """
    query = query.unnest() if isinstance(query, exp.Subquery) else query
    if not isinstance(query, exp.Select) or len(query.expressions) != 1:
        return None
    if any(query.args.get(part) for part in _OTHER_PARTS) or query.args.get("from_") is None:
        return None
    source = query.args["from_"].this
    if not isinstance(source, exp.Unnest) or len(source.expressions) != 1:
        return None
    alias = source.args.get("alias")
    if alias is None:
        return None
    columns = alias.columns
    (elements,) = source.expressions
    if len(columns) != 1 or source.args.get("offset") or elements.find(exp.Column) is None:
        return None
    call = function_call(query.expressions[0].unalias())
    if call is None or call[0] not in _REDUCTIONS:
        return None
    name, arguments = call[0], [part for part in call[1] if part is not None]
    where = query.args.get("where")
    if where is not None:
        condition = _lambda(where.this, columns[0], alias.name)
        if condition is None:
            return None
        elements = _call("list_filter", elements.copy(), condition)
    if name == "count" and all(isinstance(part, exp.Star) for part in arguments):
        return _or_zero(_call("len", elements.copy()))
    if len(arguments) != 1:
        return None
    if not (isinstance(arguments[0], exp.Column) and arguments[0].name == columns[0].name):
        made = _lambda(arguments[0], columns[0], alias.name)
        if made is None:
            return None
        elements = _call("list_transform", elements.copy(), made)
    found = _call(f"list_{name}", elements.copy())
    return _or_zero(found) if name == "count" else found


def _lambda(body: exp.Expr, parameter: exp.Expr, table: str) -> exp.Expr | None:
    """Give an expression over an element as a lambda, if it reads nothing else."""
    if body.find(exp.Query, exp.Distinct, exp.Order, exp.Star, exp.Lambda):
        return None
    root = exp.Paren(this=body.copy())
    for column in list(root.find_all(exp.Column)):
        own = column.name.casefold() == parameter.name.casefold()
        if not own or column.table.casefold() not in ("", table.casefold()):
            return None
        column.replace(parameter.copy())
    return exp.Lambda(this=root.this, expressions=[parameter.copy()])
