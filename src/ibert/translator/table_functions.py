"""Members of FROM that are no tables: VALUES, UNNEST, ranges, PIVOT, samples, one single row."""

from __future__ import annotations

from functools import reduce

from sqlglot import exp

from ibert.translator import conditions, reshaping
from ibert.translator.datatypes import (
    BIGINT,
    BOOLEAN,
    INTEGER,
    NULL,
    UNKNOWN,
    VARCHAR,
    Type,
    common,
    settled,
)
from ibert.translator.functions import constructors, lists
from ibert.translator.functions.classes import function_call
from ibert.translator.memtables import memtable
from ibert.translator.names import unique
from ibert.translator.refusal import Refusal
from ibert.translator.relations import (
    Column,
    Columns,
    Relation,
    SetOperation,
    Step,
    ValueRelation,
)
from ibert.translator.scope import Label, Scope, Table, construct_of
from ibert.translator.sides import Side
from ibert.translator.syntax import has_subquery
from ibert.translator.values import (
    Value,
    as_expression,
    cast,
    function,
    literal,
    method,
    null,
    operator,
)

_RANGES = {"range", "generate_series"}


def single_row(scope: Scope) -> None:
    """Give a query without FROM the one row that it reads."""
    row = method(literal(1, INTEGER), "name", "one", type=INTEGER)
    value = method(row, "as_table", type=UNKNOWN)
    scope.relation = ValueRelation(value, {"one": Column(INTEGER, INTEGER)}, is_dummy=True)
    scope.tables = []


def source(node: exp.Expr, scope: Scope) -> Side:
    """Translate a member of FROM that reads no table."""
    if isinstance(node, exp.Values):
        return _values(node, scope)
    if isinstance(node, exp.Unnest):
        return _unnested(node, scope)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Values):
        values = node.this.copy()
        values.set("alias", node.args.get("alias"))
        return _values(values, scope)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Func):
        return _function(node, scope)
    if isinstance(node, exp.Lateral):
        raise Refusal("LATERAL at the beginning of FROM", node)
    if isinstance(node, exp.Pivot):
        return _pivot(node, scope)
    if isinstance(node, exp.TableSample):
        from ibert.translator.sources import source as any_source

        return any_source(node.this, scope)
    raise Refusal(f"{construct_of(node)} in FROM", node)


def reshaped(node: exp.Expr, side: Side, scope: Scope) -> Side:
    """Apply what follows a table: PIVOT, UNPIVOT, TABLESAMPLE."""
    for pivot in node.args.get("pivots") or []:
        side = reshaping.reshaped(pivot, side, scope, node)
    sample = node if isinstance(node, exp.TableSample) else node.args.get("sample")
    if sample is not None:
        side.moved(reshaping.sampled(sample, side.relation))
    return side


def _pivot(node: exp.Expr, scope: Scope) -> Side:
    from ibert.translator.sources import source as any_source

    return reshaping.reshaped(node, any_source(node.this, scope), scope, node)


def _labels(node: exp.Expr, names: list[str]) -> tuple[Label, ...]:
    """Give columns the names that an alias lists."""
    alias = node.args.get("alias")
    given = [column.name for column in alias.columns] if alias is not None else []
    if len(given) > len(names):
        raise Refusal(f"{len(given)} names for {len(names)} columns", node, code="IB503")
    return tuple(Label(label, label) for label in [*given, *names[len(given) :]])


def _side(relation: Relation, alias: str, labels: tuple[Label, ...]) -> Side:

    return Side(relation, [Table(alias, relation, labels)])


def _values(node: exp.Expr, scope: Scope) -> Side:
    """Translate VALUES: a memtable of constants, or a union of rows with expressions."""
    rows = [
        scope.values(row.expressions if isinstance(row, exp.Tuple) else [row])
        for row in node.expressions
    ]
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        raise Refusal("VALUES of rows of different widths", node, code="IB503")
    names = [f"col{i}" for i in range(len(rows[0]))]
    labels = _labels(node, names)
    names = [label.name for label in labels]
    if len({name.casefold() for name in names}) < len(names):
        raise Refusal("VALUES with two columns of one name", node)
    found = [_kind([row[position].type for row in rows], node) for position in range(len(names))]
    kinds = list(map(settled, found))
    alias = node.alias or ""
    relation = (
        memtable(names, kinds, rows) or _structs(names, kinds, rows) or _union(names, kinds, rows)
    )
    for name, kind in zip(names, found, strict=True):
        if kind == NULL:  # until it is fetched, which counts beside decimals
            relation.columns[name] = Column(NULL, settled(NULL))
    if alias:
        relation.labelled(alias)
    return _side(relation, alias, labels)


