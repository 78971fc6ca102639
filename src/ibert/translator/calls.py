"""Calls of functions and aggregates, and the values that are made of others."""

from __future__ import annotations

from sqlglot import exp

from ibert.sql.dialects import EXPORT_STATE
from ibert.translator.correlation import columned, hoisted
from ibert.translator.datatypes import (
    BIGINT,
    HUGEINT,
    INTEGER,
    UNKNOWN,
    VARCHAR,
    Type,
    decimal,
)
from ibert.translator.functions import REGISTRY, dates, signatures
from ibert.translator.functions import json as json_functions
from ibert.translator.functions.aggregates import AggregateCall, aggregate
from ibert.translator.functions.classes import function_call
from ibert.translator.functions.constructors import NAMED, row
from ibert.translator.functions.lists import LambdaArgument, index, slice_of
from ibert.translator.functions.windows import (
    WINDOW_FUNCTIONS,
)
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Rule, Scope, construct_of
from ibert.translator.values import (
    Value,
    as_expression,
    builtin,
    literal,
    method,
    name,
)

LAMBDA_FUNCTIONS = {"list_transform", "list_filter", "list_reduce"}
WRAPPERS = (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)


def name_of(node: exp.Expr) -> str | None:
    """Give DuckDB's name of the function that a node calls."""
    while isinstance(node, WRAPPERS):
        node = node.this
    if not isinstance(node, exp.Func):
        return None
    found = function_call(node)
    return found[0] if found else None


def is_aggregate(node: exp.Expr) -> bool:
    """Whether a node calls an aggregate function."""
    if not isinstance(node, exp.Func | exp.Filter | exp.WithinGroup | exp.IgnoreNulls):
        return False
    found = name_of(node)
    return found is not None and found not in WINDOW_FUNCTIONS and signatures.is_aggregate(found)


def has_aggregate(node: exp.Expr) -> bool:
    """Whether a node aggregates the rows of its own query, outside of windows."""
    pending = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, exp.Query):
            continue
        if isinstance(part, exp.Window):
            inner = part.this
            while isinstance(inner, WRAPPERS):
                pending += [child for child in inner.iter_expressions() if child is not inner.this]
                inner = inner.this
            pending += list(inner.iter_expressions())
            pending += [child for child in part.iter_expressions() if child is not part.this]
            continue
        if is_aggregate(part) or isinstance(part, exp.Grouping | exp.GroupingId):
            return True
        pending += list(part.iter_expressions())
    return False


def call(node: exp.Expr, scope: Scope) -> Value:
    """Translate the call of a function."""
    found = function_call(node)
    if found is None:
        raise Refusal(construct_of(node), node)
    function_name, arguments = found
    if function_name in _OF_STATES and len(arguments) == 1:
        return _OF_STATES[function_name](scope.value(arguments[0]))
    if signatures.is_aggregate(function_name) and scope.grouping is None:
        raise Refusal(f"the aggregate {function_name} in this place", node, code="IB503")
    values: list[Value | LambdaArgument] = []
    named: dict[str, Value] = {}
    for part in arguments:
        if isinstance(part, exp.Lambda) and not _takes_lambda(function_name, part):
            values.append(_arrow(part, scope))
        elif isinstance(part, exp.Lambda):
            base = values[0].type if values and isinstance(values[0], Value) else UNKNOWN
            repeats = 2 if signatures.canonical(function_name) == "list_reduce" else 1
            values.append(_lambda(part, [*[base.element] * repeats, BIGINT], scope))
        elif isinstance(part, exp.Kwarg | exp.PropertyEQ):
            named[part.this.name] = scope.value(part.expression)
        else:
            values.append(scope.value(part))
    return (
        _apply_named(function_name, values, named, node)
        if named
        else apply(function_name, values, node)
    )


def _apply_named(
    function_name: str,
    values: list[Value | LambdaArgument],
    named: dict[str, Value],
    node: exp.Expr,
) -> Value:
    rule = NAMED.get(function_name)
    found = rule(*values, named) if rule is not None else None
    if found is None:
        raise Refusal(f"the function {function_name} with these named arguments", node)
    return found


def _state(value: Value) -> Value:
    """Give the state of an aggregate: only its final value can be read, and so it stands for it."""
    return value.typed(Type("state", (value.type,)), value.declared)


def _final(value: Value) -> Value:
    if value.type.name != "state":
        raise Refusal(f"finalize of {value.type.name}")
    return value.typed(value.type.args[0], value.declared)


_OF_STATES = {EXPORT_STATE: _state, "finalize": _final}


