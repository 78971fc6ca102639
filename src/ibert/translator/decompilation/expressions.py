"""Read Ibis' value operations as values of the translator."""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops

from ibert.translator.datatypes import UNKNOWN
from ibert.translator.decompilation.equality import plain
from ibert.translator.decompilation.functions import Functions
from ibert.translator.decompilation.literals import dtype_node, literal_value, python_value
from ibert.translator.decompilation.syntax import of_ibis, of_value
from ibert.translator.decompilation.templates import Template, binary, eager, spelling
from ibert.translator.refusal import Refusal
from ibert.translator.relations import Relation
from ibert.translator.values import (
    MISSING,
    Argument,
    ColumnNode,
    RelationNode,
    RowsNode,
    Slot,
    Value,
    argument,
    as_expression,
    constant,
    field,
    key,
    lambda_of,
    name,
    subscript,
)


class Tables(Protocol):
    """Where the relations of an expression are found."""

    functions: Functions

    def relation(self, op: ops.Relation) -> Relation:
        """Give the relation of an operation."""

    def parameter(self, op: ops.ScalarParameter) -> Relation:
        """Give what holds a parameter."""


class Expressions:
    """Reads the values of one step.

    Parameters
    ----------
    tables
        The relations of the expression.
    rows
        The operation that the step takes its rows from, if it takes any.
    slot
        Those rows.
    fields
        Columns that are written in another way than by their names in `rows`.
    """

    def __init__(
        self,
        tables: Tables,
        rows: ops.Relation | None = None,
        slot: Slot | None = None,
        fields: Mapping[ops.Field, Value] | None = None,
    ) -> None:
        self.tables = tables
        self.rows = rows
        self.slot = slot
        self.fields = fields or {}

    def value(self, op: ops.Value) -> Value:
        """Read a value.

        Raises
        ------
        Refusal
            Nothing that is public builds the operation.
        """
        for kind in type(op).__mro__:
            rule = RULES.get(kind.__name__)
            if rule is not None:
                return rule(op, self)
            if spelling(kind.__name__) is not None:
                return self.spelled(op, kind.__name__)
        raise Refusal(f"the operation {type(op).__name__}")

    def values(self, parts: Sequence[ops.Value]) -> list[Value]:
        """Read values."""
        return [self.value(part) for part in parts]

    def column(self, op: ops.Field) -> Value:
        """Read a column: of the rows at hand, or of another relation."""
        if op in self.fields:
            return self.fields[op]
        if op.rel == self.rows and self.slot is not None:
            return field(self.slot, op.name, UNKNOWN)
        return Value(ColumnNode(self.tables.relation(op.rel), op.name), UNKNOWN)

    def table(self, op: ops.Relation) -> Value:
        """Read a relation that is an argument of a value."""
        if op == self.rows and self.slot is not None:
            return Value(RowsNode(self.slot), UNKNOWN, uses=frozenset([self.slot]))
        return Value(RelationNode(self.tables.relation(op)), UNKNOWN)

    def outside(self) -> Expressions:
        """Read values of other relations, with none at hand."""
        return Expressions(self.tables)

    def argument(self, part: Any) -> Any:
        """Read an argument of an operation, whatever it is."""
        match part:
            case ops.SortKey():
                return self.sort_key(part)
            case ops.Value():
                return self.value(part)
            case ops.Relation():
                return self.table(part)
            case dt.DataType():
                return Value(dtype_node(part), UNKNOWN)
            case enum.Enum():
                return Value(constant(part.value), UNKNOWN, literal=part.value)
            case tuple():
                return [self.argument(item) for item in part]
            case None | str() | int() | float():
                return Value(constant(part), UNKNOWN, literal=part)
        return Value(python_value(part), UNKNOWN)

    def sort_key(self, op: ops.SortKey) -> Value:
        """Read a sort key; a plain one is the column itself."""
        value = as_expression(self.value(op.arg))
        keywords = {"nulls_first": True} if op.nulls_first else {}
        if op.ascending and not keywords:
            return value
        return of_value(value, "asc" if op.ascending else "desc", **keywords)

    def spelled(self, op: ops.Value, label: str) -> Value:
        """Write an operation by its spelling."""
        node = spelling(label)
        assert node is not None
        template = Template(
            lambda part: self._keys(part, self.argument(getattr(op, part))),
            lambda part: raw(getattr(op, part)),
            lambda part: type(getattr(op, part).to_expr()),
        )
        return template.value(node)

    @staticmethod
    def _keys(label: str, filled: Any) -> Any:
        """Write sort keys by name, and a single one without brackets."""
        if label != "order_by":
            return filled
        return _single([key(part) for part in filled])


