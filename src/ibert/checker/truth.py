"""Rules about Python that does not reach the query, and conditions that never differ."""

from __future__ import annotations

import ast
import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.common.deferred import Deferred

from ibert.checker.code import Code, argument, method
from ibert.checker.rule import Finding, rule

_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# The values that a part of a date or time can have.
_DOMAINS: dict[type[ops.Node], tuple[Any, ...]] = {
    ops.ExtractMonth: tuple(range(1, 13)),
    ops.ExtractDay: tuple(range(1, 32)),
    ops.ExtractDayOfYear: tuple(range(1, 367)),
    ops.ExtractQuarter: tuple(range(1, 5)),
    ops.ExtractWeekOfYear: tuple(range(1, 54)),
    ops.ExtractHour: tuple(range(24)),
    ops.ExtractMinute: tuple(range(60)),
    ops.ExtractSecond: tuple(range(60)),
    ops.DayOfWeekIndex: tuple(range(7)),
    ops.DayOfWeekName: _DAYS,
}


def _is_expression(value: Any) -> bool:
    return isinstance(value, ir.Value | Deferred)


@rule("IB701", ast.Compare)
def identity_of_a_column(node: ast.Compare, code: Code) -> Iterator[Finding]:
    """Ask a column whether it is NULL with `isnull()`, not with `is`.

    Python decides `is` before there are rows: a column is never `None`, so the condition is
    `False` for all of them.

    Bad: `t.filter(t.x is None)`
    Good: `t.filter(t.x.isnull())`
    """
    read = code.reading.values
    match node:
        case ast.Compare(
            ops=[ast.Is() | ast.IsNot() as sign], comparators=[ast.Constant() as side]
        ):
            if not _is_expression(read.get(node.left)) or not code.is_operand(node):
                return
            result = isinstance(sign, ast.IsNot)
            fix = None
            if side.value is None:
                test = "notnull()" if result else "isnull()"
                text = f"{code.source(node.left)}.{test}"
                fix = code.replace(node, text, f"ask with {test}", safe=True)
            yield Finding(node, f"`is` asks Python, not the rows: this is always {result}", fix=fix)


@rule("IB702", ast.Compare)
def uncalled_method(node: ast.Compare, code: Code) -> Iterator[Finding]:
    """Call a method before comparing what it gives.

    Without parentheses the method itself is compared, and Python decides that it equals nothing.

    Bad: `t.filter(t.g.upper == "A")`
    Good: `t.filter(t.g.upper() == "A")`
    """
    for side in (node.left, *node.comparators):
        value = code.value(side)
        if inspect.ismethod(value) and isinstance(value.__self__, ir.Expr):
            message = f"{ast.unparse(side)} is not called: the method itself is compared"
            yield Finding(side, message, fix=code.append(side, "()", "call it"))


@rule("IB703", ast.FormattedValue, ast.Call)
def text_of_an_expression(node: ast.FormattedValue | ast.Call, code: Code) -> Iterator[Finding]:
    """Make text of a column with `cast("string")`, not with `str()` or an f-string.

    Python writes down the expression itself, so every row gets a description of the query.

    Bad: `t.mutate(z=t.g + str(t.x))`
    Good: `t.mutate(z=t.g + t.x.cast("string"))`
    """
    inner: ast.expr | None = None
    if isinstance(node, ast.FormattedValue):
        inner = node.value
    elif isinstance(node.func, ast.Name) and node.func.id == "str" and len(node.args) == 1:
        inner = node.args[0]
    if inner is None or not isinstance(code.value(inner), ir.Value) or not code.is_operand(node):
        return
    text = f'{code.source(inner)}.cast("string")'
    fix = code.replace(node, text, "cast it") if isinstance(node, ast.Call) else None
    message = f"the text of {ast.unparse(inner)} is the expression, not its values"
    yield Finding(node, message, 'cast("string") gives the values as text', fix)