def _takes_lambda(function_name: str, node: exp.Expr) -> bool:
    """Whether `x -> y` is a lambda: for other functions it is a path into JSON."""
    return bool(node.args.get("colon")) or signatures.canonical(function_name) in LAMBDA_FUNCTIONS


def _arrow(node: exp.Expr, scope: Scope) -> Value:
    (base,) = node.expressions
    return extracted(exp.JSONExtract(this=base.copy(), expression=node.this.copy()), scope)


def _lambda(node: exp.Expr, types: list[Type], scope: Scope) -> LambdaArgument:
    parameters = [part.name for part in node.expressions]
    before = scope.lambdas
    scope.lambdas = before | {
        parameter: Value(name(parameter), kind)
        for parameter, kind in zip(parameters, types, strict=False)
    }
    try:
        return LambdaArgument(parameters, scope.value(node.this))
    finally:
        scope.lambdas = before


def apply(function_name: str, values: list[Value | LambdaArgument], node: exp.Expr) -> Value:
    """Give the value of a function: by its rule, or as a builtin function of DuckDB."""
    if any(isinstance(value, Value) and value.type.name == "state" for value in values):
        raise Refusal(f"{function_name} of the state of an aggregate", node, "finalize it first")
    canonical = signatures.canonical(function_name)
    plain = [value for value in values if isinstance(value, Value)]
    kind = signatures.result_type(
        canonical,
        [value.type for value in plain],
        [value.literal if value.is_literal else None for value in plain],
    )
    if kind is None and len(plain) == len(values) and canonical not in REGISTRY:
        types = ", ".join(value.type.name for value in plain)
        known = signatures.is_function(canonical)
        hint = None if known else "DuckDB has no such function"
        raise Refusal(f"the function {function_name} of ({types})", node, hint, "IB504")
    for rule in REGISTRY.get(canonical, ()):
        found = rule(*values)
        if found is not None:
            return found
    if any(isinstance(value, LambdaArgument) for value in values):
        raise Refusal(f"the function {function_name} with a lambda", node)
    if kind is None:
        types = ", ".join(value.type.name for value in plain)
        raise Refusal(f"the function {function_name} of ({types})", node, code="IB504")
    return builtin(canonical, *plain, type=kind, declared=_WIDE if kind == HUGEINT else None)


_WIDE = decimal(38, 0)


def aggregate_call(node: exp.Expr, scope: Scope) -> tuple[AggregateCall, bool | None]:
    """Read a call of an aggregate with its modifiers; tell whether it ignores NULLs."""
    where = ignore = None
    order: list[exp.Expr] = []
    within = False
    while isinstance(node, WRAPPERS):
        if isinstance(node, exp.Filter):
            from ibert.translator.literals import truth

            where = hoisted(truth(scope.value(node.expression.this)), scope)
        elif isinstance(node, exp.WithinGroup):
            order = node.expression.expressions
            within = True
        else:
            ignore = isinstance(node, exp.IgnoreNulls)
        node = node.this
    found = function_call(node)
    if found is None:
        raise Refusal(construct_of(node), node)
    function_name, arguments = found
    arguments = list(arguments)
    distinct = star = False
    plain: list[exp.Expr] = []
    for part in arguments:
        if isinstance(part, exp.Order):
            order = part.expressions
            part = part.this
        if isinstance(part, exp.Distinct):
            distinct = True
            inner = part.expressions
            if len(inner) == 1 and isinstance(inner[0], exp.Order):
                order, inner = inner[0].expressions, [inner[0].this]
            plain += inner
        elif isinstance(part, exp.Star):
            star = True
        elif part is not None:
            plain.append(part)
    values = [hoisted(value, scope) for value in scope.values(plain)]
    if values and not within and not (_counts(function_name, values[0]) and not distinct):
        values[0] = columned(values[0], scope)
    keys = [
        sort_key(part, scope, values[0])
        if plain and isinstance(part, exp.Ordered) and part.this == plain[0]
        else sorted_by(part, scope)
        for part in order
    ]
    if star and distinct:
        raise Refusal("DISTINCT * in an aggregate", node)
    star = star or (function_name == "count" and not values)
    rows = scope.rows() if scope.grouping is None else scope.grouping.rows()
    read = AggregateCall(function_name, values, distinct, where, keys, star, rows)
    return read, ignore


def _counts(function_name: str, value: Value) -> bool:
    """Whether an aggregate of a constant is a matter of counting rows."""
    return value.is_literal and (
        function_name == "count" or (function_name == "sum" and value.type == INTEGER)
    )


