"""Queries inside conditions and values."""

from __future__ import annotations

import ast

from sqlglot import exp

from ibert.translator import conditions, unnesting
from ibert.translator.calls import has_aggregate
from ibert.translator.comparisons import comparable, compare
from ibert.translator.conditionals import choose
from ibert.translator.contradictions import refuse_lost_null
from ibert.translator.correlation import is_writable, names_within, outer_fields, rows_around
from ibert.translator.datatypes import BIGINT, BOOLEAN, INTEGER, NULL, list_of
from ibert.translator.decorrelation import Domain
from ibert.translator.joins import ancestors
from ibert.translator.reductions import value_of_nothing
from ibert.translator.refusal import Refusal
from ibert.translator.relations import (
    Aggregate,
    Join,
    Relation,
    Step,
    TableRelation,
    ValueRelation,
    View,
)
from ibert.translator.scope import Output, Rule, Scope
from ibert.translator.syntax import (
    fields,
    free_slots,
    has_subquery,
    is_windowed,
)
from ibert.translator.values import (
    FieldNode,
    RelationNode,
    RowsNode,
    Slot,
    Value,
    as_expression,
    column_of,
    function,
    literal,
    method,
)

_PARTS = (
    *("from_", "joins", "laterals", "group", "having", "qualify", "distinct", "limit", "offset"),
    *("with_", "windows"),
)
ROW_MAKERS = (exp.Unnest, exp.Explode)
_UNFILTERED = ("distinct", "order_by", "select", "mutate")


def scalar(node: exp.Expr, scope: Scope) -> Value:
    """Translate a query that gives one value, and the ones within ARRAY and IN."""
    if isinstance(node, exp.In):
        return _in(node, scope)
    if isinstance(node, exp.Array):
        return _array(node, scope)
    found = _expression(node, scope)
    if found is not None:
        return found
    found = _over_list(node, scope)
    if found is not None:
        return found
    output = translated(node, scope)
    if len(output.labels) != 1:
        raise Refusal(f"a query of {len(output.labels)} columns as a value", node, code="IB503")
    return _single(output.relation, output.labels[0].name, scope)


def _over_list(node: exp.Expr, scope: Scope) -> Value | None:
    """Give an aggregate of the elements of a list as a function of the list."""
    call = unnesting.reduced(node)
    if call is None:
        return None
    try:
        return scope.value(call)
    except Refusal:
        return None


def _expression(node: exp.Expr, scope: Scope) -> Value | None:
    """Give the value that a query without FROM selects, if it is all there is in it."""
    inner = node.this.unnest() if isinstance(node, exp.Subquery) else node
    if not isinstance(inner, exp.Select) or len(inner.expressions) != 1 or _around(node):
        return None
    if any(inner.args.get(part) for part in _PARTS):
        return None
    (item,) = inner.expressions
    item = item.unalias()
    where = inner.args.get("where")
    parts = [item, where] if where is not None else [item]
    if any(part.find(exp.Star, exp.Columns, *ROW_MAKERS) for part in parts):
        return None
    if any(has_aggregate(part) or part.find(exp.Window) for part in parts):
        return None
    value = scope.value(item)
    if where is None:
        return value
    condition = conditions.condition(where.this, scope)
    return choose([(condition, value)], literal(None, NULL), value.type, value.declared)


def _around(node: exp.Expr) -> bool:
    """Whether parentheses around a query sort or cut it."""
    return any(node.args.get(part) for part in ("order", "limit", "offset", "with_"))


def _single(relation: Relation, name: str, scope: Scope) -> Value:
    """Give the only value of the only row of a relation."""
    relation, default = _summary(relation, name, scope)
    column = relation.columns[name]
    uses = free_slots(relation)
    reduction = _reduction(relation, name)
    if reduction is not None:
        value, base = reduction
        value = Value(value.node, value.type, value.declared, uses)
        if _is_mistaken(base, uses, scope):
            value = method(value, "as_scalar", type=value.type, declared=value.declared)
        return value
    if list(relation.columns) != [name]:
        relation = Step(relation, "select", [relation.field(name)], columns={name: column})
    rows = Value(RelationNode(relation), column.type, column.declared, uses)
    value = method(rows, "as_scalar", type=column.type, declared=column.declared)
    if column.type.is_integer and column.type.dtype and _is_narrow(relation, name):
        value = method(value, "cast", column.type.dtype, type=column.type)
    if default is not None and not default.is_null:
        value = method(value, "fill_null", default, type=value.type, declared=value.declared)
    return value


def _is_narrow(relation: Relation, name: str) -> bool:
    """Whether Ibis may declare a narrower type for a constant than DuckDB."""
    while isinstance(relation, Step):
        value = relation.keywords.get(name)
        if value is not None and not value.is_field:
            return not value.uses and not has_subquery(value)
        name = name if value is None else value.name or name
        relation = relation.parent
    return isinstance(relation, ValueRelation)


