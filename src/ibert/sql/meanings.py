"""What queries of other dialects mean, where sqlglot writes something else in DuckDB's SQL."""

from __future__ import annotations

from sqlglot import Dialect, exp

from ibert.sql.aggregates import AGGREGATES
from ibert.sql.calls import CALLS
from ibert.sql.conversions import CONVERSIONS
from ibert.sql.flattening import flattened
from ibert.sql.rules import (
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
    function,
    number,
)
from ibert.sql.spellings import spelled, wrapped
from ibert.sql.texts import TEXT_RULES

_SUNDAY_IS_1 = ("bigquery", *MYSQL, *SPARK, *TSQL)
_WHOLE_UNITS = ("bigquery", *MYSQL, *SPARK, *TRINO)  # unless they say date_part_boundary
_DATES_STAY = ("bigquery", "snowflake", *MYSQL, *SPARK, *TRINO, *TSQL)
_BACKSLASH_ESCAPES = ("bigquery", "clickhouse", *MYSQL, *POSTGRES, *SPARK)
_TEXTS_ARE_CUT = ("hive", "oracle", "snowflake", *MYSQL, *POSTGRES, *TRINO, *TSQL)
_CASTS_TRUNCATE = ("clickhouse", "sqlite", *SPARK, *TSQL)

_TIMES = {"HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND"}
_UNITS = {  # of TRUNC
    **dict.fromkeys(("MM", "MON", "MONTH"), "MONTH"),
    **dict.fromkeys(("YEAR", "YY", "YYYY"), "YEAR"),
    **dict.fromkeys(("Q", "QUARTER"), "QUARTER"),
    **dict.fromkeys(("DD", "DDD"), "DAY"),
    **dict.fromkeys(("HH", "HH24", "HOUR"), "HOUR"),
    **dict.fromkeys(("MI", "MINUTE"), "MINUTE"),
    **dict.fromkeys(("IW", "WEEK"), "WEEK"),
}
_PARTS_OF_FORMATS = ("%Y", "%m", "%d", "%H", "%M", "%S")


def keep_meaning(query: exp.Expr, dialect: str) -> None:
    """Change a query, so that it means the same once sqlglot has written it in DuckDB's SQL.

    Raises
    ------
    UnknownMeaningError
        Something has no such spelling.

    Examples
    --------
    >>> from sqlglot import parse_one
    >>> query = parse_one("SELECT DAYOFWEEK(d) FROM t", dialect="mysql")
    >>> keep_meaning(query, "mysql")
    >>> query.sql("duckdb")
    'SELECT (DAYOFWEEK(CAST(d AS DATE)) + 1) FROM t'
    """
    rules = [item for item in _MEANINGS if item.dialects is None or dialect in item.dialects]
    for node in reversed(list(query.walk(bfs=True))):
        for meaning in rules:
            if not isinstance(node, meaning.kind):
                continue
            made = meaning.rule(node, dialect)
            if made is not None and made is not node:
                if made.type is None:
                    made.type = node.type
                node.replace(made)
                break


def _spelled(node: exp.Expr, dialect: str) -> exp.Expr | None:
    return spelled(node, dialect)