def aggregated(node: exp.Expr, scope: Scope) -> Value:
    """Translate an aggregate over the rows of a scope."""
    node = conditional(node, bool(scope.keyed))
    read, _ = aggregate_call(node, scope)
    if scope.outer is not None and scope.relation is not None:
        inner = [*read.arguments, *read.order_by, *([read.where] if read.where else [])]
        slots = frozenset().union(*(value.uses for value in inner))
        if slots and scope.relation.slot not in slots:
            raise Refusal("an aggregate of the query around it", node, "write a join")
    found = aggregate(read)
    if found is None:
        raise Refusal(f"the aggregate {node.sql('duckdb')}", node)
    return found


_IGNORING_NULLS = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Count, exp.Stddev, exp.StddevSamp)


def conditional(node: exp.Expr, keyed: bool) -> exp.Expr:
    """Write an aggregate of a CASE as an aggregate with a filter, where it means the same.

    Examples
    --------
    >>> import sqlglot
    >>> sum_ = sqlglot.parse_one("SUM(CASE WHEN a > 1 THEN b END)")
    >>> conditional(sum_, keyed=False).sql()
    'SUM(b) FILTER(WHERE a > 1)'
    """
    case = node.this
    if not isinstance(node, _IGNORING_NULLS) or not isinstance(case, exp.Case):
        return node
    default = case.args.get("default")
    if case.this is not None or len(case.args["ifs"]) != 1:
        return node
    (branch,) = case.args["ifs"]
    result = branch.args["true"]
    counts = isinstance(node, exp.Count)
    if default is None or isinstance(default, exp.Null):
        constant = isinstance(result, exp.Literal)
        if constant and not counts:
            return node
        inner = type(node)(this=exp.Star() if constant else result)
    elif isinstance(node, exp.Sum) and keyed and (result.name, default.name) == ("1", "0"):
        # Groups have rows, so that the sum is not NULL but a count.
        inner = exp.Count(this=exp.Star())
    else:
        return node
    return exp.Filter(this=inner, expression=exp.Where(this=branch.this))


def sort_key(node: exp.Expr, scope: Scope, value: Value | None = None) -> Value:
    """Translate a sort key: ascending ones with NULLs last are plain values."""
    ordered = isinstance(node, exp.Ordered)
    inner = node.this if ordered else node
    value = scope.value(inner) if value is None else value
    if not ordered:
        return value
    return directed(value, bool(node.args.get("desc")), bool(node.args.get("nulls_first")))


def sorted_by(node: exp.Expr, scope: Scope) -> Value:
    """Translate a sort key of a window or an aggregate."""
    inner = node.this if isinstance(node, exp.Ordered) else node
    return sort_key(node, scope, hoisted(scope.value(inner), scope))


def directed(value: Value, descending: bool, nulls_first: bool) -> Value:
    """Give a value as a sort key."""
    if not descending and not nulls_first:
        return value
    order = "desc" if descending else "asc"
    return method(
        as_expression(value), order, type=value.type, nulls_first=True if nulls_first else None
    )


def bracket(node: exp.Expr, scope: Scope) -> Value:
    """Translate x[i] and x[a:b]."""
    base = scope.value(node.this)
    (position,) = node.expressions
    if isinstance(position, exp.Slice):
        parts = [position.this, position.expression, position.args.get("step")]
        values = [scope.value(part) if part is not None else None for part in parts]
        found = slice_of(base, *values)
    else:
        found = index(base, scope.value(position))
    if found is None:
        raise Refusal(f"a part of {base.type.name}", node)
    return found


def dot(node: exp.Expr, scope: Scope) -> Value:
    """Translate a field of a struct, and a method: `x.f(y)`."""
    from ibert.translator.functions.lists import field

    base = scope.value(node.this)
    if isinstance(node.expression, exp.Func):
        found = function_call(node.expression)
        if found is None:
            raise Refusal(construct_of(node), node)
        return apply(found[0], [base, *scope.values(found[1])], node)
    value = field(base, node.expression.name)
    if value is None:
        raise Refusal(f"no field {node.expression.name!r}", node, code="IB105")
    return value


def array(node: exp.Expr, scope: Scope) -> Value:
    """Translate a list: `[a, b]`."""
    from ibert.translator.functions import lists

    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Query):
        return scope.context.rules[exp.Subquery](node, scope)
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Comprehension):
        return _comprehension(node.expressions[0], scope)
    found = lists.array(scope.values(node.expressions))
    if found is None:
        raise Refusal("a list of values of different types", node)
    return found


