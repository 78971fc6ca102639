"""Comparisons: of two values, with NULL, with a range, with several values."""

from __future__ import annotations

import ast
from functools import reduce

from sqlglot import exp

from ibert.translator import folding
from ibert.translator.arithmetic import aligned
from ibert.translator.datatypes import (
    BIGINT,
    BOOLEAN,
    INTEGER,
    INTERVAL,
    NULL,
    UNKNOWN,
    VARCHAR,
    Type,
    common,
    decimal,
)
from ibert.translator.functions import dates, durations, lists
from ibert.translator.literals import truth
from ibert.translator.memtables import is_from_memory
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Rule, Scope
from ibert.translator.syntax import calls_last, is_scalar
from ibert.translator.values import (
    Value,
    as_expression,
    builtin,
    cast,
    converted,
    enclosed,
    function,
    invert,
    is_null,
    literal,
    method,
    operator,
    typed_literal,
)
from ibert.translator.values import null as null_of

COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "==",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}


def comparison(node: exp.Expr, scope: Scope) -> Value:
    """Translate a comparison."""
    left, right = node.this, node.expression
    for side, other in ((left, right), (right, left)):
        if isinstance(other.unnest(), exp.Tuple) and isinstance(side.unnest(), exp.Tuple):
            return _row_comparison(node, scope)
        if isinstance(other, exp.Any | exp.All):
            return scope.context.rules[type(other)](node, scope)
        if isinstance(other, exp.Anonymous) and other.name.upper() == "ALL":
            other.replace(exp.All(this=other.expressions[0]))
            return scope.context.rules[exp.All](node, scope)
    return compare(COMPARISONS[type(node)], scope.value(left), scope.value(right), node)


def _row_comparison(node: exp.Expr, scope: Scope) -> Value:
    """Compare rows as DuckDB does: as structs, within which NULL equals NULL and comes last."""
    lefts = scope.values(node.this.unnest().expressions)
    rights = scope.values(node.expression.unnest().expressions)
    if len(lefts) != len(rights):
        raise Refusal("a comparison of rows of different widths", node, code="IB503")
    pairs = list(zip(lefts, rights, strict=True))
    if not isinstance(node, exp.EQ | exp.NEQ):
        pairs = [comparable(left, right, node) for left, right in pairs]
        left, right = (
            lists.struct({f"f{position}": value for position, value in enumerate(side)})
            for side in zip(*pairs, strict=True)
        )
        return operator(COMPARISONS[type(node)], left, right, BOOLEAN)
    equal = [_identical_in(scope, left, right, node) for left, right in pairs]
    both = reduce(lambda one, other: operator("&", one, other, BOOLEAN), equal)
    return both if isinstance(node, exp.EQ) else invert(both)


def compare(symbol: str, left: Value, right: Value, node: exp.Expr | None = None) -> Value:
    """Give a comparison; Ibis takes `= NULL` for IS NULL, so that becomes NULL itself."""
    if left.is_null or right.is_null or NULL in (left.type, right.type):
        return null_of(BOOLEAN)
    left, right = comparable(left, right, node)
    left, right = (enclosed(side, "identical_to") for side in (left, right))
    return operator(*_counted_from_zero(symbol, left, right), BOOLEAN)


_FROM_ZERO = {"<=": "<", ">": ">="}  # of a number that is one less than it was


def _counted_from_zero(symbol: str, left: Value, right: Value) -> tuple[str, Value, Value]:
    """Compare a rank with a constant as Ibis counts ranks: `rank + 1 <= 3` is `rank < 3`."""
    match left.node:
        case ast.BinOp(
            left=ast.Call(func=ast.Attribute(attr="over")) as rank,
            op=ast.Add(),
            right=ast.Constant(value=1),
        ) if right.type == INTEGER and type(right.literal) is int:
            counted = Value(rank, left.type, left.declared, left.uses, left.eager)
            if symbol in _FROM_ZERO:
                return _FROM_ZERO[symbol], counted, right
            return symbol, counted, literal(right.literal - 1, INTEGER)
    return symbol, left, right


def _widened(value: Value, other: Value) -> Value:
    """Widen the integer of a query: Ibis takes it for a literal that is too long otherwise."""
    if not (value.type.is_integer and other.type.is_integer and is_scalar(value)):
        return value
    if value.declared == BIGINT:
        return value
    if other.is_literal or (other.is_field and other.declared == value.declared):
        return value
    return cast(value, BIGINT)


