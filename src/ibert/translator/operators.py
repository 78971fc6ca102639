"""Arithmetic, comparisons and logic, with the types that DuckDB gives them."""

from __future__ import annotations

import ast
import functools
import operator as python
from collections.abc import Callable
from functools import reduce
from typing import Any

from sqlglot import exp

from ibert.translator import folding
from ibert.translator.datatypes import (
    BIGINT,
    BIT,
    BLOB,
    BOOLEAN,
    DOUBLE,
    FLOAT,
    INTEGER,
    INTERVAL,
    NULL,
    UNKNOWN,
    VARCHAR,
    Type,
    as_decimal,
    common,
    decimal,
    from_ibis,
    list_of,
)
from ibert.translator.functions import dates, durations, lists
from ibert.translator.literals import truth
from ibert.translator.memtables import is_from_memory
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Rule, Scope
from ibert.translator.syntax import calls, calls_last, has_subquery, is_scalar
from ibert.translator.tidying import with_between, with_in
from ibert.translator.values import (
    Value,
    adapted,
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
    unary,
)
from ibert.translator.values import null as null_of

_SYMBOLS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.BitwiseAnd: "&",
    exp.BitwiseOr: "|",
    exp.BitwiseXor: "^",
    exp.BitwiseLeftShift: "<<",
    exp.BitwiseRightShift: ">>",
}
# What an operator is as a function, for operands that Ibis cannot calculate with.
_FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.Add: "add",
    exp.Sub: "subtract",
    exp.Mul: "multiply",
    exp.Mod: "mod",
    exp.BitwiseXor: "xor",
}
COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "==",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_TEMPORAL: dict[type[exp.Expr], Callable[[Value, Value], Value | None]] = {
    exp.Add: dates.add,
    exp.Sub: dates.subtract,
    exp.Mul: dates.multiply,
    exp.Div: dates.divide,
}


def arithmetic(node: exp.Expr, scope: Scope) -> Value:
    """Translate + - * / %."""
    left, right = scope.value(node.this), scope.value(node.expression)
    return calculate(node, left, right)


def calculate(node: exp.Expr, left: Value, right: Value) -> Value:
    """Give the value of an operator of arithmetic over two values."""
    if any(part.type.is_temporal or part.type == INTERVAL for part in (left, right)):
        rule = _TEMPORAL.get(type(node))
        found = rule(left, right) if rule else None
        if found is None:
            raise Refusal(
                f"{type(node).__name__.lower()} of {left.type.name} and {right.type.name}", node
            )
        return found
    if left.type.is_list or right.type.is_list:
        return _joined(node, left, right)
    left, right = _number(left, right), _number(right, left)
    if left.type == NULL or right.type == NULL:
        own = left.type if right.type == NULL else right.type
        if own.is_decimal and not isinstance(node, exp.Div):
            return literal(None, NULL)  # DuckDB finds no type for it
        return null_of(arithmetic_type(type(node), own, own))
    kind = arithmetic_type(type(node), adapted(left, right), adapted(right, left))
    if left.is_null or right.is_null:
        # DuckDB finds no type for decimals beside NULL.
        return literal(None, NULL) if kind.is_decimal else null_of(kind)
    if kind.is_decimal and any(map(_may_be_null_constant, (left, right))):
        words = "arithmetic of decimals with a constant that may be NULL"
        raise Refusal(words, node, "DuckDB calculates it first: write its value")
    left, right = enclosed(left), enclosed(right)
    if isinstance(node, exp.Mod) and right.is_literal and right.literal == 0:
        return null_of(kind)
    folded = folding.folded(type(node), left, right, kind)
    if folded is not None:
        return folded
    if None in (left.declared.dtype, right.declared.dtype) and type(node) in _FUNCTIONS:
        return builtin(_FUNCTIONS[type(node)], left, right, type=kind)
    if isinstance(node, exp.Mod) and right.declared.is_unsigned:
        return builtin("mod", left, right, type=kind)  # Ibis divides the bounds of the types
    if isinstance(node, exp.Mod) and kind == DOUBLE:
        left, right = cast(left, DOUBLE), cast(right, DOUBLE)
    left, right = _aligned(left, right)
    declared = _declared(type(node), left, right)
    return operator(_SYMBOLS[type(node)], left, right, kind, declared)


_GIVE_NULL = {"cases", "ifelse", "null", "nullif", "try_cast"}


def _may_be_null_constant(value: Value) -> bool:
    """Whether DuckDB may find a constant to be NULL, beside which it finds no type for decimals."""
    if value.uses or value.is_literal or has_subquery(value):
        return False
    return calls(value, *_GIVE_NULL)


