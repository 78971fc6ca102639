"""What calls of functions mean in other dialects: positions, NULL, digits."""

from __future__ import annotations

import re

from sqlglot import exp

from ibert.sql.rules import (
    INSTANTS,
    MYSQL,
    POSTGRES,
    SPARK,
    TEXTS,
    TRINO,
    TSQL,
    Meaning,
    UnknownMeaningError,
    cast,
    filled,
    function,
    whole,
)

_BEFORE_FIRST = (*POSTGRES, *TSQL)  # positions up to 0 are places before the text
_ZERO_IS_FIRST = ("bigquery", "oracle", "snowflake", *SPARK)
_ZERO_IS_NOTHING = ("clickhouse", *MYSQL, *TRINO)
_NO_MATCH_IS_NULL = ("bigquery", "oracle", "snowflake", *MYSQL, *TRINO)
_DOLLAR_GROUPS = ("redshift", *SPARK, *TRINO)
_HALF_AWAY = ("bigquery", "snowflake", *TRINO)
_JAVA_ARRAYS = (*SPARK, *TRINO)
_FORMATS = ("bigquery", "postgres", "sqlite", *SPARK, *TRINO)

_PLAIN_DIRECTIVE = re.compile(r"%(-?0?\d*(\.\d+)?[dsfxX]|%)")
_WORD = re.compile(r"%-?u|(?<!%)(?<!%-)[a-zA-Z]|%[a-zA-Z](?=[a-zA-Z])")
_WRONG_DIRECTIVES = re.compile(r"%[DVXvr]")
_NO_NUMBER = re.compile(r"%[^%dHjmMSY]|(?<!%)[a-zA-Z]")
_KEYS = re.compile(r"\{\w+(,\w+)*\}")  # of an array in a text, with nothing to escape
_GROUP = re.compile(r"\$(\d)")