def comparable(left: Value, right: Value, node: exp.Expr | None = None) -> tuple[Value, Value]:
    """Bring two values to types that Ibis compares, as DuckDB compares them."""
    left, right = _widened(left, right), _widened(right, left)
    one, other = left.declared, right.declared
    if left.type == right.type == INTERVAL:
        return durations.comparable(left, right)
    if one == other or UNKNOWN in (left.type, right.type):
        return folding.bare_date(left, right), folding.bare_date(right, left)
    if one.dtype is None and other.dtype is None:
        return left, right
    if one.dtype is None or other.dtype is None:
        return _converted_to_common(left, right, node)
    if VARCHAR in (left.type, right.type):
        if left.type == VARCHAR:
            left = _as_text_of(left, right)
        else:
            right = _as_text_of(right, left)
        both = left.type == right.type == INTERVAL
        return durations.comparable(left, right) if both else (left, right)
    if one.is_decimal and other.is_decimal:
        return aligned(left, right)
    if one.is_numeric and other.is_numeric:
        return _beside_unsigned(left, right), _beside_unsigned(right, left)
    if one.is_temporal and other.is_temporal and "time" not in (one.name, other.name):
        return folding.bare_date(left, right), folding.bare_date(right, left)
    return _converted_to_common(left, right, node)


def _beside_unsigned(value: Value, other: Value) -> Value:
    """Ibis compares nothing unsigned with a negative constant of a type that is narrower."""
    is_negative = value.is_literal and value.type.is_integer and value.literal < 0
    if is_negative and other.declared.is_unsigned:
        if other.declared.name == "ubigint":
            return cast(as_expression(value), decimal(20, 0))
        return typed_literal(literal(value.literal, BIGINT))
    return value


def _converted_to_common(left: Value, right: Value, node: exp.Expr | None) -> tuple[Value, Value]:
    kind = common(left.type, right.type)
    if kind == UNKNOWN:
        raise Refusal(
            f"comparison of {left.type.name} and {right.type.name}", node, "cast one side"
        )
    if kind.dtype is None:  # Ibis compares what it has no type for with its like alone
        bare = (left, right)
        left, right = (
            side if side.declared.dtype is None else converted(side, kind) for side in bare
        )
        return left, right
    left, right = (side if side.type == kind else cast(side, kind) for side in (left, right))
    return left, right


_TEXT_LIKE = {"date", "timestamp"}


def _as_text_of(text: Value, other: Value) -> Value:
    """Read text as DuckDB does beside a value of another type."""
    if other.type.name in ("enum", "blob", "json"):
        return text if other.type.name == "enum" else cast(as_expression(text), other.type)
    if not text.is_literal:
        return cast(text, other.type)
    if other.type.name in _TEXT_LIKE and other.is_literal:
        return cast(text, other.type)
    return read_as(text, other.type)


def read_as(text: Value, kind: Type) -> Value:
    """Read a constant text as another type."""
    if kind == INTERVAL:
        return dates.to_interval(text) or converted(text, kind)
    if kind.is_temporal:
        found = dates.temporal_literal(str(text.literal), kind)
        return found if found is not None else cast(text, kind)
    digits = str(text.literal).strip().lstrip("-")
    if kind.is_integer and not kind.is_unsigned and digits.isascii() and digits.isdigit():
        return literal(int(str(text.literal)), kind)
    return cast(text, kind)


def same(node: exp.Expr, scope: Scope) -> Value:
    """Translate IS NOT DISTINCT FROM."""
    left, right = scope.value(node.this), scope.value(node.expression)
    return _identical_in(scope, left, right, node)


def _identical_in(scope: Scope, left: Value, right: Value, node: exp.Expr) -> Value:
    """Compare so that NULL equals NULL, where DuckDB fails to filter a memtable by that, too."""
    constant = next((side for side in (left, right) if side.is_literal), None)
    if constant is None or constant.is_null or not is_from_memory(scope.relation):
        return identical(left, right, node)
    return method(compare("==", left, right, node), "fill_null", False, type=BOOLEAN)


def identical(left: Value, right: Value, node: exp.Expr | None = None) -> Value:
    """Give a comparison in which NULL equals NULL."""
    if left.is_null and right.is_null:
        return literal(True, BOOLEAN)
    if left.is_null:
        left, right = right, left
    if right.is_null:
        return is_null(left)
    left, right = comparable(left, right, node)
    if left.is_literal and not right.is_literal:
        left, right = right, left
    left, right = (enclosed(side, *_POSTFIX, logic=True) for side in (left, right))
    return method(left, "identical_to", right, type=BOOLEAN)


_POSTFIX = ("isnull", "notnull", "identical_to")


def different(node: exp.Expr, scope: Scope) -> Value:
    """Translate IS DISTINCT FROM."""
    return invert(same(node, scope))


def is_(node: exp.Expr, scope: Scope) -> Value:
    """Translate IS NULL, IS TRUE and their like."""
    wanted = node.expression
    if node.args.get("negate"):
        return invert(is_(exp.Is(this=node.this, expression=wanted), scope))
    if isinstance(wanted, exp.Not):
        return invert(is_(exp.Is(this=node.this, expression=wanted.this), scope))
    operand = scope.value(node.this)
    if isinstance(wanted, exp.Null):
        return is_null(operand)
    if isinstance(wanted, exp.Boolean):
        return _is_boolean(truth(operand), bool(wanted.this))
    raise Refusal(f"IS {wanted.sql('duckdb')}", node)