def _joined(node: exp.Expr, left: Value, right: Value) -> Value:
    """Give `+` of lists, which takes NULL for an empty one."""
    kind = common(left.type, right.type)
    if not isinstance(node, exp.Add) or kind == UNKNOWN:
        words = f"{type(node).__name__.lower()} of {left.type.name} and {right.type.name}"
        raise Refusal(words, node)
    return builtin("list_concat", left, right, type=list_of(kind.element))


def _number(value: Value, other: Value) -> Value:
    """Read text as a number where DuckDB does."""
    if value.type == VARCHAR and value.is_literal and not other.type.is_decimal:
        from ibert.translator.literals import number

        text = str(value.literal).strip()
        if text.isdigit():
            return number(text)
    if value.type == VARCHAR:
        return cast(value, DOUBLE)
    if value.type == BOOLEAN:
        return cast(as_expression(value), INTEGER)
    return value


def arithmetic_type(node: type[exp.Expr], left: Type, right: Type) -> Type:
    """Give the type of the result of arithmetic.

    Examples
    --------
    >>> arithmetic_type(exp.Mul, decimal(12, 2), decimal(12, 2))
    Type(name='decimal', args=(18, 4))
    >>> arithmetic_type(exp.Div, INTEGER, INTEGER).name
    'double'
    """
    if UNKNOWN in (left, right):
        return UNKNOWN
    if node is exp.Div:
        return FLOAT if common(left, right) == FLOAT else DOUBLE
    if not (left.is_decimal or right.is_decimal) or left.is_floating or right.is_floating:
        return common(left, right)
    (p1, s1), (p2, s2) = as_decimal(left).args, as_decimal(right).args
    widest = 18 if max(p1, p2) <= 18 else 38  # what 64 bits hold stays there
    if node is exp.Mul:
        return decimal(min(widest, p1 + p2), s1 + s2)
    scale, digits = max(s1, s2), max(p1 - s1, p2 - s2)
    if node is exp.Mod:
        return decimal(digits + scale, scale) if digits + scale <= 38 else DOUBLE
    return decimal(min(widest, digits + scale + 1), scale)


def _declared(node: type[exp.Expr], left: Value, right: Value) -> Type:
    """Give the type that Ibis declares for the result of arithmetic."""
    one, other = left.declared, right.declared
    if one.is_decimal or other.is_decimal:
        return (
            common(one, other)
            if one.is_decimal and other.is_decimal
            else (one if one.is_decimal else other)
        )
    if node is exp.Div or one.is_floating or other.is_floating:
        return DOUBLE
    if not (one.dtype and other.dtype and one.is_integer and other.is_integer):
        return BIGINT
    sides = (
        side.literal if side.is_literal else str(side.declared.dtype) for side in (left, right)
    )
    return _promoted(_SYMBOLS[node], *sides)


_PYTHON: dict[str, Callable[[Any, Any], Any]] = {
    "+": python.add,
    "-": python.sub,
    "*": python.mul,
    "%": python.mod,
    "&": python.and_,
    "|": python.or_,
    "^": python.xor,
    "<<": python.lshift,
    ">>": python.rshift,
}


@functools.cache
def _promoted(symbol: str, *sides: int | str) -> Type:
    """Give the integer that Ibis declares, which goes by the bounds of types and constants."""
    import ibis

    left, right = (
        ibis.table({"side": side}, name="rows").side
        if isinstance(side, str)
        else ibis.literal(side)
        for side in sides
    )
    return from_ibis(_PYTHON[symbol](left, right).type())


def _aligned(left: Value, right: Value) -> tuple[Value, Value]:
    """Bring decimals to a common type where Ibis knows none that holds both."""
    one, other = left.declared, right.declared
    if not (one.is_decimal and other.is_decimal) or one == other:
        return left, right
    (p1, s1), (p2, s2) = one.args, other.args
    if (p1 >= p2 and s1 >= s2) or (p2 >= p1 and s2 >= s1):
        return left, right
    sizes = [kind.args for kind in (one, other, left.type, right.type) if kind.is_decimal]
    scale = max(scale for _, scale in sizes)
    both = decimal(min(38, max(digits - own for digits, own in sizes) + scale), scale)
    return (left, cast(right, both)) if right.is_literal else (cast(left, both), right)