def _division(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Divide integers as the dialect does, and leave out a guard against a constant."""
    if number(node.expression):
        node.set("safe", False)
    if not node.args.get("typed"):
        return None
    operands = (node.this, node.expression)
    if any(_is_real(part, dialect) for part in operands):
        node.set("typed", False)
        return None
    if not all(_is_integer(part) for part in operands):
        hint = "cast an operand: integers are divided without a rest"
        raise UnknownMeaningError(
            f"the division {node.sql(dialect)}, whose types are not known", node, hint
        )
    made = exp.IntDiv(this=node.this.copy(), expression=node.expression.copy())
    made.type = exp.DataType.build("BIGINT")
    return made


def _is_integer(node: exp.Expr) -> bool:
    inner = bare(node)
    if isinstance(inner, exp.Sub) and all(part.is_type(exp.DType.DATE) for part in _sides(inner)):
        return True
    return bool(inner.is_type(*INTEGERS))


def _is_real(node: exp.Expr, dialect: str) -> bool:
    """Whether a number has a fraction: in Postgres that of EXTRACT and of a sum of BIGINT have."""
    inner = bare(node)
    if inner.is_type(*REALS):
        return True
    if dialect not in POSTGRES or isinstance(inner, exp.Cast):
        return False
    if isinstance(inner, exp.Extract):
        return dialect != "redshift"
    if isinstance(inner, exp.Sum):
        return bool(inner.this.is_type(exp.DType.BIGINT))
    return isinstance(inner, exp.Binary) and any(_is_real(part, dialect) for part in _sides(inner))


def _sides(node: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    return node.this, node.expression


def _safe_division(node: exp.Expr, dialect: str) -> exp.Expr:
    divisor = wrapped(node.expression.copy())
    if not number(divisor):
        divisor = exp.Nullif(this=node.expression.copy(), expression=exp.Literal.number(0))
    made = exp.Div(this=wrapped(node.this.copy()), expression=divisor, typed=False, safe=False)
    return made if isinstance(node.parent, exp.Alias | exp.Select) else exp.Paren(this=made)


def _average(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Leave out the fraction of a mean of integers."""
    call = node.this if isinstance(node, exp.Window) else node
    over = isinstance(node.parent, exp.Window) and node.parent.this is node
    if not isinstance(call, exp.Avg) or not call.this.is_type(*INTEGERS) or over:
        return None
    return cast(function("TRUNC", node), exp.DType.BIGINT)


def _sum_of_texts(node: exp.Expr, dialect: str) -> exp.Expr | None:
    if not all(bare(part).is_type(*TEXTS) for part in _sides(node)):
        return None
    return exp.DPipe(this=node.this.copy(), expression=node.expression.copy())


def _joined_texts(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Join texts where NULL is an empty one."""
    if isinstance(node.parent, type(node)):
        return None
    parts = list(node.flatten()) if isinstance(node, exp.DPipe) else node.expressions
    made = function("CONCAT", *parts)
    if any(isinstance(part, exp.Literal) and part.name for part in parts):
        return made
    return exp.Nullif(this=made, expression=exp.Literal.string(""))


def _whole_units(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Count the units that have gone by, and not how often one has begun."""
    unit = node.args.get("unit")
    if node.args.get("date_part_boundary") or unit is None:
        return None
    ends = [node.expression, node.this]
    if dialect in SPARK:  # where only the form without a unit is about dates
        ends = [end.this if isinstance(end, exp.TsOrDsToDate) else end for end in ends]
    dates = all(isinstance(end, exp.TsOrDsToDate) or end.is_type(exp.DType.DATE) for end in ends)
    if dates and unit.name.upper() == "DAY":
        return None
    name = exp.Literal.string(unit.name.lower())
    ends = [cast(end, exp.DType.TIMESTAMP) if end.is_type(*TEXTS) else end for end in ends]
    return function("DATE_SUB", name, *ends)


def _day_of_week(node: exp.Expr, dialect: str) -> exp.Expr:
    return exp.paren(exp.Add(this=node.copy(), expression=exp.Literal.number(1)))


def _part(node: exp.Expr, dialect: str) -> exp.Expr | None:
    name = node.this.name.upper()
    if name in ("DAYOFWEEK", "DOW", "DW", "WEEKDAY"):
        return _day_of_week(node, dialect)
    if name == "ISOWEEK":
        return exp.Extract(this=exp.var("WEEK"), expression=node.expression.copy())
    if name in ("WEEK", "WK", "WW") and dialect not in SPARK:
        if dialect in TSQL:
            raise UnknownMeaningError("the part WEEK of a date", node, "take ISO_WEEK")
        return _week_from_sunday(node.expression)
    return None


def _week(node: exp.Expr, dialect: str) -> exp.Expr | None:
    mode = node.args.get("mode")
    if mode is None or mode.name == "0":
        return _week_from_sunday(node.this)
    if mode.name != "3":
        raise UnknownMeaningError(
            f"WEEK with the mode {mode.sql()}", node, "the modes 0 and 3 can be translated"
        )
    return exp.Week(this=node.this.copy())


def _week_from_sunday(date: exp.Expr) -> exp.Expr:
    return cast(function("STRFTIME", date, exp.Literal.string("%U")), exp.DType.INT)


def _refused(node: exp.Expr, dialect: str) -> exp.Expr | None:
    found = _REFUSED.get(node.name.upper()) if isinstance(node, exp.Anonymous) else None
    if found is not None:
        raise UnknownMeaningError(f"the function {node.name.lower()} of {dialect}", node, found)
    return None


_REFUSED = {"YEARWEEK": "use YEAR and WEEK(…, 3)"}


def _later_date(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give a date where days or more are added to one."""
    if _is_compared(node) or not node.this.is_type(exp.DType.DATE):
        return None
    amount = node.expression
    if isinstance(node, exp.Add | exp.Sub) and not isinstance(amount, exp.Interval):
        return None
    unit = amount.args.get("unit") or node.args.get("unit")
    if unit is not None and unit.name.upper() in _TIMES:
        return None
    return cast(node, exp.DType.DATE)


def _is_compared(node: exp.Expr) -> bool:
    """Whether it makes no difference whether a value is a date or the beginning of that day."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    return isinstance(parent, _COMPARISONS)


_COMPARISONS = (exp.Between, exp.Cast, exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NEQ)


def _truncated(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Name the unit as DuckDB does; a date stays one."""
    unit = node.args["unit"].name.upper()
    if dialect in ("oracle", *SPARK):
        if unit not in _UNITS:
            raise UnknownMeaningError(
                f"TRUNC to {unit!r}", node, f"the units are: {', '.join(sorted(_UNITS))}"
            )
        node.set("unit", exp.Literal.string(_UNITS[unit]))
    is_date = node.this.is_type(exp.DType.DATE) or dialect in SPARK
    if is_date and dialect in _DATES_STAY and not _is_compared(node):
        return cast(node, exp.DType.DATE)
    return None


def _start_of_period(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give the date that ClickHouse gives for the start of a month."""
    if node.args["unit"].name.upper() in ("DAY", *_TIMES) or isinstance(node.parent, exp.Cast):
        return None
    return cast(node, exp.DType.DATE)


def _truncated_to_day(node: exp.Expr, dialect: str) -> exp.Expr | None:
    if node.name.upper() != "TRUNC" or len(node.expressions) != 1:
        return None
    (date,) = node.expressions
    if not date.is_type(*exp.DataType.TEMPORAL_TYPES):
        return None
    made: exp.Expr = exp.DateTrunc(this=date.copy(), unit=exp.Literal.string("DAY"))  # type: ignore[no-untyped-call]
    return made


def _unix_time(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give the seconds of a timestamp, which sqlglot takes for a text."""
    if not node.this.is_type(*exp.DataType.TEMPORAL_TYPES):
        return None
    return cast(function("FLOOR", function("EPOCH", node.this)), exp.DType.BIGINT)


def _formatted(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Write dates by a format that has numbers only."""
    pattern = node.args.get("format")
    if not isinstance(pattern, exp.Literal) or not node.this.is_type(*exp.DataType.TEMPORAL_TYPES):
        return None
    upper = exp.Literal.string(pattern.name.upper())
    text = Dialect.get_or_raise(dialect).format_time(upper)
    if text is None:
        return None
    rest = text.name
    for part in _PARTS_OF_FORMATS:
        rest = rest.replace(part, "")
    if any(letter.isalpha() or letter == "%" for letter in rest):
        raise UnknownMeaningError(
            f"the format {pattern.name!r}", node, "write its parts one by one"
        )
    return exp.TimeToStr(this=node.this.copy(), format=text)


def _like(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Read the pattern of LIKE as the dialect does."""
    pattern = node.expression
    text = pattern.name if isinstance(pattern, exp.Literal) else ""
    kind = exp.ILike if dialect == "sqlite" else type(node)
    made = kind(this=node.this.copy(), expression=pattern.copy(), negate=node.args.get("negate"))
    if isinstance(node.parent, exp.Escape):
        return made if kind is not type(node) else None
    if dialect in TSQL and "[" in text:
        raise UnknownMeaningError(
            f"the class of letters in LIKE {text!r}", node, "list what it stands for"
        )
    if dialect in _BACKSLASH_ESCAPES and "\\" in text:
        return exp.Escape(this=made, expression=exp.Literal.string("\\"))
    return made if kind is not type(node) else None


def _cut_text(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Cut a text to the length of its type, which means nothing in DuckDB."""
    kind = node.this if isinstance(node, exp.Convert) else node.args["to"]
    if not isinstance(kind, exp.DataType) or not kind.is_type(*TEXTS) or not kind.expressions:
        return None
    length = kind.expressions[0]
    if number(length.this) is None:
        return None
    made = node.copy()
    plain = exp.DataType(this=exp.DType.TEXT)
    made.set("this" if isinstance(node, exp.Convert) else "to", plain)
    return function("LEFT", made, length.this)


def _decimal(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give a decimal type without digits those that it has in the dialect."""
    if not node.is_type(exp.DType.DECIMAL) or node.expressions:
        return None
    if dialect in _UNBOUNDED and not _is_rounded(node.parent):
        return None
    found = _DECIMALS.get(dialect, _WIDEST)
    digits = [exp.DataTypeParam(this=exp.Literal.number(part)) for part in found]
    return exp.DataType(this=exp.DType.DECIMAL, expressions=digits)


_DECIMALS = {
    "bigquery": (38, 9),
    **dict.fromkeys(("databricks", "hive", "spark", "spark2"), (10, 0)),
    **dict.fromkeys(MYSQL, (10, 0)),
    **dict.fromkeys(TRINO, (38, 0)),
    **dict.fromkeys(TSQL, (18, 0)),
    "redshift": (18, 0),
}  # precision and scale
_UNBOUNDED = ("postgres", "oracle", "materialize", "risingwave")  # as many digits as the value has
_WIDEST = (38, 15)  # a float has as many significant digits


def _is_rounded(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Cast) and isinstance(node.parent, exp.Round)


def _cut_number(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Leave out the fraction, where DuckDB rounds."""
    if not node.args["to"].is_type(*INTEGERS) or not node.this.is_type(*REALS):
        return None
    if isinstance(node.this, exp.Anonymous) and node.this.name == "TRUNC":
        return None
    made = node.copy()
    made.set("this", function("TRUNC", node.this))
    return made


def _length(node: exp.Expr, dialect: str) -> exp.Expr | None:
    if dialect in TSQL:
        inner = node.this.this if isinstance(node.this, exp.Cast) else node.this
        if not inner.is_type(*TEXTS):
            return None
        return exp.Length(this=function("RTRIM", inner))
    if node.args.get("binary") and node.this.is_type(*TEXTS):
        return function("STRLEN", node.this)
    return None


def _split_part(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Leave out guards against an empty delimiter and the part 0."""
    delimiter, index = node.args["delimiter"], node.args["part_index"]
    if isinstance(delimiter, exp.Literal) and delimiter.name and number(index):
        return exp.SplitPart(
            this=node.this.copy(), delimiter=delimiter.copy(), part_index=index.copy()
        )
    return None


def _beginning(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Give what stands before the first delimiter, or behind the last one."""
    count = node.args["count"]
    if _sign(count) is None:
        return None
    return function("SPLIT_PART", node.this, node.args["delimiter"], count)


def _sign(node: exp.Expr) -> int | None:
    if isinstance(node, exp.Neg):
        return -1 if number(node.this) == 1 else None
    return 1 if number(node) == 1 else None


def _multi_if(node: exp.Expr, dialect: str) -> exp.Expr | None:
    if node.name.upper() != "MULTIIF" or len(node.expressions) % 2 == 0:
        return None
    *parts, default = (part.copy() for part in node.expressions)
    made = exp.Case(default=default)
    for condition, result in zip(parts[::2], parts[1::2], strict=True):
        made.append("ifs", exp.If(this=condition, true=result))
    return made


def _combined(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Write an aggregate with the suffix -If with a filter."""
    name = node.name
    if not name.endswith("If") or len(node.expressions) < 2:
        return None
    *arguments, condition = node.expressions
    made = exp.func(name[:-2], *arguments, dialect=dialect)
    if isinstance(made, exp.Anonymous):
        return None
    return exp.Filter(this=made, expression=exp.Where(this=condition.copy()))


def _rows(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Write ROWNUM <= n as a limit, and leave out the table DUAL."""
    source = node.args.get("from_")
    if source is not None and source.this.name.upper() == "DUAL" and not node.args.get("joins"):
        node.set("from_", None)
    where = node.args.get("where")
    parts = list(where.this.flatten()) if where and isinstance(where.this, exp.And) else []
    parts = parts or ([where.this] if where else [])
    counted = [part for part in parts if _row_limit(part) is not None]
    if not where or not any(found.name.upper() == "ROWNUM" for found in where.find_all(exp.Column)):
        return None
    if len(counted) != 1 or any(node.args.get(key) for key in _AFTER_ROWNUM):
        raise UnknownMeaningError("ROWNUM here", node, "use FETCH FIRST … ROWS ONLY")
    kept = [part.copy() for part in parts if part is not counted[0]]
    node.set("where", exp.Where(this=exp.and_(*kept, copy=False)) if kept else None)
    node.set("limit", exp.Limit(expression=exp.Literal.number(_row_limit(counted[0]) or 0)))
    return None


_AFTER_ROWNUM = ("order", "group", "having", "distinct", "limit", "offset")


def _row_limit(node: exp.Expr) -> int | None:
    if not isinstance(node, exp.LTE | exp.LT) or node.this.name.upper() != "ROWNUM":
        return None
    limit = number(node.expression)
    if limit is None or limit != int(limit):
        return None
    return int(limit) - isinstance(node, exp.LT)


def _offsets(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Count the elements of UNNEST from 0."""
    sources = (node.args.get("from_"), *node.args.get("joins", ()))
    names = {
        source.this.args["offset"].name.casefold()
        for source in sources
        if source and isinstance(source.this, exp.Unnest) and source.this.args.get("offset")
    }
    if not names:
        return None
    for column in list(node.find_all(exp.Column)):
        if column.table or column.name.casefold() not in names:
            continue
        if column.find_ancestor(exp.From, exp.Join) and column.parent_select is node:
            continue
        made: exp.Expr = exp.Sub(this=column.copy(), expression=exp.Literal.number(1))
        is_projection = column.parent is node and column.arg_key == "expressions"
        made = exp.alias_(made, column.name) if is_projection else exp.Paren(this=made)
        column.replace(made)
    for star in node.expressions:
        if isinstance(star, exp.Star):
            counted = [
                exp.alias_(exp.Sub(this=exp.column(name), expression=exp.Literal.number(1)), name)
                for name in sorted(names)
            ]
            star.set("replace", [*(star.args.get("replace") or []), *counted])
    return None


def _modified_date(node: exp.Expr, dialect: str) -> exp.Expr | None:
    if node.args.get("zone") is not None or node.expressions:
        raise UnknownMeaningError(
            f"the modifiers of date in {node.sql(dialect)}", node, "add an INTERVAL"
        )
    return None


def _named_rows(node: exp.Expr, dialect: str) -> None:
    """Give the one column of a function in FROM the name of its alias."""
    source = node.this if isinstance(node, exp.Table) else node
    alias = node.args.get("alias")
    single = isinstance(source, exp.ExplodingGenerateSeries) or (
        isinstance(source, exp.Unnest)
        and len(source.expressions) == 1
        and not source.args.get("offset")
    )
    if single and alias is not None and alias.this is not None and not alias.columns:
        alias.set("columns", [alias.this.copy()])


_MEANINGS = (
    *AGGREGATES,
    *CONVERSIONS,
    *CALLS,
    *TEXT_RULES,
    Meaning((exp.Anonymous, exp.AnonymousAggFunc), None, _spelled),
    Meaning(exp.Div, None, _division),
    Meaning(exp.SafeDivide, None, _safe_division),
    Meaning(exp.SplitPart, None, _split_part),
    Meaning((exp.Avg, exp.Window), TSQL, _average),
    Meaning(exp.Add, TSQL, _sum_of_texts),
    Meaning((exp.DPipe, exp.Concat), ("oracle",), _joined_texts),
    Meaning((exp.DateDiff, exp.TimestampDiff, exp.DatetimeDiff), _WHOLE_UNITS, _whole_units),
    Meaning(exp.DayOfWeek, _SUNDAY_IS_1, _day_of_week),
    Meaning(exp.Extract, _SUNDAY_IS_1, _part),
    Meaning(exp.Week, MYSQL, _week),
    Meaning(exp.Anonymous, MYSQL, _refused),
    Meaning((exp.DateAdd, exp.DateSub, exp.TsOrDsAdd), _DATES_STAY, _later_date),
    Meaning((exp.Add, exp.Sub), ("snowflake", *MYSQL, *SPARK, *TRINO), _later_date),
    Meaning(exp.DateTrunc, ("oracle", *_DATES_STAY), _truncated),
    Meaning(exp.TimestampTrunc, ("clickhouse",), _start_of_period),
    Meaning(exp.TimestampTrunc, ("snowflake", *TRINO, *TSQL), _truncated),
    Meaning(exp.Anonymous, ("oracle",), _truncated_to_day),
    Meaning(exp.StrToUnix, SPARK, _unix_time),
    Meaning(exp.ToChar, ("oracle", "snowflake"), _formatted),
    Meaning((exp.Like, exp.ILike), ("sqlite", *_BACKSLASH_ESCAPES, *TSQL), _like),
    Meaning((exp.Cast, exp.Convert), _TEXTS_ARE_CUT, _cut_text),
    Meaning(exp.DataType, (*_DECIMALS, *_UNBOUNDED), _decimal),
    Meaning(exp.Cast, _CASTS_TRUNCATE, _cut_number),
    Meaning(exp.Length, (*MYSQL, *TSQL), _length),
    Meaning(exp.SubstringIndex, (*MYSQL, *SPARK), _beginning),
    Meaning(exp.Anonymous, ("clickhouse",), _multi_if),
    Meaning(exp.CombinedAggFunc, ("clickhouse",), _combined),
    Meaning((exp.Table, exp.Unnest), POSTGRES, _named_rows),
    Meaning(exp.Select, ("oracle",), _rows),
    Meaning(exp.Select, ("bigquery",), _offsets),
    Meaning(exp.Select, ("snowflake",), flattened),
    Meaning(exp.Date, ("sqlite",), _modified_date),
)
