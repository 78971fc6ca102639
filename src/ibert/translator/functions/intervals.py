"""Intervals: constants of SQL, and intervals made of numbers."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

from sqlglot import exp

from ibert.translator.datatypes import (
    BIGINT,
    DOUBLE,
    INTEGER,
    INTEGERS,
    INTERVAL,
    NULL,
    UNKNOWN,
    VARCHAR,
)
from ibert.translator.functions.parts import canonical_part
from ibert.translator.functions.rules import Rule
from ibert.translator.values import (
    Value,
    as_expression,
    builtin,
    call,
    cast,
    dotted,
    method,
    null,
)

# The keyword of ibis.interval for a unit, and how many of it one is.
_KEYWORDS = {
    "millennium": ("years", 1000),
    "century": ("years", 100),
    "decade": ("years", 10),
    "year": ("years", 1),
    "quarter": ("quarters", 1),
    "month": ("months", 1),
    "week": ("weeks", 1),
    "day": ("days", 1),
    "hour": ("hours", 1),
    "minute": ("minutes", 1),
    "second": ("seconds", 1),
    "millisecond": ("milliseconds", 1),
    "microsecond": ("microseconds", 1),
}

# The units of Ibis: those an integer can be turned into.
_CODES = {
    "year": "Y",
    "quarter": "Q",
    "month": "M",
    "week": "W",
    "day": "D",
    "hour": "h",
    "minute": "m",
    "second": "s",
    "millisecond": "ms",
    "microsecond": "us",
}
_DATE_KEYWORDS = {"years", "quarters", "months", "weeks", "days"}
_DATE_CODES = {"Y", "Q", "M", "W", "D"}

# What a fraction of a unit is counted in, and how many of it the unit has; the last one is cut off.
_DAY = ("microseconds", 86_400_000_000)
_SMALLER = {
    "millennium": (("months", 12_000),),
    "century": (("months", 1_200),),
    "decade": (("months", 120),),
    "year": (("months", 12),),
    "quarter": (("months", 3), ("days", 30)),
    "month": (("days", 30),),
    "week": (("days", 7), _DAY),
    "day": (_DAY,),
    "hour": (("microseconds", 3_600_000_000),),
    "minute": (("microseconds", 60_000_000),),
    "second": (("microseconds", 1_000_000),),
    "millisecond": (("microseconds", 1_000),),
}
_READ = 6  # the digits of a fraction that DuckDB reads
_DIGITS = {"second": 6, "millisecond": 3}  # those that a fraction can have and stay exact

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_QUANTITY = rf"({_NUMBER.pattern})\s*([a-z]+)\s*"
_QUANTITIES = re.compile(_QUANTITY, re.ASCII)
_CLOCK = re.compile(r"(-?)(\d+):(\d\d?)(?::(\d\d?)(?:\.(\d{1,6}))?)?\s*", re.ASCII)
_TEXT = re.compile(
    rf"\s*(?P<quantities>(?:{_QUANTITY})*)(?:(?P<ago>ago)\s*|(?P<clock>{_CLOCK.pattern}))?",
    re.ASCII,
)
_SIXTY = 60


def interval_literal(node: exp.Interval) -> Value | None:
    """Give a constant of type INTERVAL; None if it is none, or not one that Ibis can write.

    A fraction of a named unit is only taken where both agree that it can be: sqlglot reads the text
    `INTERVAL '1.5 days'`, which is 36 hours, as `INTERVAL '1.5' DAY`, which is one day.

    Examples
    --------
    >>> import ast, sqlglot
    >>> for text in ("INTERVAL 3 DAY", "INTERVAL '1 year -2 months'", "INTERVAL '10:20'"):
    ...     value = interval_literal(sqlglot.parse_one(text, dialect="duckdb"))
    ...     print(ast.unparse(value.node))
    ibis.interval(days=3)
    ibis.interval(years=1, months=-2)
    ibis.interval(hours=10, minutes=20)
    """
    text, unit = _constant(node.this), node.args.get("unit")
    if text is None or not (unit is None or isinstance(unit, exp.Var)):
        return None
    if unit is None:
        return _parsed(text) if isinstance(node.this, exp.Literal) else None
    part = canonical_part(unit.name)
    amounts = _undisputed(text.strip(), part) if part else None
    return _constant_interval(amounts) if amounts else None


def _constant(node: exp.Expr | None) -> str | None:
    """Read a number or a string; a minus sign and parentheses may stand around it."""
    if isinstance(node, exp.Paren):
        return _constant(node.this)
    if isinstance(node, exp.Neg):
        inner = _constant(node.this)
        return None if inner is None or inner.startswith("-") else f"-{inner}"
    return node.name if isinstance(node, exp.Literal) else None


def to_interval(value: Value) -> Value | None:
    """Cast a value to INTERVAL; None if it is neither an interval nor text.

    Examples
    --------
    >>> import ast
    >>> from ibert.translator.values import literal
    >>> ast.unparse(to_interval(literal("1 day 10:20", VARCHAR)).node)
    'ibis.interval(days=1, hours=10, minutes=20)'
    """
    if value.type == INTERVAL:
        return value
    if value.is_null or value.type == NULL:
        return null(INTERVAL)
    return _of_text(value) if value.type == VARCHAR else None


def _of_text(value: Value) -> Value:
    """Read a text; what Ibis cannot write is left to a cast that names its type by an example."""
    known = _parsed(str(value.literal)) if value.is_literal else None
    if known is not None:
        return known
    return builtin("cast_to_type", value, _constant_interval({"days": 1}), type=INTERVAL)


def _parsed(text: str) -> Value | None:
    """Read the text of an interval as DuckDB does."""
    text = text.lower()
    if _NUMBER.fullmatch(text.strip()):
        text = f"{text} seconds"
    found = _TEXT.fullmatch(text)
    if found is None or not (found["quantities"] or found["clock"]):
        return None
    amounts: Counter[str] = Counter()
    for number, unit in _QUANTITIES.findall(found["quantities"]):
        part = canonical_part(unit)
        amount = _amount(number, part) if part else None
        if amount is None:
            return None
        (amounts.subtract if found["ago"] else amounts.update)(amount)
    if found["clock"]:
        # After hours, DuckDB counts the sign of the clock for them too.
        clock = None if amounts.keys() - _DATE_KEYWORDS else _clock(found["clock"])
        if clock is None:
            return None
        amounts.update(clock)
    return _constant_interval(amounts)


def _amount(number: str, part: str) -> Counter[str] | None:
    """Give a number of a unit as keywords; a fraction counts in the units below, as in DuckDB."""
    if part not in _KEYWORDS or not _NUMBER.fullmatch(number):
        return None
    keyword, factor = _KEYWORDS[part]
    whole_digits, _, fraction = number.partition(".")
    exact = Fraction(f"{whole_digits}.{fraction[:_READ]}")
    whole = int(exact)
    rest = exact - whole
    amounts = Counter({keyword: whole * factor})
    if rest and part not in _SMALLER:
        return None
    for smaller, size in _SMALLER[part] if rest else ():
        count = int(rest * size)
        rest = rest * size - count
        amounts[smaller] += count
    return amounts


def _undisputed(number: str, part: str) -> Counter[str] | None:
    """Give a number of a unit where DuckDB reads `'1.5' DAY` and `'1.5 days'` alike."""
    fraction = number.partition(".")[2].rstrip("0")
    return _amount(number, part) if len(fraction) <= _DIGITS.get(part, 0) else None


def _clock(text: str) -> Counter[str] | None:
    """Read hours and minutes, seconds and their fraction too if they are there."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    sign, hours, minutes, seconds, fraction = found.groups()
    if int(minutes) >= _SIXTY or int(seconds or 0) >= _SIXTY:
        return None
    counts = {
        "hours": int(hours),
        "minutes": int(minutes),
        "seconds": int(seconds or 0),
        "microseconds": int((fraction or "0").ljust(6, "0")),
    }
    return Counter({key: -count if sign else count for key, count in counts.items()})