def integer_division(node: exp.Expr, scope: Scope) -> Value:
    """Translate //, which cuts towards zero."""
    one, other = scope.values([node.this, node.expression])
    left, right = _number(one, other), _number(other, one)
    kind = common(adapted(left, right), adapted(right, left))
    if kind.is_decimal:
        kind = DOUBLE
    return builtin("divide", left, right, type=kind)


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
    left, right = _counted_from_zero(left, right)
    return operator(symbol, left, right, BOOLEAN)


def _counted_from_zero(left: Value, right: Value) -> tuple[Value, Value]:
    """Compare a rank with a constant as Ibis counts ranks: `rank + 1 <= 3` is `rank <= 2`."""
    match left.node:
        case ast.BinOp(
            left=ast.Call(func=ast.Attribute(attr="over")) as rank,
            op=ast.Add(),
            right=ast.Constant(value=1),
        ) if right.type == INTEGER and type(right.literal) is int:
            shifted = Value(rank, left.type, left.declared, left.uses, left.eager)
            return shifted, literal(right.literal - 1, INTEGER)
    return left, right


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
        return _aligned(left, right)
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


def conjunction(node: exp.Expr, scope: Scope) -> Value:
    """Translate AND."""
    return _connected("&", node, scope)


def disjunction(node: exp.Expr, scope: Scope) -> Value:
    """Translate OR."""
    return _connected("|", node, scope)


def _connected(symbol: str, node: exp.Expr, scope: Scope) -> Value:
    parts = list(node.flatten(unnest=False))
    tidied = with_between(_inclusive(parts, scope)) if symbol == "&" else with_in(parts)
    values = [truth(scope.value(part)) for part in tidied]
    return reduce(lambda one, other: operator(symbol, one, other, BOOLEAN), values)


def _inclusive(parts: list[exp.Expr], scope: Scope) -> list[exp.Expr]:
    """Give both bounds of an integer as inclusive ones: `x > 30 AND x <= 60` is 31 to 60."""
    lows = [part.unnest() for part in parts if isinstance(part.unnest(), exp.GT)]
    made = list(parts)
    for low in lows:
        high = next((part.unnest() for part in parts if _is_above(part.unnest(), low)), None)
        if high is None or not scope.value(low.this).type.is_integer:
            continue
        for place, part in enumerate(parts):
            if part.unnest() is low:
                made[place] = exp.GTE(this=low.this, expression=_shifted(low, 1))
            elif part.unnest() is high and isinstance(high, exp.LT):
                made[place] = exp.LTE(this=high.this, expression=_shifted(high, -1))
            elif part.unnest() is high:
                made[place] = high
    return made


def _is_above(part: exp.Expr, low: exp.Expr) -> bool:
    bounds = (low.expression, part.expression)
    whole = all(isinstance(bound, exp.Literal) and bound.name.isdigit() for bound in bounds)
    return isinstance(part, exp.LT | exp.LTE) and whole and part.this == low.this


def _shifted(part: exp.Expr, by: int) -> exp.Expr:
    return exp.Literal.number(int(part.expression.name) + by)


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


def like(node: exp.Expr, scope: Scope) -> Value:
    """Translate LIKE and ILIKE."""
    patterns = node.expression
    if isinstance(patterns, exp.Any | exp.All):
        return _like_several(node, scope)
    name = "ilike" if isinstance(node, exp.ILike) else "like"
    operand, pattern = as_text(scope.value(node.this)), as_text(scope.value(patterns))
    if operand.is_null or pattern.is_null:
        return null_of(BOOLEAN)
    found = method(operand, name, pattern, type=BOOLEAN)
    return invert(found) if node.args.get("negate") else found


def _like_several(node: exp.Expr, scope: Scope) -> Value:
    """Translate LIKE ANY and LIKE ALL with the patterns in a row."""
    patterns = node.expression.this.unnest()
    if not isinstance(patterns, exp.Tuple | exp.Array):
        raise Refusal("LIKE ANY", node, "write one LIKE for each pattern")
    parts = patterns.expressions
    single = [
        type(node)(this=node.this.copy(), expression=part.copy(), negate=node.args.get("negate"))
        for part in parts
    ]
    symbol = "|" if isinstance(node.expression, exp.Any) else "&"
    return reduce(lambda one, other: operator(symbol, one, other, BOOLEAN), scope.values(single))


def escape(node: exp.Expr, scope: Scope) -> Value:
    """Translate LIKE … ESCAPE, by the function that DuckDB has for it."""
    inner = node.this
    name = "ilike_escape" if isinstance(inner, exp.ILike) else "like_escape"
    parts = [as_text(scope.value(part)) for part in (inner.this, inner.expression, node.expression)]
    found = builtin(name, *parts, type=BOOLEAN)
    return invert(found) if inner.args.get("negate") else found


