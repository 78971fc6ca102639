"""The structure of SQL and Ibis code: what is left when literals and names are masked."""

from __future__ import annotations

import ast
import hashlib
from typing import NamedTuple

from sqlglot import ErrorLevel, exp

from ibert.sql import parse_query

MASK = "_"

# Methods whose keyword arguments are names of output columns, not of parameters.
_NAMING = {"select", "mutate", "agg", "aggregate", "group_by", "rename", "distinct", "having"}


class Structure(NamedTuple):
    """The structure of a pair: a hash of that of either side."""

    sql: str
    ibis: str


def structure(sql: str, code: str, dialect: str = "duckdb") -> Structure:
    """Give the structure of a pair.

    Examples
    --------
    >>> one = structure("SELECT a FROM t WHERE b > 1", "t.filter(_.b > 1).select('a')")
    >>> two = structure("SELECT x FROM u WHERE y > 2", "u.filter(_.y > 2).select('x')")
    >>> three = structure("SELECT x FROM u WHERE y < 2", "u.filter(_.y < 2).select('x')")
    >>> one == two, one == three
    (True, False)
    """
    return Structure(_hash(sql_structure(sql, dialect)), _hash(ibis_structure(code)))


def is_held_out(structure: str, share: float) -> bool:
    """Whether a structure is kept from training, whatever else is in the data: its hash says so.

    Parameters
    ----------
    structure
        Of the SQL: `structure(…).sql`.
    share
        Of all structures; those of a smaller share are among those of a larger one.

    Examples
    --------
    >>> one = structure("SELECT a FROM t", "t.select('a')").sql
    >>> is_held_out(one, 0.0), is_held_out(one, 1.0)
    (False, True)
    """
    digest = hashlib.sha256(structure.encode()).digest()
    return int.from_bytes(digest[:4]) < share * 2**32


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sql_structure(sql: str, dialect: str = "duckdb") -> str:
    """Mask the literals, the names and the units of a query.

    Examples
    --------
    >>> sql_structure("SELECT a AS n, DATE_TRUNC('month', d) FROM t WHERE b = 'x' LIMIT 3")
    "SELECT _ AS _, DATE_TRUNC('_', _) FROM _ WHERE _ = _ LIMIT _"
    """
    query = parse_query(sql, dialect)
    for node in list(query.walk()):
        node.pop_comments()
        if isinstance(node, exp.Identifier | exp.Literal | exp.Boolean | exp.Var):
            masked = exp.Var if isinstance(node, exp.Literal | exp.Boolean | exp.Var) else None
            node.replace(masked(this=MASK) if masked else exp.Identifier(this=MASK, quoted=False))
    return query.sql("duckdb", unsupported_level=ErrorLevel.IGNORE)


def ibis_structure(code: str) -> str:
    """Mask the constants, variables, columns and output names of Ibis code.

    Examples
    --------
    >>> ibis_structure("expr = orders.mutate(double=_.total * 2).select('double')")
    '_ = _.mutate(_=_._ * 0).select(0)'
    """
    return ast.unparse(_Masked().visit(ast.parse(code)))


class _Masked(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Constant(0)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        return ast.Constant(0)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(MASK)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(MASK, annotation=node.annotation)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return ast.Attribute(self.visit(node.value), MASK)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        function, method = node.func, None
        if isinstance(function, ast.Attribute):
            method = function.attr
            function = ast.Attribute(self.visit(function.value), method)
        else:
            function = self.visit(function)
        keywords = [
            ast.keyword(
                MASK if method in _NAMING and keyword.arg else keyword.arg,
                self.visit(keyword.value),
            )
            for keyword in node.keywords
        ]
        return ast.Call(function, list(map(self.visit, node.args)), keywords)
