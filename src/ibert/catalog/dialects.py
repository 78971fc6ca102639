"""How each SQL dialect names the types that Ibis has, as data.

Ibis' type mappers do the reading and the writing. They were made for the names that databases
report about existing tables, so what people write in DDL (`DECIMAL(10)`, `SERIAL`, `DateTime64`) is
rewritten to such a name first, and what a mapper writes by way of a guess is refused. The tables
below hold both.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ibis.backends.sql import datatypes as sql_types

from ibert.sql.dialects import check_dialect


class Types(NamedTuple):
    """The types of a dialect.

    Kinds of Ibis types are the names of their classes; a timestamp with a time zone is of kind
    `TimestampTZ`.

    Parameters
    ----------
    mapper
        Ibis' mapper. By class: Ibis' own table of mappers has two for "postgres", and holds either.
    decimal
        What DECIMAL without a precision means.
    reads
        What to read instead of a type that the mapper does not know or takes for another. Keys are
        sqlglot's names of types with arguments (`FLOAT(53)`), without (`BIT()`), or either (`INT`).
    writes
        What to write for a kind that the mapper writes as a type that cannot hold it.
    lacks
        Kinds that the dialect has no type for, whatever the mapper writes.
    whole_decimals
        Whether Ibis reads decimals of scale 0 as int64 (as its Oracle and Snowflake backends do).
    precision
        The most digits of a decimal.
    scale
        The most fractional digits of a second.
    """

    mapper: type[sql_types.SqlglotType]
    decimal: str = "DECIMAL(18, 0)"
    reads: Mapping[str, str] = MappingProxyType({})
    writes: Mapping[str, str] = MappingProxyType({})
    lacks: frozenset[str] = frozenset()
    whole_decimals: bool = False
    precision: int = 38
    scale: int = 6


class _OracleType(sql_types.OracleType):  # type: ignore[misc]
    """Without the override that loses the nullability of decimals, and so always raises."""

    _from_sqlglot_DECIMAL = vars(sql_types.SqlglotType)["_from_sqlglot_DECIMAL"]  # noqa: N815


class _ExasolType(sql_types.ExasolType):  # type: ignore[misc]
    """Without the override that takes the digits of a decimal for the bits of an integer."""

    _from_sqlglot_DECIMAL = vars(sql_types.SqlglotType)["_from_sqlglot_DECIMAL"]  # noqa: N815


# Types that are integers with a default and NOT NULL, by definition.
SERIALS = frozenset({"SERIAL", "BIGSERIAL", "SMALLSERIAL"})

# Decimals by their sqlglot name, with the precision where the name gives it.
DECIMALS: Mapping[str, int | None] = {
    **{"DECIMAL": None, "UDECIMAL": None},
    **{"DECIMAL32": 9, "DECIMAL64": 18, "DECIMAL128": 38, "DECIMAL256": 76},
}

_UNSIGNED = frozenset({"UInt8", "UInt16", "UInt32", "UInt64"})
_NESTED = frozenset({"Array", "Map", "Struct"})
_GEO = frozenset(
    {
        *("GeoSpatial", "LineString", "MultiLineString", "MultiPoint"),
        *("MultiPolygon", "Point", "Polygon"),
    }
)
_RARE = frozenset({"INET", "Interval", "UUID"}) | _GEO
_WHOLE = {"TINYINT": "BIGINT", "SMALLINT": "BIGINT", "INT": "BIGINT"}

_GENERIC = Types(sql_types.SqlglotType, lacks=_UNSIGNED | _NESTED | _RARE | {"JSON"})

_DUCKDB = Types(
    sql_types.DuckDBType,
    decimal="DECIMAL(18, 3)",
    reads={
        **{"GUID": "UUID", "INTEGRAL": "INT", "OID": "BIGINT", "INTERVAL": "INTERVAL"},
        **{"UINT8": "UTINYINT", "UINT16": "USMALLINT", "UINT32": "UINTEGER", "UINT64": "UBIGINT"},
        **{f"FLOAT({bits})": "DOUBLE" for bits in range(25, 54)},
        **{"TIMESTAMPNTZ(0)": "TIMESTAMP_S"},
        **{f"TIMESTAMPNTZ({digits})": "TIMESTAMP_MS" for digits in range(1, 4)},
        **{f"TIMESTAMPNTZ({digits})": "TIMESTAMP_NS" for digits in range(7, 10)},
    },
    scale=9,
)
_POSTGRES = Types(
    sql_types.PostgresType,
    decimal="DECIMAL",
    reads={
        **{"SERIAL": "INT", "BIGSERIAL": "BIGINT", "SMALLSERIAL": "SMALLINT"},
        **{"BPCHAR": "TEXT", "CITEXT": "TEXT", "OID": "BIGINT"},
    },
    lacks=_UNSIGNED | {"Map", "Struct"},
    precision=1000,
)
_REDSHIFT = _POSTGRES._replace(
    decimal="DECIMAL(18, 0)", lacks=_UNSIGNED | _NESTED | _RARE | {"JSON"}, precision=38
)
_MYSQL = Types(
    sql_types.MySQLType,
    decimal="DECIMAL(10, 0)",
    reads={"SERIAL": "BIGINT UNSIGNED", "BIT()": "BIT(1)", "YEAR": "SMALLINT"},
    writes={"Binary": "LONGBLOB"},
    lacks=_NESTED | _RARE,
    precision=65,
)
_DORIS = _MYSQL._replace(lacks=_MYSQL.lacks | _UNSIGNED | {"Binary"})
_TSQL = Types(
    sql_types.MSSQLType,
    # FLOAT is FLOAT(53), and sqlglot reads REAL as FLOAT.
    reads={"FLOAT": "DOUBLE PRECISION", "SYSNAME": "NVARCHAR(128)", "HIERARCHYID": "NVARCHAR(MAX)"},
    writes={"Binary": "VARBINARY(MAX)"},
    lacks=_UNSIGNED - {"UInt8"} | _NESTED | (_RARE - {"UUID"}) | {"JSON"},
    scale=7,
)
_SNOWFLAKE = Types(
    sql_types.SnowflakeType,
    decimal="DECIMAL(38, 0)",
    reads={**_WHOLE, "FLOAT": "DOUBLE"},
    lacks=_UNSIGNED | _RARE,
    whole_decimals=True,
    scale=9,
)
_BIGQUERY = Types(
    sql_types.BigQueryType,
    decimal="NUMERIC(38, 9)",
    reads={"FLOAT": "FLOAT64"},
    lacks=_RARE,
    precision=76,
)
_HIVE = Types(
    sql_types.SqlglotType,
    decimal="DECIMAL(10, 0)",
    lacks=_UNSIGNED - {"UInt8"} | _RARE | {"JSON"},
    scale=9,
)
_ATHENA = _HIVE._replace(mapper=sql_types.AthenaType, lacks=_HIVE.lacks | {"Time", "TimestampTZ"})
_SPARK = _HIVE._replace(
    mapper=sql_types.PySparkType, writes={"Timestamp": "TIMESTAMP_NTZ"}, scale=6
)
_DATABRICKS = _SPARK._replace(mapper=sql_types.DatabricksType, lacks=_SPARK.lacks - {"JSON"})
_TRINO = Types(
    sql_types.TrinoType,
    decimal="DECIMAL(38, 0)",
    writes={"INET": "IPADDRESS"},
    lacks=_GEO | {"UInt64"},
    scale=9,
)
_CLICKHOUSE = Types(
    sql_types.ClickHouseType,
    decimal="DECIMAL(10, 0)",
    reads={"DATETIME64()": "DateTime64(3)", "IPV4": "INET", "IPV6": "INET"},
    lacks=_RARE - {"UUID"},
    precision=76,
    scale=9,
)
_ORACLE = Types(
    _OracleType,
    decimal="NUMBER(38, 9)",
    # All integers are NUMBER(38); sqlglot reads LONG, which is text, as BIGINT.
    reads={**_WHOLE, "BIGINT": "CLOB", "FLOAT": "DOUBLE PRECISION", "NCLOB": "CLOB", "RAW": "BLOB"},
    lacks=_UNSIGNED | _NESTED | _RARE | {"Time"},
    whole_decimals=True,
    scale=9,
)
_SQLITE = Types(
    sql_types.SQLiteType, decimal="DECIMAL", reads={"FLOAT": "DOUBLE"}, lacks=_UNSIGNED | _RARE
)
_EXASOL = Types(
    _ExasolType,
    reads=_WHOLE,
    lacks=_UNSIGNED | _RARE | {"Binary", "JSON", "Time", "TimestampTZ"},
    whole_decimals=True,
    precision=36,
    scale=9,
)

DIALECTS: Mapping[str, Types] = {
    "athena": _ATHENA,
    "bigquery": _BIGQUERY,
    "clickhouse": _CLICKHOUSE,
    "databricks": _DATABRICKS,
    "doris": _DORIS,
    "dremio": _GENERIC,
    "drill": _GENERIC,
    "druid": _GENERIC,
    "duckdb": _DUCKDB,
    "dune": _TRINO,
    "exasol": _EXASOL,
    "fabric": _TSQL,
    "hive": _HIVE,
    "materialize": _POSTGRES,
    "mysql": _MYSQL,
    "oracle": _ORACLE,
    "postgres": _POSTGRES,
    "presto": _TRINO,
    "redshift": _REDSHIFT,
    "risingwave": _POSTGRES._replace(mapper=sql_types.RisingWaveType),
    "singlestore": _MYSQL._replace(mapper=sql_types.SingleStoreDBType),
    "snowflake": _SNOWFLAKE,
    "spark": _SPARK,
    "spark2": _HIVE._replace(mapper=sql_types.PySparkType),
    "sqlite": _SQLITE,
    "starrocks": _DORIS,
    "teradata": _GENERIC._replace(decimal="DECIMAL(5, 0)", reads={"FLOAT": "DOUBLE PRECISION"}),
    "trino": _TRINO,
    "tsql": _TSQL,
}


def types_of(dialect: str) -> Types:
    """Give the types of a dialect.

    Raises
    ------
    IbertError
        IB203 if there is no such dialect.

    Examples
    --------
    >>> types_of("mysql").decimal
    'DECIMAL(10, 0)'
    >>> types_of("mssql")
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: IB203 no SQL dialect 'mssql'
      hint: did you mean 'tsql'?
    """
    check_dialect(dialect, DIALECTS)
    return DIALECTS[dialect]
