"""The types of SQL values as DuckDB has them, beside those that Ibis declares."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from sqlglot import exp

D = exp.DataType.Type


class Type(NamedTuple):
    """A type of DuckDB.

    Parameters
    ----------
    name
        Its name in lower case; `list`, `array`, `struct`, `map`, `enum` have arguments.
    args
        `(precision, scale)` of a decimal, `(element,)` of a list, `(element, size)` of an array,
        `(key, value)` of a map, `((name, type), …)` of a struct or a union, the texts of an enum.

    Examples
    --------
    >>> decimal(12, 2).dtype
    'decimal(12, 2)'
    >>> list_of(INTEGER).dtype
    'array<int32>'
    """

    name: str
    args: tuple[Any, ...] = ()

    @property
    def dtype(self) -> str | None:
        """The Ibis type as its text; None where Ibis has none."""
        return _dtype(self)

    @property
    def sql(self) -> str:
        """The type as DuckDB writes it.

        Examples
        --------
        >>> struct_of(a=HUGEINT, b=list_of(TIMESTAMPTZ)).sql
        'STRUCT("a" HUGEINT, "b" TIMESTAMP WITH TIME ZONE[])'
        """
        return _sql(self)

    @property
    def closest(self) -> Type:
        """The type to declare for it: the nearest one of those that Ibis has."""
        if self.name == "list":
            return list_of(self.element.closest)
        return {"hugeint": BIGINT, "uhugeint": UBIGINT, "enum": VARCHAR}.get(self.name, self)

    @property
    def is_integer(self) -> bool:
        """Whether it is one of the integers, HUGEINT included."""
        return self.name in INTEGERS

    @property
    def is_unsigned(self) -> bool:
        """Whether it is an integer without sign."""
        return self.is_integer and not INTEGERS[self.name][1]

    @property
    def is_floating(self) -> bool:
        """Whether it is FLOAT or DOUBLE."""
        return self.name in ("float", "double")

    @property
    def is_decimal(self) -> bool:
        """Whether it is a DECIMAL."""
        return self.name == "decimal"

    @property
    def is_numeric(self) -> bool:
        """Whether one can calculate with it."""
        return self.name in INTEGERS or self.name in ("float", "double", "decimal", "bignum")

    @property
    def is_timestamp(self) -> bool:
        """Whether it is one of the timestamps, with or without a time zone."""
        return self.name.startswith("timestamp")

    @property
    def is_temporal(self) -> bool:
        """Whether it is a date, a time or a timestamp."""
        return self.is_timestamp or self.name in ("date", "time", "timetz")

    @property
    def is_list(self) -> bool:
        """Whether it is a list or an array of fixed size."""
        return self.name in ("list", "array")

    @property
    def element(self) -> Type:
        """What a list holds."""
        return self.args[0] if self.is_list else UNKNOWN

    def field(self, name: str) -> tuple[str, Type] | None:
        """Find a field of a struct, whatever the case of its name."""
        if self.name != "struct":
            return None
        found = [item for item in self.args if item[0].casefold() == name.casefold()]
        return found[0] if found else None


# From the narrowest to the widest: a combination has the first type that holds both.
INTEGERS = {
    "tinyint": (8, True),
    "utinyint": (8, False),
    "smallint": (16, True),
    "usmallint": (16, False),
    "integer": (32, True),
    "uinteger": (32, False),
    "bigint": (64, True),
    "ubigint": (64, False),
    "hugeint": (128, True),
    "uhugeint": (128, False),
}

UNKNOWN = Type("unknown")
NULL = Type("null")
BOOLEAN = Type("boolean")
TINYINT, SMALLINT, INTEGER, BIGINT = map(Type, ("tinyint", "smallint", "integer", "bigint"))
UTINYINT, USMALLINT, UINTEGER, UBIGINT = map(Type, ("utinyint", "usmallint", "uinteger", "ubigint"))
HUGEINT, UHUGEINT = Type("hugeint"), Type("uhugeint")
FLOAT, DOUBLE = Type("float"), Type("double")
VARCHAR, BLOB, UUID, JSON = Type("varchar"), Type("blob"), Type("uuid"), Type("json")
DATE, TIME, TIMESTAMP, TIMESTAMPTZ = (
    Type("date"),
    Type("time"),
    Type("timestamp"),
    Type("timestamptz"),
)
INTERVAL = Type("interval")
BIT, VARIANT = Type("bit"), Type("variant")


def decimal(precision: int, scale: int) -> Type:
    """Give a DECIMAL."""
    return Type("decimal", (precision, scale))


def list_of(element: Type) -> Type:
    """Give a list."""
    return Type("list", (element,))


def map_of(key: Type, value: Type) -> Type:
    """Give a MAP."""
    return Type("map", (key, value))


def struct_of(**fields: Type) -> Type:
    """Give a STRUCT."""
    return Type("struct", tuple(fields.items()))


_DTYPES = {
    "null": "null",
    "boolean": "boolean",
    "tinyint": "int8",
    "smallint": "int16",
    "integer": "int32",
    "bigint": "int64",
    "utinyint": "uint8",
    "usmallint": "uint16",
    "uinteger": "uint32",
    "ubigint": "uint64",
    "float": "float32",
    "double": "float64",
    "varchar": "string",
    "blob": "binary",
    "uuid": "uuid",
    "json": "json",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp(6)",
    "timestamp_s": "timestamp(0)",
    "timestamp_ms": "timestamp(3)",
    "timestamp_ns": "timestamp(9)",
    "timestamptz": "timestamp('UTC', 6)",
    "interval": "interval('us')",
}


@functools.cache
def _dtype(kind: Type) -> str | None:
    if kind.name == "decimal":
        return f"decimal({kind.args[0]}, {kind.args[1]})"
    if kind.name == "enum":
        return "string"
    if kind.is_list:
        element = _dtype(kind.args[0])
        size = f", {kind.args[1]}" if kind.name == "array" else ""
        return f"array<{element}{size}>" if element else None
    if kind.name == "map":
        parts = [_dtype(part) for part in kind.args]
        return f"map<{', '.join(map(str, parts))}>" if all(parts) else None
    if kind.name == "struct":
        fields = [(name, _dtype(part)) for name, part in kind.args]
        plain = all(dtype and name.isidentifier() for name, dtype in fields)
        return f"struct<{', '.join(f'{n}: {d}' for n, d in fields)}>" if plain and fields else None
    return _DTYPES.get(kind.name)


_NAMES_IN_SQL = {"timestamptz": "TIMESTAMP WITH TIME ZONE", "timetz": "TIME WITH TIME ZONE"}


def _sql(kind: Type) -> str:
    match kind.name:
        case "decimal":
            return f"DECIMAL({kind.args[0]}, {kind.args[1]})"
        case "list":
            return f"{_sql(kind.args[0])}[]"
        case "array":
            return f"{_sql(kind.args[0])}[{kind.args[1]}]"
        case "map":
            return f"MAP({', '.join(map(_sql, kind.args))})"
        case "struct" | "union":
            fields = [f"{_quoted(name)} {_sql(part)}" for name, part in kind.args]
            return f"{kind.name.upper()}({', '.join(fields)})"
        case "enum":
            texts = [_quoted(text, "'") for text in kind.args]
            return f"ENUM({', '.join(texts)})"
    return _NAMES_IN_SQL.get(kind.name, kind.name.upper())


def _quoted(text: str, mark: str = '"') -> str:
    return mark + text.replace(mark, mark * 2) + mark


_BY_SQLGLOT = {
    D.BOOLEAN: BOOLEAN,
    D.TINYINT: TINYINT,
    D.SMALLINT: SMALLINT,
    D.INT: INTEGER,
    D.MEDIUMINT: INTEGER,
    D.BIGINT: BIGINT,
    D.INT128: HUGEINT,
    D.UTINYINT: UTINYINT,
    D.USMALLINT: USMALLINT,
    D.UINT: UINTEGER,
    D.UBIGINT: UBIGINT,
    D.UINT128: UHUGEINT,
    D.FLOAT: FLOAT,
    D.DOUBLE: DOUBLE,
    D.VARCHAR: VARCHAR,
    D.CHAR: VARCHAR,
    D.NCHAR: VARCHAR,
    D.NVARCHAR: VARCHAR,
    D.TEXT: VARCHAR,
    D.NAME: VARCHAR,
    D.BPCHAR: VARCHAR,
    D.BINARY: BLOB,
    D.VARBINARY: BLOB,
    D.BLOB: BLOB,
    D.UUID: UUID,
    D.JSON: JSON,
    D.DATE: DATE,
    D.TIME: TIME,
    D.TIMETZ: Type("timetz"),
    D.TIMESTAMP: TIMESTAMP,
    D.DATETIME: TIMESTAMP,
    D.TIMESTAMPNTZ: TIMESTAMP,
    D.TIMESTAMPTZ: TIMESTAMPTZ,
    D.TIMESTAMPLTZ: TIMESTAMPTZ,
    D.TIMESTAMP_S: Type("timestamp_s"),
    D.TIMESTAMP_MS: Type("timestamp_ms"),
    D.TIMESTAMP_NS: Type("timestamp_ns"),
    D.INTERVAL: INTERVAL,
    D.NULL: NULL,
    D.BIT: BIT,
    D.BIGNUM: Type("bignum"),
    D.VARIANT: VARIANT,
    D.GEOMETRY: Type("geometry"),
    D.TIME_NS: Type("time_ns"),
}


def from_sqlglot(kind: exp.Expr) -> Type:
    """Read a type that sqlglot parsed from DuckDB's dialect; `UNKNOWN` if DuckDB has no such type.

    Examples
    --------
    >>> from_sqlglot(exp.DataType.build("DECIMAL(9)", dialect="duckdb"))
    Type(name='decimal', args=(9, 0))
    >>> from_sqlglot(exp.DataType.build("STRUCT(a INT, b INT[])", dialect="duckdb")).dtype
    'struct<a: int32, b: array<int32>>'
    """
    if isinstance(kind, exp.Interval):
        return INTERVAL
    if not isinstance(kind, exp.DataType):
        return UNKNOWN
    name, inner = kind.this, kind.expressions
    if name is D.DECIMAL:
        sizes = [int(param.name) for param in inner if param.name.isdigit()]
        if len(sizes) != len(inner):
            return UNKNOWN
        return decimal(*([*sizes, 0] if len(sizes) == 1 else sizes or [18, 3]))
    if name in (D.ARRAY, D.LIST):
        element = from_sqlglot(inner[0]) if inner else UNKNOWN
        size = kind.args.get("values")
        return Type("array", (element, int(size[0].name))) if size else list_of(element)
    if name is D.MAP and len(inner) == 2:
        return map_of(from_sqlglot(inner[0]), from_sqlglot(inner[1]))
    if name in (D.STRUCT, D.UNION):
        fields = [
            (field.name, from_sqlglot(field.args["kind"]))
            for field in inner
            if isinstance(field, exp.ColumnDef)
        ]
        complete = fields and len(fields) == len(inner)
        return Type(name.value.lower(), tuple(fields)) if complete else UNKNOWN
    if name is D.ENUM:
        return Type("enum", tuple(value.name for value in inner)) if inner else UNKNOWN
    if name is D.USERDEFINED:
        return _BY_NAME.get(str(kind.args.get("kind") or "").casefold(), UNKNOWN)
    return _BY_SQLGLOT.get(name, UNKNOWN)


_BY_NAME = {
    name: Type(name)
    for name in ("bignum", "variant", "geometry", "timetz", "timestamp_ns", "time_ns", "hugeint")
} | {"varint": Type("bignum"), "timestamp_us": TIMESTAMP, "string": VARCHAR, "bytea": BLOB}


def from_ibis(dtype: Any) -> Type:
    """Give the type that DuckDB has for a column of an Ibis type.

    Examples
    --------
    >>> import ibis
    >>> from_ibis(ibis.dtype("array<decimal(9, 2)>"))
    Type(name='list', args=(Type(name='decimal', args=(9, 2)),))
    """
    if dtype.is_decimal():
        return decimal(*(dtype.precision or 18, 3 if dtype.scale is None else dtype.scale))
    if dtype.is_array():
        element = from_ibis(dtype.value_type)
        return Type("array", (element, dtype.length)) if dtype.length else list_of(element)
    if dtype.is_map():
        return map_of(from_ibis(dtype.key_type), from_ibis(dtype.value_type))
    if dtype.is_struct():
        return Type("struct", tuple((name, from_ibis(part)) for name, part in dtype.items()))
    if dtype.is_timestamp():
        if dtype.timezone:
            return TIMESTAMPTZ
        return {0: Type("timestamp_s"), 3: Type("timestamp_ms"), 9: Type("timestamp_ns")}.get(
            dtype.scale, TIMESTAMP
        )
    return _BY_DTYPE.get(type(dtype).__name__.lower(), UNKNOWN)


_BY_DTYPE = {dtype: Type(name) for name, dtype in _DTYPES.items() if dtype.isalnum()} | {
    "interval": INTERVAL
}


def common(left: Type, right: Type) -> Type:
    """Give the type in which DuckDB compares or combines values of two types.

    Examples
    --------
    >>> common(INTEGER, decimal(4, 2))
    Type(name='decimal', args=(12, 2))
    >>> common(UINTEGER, INTEGER).name
    'bigint'
    """
    if left == right or right == NULL:
        return left
    if left == NULL:
        return right
    if UNKNOWN in (left, right):
        return UNKNOWN
    if VARIANT in (left, right):
        return VARIANT
    for one, other in ((left, right), (right, left)):
        if one.name in ("varchar", "enum") and not other.is_list:
            return other if other.name in ("json", "enum") and one.name != "enum" else VARCHAR
        if one == BOOLEAN and other.is_numeric:
            return other
    if left.is_numeric and right.is_numeric:
        return _common_number(left, right)
    if left.is_temporal and right.is_temporal:
        return _common_time(left, right)
    if left.is_list and right.is_list:
        element = common(left.element, right.element)
        return UNKNOWN if element == UNKNOWN else list_of(element)
    if left.name == right.name == "map":
        parts = [common(one, other) for one, other in zip(left.args, right.args, strict=True)]
        return UNKNOWN if UNKNOWN in parts else map_of(*parts)
    if left.name == right.name == "struct":
        return _common_struct(left, right)
    return UNKNOWN


def _common_struct(left: Type, right: Type) -> Type:
    if [name for name, _ in left.args] != [name for name, _ in right.args]:
        return UNKNOWN
    pairs = zip(left.args, right.args, strict=True)
    fields = tuple((name, common(one, other)) for (name, one), (_, other) in pairs)
    return UNKNOWN if any(kind == UNKNOWN for _, kind in fields) else Type("struct", fields)


def _common_number(left: Type, right: Type) -> Type:
    if "bignum" in (left.name, right.name):
        return Type("bignum") if not (left.is_floating or right.is_floating) else DOUBLE
    if left.is_floating or right.is_floating:
        # FLOAT holds every number for DuckDB, DOUBLE only where a side is one.
        return DOUBLE if DOUBLE in (left, right) else FLOAT
    if left.is_integer and right.is_integer:
        return _common_integer(left, right)
    return _common_decimal(as_decimal(left), as_decimal(right))


def _common_integer(left: Type, right: Type) -> Type:
    (bits, signed), (other_bits, other_signed) = INTEGERS[left.name], INTEGERS[right.name]
    if signed == other_signed:
        return left if bits >= other_bits else right
    unsigned_bits = other_bits if signed else bits
    signed_bits = bits if signed else other_bits
    needed = max(signed_bits, unsigned_bits * 2)
    if unsigned_bits == 64:
        return HUGEINT
    names = {8: TINYINT, 16: SMALLINT, 32: INTEGER, 64: BIGINT, 128: HUGEINT}
    return names.get(needed, DOUBLE)


_DIGITS = {8: 3, 16: 5, 32: 10, 64: 19, 128: 38}


def as_decimal(kind: Type) -> Type:
    """Give the DECIMAL that holds an integer type."""
    if kind.is_decimal:
        return kind
    bits, signed = INTEGERS.get(kind.name, (128, True))
    return decimal(20 if bits == 64 and not signed else _DIGITS[bits], 0)


def product(left: Type, right: Type) -> Type:
    """Give the DECIMAL of a product: what 64 bits hold stays there if its scale fits in them.

    Examples
    --------
    >>> product(decimal(15, 6), decimal(15, 6)).args, product(decimal(15, 6), decimal(18, 12)).args
    ((18, 12), (33, 18))
    """
    (p1, s1), (p2, s2) = as_decimal(left).args, as_decimal(right).args
    scale = s1 + s2
    narrow = max(p1, p2) <= 18 and scale < 18
    return decimal(min(18 if narrow else 38, p1 + p2), scale)


def _common_decimal(left: Type, right: Type) -> Type:
    (p1, s1), (p2, s2) = left.args, right.args
    digits = max(p1 - s1, p2 - s2)
    scale = min(max(s1, s2), 38 - digits)  # the whole part comes first
    return decimal(digits + scale, scale)


_TIMES = ("date", "timestamp_s", "timestamp_ms", "timestamp", "timestamp_ns", "timestamptz")


def _common_time(left: Type, right: Type) -> Type:
    if left.name in _TIMES and right.name in _TIMES:
        wider = max(left.name, right.name, key=_TIMES.index)
        return Type(wider)
    return UNKNOWN


def settled(kind: Type) -> Type:
    """Give the type of a column of a result: where only NULL is known, DuckDB settles on INTEGER.

    Examples
    --------
    >>> settled(list_of(NULL)).dtype
    'array<int32>'
    """
    if kind == NULL:
        return INTEGER
    return list_of(settled(kind.element)) if kind.name == "list" else kind
