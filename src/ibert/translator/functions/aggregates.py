"""Aggregate functions: the reductions of Ibis, lists for what they cannot do, builtin UDFs.

Ibis has DISTINCT only for COUNT and for lists, and an order only for lists, texts and the first and
last value. Other aggregates of distinct or ordered rows are taken over a list of them, which
DuckDB computes with the same aggregate function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from ibert.translator.datatypes import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    HUGEINT,
    INTEGER,
    NULL,
    UNKNOWN,
    VARCHAR,
    Type,
    decimal,
    list_of,
)
from ibert.translator.functions import signatures
from ibert.translator.functions.sort_keys import same, unsorted, written
from ibert.translator.values import Value, builtin, cast, literal, method, operator, unary


class AggregateCall(NamedTuple):
    """A call of an aggregate function.

    Parameters
    ----------
    name
        The function's name in DuckDB.
    arguments
        Its arguments without modifiers; none for `count(*)`.
    distinct
        Whether it takes distinct values.
    where
        The condition of its FILTER.
    order_by
        Its sort keys, those of WITHIN GROUP included: `_.x.desc()`.
    star
        Whether it is of whole rows: `count(*)`.
    rows
        The rows that are aggregated: what `.count()` is called on.

    Examples
    --------
    >>> import ast
    >>> from ibert.translator.datatypes import UNKNOWN
    >>> from ibert.translator.values import Slot, name
    >>> rows = Value(name("_"), UNKNOWN, uses=frozenset([Slot()]))
    >>> ast.unparse(aggregate(AggregateCall("count", [], False, None, [], True, rows)).node)
    '_.count()'
    """

    name: str
    arguments: Sequence[Value]
    distinct: bool
    where: Value | None
    order_by: Sequence[Value]
    star: bool
    rows: Value

    @property
    def first(self) -> Value:
        """The first argument."""
        return self.arguments[0]

    @property
    def columnar(self) -> bool:
        """Whether the first argument reads columns: Ibis aggregates no constants."""
        return bool(self.arguments and self.first.uses) and self.first.type != NULL

    @property
    def single(self) -> bool:
        """Whether it is of all values of one column, in any order."""
        return self.columnar and len(self.arguments) == 1 and self.is_plain

    @property
    def is_plain(self) -> bool:
        """Whether it has neither DISTINCT nor ORDER BY."""
        return not self.distinct and not self.order_by


Spelling = Callable[[AggregateCall], Value | None]


def aggregate(call: AggregateCall) -> Value | None:
    """Write an aggregate function; None if there is no right spelling."""
    return _write(simplified(call), SPELLINGS)


def windowed(call: AggregateCall) -> Value | None:
    """Write an aggregate function for `.over()`; None if there is no right spelling.

    In a window FIRST and LAST have no FILTER in DuckDB, and lose their order in Ibis.
    """
    call = simplified(call)
    if call.where is not None and call.name in _FIRST_OR_LAST:
        return None
    return _write(call, WINDOW_SPELLINGS)


def _write(call: AggregateCall, spellings: Mapping[str, Spelling]) -> Value | None:
    if call.order_by and (call.name in QUANTILES or not call.arguments):
        within = _within_group(call)
        return None if within is None else _write(within, spellings)
    native = spellings.get(call.name)
    value = native(call) if native else None
    return value or _as_builtin(call) or _over_list(call)


def simplified(call: AggregateCall) -> AggregateCall:
    """Give a call its canonical name, without the modifiers that make no difference to it."""
    name = signatures.canonical(call.name)
    name = _ALIASES.get(name, name)
    return call._replace(
        name=name,
        distinct=call.distinct and name not in DISTINCT_OR_NOT,
        order_by=call.order_by if name in ORDER_MATTERS else (),
    )


# Beside those that are other names of the same function.
_ALIASES = {"count_star": "count", "first_value": "first", "last_value": "last"}
DISTINCT_OR_NOT = {
    *("min", "max", "any_value", "bool_and", "bool_or", "bit_and", "bit_or"),
    *("arg_max", "arg_min", "approx_count_distinct"),
}
QUANTILES = {"quantile_cont", "quantile_disc"}
ORDER_MATTERS = {
    *("first", "last", "any_value", "array_agg", "string_agg", "mode", "arg_max", "arg_min"),
    *QUANTILES,
}
# Of no rows these are not NULL, but an aggregate of a list of no rows is.
EMPTY_VALUES = {"count", "entropy", "regr_count"}
_FIRST_OR_LAST = {"first", "last"}


def _within_group(call: AggregateCall) -> AggregateCall | None:
    """Make the sort key of WITHIN GROUP an argument; DuckDB counts from the end by minus signs.

    A key beside both arguments of a quantile only gives the direction.
    """
    if len(call.order_by) != 1 or call.distinct:
        return None
    value, descending = unsorted(call.order_by[0])
    if not call.arguments:
        return call._replace(arguments=[value])
    *given, fraction = call.arguments
    if descending and fraction.type.is_list and not fraction.is_literal:
        return None
    fraction = _negative(fraction) if descending else fraction
    return call._replace(arguments=[*(given or [value]), fraction], order_by=())


def _negative(fraction: Value) -> Value:
    if isinstance(fraction.literal, list | tuple):
        return literal([-part for part in fraction.literal], fraction.type)
    if fraction.is_literal and not fraction.is_null:
        return literal(-fraction.literal, fraction.type)
    return unary("-", fraction)


def _as_builtin(call: AggregateCall) -> Value | None:
    """Write a builtin UDF."""
    result = signatures.result_type(call.name, [value.type for value in call.arguments])
    if result is None or not call.is_plain:
        return None
    return builtin(call.name, *call.arguments, type=result, aggregate=True, where=call.where)


def _over_list(call: AggregateCall) -> Value | None:
    """Aggregate a list of the distinct or ordered values."""
    values = _collect(call, include_null=call.name in _FIRST_OR_LAST)
    result = signatures.result_type(call.name, [value.type for value in call.arguments])
    constants = call.arguments[1:]
    if values is None or result is None or call.name in EMPTY_VALUES:
        return None
    if any(value.uses for value in constants):
        return None
    name = literal(call.name, VARCHAR)
    return builtin("list_aggregate", values, name, *constants, type=result)


def _collect(call: AggregateCall, include_null: bool = False) -> Value | None:
    """Write the list of the first argument's values."""
    if not call.columnar:
        return None
    if call.distinct and any(not same(unsorted(key)[0], call.first) for key in call.order_by):
        return None
    return method(
        call.first,
        "collect",
        type=list_of(call.first.type),
        declared=list_of(call.first.declared),
        distinct=call.distinct or None,
        include_null=include_null or None,
        where=call.where,
        order_by=written(call.order_by),
    )


