"""What conversions between numbers, texts and dates mean in other dialects."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from ibert.sql.rules import (
    INSTANTS,
    INTEGERS,
    MYSQL,
    POSTGRES,
    REALS,
    SPARK,
    TEXTS,
    TRINO,
    TSQL,
    Meaning,
    UnknownMeaningError,
    bare,
    cast,
    filled,
    function,
    is_float,
)

_HIVE = ("hive", "spark", "spark2")  # where a text that is no number becomes NULL
_NO_ZERO = ("bigquery", "clickhouse", "oracle", "snowflake", *MYSQL, *POSTGRES)  # 3.0 is '3'
_NO_ZEROS = ("bigquery", "clickhouse", "oracle")  # and a DECIMAL of 1.50 is '1.5'
_OTHER_TEXTS = (*TRINO, *TSQL)  # 3.0E0, or six digits
_OTHER_DIGITS = ("oracle", "snowflake", *MYSQL, *POSTGRES, *TRINO, *TSQL)  # of quotients

_DECIMAL_HINT = "cast it to a DECIMAL first"
_ZEROS = r"(\.\d*[1-9])0+$|\.0+$"
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_WITH_FRACTION = r"^\s*([+-]?\d+)(\.\d*)?\s*$"
_PREFIX = r"^\s*([+-]?\d+)"
_BEGINS_WITH_NUMBER = r"^\s*[+-]?\d"
_NUMBERS_OF_DATES = re.compile("(%[dHjmMSuwY])+")


def _text(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Write a number as the dialect does; None where DuckDB does the same."""
    quotient = isinstance(bare(node), exp.Avg | exp.Div) and dialect in _OTHER_DIGITS
    unequal = is_float(node, dialect)
    if (quotient and not unequal) or (unequal and dialect in _OTHER_TEXTS):
        raise UnknownMeaningError(
            f"the digits of {node.sql(dialect)} as a text", node, _DECIMAL_HINT
        )
    text = cast(node, exp.DType.TEXT)
    exact = node.is_type(exp.DType.DECIMAL) or not isinstance(bare(node), exp.Column | exp.Cast)
    if dialect in _NO_ZEROS and exact and (unequal or node.is_type(*REALS)):
        text = filled(r"REGEXP_REPLACE($1, $2, '\1', 'g')", text, exp.Literal.string(_ZEROS))
    elif unequal and dialect in _NO_ZERO:
        text = filled(r"REGEXP_REPLACE($1, '\.0$', '', 'g')", text)
    else:
        return None
    return (
        filled(r"REGEXP_REPLACE($1, '^(-?)0\.', '\1.', 'g')", text) if dialect == "oracle" else text
    )


def _text_of_number(node: exp.Expr, dialect: str) -> exp.Expr | None:
    is_cast = isinstance(node, exp.Cast)
    kind, number = (node.args["to"], node.this) if is_cast else (node.this, node.expression)
    made = _text(number, dialect) if kind.is_type(*TEXTS) else None
    if made is None or not kind.expressions:
        return made
    node.set("this" if is_cast else "expression", made)
    return None