def _summary(relation: Relation, name: str, scope: Scope) -> tuple[Relation, Value | None]:
    """Write a query of one value; give what it is for rows that nothing was found for."""
    if isinstance(relation, Aggregate) and not relation.keys and not relation.having:
        default = value_of_nothing(relation.metrics[name])
        domain = domain_of(relation, scope, summarized=True) if default is not None else None
        if domain is not None:
            return domain.matched(domain.grouped(relation)), default
    return written(relation, scope), None


def written(relation: Relation, scope: Scope) -> Relation:
    """Give a query in a form that Ibis can evaluate for each row of a scope."""
    domain = domain_of(relation, scope)
    if domain is None:
        return relation
    return domain.matched(domain.pushed(relation))


def domain_of(
    relation: Relation, scope: Scope, times: int = 1, summarized: bool = False
) -> Domain | None:
    """Give the values that a query has to be evaluated for, if it cannot be for each row.

    Ibis shares what is read several times, for which a query for each row has to be a filter.
    """
    slots = frozenset(rows_around(scope))
    if not free_slots(relation, scope.context.free) & slots:
        return None
    read = outer_fields(relation, slots)
    if is_writable(relation, slots) and (times == 1 or _is_filter(relation, slots)):
        return None
    rows = rows_around(scope)
    wanted = {slot for slot, _ in read}
    made = Domain(
        [found for slot, found in rows.items() if slot in wanted],
        list(read.values()),
        names_within(relation),
    )
    return made.attach(relation, summarized)


def _is_filter(relation: Relation, slots: frozenset[Slot]) -> bool:
    """Whether a relation is a filter of rows that do not depend on the ones around them."""
    while isinstance(relation, Step) and relation.method == "filter":
        relation = relation.parent
    return not free_slots(relation) & slots


def _is_joined(relation: Relation | None) -> bool:
    while isinstance(relation, View) and not relation.needed:
        relation = relation.parent
    return isinstance(relation, Join)


def _is_mistaken(base: Relation | None, uses: frozenset[Slot], scope: Scope) -> bool:
    """Whether Ibis would take a reduction for one over the rows at hand."""
    if scope.reducing or scope.answers is not None:
        return True
    if not uses and not scope.filtering and _is_joined(scope.relation):
        return True
    while isinstance(base, View) and not base.needed:
        base = base.parent
    if base is None or scope.relation is None:
        return False
    return _is_ancestor(base, scope.relation, scope.grouping is not None)


def translated(node: exp.Expr, scope: Scope) -> Output:
    """Translate a query; what Ibis would take for an earlier one reads views of its own."""
    inner = node.this.unnest() if isinstance(node, exp.Subquery) else node
    whole = ("whole", inner)
    joins = tuple(inner.args.get("joins") or ())
    rows = ("rows", inner.args.get("from_"), joins, inner.args.get("where"))
    scope.repeating = scope.asked.get(rows, False) or (whole in scope.asked and not scope.filtering)
    before = len(scope.inner)
    try:
        output = scope.query(node)
    finally:
        scope.repeating = False
    free = free_slots(output.relation, scope.context.free)
    if free:
        require_views(output.relation, scope, before)
    scope.asked[whole] = True
    scope.asked[rows] = scope.asked.get(rows, False) or bool(free)
    return output


def _reduction(relation: Relation, name: str) -> tuple[Value, Relation] | None:
    """Give an aggregate without groups as a reduction of one column: `t.x.max()`."""
    if not isinstance(relation, Aggregate) or relation.keys or relation.having:
        return None
    if list(relation.metrics) != [name]:
        return None
    value = relation.metrics[name]
    read = fields(value)
    slot = relation.parent.slot
    if len(read) != 1 or read[0].slot is not slot or has_subquery(value):
        return None
    from ibert.translator.syntax import replaced

    def replace(node: FieldNode) -> Value | None:
        if isinstance(node, RowsNode):
            return Value(RelationNode(relation.parent), BIGINT)
        return column_of(relation.parent, node.name)

    if not _starts_with_column(value):
        return None
    return replaced(value, replace), relation.parent


def _starts_with_column(value: Value) -> bool:
    """Whether a value is a chain of methods of its only column."""
    node = value.node
    while True:
        if isinstance(node, FieldNode):
            return True
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            node = node.value
        else:
            return False


def require_views(relation: Relation, scope: Scope, since: int = 0) -> None:
    """Tell the tables in a query from those around it whose columns it reads."""
    sources = ancestors(relation)
    for view in scope.inner[since:]:
        view.needed = view.needed or view in sources


def _is_ancestor(base: Relation, relation: Relation, grouped: bool) -> bool:
    """Whether Ibis would take a column of `base` for one of `relation`, or of its groups."""
    for item in ancestors(relation):
        if item is base and item is not relation:
            return True
        if (
            isinstance(base, TableRelation)
            and isinstance(item, TableRelation)
            and (item.table, item.database) == (base.table, base.database)
            and (grouped or item is not relation)
        ):
            return True
    return base is relation


