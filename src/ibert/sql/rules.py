"""What rules for the meanings of other dialects are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlglot import exp, parse_one

from ibert.diagnostics import Diagnostic, IbertError

MYSQL = ("doris", "mysql", "starrocks")
POSTGRES = ("materialize", "postgres", "redshift", "risingwave")
SPARK = ("databricks", "hive", "spark", "spark2")
TRINO = ("athena", "presto", "trino")
TSQL = ("fabric", "tsql")

INTEGERS = exp.DataType.INTEGER_TYPES
REALS = exp.DataType.REAL_TYPES
TEXTS = exp.DataType.TEXT_TYPES
INSTANTS = exp.DataType.TEMPORAL_TYPES - {exp.DType.DATE, exp.DType.DATE32}  # dates with a time

Rule = Callable[[exp.Expr, str], exp.Expr | None]


class Meaning(NamedTuple):
    """A rule for a class of nodes in some dialects; None stands for all."""

    kind: type[exp.Expr] | tuple[type[exp.Expr], ...]
    dialects: tuple[str, ...] | None
    rule: Rule


class UnknownMeaningError(IbertError):
    """Nothing in DuckDB's dialect is known to mean the same as a part of a query.

    Attributes
    ----------
    node
        The part.
    """

    def __init__(self, construct: str, node: exp.Expr, hint: str) -> None:
        message = f"nothing in DuckDB's dialect is known to mean the same as {construct}"
        super().__init__([Diagnostic(code="IB301", message=message, hint=hint)])
        self.node = node


def function(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Call a function of DuckDB."""
    return exp.Anonymous(this=name, expressions=[part.copy() for part in arguments])


def number(node: exp.Expr) -> float | None:
    """Give the value of a number that is written out."""
    node = bare(node)
    return float(node.name) if isinstance(node, exp.Literal) and not node.is_string else None


def cast(node: exp.Expr, kind: exp.DType) -> exp.Expr:
    """Cast to a type, and note that type."""
    made = exp.Cast(this=node.copy(), to=exp.DataType(this=kind))
    made.type = made.to
    return made


def bare(node: exp.Expr) -> exp.Expr:
    """Leave out parentheses."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def filled(text: str, *parts: exp.Expr) -> exp.Expr:
    """Parse an expression of DuckDB, with parts for $1, $2 …."""
    made = parse_one(text, dialect="duckdb")
    for place in list(made.find_all(exp.Placeholder)):
        part = parts[int(place.name) - 1].copy()
        place.replace(exp.Paren(this=part) if isinstance(part, exp.Binary) else part)
    return made


def whole(node: exp.Expr | None) -> int | None:
    """Give a whole number that is written out, with its sign."""
    if node is None:
        return None
    inner = bare(node)
    value = number(inner.this) if isinstance(inner, exp.Neg) else number(inner)
    if value is None or value != int(value):
        return None
    return -int(value) if isinstance(inner, exp.Neg) else int(value)


def is_float(node: exp.Expr, dialect: str) -> bool:
    """Whether a number is a floating one in the dialect: constants are, in some of them."""
    inner = bare(node)
    if isinstance(inner, exp.Literal):
        return not inner.is_string and (
            "e" in inner.name.lower() or (dialect in _FLOATS and "." in inner.name)
        )
    if isinstance(inner, exp.Column | exp.Cast) or dialect in _FLOATS:
        return bool(inner.is_type(exp.DType.FLOAT, exp.DType.DOUBLE))
    if isinstance(inner, exp.Binary):
        return is_float(inner.this, dialect) or is_float(inner.expression, dialect)
    return isinstance(inner, _LIKE_THEIR_ARGUMENT) and is_float(inner.this, dialect)


_FLOATS = ("bigquery", "clickhouse")  # whose constants with a point are FLOAT64
_LIKE_THEIR_ARGUMENT = (
    *(exp.Abs, exp.Avg, exp.Coalesce, exp.Max, exp.Min, exp.Neg, exp.Round, exp.Sum),
    exp.Window,
)