def similar(node: exp.Expr, scope: Scope) -> Value:
    """Translate SIMILAR TO and `~`, which match the whole text."""
    parts = [node.this, node.expression, node.args.get("options")]
    values = [as_text(scope.value(part)) for part in parts if part is not None]
    return builtin("regexp_full_match", *values, type=BOOLEAN)


def glob(node: exp.Expr, scope: Scope) -> Value:
    """Translate GLOB."""
    parts = [as_text(scope.value(part)) for part in (node.this, node.expression)]
    return builtin("~~~", *parts, type=BOOLEAN)


def as_text(value: Value) -> Value:
    """Give a value as text."""
    if value.type in (VARCHAR, UNKNOWN) or value.declared == NULL or value.type.name == "enum":
        return value
    return cast(as_expression(value), VARCHAR)


def concatenation(node: exp.Expr, scope: Scope) -> Value:
    """Translate `||` of texts or of lists."""
    left, right = scope.value(node.this), scope.value(node.expression)
    if left.type.is_list or right.type.is_list:
        found = lists.concatenated(left, right)
        if found is None:
            raise Refusal(f"|| of {left.type.name} and {right.type.name}", node)
        return found
    if left.is_null or right.is_null:
        return literal(None, NULL)
    if BLOB in (left.type, right.type) or BIT in (left.type, right.type):
        kind = left.type if left.type == right.type else VARCHAR
        return builtin("||", left, right, type=kind)
    return operator("+", as_text(left), as_text(right), VARCHAR)


def bitwise(node: exp.Expr, scope: Scope) -> Value:
    """Translate the operators on bits."""
    left, right = scope.value(node.this), scope.value(node.expression)
    if left.is_null or right.is_null:
        return null_of(common(left.type, right.type))
    symbol = _SYMBOLS[type(node)]
    kind = left.type if BIT in (left.type, right.type) else common(left.type, right.type)
    if not (left.declared.is_integer and right.declared.is_integer):
        return builtin(_FUNCTIONS.get(type(node), symbol), left, right, type=kind)
    return operator(symbol, left, right, kind, _declared(type(node), left, right))


def complement(node: exp.Expr, scope: Scope) -> Value:
    """Translate ~."""
    operand = enclosed(scope.value(node.this), logic=True)
    if not operand.declared.is_integer:
        return builtin("~", operand, type=operand.type)
    return unary("~", operand)


def overlap(node: exp.Expr, scope: Scope) -> Value:
    """Translate && of geometries; that of lists is a function."""
    left, right = scope.value(node.this), scope.value(node.expression)
    if left.type.name == right.type.name == "geometry":
        return builtin("&&", left, right, type=BOOLEAN)
    return scope.context.rules[exp.Anonymous](node, scope)


def exclusive(node: exp.Expr, scope: Scope) -> Value:
    """Translate XOR of conditions."""
    sides = (truth(scope.value(part)) for part in (node.this, node.expression))
    left, right = (enclosed(side, logic=True) for side in sides)
    return operator("^", left, right, BOOLEAN)


def power(node: exp.Expr, scope: Scope) -> Value:
    """Translate ** and pow()."""
    one, other = scope.values([node.this, node.expression])
    base, exponent = _number(one, other), _number(other, one)
    if base.is_null or exponent.is_null:
        return null_of(DOUBLE)
    base, exponent = (
        cast(as_expression(part), DOUBLE) if part.declared.is_decimal else part
        for part in (base, exponent)
    )
    return operator("**", base, exponent, DOUBLE, DOUBLE)


RULES: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), arithmetic),
    **dict.fromkeys(COMPARISONS, comparison),
    **dict.fromkeys(
        (
            exp.BitwiseAnd,
            exp.BitwiseOr,
            exp.BitwiseXor,
            exp.BitwiseLeftShift,
            exp.BitwiseRightShift,
        ),
        bitwise,
    ),
    exp.IntDiv: integer_division,
    exp.NullSafeEQ: same,
    exp.NullSafeNEQ: different,
    exp.Is: is_,
    exp.And: conjunction,
    exp.Or: disjunction,
    exp.Between: between,
    exp.In: in_,
    exp.Like: like,
    exp.ILike: like,
    exp.Escape: escape,
    exp.SimilarTo: similar,
    exp.Glob: glob,
    exp.DPipe: concatenation,
    exp.BitwiseNot: complement,
    exp.Xor: exclusive,
    exp.ArrayOverlaps: overlap,
    exp.Pow: power,
}
