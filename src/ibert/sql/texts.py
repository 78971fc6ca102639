"""What functions of texts mean in other dialects: patterns, lengths below 0, empty texts."""

from __future__ import annotations

import re

from sqlglot import exp

from ibert.sql.rules import (
    MYSQL,
    POSTGRES,
    SPARK,
    Meaning,
    UnknownMeaningError,
    cast,
    filled,
    function,
    whole,
)

_LITERAL_IN_REGEX = re.compile(r"[.^$]")


def _similar(node: exp.Expr, dialect: str) -> exp.Expr:
    """Write a pattern of SIMILAR TO, which DuckDB takes for a regular expression, as one."""
    pattern = node.expression
    if isinstance(node.parent, exp.Escape) or not isinstance(pattern, exp.Literal):
        raise UnknownMeaningError(
            f"the pattern in {node.sql(dialect)}", node, "take LIKE or a regular expression"
        )
    expression = "".join(_regex(part) for part in _PATTERN_PARTS.findall(pattern.name))
    return function(
        "REGEXP_FULL_MATCH", node.this, exp.Literal.string(expression), exp.Literal.string("s")
    )


_PATTERN_PARTS = re.compile(r"\[(?:\\.|[^\]])*\]|\\.|.", re.DOTALL)


def _regex(part: str) -> str:
    if part.startswith("\\"):
        return re.escape(part[1:])
    return {"%": ".*", "_": "."}.get(part) or _LITERAL_IN_REGEX.sub(r"\\\g<0>", part[:1]) + part[1:]


def _beginning(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give an empty text for a length below 0, which counts from the end in DuckDB."""
    count = node.expression
    if _is_length(count):
        return None
    if isinstance(node, exp.Left):
        return function("SUBSTRING", node.this, exp.Literal.number(1), count)
    constant = whole(count)
    if constant is not None:
        return function("RIGHT", node.this, exp.Literal.number(0))
    return filled("RIGHT($1, CASE WHEN $2 < 0 THEN 0 ELSE $2 END)", node.this, count)


def _is_length(node: exp.Expr) -> bool:
    constant = whole(node)
    return constant >= 0 if constant is not None else isinstance(node, exp.Length | exp.StrPosition)


def _empty(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Read an empty text as NULL."""
    if not isinstance(node, exp.Literal) or not node.is_string or node.name:
        return None
    if node.arg_key in ("replacement", "separator"):
        return None
    is_output = isinstance(node.parent, exp.Alias | exp.Select)
    return cast(exp.null(), exp.DType.TEXT) if is_output else exp.null()


def _first_of(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Leave out what is NULL."""
    kept = [part for part in node.expressions if not isinstance(part, exp.Null)]
    node.set("expressions", kept)
    return None if kept else node.this.copy()


def _null_if_empty(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give NULL where nothing is left of a text."""
    if isinstance(node, exp.Substring):
        length = node.args.get("length")
        if whole(node.args["start"]) in (0, 1) and (length is None or (whole(length) or 0) > 0):
            return None
    return exp.Nullif(this=node.copy(), expression=exp.Literal.string(""))


TEXT_RULES = (
    Meaning(exp.SimilarTo, POSTGRES, _similar),
    Meaning((exp.Left, exp.Right), ("snowflake", *MYSQL, *SPARK), _beginning),
    Meaning(exp.Literal, ("oracle",), _empty),
    Meaning(exp.Coalesce, ("oracle",), _first_of),
    Meaning((exp.RegexpReplace, exp.Replace, exp.Substring, exp.Trim), ("oracle",), _null_if_empty),
)