def _kind(kinds: list[Type], node: exp.Expr) -> Type:
    """Give the type of a column of VALUES."""
    kind = reduce(common, kinds)
    if kind == UNKNOWN:
        raise Refusal("VALUES of types that have nothing in common", node, "cast them")
    return kind


def _structs(names: list[str], kinds: list[Type], rows: list[list[Value]]) -> Relation | None:
    """Give rows with expressions as a list of structs, whose elements become rows."""
    typed = [
        {name: typed_as(value, kind) for name, value, kind in zip(names, row, kinds, strict=True)}
        for row in rows
    ]
    values = [value for row in typed for value in row.values()]
    if len(rows) == 1 or any(
        value.uses or has_subquery(value) or value.declared != value.type for value in values
    ):
        return None
    if len(names) == 1:
        listed = constructors.array(values)
    else:
        listed = constructors.array([constructors.struct(row) for row in typed])
    if listed is None or listed.type.dtype is None or listed.type != listed.declared:
        return None
    label = names[0] if len(names) == 1 else "row"
    while label in names[1:]:
        label += "_"
    element = listed.type.element
    unnested = method(listed, "unnest", type=element)
    table = method(method(unnested, "name", label, type=element), "as_table", type=UNKNOWN)
    relation = ValueRelation(table, {label: Column(element, element)})
    if len(names) == 1:
        return relation
    columns = {name: Column(kind, kind) for name, kind in zip(names, kinds, strict=True)}
    return Step(relation, "unpack", [literal(label, VARCHAR)], columns=columns)


def _union(names: list[str], kinds: list[Type], rows: list[list[Value]]) -> Relation:
    """Give rows with expressions as a union of tables of one row."""
    members: list[Relation] = []
    for row in rows:
        values = {
            name: typed_as(value, kind) for name, value, kind in zip(names, row, kinds, strict=True)
        }
        members.append(one_row(values))
    if len(members) == 1:
        return members[0]
    return SetOperation("union", members, distinct=False)


def typed_as(value: Value, kind: Type) -> Value:
    """Give a constant, or a value over nothing, so that Ibis declares a type for it."""
    if value.is_null or value.type == NULL:
        return null(kind)
    if kind == UNKNOWN or kind.dtype is None:
        return as_expression(value)
    if value.is_literal and value.type.is_integer and kind.is_integer:
        return function("literal", value.literal, kind.dtype, type=kind)
    if value.type == kind == value.declared and (
        not value.is_literal or kind in (VARCHAR, BOOLEAN)
    ):
        return as_expression(value)
    return Value(
        cast(as_expression(value.typed(value.type, UNKNOWN)), kind).node, kind, None, value.uses
    )


def one_row(values: dict[str, Value]) -> Relation:
    """Give a table of one row."""
    columns: Columns = {name: Column.of(value) for name, value in values.items()}
    if any(has_subquery(value) for value in values.values()):
        row = method(literal(1, INTEGER), "name", "one", type=INTEGER)
        dummy = ValueRelation(
            method(row, "as_table", type=UNKNOWN), {"one": Column(INTEGER, INTEGER)}
        )
        return Step(dummy, "select", keywords=values, columns=columns)
    first, *rest = values
    named = method(values[first], "name", first, type=values[first].type)
    table = ValueRelation(method(named, "as_table", type=UNKNOWN), {first: columns[first]})
    if not rest:
        return table
    return Step(table, "mutate", keywords={name: values[name] for name in rest}, columns=columns)


def _unnested(node: exp.Expr, scope: Scope) -> Side:
    """Translate UNNEST of a list that depends on no table."""
    values = scope.values(node.expressions)
    if len(values) != 1:
        raise Refusal("UNNEST of several lists", node, "unnest them in SELECT, side by side")
    return _series(values[0], "unnest", node)


def _names(node: exp.Expr) -> tuple[list[str], str | None]:
    """Give the names that an alias lists for columns, and the one of WITH ORDINALITY."""
    alias = node.args.get("alias")
    given = [column.name for column in alias.columns] if alias is not None else []
    offset = node.args.get("offset") or node.args.get("ordinality")
    if not offset:
        return given, None
    if isinstance(offset, exp.Identifier):
        return given, offset.name
    return given, given[1] if len(given) > 1 else "ordinality"


