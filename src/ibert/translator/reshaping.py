"""PIVOT, UNPIVOT and samples."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import reduce
from itertools import product
from typing import NamedTuple

from sqlglot import exp

from ibert.translator import calls, stars
from ibert.translator.datatypes import DOUBLE, INTEGER, UNKNOWN, VARCHAR, Type, common
from ibert.translator.functions import constructors
from ibert.translator.functions.classes import function_call
from ibert.translator.projection import projected
from ibert.translator.refusal import Refusal
from ibert.translator.relations import Column, Columns, Relation, Step
from ibert.translator.scope import Label, Output, Scope, Table
from ibert.translator.sides import Side
from ibert.translator.values import LOAD, Value, cast, constant, function, key, literal, method


def reshaped(pivot: exp.Expr, side: Side, scope: Scope, node: exp.Expr) -> Side:
    """Translate PIVOT and UNPIVOT of the rows of a side."""
    inner = Scope(scope.context, scope.outer)
    inner.ctes = scope.ctes
    inner.tables = side.tables
    inner.relation = side.relation
    alias = pivot.args.get("alias")
    given = [column.name for column in alias.columns] if alias is not None else []
    if pivot.args.get("unpivot"):
        if given and not pivot.args.get("include_nulls"):
            # DuckDB keeps the NULLs where the alias lists columns.
            raise Refusal("UNPIVOT with an alias that lists columns", pivot, "name them in SELECT")
        output = _unpivoted(pivot, inner)
    else:
        output = _pivoted(pivot, inner)
    labels = [Label(new, label.name) for new, label in zip(given, output.labels, strict=False)]
    labels += output.labels[len(given) :]
    name = pivot.alias or ""
    if name:
        output.relation.labelled(name)
    return Side(output.relation, [Table(name, output.relation, tuple(labels))])


class Choice(NamedTuple):
    """A value of PIVOT's IN: the name of its column, and the condition for it."""

    name: str
    condition: exp.Expr
    column: str | None = None  # the column that is compared with a text
    text: str = ""


def _pivoted(pivot: exp.Expr, scope: Scope) -> Output:
    """Translate PIVOT: an aggregate with a filter for each of the values."""
    from ibert.translator.selects import selected

    is_statement = pivot.args.get("using") is not None or not pivot.args.get("fields")
    conditions = pivot.expressions if is_statement else pivot.args["fields"]
    aggregates = pivot.args.get("using") if is_statement else pivot.expressions
    aggregates = aggregates or [exp.Count(this=exp.Star())]
    group = pivot.args.get("group")
    if group is not None:
        keys = group.expressions
    else:
        read = _columns_of([*conditions, *aggregates])
        keys = [
            _column(table, label)
            for table in scope.tables
            for label, _ in table.labels
            if label.casefold() not in read
        ]
    choices = [_choices(part, scope) for part in conditions]
    made = []
    for combination in product(*choices):
        for aggregate in aggregates:
            name = _name([choice.name for choice in combination], aggregate, len(aggregates))
            node = _filtered(aggregate, [choice.condition for choice in combination])
            made.append(exp.alias_(node, name, quoted=True))
    _check_names([*(item.output_name for item in keys), *(item.alias for item in made)], pivot)
    select = exp.select(*(item.copy() for item in keys), *made)
    if keys:
        select = select.group_by(*(item.copy() for item in keys))
    around = Scope(scope.context, scope.outer)
    around.ctes, around.tables, around.relation = scope.ctes, scope.tables, scope.relation
    grouped = selected(select, around)
    return _wider(choices, aggregates, keys, grouped, scope) or grouped


def _columns_of(nodes: Sequence[exp.Expr]) -> set[str]:
    return {column.name.casefold() for node in nodes for column in node.find_all(exp.Column)}


def _column(table: Table, label: str) -> exp.Expr:
    alias = exp.to_identifier(table.alias, quoted=True) if table.alias else None
    return exp.column(exp.to_identifier(label, quoted=True), table=alias)


def _choices(node: exp.Expr, scope: Scope) -> list[Choice]:
    """Give the values that PIVOT makes columns of."""
    if not isinstance(node, exp.In) or not node.expressions:
        raise Refusal(
            "PIVOT without IN",
            node,
            "the columns would depend on the data; list the values: ON x IN (…)",
        )
    if isinstance(node.this, exp.Tuple):
        raise Refusal("PIVOT ON several columns at once", node, "write ON a IN (…), b IN (…)")
    kind = scope.value(node.this).type
    return [_choice(node.this, kind, part) for part in node.expressions]