def raw(part: Any) -> Any:
    """Give the Python value of an argument; `MISSING` if it has none."""
    if isinstance(part, ops.Literal):
        return MISSING if part.value is None else literal_value(part).literal
    if isinstance(part, ops.Node):
        return MISSING
    return part.value if isinstance(part, enum.Enum) else part


Rule = Callable[[Any, Expressions], Value]


def _literal(op: ops.Literal, _: Expressions) -> Value:
    return literal_value(op)


def _field(op: ops.Field, scope: Expressions) -> Value:
    return scope.column(op)


def _alias(op: ops.Alias, scope: Expressions) -> Value:
    inner = plain(op)
    if inner is not op:
        return scope.value(inner)
    return of_value(scope.value(op.arg), "name", op.name)


def _parameter(op: ops.ScalarParameter, scope: Expressions) -> Value:
    return Value(RelationNode(scope.tables.parameter(op)), UNKNOWN)


def _window(op: ops.WindowFunction, scope: Expressions) -> Value:
    keywords: dict[str, Argument] = {}
    if op.start is not None or op.end is not None or op.how != "rows":
        keywords[op.how] = (_bound(op.start, op.end, scope), _bound(op.end, op.start, scope))
    groups = [key(as_expression(value)) for value in scope.values(op.group_by)]
    orders = [key(scope.sort_key(part)) for part in op.order_by]
    if groups:
        keywords["group_by"] = _single(groups)
    if orders:
        keywords["order_by"] = _single(orders)
    value = scope.value(op.func)
    window = of_value(value, "over", **keywords)
    # Ibis finds out later what the keys of a window mean, whatever they are keys for.
    waiting = value.eager.union(*(part.eager for part in [*groups, *orders]))
    return Value(window.node, UNKNOWN, None, window.uses, waiting)


def _single(parts: list[Value]) -> Argument:
    return parts[0] if len(parts) == 1 else parts


def _bound(
    op: ops.WindowBoundary | None, other: ops.WindowBoundary | None, scope: Expressions
) -> Argument:
    """Write a bound of a frame: rows or an interval, negative before the current row."""
    if op is None:
        return None
    part = op.value
    is_cast = isinstance(part, ops.Cast) and part.to.is_interval() and not op.preceding
    if is_cast and other is not None and part.to == other.value.dtype:
        # Ibis casts a number beside an interval by itself.
        part = part.arg
    value = scope.value(part)
    # Ibis reads the sign of a literal, and a minus.
    is_literal = isinstance(part, ops.Literal)
    if op.preceding and is_literal and part.value > 0:
        return Value(ast.UnaryOp(op=ast.USub(), operand=value.node), UNKNOWN)
    if (
        not op.preceding
        and not isinstance(part, ops.Negate)
        and (not is_literal or part.value >= 0)
    ):
        return value
    return eager(of_ibis("preceding" if op.preceding else "following", value))


def _not(op: ops.Not, scope: Expressions) -> Value:
    inner = op.arg
    if isinstance(inner, ops.InValues):
        options: Argument = scope.values(inner.options)
        return of_value(scope.value(inner.value), "notin", options)
    if isinstance(inner, ops.InSubquery):
        return of_value(scope.value(inner.needle), "notin", _options(inner, scope))
    return scope.spelled(op, "Not")


def _coalesce(op: ops.Coalesce, scope: Expressions) -> Value:
    if len(op.arg) == 2 and isinstance(op.arg[1], ops.Literal):
        value, default = scope.values(op.arg)
        return of_value(value, "fill_null", default)
    return scope.spelled(op, "Coalesce")


def _searched_case(op: ops.SearchedCase, scope: Expressions) -> Value:
    branches = _branches(op, scope)
    return of_ibis("cases", *branches, **_default(op, scope))


def _simple_case(op: ops.SimpleCase, scope: Expressions) -> Value:
    branches = _branches(op, scope)
    return of_value(scope.value(op.base), "cases", *branches, **_default(op, scope))


def _branches(op: Any, scope: Expressions) -> list[Argument]:
    pairs = zip(op.cases, op.results, strict=True)
    return [(scope.value(case), scope.value(result)) for case, result in pairs]


def _default(op: Any, scope: Expressions) -> dict[str, Argument]:
    return {} if op.default == ops.NULL else {"else_": scope.value(op.default)}