def _series(value: Value, name: str, node: exp.Expr) -> Side:
    """Give the elements of a list as rows."""
    if not value.type.is_list:
        raise Refusal(f"UNNEST of {value.type.name}", node)
    given, number = _names(node)
    label = given[0] if given else name
    if number is not None and value.uses:
        return _paired(value, label, number, _alias(node) or name, node)
    relation = _elements(value, label)
    if number is not None:
        return _numbered(relation, label, number, _alias(node) or name)
    return _side(relation, _alias(node) or name, (Label(label, label),))


def _elements(value: Value, label: str) -> Relation:
    element = value.type.element
    rows = method(as_expression(value), "unnest", type=element)
    table = method(method(rows, "name", label, type=element), "as_table", type=UNKNOWN)
    return ValueRelation(table, {label: Column(element, _declared(value))})


def _paired(value: Value, label: str, number: str, alias: str, node: exp.Expr) -> Side:
    """Give the elements of a list that a row outside has, each with its place in the list."""
    from ibert.translator.calls import apply

    places = apply("generate_series", [literal(1, BIGINT), apply("len", [value], node)], node)
    relation = _elements(places, number)
    element = lists.index(value, relation.field(number))
    if element is None:
        raise Refusal("UNNEST WITH ORDINALITY of this", node)
    values = {label: element, number: relation.field(number)}
    columns = {name: Column.of(part) for name, part in values.items()}
    relation = Step(relation, "select", keywords=values, columns=columns)
    return _side(relation, alias, (Label(label, label), Label(number, number)))


def _declared(value: Value) -> Type:
    return value.declared.element if value.declared.is_list else value.type.element


def _alias(node: exp.Expr) -> str:
    alias = node.args.get("alias")
    if alias is None:
        return ""
    return alias.name or (alias.columns[0].name if alias.columns else "")


def _numbered(relation: Relation, label: str, number: str, alias: str) -> Side:
    position = function("row_number", type=BIGINT)
    value = operator("+", position, literal(1, INTEGER), BIGINT)
    columns = {**relation.columns, number: Column(BIGINT, BIGINT)}
    made = Step(relation, "mutate", keywords={number: value}, columns=columns)
    return _side(made, alias, (Label(label, label), Label(number, number)))


def _function(node: exp.Expr, scope: Scope) -> Side:
    """Translate a table function."""
    found = function_call(node.this)
    if found is None:
        raise Refusal(construct_of(node.this), node)
    name, arguments = found
    if name == "unnest":
        (inner,) = scope.values(arguments)
        return _series(inner, "unnest", node)
    if name in _REPEATS:
        return _repeated(name, arguments, node, scope)
    if name not in _RANGES:
        hint = (
            _CATALOG if name.startswith(("duckdb_", "pragma_")) else "Ibis has no table functions"
        )
        raise Refusal(f"the table function {name}", node, hint)
    value = range_list(name, scope.values(arguments), node)
    return _series(value, name, node)


_CATALOG = "the catalog is in con.list_tables(), con.table(…).schema() and their like"
_REPEATS = ("repeat", "repeat_row")


def _repeated(name: str, arguments: list[exp.Expr], node: exp.Expr, scope: Scope) -> Side:
    """Translate repeat() and repeat_row(): the same constants in a number of rows."""
    *parts, last = arguments
    is_row = name == "repeat_row"
    if is_row and not (isinstance(last, exp.EQ | exp.PropertyEQ) and last.this.name == "num_rows"):
        raise Refusal("repeat_row without num_rows", node, code="IB503")
    count = scope.value(last.expression if is_row else last)
    values = scope.values(parts)
    given, _ = _names(node)
    names = [f"column{i}" for i in range(len(parts))] if is_row else [parts[0].name]
    names = [*given, *names[len(given) :]]
    if len(set(names)) < len(names) or "i" in names:
        raise Refusal(f"{name} with these names", node)
    rows = range_list("range", [count], node)
    unnested = method(method(rows, "unnest", type=BIGINT), "name", "i", type=BIGINT)
    numbers = ValueRelation(
        method(unnested, "as_table", type=UNKNOWN), {"i": Column(BIGINT, BIGINT)}
    )
    repeated = {label: as_expression(value) for label, value in zip(names, values, strict=True)}
    columns = {label: Column.of(value) for label, value in repeated.items()}
    relation = Step(numbers, "select", keywords=repeated, columns=columns)
    return _side(relation, _alias(node) or name, tuple(Label(n, n) for n in names))