def _count(call: AggregateCall) -> Value | None:
    if len(call.arguments) > 1:
        return None
    if call.columnar:
        name = "nunique" if call.distinct else "count"
        return method(call.first, name, type=BIGINT, where=call.where)
    if call.distinct or not (call.star or not call.arguments or call.first.is_literal):
        return None
    none = bool(call.arguments) and call.first.is_null
    where = literal(False, BOOLEAN) if none else call.where
    return method(call.rows, "count", type=BIGINT, where=where)


def _sum(call: AggregateCall) -> Value | None:
    if call.arguments and call.first.type == INTEGER and call.first.is_literal:
        return _sum_of_constant(call)
    value = _number(call)
    if value is None:
        return _sum_of_booleans(call)
    result, declared = _total(value.type), _total(value.declared, declares=True)
    if call.distinct:
        values = _collect(call)
        return values and _whole(method(values, "sums", type=result, declared=value.declared))
    return method(value, "sum", type=result, declared=declared, where=call.where)


def _whole(total: Value) -> Value:
    """Have Ibis declare a type that holds a sum of a list: it declares that of the elements."""
    wanted = total.type.closest
    if total.declared == wanted:
        return total
    return cast(total.typed(UNKNOWN), wanted).typed(total.type, wanted)


def _sum_of_constant(call: AggregateCall) -> Value | None:
    """Multiply it by the number of rows; of no rows the sum is NULL."""
    if call.distinct:
        return None
    count = method(call.rows, "count", type=BIGINT, where=call.where)
    count = method(count, "nullif", 0, type=BIGINT)
    return count if call.first.literal == 1 else operator("*", count, call.first, BIGINT)


def _sum_of_booleans(call: AggregateCall) -> Value | None:
    """Write SUM of booleans and COUNT_IF, which is NULL as well if there are none in DuckDB."""
    if not call.single or call.first.type != BOOLEAN:
        return None
    return method(call.first, "sum", type=HUGEINT, declared=BIGINT, where=call.where)


def _total(kind: Type, declares: bool = False) -> Type:
    """Give the type of a sum: DuckDB's, or the one Ibis declares."""
    if kind.is_decimal:
        precision, scale = kind.args
        return decimal(max(precision, 38), max(scale, 2) if declares else scale)
    if kind.is_floating:
        return DOUBLE
    return BIGINT if declares else HUGEINT


def _number(call: AggregateCall) -> Value | None:
    """Give the argument if it is the only one and a column of numbers."""
    return call.first if len(call.arguments) == 1 and _numeric(call) else None