@rule("IB704", ast.Compare)
def order_with_null(node: ast.Compare, code: Code) -> Iterator[Finding]:
    """Do not ask whether something is less or greater than NULL.

    The answer is NULL for every row, and a filter keeps none of them. (`== None` is no such case:
    Ibis compiles it to `IS NULL`.)

    Bad: `t.filter(t.x > None)`
    Good: `t.filter(t.x.notnull())`
    """
    match node:
        case ast.Compare(ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()], comparators=[right]):
            left, other = code.value(node.left), code.value(right)
            if (_is_null(other) and isinstance(left, ir.Value)) or (
                _is_null(left) and isinstance(other, ir.Value)
            ):
                yield Finding(node, "a comparison with NULL is never true")


def _is_null(value: Any) -> bool:
    if isinstance(value, ir.Value):
        op = value.op()
        return isinstance(op, ops.Literal) and op.value is None
    return value is None


@rule("IB705", ast.Call)
def null_in_a_list(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Keep NULL out of the list of `isin()` and `notin()`.

    `isin([1, None])` does not find NULLs, and `notin([1, None])` is never true.

    Bad: `t.filter(t.x.notin([5, None]))`
    Good: `t.filter(t.x.notin([5]) & t.x.notnull())`
    """
    name = method(node)
    if name not in ("isin", "notin") or not isinstance(code.receiver(node), ir.Value):
        return
    above = code.parent(node)
    if isinstance(above, ast.Attribute) and above.attr in ("isnull", "notnull"):
        return  # NULL is what is asked for
    listed = code.value(argument(node, 0, "values"))
    if not isinstance(listed, list | tuple | set | frozenset) or not any(map(_is_null, listed)):
        return
    assert isinstance(node.func, ast.Attribute)
    fix, match = None, node.args[0] if node.args else None
    if isinstance(match, ast.List | ast.Tuple):
        rest = [item for item in match.elts if not _is_null(code.value(item))]
        column = code.source(node.func.value)
        kept = f"{column}.{name}([{', '.join(code.source(item) for item in rest)}])"
        joined = (
            f"({kept} | {column}.isnull())"
            if name == "isin"
            else (f"({kept} & {column}.notnull())")
        )
        fix = code.replace(node, joined, "ask for NULL apart")
    said = {"isin": "isin() does not find the NULL", "notin": "notin() a NULL is never true"}
    yield Finding(node, f"{said[name]} in its list", fix=fix)


@rule("IB706", ast.Compare)
def comparison_with_itself(node: ast.Compare, code: Code) -> Iterator[Finding]:
    """Do not compare a column with itself.

    It says the same of every row that is not NULL. Mostly the other table was meant, or the same
    table in another role: that one needs `view()`.

    Bad: `t.filter(t.x == t.x)`
    Good: `t.filter(t.x == t.id)`
    """
    if len(node.ops) != 1 or type(node.ops[0]) not in _ORDER:
        return
    left, right = code.op(node.left), code.op(node.comparators[0])
    if left is None or left != right or not isinstance(left, ops.Field):
        return
    if left.dtype.is_floating():  # x != x finds NaN on some engines
        return
    hint = "the other table's column, or that of .view() for a second look at the same table"
    yield Finding(node, f"{ast.unparse(node.left)} is compared with itself", hint)


@rule("IB707", ast.Call)
def reversed_bounds(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Give `between()` the lower bound first.

    With the bounds in the other order it is never true.

    Bad: `t.filter(t.x.between(9, 1))`
    Good: `t.filter(t.x.between(1, 9))`
    """
    if method(node) != "between" or not isinstance(code.receiver(node), ir.Value):
        return
    low, high = argument(node, 0, "lower"), argument(node, 1, "upper")
    if low is None or high is None or not _exceeds(code.value(low), code.value(high)):
        return
    fix = code.replace(low, code.source(high), "swap the bounds")
    fix = type(fix)(
        title=fix.title, edits=(*fix.edits, *code.replace(high, code.source(low), "").edits)
    )
    yield Finding(node, "the lower bound is above the upper one: this is never true", fix=fix)


def _exceeds(low: Any, high: Any) -> bool:
    """Whether one plain value is greater than another of its kind."""
    if isinstance(low, str) and isinstance(high, str):
        return len(low) == len(high) and low > high
    numbers = isinstance(low, int | float) and isinstance(high, int | float)
    return numbers and bool(low > high)


@rule("IB708", ast.Compare)
def impossible_part(node: ast.Compare, code: Code) -> Iterator[Finding]:
    """Compare a part of a date with a value that it can have.

    Months count from 1 to 12, hours from 0 to 23, `day_of_week.index()` from 0 (Monday) to 6, the
    names of days are `Monday` to `Sunday`, `ntile(n)` from 0 to n - 1.

    Bad: `t.filter(t.d.month() == 13)`
    Good: `t.filter(t.d.month() == 12)`
    """
    if len(node.ops) != 1 or type(node.ops[0]) not in _ORDER:
        return
    domain, side = _domain(code.op(node.left)), code.value(node.comparators[0])
    if not domain or type(side) is not type(domain[0]):
        return
    compare = _ORDER[type(node.ops[0])]
    found = {compare(value, side) for value in domain}
    if len(found) == 1:
        shown = f"it is one of {domain[0]} … {domain[-1]}"
        yield Finding(node, f"this is {'always' if found.pop() else 'never'} true: {shown}")


def _domain(op: ops.Node | None) -> tuple[Any, ...]:
    if isinstance(op, ops.WindowFunction) and isinstance(op.func, ops.NTile):
        buckets = op.func.buckets
        return tuple(range(buckets.value)) if isinstance(buckets, ops.Literal) else ()
    return _DOMAINS.get(type(op), ())


@rule("IB709", ast.BinOp, ast.Call)
def contradiction(node: ast.BinOp | ast.Call, code: Code) -> Iterator[Finding]:
    """Do not ask of one column what cannot be true at once.

    No row passes both conditions.

    Bad: `t.filter((t.x == 1) & (t.x == 2))`
    Good: `t.filter((t.x == 1) | (t.x == 2))`
    """
    parts: list[ops.Node | None]
    if isinstance(node, ast.BinOp):
        parts = [code.op(node)] if isinstance(node.op, ast.BitAnd) else []
        above = code.parent(node)
        if isinstance(above, ast.BinOp) and isinstance(above.op, ast.BitAnd):
            return  # the whole of it is judged
    elif method(node) == "filter" and len(node.args) > 1:
        parts = [code.op(item) for item in node.args]
    else:
        return
    for column, bounds in _bounds(parts).items():
        if _is_empty(bounds):
            yield Finding(node, f"no value of {column.name!r} makes all of this true")


def _bounds(parts: list[ops.Node | None]) -> dict[ops.Field, list[tuple[type[ops.Node], Any]]]:
    """Give what conditions that hold together say of each column and a plain value."""
    found: dict[ops.Field, list[tuple[type[ops.Node], Any]]] = {}
    rest = list(parts)
    while rest:
        op = rest.pop()
        if isinstance(op, ops.And):
            rest += [op.left, op.right]
        elif isinstance(op, ops.Comparison) and _is_plain(op):
            found.setdefault(op.left, []).append((type(op), op.right.value))
    return found


def _is_plain(op: ops.Comparison) -> bool:
    """Whether a column is compared with a value that is not NULL."""
    right = op.right
    return (
        isinstance(op.left, ops.Field)
        and isinstance(right, ops.Literal)
        and (right.value is not None)
    )


def _is_empty(bounds: list[tuple[type[ops.Node], Any]]) -> bool:
    equal = {value for kind, value in bounds if kind is ops.Equals}
    if any(not isinstance(value, int | float) for _, value in bounds):
        return len(equal) > 1
    low = max((value for kind, value in bounds if kind in _LOWER), default=None)
    high = min((value for kind, value in bounds if kind in _UPPER), default=None)
    if low is None or high is None:
        return False
    strict = {(ops.Greater, low), (ops.Less, high)} & set(bounds)
    return bool(low > high or (low == high and strict))


_LOWER = (ops.Greater, ops.GreaterEqual, ops.Equals)
_UPPER = (ops.Less, ops.LessEqual, ops.Equals)
