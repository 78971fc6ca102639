"""Random window functions with every kind of frame."""

from __future__ import annotations

from random import Random

from ibert.datagen.random_queries.expressions import SCALARS, Expressions, Leaf

# Window functions whose result does not depend on the order of ties.
STEADY_WINDOWS = {
    "int": (
        *("SUM($int)", "COUNT(*)", "COUNT($scalar)", "MIN($int)", "MAX($int)"),
        *("RANK()", "DENSE_RANK()"),
    ),
    "float": ("AVG($int)", "AVG($float)", "PERCENT_RANK()", "CUME_DIST()"),
    "decimal": ("SUM($decimal)", "MIN($decimal)"),
    "string": ("MIN($string)", "MAX($string)"),
}
# Window functions for a total order.
ORDERED_WINDOWS = {
    "int": (
        *("ROW_NUMBER()", "NTILE(3)", "LAG($int)", "LEAD($int, 2)", "LAG($int, 1, 0)"),
        *("FIRST_VALUE($int)", "LAST_VALUE($int)", "NTH_VALUE($int, 2)", "SUM($int)", "COUNT(*)"),
    ),
    "string": ("LAG($string)", "FIRST_VALUE($string)", "LEAD($string, 1, 'none')"),
    "date": ("LAG($date)", "LAST_VALUE($date)"),
    "decimal": ("SUM($decimal)", "LAG($decimal)"),
    "float": ("AVG($float)",),
}
NEED_ORDER = ("RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST")
UNFRAMED = (*NEED_ORDER, "ROW_NUMBER", "NTILE", "LAG", "LEAD")
ROWS_FRAMES = (
    "ROWS UNBOUNDED PRECEDING",
    "ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
    "ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING",
    "ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
)
RANGE_FRAMES = (
    "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
    "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW",
)
DIRECTIONS = ("", "", "", " DESC", " ASC", " NULLS FIRST", " DESC NULLS LAST", " DESC NULLS FIRST")


def draw_window(rng: Random, expressions: Expressions, key: list[str] | None) -> Leaf:
    """Draw a window function whose result is determined.

    Parameters
    ----------
    rng
        Where the chance comes from.
    expressions
        Draws the arguments.
    key
        The columns that together tell the rows apart, if there are any.

    Examples
    --------
    >>> draw_window(Random(5), Expressions(Random(5), [Leaf("a", "int")], spice=0), None).sql
    'RANK() OVER (PARTITION BY a ORDER BY a DESC)'
    """
    is_total = key is not None and rng.random() < 0.75
    calls = ORDERED_WINDOWS if is_total else STEADY_WINDOWS
    kind = rng.choice(sorted(calls))
    call = expressions.fill(rng.choice(calls[kind]), 1)
    return Leaf(f"{call} OVER ({_window(rng, expressions, call, key if is_total else None)})", kind)


def _window(rng: Random, expressions: Expressions, call: str, key: list[str] | None) -> str:
    def column() -> str:
        return expressions.leaf(rng.choice(expressions.kinds(SCALARS)))

    name = call.partition("(")[0]
    parts = [f"PARTITION BY {column()}"] if rng.random() < 0.5 else []
    if key or name in NEED_ORDER or rng.random() < 0.7:
        order = [f"{sql}{rng.choice(DIRECTIONS)}" for sql in (column(), *(key or ()))]
        parts.append(f"ORDER BY {', '.join(order)}")
        if name not in UNFRAMED and rng.random() < 0.7:
            parts.append(rng.choice(ROWS_FRAMES if key else RANGE_FRAMES))
    return " ".join(parts)