def _called_text(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Read TO_CHAR without a format, and toString of ClickHouse."""
    if isinstance(node, exp.ToChar):
        return None if node.args.get("format") else _text(node.this, dialect)
    is_call = node.name.upper() == "TOSTRING" and len(node.expressions) == 1
    return _text(node.expressions[0], dialect) if is_call else None


def _joined_numbers(node: exp.Expr, dialect: str) -> None:
    """Write the numbers among texts that are joined."""
    for part in list(_operands(node)):
        made = _text(part, dialect)
        if made is not None:
            part.replace(made)


def _operands(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.DPipe):
        yield from (node.this, node.expression)
    else:
        yield from node.expressions


def _whole_number(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Read the whole number in a text, where DuckDB rounds."""
    text = node.this
    if not node.args["to"].is_type(*INTEGERS) or not text.is_type(*TEXTS):
        return None
    if _has_digits_only(text):
        return None
    if isinstance(text, exp.Literal):
        found = re.match(_WITH_FRACTION if dialect in _HIVE else _PREFIX, text.name)
        value = exp.Literal.number(int(found[1])) if found else _no_number(dialect)
        return exp.Cast(this=value, to=node.args["to"].copy())
    if dialect in _HIVE:
        part = filled("REGEXP_EXTRACT($1, $2, 1)", text, exp.Literal.string(_WITH_FRACTION))
        return exp.TryCast(this=part, to=node.args["to"].copy())
    part = filled("REGEXP_EXTRACT($1, $2, 1)", text, exp.Literal.string(_PREFIX))
    number = exp.Cast(this=part, to=node.args["to"].copy())
    is_number = f"REGEXP_MATCHES($1, '{_BEGINS_WITH_NUMBER}')"
    words = f"CASE WHEN {is_number} THEN $2 WHEN NOT $1 IS NULL THEN 0 END"
    return filled(words, text, number)


def _has_digits_only(text: exp.Expr) -> bool:
    if isinstance(text, exp.Literal):
        return _WHOLE.fullmatch(text.name) is not None
    if isinstance(text, exp.TimeToStr):
        return _NUMBERS_OF_DATES.fullmatch(text.args["format"].name) is not None
    return isinstance(text, exp.Cast) and bool(text.this.is_type(*INTEGERS))


def _no_number(dialect: str) -> exp.Expr:
    return exp.null() if dialect in _HIVE else exp.Literal.number(0)


def _half_to_even(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Round halves to an even number; constants and means of Postgres are decimal numbers."""
    if not is_float(node.this, dialect):
        return None
    return function("ROUND_EVEN", node.this, node.args.get("decimals") or exp.Literal.number(0))


def _months_between(node: exp.Expr, dialect: str) -> exp.Expr:
    """Count months with a fraction, of which a month has 31 days."""
    given = (node.this, node.expression)
    dates = all(end.is_type(exp.DType.DATE) for end in given)
    kind = exp.DType.DATE if dates else exp.DType.TIMESTAMP
    ends = [end if end.is_type(kind) else cast(end, kind) for end in given]
    words = (
        "DATE_DIFF('month', $2, $1) + CASE WHEN DAY($1) = DAY($2) OR (DAY($1) = DAY(LAST_DAY($1))"
        " AND DAY($2) = DAY(LAST_DAY($2))) THEN 0 ELSE (DAY($1) - DAY($2)) / 31"
    )
    seconds = " + (EPOCH(CAST($1 AS TIME)) - EPOCH(CAST($2 AS TIME))) / 2678400"
    made = filled(f"({words}{'' if dates else seconds} END)", *ends)
    exact = node.args.get("roundoff")
    is_rounded = dialect in SPARK and not (isinstance(exact, exp.Boolean) and not exact.this)
    return function("ROUND", made, exp.Literal.number(8)) if is_rounded else made


def _date_with_time(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Keep the time that a DATE of Oracle has."""
    if not any(part in node.args["format"].name for part in ("%H", "%I", "%M", "%S")):
        return None
    return exp.StrToTime(this=node.this.copy(), format=node.args["format"].copy())


def _date_of_timestamp(node: exp.Expr, dialect: str) -> None:
    if node.args["to"].is_type(exp.DType.DATE) and node.this.is_type(*INSTANTS):
        raise UnknownMeaningError(
            "a cast to DATE, which holds a time in Oracle", node, "TRUNC(…) gives the day"
        )


def _sqlite_format(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Write the directives of strftime that mean something else in DuckDB."""
    pattern = node.args["format"]
    text = pattern.name if isinstance(pattern, exp.Literal) else "%?"
    if text == "%s":
        return cast(filled("CAST(FLOOR(EPOCH($1)) AS BIGINT)", node.this), exp.DType.TEXT)
    if _SQLITE_DIRECTIVE.sub("", text).count("%"):
        raise UnknownMeaningError(
            f"a part of the format of {node.sql(dialect)}",
            node,
            "take parts that are plain numbers",
        )
    made = node.copy()
    made.set("format", exp.Literal.string(text.replace("%f", "%S.%g")))
    return made if "%f" in text else None


_SQLITE_DIRECTIVE = re.compile("%[dfHjmMSwWY%]")


def _storage_class(node: exp.Expr, dialect: str) -> exp.Expr:
    """Name the storage class of a value whose type is known."""
    for kinds, name in _STORAGE.items():
        if node.this.is_type(*kinds):
            return filled(f"CASE WHEN $1 IS NULL THEN 'null' ELSE '{name}' END", node.this)
    if isinstance(bare(node.this), exp.Null):
        return exp.Literal.string("null")
    raise UnknownMeaningError("typeof of what has no known type", node, "name a column")


_STORAGE = {
    (*INTEGERS, exp.DType.BOOLEAN): "integer",
    tuple(exp.DataType.REAL_TYPES): "real",
    tuple(TEXTS): "text",
}


def remarks(query: exp.Expr, dialect: str) -> Iterator[tuple[exp.Expr, str]]:
    """Tell where a result depends on data in a way that another dialect shares for most values.

    Examples
    --------
    >>> from sqlglot import parse_one
    >>> query = parse_one("SELECT CAST(CAST(a AS DOUBLE) AS VARCHAR) FROM t", dialect="spark")
    >>> [message for _, message in remarks(query, "spark")][0].split(":")[0]
    'a number with a fraction as a text'
    """
    for node in query.find_all(exp.Cast, exp.DPipe, exp.Concat, exp.ConcatWs, exp.ToChar):
        if isinstance(node, exp.Cast) and not node.args["to"].is_type(*TEXTS):
            continue
        operands = (node.this,) if isinstance(node, exp.Cast | exp.ToChar) else _operands(node)
        if any(is_float(part, dialect) for part in operands):
            yield (
                node,
                f"a number with a fraction as a text: {dialect} may write NaN, infinities and"
                " numbers of more than 14 digits in another way than DuckDB",
            )
            return


CONVERSIONS = (
    Meaning((exp.Cast, exp.Convert), (*_NO_ZERO, *_OTHER_TEXTS), _text_of_number),
    Meaning((exp.ToChar, exp.Anonymous), ("clickhouse", "oracle", "snowflake"), _called_text),
    Meaning((exp.DPipe, exp.Concat, exp.ConcatWs), (*_NO_ZERO, *_OTHER_TEXTS), _joined_numbers),
    Meaning(exp.Cast, ("sqlite", *_HIVE, *MYSQL), _whole_number),
    Meaning(
        exp.Round, ("clickhouse", "materialize", "postgres", "risingwave", *MYSQL), _half_to_even
    ),
    Meaning(exp.MonthsBetween, None, _months_between),
    Meaning(exp.StrToDate, ("oracle",), _date_with_time),
    Meaning(exp.Cast, ("oracle",), _date_of_timestamp),
    Meaning(exp.TimeToStr, ("sqlite",), _sqlite_format),
    Meaning(exp.Typeof, ("sqlite",), _storage_class),
)