def range_list(name: str, arguments: list[Value], node: exp.Expr) -> Value:
    """Give the numbers of range() or generate_series() as a list."""
    from ibert.translator.calls import apply

    wide = [
        cast(value, BIGINT) if value.type.is_integer and not value.is_literal else value
        for value in arguments
    ]
    return apply(name, list(wide), node)


def is_lateral(node: exp.Expr, scope: Scope) -> bool:
    """Whether a member of FROM reads columns of the ones before it."""
    if isinstance(node, exp.Lateral):
        return True
    if isinstance(node, exp.Unnest):
        parts = node.expressions
    elif isinstance(node, exp.Table) and isinstance(node.this, exp.Func):
        parts = [node.this]
    else:
        return False
    return any(_is_known(column, scope) for part in parts for column in part.find_all(exp.Column))


def _is_known(column: exp.Column, scope: Scope) -> bool:
    if column.table:
        return scope.table(column.table) is not None or scope.own(column.table) is not None
    return any(column.name.casefold() in table.names for table in scope.tables)


def lateral(node: exp.Expr, join: exp.Expr, side: Side, scope: Scope) -> Side:
    """Translate a member of FROM that reads columns of the ones before it: lists as rows."""
    outer = join.text("side") == "LEFT"
    body = node.this if isinstance(node, exp.Lateral) else node
    if isinstance(body, exp.Subquery | exp.Query):
        from ibert.translator.laterals import lateral as lateral_query

        return lateral_query(node, join, side, scope)
    on = join.args.get("on")
    if outer and on is not None and not (isinstance(on, exp.Boolean) and on.this):
        raise Refusal(
            "LEFT JOIN UNNEST with a condition", join, "write ON TRUE, and filter the list"
        )
    scope.relation = side.relation
    name, value = _list_of(body, node, scope)
    result = _expanded(
        value, name, body if isinstance(body, exp.Unnest) else node, node, side, outer
    )
    if on is not None and not outer:
        inner = Scope(scope.context, scope.outer)
        inner.ctes, inner.tables, inner.relation = scope.ctes, result.tables, result.relation
        conditions.restrict(inner, conditions.conjuncts(on))
        result.moved(inner.relation)
    return result


def _list_of(body: exp.Expr, node: exp.Expr, scope: Scope) -> tuple[str, Value]:
    """Give the list whose elements become rows, and the name of the function that does it."""
    if isinstance(body, exp.Unnest):
        name, values = "unnest", scope.values(body.expressions)
    else:
        inner = body.this if isinstance(body, exp.Table) else body
        found = function_call(inner)
        if found is None:
            raise Refusal(construct_of(inner), node)
        name, values = found[0], scope.values(found[1])
        if name in _RANGES:
            values = [range_list(name, values, node)]
        elif name not in ("unnest", "explode"):
            raise Refusal(f"the table function {name} over columns", node)
    if len(values) != 1 or not values[0].type.is_list:
        raise Refusal("UNNEST of this", node)
    return name, values[0]


def _expanded(
    value: Value, name: str, unnest: exp.Expr, node: exp.Expr, side: Side, outer: bool
) -> Side:
    given, number = _names(node)
    if unnest is not node:
        number = _names(unnest)[1] or number
    label = given[0] if given else name
    column = unique(label, side.relation.columns)
    element = Column(value.type.element, _declared(value))
    relation = side.relation
    labels = [Label(label, column)]
    if not outer and number is None:
        rows = method(value, "unnest", type=value.type.element)
        columns = {**relation.columns, column: element}
        relation = Step(relation, "mutate", keywords={column: rows}, columns=columns)
    else:
        list_column = Column(value.type, value.declared)
        with_list = {**relation.columns, column: list_column}
        relation = Step(relation, "mutate", keywords={column: value}, columns=with_list)
        columns = {**relation.columns, column: element}
        keywords: dict[str, Value] = {}
        if number is not None:
            offset = unique(number, columns)
            columns[offset] = Column(BIGINT, BIGINT)
            keywords["offset"] = literal(offset, VARCHAR)
        if outer:
            keywords["keep_empty"] = literal(True, INTEGER)
        relation = Step(relation, "unnest", [relation.field(column)], keywords, columns)
        if number is not None:
            shifted = operator("+", relation.field(offset), literal(1, INTEGER), BIGINT)
            relation = Step(relation, "mutate", keywords={offset: shifted}, columns=columns)
            labels.append(Label(number, offset))
    result = Side(relation, [*side.tables, Table(_alias(node) or name, relation, tuple(labels))])
    result.moved(relation)
    return result
