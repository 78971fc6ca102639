"""The arguments of syntax that the translation reads: with any other one it declines.

sqlglot notes modifiers as arguments of a node. One that no rule looks at would be lost silently.
"""

from __future__ import annotations

from sqlglot import exp

from ibert.translator.functions.classes import ORDERS
from ibert.translator.refusal import Refusal

_SORTED = "with_ order limit offset"
_SET_OPERATION = f"this expression distinct by_name {_SORTED}"
_BINARY = "this expression"

_READ: dict[type[exp.Expr], str] = {
    exp.Select: "expressions from_ joins laterals where group having qualify windows distinct "
    f"sample {_SORTED}",
    exp.Subquery: f"this alias joins pivots sample {_SORTED}",
    exp.Union: _SET_OPERATION,
    exp.Intersect: _SET_OPERATION,
    exp.Except: _SET_OPERATION,
    exp.With: "expressions recursive",
    exp.CTE: "this alias materialized",
    exp.Table: "this alias db catalog joins pivots ordinality sample",
    exp.TableAlias: "this columns",
    exp.Values: f"expressions alias pivots sample {_SORTED}",
    exp.Lateral: "this alias view outer ordinality",
    exp.Unnest: "expressions alias offset pivots sample",
    exp.Join: "this on using side kind method",
    exp.Group: "expressions all cube rollup grouping_sets totals",
    exp.Order: "this expressions",
    exp.Ordered: "this desc nulls_first with_fill",
    exp.Limit: "expression limit_options",
    exp.Fetch: "direction count limit_options",
    exp.Offset: "expression",
    exp.Distinct: "expressions on",
    exp.Star: "except_ replace rename ilike",
    exp.Pivot: "this alias columns expressions fields unpivot using group include_nulls into "
    "pivot_column_naming value_columns_first",
    exp.TableSample: "this method percent size seed",
    exp.Window: "this partition_by order spec alias over",
    exp.WindowSpec: "kind start start_side end end_side exclude",
    exp.Filter: _BINARY,
    exp.WithinGroup: _BINARY,
    exp.Lambda: "this expressions colon",
    exp.Comprehension: "this expression position iterator condition",
    exp.Anonymous: "this expressions",
    exp.AnonymousAggFunc: "this expressions",
    exp.CombinedAggFunc: "this expressions",
    exp.Columns: "this unpack",
    exp.Column: "this table db catalog",
    exp.Identifier: "this quoted",
    exp.Bracket: "this expressions",
    exp.Slice: "this expression step",
    exp.Between: "this low high symmetric",
    exp.In: "this query expressions field unnest",
    exp.Is: "this expression negate",
    exp.Like: "this expression negate",
    exp.ILike: "this expression negate",
    exp.SimilarTo: _BINARY,
    exp.Escape: _BINARY,
    exp.Interval: "this unit",
    exp.Case: "this ifs default",
    exp.Cast: "this to",
    exp.TryCast: "this to safe",
    exp.Extract: _BINARY,
    exp.JSONExtract: _BINARY,
    exp.JSONExtractScalar: _BINARY,
}
KNOWN = {kind: frozenset(names.split()) for kind, names in _READ.items()}
KNOWN |= {kind: frozenset(names) for kind, names in ORDERS.items() if kind not in KNOWN}
KNOWN[exp.Encode] |= {"charset"}  # which sqlglot adds

# Arguments that are no expressions, and mean nothing to DuckDB or what it does in any case.
_MARKS = frozenset(
    {
        *("big_int", "coalesce", "ignore_nulls", "is_end_exclusive", "is_left", "is_string"),
        *("null_if_pos_overflow", "position", "safe", "single_replace", "zero_is_msb"),
    }
)


def check(node: exp.Expr) -> None:
    """Decline a query that carries an argument which no rule reads.

    Parameters
    ----------
    node
        The whole query.

    Raises
    ------
    Refusal
        It names the first such argument.

    Examples
    --------
    >>> import sqlglot
    >>> check(sqlglot.parse_one("SELECT a FROM t FOR UPDATE", "duckdb"))
    Traceback (most recent call last):
    ibert.translator.refusal.Refusal: locks of a select
    """
    for part in node.walk():
        known = KNOWN.get(type(part))
        for name, value in part.args.items():
            if not value:
                continue
            if isinstance(part, exp.Func) and _is_mark(value):
                lost = name not in _MARKS and name not in (known or ())
            else:
                lost = known is not None and name not in known
            if lost:
                kind = type(part).__name__.lower()
                raise Refusal(f"{name.rstrip('_').replace('_', ' ')} of a {kind}", part)


def _is_mark(value: object) -> bool:
    return not isinstance(value, exp.Expr | list)
