"""Rewrites that keep what a query means: pairs on which a verifier must not cry wolf."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sqlglot import exp

from ibert.sql.parse import AS_WRITTEN

# Changes a copy of a node in place of which its result is put; None: not here.
Rewrite = Callable[[exp.Expr], exp.Expr | None]


Rules = tuple[tuple[str, tuple[type[exp.Expr], ...], Rewrite], ...]


class Rewritten(NamedTuple):
    """A query in another spelling."""

    rule: str
    sql: str


def rewritten(query: exp.Expr, rules: Rules | None = None) -> Iterator[Rewritten]:
    """Give a query in other spellings of the same meaning, each differing in one place.

    Parameters
    ----------
    query
        Of DuckDB's dialect, parsed as it is written.
    rules
        What to rewrite; by default `RULES`.

    Examples
    --------
    >>> from ibert.sql.parse import parse_as_written
    >>> for spelling in rewritten(parse_as_written("SELECT a FROM t WHERE a BETWEEN 1 AND b")):
    ...     print(spelling.sql)
    SELECT * FROM (SELECT a FROM t WHERE a BETWEEN 1 AND b) AS rewritten
    SELECT a FROM t WHERE (a BETWEEN 1 AND b) IS TRUE
    SELECT a FROM (SELECT * FROM t) AS t WHERE a BETWEEN 1 AND b
    SELECT a FROM t WHERE a >= 1 AND a <= b
    """
    original = query.sql(AS_WRITTEN)
    seen = {original}
    for place, node in enumerate(query.walk()):
        for rule, kinds, rewrite in RULES if rules is None else rules:
            if not isinstance(node, kinds):
                continue
            copy = query.copy()
            found = next(item for i, item in enumerate(copy.walk()) if i == place)
            parent = found.parent
            changed = None if _is_special(found) else rewrite(found)
            if changed is None:
                continue
            if parent is None:
                copy = changed
            elif changed is not found:
                found.replace(changed)
            sql = copy.sql(AS_WRITTEN)
            if sql not in seen:
                seen.add(sql)
                yield Rewritten(rule, sql)


def _is_special(node: exp.Expr) -> bool:
    """Tell whether an operator stands for something else: a quantifier, the values of a PIVOT."""
    quantified = isinstance(node, exp.Binary) and isinstance(node.expression, exp.Any | exp.All)
    return quantified or node.find_ancestor(exp.Pivot) is not None


_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.NullSafeEQ: exp.NullSafeEQ,
}
_COMPLEMENTS: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.LT: exp.GTE,
    exp.LTE: exp.GT,
    exp.GT: exp.LTE,
    exp.GTE: exp.LT,
}


def _mirrored(node: exp.Expr) -> exp.Expr:
    return _MIRRORED[type(node)](this=_wrapped(node.expression), expression=_wrapped(node.this))


def _complemented(node: exp.Expr) -> exp.Expr:
    kind = _COMPLEMENTS[type(node)]
    return exp.paren(exp.Not(this=exp.paren(kind(this=node.this, expression=node.expression))))


def _wrapped(node: exp.Expr) -> exp.Expr:
    return exp.paren(node) if isinstance(node, exp.Binary | exp.Not | exp.Predicate) else node


def _commuted(node: exp.Expr) -> exp.Expr:
    return type(node)(this=_wrapped(node.expression), expression=_wrapped(node.this))


def _bounds(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node.parent, exp.Not) or node.args.get("symmetric") or _draws(node):
        return None
    low = exp.GTE(this=node.this.copy(), expression=node.args["low"])
    high = exp.LTE(this=node.this.copy(), expression=node.args["high"])
    both = exp.And(this=low, expression=high)
    is_whole = isinstance(node.parent, exp.Where | exp.And | exp.Having)
    return both if is_whole else exp.paren(both)


def _alternatives(node: exp.Expr) -> exp.Expr | None:
    if not node.expressions or isinstance(node.parent, exp.Not) or _draws(node):
        return None
    equal = [exp.EQ(this=node.this.copy(), expression=item) for item in node.expressions]
    return exp.paren(exp.or_(*equal, copy=False))


def _draws(node: exp.Expr) -> bool:
    return node.find(exp.Rand, exp.Uuid, exp.Anonymous, exp.Query) is not None


def _is_true(node: exp.Expr) -> exp.Expr:
    node.set("this", exp.Is(this=exp.paren(node.this), expression=exp.true()))
    return node


def _derived(node: exp.Expr) -> exp.Expr | None:
    """Read a table through a derived one of the same name."""
    if not isinstance(node.parent, exp.From | exp.Join) or node.args.get("joins"):
        return None
    query = node.find_ancestor(exp.Select)
    plain = not (node.args.get("pivots") or node.args.get("sample") or node.args.get("only"))
    if (
        query is None
        or not plain
        or not isinstance(node.this, exp.Identifier)
        or node.args.get("db")
    ):
        return None
    if isinstance(node.args.get("alias"), exp.TableAlias) and node.args["alias"].columns:
        return None
    inner = exp.select("*").from_(exp.Table(this=node.this.copy()))
    return inner.subquery(exp.to_identifier(node.alias_or_name, quoted=node.this.quoted or None))


def _enclosed(node: exp.Expr) -> exp.Expr | None:
    if not isinstance(node, exp.Select):
        return None
    names = [projection.alias_or_name.casefold() for projection in node.selects]
    distinct = len(set(names)) == len(names) and "" not in names and "*" not in names
    if node.parent is not None or node.args.get("order") or node.args.get("with_") or not distinct:
        return None
    return exp.select("*").from_(node.subquery("rewritten", copy=False))


def _count_of_one(node: exp.Expr) -> exp.Expr | None:
    if not isinstance(node.this, exp.Star) or node.this.args.get("except_"):
        return None
    node.set("this", exp.Literal.number(1))
    return node


def _is_not_not(node: exp.Expr) -> exp.Expr | None:
    if not isinstance(node.expression, exp.Null) or isinstance(node.parent, exp.Not):
        return None
    return exp.paren(exp.Not(this=exp.paren(exp.Not(this=exp.paren(node.copy())))))


def _case_of_coalesce(node: exp.Expr) -> exp.Expr | None:
    if len(node.expressions) != 1 or _draws(node) or node.find(exp.AggFunc, exp.Window):
        return None
    test = exp.Not(this=exp.Is(this=_wrapped(node.this.copy()), expression=exp.null()))
    return exp.Case(ifs=[exp.If(this=test, true=node.this)], default=node.expressions[0])


def _case_of_nullif(node: exp.Expr) -> exp.Expr | None:
    if _draws(node) or node.find(exp.AggFunc, exp.Window):
        return None
    test = exp.EQ(this=_wrapped(node.this.copy()), expression=_wrapped(node.expression))
    return exp.Case(ifs=[exp.If(this=test, true=exp.null())], default=node.this)


def _else_null(node: exp.Expr) -> exp.Expr | None:
    if node.args.get("default"):
        return None
    node.set("default", exp.null())
    return node


def _exists_one(node: exp.Expr) -> exp.Expr | None:
    inner = node.this
    if not isinstance(inner, exp.Select) or inner.args.get("distinct") or inner.args.get("group"):
        return None
    if any(projection.find(exp.AggFunc, exp.Window) for projection in inner.expressions):
        return None
    inner.set("expressions", [exp.Literal.number(1)])
    return node


def _where_for_on(node: exp.Expr) -> exp.Expr | None:
    """Move the conditions of inner joins into WHERE."""
    joins = node.args.get("joins") or []
    if not isinstance(node, exp.Select):
        return None
    inner = [j for j in joins if not (j.side or j.kind or j.method) and j.args.get("on")]
    if not inner or len(inner) != len(joins):
        return None
    for join in inner:
        condition = join.args["on"]
        join.set("on", None)
        join.set("kind", "CROSS")
        node.where(exp.paren(condition), copy=False)
    return node


def _materialized(node: exp.Expr) -> exp.Expr | None:
    above = node.parent
    if node.args.get("materialized") or (isinstance(above, exp.With) and above.recursive):
        return None
    node.set("materialized", True)
    return node


def _plus_zero(node: exp.Expr) -> exp.Expr | None:
    is_compared = isinstance(node.parent, exp.LT | exp.LTE | exp.GT | exp.GTE | exp.EQ | exp.NEQ)
    if not is_compared or node.is_string or not node.name.isdigit():
        return None
    return exp.paren(exp.Add(this=node.copy(), expression=exp.Literal.number(0)))


def _grouped(node: exp.Expr) -> exp.Expr | None:
    """Group by every column in place of DISTINCT."""
    distinct = node.args.get("distinct")
    if not isinstance(node, exp.Select):
        return None
    plain = all(isinstance(p.unalias(), exp.Column) for p in node.expressions)
    if not distinct or distinct.args.get("on") or node.args.get("group") or not plain:
        return None
    if any(node.args.get(part) for part in ("order", "qualify", "having", "windows")):
        return None
    node.set("distinct", None)
    return node.group_by(*(p.unalias().copy() for p in node.expressions), copy=False)


RULES: Rules = (
    ("mirrored comparison", tuple(_MIRRORED), _mirrored),
    ("complement", tuple(_COMPLEMENTS), _complemented),
    ("commuted connector", (exp.And, exp.Or), _commuted),
    ("bounds for BETWEEN", (exp.Between,), _bounds),
    ("alternatives for IN", (exp.In,), _alternatives),
    ("IS TRUE", (exp.Where, exp.Having), _is_true),
    ("enclosed query", (exp.Select,), _enclosed),
    ("derived table", (exp.Table,), _derived),
    ("count(1)", (exp.Count,), _count_of_one),
    ("double negation", (exp.Is,), _is_not_not),
    ("CASE for COALESCE", (exp.Coalesce,), _case_of_coalesce),
    ("CASE for NULLIF", (exp.Nullif,), _case_of_nullif),
    ("ELSE NULL", (exp.Case,), _else_null),
    ("EXISTS of 1", (exp.Exists,), _exists_one),
    ("WHERE for ON", (exp.Select,), _where_for_on),
    ("MATERIALIZED", (exp.CTE,), _materialized),
    ("plus zero", (exp.Literal,), _plus_zero),
    ("GROUP BY for DISTINCT", (exp.Select,), _grouped),
)