def _struct(op: ops.StructColumn, scope: Expressions) -> Value:
    parts = scope.values(op.values)
    if all(part.is_literal for part in parts):
        parts = [as_expression(part) for part in parts]
    fields = {label: argument(part) for label, part in zip(op.names, parts, strict=True)}
    node = ast.Dict(
        keys=[constant(label) for label in fields], values=[node for node, *_ in fields.values()]
    )
    uses = frozenset().union(*(uses for _, uses, _ in fields.values()))
    inner = frozenset().union(*(inner for *_, inner in fields.values()))
    return of_ibis("struct", Value(node, UNKNOWN, None, uses, inner))


def _map_get(op: ops.MapGet, scope: Expressions) -> Value:
    if op.default == ops.NULL:
        return subscript(scope.value(op.arg), scope.value(op.key), UNKNOWN)
    return scope.spelled(op, "MapGet")


def _string_concat(op: ops.StringConcat, scope: Expressions) -> Value:
    first, *rest = scope.values(op.arg)
    if len(rest) == 1 and not (first.is_literal and rest[0].is_literal):
        return binary("+", first, rest[0])
    return of_value(first, "concat", *rest)


def _with_lambda(op: ops.ArrayMap | ops.ArrayFilter, scope: Expressions) -> Value:
    parameters = [part.name for part in (op.param, op.index) if part is not None]
    body = as_expression(scope.value(op.body))
    node = lambda_of(parameters, body.node)
    taken = eager(Value(node, UNKNOWN, None, body.uses, body.eager))
    return of_value(scope.value(op.arg), _LAMBDAS[type(op).__name__], taken)


_LAMBDAS = {"ArrayMap": "map", "ArrayFilter": "filter"}


def _lambda_argument(op: ops.Argument, _: Expressions) -> Value:
    return Value(name(op.name), UNKNOWN)


def _scalar_subquery(op: ops.ScalarSubquery, scope: Expressions) -> Value:
    return of_value(_only_column(op.rel, scope), "as_scalar")


def _only_column(rel: ops.Relation, scope: Expressions) -> Value:
    """Write the relation of a subquery as the column or reduction that Ibis makes it from."""
    outside = scope.outside()
    if isinstance(rel, ops.Project) or (isinstance(rel, ops.Aggregate) and not rel.groups):
        ((label, part),) = rel.values.items()
        if part.relations == {rel.parent} and is_named(part, label):
            return outside.value(part)
    return scope.table(rel)


def is_named(op: ops.Value, label: str) -> bool:
    """Whether Ibis gives an operation this name, wherever it is built."""
    return bool(op.name == label) and not op.find((ops.ScalarUDF, ops.AggUDF))


def _in_subquery(op: ops.InSubquery, scope: Expressions) -> Value:
    return of_value(scope.value(op.needle), "isin", _options(op, scope))


def _options(op: ops.InSubquery, scope: Expressions) -> Value:
    """Write the column of a subquery."""
    rel = op.rel
    if isinstance(rel, ops.JoinChain):
        return Value(ColumnNode(scope.tables.relation(rel), *rel.values), UNKNOWN)
    if not isinstance(rel, ops.Project | ops.DummyTable):
        raise Refusal(f"IN with a subquery that is a {type(rel).__name__}")
    ((label, part),) = rel.values.items()
    value = scope.outside().value(part)
    return value if is_named(part, label) else of_value(value, "name", label)


def _exists(op: ops.ExistsSubquery, scope: Expressions) -> Value:
    rel = op.rel
    if isinstance(rel, ops.Filter) and len(rel.predicates) == 1:
        (predicate,) = rel.predicates
        if scope.rows is not None and predicate.relations == {rel.parent, scope.rows}:
            return eager(of_value(scope.value(predicate), "any"))
    raise Refusal(
        "an ExistsSubquery that is not one predicate between two tables",
        hint="Ibis builds these from `(a.x == b.x).any()` alone",
    )


def _udf(op: Any, scope: Expressions) -> Value:
    return scope.tables.functions.call(op, scope.argument)


RULES: dict[str, Rule] = {
    "Alias": _alias,
    "AggUDF": _udf,
    "Argument": _lambda_argument,
    "ArrayFilter": _with_lambda,
    "ArrayMap": _with_lambda,
    "Coalesce": _coalesce,
    "ExistsSubquery": _exists,
    "Field": _field,
    "InSubquery": _in_subquery,
    "Literal": _literal,
    "MapGet": _map_get,
    "Not": _not,
    "ScalarParameter": _parameter,
    "ScalarSubquery": _scalar_subquery,
    "ScalarUDF": _udf,
    "SearchedCase": _searched_case,
    "SimpleCase": _simple_case,
    "StringConcat": _string_concat,
    "StructColumn": _struct,
    "WindowFunction": _window,
}