def _in(node: exp.Expr, scope: Scope) -> Value:
    """Translate IN with a query."""
    output = translated(node.args["query"], scope)
    left = node.this.unnest()
    if isinstance(left, exp.Tuple) and len(output.labels) > 1:
        from ibert.translator.quantifiers import row_quantified

        return row_quantified("==", left.expressions, output, True, node, scope)
    return member(scope.value(node.this), output, node, scope)


def member(operand: Value, output: Output, node: exp.Expr, scope: Scope) -> Value:
    """Give whether a value is among those of a query."""
    if len(output.labels) != 1:
        raise Refusal(f"a query of {len(output.labels)} columns in IN", node, code="IB503")
    name = output.labels[0].name
    if operand.is_null:
        empty = compare("==", count(_bare(output.relation), scope), literal(0, INTEGER))
        return choose([(empty, literal(False, BOOLEAN))], literal(None, NULL), BOOLEAN, None)
    found = members_of(output.relation, name, scope)
    one, other = comparable(operand, found, node)
    return method(one, "isin", other, type=BOOLEAN)


def members_of(relation: Relation, name: str, scope: Scope) -> Value:
    """Give a column of a query, whose repetitions, order and plain projections do not matter."""
    while isinstance(relation, Step) and not relation.named:
        if relation.method in ("distinct", "order_by") and relation.method != "limit":
            relation = relation.parent
            continue
        if relation.method != "select" or has_unnest(relation):
            break
        chosen = {value.name: value for value in relation.arguments} | relation.keywords
        value = chosen[name]
        if not value.is_field or value.uses != {relation.parent.slot}:
            break
        relation, name = relation.parent, value.name or ""
    relation = written(relation, scope)
    found = column_of(relation, name)
    uses = free_slots(relation, scope.context.free)
    return Value(found.node, found.type, found.declared, uses)


def _array(node: exp.Expr, scope: Scope) -> Value:
    """Translate ARRAY of a query: its values in its order."""
    output = translated(node.expressions[0], scope)
    if len(output.labels) != 1:
        raise Refusal("ARRAY of a query with several columns", node, code="IB503")
    relation, value = output.relation, output.relation.field(output.labels[0].name)
    if isinstance(relation, Step) and relation.method == "drop":
        relation = relation.parent
        value = relation.field(value.name or "")
    if isinstance(relation, Step) and relation.method == "select" and not has_unnest(relation):
        inner = relation.parent
        chosen = {item.name: item for item in relation.arguments} | relation.keywords
        if _order(inner) and not is_windowed(chosen[value.name]):
            relation, value = inner, chosen[value.name]
    kind = list_of(value.type)
    order = _order(relation)
    collected = method(
        as_expression(value), "collect", type=kind, include_null=True, order_by=order or None
    )
    if order and isinstance(relation, Step) and relation.method == "order_by":
        relation = relation.parent
    found = _single(Aggregate(relation, {}, {"list": collected}), "list", scope)
    empty = function("literal", [], f"array<{value.type.dtype}>", type=kind)
    return method(found, "fill_null", empty, type=kind)


def _order(relation: Relation) -> list[Value]:
    """Give the keys that the rows of a relation are sorted by."""
    while isinstance(relation, Step) and relation.method in ("limit", "filter"):
        relation = relation.parent
    if isinstance(relation, Step) and relation.method == "order_by":
        return relation.arguments
    return []


def exists(node: exp.Expr, scope: Scope) -> Value:
    """Translate EXISTS as a value."""
    relation = _bare(translated(node.this, scope).relation)
    refuse_lost_null(relation, node, scope)
    rows = count(relation, scope)
    return compare(">", rows, literal(0, INTEGER))


def count(relation: Relation, scope: Scope) -> Value:
    """Give the number of rows."""
    relation = written(relation, scope)
    uses = free_slots(relation)
    rows = Value(RelationNode(relation), BIGINT, None, uses)
    value = method(rows, "count", type=BIGINT)
    if _is_mistaken(relation if scope.grouping is not None else None, uses, scope):
        value = method(value, "as_scalar", type=BIGINT)
    return value


def _bare(relation: Relation) -> Relation:
    """Leave out what has no influence on whether there are rows."""
    while isinstance(relation, Step) and relation.method in _UNFILTERED:
        if has_unnest(relation):
            break
        relation = relation.parent
    return relation


def has_unnest(step: Step) -> bool:
    """Whether a step makes rows out of lists."""
    from ibert.translator.syntax import calls

    return any(calls(value, "unnest") for value in step.values)


def _remembered(rule: Rule) -> Rule:
    """Give a rule that answers a query once where it may be a key of groups."""

    def answer(node: exp.Expr, scope: Scope) -> Value:
        if scope.answers is None:
            return rule(node, scope)
        if node in scope.answers:
            return scope.answers[node]
        value = rule(node, scope)
        if has_subquery(value):  # others mean something else once there are groups
            scope.answers[node] = value
        return value

    return answer


RULES: dict[type[exp.Expr], Rule] = {
    exp.Subquery: _remembered(scalar),
    exp.Select: _remembered(scalar),
    exp.Exists: _remembered(exists),
}