def _constant_interval(amounts: Mapping[str, int]) -> Value:
    """Write ibis.interval; what is zero is left out unless all is."""
    given = {key: count for key, count in amounts.items() if count}
    return call(dotted("ibis.interval"), (), given or {next(iter(amounts)): 0}, INTERVAL)


def interval(amount: Value, unit: str) -> Value | None:
    """Give `INTERVAL (amount) unit` where `interval_literal` gives none; None for no such unit.

    DuckDB reads the amount as DOUBLE and cuts off the fraction, except of seconds and milliseconds.
    """
    part = canonical_part(unit)
    if part not in _KEYWORDS or amount.type == UNKNOWN:
        return None
    if amount.is_null or amount.type == NULL:
        return null(INTERVAL)
    if amount.type.name in (_SHORT if part == "microsecond" else _WHOLE):
        return _of_integer(amount, part)
    if part in _DIGITS:
        return builtin(f"to_{part}s", cast(as_expression(amount), DOUBLE), type=INTERVAL)
    whole = builtin("trunc", cast(as_expression(amount), DOUBLE), type=DOUBLE)
    return _of_integer(cast(whole, BIGINT if part in _OF_BIGINT else INTEGER), part)


# Integers that a DOUBLE holds, and those that to_days() and its like take.
_SHORT = {name for name, (bits, _) in INTEGERS.items() if bits <= 32}
_WHOLE = _SHORT | {"bigint"}
_OF_BIGINT = {"hour", "minute", "microsecond"}
_PLURALS = {"century": "centuries", "millennium": "millennia"}