def _choice(operand: exp.Expr, kind: Type, node: exp.Expr) -> Choice:
    """Compare with a value, as DuckDB does: both as texts."""
    alias = node.args["alias"].name if isinstance(node, exp.PivotAlias) else None
    node = node.this if isinstance(node, exp.PivotAlias) else node
    if isinstance(node, exp.Column) and not node.table:
        node = exp.Literal.string(node.name)  # a bare name is the text
    text = _text(node)
    if isinstance(node, exp.Null):
        return Choice(alias or "NULL", exp.Is(this=operand.copy(), expression=exp.Null()))
    plain = isinstance(operand, exp.Column) and isinstance(node, exp.Literal) and node.is_string
    if kind == VARCHAR:
        condition: exp.Expr = exp.EQ(this=operand.copy(), expression=exp.Literal.string(text))
        column = operand.name if plain and alias is None else None
        return Choice(alias or text, condition, column, text)
    if kind.is_integer and re.fullmatch(r"0|-?[1-9]\d{0,8}", text):
        condition = exp.EQ(this=operand.copy(), expression=_number(text))
    elif kind.name == "boolean" and text in ("true", "false"):
        condition = operand.copy() if text == "true" else exp.Not(this=operand.copy())
    else:
        condition = exp.EQ(
            this=exp.cast(operand.copy(), "VARCHAR", dialect="duckdb"),
            expression=exp.Literal.string(text),
        )
    return Choice(alias or text, condition)


def _number(text: str) -> exp.Expr:
    number = exp.Literal.number(text.lstrip("-"))
    return exp.Neg(this=number) if text.startswith("-") else number


# The texts of values that are the same as a text and as a value of their type.
_CANONICAL = {
    "DATE": r"\d{4}-\d\d-\d\d",
    "INT": r"0|-?[1-9]\d*",
    "BIGINT": r"0|-?[1-9]\d*",
    "SMALLINT": r"0|-?[1-9]\d*",
    "TINYINT": r"0|-?[1-9]\d*",
    "VARCHAR": r".*",
    "TEXT": r".*",
    "BOOLEAN": r"true|false",
}


def _text(node: exp.Expr) -> str:
    """Give a constant as a text."""
    node = node.unnest()
    if isinstance(node, exp.Literal):
        return node.name
    if isinstance(node, exp.Boolean):
        return "true" if node.this else "false"
    if isinstance(node, exp.Null):
        return "NULL"
    if isinstance(node, exp.Neg):
        return f"-{_text(node.this)}"
    if isinstance(node, exp.Cast):
        text = _text(node.this)
        if re.fullmatch(_CANONICAL.get(node.to.sql("duckdb"), "(?!)"), text):
            return text
    raise Refusal("PIVOT with this value in IN", node, "write it as a text")


def _name(values: list[str], aggregate: exp.Expr, count: int) -> str:
    """Give the name that DuckDB has for a column: the values, and the aggregate if it needs one."""
    parts = list(values)
    if isinstance(aggregate, exp.Alias):
        parts.append(aggregate.alias)
    elif count > 1 or not parts:
        parts.append(_spelling(aggregate))
    return "_".join(parts)


def _spelling(node: exp.Expr) -> str:
    """Give a call as DuckDB's names have it."""
    call = function_call(node)
    if call is None:
        return node.sql("duckdb").lower()
    name, arguments = call
    if name == "count" and all(isinstance(part, exp.Star) for part in arguments):
        return "count_star()"
    inner = ", ".join(part.sql("duckdb") for part in arguments if part is not None)
    is_nested = any(isinstance(part, exp.Binary) for part in arguments)
    return f"{name}(({inner}))" if is_nested else f"{name}({inner})"


def _filtered(aggregate: exp.Expr, conditions: list[exp.Expr]) -> exp.Expr:
    """Give an expression over an aggregate with a filter on the aggregate."""
    root = exp.Paren(this=aggregate.unalias().copy())
    found = next((part for part in root.walk() if calls.is_aggregate(part)), None)
    if found is None:
        raise Refusal("PIVOT USING something that is no aggregate", aggregate, code="IB503")
    if conditions:
        where = exp.Where(this=exp.and_(*conditions, copy=True))
        found.replace(exp.Filter(this=found.copy(), expression=where))
    inner: exp.Expr = root.this
    return inner


def _check_names(names: Sequence[str], node: exp.Expr) -> None:
    folded = [name.casefold() for name in names]
    twice = next((name for name in names if folded.count(name.casefold()) > 1), None)
    if twice is not None:
        raise Refusal(f"two columns called {twice!r}", node, "give one another name")


_WIDER = {"sum": "sum", "min": "min", "max": "max", "avg": "mean", "count": "count"}