def _comprehension(node: exp.Expr, scope: Scope) -> Value:
    """Translate `[f(x) for x in l if g(x)]`."""
    variables = [node.expression, node.args.get("position")]
    names = [exp.to_identifier(part.name) for part in variables if isinstance(part, exp.Expr)]
    condition = node.args.get("condition")
    if condition is not None and len(names) > 1:
        raise Refusal("a list comprehension with a position and a condition", node)
    found = scope.value(node.args["iterator"])
    for function_name, body in (("list_filter", condition), ("list_transform", node.this)):
        if body is None or (body.name == names[0].name and isinstance(body, exp.Column)):
            continue
        function = exp.Lambda(this=body.copy(), expressions=names)
        argument = _lambda(function, [found.type.element, BIGINT], scope)
        found = apply(function_name, [found, argument], node)
    return found


def unnamed_struct(node: exp.Expr, scope: Scope) -> Value:
    """Translate a row: `(a, b)`."""
    return row(*scope.values(node.expressions))


def struct(node: exp.Expr, scope: Scope) -> Value:
    """Translate a struct: `{'a': 1}`."""
    from ibert.translator.functions import lists

    fields = {}
    for part in node.expressions:
        if not isinstance(part, exp.PropertyEQ | exp.Kwarg):
            raise Refusal("a struct without names", node, "give its fields names")
        fields[part.this.name] = scope.value(part.expression)
    return lists.struct(fields)


def map_(node: exp.Expr, scope: Scope) -> Value:
    """Translate a map: `MAP {'a': 1}` and `map([…], […])`."""
    from ibert.translator.functions import lists

    if isinstance(node, exp.ToMap):
        pairs = [(scope.value(p.this), scope.value(p.expression)) for p in node.this.expressions]
        keys = lists.array([one for one, _ in pairs])
        values = lists.array([other for _, other in pairs])
    else:
        keys, values = (scope.value(node.args[part]) for part in ("keys", "values"))
    found = lists.map_literal(keys, values) if keys is not None and values is not None else None
    if found is None:
        raise Refusal("this map", node)
    return found


def extracted(node: exp.Expr, scope: Scope) -> Value:
    """Translate -> and ->>."""
    base = scope.value(node.this)
    text = isinstance(node, exp.JSONExtractScalar)
    rule = json_functions.extract_string if text else json_functions.extract
    found = rule(base, scope.value(node.expression))
    if found is None:
        raise Refusal("this path into JSON", node)
    return found


def interval(node: exp.Expr, scope: Scope) -> Value:
    """Translate an interval, of a constant or of an expression."""
    assert isinstance(node, exp.Interval)
    found = dates.interval_literal(node)
    if found is not None:
        return found
    unit = node.args.get("unit")
    if unit is None:
        raise Refusal("an interval without a unit", node)
    found = dates.interval(scope.value(node.this), unit.name)
    if found is None:
        raise Refusal("this interval", node, "write whole units")
    return found


def extract(node: exp.Expr, scope: Scope) -> Value:
    """Translate EXTRACT."""
    part = literal(node.name.lower(), VARCHAR)
    return apply("date_part", [part, scope.value(node.expression)], node)


def zoned(node: exp.Expr, scope: Scope) -> Value:
    """Translate AT TIME ZONE."""
    return apply("timezone", [scope.value(node.args["zone"]), scope.value(node.this)], node)


def lambda_parameter(node: exp.Expr, scope: Scope) -> Value:
    """Translate a parameter of a lambda."""
    found = scope.lambdas.get(node.name)
    return found if found is not None else scope.column(exp.Column(this=node.copy()))


def unnested(node: exp.Expr, scope: Scope) -> Value:
    """Translate UNNEST in SELECT: a row for each element."""
    base = scope.value(node.this)
    if not base.type.is_list or len(node.args.get("expressions") or []):
        raise Refusal(f"UNNEST of {base.type.name}", node)
    declared = base.declared.element if base.declared.is_list else base.type.element
    return method(base, "unnest", type=base.type.element, declared=declared)


RULES: dict[type[exp.Expr], Rule] = {
    exp.Bracket: bracket,
    exp.Dot: dot,
    exp.Array: array,
    exp.Struct: struct,
    exp.Tuple: unnamed_struct,
    exp.ToMap: map_,
    exp.Map: map_,
    exp.JSONExtract: extracted,
    exp.JSONExtractScalar: extracted,
    exp.AtTimeZone: zoned,
    exp.Interval: interval,
    exp.Identifier: lambda_parameter,
    exp.Explode: unnested,
    exp.Unnest: unnested,
    exp.Extract: extract,
}