def _of_integer(amount: Value, part: str) -> Value:
    if part not in _CODES:
        return builtin(f"to_{_PLURALS.get(part, part + 's')}", amount, type=INTERVAL)
    if amount.is_literal:
        return _constant_interval({_KEYWORDS[part][0]: amount.literal})
    if not amount.declared.is_integer:
        amount = cast(amount, amount.type)
    return method(amount, "as_interval", _CODES[part], type=INTERVAL)


def of_units(part: str) -> Rule:
    """Give the rule for `to_days(amount)` and its like."""

    def rule(amount: Value) -> Value | None:
        if amount.type.name not in _WHOLE:
            return None
        return _of_integer(amount, part)

    return rule


def resolution(node: ast.expr) -> str | None:
    """Tell whether Ibis counts an interval in units of a date or of a time; None if unknown.

    Examples
    --------
    >>> import sqlglot
    >>> resolution(interval_literal(sqlglot.parse_one("INTERVAL 1 DAY", dialect="duckdb")).node)
    'date'
    """
    match node:
        case ast.BinOp(op=ast.Mult()):
            return resolution(node.left)
        case ast.BinOp():
            both = (resolution(node.left), resolution(node.right))
            return None if None in both else "time" if "time" in both else "date"
        case ast.UnaryOp():
            return resolution(node.operand)
        case ast.Call(func=ast.Attribute(attr="interval")):
            given = {str(part.arg) for part in node.keywords}
            return "date" if given <= _DATE_KEYWORDS else "time"
        case ast.Call(func=ast.Attribute(attr="as_interval"), args=[ast.Constant(value=code)]):
            return "date" if code in _DATE_CODES else "time"
    return None


def single_unit(value: Value) -> tuple[str, int] | None:
    """Give the keyword and the number of a constant interval of one unit."""
    match value.node:
        case ast.Call(
            func=ast.Attribute(attr="interval"),
            keywords=[ast.keyword(arg=str(keyword), value=ast.Constant(value=int(count)))],
        ):
            return keyword, count
    return None
