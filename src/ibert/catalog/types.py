"""Ibis types from and to the types of SQL dialects."""

from __future__ import annotations

from collections.abc import Iterator

import ibis.expr.datatypes as dt
from ibis.backends.sql.datatypes import PostgresType
from ibis.common.annotations import ValidationError
from ibis.common.exceptions import IbisError
from sqlglot import ErrorLevel, exp, parse_one
from sqlglot.errors import SqlglotError

from ibert.catalog.dialects import DECIMALS, Types, types_of

# Ibis' mappers are not total: a type or an argument that they did not foresee ends in one of these.
_MAPPER_ERRORS = (
    AssertionError,
    AttributeError,
    IbisError,
    KeyError,
    NotImplementedError,
    TypeError,
    ValidationError,
    ValueError,
)


def read_type(kind: exp.Expr, dialect: str) -> dt.DataType | None:
    """Give the Ibis type of a column of a type that sqlglot parsed; None if Ibis has none for it.

    Examples
    --------
    >>> read_type(exp.DataType.build("NUMERIC(10)", dialect="postgres"), "postgres")
    Decimal(precision=10, scale=0, nullable=True)
    >>> read_type(exp.DataType.build("TSVECTOR", dialect="postgres", udt=True), "postgres")
    """
    types = types_of(dialect)
    rewritten = kind.transform(_rewritten, types, dialect)
    try:
        dtype = types.mapper.to_ibis(rewritten)
    except _MAPPER_ERRORS:
        return None
    if not is_known(dtype):
        # Ibis knows some names, such as macaddr, by their text only.
        return types.mapper.unknown_type_strings.get(kind.sql(dialect).lower())
    return dtype


def write_type(dtype: dt.DataType, dialect: str) -> exp.DataType | None:
    """Give the type of a dialect that holds an Ibis type; None if it has none.

    A type may be wider than asked for (BigQuery's integers are all of 64 bits) but never narrower
    or of another kind. Lengths of strings are not held to.

    Examples
    --------
    >>> write_type(dt.int16, "bigquery").sql("bigquery")
    'INT64'
    >>> write_type(dt.Map(dt.string, dt.int64), "mysql")
    """
    types = types_of(dialect)
    if not all(_has(types, part) for part in parts(dtype)):
        return None
    if dtype.is_json() and not issubclass(types.mapper, PostgresType):
        dtype = dt.JSON(nullable=dtype.nullable)  # the binary form is Postgres' own
    try:
        kind = _written(dtype, types, dialect)
        # What another reader of the text makes of it is what counts, not the tree.
        kind = parse_one(
            kind.sql(dialect, unsupported_level=ErrorLevel.RAISE), into=exp.DataType, read=dialect
        )
    except (*_MAPPER_ERRORS, SqlglotError):
        return None
    read = read_type(kind, dialect)
    return kind if read is not None and holds(read, dtype) else None


def is_known(dtype: dt.DataType) -> bool:
    """Whether Ibis knows a type, and all types within it."""
    return not any(part.is_unknown() for part in parts(dtype))


def parts(dtype: dt.DataType) -> Iterator[dt.DataType]:
    """Yield a type and all types within it."""
    yield dtype
    if dtype.is_array():
        yield from parts(dtype.value_type)
    elif dtype.is_map():
        yield from parts(dtype.key_type)
        yield from parts(dtype.value_type)
    elif dtype.is_struct():
        for field in dtype.types:
            yield from parts(field)


def holds(target: dt.DataType, source: dt.DataType) -> bool:
    """Whether each value of one type is a value of the same kind in another."""
    if source.nullable and not target.nullable:
        return False
    if source.is_integer() and target.is_integer():
        low, high = source.bounds
        return bool(target.bounds.lower <= low and high <= target.bounds.upper)
    if source.is_floating() and target.is_floating():
        return bool(source.nbytes <= target.nbytes)
    if type(source) is not type(target):
        return False
    return _holds_parts(target, source)


