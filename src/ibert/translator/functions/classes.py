"""The calls that sqlglot's classes stand for: the name of DuckDB's function, and its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

Call = tuple[str, list[exp.Expr]]

# What each class stands for; where it stands for several functions, the most usual one.
NAMES: dict[type[exp.Expr], str] = {
    exp.Abs: "abs",
    exp.Acos: "acos",
    exp.Acosh: "acosh",
    exp.AnyValue: "any_value",
    exp.ApproxDistinct: "approx_count_distinct",
    exp.ApproxQuantile: "approx_quantile",
    exp.ApproxTopK: "approx_top_k",
    exp.ArgMax: "arg_max",
    exp.ArgMin: "arg_min",
    exp.ArrayAgg: "array_agg",
    exp.ArrayAppend: "list_append",
    exp.ArrayConcat: "list_concat",
    exp.ArrayContainedBy: "list_has_all",
    exp.ArrayContains: "list_contains",
    exp.ArrayContainsAll: "list_has_all",
    exp.ArrayDistinct: "list_distinct",
    exp.ArrayFilter: "list_filter",
    exp.ArrayIntersect: "list_intersect",
    exp.ArrayMax: "list_max",
    exp.ArrayMin: "list_min",
    exp.ArrayOverlaps: "list_has_any",
    exp.ArrayPosition: "list_position",
    exp.ArrayPrepend: "list_prepend",
    exp.ArrayReverse: "list_reverse",
    exp.ArraySize: "array_length",
    exp.ArraySlice: "list_slice",
    exp.ArrayToString: "array_to_string",
    exp.Ascii: "ascii",
    exp.Asin: "asin",
    exp.Asinh: "asinh",
    exp.Atan: "atan",
    exp.Atan2: "atan2",
    exp.Atanh: "atanh",
    exp.Avg: "avg",
    exp.BitLength: "bit_length",
    exp.BitwiseAndAgg: "bit_and",
    exp.BitwiseOrAgg: "bit_or",
    exp.BitwiseXor: "xor",
    exp.BitwiseXorAgg: "bit_xor",
    exp.Cbrt: "cbrt",
    exp.Ceil: "ceil",
    exp.Chr: "chr",
    exp.Concat: "concat",
    exp.ConcatWs: "concat_ws",
    exp.Contains: "contains",
    exp.Corr: "corr",
    exp.Cos: "cos",
    exp.Cosh: "cosh",
    exp.CosineDistance: "list_cosine_distance",
    exp.Cot: "cot",
    exp.Count: "count",
    exp.CountIf: "count_if",
    exp.CovarPop: "covar_pop",
    exp.CovarSamp: "covar_samp",
    exp.CumeDist: "cume_dist",
    exp.CurrentCatalog: "current_catalog",
    exp.CurrentDatabase: "current_database",
    exp.CurrentDate: "current_date",
    exp.CurrentRole: "current_role",
    exp.CurrentSchema: "current_schema",
    exp.CurrentSchemas: "current_schemas",
    exp.CurrentTime: "get_current_time",
    exp.CurrentTimestamp: "now",
    exp.CurrentUser: "current_user",
    exp.CurrentVersion: "version",
    exp.DateAdd: "date_add",
    exp.DateBin: "time_bucket",
    exp.DateDiff: "date_diff",
    exp.DateFromParts: "make_date",
    exp.DateTrunc: "date_trunc",
    exp.Day: "day",
    exp.DayOfMonth: "dayofmonth",
    exp.DayOfWeek: "dayofweek",
    exp.DayOfWeekIso: "isodow",
    exp.DayOfYear: "dayofyear",
    exp.Dayname: "dayname",
    exp.Decode: "decode",
    exp.Degrees: "degrees",
    exp.DenseRank: "dense_rank",
    exp.Encode: "encode",
    exp.EndsWith: "ends_with",
    exp.EuclideanDistance: "list_distance",
    exp.Exp: "exp",
    exp.Factorial: "factorial",
    exp.First: "first",
    exp.FirstValue: "first_value",
    exp.Flatten: "flatten",
    exp.Floor: "floor",
    exp.Format: "format",
    exp.FromBase64: "from_base64",
    exp.GenerateSeries: "range",
    exp.Getbit: "get_bit",
    exp.GroupConcat: "string_agg",
    exp.Hex: "hex",
    exp.Hour: "hour",
    exp.IsInf: "isinf",
    exp.IsNan: "isnan",
    exp.JSONArray: "json_array",
    exp.JSONKeys: "json_keys",
    exp.JSONObject: "json_object",
    exp.JSONType: "json_type",
    exp.JarowinklerSimilarity: "jaro_winkler_similarity",
    exp.Kurtosis: "kurtosis",
    exp.Lag: "lag",
    exp.Last: "last",
    exp.LastDay: "last_day",
    exp.LastValue: "last_value",
    exp.Lead: "lead",
    exp.Left: "left",
    exp.Length: "length",
    exp.Levenshtein: "levenshtein",
    exp.Ln: "ln",
    exp.Localtime: "current_localtime",
    exp.Localtimestamp: "current_localtimestamp",
    exp.Log: "log",
    exp.LogicalAnd: "bool_and",
    exp.LogicalOr: "bool_or",
    exp.Lower: "lower",
    exp.MD5: "md5",
    exp.MapFromEntries: "map_from_entries",
    exp.MapKeys: "map_keys",
    exp.Max: "max",
    exp.Median: "median",
    exp.Min: "min",
    exp.Minute: "minute",
    exp.Mod: "mod",
    exp.Mode: "mode",
    exp.Month: "month",
    exp.Monthname: "monthname",
    exp.NthValue: "nth_value",
    exp.Ntile: "ntile",
    exp.Pad: "lpad",
    exp.ParseJSON: "json",
    exp.PercentRank: "percent_rank",
    exp.PercentileCont: "quantile_cont",
    exp.PercentileDisc: "quantile_disc",
    exp.Pi: "pi",
    exp.Pow: "power",
    exp.Quantile: "quantile",
    exp.Quarter: "quarter",
    exp.Radians: "radians",
    exp.Rand: "random",
    exp.Rank: "rank",
    exp.Reduce: "list_reduce",
    exp.RegexpExtract: "regexp_extract",
    exp.RegexpExtractAll: "regexp_extract_all",
    exp.RegexpFullMatch: "regexp_full_match",
    exp.RegexpLike: "regexp_matches",
    exp.RegexpReplace: "regexp_replace",
    exp.RegexpSplit: "string_split_regex",
    exp.RegrAvgx: "regr_avgx",
    exp.RegrAvgy: "regr_avgy",
    exp.RegrCount: "regr_count",
    exp.RegrIntercept: "regr_intercept",
    exp.RegrR2: "regr_r2",
    exp.RegrSlope: "regr_slope",
    exp.RegrSxx: "regr_sxx",
    exp.RegrSxy: "regr_sxy",
    exp.RegrSyy: "regr_syy",
    exp.Repeat: "repeat",
    exp.Replace: "replace",
    exp.Reverse: "reverse",
    exp.Right: "right",
    exp.Round: "round",
    exp.RowNumber: "row_number",
    exp.SHA: "sha1",
    exp.SHA2: "sha256",
    exp.Second: "second",
    exp.SessionUser: "session_user",
    exp.Sign: "sign",
    exp.Sin: "sin",
    exp.Sinh: "sinh",
    exp.Skewness: "skewness",
    exp.SortArray: "list_sort",
    exp.Split: "string_split",
    exp.SplitPart: "split_part",
    exp.Sqrt: "sqrt",
    exp.StartsWith: "starts_with",
    exp.Stddev: "stddev_samp",
    exp.StddevPop: "stddev_pop",
    exp.StddevSamp: "stddev_samp",
    exp.StrPosition: "strpos",
    exp.StrToTime: "strptime",
    exp.StructExtract: "struct_extract",
    exp.Substring: "substring",
    exp.Sum: "sum",
    exp.Tan: "tan",
    exp.Tanh: "tanh",
    exp.TimeFromParts: "make_time",
    exp.TimeToStr: "strftime",
    exp.TimeToUnix: "epoch",
    exp.TimestampFromParts: "make_timestamp",
    exp.TimestampTrunc: "date_trunc",
    exp.ToBase64: "to_base64",
    exp.ToBinary: "bin",
    exp.ToDays: "to_days",
    exp.Transform: "list_transform",
    exp.Translate: "translate",
    exp.Trim: "trim",
    exp.Trunc: "trunc",
    exp.Typeof: "typeof",
    exp.Unhex: "unhex",
    exp.Unicode: "unicode",
    exp.UnixToTime: "to_timestamp",
    exp.Upper: "upper",
    exp.Uuid: "uuid",
    exp.Variance: "var_samp",
    exp.VariancePop: "var_pop",
    exp.Week: "week",
    exp.WeekOfYear: "weekofyear",
    exp.Year: "year",
}

# The arguments of classes where `arg_types` has another order, or some that the call does not have.
ORDERS: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.ArrayContainedBy: ("expression", "this"),
    exp.ArrayPrepend: ("expression", "this"),
    exp.DateDiff: ("unit", "expression", "this"),
    exp.DateTrunc: ("unit", "this"),
    exp.Decode: ("this",),
    exp.Encode: ("this",),
    exp.RegexpExtract: ("this", "expression", "group", "parameters"),
    exp.RegexpExtractAll: ("this", "expression", "group", "parameters"),
    exp.StrPosition: ("this", "substr"),
    exp.TimestampTrunc: ("unit", "this"),
}

_UNITS = """
    millennium millennia century centuries decade decades year years yr yrs y quarter quarters
    month months mon mons week weeks w day days d dayofmonth hour hours hr hrs h minute minutes min
    mins m second seconds sec secs s millisecond milliseconds msec msecs ms microsecond microseconds
    usec usecs us isoyear yearweek doy dayofyear dow dayofweek weekday isodow weekofyear epoch era
    """


def is_known(kind: type[exp.Expr]) -> bool:
    """Whether a class is one of the functions whose calls can be read.

    Examples
    --------
    >>> is_known(exp.Upper), is_known(exp.Hll)
    (True, False)
    """
    return kind in NAMES or kind in _SPECIAL or kind in _BY_OWN_NAME


_BY_OWN_NAME = (exp.Anonymous, exp.AnonymousAggFunc, exp.CombinedAggFunc)


def function_call(node: exp.Expr) -> Call | None:
    """Read a call; None for what is no function, or has lost an argument when it was parsed.

    Parameters
    ----------
    node
        An expression as sqlglot parses it from DuckDB's dialect.

    Returns
    -------
    tuple of str and list of expression
        The name of the function in DuckDB, in lower case, and the arguments in its order. Names of
        units and parts of dates are string literals.

    Examples
    --------
    >>> import sqlglot
    >>> name, arguments = function_call(sqlglot.parse_one("date_diff('day', a, b)", "duckdb"))
    >>> name, [argument.sql() for argument in arguments]
    ('date_diff', ["'day'", 'a', 'b'])
    >>> function_call(sqlglot.parse_one("a + b", "duckdb")) is None
    True
    """
    if isinstance(node, _BY_OWN_NAME):
        return _name_of(node), list(node.expressions)
    if isinstance(node, exp.IgnoreNulls) and isinstance(node.this, exp.AnyValue):
        return function_call(node.this)  # sqlglot's way to write the plain any_value(x)
    special = _SPECIAL.get(type(node))
    if special is not None:
        return special(node)
    name = NAMES.get(type(node))
    if name is None:
        return None
    return _checked(name, node, ORDERS.get(type(node), tuple(node.arg_types)))


def _name_of(node: exp.Expr) -> str:
    return str(node.name).lower()


def _checked(name: str, node: exp.Expr, keys: tuple[str, ...]) -> Call | None:
    arguments = [_argument(key, value) for key in keys for value in _values(node.args.get(key))]
    given = [argument for argument in arguments if argument is not None]
    return (name, given) if len(given) == len(arguments) else None


def _values(value: object) -> Iterator[exp.Expr]:
    """Give the expressions among the values of an argument."""
    if isinstance(value, exp.Expr):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, exp.Expr))


def _argument(key: str, value: exp.Expr) -> exp.Expr | None:
    """Write a unit as a literal; None if a column stood there, of which only the name is left."""
    if key != "unit":
        return value
    unit = value.name.lower()
    return exp.Literal.string(unit) if unit in _UNITS.split() else None


def _log(node: exp.Expr) -> Call:
    base, number = node.this, node.args.get("expression")
    if number is None:
        return "log", [base]
    if isinstance(base, exp.Literal) and base.this in ("2", "10"):
        return f"log{base.this}", [number]
    return "log", [base, number]


def _pad(node: exp.Expr) -> Call:
    name = "lpad" if node.args.get("is_left") else "rpad"
    return name, [*_arguments(node, "this", "expression", "fill_pattern")]


def _trim(node: exp.Expr) -> Call:
    sides = {"LEADING": "ltrim", "TRAILING": "rtrim"}
    name = sides.get(str(node.args.get("position") or "").upper(), "trim")
    return name, [*_arguments(node, "this", "expression")]


def _sorted_list(node: exp.Expr) -> Call:
    if isinstance(node.args.get("asc"), exp.Boolean):
        return "list_reverse_sort", [node.this]
    return "list_sort", [*_arguments(node, "this", "asc", "nulls_first")]


def _range(node: exp.Expr) -> Call:
    name = "range" if node.args.get("is_end_exclusive") else "generate_series"
    return name, [*_arguments(node, "start", "end", "step")]


_SCALES = {"3": "epoch_ms", "6": "make_timestamp"}


def _from_epoch(node: exp.Expr) -> Call:
    scale = node.args.get("scale")
    return _SCALES[scale.name] if scale else "to_timestamp", [node.this]


def _digest(node: exp.Expr) -> Call | None:
    length = node.args.get("length")
    return ("sha256", [node.this]) if length is None or length.name == "256" else None


def _quantile(name: str) -> Callable[[exp.Expr], Call]:
    def read(node: exp.Expr) -> Call:
        column = node.args.get("expression")
        if column is None:  # percentile_…(fraction) WITHIN GROUP (ORDER BY …)
            return f"percentile_{name}", [*_arguments(node, "this")]
        return f"quantile_{name}", [node.this, column]

    return read


def _bucket(node: exp.Expr) -> Call | None:
    """Read time_bucket(width, time, origin or offset); sqlglot takes the last one for a unit."""
    last = node.args.get("unit")
    if isinstance(last, exp.Var):
        if last.name.isidentifier():
            return None
        last = exp.Literal.string(last.name)
    given = [node.this, node.expression, last]
    return "time_bucket", [argument for argument in given if argument is not None]


def _json_object(node: exp.Expr) -> Call:
    pairs = [part for pair in node.expressions for part in (pair.this, pair.expression)]
    return "json_object", pairs


def _arguments(node: exp.Expr, *keys: str) -> Iterator[exp.Expr]:
    for key in keys:
        yield from _values(node.args.get(key))


_SPECIAL: dict[type[exp.Expr], Callable[[exp.Expr], Call | None]] = {
    exp.DateBin: _bucket,
    exp.GenerateSeries: _range,
    exp.JSONObject: _json_object,
    exp.Log: _log,
    exp.Pad: _pad,
    exp.PercentileCont: _quantile("cont"),
    exp.PercentileDisc: _quantile("disc"),
    exp.SHA2: _digest,
    exp.SortArray: _sorted_list,
    exp.Trim: _trim,
    exp.UnixToTime: _from_epoch,
}
