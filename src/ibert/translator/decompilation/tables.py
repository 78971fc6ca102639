"""Read Ibis' relations as those of the translator."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import ibis.expr.operations as ops

from ibert.translator.datatypes import UNKNOWN
from ibert.translator.decompilation.errors import ERRORS
from ibert.translator.decompilation.expressions import Expressions, is_named
from ibert.translator.decompilation.functions import Functions
from ibert.translator.decompilation.joins import join_chain
from ibert.translator.decompilation.literals import (
    dtype_node,
    is_text,
    python_value,
    schema_node,
)
from ibert.translator.decompilation.syntax import of_ibis, of_value
from ibert.translator.refusal import Refusal
from ibert.translator.relations import (
    Aggregate,
    Relation,
    SetOperation,
    Step,
    TableRelation,
    ValueRelation,
    View,
)
from ibert.translator.values import (
    Argument,
    Value,
    as_expression,
    constant,
    is_keyword,
)

# A table in memory is written out up to this many values.
MOST_VALUES = 1000


class Reader:
    """The relations and parameters of one expression, each of which is read once.

    Parameters
    ----------
    root
        The operation that the whole expression is.
    """

    def __init__(self, root: ops.Node) -> None:
        self.functions = Functions()
        self._known: dict[ops.Relation, Relation] = {}
        self._parameters: dict[ops.ScalarParameter, Relation] = {}
        # Chains that a projection follows: Ibis would make one of both.
        self.closed = {
            node.parent
            for node in root.find(ops.Project)
            if isinstance(node.parent, ops.JoinChain) and way(node) == "select"
        }

    def relation(self, op: ops.Relation) -> Relation:
        """Give the relation of an operation.

        Raises
        ------
        Refusal
            No code builds it.
        """
        if op not in self._known:
            rule = RULES.get(type(op).__name__)
            if rule is None:
                raise Refusal(f"the operation {type(op).__name__}", hint=_HINTS.get(type(op)))
            self._known[op] = rule(op, self)
        return self._known[op]

    def parameter(self, op: ops.ScalarParameter) -> Relation:
        """Give what holds a parameter: a variable."""
        if op not in self._parameters:
            value = of_ibis("param", dtype_node(op.dtype))
            label = f"param_{len(self._parameters) + 1}"
            self._parameters[op] = ValueRelation(value, {}).labelled(label)
        return self._parameters[op]

    def over(self, op: ops.Relation) -> Expressions:
        """Read values of the rows of a relation."""
        return Expressions(self, op, self.relation(op).slot)

    def step(
        self,
        op: Any,
        label: str,
        arguments: Sequence[Value] = (),
        keywords: dict[str, Value] | None = None,
    ) -> Relation:
        """Give a method of the relation that an operation takes its rows from."""
        return Step(self.relation(op.parent), label, arguments, keywords, {})


_HINTS = {
    ops.SQLQueryResult: "it is SQL: translate that with `ibert.sql_to_ibis`",
    ops.SQLStringView: "it is SQL: translate that with `ibert.sql_to_ibis`",
}


def way(op: ops.Project) -> str:
    """Give the method that builds a projection: `select`, `mutate` or `rename`."""
    names = tuple(op.parent.schema)
    kept = [_is_column(part, op.parent, label) for label, part in op.values.items()]
    if all(kept):
        return "select"
    if tuple(op.values)[: len(names)] == names and any(kept):
        return "mutate"
    columns = [part.name for part in op.values.values() if isinstance(part, ops.Field)]
    if tuple(columns) == names and len(op.values) == len(names) and any(kept):
        return "rename"
    return "select"


def _is_column(part: ops.Value, rel: ops.Relation, label: str) -> bool:
    return isinstance(part, ops.Field) and part.rel == rel and part.name == label


def _project(op: ops.Project, reader: Reader) -> Relation:
    grouped = having(op)
    if grouped is not None:
        return _grouped(op.parent.parent, grouped, reader)
    method_name = way(op)
    if method_name == "rename":
        return reader.step(op, "rename", *renaming(op))
    scope = reader.over(op.parent)
    parts = {
        label: scope.value(part)
        for label, part in op.values.items()
        if method_name == "select" or not _is_column(part, op.parent, label)
    }
    return reader.step(op, method_name, *named(parts))


def renaming(op: ops.Project) -> tuple[list[Value], dict[str, Value]]:
    """Write the new names of columns, with the old ones."""
    changed = {label: part.name for label, part in op.values.items() if label != part.name}
    if all(map(is_keyword, changed)) and not {"self", "method"} & changed.keys():
        return [], {new: Value(constant(old), UNKNOWN) for new, old in changed.items()}
    return [_dictionary({new: constant(old) for new, old in changed.items()})], {}


def named(parts: Mapping[str, Value]) -> tuple[list[Value], dict[str, Value]]:
    """Write columns: those that keep their names first, as far as they come first."""
    arguments: list[Value] = []
    keywords: dict[str, Value] = {}
    for label, value in parts.items():
        if value.is_field and value.name == label and not keywords:
            arguments.append(value)
        else:
            keywords[label] = as_expression(value) if is_text(value) else value
    return arguments, keywords


def _dictionary(parts: Mapping[str, ast.expr]) -> Value:
    keys: list[ast.expr | None] = [constant(label) for label in parts]
    return Value(ast.Dict(keys=keys, values=list(parts.values())), UNKNOWN)


def _filter(op: ops.Filter, reader: Reader) -> Relation:
    return reader.step(op, "filter", reader.over(op.parent).values(op.predicates))


def _sort(op: ops.Sort, reader: Reader) -> Relation:
    scope = reader.over(op.parent)
    return reader.step(op, "order_by", [scope.sort_key(part) for part in op.keys])


def _aggregate(op: ops.Aggregate, reader: Reader) -> Relation:
    return _grouped(op, Having(dict(op.metrics), []), reader)


def _grouped(op: ops.Aggregate, having: Having, reader: Reader) -> Relation:
    scope = reader.over(op.parent)
    parent, keys = reader.relation(op.parent), _columns(op.groups, scope)
    predicates = scope.values(having.predicates)
    if having.metrics:
        return Aggregate(parent, keys, _columns(having.metrics, scope), predicates)
    # The translator would write DISTINCT, which is something else to Ibis.
    if keys:
        parent = Step(parent, "group_by", *named(keys), columns={}, keeps_rows=True)
    if predicates:
        parent = Step(parent, "having", predicates, columns={}, keeps_rows=True)
    return Step(parent, "agg", columns={})


class Having(NamedTuple):
    """The metrics of a grouped table, and the predicates on its groups."""

    metrics: dict[str, ops.Value]
    predicates: list[ops.Value]


def having(op: ops.Project) -> Having | None:
    """Read a projection as the end of HAVING, if Ibis would build it for that."""
    filtered = op.parent
    if not isinstance(filtered, ops.Filter) or not isinstance(filtered.parent, ops.Aggregate):
        return None
    grouped = filtered.parent
    if not grouped.groups or not all(
        _is_column(part, filtered, label) for label, part in op.values.items()
    ):
        return None
    metrics = {label: part for label, part in grouped.metrics.items() if label in op.values}
    columns = {ops.Field(grouped, label): part for label, part in grouped.values.items()}
    predicates = [part.replace(columns, filter=ops.Value) for part in filtered.predicates]
    try:
        again = _aggregated(grouped, metrics, predicates)
    except ERRORS:
        return None
    return Having(metrics, predicates) if again == op else None


def _aggregated(
    grouped: ops.Aggregate, metrics: dict[str, ops.Value], predicates: list[ops.Value]
) -> ops.Relation:
    """Build a grouped table with Ibis."""
    table = grouped.parent.to_expr()
    return table.aggregate(
        [part.to_expr().name(label) for label, part in metrics.items()],
        by=[part.to_expr().name(label) for label, part in grouped.groups.items()],
        having=[part.to_expr() for part in predicates],
    ).op()


def _column(value: Value) -> Value:
    return as_expression(value) if is_text(value) else value


def _limit(op: ops.Limit, reader: Reader) -> Relation:
    scope = Expressions(reader)
    keywords = {} if op.offset == 0 else {"offset": scope.argument(op.offset)}
    return reader.step(op, "limit", [scope.argument(op.n)], keywords)


def _distinct(op: ops.Distinct, reader: Reader) -> Relation:
    return reader.step(op, "distinct")


def _drop(op: ops.DropColumns, reader: Reader) -> Relation:
    names = [column for column in op.parent.schema if column in op.columns_to_drop]
    return reader.step(op, "drop", [_text(column) for column in names])


def _drop_null(op: ops.DropNull, reader: Reader) -> Relation:
    scope = reader.over(op.parent)
    keywords = {} if op.how == "any" else {"how": _text(op.how)}
    if op.subset is None:
        return reader.step(op, "drop_null", [], keywords)
    columns: list[Value] = []
    for part in op.subset:
        value = scope.value(part)
        columns.append(_text(value.name) if value.is_field and value.name else value)
    return reader.step(op, "drop_null", [_list(columns)], keywords)


def _list(parts: Sequence[Value]) -> Value:
    node = ast.List(elts=[part.node for part in parts], ctx=ast.Load())
    uses = frozenset().union(*(part.uses for part in parts))
    return Value(node, UNKNOWN, None, uses, uses)


def _text(text: str) -> Value:
    return Value(constant(text), UNKNOWN)


def _fill_null(op: ops.FillNull, reader: Reader) -> Relation:
    scope = Expressions(reader)
    if isinstance(op.replacements, Mapping):
        parts = {column: scope.argument(part).node for column, part in op.replacements.items()}
        return reader.step(op, "fill_null", [_dictionary(parts)])
    return reader.step(op, "fill_null", [scope.argument(op.replacements)])


def _sample(op: ops.Sample, reader: Reader) -> Relation:
    keywords = {} if op.method == "row" else {"method": _text(op.method)}
    if op.seed is not None:
        keywords["seed"] = Value(constant(op.seed), UNKNOWN)
    return reader.step(op, "sample", [Value(constant(op.fraction), UNKNOWN)], keywords)


def _unnest(op: ops.TableUnnest, reader: Reader) -> Relation:
    value = reader.over(op.parent).value(op.column)
    if not is_named(op.column, op.column_name):
        value = of_value(value, "name", op.column_name)
    keywords = {} if op.offset is None else {"offset": _text(op.offset)}
    if op.keep_empty:
        keywords["keep_empty"] = Value(constant(True), UNKNOWN)
    return reader.step(op, "unnest", [value], keywords)


def _window_aggregate(op: ops.WindowAggregate, reader: Reader) -> Relation:
    scope = reader.over(op.parent)
    parent = reader.relation(op.parent)
    rows = Step(parent, "window_by", [scope.value(op.time_col)], columns={}, keeps_rows=True)
    frame = {
        label: scope.argument(part)
        for label, part in (
            ("size", op.window_size),
            ("slide", op.window_slide),
            ("offset", op.window_offset),
        )
        if part is not None
    }
    windows = Step(rows, op.window_type, [], frame, {}, keeps_rows=True)
    if op.groups:
        keys, others = named(_columns(op.groups, scope))
        keys += [of_value(value, "name", label) for label, value in others.items()]
        windows = Step(windows, "group_by", keys, {}, {}, keeps_rows=True)
    return Step(windows, "agg", [], _columns(op.metrics, scope), {})


def _columns(parts: Mapping[str, ops.Value], scope: Expressions) -> dict[str, Value]:
    return {label: _column(scope.value(part)) for label, part in parts.items()}


def _set_operation(op: ops.Set, reader: Reader) -> Relation:
    members = [reader.relation(member) for member in _members(op)]
    return SetOperation(_SET_METHODS[type(op).__name__], members, op.distinct)


def _members(op: ops.Set) -> list[ops.Relation]:
    """Give what one call combines: Ibis puts the first two together and that behind the rest."""
    members = [op.left, op.right]
    while isinstance(op, ops.Union | ops.Intersection):
        *others, last = members
        if type(last) is not type(op) or last.distinct != op.distinct:
            break
        members = [last.left, last.right, *others]
    return members


_SET_METHODS = {"Union": "union", "Intersection": "intersect", "Difference": "difference"}


def _view(op: ops.SelfReference, reader: Reader) -> Relation:
    view = View(reader.relation(op.parent))
    view.needed = True
    return view


def _alias(op: ops.AliasedRelation, reader: Reader) -> Relation:
    return reader.step(op, "alias", [_text(op.name)])


def _dummy(op: ops.DummyTable, reader: Reader) -> Relation:
    if len(op.values) != 1:
        raise Refusal("a table of several values without rows")
    ((label, part),) = op.values.items()
    value = Expressions(reader).value(part)
    if not is_named(part, label):
        value = of_value(value, "name", label)
    return ValueRelation(of_value(value, "as_table"), {})


def _database_table(op: ops.DatabaseTable, _: Reader) -> Relation:
    space = [part for part in (op.namespace.catalog, op.namespace.database) if part]
    if any("." in part for part in space):
        raise Refusal(f"a table in {' and '.join(space)}: a name with a dot")
    return TableRelation(op.name, {}, ".".join(space) or None)


def _unbound_table(op: ops.UnboundTable, _: Reader) -> Relation:
    keywords: dict[str, Argument] = {"name": op.name}
    for part in ("catalog", "database"):
        if getattr(op.namespace, part) is not None:
            keywords[part] = getattr(op.namespace, part)
    value = of_ibis("table", schema_node(op.schema), **keywords)
    return ValueRelation(value, {}).labelled(op.name)


def _memtable(op: ops.InMemoryTable, _: Reader) -> Relation:
    try:
        rows = op.data.to_pyarrow(op.schema)
    except ERRORS as error:
        raise Refusal(f"a table in memory that Ibis cannot read: {error}") from error
    if rows.num_rows * rows.num_columns > MOST_VALUES:
        raise Refusal(
            f"a table in memory with {rows.num_rows} rows",
            hint="write it into a table of the database",
        )
    columns = {
        column: python_value(rows[column].to_pylist(maps_as_pydicts="strict"))
        for column in rows.column_names
    }
    value = of_ibis("memtable", _dictionary(columns), schema=schema_node(op.schema))
    return ValueRelation(value, {}).labelled("rows")


Rule = Callable[[Any, Reader], Relation]
RULES: dict[str, Rule] = {
    "Aggregate": _aggregate,
    "AliasedRelation": _alias,
    "DatabaseTable": _database_table,
    "Difference": _set_operation,
    "Distinct": _distinct,
    "DropColumns": _drop,
    "DropNull": _drop_null,
    "DummyTable": _dummy,
    "FillNull": _fill_null,
    "Filter": _filter,
    "InMemoryTable": _memtable,
    "Intersection": _set_operation,
    "JoinChain": join_chain,
    "Limit": _limit,
    "Project": _project,
    "Sample": _sample,
    "SelfReference": _view,
    "Sort": _sort,
    "TableUnnest": _unnest,
    "UnboundTable": _unbound_table,
    "Union": _set_operation,
    "WindowAggregate": _window_aggregate,
}


def several_sources(tables: Iterable[ops.DatabaseTable]) -> bool:
    """Whether tables are in more than one database: the code has but one `con`."""
    return len({id(table.source) for table in tables}) > 1
