"""Functions of other dialects that sqlglot leaves as they are, in DuckDB's SQL.

`$1` is the first argument. A function is known here by its name and the number of its arguments.
"""

from __future__ import annotations

from functools import cache

from sqlglot import exp, parse_one
from sqlglot.optimizer.annotate_types import annotate_types

from ibert.sql.rules import MYSQL

_WEEKDAY = "(ISODOW($1) - 1)"  # Monday is 0
_UNIX = "CAST(FLOOR(EPOCH($1)) AS BIGINT)"
_MYSQL = {
    "FROM_DAYS": "(DATE '1970-01-01' + CAST($1 - 719528 AS INT))",
    "TO_DAYS": "(DATE_DIFF('day', DATE '1970-01-01', CAST($1 AS DATE)) + 719528)",
    "UNIX_TIMESTAMP": _UNIX,
    "WEEKDAY": _WEEKDAY,
}
_SPARK = {"WEEKDAY": _WEEKDAY}
_CLICKHOUSE = {
    "GROUPARRAY": "COALESCE(LIST($1) FILTER (WHERE NOT $1 IS NULL), [])",
    "GROUPUNIQARRAY": "COALESCE(LIST(DISTINCT $1) FILTER (WHERE NOT $1 IS NULL), [])",
    "INTDIV": "$1 // $2",
    "TODATE": "CAST($1 AS DATE)",
    "TODATETIME": "CAST($1 AS TIMESTAMP)",
    "TODAYOFMONTH": "DAY($1)",
    "TODAYOFWEEK": "ISODOW($1)",
    "TODAYOFYEAR": "DAYOFYEAR($1)",
    "TOHOUR": "HOUR($1)",
    "TOMINUTE": "MINUTE($1)",
    "TOMONTH": "MONTH($1)",
    "TOQUARTER": "QUARTER($1)",
    "TOSECOND": "SECOND($1)",
    "TOSTARTOFWEEK": (
        "CAST(DATE_TRUNC('week', CAST($1 AS DATE) + INTERVAL 1 DAY) - INTERVAL 1 DAY AS DATE)"
    ),
    "TOSTRING": "CAST($1 AS VARCHAR)",
    "TOYEAR": "YEAR($1)",
    "UNIQEXACT": "COUNT(DISTINCT $1)",
    "TOYYYYMM": "(YEAR($1) * 100 + MONTH($1))",
    "TOYYYYMMDD": "(YEAR($1) * 10000 + MONTH($1) * 100 + DAY($1))",
}
_SQLITE = {
    "JULIANDAY": "(EPOCH(CAST($1 AS TIMESTAMP)) / 86400 + 2440587.5)",
    "TOTAL": "COALESCE(CAST(SUM($1) AS DOUBLE), 0)",
}
_SPELLINGS = {
    "bigquery": {"IEEE_DIVIDE": "CAST($1 AS DOUBLE) / $2"},
    "clickhouse": _CLICKHOUSE,
    "databricks": _SPARK,
    **dict.fromkeys(MYSQL, _MYSQL),
    "spark": _SPARK,
    "sqlite": _SQLITE,
}


def spelled(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give the call of a function in DuckDB's SQL, if it is known here.

    Examples
    --------
    >>> call = parse_one("SELECT toYear(a)", dialect="clickhouse").expressions[0]
    >>> spelled(call, "clickhouse").sql("duckdb")
    'YEAR(a)'
    """
    name = node.name.upper() if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) else ""
    text = _SPELLINGS.get(dialect, {}).get(name)
    if text is None:
        return None
    made = _parsed(text).copy()
    places = list(made.find_all(exp.Placeholder))
    if len({place.name for place in places}) != len(node.expressions):
        return None
    for place in places:
        place.replace(wrapped(node.expressions[int(place.name) - 1].copy()))
    return made


@cache
def _parsed(text: str) -> exp.Expr:
    return annotate_types(parse_one(text, dialect="duckdb"), dialect="duckdb")


def wrapped(node: exp.Expr) -> exp.Expr:
    """Put parentheses around an operand that is an operation itself."""
    return exp.Paren(this=node) if isinstance(node, exp.Binary | exp.Unary | exp.Between) else node
