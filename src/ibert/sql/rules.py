"""What rules for the meanings of other dialects are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlglot import exp

from ibert.diagnostics import Diagnostic, IbertError

MYSQL = ("doris", "mysql", "starrocks")
POSTGRES = ("materialize", "postgres", "redshift", "risingwave")
SPARK = ("databricks", "hive", "spark", "spark2")
TRINO = ("athena", "presto", "trino")
TSQL = ("fabric", "tsql")

INTEGERS = exp.DataType.INTEGER_TYPES
REALS = exp.DataType.REAL_TYPES
TEXTS = exp.DataType.TEXT_TYPES

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