def _wider(
    choices: list[list[Choice]],
    aggregates: list[exp.Expr],
    keys: list[exp.Expr],
    grouped: Output,
    scope: Scope,
) -> Output | None:
    """Give PIVOT as `pivot_wider` where that is all it takes."""
    names = _wider_names(choices, aggregates, keys)
    if names is None or scope.relation is None:
        return None
    method_name, nodes = names
    found = [scope.value(node) for node in nodes]
    if not all(value.is_field for value in found):
        return None
    *ids, subject, value = [value.name or "" for value in found]
    texts = [choice.text for choice in choices[0]]
    if list(grouped.relation.columns) != [*ids, *texts]:
        return None
    keywords = {
        "names_from": literal(subject, VARCHAR),
        "values_from": literal(value, VARCHAR),
        "values_agg": literal(method_name, VARCHAR),
        "names": _texts(texts),
        "id_cols": literal(ids[0], VARCHAR) if len(ids) == 1 else _texts(ids),
    }
    relation = Step(scope.relation, "pivot_wider", (), keywords, grouped.relation.columns)
    return Output(relation, grouped.labels)


def _wider_names(
    choices: list[list[Choice]], aggregates: list[exp.Expr], keys: list[exp.Expr]
) -> tuple[str, list[exp.Expr]] | None:
    """Give the aggregate of `pivot_wider`, the keys, the pivoted column and the argument."""
    if len(choices) != 1 or len(aggregates) != 1 or not keys:
        return None
    columns = [choice.column for choice in choices[0]]
    call = function_call(aggregates[0])
    if call is None or call[0] not in _WIDER or columns[0] is None or None in columns:
        return None
    arguments = [part for part in call[1] if part is not None]
    if len(arguments) != 1 or not isinstance(arguments[0], exp.Column):
        return None
    return _WIDER[call[0]], [*keys, exp.column(columns[0], quoted=True), arguments[0]]


def _texts(texts: Sequence[str]) -> Value:
    return Value(ast.List(elts=[constant(text) for text in texts], ctx=LOAD), UNKNOWN)


class Group(NamedTuple):
    """What UNPIVOT makes a row of: a name, and a value for each of its columns."""

    name: str
    values: list[Value]


def _unpivoted(pivot: exp.Expr, scope: Scope) -> Output:
    """Translate UNPIVOT."""
    name, labels, parts = _unpivot_parts(pivot)
    parts = [copy for part in parts for copy in _spread(part, scope)]
    groups = [_group(part, scope) for part in parts]
    widths = {len(group.values) for group in groups}
    if widths != {len(labels)}:
        raise Refusal("UNPIVOT of groups of different widths", pivot, code="IB503")
    read = _columns_of(parts)
    kept = {
        label: table.relation.field(column)
        for table in scope.tables
        for label, column in table.labels
        if label.casefold() not in read
    }
    _check_names([*kept, name, *labels], pivot)
    kinds = [_kind([group.values[i] for group in groups], pivot) for i in range(len(labels))]
    if len(labels) == 1:
        relation = _longer(groups, kept, name, labels[0], kinds[0], pivot, scope)
    else:
        relation = _exploded(groups, kept, name, labels, kinds, scope)
    if not pivot.args.get("include_nulls"):
        values = [relation.field(label) for label in labels]
        relation = Step(relation, "drop_null", _names(values), keeps_rows=True)
    return Output(relation, tuple(Label(label, label) for label in relation.columns))


def _names(values: list[Value]) -> list[Value]:
    """Give columns for an argument that takes one name or a list of them."""
    if len(values) == 1:
        return [key(values[0])]
    return [_texts([value.name or "" for value in values])]


def _unpivot_parts(pivot: exp.Expr) -> tuple[str, list[str], list[exp.Expr]]:
    """Give the name of the column of names, those of the columns of values, and what they hold."""
    fields = pivot.args.get("fields")
    if fields:
        if len(fields) != 1 or len(pivot.expressions) != 1:
            raise Refusal("UNPIVOT with several FOR", pivot)
        (field,) = fields
        (labels,) = pivot.expressions
        listed = labels.expressions if isinstance(labels, exp.Tuple) else [labels]
        return field.this.name, [item.name for item in listed], field.expressions
    into = pivot.args.get("into")
    if into is None:
        return "name", ["value"], pivot.expressions
    return into.this.name, [item.name for item in into.expressions], pivot.expressions


def _spread(part: exp.Expr, scope: Scope) -> list[exp.Expr]:
    """Give the columns that `*` and COLUMNS stand for."""
    if isinstance(part, exp.Star):
        return stars.each(exp.Columns(this=part.copy()), scope)
    return stars.each(part, scope)


