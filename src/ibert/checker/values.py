"""Rules about numbers, text and dates."""

from __future__ import annotations

import ast
import datetime
import decimal
import re
from collections.abc import Iterator
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir

from ibert.checker.code import Code, argument, method
from ibert.checker.rule import Finding, rule

_ROUNDED = (ops.Mean, ops.StandardDev, ops.Variance, ops.Median, ops.Quantile)
_SCALE = 3  # of a decimal literal without a type, in DuckDB

# What gives away that a pattern is written in another language than the method reads.
_REGEX = (r"\.[*+]|\\[dwsb]|^\^|\$$|\[[^\]]+\][*+]", "a regular expression", "re_search")
_LIKE = (r"^%|%$", "a pattern for like()", "like")
_FOREIGN = {
    "like": (_REGEX,),
    "ilike": (_REGEX,),
    "contains": (_LIKE, _REGEX),
    "startswith": (_LIKE, _REGEX),
    "endswith": (_LIKE, _REGEX),
    "replace": (_REGEX,),
    "re_search": (_LIKE,),
    "rlike": (_LIKE,),
}
_REPLACEMENT = {"replace": "re_replace"}
_TEMPORAL_FORMATS = ("strftime", "as_timestamp", "as_date", "as_time")
_TIMES = ir.StringValue | ir.DateValue | ir.TimeValue | ir.TimestampValue
_SPELLINGS = {
    "YYYY": "%Y",
    "yyyy": "%Y",
    "MM": "%m",
    "DD": "%d",
    "dd": "%d",
    "HH24": "%H",
    "HH": "%H",
    "hh": "%H",
    "MI": "%M",
    "mm": "%M",
    "SS": "%S",
    "ss": "%S",
}