def _holds_parts(target: dt.DataType, source: dt.DataType) -> bool:
    """Whether a type of the same class is as wide as another."""
    if source.is_decimal():
        # Without a precision the fraction is unknown, but there is one.
        if source.scale is None or target.scale is None:
            return bool(target.scale is None or target.scale)
        whole = target.precision - target.scale >= source.precision - source.scale
        return bool(whole and target.scale >= source.scale)
    if source.is_timestamp():
        same_zone = (source.timezone is None) == (target.timezone is None)
        return same_zone and (target.scale is None or (source.scale or 0) <= target.scale)
    if source.is_array():
        return source.length == target.length and holds(target.value_type, source.value_type)
    if source.is_map():
        # ClickHouse has no NULL among the keys of a map, as little as any other database.
        key = source.key_type.copy(nullable=target.key_type.nullable)
        return holds(target.key_type, key) and holds(target.value_type, source.value_type)
    if source.is_struct():
        fields = zip(target.types, source.types, strict=True)
        return target.names == source.names and all(holds(*pair) for pair in fields)
    return True


def kind_of(dtype: dt.DataType) -> str:
    """Give the kind of a type, by which `Types` speaks of it."""
    zoned = dtype.is_timestamp() and dtype.timezone is not None
    return "TimestampTZ" if zoned else type(dtype).__name__


def _has(types: Types, dtype: dt.DataType) -> bool:
    if dtype.is_decimal() and (dtype.precision or 0) > types.precision:
        return False
    if dtype.is_timestamp() and (dtype.scale or 0) > types.scale:
        return False
    return kind_of(dtype) not in types.lacks | {"Null", "Unknown"}


def _written(dtype: dt.DataType, types: Types, dialect: str) -> exp.DataType:
    if text := types.writes.get(kind_of(dtype)):
        return exp.DataType.build(text, dialect=dialect)
    kind: exp.DataType = types.mapper.from_ibis(dtype)
    return kind


def _rewritten(node: exp.Expr, types: Types, dialect: str) -> exp.Expr:
    """Rewrite a part of a type so that Ibis' mapper reads it right."""
    if isinstance(node, exp.ColumnDef):  # a field of a struct
        if node.kind and any(c.find(exp.NotNullColumnConstraint) for c in node.constraints):
            node.kind.set("nullable", False)
        return node
    if not isinstance(node, exp.DataType | exp.ObjectIdentifier):
        return node
    name = _name(node)
    if name == "LOWCARDINALITY":  # a way to store the type within it
        inner: exp.Expr = node.expressions[0]
        return inner
    if name in DECIMALS:
        return _decimal(node, DECIMALS[name], types, dialect)
    arguments = ", ".join(argument.sql() for argument in node.expressions)
    if text := types.reads.get(f"{name}({arguments})") or types.reads.get(name):
        return _nullable_as(node, exp.DataType.build(text, dialect=dialect))
    # The length in VARCHAR(MAX) is none.
    node.set("expressions", [a for a in node.expressions if a.name.upper() != "MAX"])
    return node


def _decimal(node: exp.Expr, fixed: int | None, types: Types, dialect: str) -> exp.DataType:
    """Spell out a decimal's precision and scale."""
    arguments = [str(fixed)] if fixed else []
    arguments += [argument.name for argument in node.expressions]
    if not arguments:
        default = exp.DataType.build(types.decimal, dialect=dialect)
        if not default.expressions:
            return _nullable_as(node, default)
        arguments = [argument.name for argument in default.expressions]
    precision = arguments[0].replace("*", str(types.precision))  # Oracle's way to say the most
    scale = arguments[1] if len(arguments) > 1 else "0"
    if types.whole_decimals and scale == "0":
        return _nullable_as(node, exp.DataType(this=exp.DType.BIGINT))
    parameters = [exp.DataTypeParam(this=exp.Literal.number(n)) for n in (precision, scale)]
    return _nullable_as(node, exp.DataType(this=exp.DType.DECIMAL, expressions=parameters))


def _nullable_as(node: exp.Expr, kind: exp.DataType) -> exp.DataType:
    kind.set("nullable", node.args.get("nullable"))
    return kind


def _name(node: exp.Expr) -> str:
    """Give the name of a type, without arguments."""
    if isinstance(node.this, exp.Interval):
        return "INTERVAL"
    if isinstance(node.this, exp.DType) and node.this is not exp.DType.USERDEFINED:
        return node.this.name
    return (node.text("kind") or node.name).upper()