def _numeric(call: AggregateCall) -> bool:
    """Whether the first argument is a column of numbers, for DuckDB and for Ibis."""
    value = call.first if call.arguments else None
    return (
        value is not None
        and call.columnar
        and value.type.is_numeric
        and value.declared.is_numeric
        and value.declared.dtype is not None
    )


def _avg(call: AggregateCall) -> Value | None:
    value = _number(call)
    if value is None:
        return None
    declared = _fraction_type(value.declared)
    if call.distinct:
        values = _collect(call)
        return values and method(values, "means", type=DOUBLE, declared=declared)
    return method(value, "mean", type=DOUBLE, declared=declared, where=call.where)


def _fraction_type(kind: Type) -> Type:
    """Give what Ibis declares for averages and the like: DOUBLE, but decimals stay."""
    return kind if kind.is_decimal else DOUBLE


def _same_type(name: str) -> Spelling:
    """Give the spelling of an aggregate that is one of the values."""

    def spelling(call: AggregateCall) -> Value | None:
        if not call.single:
            return None
        value = call.first
        return method(value, name, type=value.type, declared=value.declared, where=call.where)

    return spelling


def _end(name: str) -> Spelling:
    """Give the spelling of the first or last value, which may be NULL."""

    def spelling(call: AggregateCall) -> Value | None:
        value = call.first if call.columnar and not call.distinct else None
        return value and method(
            value,
            name,
            type=value.type,
            declared=value.declared,
            include_null=True,
            where=call.where,
            order_by=written(call.order_by),
        )

    return spelling


def _any_value(call: AggregateCall) -> Value | None:
    if not call.columnar or not call.order_by:
        return _same_type("arbitrary")(call)
    keys = written(call.order_by)
    kinds = {"type": call.first.type, "declared": call.first.declared}
    return method(call.first, "first", **kinds, where=call.where, order_by=keys)


def _extreme(name: str) -> Spelling:
    """Give the spelling of ARG_MAX and ARG_MIN, which pass over NULLs on both sides."""

    def spelling(call: AggregateCall) -> Value | None:
        if len(call.arguments) != 2 or call.order_by or not all(v.uses for v in call.arguments):
            return None
        value, key = call.arguments
        where = call.where
        for side in call.arguments if not same(value, key) else [value]:
            known = method(side, "notnull", type=BOOLEAN)
            where = known if where is None else operator("&", where, known, BOOLEAN)
        kinds = {"type": value.type, "declared": value.declared}
        return method(value, name, key, **kinds, where=where)

    return spelling


def _list(call: AggregateCall) -> Value | None:
    """Leave out a filter that says what Ibis does without one: NULL is not collected."""
    if call.columnar and call.where is not None:
        known = method(call.first, "notnull", type=BOOLEAN)
        if same(known, call.where):
            return _collect(call._replace(where=None))
    return _collect(call, include_null=True)


def _string_agg(call: AggregateCall) -> Value | None:
    separator = call.arguments[1] if len(call.arguments) == 2 else literal(",", VARCHAR)
    if not call.columnar or not isinstance(separator.literal, str):
        return None
    if not call.distinct:
        keys = written(call.order_by)
        return method(
            *(call.first, "group_concat", separator),
            type=VARCHAR,
            where=call.where,
            order_by=keys,
        )
    values = _collect(call) if call.first.type == VARCHAR else None
    return values and method(values, "join", separator, type=VARCHAR)


def _boolean(name: str) -> Spelling:
    def spelling(call: AggregateCall) -> Value | None:
        if not call.single or call.first.type != BOOLEAN:
            return None
        return method(call.first, name, type=BOOLEAN, where=call.where)

    return spelling


def _bits(name: str) -> Spelling:
    def spelling(call: AggregateCall) -> Value | None:
        value = _number(call)
        if value is None or not value.type.is_integer or not value.declared.is_integer:
            return None
        if value.type.dtype is None or call.distinct:
            return None
        kinds = {"type": value.type, "declared": value.declared}
        return method(value, name, **kinds, where=call.where)

    return spelling


def _moment(name: str, how: str) -> Spelling:
    """Give the spelling of a variance, a deviation or a kurtosis."""

    def spelling(call: AggregateCall) -> Value | None:
        value = _number(call)
        if value is None or call.distinct:
            return None
        kinds = {"type": DOUBLE, "declared": _fraction_type(value.declared)}
        return method(value, name, **kinds, how=None if how == "sample" else how, where=call.where)

    return spelling


def _of_pairs(name: str, how: str) -> Spelling:
    """Give the spelling of a correlation or a covariance."""

    def spelling(call: AggregateCall) -> Value | None:
        if len(call.arguments) != 2 or call.distinct or not _numeric(call):
            return None
        left, right = call.arguments
        if not _numeric(call._replace(arguments=[right])):
            return None
        given = None if how == "sample" else how
        return method(left, name, right, type=DOUBLE, how=given, where=call.where)

    return spelling