@rule("IB730", ast.Call)
def rounded_mean(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Cast a decimal column to `float64` before taking its mean.

    Ibis gives means, deviations, medians and quantiles the type of the column: what is fetched is
    rounded to as many places as that has.

    Bad: `t.agg(z=t.m.mean())`
    Good: `t.agg(z=t.m.cast("float64").mean())`
    """
    op = code.op(node)
    if not isinstance(op, _ROUNDED) or not isinstance(node.func, ast.Attribute):
        return
    if not isinstance(op.arg.dtype, dt.Decimal) or op.arg.dtype.scale is None:
        return
    if not isinstance(op.dtype, dt.Decimal):
        return
    call = code.table_call(node)
    if call is None or method(call) not in ("agg", "aggregate", "mutate", "select"):
        return
    if op not in code.fetched_decimals:
        return
    column = node.func.value
    fix = code.append(column, '.cast("float64")', 'cast to "float64" before')
    message = (
        f"{method(node)}() of {op.arg.dtype} is rounded to {op.dtype.scale} places when fetched"
    )
    yield Finding(node, message, fix=fix)


@rule("IB731", ast.Call)
def decimal_without_type(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Give a decimal literal with more than three places its type.

    DuckDB keeps three places of one without a type: `Decimal("0.0004")` is 0 in the query.

    Bad: `import decimal as d; t.filter(t.m > d.Decimal("1.1499"))`
    Good: `import decimal as d; t.filter(t.m > ibis.literal(d.Decimal("1.1499"), "decimal(18,4)"))`
    """
    value = code.value(node)
    if not isinstance(value, decimal.Decimal) or not value.is_finite():
        return
    places = -int(value.as_tuple().exponent)
    if places <= _SCALE:
        return
    above = code.parent(node)
    text = code.source(node)
    typed = f'ibis.literal({text}, "decimal({max(18, len(value.as_tuple().digits))}, {places})")'
    fix = None
    if isinstance(above, ast.Call) and code.value(above.func) is ibis.literal:
        if argument(above, 1, "type") is not None:
            return
        fix = code.replace(above, typed, "give it its type")
    elif not code.is_operand(node):
        return
    yield Finding(
        node,
        f"a decimal without a type has {_SCALE} places in the query, this one has {places}",
        fix=fix or code.replace(node, typed, "give it its type"),
    )


@rule("IB732", ast.Call)
def format_without_percent(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Write the format of a date with `%`.

    Text without `%` stands for itself: each row gets the same.

    Bad: `t.mutate(z=t.d.strftime("YYYY-MM-DD"))`
    Good: `t.mutate(z=t.d.strftime("%Y-%m-%d"))`
    """
    text = _format(node, code)
    if text is None or "%" in text.value:
        return
    new = text.value
    for old, directive in _SPELLINGS.items():
        new = new.replace(old, directive)
    fix = None
    if new != text.value:
        fix = code.replace(text, _quoted(new), "write it with %")
    yield Finding(text, "a format without % is the text itself, in every row", fix=fix)


@rule("IB733", ast.Call)
def month_for_minute(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Write minutes `%M` and months `%m`.

    `%H:%m` is the hour and the month.

    Bad: `t.mutate(z=t.ts.strftime("%H:%m"))`
    Good: `t.mutate(z=t.ts.strftime("%H:%M"))`
    """
    text = _format(node, code)
    if text is None:
        return
    new = re.sub(r"(%[HI]:)%m", r"\1%M", text.value)
    new = re.sub(r"(%Y[-/.])%M|%M([-/.]%Y)", r"\g<1>%m\g<2>", new)
    if new != text.value:
        fix = code.replace(text, _quoted(new), "write %M for minutes, %m for months")
        yield Finding(text, "%m is the month, %M the minute", fix=fix)


def _format(node: ast.Call, code: Code) -> Any:
    """Give the format that a call passes, if it is a constant."""
    if method(node) not in _TEMPORAL_FORMATS:
        return None
    if not isinstance(code.receiver(node), _TIMES):
        return None
    found = argument(node, 0, "format_str")
    return found if isinstance(found, ast.Constant) and isinstance(found.value, str) else None


@rule("IB734", ast.Call)
def pattern_of_another_language(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Write a pattern in the language of the method.

    `like()` knows `%` and `_`, `re_search()` regular expressions; `contains()`, `startswith()`,
    `endswith()` and `replace()` take the text as it is.

    Bad: `t.filter(t.g.contains("%a%"))`
    Good: `t.filter(t.g.like("%a%"))`
    """
    name = method(node)
    if name not in _FOREIGN or not isinstance(code.receiver(node), ir.StringValue):
        return
    pattern = node.args[0] if node.args else None
    if not isinstance(pattern, ast.Constant) or not isinstance(pattern.value, str):
        return
    for signs, said, better in _FOREIGN[name]:
        if re.search(signs, pattern.value):
            new = _REPLACEMENT.get(name, better)
            fix = _renamed(node, code, new)
            yield Finding(pattern, f"{name}() takes this as it is, not as {said}", fix=fix)
            return


def _renamed(node: ast.Call, code: Code, name: str) -> Any:
    assert isinstance(node.func, ast.Attribute)
    text = f"{code.source(node.func.value)}.{name}"
    return code.replace(node.func, text, f"call {name}()")


@rule("IB735", ast.Call)
def padding_of_several(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Pad with one character.

    Ibis repeats the padding as often as characters are missing: with several the text gets longer
    than asked.

    Bad: `t.mutate(z=t.g.lpad(6, "ab"))`
    Good: `t.mutate(z=t.g.lpad(6, "a"))`
    """
    pad = argument(node, 1, "pad")
    if method(node) not in ("lpad", "rpad") or not isinstance(code.receiver(node), ir.StringValue):
        return
    text = code.value(pad)
    if isinstance(text, str) and len(text) > 1 and pad is not None:
        yield Finding(pad, "the whole padding is repeated for each missing character")


@rule("IB737", ast.Compare, ast.Call)
def time_against_date(node: ast.Compare | ast.Call, code: Code) -> Iterator[Finding]:
    """Compare a timestamp with a date only after taking its date.

    A date is its midnight: `== "2024-01-31"` finds no other time of that day, and `<=` or the upper
    bound of `between()` leaves the rest of the day out.

    Bad: `t.filter(t.ts <= "2024-01-31")`
    Good: `t.filter(t.ts.date() <= "2024-01-31")`
    """
    column: ast.expr
    if isinstance(node, ast.Compare):
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.LtE):
            return
        column, side = node.left, node.comparators[0]
    elif method(node) == "between" and isinstance(node.func, ast.Attribute):
        upper = argument(node, 1, "upper")
        if upper is None:
            return
        column, side = node.func.value, upper
    else:
        return
    if not isinstance(code.value(column), ir.TimestampColumn) or not _is_date(code.value(side)):
        return
    if isinstance(code.op(column), ops.TimestampTruncate):
        return
    fix = code.append(column, ".date()", "take its date")
    yield Finding(side, "a date is its midnight: later times of that day are left out", fix=fix)


def _is_date(value: Any) -> bool:
    if isinstance(value, ir.DateScalar):
        return True
    if isinstance(value, datetime.date):
        return not isinstance(value, datetime.datetime)
    return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value))


@rule("IB738", ast.Call)
def unreachable_branch(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Give each branch of `cases()` a condition of its own.

    The first branch that holds decides: one with the condition of an earlier one is never reached.

    Bad: `t.mutate(z=ibis.cases((t.x > 5, "a"), (t.x > 5, "b")))`
    Good: `t.mutate(z=ibis.cases((t.x > 5, "a"), (t.x > 2, "b")))`
    """
    op = code.op(node)
    if not isinstance(op, ops.SearchedCase | ops.SimpleCase):
        return
    if method(node) != "cases" or len(node.args) < len(op.cases):
        return
    branches = node.args[-len(op.cases) :]
    for index, case in enumerate(op.cases):
        if case in op.cases[:index]:
            yield Finding(branches[index], "an earlier branch has the same condition")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