def _is_boolean(condition: Value, wanted: bool) -> Value:
    if not calls_last(condition, *_POSTFIX):
        condition = method(condition, "fill_null", literal(not wanted, BOOLEAN), type=BOOLEAN)
    return condition if wanted else invert(condition)


def between(node: exp.Expr, scope: Scope) -> Value:
    """Translate BETWEEN."""
    operand = enclosed(scope.value(node.this), *_TIGHT, logic=True)
    low, high = scope.value(node.args["low"]), scope.value(node.args["high"])
    if node.args.get("symmetric"):
        kind = common(low.type, high.type)
        low, high = (
            function("least", low, high, type=kind),
            function("greatest", low, high, type=kind),
        )
    low, high = (enclosed(bound, *_TIGHT, logic=True) for bound in (low, high))
    plain = [comparable(operand, bound, node) for bound in (low, high)]
    same_operand = all(one is operand for one, _ in plain)
    if operand.is_literal or low.is_null or high.is_null or not same_operand:
        return operator(
            "&", compare(">=", operand, low, node), compare("<=", operand, high, node), BOOLEAN
        )
    return method(operand, "between", *(bound for _, bound in plain), type=BOOLEAN)


_TIGHT = (*_POSTFIX, "isin", "notin", "between", "like", "ilike", "==")


def in_(node: exp.Expr, scope: Scope) -> Value:
    """Translate IN with a list of values."""
    if node.args.get("query"):
        return scope.context.rules[exp.Subquery](node, scope)
    if node.args.get("unnest") or node.args.get("field"):
        return _in_list_value(node, scope)
    if isinstance(node.this.unnest(), exp.Tuple):
        return _row_in(node, scope)
    operand = enclosed(scope.value(node.this), *_TIGHT, logic=True)
    members = scope.values(node.expressions)
    if operand.is_null or operand.type == NULL:
        return null_of(BOOLEAN)
    if operand.is_literal and not all(member.is_literal for member in members):
        found = [compare("==", operand, member, node) for member in members]
        return reduce(lambda one, other: operator("|", one, other, BOOLEAN), found)
    if _is_run(operand, members):
        return method(operand, "between", members[0], members[-1], type=BOOLEAN)
    pairs = [
        (operand, member) if member.is_null else comparable(operand, member, node)
        for member in members
    ]
    if any(one is not operand for one, _ in pairs):
        found = [compare("==", operand, member, node) for member in members]
        return reduce(lambda one, other: operator("|", one, other, BOOLEAN), found)
    return method(operand, "isin", [member for _, member in pairs], type=BOOLEAN)


_SHORTEST_RUN = 4


def _is_run(operand: Value, members: list[Value]) -> bool:
    """Whether integers follow each other, so that IN is BETWEEN."""
    if not operand.type.is_integer or len(members) < _SHORTEST_RUN:
        return False
    if not all(member.is_literal and member.type == INTEGER for member in members):
        return False
    start = members[0].literal
    return [member.literal for member in members] == list(range(start, start + len(members)))


def _in_list_value(node: exp.Expr, scope: Scope) -> Value:
    inner = node.args.get("unnest") or node.args["field"]
    haystack = scope.value(inner.expressions[0] if isinstance(inner, exp.Unnest) else inner)
    needle = scope.value(node.this)
    if haystack.type.name == "map":
        return builtin("map_contains", haystack, needle, type=BOOLEAN)
    if not haystack.type.is_list:
        raise Refusal("IN over something that is no list", node)
    return builtin("list_contains", haystack, needle, type=BOOLEAN)


def _row_in(node: exp.Expr, scope: Scope) -> Value:
    left = node.this.unnest()
    found = [
        _row_comparison(exp.EQ(this=left.copy(), expression=row.unnest().copy()), scope)
        for row in node.expressions
    ]
    return reduce(lambda one, other: operator("|", one, other, BOOLEAN), found)


def overlap(node: exp.Expr, scope: Scope) -> Value:
    """Translate && of geometries; that of lists is a function."""
    left, right = scope.value(node.this), scope.value(node.expression)
    if left.type.name == right.type.name == "geometry":
        return builtin("&&", left, right, type=BOOLEAN)
    return scope.context.rules[exp.Anonymous](node, scope)


RULES: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys(COMPARISONS, comparison),
    exp.NullSafeEQ: same,
    exp.NullSafeNEQ: different,
    exp.Is: is_,
    exp.Between: between,
    exp.In: in_,
    exp.ArrayOverlaps: overlap,
}
