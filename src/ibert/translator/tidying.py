"""Conditions as a person writes them: BETWEEN for two bounds, IN for alternatives."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp


def with_between(parts: Sequence[exp.Expr]) -> list[exp.Expr]:
    """Make one BETWEEN of `x >= a` and `x <= b` among conditions that AND connects.

    Examples
    --------
    >>> import sqlglot
    >>> parts = [sqlglot.parse_one(sql) for sql in ("x >= 1", "y = 2", "x <= 3")]
    >>> [part.sql() for part in with_between(parts)]
    ['x BETWEEN 1 AND 3', 'y = 2']
    """
    made = list(parts)
    for low in parts:
        if not isinstance(low, exp.GTE) or low.find(exp.Query, exp.Func) is not None:
            continue
        high = next(
            (part for part in made if isinstance(part, exp.LTE) and part.this == low.this), None
        )
        if high is None or low not in made:
            continue
        between = exp.Between(this=low.this, low=low.expression, high=high.expression)
        made[_position(made, low)] = between
        del made[_position(made, high)]
    return made


def with_in(parts: Sequence[exp.Expr]) -> list[exp.Expr]:
    """Make one IN of equalities with constants among conditions that OR connects.

    Examples
    --------
    >>> import sqlglot
    >>> parts = [sqlglot.parse_one(sql) for sql in ("x = 'a'", "y", "x = 'b'")]
    >>> [part.sql() for part in with_in(parts)]
    ["x IN ('a', 'b')", 'y']
    """
    groups: dict[tuple[exp.Expr, bool], list[exp.Expr]] = {}
    for part in parts:
        part = part.unnest()
        if isinstance(part, exp.EQ) and isinstance(part.this, exp.Column):
            constant = part.expression
            if isinstance(constant, exp.Literal):
                groups.setdefault((part.this, constant.is_string), []).append(part)
    made = list(parts)
    for (column, _), members in groups.items():
        if len(members) < 2:
            continue
        found = exp.In(this=column, expressions=[member.expression for member in members])
        places = [index for index, part in enumerate(made) if _is_among(part, members)]
        made[places[0]] = found
        for index in reversed(places[1:]):
            del made[index]
    return made


def with_coalesce(case: exp.Expr) -> exp.Expr:
    """Make COALESCE of `CASE WHEN x IS NOT NULL THEN x ELSE y END`.

    Examples
    --------
    >>> import sqlglot
    >>> case = sqlglot.parse_one("CASE WHEN x IS NOT NULL THEN x ELSE y END")
    >>> with_coalesce(case).sql()
    'COALESCE(x, y)'
    """
    default = case.args.get("default")
    if case.args.get("this") is not None or default is None or len(case.args["ifs"]) != 1:
        return case
    (branch,) = case.args["ifs"]
    condition, result = branch.this.unnest(), branch.args["true"]
    negated = isinstance(condition, exp.Not)
    if negated:
        condition = condition.this.unnest()
    if not isinstance(condition, exp.Is) or not isinstance(condition.expression, exp.Null):
        return case
    kept, other = (result, default) if negated else (default, result)
    if condition.args.get("negate") or condition.this.unnest() != kept.unnest():
        return case
    if not isinstance(kept.unnest(), exp.Column):
        return case
    return exp.Coalesce(this=kept, expressions=[other])


def _is_among(part: exp.Expr, members: list[exp.Expr]) -> bool:
    return any(part.unnest() is member for member in members)


def _position(parts: list[exp.Expr], wanted: exp.Expr) -> int:
    return next(index for index, part in enumerate(parts) if part is wanted)
