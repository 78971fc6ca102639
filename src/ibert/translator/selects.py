"""SELECT: the steps of a query in the order in which SQL takes them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from ibert.translator import calls, conditions, recursion, reshaping, set_operations, sources, stars
from ibert.translator.aggregation import Grouping, Key, grouping_sets
from ibert.translator.column_names import with_names
from ibert.translator.datatypes import BIGINT, INTEGER
from ibert.translator.functions.windows import over
from ibert.translator.names import invented, unique
from ibert.translator.ordering import Item, Sort, given, sorted_by, sorts_of, value_of
from ibert.translator.projection import (
    apart,
    distinct,
    extended,
    finished,
    limited,
    ordered,
    projected,
)
from ibert.translator.refusal import Refusal
from ibert.translator.relations import Aggregate, Relation, Step
from ibert.translator.scope import Context, Label, Output, Scope, Table
from ibert.translator.syntax import calls as calls_method
from ibert.translator.syntax import has_subquery, is_scalar, is_windowed, nodes, signature
from ibert.translator.values import (
    FunctionNode,
    Value,
    as_expression,
    function,
    key,
    literal,
    operator,
)

_INSTEAD = {
    "DESCRIBE": "expr.schema() gives the names and types, expr.info() a table of them",
    "SUMMARIZE": "expr.describe() gives statistics of each column",
}


def query(node: exp.Expr, outer: Scope | None, context: Context) -> Output:
    """Translate a query of any form."""
    if isinstance(node, exp.Select):
        return select(node, outer, context)
    if isinstance(node, exp.SetOperation):
        return set_operations.combine(node, outer, context)
    if isinstance(node, exp.Subquery | exp.Paren):
        return _wrapped(node, outer, context)
    if isinstance(node, exp.Values | exp.Table | exp.Pivot):
        return select(exp.select("*").from_(node.copy()), outer, context)
    form = type(node).__name__.upper()
    raise Refusal(f"a query of the form {form}", node, _INSTEAD.get(form))


def with_clause(node: exp.Expr, scope: Scope) -> None:
    """Translate WITH: each query becomes a relation under its author's name.

    What nobody reads is left alone, as by DuckDB, which does not even look whether it is right.
    """
    clause = node.args.get("with_")
    if clause is None:
        return
    for cte in _read(node):
        name = cte.alias
        with_names(cte.this, [column.name for column in cte.args["alias"].columns])
        if clause.args.get("recursive") and set_operations.is_recursive(cte):
            output = recursion.recursive(cte, scope)
        else:
            output = scope.context.query(cte.this, scope.outer_of_derived(), scope.context)
        names = [column.name for column in cte.args["alias"].columns]
        labels = tuple(
            Label(new, label.name) for new, label in zip(names, output.labels, strict=False)
        )
        output.relation.labelled(name)
        scope.ctes[name.casefold()] = Output(output.relation, labels + output.labels[len(names) :])


def _read(node: exp.Expr) -> list[exp.Expr]:
    """Give the queries of WITH that are read, by the query itself or by a later one of those."""
    clause = node.args["with_"]
    bodies = [part for part in node.iter_expressions() if part is not clause]
    names = {table.name.casefold() for body in bodies for table in body.find_all(exp.Table)}
    kept: list[exp.Expr] = []
    for cte in reversed(clause.expressions):
        if cte.alias.casefold() in names:
            kept.insert(0, cte)
            names |= {table.name.casefold() for table in cte.this.find_all(exp.Table)}
    return kept


def _wrapped(node: exp.Expr, outer: Scope | None, context: Context) -> Output:
    """Translate a query in parentheses, which may be sorted and cut itself."""
    scope = Scope(context, outer)
    with_clause(node, scope)
    inner = query(node.this, _around(scope), context)
    if not any(node.args.get(part) for part in ("order", "limit", "offset")):
        return inner
    return sorted_output(node, inner, scope)


def _around(scope: Scope) -> Scope:
    """Give the scope of queries within: WITH and what is outside, no tables."""
    around = Scope(scope.context, scope.outer)
    around.ctes = scope.ctes
    return around


def sorted_output(node: exp.Expr, output: Output, scope: Scope) -> Output:
    """Sort and cut the rows of a whole query."""
    scope.relation = output.relation
    scope.tables = [Table("", output.relation, output.labels)]
    items = [Item(label, True, output.relation.field(name)) for label, name in output.labels]
    sorts = sorts_of(node, items, scope)
    keys = [
        sort.of(items[sort.position].value if sort.position is not None else given(sort))
        for sort in sorts
    ]
    relation = ordered(output.relation, keys)
    relation = limited(relation, node, scope)
    return Output(relation, output.labels)


def rows_of(node: exp.Expr, parts: list[exp.Expr], outer: Scope) -> Scope:
    """Translate FROM and some conditions; give the scope with the rows."""
    scope = Scope(outer.context, outer)
    with_clause(node, scope)
    sources.from_clause(node, scope, parts)
    conditions.restrict(scope, parts)
    return scope


def tables_of(node: exp.Expr, outer: Scope) -> dict[str, set[str]]:
    """Give the folded names of the columns of each table in FROM, for a look ahead."""
    scope = Scope(outer.context, outer)
    with_clause(node, scope)
    sources.from_clause(node, scope, [])
    return {table.alias.casefold(): set(table.names) for table in scope.tables}


def select(node: exp.Expr, outer: Scope | None, context: Context) -> Output:
    """Translate a SELECT."""
    scope = Scope(context, outer)
    with_clause(node, scope)
    scope.windows = {window.name.casefold(): window for window in node.args.get("windows") or []}
    scope.aliases = {
        item.alias.casefold(): item.this for item in node.expressions if isinstance(item, exp.Alias)
    }
    where = node.args.get("where")
    parts = conditions.conjuncts(where.this) if where is not None else []
    sources.from_clause(node, scope, parts)
    _sample(node, scope)
    conditions.restrict(scope, [copy for part in parts for copy in stars.each(part, scope)])
    return selected(node, scope)


def _sample(node: exp.Expr, scope: Scope) -> None:
    """Take USING SAMPLE of the rows of FROM, before any condition."""
    sample = node.args.get("sample")
    if sample is None:
        return
    assert scope.relation is not None
    if node.args.get("joins") and node.args.get("where") is not None:
        raise Refusal("USING SAMPLE of a join under a condition", sample, "join in a query within")
    scope.move(reshaping.sampled(sample, scope.relation))


def selected(node: exp.Expr, scope: Scope) -> Output:
    """Translate what follows FROM and WHERE in a SELECT."""
    columns = stars.expanded(node.expressions, scope)
    if _is_grouped(node, columns):
        return _grouped(node, columns, scope)
    items = _items(columns, scope)
    sorts = sorts_of(node, items, scope)
    return _finished(node, items, sorts, scope)


def _is_grouped(node: exp.Expr, columns: list[stars.Expanded]) -> bool:
    if node.args.get("group") is not None or node.args.get("having") is not None:
        return True
    order = node.args.get("order")
    others = [order, node.args.get("qualify")]
    return any(
        column.node is not None and calls.has_aggregate(column.node) for column in columns
    ) or any(part is not None and calls.has_aggregate(part) for part in others)


def _items(columns: list[stars.Expanded], scope: Scope) -> list[Item]:
    items = []
    for column in columns:
        value = column.value(scope)
        label = column.label
        chosen = label is not None
        if label is None:
            assert column.node is not None
            label = value.name or invented(column.node)
        items.append(Item(label, chosen, value))
    return items


def _grouped(node: exp.Expr, columns: list[stars.Expanded], scope: Scope) -> Output:
    """Translate a SELECT that aggregates."""
    grouping = _grouping(node, columns, scope)
    scope.grouping = grouping
    grouping.suggested = {
        id(column.node): column.label for column in columns if column.node and column.label
    }
    items = _items(columns, scope)
    having = node.args.get("having")
    parts = conditions.conjuncts(having.this) if having is not None else []
    found = [conditions.condition(part, scope) for part in parts]
    # Ibis takes no condition twice.
    conditions_ = list({signature(value.node): value for value in found}.values())
    sorts = sorts_of(node, items, scope)
    qualify = node.args.get("qualify")
    if qualify is None and _is_direct(items, sorts, conditions_, grouping):
        items = _direct(items, conditions_, grouping, scope)
    else:
        scope.relation = grouping.build()
        if conditions_:
            scope.relation = Step(scope.relation, "filter", conditions_, keeps_rows=True)
    return _finished(node, items, sorts, scope)


def _grouping(node: exp.Expr, columns: list[stars.Expanded], scope: Scope) -> Grouping:
    group = node.args.get("group")
    if group is None:
        return Grouping(scope, [], [()])
    if group.args.get("all"):
        nodes = [column for column in columns if not column.aggregates]
        keys = _keys([(column.node, column.value(scope), column.label) for column in nodes])
        return Grouping(scope, keys, [tuple(range(len(keys)))])
    if group.args.get("totals"):
        raise Refusal("GROUP BY … WITH TOTALS", group)
    found, sets = grouping_sets(group)
    if any(column.node is not None and column.node.find(exp.Query) for column in columns) or any(
        part.find(exp.Query) for part in found
    ):
        scope.answers = {}
    triples = [_key(part, columns, scope) for part in found]
    keys = _keys(triples)
    merged = _merged(triples, keys, sets)
    if len(merged) > 1:
        return Grouping(scope, keys, merged)
    keys = _in_order_of_output(keys, columns)
    return Grouping(scope, keys, [tuple(range(len(keys)))])


def _in_order_of_output(keys: list[Key], columns: list[stars.Expanded]) -> list[Key]:
    """Sort the keys as the output has them, so that it needs no projection."""
    places = {column.label: place for place, column in reversed(list(enumerate(columns)))}
    return sorted(keys, key=lambda key: places.get(key.name, len(columns)))


def _merged(
    triples: list[tuple[exp.Expr | None, Value, str | None]],
    keys: list[Key],
    sets: list[tuple[int, ...]],
) -> list[tuple[int, ...]]:
    """Give grouping sets as positions of the keys that are left when equal ones are one."""
    marks = [signature(key.value.node) for key in keys]
    places = [marks.index(signature(value.node)) for _, value, _ in triples]
    return [tuple(dict.fromkeys(places[i] for i in chosen)) for chosen in sets]


def _key(
    part: exp.Expr, columns: list[stars.Expanded], scope: Scope
) -> tuple[exp.Expr | None, Value, str | None]:
    """Find what a key of GROUP BY means: a position, a column, an alias or an expression."""
    if isinstance(part, exp.Literal) and not part.is_string and part.name.isdigit():
        position = int(part.name)
        if not 1 <= position <= len(columns):
            raise Refusal(
                f"GROUP BY {position}: there are {len(columns)} columns", part, code="IB503"
            )
        column = columns[position - 1]
        if column.aggregates:
            raise Refusal("an aggregate as a key of GROUP BY", part, code="IB503")
        return column.node, column.value(scope), column.label
    value = scope.value(part)
    mark = signature(value.node)
    for column in columns:
        if column.label is None or column.aggregates:
            continue
        if signature(column.value(scope).node) == mark:
            return column.node, value, column.label
    return part, value, None


def _keys(triples: list[tuple[exp.Expr | None, Value, str | None]]) -> list[Key]:
    """Name keys; a key that repeats another one is left out."""
    keys: list[Key] = []
    seen = set()
    for node, value, label in triples:
        mark = signature(value.node)
        if mark in seen:
            continue
        seen.add(mark)
        name = label or value.name or (invented(node) if node is not None else "key")
        keys.append(Key(unique(name, {item.name for item in keys}), node, value))
    return keys


def _is_direct(
    items: list[Item], sorts: list[Sort], having: list[Value], grouping: Grouping
) -> bool:
    """Whether all that is wanted of the groups can be a key or a metric itself."""
    if len(grouping.sets) > 1 or (having and not grouping.keys):
        return False
    if any(sort.position is None for sort in sorts) or any(has_subquery(part) for part in having):
        return False
    if any(_has_declared(grouping.inlined(part)) for part in having):
        return False  # Ibis would not know its parts again, and aggregate all rows
    labels = {item.label for item in items}
    if len(labels) < len(items):
        return False
    if having and not any(item.value.uses for item in items):
        return False  # Ibis would lose the condition of constants
    return (
        bool(items)
        and all(
            grouping.key_of(item.value) is not None or grouping.is_plain(item.value)
            for item in items
        )
        and (bool(grouping.keys) or any(item.value.uses for item in items))
    )


def _has_declared(value: Value) -> bool:
    """Whether a function that the code declares is in a value."""
    return any(isinstance(node, FunctionNode) for node in nodes(value.node))


def _direct(items: list[Item], having: list[Value], grouping: Grouping, scope: Scope) -> list[Item]:
    """Aggregate with the columns of the output as metrics."""
    assert scope.relation is not None
    labels: dict[str, str] = {}
    for item in items:
        found = grouping.key_of(item.value)
        if found is not None:
            labels.setdefault(found.name, item.label)
    metrics = {
        item.label: as_expression(grouping.inlined(item.value))
        for item in items
        if grouping.key_of(item.value) is None
    }
    keys: dict[str, Value] = {}
    for grouped in grouping.keys:
        name = labels.get(grouped.name, grouped.name)
        keys[unique(name, {*keys, *metrics})] = grouped.value
        labels[grouped.name] = list(keys)[-1]
    conditions_ = [grouping.inlined(value) for value in having]
    relation = Aggregate(finished(scope.relation, metrics.values()), keys, metrics, conditions_)
    scope.relation = relation
    scope.grouping = None
    made = []
    for item in items:
        found = grouping.key_of(item.value)
        name = labels[found.name] if found is not None else item.label
        made.append(Item(item.label, item.chosen, relation.field(name)))
    return made


def _finished(node: exp.Expr, items: list[Item], sorts: list[Sort], scope: Scope) -> Output:
    """Take the last steps: QUALIFY, projection, DISTINCT, ORDER BY, LIMIT."""
    assert scope.relation is not None
    items = _qualified(node, items, scope)
    found = node.args.get("distinct")
    on = found.args.get("on") if found is not None else None
    if on is not None:
        items = _first_rows(on, items, sorts, scope)
        found = None
    relation: Relation = scope.relation
    early = [sort for sort in sorts if sort.position is None]
    names = _names(items)
    values = {name: item.value for name, item in zip(names, items, strict=True)}
    labels = tuple(
        Label(item.label if item.chosen else name, name)
        for item, name in zip(items, names, strict=True)
    )
    if early and found is not None:
        raise Refusal("ORDER BY of what SELECT DISTINCT does not give", node, code="IB503")
    if early and any(_reorders(value) for value in [*values.values(), *map(given, early)]):
        return _sorted_late(node, values, labels, sorts, scope)
    if early:
        keys = [sort.of(value_of(sort, items)) for sort in sorts]
        relation = ordered(relation, keys)
    if sorts and _is_sorted(relation):
        values = {name: apart(item) if is_scalar(item) else item for name, item in values.items()}
    relation = projected(relation, values, scope)
    if found is not None:
        relation = distinct(relation)
    if sorts and not early:
        keys = [sort.of(relation.field(names[sort.position or 0])) for sort in sorts]
        relation = ordered(relation, keys)
    relation = limited(relation, node, scope)
    return Output(relation, labels)


def _is_sorted(relation: Relation) -> bool:
    """Whether rows are sorted already, so that Ibis merges the steps up to the next sort."""
    while isinstance(relation, Step):
        if relation.method == "order_by":
            return True
        relation = relation.parent
    return False


def _reorders(value: Value) -> bool:
    """Whether DuckDB may give rows in another order after computing a value."""
    return is_windowed(value) or has_subquery(value) or calls_method(value, "unnest")


def _sorted_late(
    node: exp.Expr,
    values: dict[str, Value],
    labels: tuple[Label, ...],
    sorts: list[Sort],
    scope: Scope,
) -> Output:
    """Sort by columns that are projected for it, and then left out.

    Ibis puts a query that is such a column into ORDER BY together with its name.
    """
    assert scope.relation is not None
    extra: dict[str, Value] = {}
    names = []
    for sort in sorts:
        if sort.position is not None:
            names.append(labels[sort.position].name)
        else:
            value = given(sort)
            names.append(unique(value.name or "sort_key", {*values, *extra}))
            extra[names[-1]] = value
    columns = {
        name: apart(value) if name in names and is_scalar(value) else value
        for name, value in (values | extra).items()
    }
    relation = projected(scope.relation, columns, scope)
    keys = [sort.of(relation.field(name)) for sort, name in zip(sorts, names, strict=True)]
    relation = ordered(relation, keys)
    relation = Step(
        relation,
        "drop",
        [key(relation.field(name)) for name in extra],
        columns={name: relation.columns[name] for name in values},
    )
    return Output(limited(relation, node, scope), labels)


def _names(items: list[Item]) -> list[str]:
    """Give each column a name of its own; chosen names come first, and before their repetitions."""
    ranks = []
    chosen: set[str] = set()
    for index, item in enumerate(items):
        folded = item.label.casefold()
        ranks.append((not item.chosen, folded in chosen, index))
        if item.chosen:
            chosen.add(folded)
    names: dict[int, str] = {}
    for _, _, index in sorted(ranks):
        names[index] = unique(items[index].label, names.values())
    return [names[index] for index in range(len(items))]


def _qualified(node: exp.Expr, items: list[Item], scope: Scope) -> list[Item]:
    """Keep the rows that QUALIFY wants.

    Ibis takes the plain conditions of one filter before its windows, so windows are computed first
    where both are there.
    """
    qualify = node.args.get("qualify")
    if qualify is None:
        return items
    assert scope.relation is not None
    parts = conditions.conjuncts(qualify.this)
    values = [conditions.condition(part, scope) for part in parts]
    if all(is_windowed(value) for value in values) and not any(
        is_windowed(item.value) for item in items
    ):
        scope.move(Step(scope.relation, "filter", values, keeps_rows=True))
        return items
    combined = values[0]
    for value in values[1:]:
        combined = operator("&", combined, value, combined.type)
    windows = {
        f"window_{i}": item.value for i, item in enumerate(items, 1) if is_windowed(item.value)
    }
    taken = set(scope.relation.columns)
    named = {unique(name, taken): value for name, value in windows.items()}
    flag = unique("kept", taken | set(named))
    relation = extended(scope.relation, {**named, flag: combined})
    relation = Step(relation, "filter", [relation.field(flag)], keeps_rows=True)
    scope.move(relation)
    replacements = dict(zip(windows.values(), named, strict=True))
    return [
        item._replace(value=relation.field(replacements[item.value]))
        if item.value in replacements
        else item
        for item in items
    ]


def _windows_computed(parts: Sequence[Item | Sort], scope: Scope) -> dict[Value | None, Value]:
    """Make columns of the values over windows, which a filter would have computed after it."""
    assert scope.relation is not None
    columns: dict[str, Value] = {}
    for part in parts:
        if part.value is not None and is_windowed(part.value):
            columns[unique("window", {*scope.relation.columns, *columns})] = part.value
    if columns:
        scope.move(extended(scope.relation, columns))
    return {value: scope.relation.field(name) for name, value in columns.items()}


def _first_rows(on: exp.Expr, items: list[Item], sorts: list[Sort], scope: Scope) -> list[Item]:
    """Keep the first row for each value of DISTINCT ON."""
    assert scope.relation is not None
    nodes = on.expressions if isinstance(on, exp.Tuple) else [on]
    partition = []
    for part in nodes:
        position, value = sorted_by(part, items, scope)
        partition.append(items[position].value if position is not None else value)
    columns = _windows_computed([*items, *sorts], scope)
    items = [item._replace(value=columns.get(item.value, item.value)) for item in items]
    for sort in sorts:
        sort.value = columns.get(sort.value, sort.value)
    order = [sort.of(value_of(sort, items)) for sort in sorts]
    number = function("row_number", type=BIGINT)
    groups = [columns.get(value, value) for value in partition if value is not None]
    first = over(number, groups, order, None)
    assert first is not None
    condition = operator("==", first, literal(0, INTEGER), BIGINT)
    scope.move(Step(scope.relation, "filter", [condition], keeps_rows=True))
    return items