def _median(call: AggregateCall) -> Value | None:
    value = call.first if call.single else None
    if value is None or not (_numeric(call) or value.type == VARCHAR):
        return None
    kinds = _quantile_types(value)
    return kinds and method(value, "median", type=kinds[0], declared=kinds[1], where=call.where)


def _quantile_types(value: Value) -> tuple[Type, Type]:
    """Give the types of the interpolated quantile of numbers, or of the discrete one of others."""
    if not value.type.is_numeric:
        return value.type, value.declared
    kept = value.type.is_decimal or value.type.is_floating
    return value.type if kept else DOUBLE, _fraction_type(value.declared)


def _quantile(continuous: bool) -> Spelling:
    """Give the spelling of a quantile; Ibis interpolates between numbers, and only between them."""

    def spelling(call: AggregateCall) -> Value | None:
        if len(call.arguments) != 2 or not call.columnar or not call.is_plain:
            return None
        value, fraction = call.arguments
        if not isinstance(fraction.literal, int | float) or isinstance(fraction.literal, bool):
            return None
        if _numeric(call) != continuous or value.type.is_numeric != value.declared.is_numeric:
            return None
        kind, declared = _quantile_types(value)
        start = _ascending(fraction) if kind.is_floating else fraction
        return method(
            *(value, "quantile", start),
            type=kind,
            declared=declared,
            where=call.where,
        )

    return spelling


def _ascending(fraction: Value) -> Value:
    """Count from the start what a minus sign counts from the end.

    That is the same only where DuckDB interpolates without rounding.
    """
    if fraction.literal >= 0:
        return fraction
    return literal(float(1 + Decimal(str(fraction.literal))), fraction.type)


def _approx_count_distinct(call: AggregateCall) -> Value | None:
    if not call.single:
        return None
    return method(call.first, "approx_nunique", type=BIGINT, where=call.where)


def _approx_quantile(call: AggregateCall) -> Value | None:
    if len(call.arguments) != 2 or not call.is_plain or not _numeric(call):
        return None
    value, fraction = call.arguments
    if value.type != DOUBLE or value.declared != DOUBLE or not isinstance(fraction.literal, float):
        return None
    return method(value, "approx_quantile", fraction, type=DOUBLE, where=call.where)


def _geomean(call: AggregateCall) -> Value | None:
    value = _number(call)
    if value is None or value.declared.is_decimal or call.distinct:
        return None
    mean = method(method(value, "ln", type=DOUBLE), "mean", type=DOUBLE, where=call.where)
    return method(mean, "exp", type=DOUBLE)


SPELLINGS: dict[str, Spelling] = {
    "count": _count,
    "count_if": _sum_of_booleans,
    "sum": _sum,
    "avg": _avg,
    "min": _same_type("min"),
    "max": _same_type("max"),
    "mode": _same_type("mode"),
    "first": _end("first"),
    "last": _end("last"),
    "any_value": _any_value,
    "arg_max": _extreme("argmax"),
    "arg_min": _extreme("argmin"),
    "array_agg": _list,
    "string_agg": _string_agg,
    "bool_and": _boolean("all"),
    "bool_or": _boolean("any"),
    "bit_and": _bits("bit_and"),
    "bit_or": _bits("bit_or"),
    "bit_xor": _bits("bit_xor"),
    "var_samp": _moment("var", "sample"),
    "var_pop": _moment("var", "pop"),
    "stddev_samp": _moment("std", "sample"),
    "stddev_pop": _moment("std", "pop"),
    "kurtosis": _moment("kurtosis", "sample"),
    "kurtosis_pop": _moment("kurtosis", "pop"),
    "corr": _of_pairs("corr", "pop"),
    "covar_samp": _of_pairs("cov", "sample"),
    "covar_pop": _of_pairs("cov", "pop"),
    "median": _median,
    "quantile_cont": _quantile(continuous=True),
    "quantile_disc": _quantile(continuous=False),
    "approx_count_distinct": _approx_count_distinct,
    "approx_quantile": _approx_quantile,
    "geomean": _geomean,
}


def _only_unordered(spelling: Spelling) -> Spelling:
    def unordered(call: AggregateCall) -> Value | None:
        return None if call.order_by else spelling(call)

    return unordered


WINDOW_SPELLINGS: dict[str, Spelling] = {
    name: spelling for name, spelling in SPELLINGS.items() if name not in ("arg_max", "arg_min")
} | {name: _only_unordered(SPELLINGS[name]) for name in ("first", "last", "any_value")}