def _substring(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Take a part of a text from a position before its first letter."""
    start = whole(node.args.get("start"))
    if start is None or start > 0:
        return None
    length = node.args.get("length")
    if dialect in _BEFORE_FIRST:
        first = exp.Literal.number(1)
        if length is None:
            return function("SUBSTRING", node.this, first)
        count = whole(length)
        if count is None:
            raise UnknownMeaningError(
                "a part of a text that begins before it", node, "begin at 1 and shorten the length"
            )
        rest = exp.Literal.number(max(0, count + start - 1))
        return function("SUBSTRING", node.this, first, rest)
    if start == 0:
        made = node.copy()
        made.set("start", exp.Literal.number(1))
        if dialect in _ZERO_IS_NOTHING:
            made.set("length", exp.Literal.number(0))
        return made
    ends = exp.Literal.number(-start)
    if dialect == "bigquery" and length is not None:
        return filled("LEFT(RIGHT($1, $2), $3)", node.this, ends, length)
    missing = {"oracle": exp.null(), **dict.fromkeys((*MYSQL, *TRINO), exp.Literal.string(""))}
    if dialect not in missing:
        return None
    text = "CASE WHEN LENGTH($1) >= $2 THEN $3 WHEN NOT $1 IS NULL THEN $4 END"
    return filled(text, node.this, ends, node, missing[dialect])


def _extracted(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give NULL where nothing matches, and the group that a parameter of Snowflake asks for."""
    made = node.copy()
    if isinstance(made, exp.RegexpSubstr):
        if set(node.iter_expressions()) != {node.this, node.expression}:
            return None
        made = exp.RegexpExtract(this=made.this, expression=made.expression)
    letters = made.args.get("parameters")
    if isinstance(letters, exp.Literal) and "e" in letters.name and whole(made.args["group"]) == 0:
        made.set("group", exp.Literal.number(1))
        made.set("parameters", None)
    if (whole(made.args.get("occurrence")) or 1) != 1:
        return None
    return filled("CASE WHEN REGEXP_MATCHES($1, $2) THEN $3 END", node.this, node.expression, made)


def _replaced(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Name groups in a replacement as DuckDB does, and replace every match."""
    if dialect == "redshift":
        node.set("modifiers", exp.Literal.string("g"))
    text = node.args.get("replacement")
    if not isinstance(text, exp.Literal) or "$" not in text.name:
        return None
    made = node.copy()
    made.set("replacement", exp.Literal.string(_GROUP.sub(r"\\\1", text.name)))
    return made


def _rounded(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Round halves away from zero in a cast, where DuckDB rounds them to an even number."""
    kinds = (exp.DType.FLOAT, exp.DType.DOUBLE)
    if not node.args["to"].is_type(*exp.DataType.INTEGER_TYPES) or not node.this.is_type(*kinds):
        return None
    made = node.copy()
    made.set("this", function("ROUND", node.this))
    return made


def _joined_with(node: exp.Expr, dialect: str) -> exp.Expr:
    return function("CONCAT_WS", *node.expressions)


def _concatenated(node: exp.Expr, dialect: str) -> exp.Expr:
    if dialect == "sqlite":
        return function("CONCAT", *node.expressions)
    made = node.copy()
    made.set("coalesce", False)
    return made


def _formatted(node: exp.Expr, dialect: str) -> exp.Expr:
    pattern = node.this
    plain = isinstance(pattern, exp.Literal) and "%" not in _PLAIN_DIRECTIVE.sub("", pattern.name)
    if not plain:
        raise UnknownMeaningError(
            f"the format {pattern.sql(dialect)}", node, "join the parts with CONCAT"
        )
    return function("PRINTF", pattern, *node.expressions)


def _checked_format(node: exp.Expr, dialect: str) -> None:
    """Refuse words in the format of a date that sqlglot leaves as they are, or takes for others."""
    pattern = node.args.get("format")
    if not isinstance(pattern, exp.Literal):
        return
    wrong = _WRONG_DIRECTIVES if dialect in MYSQL else _WORD
    if dialect == "oracle":
        wrong = _NO_NUMBER if isinstance(node, exp.TimeToStr) else _WRONG_DIRECTIVES
    if wrong.search(pattern.name):
        hint = "take EXTRACT for the parts that are no plain numbers"
        raise UnknownMeaningError(f"a part of the format of {node.sql(dialect)}", node, hint)


def _continuous(node: exp.Expr, dialect: str) -> exp.Expr:
    return function("QUANTILE_CONT", node.this, node.args["quantile"])


def _slice(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Take elements by a position and a length."""
    start, length = node.args["start"], node.args["end"]
    first, count = whole(start), whole(length)
    if first is not None and count is not None:
        last = first + count - 1
        end = exp.Literal.number(min(last, -1) if first < 0 else last)
        return function("ARRAY_SLICE", node.this, start, end)
    if first is not None and first > 0:
        return filled("ARRAY_SLICE($1, $2, $2 + $3 - 1)", node.this, start, length)
    raise UnknownMeaningError("slice from a position that is not known", node, "write a constant")


def _position_in_array(node: exp.Expr, dialect: str) -> exp.Expr:
    text = "CASE WHEN NOT ($1 IS NULL OR $2 IS NULL) THEN COALESCE(ARRAY_POSITION($1, $2), 0) END"
    return filled(text, node.this, node.expression)


def _reversed(node: exp.Expr, dialect: str) -> exp.Expr | None:
    return function("LIST_REVERSE", node.this) if node.this.is_type(exp.DType.ARRAY) else None


def _sorted_array(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Put NULL first in ascending order, and last in descending order."""
    order = node.args.get("asc")
    down = isinstance(order, exp.Boolean) and not order.this
    words = ("DESC", "NULLS LAST") if down else ("ASC", "NULLS FIRST")
    return function("LIST_SORT", node.this, *(exp.Literal.string(word) for word in words))


def _numbered(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Count the elements that a function is applied to from 0."""
    names = node.expression.expressions
    if len(names) != 2:
        return None
    made = node.copy()
    for found in list(made.expression.this.find_all(exp.Identifier)):
        if found.name == names[1].name:
            less = exp.Sub(this=found.copy(), expression=exp.Literal.number(1))
            found.replace(exp.Paren(this=less))
    return made


def _downward(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Count down where a sequence without a step ends before it begins."""
    start, end = whole(node.args["start"]), whole(node.args["end"])
    if node.args.get("step") or start is None or end is None or start <= end:
        return None
    made = node.copy()
    made.set("step", exp.Neg(this=exp.Literal.number(1)))
    return made


def _dates(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give dates where a sequence of dates is one of timestamps in DuckDB."""
    if not node.args["start"].is_type(exp.DType.DATE):
        return None
    return exp.Cast(this=node.copy(), to=exp.DataType.build("DATE[]", dialect="duckdb"))


def _first_elements(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Take the first elements of an array that has a limit."""
    limit = node.this
    if not isinstance(limit, exp.Limit):
        return None
    made = exp.ArrayAgg(this=limit.this.copy(), nulls_excluded=node.args.get("nulls_excluded"))
    return function("ARRAY_SLICE", made, exp.Literal.number(1), limit.expression)


def _known(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Write IGNORE NULLS of an aggregate as a filter."""
    call = node.this
    if isinstance(call, exp.Anonymous) and call.name == "ARRAY_SLICE":
        whole_list, *bounds = call.expressions
        return function("ARRAY_SLICE", _without_null(whole_list), *bounds)
    return _without_null(call) if isinstance(call, exp.ArrayAgg) else None


def _without_null(call: exp.Expr) -> exp.Expr:
    value = call.this.this if isinstance(call.this, exp.Order) else call.this
    value = value.expressions[0] if isinstance(value, exp.Distinct) else value
    known = exp.not_(exp.Is(this=value.copy(), expression=exp.null()))
    return exp.Filter(this=call.copy(), expression=exp.Where(this=known))


def _path(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Write the keys of `#>` and `#>>` as a path."""
    keys = node.expression
    text = keys.name if isinstance(keys, exp.Literal) else ""
    if not _KEYS.fullmatch(text):
        return None
    steps = text[1:-1].split(",")
    path = "$" + "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in steps)
    name = "JSON_EXTRACT" if isinstance(node, exp.JSONBExtract) else "JSON_EXTRACT_STRING"
    return function(name, node.this, exp.Literal.string(path))


def _deviation(node: exp.Expr, dialect: str) -> exp.Expr:
    """Take the deviation of a population."""
    name = "VAR_POP" if isinstance(node, exp.Variance) else "STDDEV_POP"
    return function(name, node.this)


def _smallest(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Write MIN and MAX of several values, which are no aggregates in SQLite."""
    if not node.expressions:
        return None
    kind = exp.Least if isinstance(node, exp.Min) else exp.Greatest
    parts = [part.copy() for part in node.expressions]
    return kind(this=node.this.copy(), expressions=parts, ignore_nulls=False)


def _null_if_any(node: exp.Expr, dialect: str) -> None:
    node.set("ignore_nulls", False)


def _months_later(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Stay at the end of the month, with the time of the day."""
    node.set("preserve_end_of_month", True)
    if not node.this.is_type(*INSTANTS):
        return None
    later = filled("$1 + TO_MONTHS($2)", node.this, node.expression)
    words = (
        "CASE WHEN CAST($1 AS DATE) = LAST_DAY($1) THEN LAST_DAY($2) + CAST($1 AS TIME) ELSE $2 END"
    )
    return filled(words, node.this, later)


def _json_text(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Leave out the quotes of a text that is cut out of JSON."""
    if not node.args["to"].is_type(*TEXTS) or not isinstance(node.this, exp.JSONExtract):
        return None
    return exp.JSONExtractScalar(
        this=node.this.this.copy(), expression=node.this.expression.copy(), scalar_only=False
    )


def _scalar_only(node: exp.Expr, dialect: str) -> None:
    node.set("scalar_only", True)


def _number_or_null(node: exp.Expr, dialect: str) -> exp.Expr | None:
    digits = (node.args.get("precision"), node.args.get("scale"))
    if not node.args.get("safe") or node.args.get("format") or None in digits:
        return None
    sizes = [exp.DataTypeParam(this=part.copy()) for part in digits if part]
    kind = exp.DataType(this=exp.DType.DECIMAL, expressions=sizes)
    return exp.TryCast(this=node.this.copy(), to=kind)


def _empty_if_none(node: exp.Expr, dialect: str) -> exp.Expr | None:
    if isinstance(node.parent, exp.Window | exp.Filter | exp.WithinGroup):
        return None
    return exp.Coalesce(this=node.copy(), expressions=[exp.Literal.string("")])


def _empty_list(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give an empty list, not NULL, where there is nothing to collect."""
    call = node
    while isinstance(call, _AROUND_CALLS):
        call = call.this
    if not isinstance(call, exp.ArrayAgg | exp.ArrayUniqueAgg) or (
        isinstance(node.parent, _AROUND_CALLS) and node.arg_key == "this"
    ):
        return None
    return exp.Coalesce(this=node.copy(), expressions=[exp.Array(expressions=[])])


_AROUND_CALLS = (exp.Filter, exp.IgnoreNulls, exp.Window, exp.WithinGroup)


def _bit(node: exp.Expr, dialect: str) -> exp.Expr | None:
    return cast(node.this, exp.DType.BOOLEAN) if node.args["to"].is_type(exp.DType.BIT) else None


def _weeks(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Count how often a week has begun: DuckDB counts how often seven days have gone by."""
    unit = node.args.get("unit")
    if unit is None or unit.name.upper() not in ("WEEK", "WK", "WW"):
        return None
    day = "CAST($1 AS TIMESTAMP)" + (" + INTERVAL 1 DAY" if dialect in TSQL else "")
    ends = (_undated(node.expression), _undated(node.this))
    weeks = [filled(f"DATE_TRUNC('week', {day})", end) for end in ends]
    return exp.Paren(this=filled("DATE_DIFF('day', $1, $2) // 7", *weeks))


def _undated(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.TsOrDsToDate) else node


def _start_of_week(node: exp.Expr, dialect: str) -> exp.Expr | None:
    name = node.args["unit"].name.upper()
    if name in ("ISO_WEEK", "ISOWK", "ISOWW"):
        node.set("unit", exp.var("WEEK"))
        return None
    if name not in ("WEEK", "WK", "WW"):
        return None
    made = filled("DATE_TRUNC('week', $1 + INTERVAL 1 DAY) - INTERVAL 1 DAY", node.this)
    return cast(made, exp.DType.DATE) if node.this.is_type(exp.DType.DATE) else made


def _power(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give an integer for a power of an integer."""
    if not node.this.is_type(*exp.DataType.INTEGER_TYPES):
        return None
    return cast(function("TRUNC", node), exp.DType.BIGINT)


def _outer(node: exp.Expr, dialect: str) -> None:
    if node.args.get("view") and node.args.get("outer"):
        raise UnknownMeaningError(
            "LATERAL VIEW OUTER", node, "without OUTER, rows whose array is empty are left out"
        )


def _applied(node: exp.Expr, dialect: str) -> None:
    """Write APPLY as a join with a lateral query."""
    lateral = node.this
    if isinstance(lateral, exp.Lateral) and lateral.args.get("cross_apply") is not None:
        node.set("side", None if lateral.args["cross_apply"] else "LEFT")
        node.set("on", exp.true())
        lateral.set("cross_apply", None)


def _second(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Keep the fraction of a second."""
    if node.this.name.upper() not in ("SECOND", "SECONDS"):
        return None
    return filled("(EXTRACT(MICROSECONDS FROM $1) / 1000000)", node.expression)


def _iso_day(node: exp.Expr, dialect: str) -> exp.Expr | None:
    if node.this.name.upper() not in ("DAYOFWEEK", "DAY_OF_WEEK", "DOW"):
        return None
    return exp.Extract(this=exp.var("ISODOW"), expression=node.expression.copy())


def _named_part(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Read a part of a date whose name is a text."""
    if node.name.upper() != "DATE_PART" or not isinstance(node.expressions[0], exp.Literal):
        return None
    name, date = node.expressions
    part = name.name.upper()
    if part in ("SECOND", "SECONDS", "S", "SEC", "SECS"):
        return filled("(EXTRACT(MICROSECONDS FROM $1) / 1000000)", date)
    found = exp.Extract(this=exp.var(_SPARK_PARTS.get(part, part)), expression=date.copy())
    if part in ("DOW", "DAYOFWEEK"):
        return exp.Paren(this=exp.Add(this=found, expression=exp.Literal.number(1)))
    return found


_SPARK_PARTS = {"DOW_ISO": "ISODOW", "DAYOFWEEK_ISO": "ISODOW", "YEAROFWEEK": "ISOYEAR"}


def _part_or_null(node: exp.Expr, dialect: str) -> exp.Expr:
    """Give NULL behind the last part of a text."""
    parts = (node.this, node.args["delimiter"], node.args["part_index"])
    text = "CASE WHEN LEN(STR_SPLIT($1, $2)) >= $3 THEN SPLIT_PART($1, $2, $3) END"
    return filled(text, *parts)


def _size(node: exp.Expr, dialect: str) -> exp.Expr:
    """Give -1 for no array in Spark, and NULL for an empty one in Postgres."""
    text = "NULLIF(LEN($1), 0)" if dialect in POSTGRES else "COALESCE(LEN($1), -1)"
    return filled(text, node.this)


def _bytes(node: exp.Expr, dialect: str) -> exp.Expr | None:
    if node.this.is_type(exp.DType.ARRAY):
        return function("LEN", node.this)
    return function("STRLEN", node.this) if node.this.is_type(*TEXTS) else None


CALLS = (
    Meaning(exp.Substring, (*_BEFORE_FIRST, *_ZERO_IS_FIRST, *_ZERO_IS_NOTHING), _substring),
    Meaning((exp.RegexpExtract, exp.RegexpSubstr), _NO_MATCH_IS_NULL, _extracted),
    Meaning(exp.RegexpReplace, _DOLLAR_GROUPS, _replaced),
    Meaning(exp.Cast, ("databricks", "snowflake"), _json_text),
    Meaning(exp.Cast, _HALF_AWAY, _rounded),
    Meaning(exp.Cast, TSQL, _bit),
    Meaning((exp.ArrayAgg, exp.ArrayUniqueAgg, *_AROUND_CALLS), ("snowflake", *SPARK), _empty_list),
    Meaning(exp.ConcatWs, MYSQL, _joined_with),
    Meaning(exp.Concat, ("redshift", "sqlite"), _concatenated),
    Meaning(exp.Format, _FORMATS, _formatted),
    Meaning(
        (exp.TimeToStr, exp.StrToDate, exp.StrToTime),
        ("oracle", *MYSQL, *POSTGRES),
        _checked_format,
    ),
    Meaning(exp.Quantile, ("clickhouse", *SPARK), _continuous),
    Meaning(exp.ArraySlice, _JAVA_ARRAYS, _slice),
    Meaning(exp.ArrayPosition, _JAVA_ARRAYS, _position_in_array),
    Meaning(exp.ArraySize, ("postgres", "hive", "spark", "spark2"), _size),
    Meaning(exp.Reverse, _JAVA_ARRAYS, _reversed),
    Meaning(exp.SortArray, SPARK, _sorted_array),
    Meaning(exp.Transform, SPARK, _numbered),
    Meaning(exp.GenerateSeries, _JAVA_ARRAYS, _dates),
    Meaning(exp.GenerateSeries, _JAVA_ARRAYS, _downward),
    Meaning(exp.ArrayAgg, ("bigquery",), _first_elements),
    Meaning(exp.IgnoreNulls, ("bigquery",), _known),
    Meaning((exp.JSONBExtract, exp.JSONBExtractScalar), POSTGRES, _path),
    Meaning((exp.Stddev, exp.Variance), MYSQL, _deviation),
    Meaning((exp.Min, exp.Max), ("sqlite",), _smallest),
    Meaning((exp.Greatest, exp.Least), ("oracle",), _null_if_any),
    Meaning(exp.AddMonths, ("hive", "oracle", "redshift", "snowflake"), _months_later),
    Meaning(exp.JSONExtractScalar, TRINO, _scalar_only),
    Meaning(exp.ToNumber, ("snowflake",), _number_or_null),
    Meaning(exp.GroupConcat, ("snowflake",), _empty_if_none),
    Meaning(exp.DateDiff, ("clickhouse", "redshift", *TSQL), _weeks),
    Meaning((exp.DateTrunc, exp.TimestampTrunc), TSQL, _start_of_week),
    Meaning(exp.Pow, TSQL, _power),
    Meaning(exp.Lateral, SPARK, _outer),
    Meaning(exp.Join, TSQL, _applied),
    Meaning(exp.Extract, ("oracle", "postgres", *SPARK), _second),
    Meaning(exp.Extract, TRINO, _iso_day),
    Meaning(exp.SplitPart, TRINO, _part_or_null),
    Meaning(exp.Length, ("clickhouse",), _bytes),
    Meaning(exp.Anonymous, SPARK, _named_part),
)