def _group(node: exp.Expr, scope: Scope) -> Group:
    alias = node.args["alias"].name if isinstance(node, exp.PivotAlias | exp.Alias) else None
    node = node.this if isinstance(node, exp.PivotAlias | exp.Alias) else node
    parts = node.expressions if isinstance(node, exp.Tuple) else [node]
    return Group(alias or "_".join(map(_source_name, parts)), scope.values(parts))


def _source_name(node: exp.Expr) -> str:
    """Give the name of the one column that an expression reads."""
    columns = list(node.find_all(exp.Column))
    if len(columns) != 1:
        raise Refusal("UNPIVOT of an expression without a name", node, "give it one: AS …")
    return columns[0].name


def _kind(values: list[Value], node: exp.Expr) -> Type:
    kinds = [value.type for value in values]
    kind = reduce(common, kinds)
    if kind == UNKNOWN or (kind == VARCHAR and any(item != VARCHAR for item in kinds)):
        found = ", ".join(sorted({item.name for item in kinds}))
        raise Refusal(f"UNPIVOT of columns of the types {found}", node, "cast them", "IB503")
    return kind


def _longer(
    groups: list[Group],
    kept: dict[str, Value],
    name: str,
    label: str,
    kind: Type,
    pivot: exp.Expr,
    scope: Scope,
) -> Relation:
    """Give UNPIVOT of single columns as `pivot_longer`, after what they need to be columns."""
    if scope.relation is None:
        raise Refusal("UNPIVOT of nothing", pivot)
    values = {
        group.name: value if value.type == value.declared == kind else cast(value, kind)
        for group in groups
        for value in group.values
    }
    _check_names([*kept, *(group.name for group in groups)], pivot)
    plain = all(value.is_field and value.name == label for label, value in values.items())
    relation = scope.relation if plain else projected(scope.relation, kept | values, scope)
    columns: Columns = {column: relation.columns[column] for column in kept}
    columns[name] = Column(VARCHAR, VARCHAR)
    columns[label] = Column(kind, kind)
    keywords = {"names_to": literal(name, VARCHAR), "values_to": literal(label, VARCHAR)}
    longer = [relation.field(column) for column in values]
    return Step(relation, "pivot_longer", _names(longer), keywords, columns)


def _exploded(
    groups: list[Group],
    kept: dict[str, Value],
    name: str,
    labels: list[str],
    kinds: list[Type],
    scope: Scope,
) -> Relation:
    """Give UNPIVOT of several columns at once as a list of structs whose elements become rows."""
    rows = []
    for group in groups:
        values = [
            value if value.type == kind else cast(value, kind)
            for value, kind in zip(group.values, kinds, strict=True)
        ]
        fields = {name: literal(group.name, VARCHAR), **dict(zip(labels, values, strict=True))}
        rows.append(constructors.struct(fields))
    listed = constructors.array(rows)
    if listed is None or scope.relation is None:
        raise Refusal("UNPIVOT of these columns", None)
    row = "row"
    while row in scope.relation.columns:
        row += "_"
    unnested = method(listed, "unnest", type=listed.type.element)
    relation = projected(scope.relation, kept | {row: unnested}, scope)
    columns = {column: relation.columns[column] for column in kept}
    columns |= {name: Column(VARCHAR, VARCHAR)}
    columns |= {label: Column(kind, kind) for label, kind in zip(labels, kinds, strict=True)}
    return Step(relation, "unpack", [literal(row, VARCHAR)], columns=columns)


def sampled(sample: exp.Expr, relation: Relation) -> Relation:
    """Translate TABLESAMPLE and USING SAMPLE: of a share of the rows, or of a number of them."""
    percent, size = sample.args.get("percent"), sample.args.get("size")
    if size is not None and size.name.isdigit() and not sample.args.get("seed"):
        key = function("random", type=DOUBLE)
        shuffled = Step(relation, "order_by", [key], keeps_rows=True)
        return Step(shuffled, "limit", [literal(int(size.name), INTEGER)], keeps_rows=True)
    if percent is None or not percent.name.replace(".", "", 1).isdigit():
        raise Refusal("a sample of these rows", sample, "sample a share: 10 PERCENT")
    kind = sample.args.get("method") or ""
    name = (kind.name if isinstance(kind, exp.Expr) else kind).lower()
    keywords = {"method": literal("block" if name == "system" else "row", VARCHAR)}
    seed = sample.args.get("seed")
    if seed:
        keywords["seed"] = literal(int(seed.name), INTEGER)
    share = literal(float(percent.name) / 100, DOUBLE)
    return Step(relation, "sample", [share], keywords, keeps_rows=True)
