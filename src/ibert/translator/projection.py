"""Projections, DISTINCT, ORDER BY and LIMIT as steps, the shortest ones that do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence

from sqlglot import exp

from ibert.translator.datatypes import BIGINT, BOOLEAN, DOUBLE, NULL, UNKNOWN, Type, settled
from ibert.translator.functions.sort_keys import unsorted
from ibert.translator.functions.windows import over
from ibert.translator.inference import inferred
from ibert.translator.joins import ancestors
from ibert.translator.names import unique
from ibert.translator.refusal import Refusal
from ibert.translator.relations import (
    Aggregate,
    Column,
    Columns,
    Join,
    Relation,
    Step,
    TableRelation,
    ValueRelation,
    View,
)
from ibert.translator.scope import Scope
from ibert.translator.syntax import (
    calls,
    has_subquery,
    is_scalar,
    is_windowed,
    nodes,
    signature,
    subqueries_of,
)
from ibert.translator.values import (
    RelationNode,
    RowsNode,
    Value,
    as_expression,
    cast,
    function,
    literal,
    method,
    operator,
)


def projected(relation: Relation, values: dict[str, Value], scope: Scope) -> Relation:
    """Give exactly some columns: as they are, without some, with more, or by name."""
    columns = {name: Column.of(value) for name, value in values.items()}
    if isinstance(relation, ValueRelation) and relation.is_dummy:
        return _constants(relation, values, columns)
    relation = finished(relation, values.values())
    values = _told_apart(values)
    own = list(relation.columns)
    same = [name for name, value in values.items() if _is_column(value, relation, name)]
    if same == own and list(values) == own:
        return relation
    if list(values)[: len(own)] == own and same == own:
        added = {name: value for name, value in values.items() if name not in relation.columns}
        return Step(relation, "mutate", keywords=_written(added), columns=columns)
    if len(same) == len(values) and _is_shorter_dropped(same, own):
        dropped = [relation.field(name) for name in own if name not in values]
        return Step(relation, "drop", dropped, columns=columns)
    if list(values) == own and len(same) >= len(own) / 2:
        changed = {name: value for name, value in values.items() if name not in same}
        return Step(relation, "mutate", keywords=_written(changed), columns=columns)
    return _selected(relation, values, columns)


def finished(relation: Relation, values: Iterable[Value]) -> Relation:
    """End a chain of joins with a view where Ibis would mistake its columns for those of a side."""
    if not isinstance(relation, Join):
        return relation
    widens = _widens(relation)
    if not any(_counts_over_window(item) or (widens and _nests(item)) for item in values):
        return relation
    view = View(relation)
    view.slot, view.needed = relation.slot, True
    return view


def _widens(join: Join) -> bool:
    """Whether a join, or one to its left, has NULL in columns that have none in its sides."""
    item: Relation = join
    while isinstance(item, Join | View):
        for name, column in item.columns.items():
            if not column.required and any(
                name in side.columns and side.columns[name].required for side in item.inputs
            ):
                return True
        item = item.inputs[0]
    return False


def _nests(value: Value) -> bool:
    """Whether a value puts others into a list or a struct, whose type says that none is NULL."""
    return value.type.name in ("list", "array", "struct", "map") and not value.is_field


def _told_apart(values: dict[str, Value]) -> dict[str, Value]:
    """Tell a query that is a column from the same one elsewhere: Ibis would name both."""
    read = [_origin(part) for value in values.values() for part in subqueries_of(value)]
    repeated = {mark for mark in read if read.count(mark) > 1}
    return {
        name: apart(value)
        if is_scalar(value) and repeated.intersection(map(_origin, subqueries_of(value)))
        else value
        for name, value in values.items()
    }


def apart(value: Value) -> Value:
    """Write a query as an operand of something, so that it gets no name of its own."""
    return function("coalesce", value, type=value.type, declared=value.declared)


def _origin(relation: Relation) -> object:
    """Give what two queries have in common if Ibis can take one for the other."""
    sources = []
    for item in ancestors(relation):
        if isinstance(item, View) and item.needed:
            return relation
        if isinstance(item, TableRelation):
            sources.append(f"{item.database}.{item.table}")
        elif isinstance(item, ValueRelation):
            sources.append(str(signature(item.value.node)))
    return tuple(sorted(sources))


def _counts_over_window(value: Value) -> bool:
    """Whether a window counts rows: Ibis takes them for those of an unfinished join."""
    return is_windowed(value) and any(isinstance(node, RowsNode) for node in nodes(value.node))


def _is_column(value: Value, relation: Relation, name: str) -> bool:
    return value.is_field and value.name == name and value.uses == {relation.slot}


def _is_shorter_dropped(kept: list[str], own: list[str]) -> bool:
    in_order = [name for name in own if name in set(kept)] == kept
    return in_order and len(own) - len(kept) <= 3 and len(kept) > 6


def _selected(relation: Relation, values: dict[str, Value], columns: Columns) -> Step:
    """Select columns: by their names up to the first one that is computed or renamed."""
    arguments: list[Value] = []
    keywords: dict[str, Value] = {}
    for name, value in values.items():
        if not keywords and _is_column(value, relation, name):
            arguments.append(value)
        else:
            keywords[name] = value
    return Step(relation, "select", arguments, _written(keywords), columns)


def _written(values: dict[str, Value]) -> dict[str, Value]:
    """Give values as they stand behind a keyword: a bare text would be the name of a column."""
    return {
        name: as_expression(value)
        if value.is_literal and (isinstance(value.literal, str) or value.literal is None)
        else value
        for name, value in values.items()
    }


def _constants(relation: ValueRelation, values: dict[str, Value], columns: Columns) -> Relation:
    """Give one row of constants."""
    names = list(values)
    simple = not any(
        has_subquery(value) or is_windowed(value) or value.uses for value in values.values()
    )
    unnested = sum(calls(value, "unnest") for value in values.values())
    if not simple or not names or unnested > 1:  # lists side by side have to stay in one step
        return Step(relation, "select", keywords=_written(values), columns=columns)
    first, rest = names[0], {name: values[name] for name in names[1:]}
    head = as_expression(values[first])
    named = method(head, "name", first, type=head.type)
    table = ValueRelation(method(named, "as_table", type=UNKNOWN), {first: columns[first]})
    if not rest:
        return table
    return Step(table, "mutate", keywords=_written(rest), columns=columns)


def extended(relation: Relation, values: dict[str, Value]) -> Relation:
    """Add columns; the rows stay what they are."""
    relation = finished(relation, values.values())
    columns = relation.columns | {name: Column.of(value) for name, value in values.items()}
    return Step(relation, "mutate", keywords=_written(values), columns=columns, keeps_rows=True)


def distinct(relation: Relation) -> Relation:
    """Leave out repeated rows."""
    return Step(relation, "distinct", keeps_rows=True)


def ordered(relation: Relation, keys: Sequence[Value]) -> Relation:
    """Sort rows; fields of one name from two structs get names of their own, which Ibis wants."""
    taken: set[str] = set()
    named = []
    for value in keys:
        base = unsorted(value)[0].node
        own = base.attr if isinstance(base, ast.Attribute) else None
        if own is not None:
            label = unique(own, taken)
            taken.add(label)
            value = value if label == own else method(value, "name", label, type=value.type)
        named.append(value)
    return Step(relation, "order_by", named, keeps_rows=True) if named else relation


def limited(relation: Relation, node: exp.Expr, scope: Scope) -> Relation:
    """Cut rows by LIMIT, OFFSET or FETCH."""
    limit, offset = node.args.get("limit"), node.args.get("offset")
    if any(part is not None and part.find(exp.Query) for part in (limit, offset)):
        return _numbered(relation, limit, offset, scope)
    count = _count(limit, scope) if limit is not None else None
    skipped = _number(offset.expression, scope) if offset is not None else None
    options = limit.args.get("limit_options") if limit is not None else None
    if options is not None and options.args.get("with_ties"):
        return _with_ties(relation, count, node)
    if limit is not None and options is not None and options.args.get("percent"):
        return _percent(relation, limit, scope)
    if count is None and skipped in (None, 0):
        return relation
    arguments = [literal(count, BIGINT)]
    keywords = {"offset": literal(skipped, BIGINT)} if skipped else {}
    return Step(relation, "limit", arguments, keywords, keeps_rows=True)


def _numbered(
    relation: Relation, limit: exp.Expr | None, offset: exp.Expr | None, scope: Scope
) -> Relation:
    """Write a limit by numbers of rows, where a query gives it: NULL is no limit."""
    if limit is not None and (isinstance(limit, exp.Fetch) or limit.args.get("limit_options")):
        raise Refusal("a FETCH that is no constant", limit, "put the number there")
    order: list[Value] = []
    base = relation
    if isinstance(relation, Step) and relation.method == "order_by":
        base, order = relation.parent, relation.arguments
    number = over(function("row_number", type=BIGINT), [], order, None)
    if number is None:
        raise Refusal("a LIMIT that is no constant", limit, "put the number there")
    start, kept = literal(0, BIGINT), []
    end = _counted(limit, scope)
    skipped = _counted(offset, scope)
    if skipped is not None:
        start = skipped
        if not start.is_literal:
            start = method(start, "fill_null", 0, type=BIGINT)
        kept.append(operator(">=", number, start, BOOLEAN))
    if end is not None:
        end = operator("+", start, end, BIGINT) if skipped is not None else end
        within = operator("<", number, end, BOOLEAN)
        kept.append(method(within, "fill_null", True, type=BOOLEAN))
    return ordered(Step(base, "filter", kept, keeps_rows=True), order) if kept else relation


def _counted(part: exp.Expr | None, scope: Scope) -> Value | None:
    """Give a number of rows, of which a query is not to be taken for one over the rows at hand."""
    if part is None:
        return None
    scope.reducing = True
    try:
        value = scope.value(part.expression)
    finally:
        scope.reducing = False
    if value.is_null:
        return None
    if not value.type.is_integer:
        raise Refusal(f"a LIMIT of {value.type.name}", part, "cast it to BIGINT")
    return value if value.is_literal else cast(value, BIGINT)


def _count(limit: exp.Expr, scope: Scope) -> int | None:
    node = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
    return 1 if node is None else _number(node, scope)


def _number(node: exp.Expr, scope: Scope) -> int | None:
    """Give the number of rows; None for NULL and ALL."""
    inner = node.unnest()
    while isinstance(inner, exp.Cast):
        inner = inner.this.unnest()
    if isinstance(inner, exp.Null) or inner.name.upper() == "ALL":
        return None
    if isinstance(inner, exp.Literal):
        number = float(inner.name) if _is_number(inner.name) else None
        if number is not None:
            return round(number)
    folded = _folded(inner)
    if folded is None:
        raise Refusal("a LIMIT that is no constant", node, "put the number there")
    return folded


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


_ARITHMETIC: dict[type[exp.Expr], Callable[[int, int], int]] = {
    exp.Add: lambda left, right: left + right,
    exp.Sub: lambda left, right: left - right,
    exp.Mul: lambda left, right: left * right,
}


def _folded(node: exp.Expr) -> int | None:
    """Calculate with constants."""
    node = node.unnest()
    if isinstance(node, exp.Literal) and node.name.isdigit():
        return int(node.name)
    rule = _ARITHMETIC.get(type(node))
    if rule is None:
        return None
    left, right = _folded(node.this), _folded(node.expression)
    return rule(left, right) if left is not None and right is not None else None


def _with_ties(relation: Relation, count: int | None, node: exp.Expr) -> Relation:
    """Keep rows that tie with the last one, too."""
    if not isinstance(relation, Step) or relation.method != "order_by" or count is None:
        raise Refusal("WITH TIES without ORDER BY", node, code="IB503")
    rank = over(function("rank", type=BIGINT), [], relation.arguments, None)
    assert rank is not None
    kept = operator("<", rank, literal(count, BIGINT), BIGINT)
    inner = Step(relation.parent, "filter", [kept], keeps_rows=True)
    return ordered(inner, relation.arguments)


def _percent(relation: Relation, limit: exp.Expr, scope: Scope) -> Relation:
    """Keep some hundredths of the rows."""
    value = scope.value(limit.expression)
    if not value.is_literal or not isinstance(value.literal, int | float):
        raise Refusal("LIMIT … % of something that is no constant", limit)
    relation.named = True
    rows = Value(_rows(relation), UNKNOWN)
    count = method(rows, "count", type=BIGINT)
    share = operator("*", count, literal(value.literal / 100, DOUBLE), DOUBLE)
    number = method(method(share, "floor", type=BIGINT), "cast", "int64", type=BIGINT)
    return Step(relation, "limit", [number], keeps_rows=True)


def _rows(relation: Relation) -> RelationNode:
    return RelationNode(relation)


def honest(relation: Relation, labels: Sequence[str]) -> Relation:
    """Cast the columns that Ibis would cast, when they are fetched, to what they are not.

    The cast stands where a column is made, if that is within reach.
    """
    values = {}
    columns = dict(relation.columns)
    for name in labels:
        kind, declared = relation.columns[name][:2]
        if kind.name == "state":
            raise Refusal("the state of an aggregate as a result", None, "finalize it")
        final = settled(kind)
        if final in (kind, declared) and not misleads(kind, declared):
            if _excludes_null(relation, name):
                values[name] = cast(relation.field(name).typed(kind, UNKNOWN), final)
                columns[name] = Column(final, final)
            continue
        if not _cast_at_origin(relation, name):
            values[name] = cast(relation.field(name), final)
            columns[name] = Column(final, final)
    return Step(relation, "mutate", keywords=values, columns=columns) if values else relation


def _excludes_null(relation: Relation, name: str) -> bool:
    """Whether Ibis declares fields of a struct that is NULL as never NULL: it cannot be fetched."""
    kind = relation.columns[name].type
    if kind.name != "struct" or kind.dtype is None:
        return False
    while isinstance(relation, Step) and name not in _made_by(relation) and _keeps(relation):
        relation = relation.parent
    made = _made_by(relation).get(name)
    match made.node if made is not None else None:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="ibis"), attr="struct")):
            return False
    found = inferred(relation, name)
    return found is None or "!" in str(found)[1:]


def _cast_at_origin(relation: Relation, name: str) -> bool:
    """Put a cast where a column is computed; tell whether that was possible."""
    path: list[tuple[Relation, str]] = []
    while True:
        path.append((relation, name))
        made = _made_by(relation).get(name)
        if isinstance(relation, ValueRelation):
            return _cast_constant(relation, name)
        if made is None:
            if isinstance(relation, Step) and name in relation.parent.columns and _keeps(relation):
                relation = relation.parent
                continue
            return False
        if not made.is_field or not isinstance(relation, Step):
            break
        if made.uses != {relation.parent.slot}:
            return False
        relation, name = relation.parent, made.name or ""
    if made.is_field:
        return False
    values = _made_by(relation)
    values[name] = cast(made, settled(made.type))
    for item, label in path:
        kind = settled(item.columns[label].type)
        item.columns = item.columns | {label: Column(kind, kind, item.columns[label].required)}
    return True


def _cast_constant(relation: ValueRelation, name: str) -> bool:
    """Put a cast into `value.name(…).as_table()`."""
    kind, declared = relation.columns[name][:2]
    match relation.value.node:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Call(func=ast.Attribute(value=inner, attr="name"), args=[label]),
                attr="as_table",
            )
        ):
            made = cast(Value(inner, kind, declared), settled(kind))
            named = method(made, "name", label, type=made.type)
            relation.value = method(named, "as_table", type=made.type)
            relation.columns = {name: Column.of(made)}
            return True
    return False


def _made_by(relation: Relation) -> dict[str, Value]:
    """Give the columns that a relation computes."""
    if isinstance(relation, Aggregate):
        return relation.metrics
    if isinstance(relation, Step) and relation.method in ("select", "mutate"):
        return relation.keywords
    return {}


def _keeps(relation: Step) -> bool:
    """Whether a step leaves the columns as they are."""
    return relation.method in ("filter", "order_by", "limit", "drop", "view", "select", "mutate")


_ALIKE = ("null", "unknown", "interval", "enum")


def misleads(kind: Type, declared: Type) -> bool:
    """Whether data of a type changes when it is cast to the one that Ibis declares.

    Examples
    --------
    >>> from ibert.translator.datatypes import DATE, INTEGER, TIMESTAMP, decimal
    >>> misleads(TIMESTAMP, DATE), misleads(decimal(18, 4), decimal(12, 2))
    (True, True)
    >>> misleads(INTEGER, BIGINT)
    False
    """
    if kind == declared or kind.dtype is None or UNKNOWN in (kind, declared):
        return False
    if kind == NULL or kind.name in _ALIKE or declared.name in ("unknown",):
        return False
    if kind.is_integer and declared.is_integer:
        return False
    if kind.is_floating and declared.is_floating:
        return False
    if kind.is_timestamp and declared.is_timestamp:
        return kind.name != declared.name
    if kind.is_list and declared.is_list:
        return misleads(kind.element, declared.element)
    return True
