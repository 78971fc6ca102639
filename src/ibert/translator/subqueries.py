"""Queries inside conditions and values."""

from __future__ import annotations

import ast
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from ibert.translator import conditions, decorrelation
from ibert.translator.calls import has_aggregate
from ibert.translator.conditionals import choose
from ibert.translator.datatypes import BIGINT, BOOLEAN, INTEGER, NULL, list_of
from ibert.translator.decorrelation import Domain, rows_around
from ibert.translator.functions.lists import struct
from ibert.translator.joins import ancestors, join
from ibert.translator.operators import comparable, compare
from ibert.translator.refusal import Refusal
from ibert.translator.relations import Aggregate, Join, Relation, Step, TableRelation, View
from ibert.translator.scope import Output, Rule, Scope, Table
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
    invert,
    literal,
    method,
    name,
    null,
    operator,
)

if TYPE_CHECKING:
    from ibert.translator.sources import Side

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
    output = _query(node, scope)
    if len(output.labels) != 1:
        raise Refusal(f"a query of {len(output.labels)} columns as a value", node, code="IB503")
    return _single(output.relation, output.labels[0].name, scope)


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
    if default is not None and not default.is_null:
        value = method(value, "fill_null", default, type=value.type, declared=value.declared)
    return value


def _summary(relation: Relation, name: str, scope: Scope) -> tuple[Relation, Value | None]:
    """Write a query of one value; give what it is for rows that nothing was found for."""
    if isinstance(relation, Aggregate) and not relation.keys and not relation.having:
        default = decorrelation.value_of_nothing(relation.metrics[name])
        domain = _domain(relation, scope) if default is not None else None
        if domain is not None:
            return domain.matched(domain.grouped(relation)), default
    return written(relation, scope), None


def written(relation: Relation, scope: Scope) -> Relation:
    """Give a query in a form that Ibis can evaluate for each row of a scope."""
    domain = _domain(relation, scope)
    if domain is None:
        return relation
    return domain.matched(domain.pushed(relation))


def _domain(relation: Relation, scope: Scope) -> Domain | None:
    """Give the values that a query has to be evaluated for, if it cannot be for each row."""
    slots = frozenset(rows_around(scope))
    read = decorrelation.outer_fields(relation, slots)
    if not read or decorrelation.is_writable(relation, slots):
        return None
    rows = rows_around(scope)
    wanted = {slot for slot, _ in read}
    return Domain(
        [found for slot, found in rows.items() if slot in wanted],
        list(read.values()),
        decorrelation.names_within(relation),
    )


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
    return base is not None and scope.relation is not None and _is_ancestor(base, scope.relation)


def _query(node: exp.Expr, scope: Scope) -> Output:
    """Translate a query; what Ibis would take for an earlier one reads views of its own."""
    inner = node.this.unnest() if isinstance(node, exp.Subquery) else node
    whole = ("whole", inner)
    rows = ("rows", *(str(inner.args.get(part)) for part in ("from_", "joins", "where")))
    scope.repeating = scope.asked.get(rows, False) or (whole in scope.asked and not scope.filtering)
    before = len(scope.inner)
    try:
        output = scope.query(node)
    finally:
        scope.repeating = False
    if free_slots(output.relation):
        sources = ancestors(output.relation)
        for view in scope.inner[before:]:
            view.needed = view.needed or view in sources
    scope.asked[whole] = True
    scope.asked[rows] = scope.asked.get(rows, False) or bool(free_slots(output.relation))
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
    import ast

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


def _is_ancestor(base: Relation, relation: Relation) -> bool:
    """Whether Ibis would take a column of `base` for one of `relation`."""
    for item in ancestors(relation):
        if item is base and item is not relation:
            return True
        if isinstance(base, TableRelation) and isinstance(item, TableRelation):
            if (item.table, item.database) == (base.table, base.database) and item is not relation:
                return True
    return base is relation


def _in(node: exp.Expr, scope: Scope) -> Value:
    """Translate IN with a query."""
    output = _query(node.args["query"], scope)
    left = node.this.unnest()
    if isinstance(left, exp.Tuple) and len(output.labels) > 1:
        return _row_quantified("==", left.expressions, output, True, node, scope)
    return member(scope.value(node.this), output, node, scope)


def member(operand: Value, output: Output, node: exp.Expr, scope: Scope) -> Value:
    """Give whether a value is among those of a query."""
    if len(output.labels) != 1:
        raise Refusal(f"a query of {len(output.labels)} columns in IN", node, code="IB503")
    name = output.labels[0].name
    if operand.is_null:
        empty = compare("==", _count(_bare(output.relation), scope), literal(0, INTEGER))
        return choose([(empty, literal(False, BOOLEAN))], literal(None, NULL), BOOLEAN, None)
    found = members_of(output.relation, name, scope)
    one, other = comparable(operand, found, node)
    return method(one, "isin", other, type=BOOLEAN)


def members_of(relation: Relation, name: str, scope: Scope) -> Value:
    """Give a column of a query: repetitions, order and projection of plain columns do not matter."""
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
    return Value(found.node, found.type, found.declared, free_slots(relation))


def _array(node: exp.Expr, scope: Scope) -> Value:
    """Translate ARRAY of a query: its values in its order."""
    output = _query(node.expressions[0], scope)
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
    count = _count(_bare(_query(node.this, scope).relation), scope)
    return compare(">", count, literal(0, INTEGER))


def _count(relation: Relation, scope: Scope) -> Value:
    """Give the number of rows."""
    relation = written(relation, scope)
    uses = free_slots(relation)
    rows = Value(RelationNode(relation), BIGINT, None, uses)
    count = method(rows, "count", type=BIGINT)
    if _is_mistaken(None, uses, scope):
        count = method(count, "as_scalar", type=BIGINT)
    return count


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


def quantified(node: exp.Expr, scope: Scope) -> Value:
    """Translate a comparison with ANY or ALL of a query or of a list."""
    symbol = _SYMBOLS[type(node)]
    operand, other = node.this, node.expression
    if isinstance(operand, exp.Any | exp.All):
        operand, other, symbol = other, operand, _FLIPPED[symbol]
    is_any = isinstance(other, exp.Any)
    inner = other.this if isinstance(other.this, exp.Query) else other.this.unnest()
    if not isinstance(inner, exp.Query):
        return _of_list(symbol, scope.value(operand), inner, is_any, node, scope)
    output = _query(inner, scope)
    parts = _row(operand)
    if parts is not None and len(output.labels) > 1:
        return _row_quantified(symbol, parts, output, is_any, node, scope)
    value = scope.value(operand)
    if symbol == "==" and is_any:
        return member(value, output, node, scope)
    if symbol == "!=" and not is_any:
        return invert(member(value, output, node, scope))
    found = output.relation.field(output.labels[0].name)
    if value.is_null:
        found = found.typed(value.type)
    one, other_ = comparable(value, found, node)
    holds = operator(symbol, one, other_, BOOLEAN)
    unknown = method(holds, "isnull", type=BOOLEAN)
    return _three_valued(holds, unknown, output.relation, is_any, scope)


_SYMBOLS = {exp.EQ: "==", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _row(node: exp.Expr) -> list[exp.Expr] | None:
    """Give the parts of a row."""
    inner = node.unnest()
    if isinstance(inner, exp.Tuple):
        return list(inner.expressions)
    if isinstance(inner, exp.Anonymous) and inner.name.lower() == "row":
        return list(inner.expressions)
    return None


def _of_list(
    symbol: str, value: Value, node: exp.Expr, is_any: bool, whole: exp.Expr, scope: Scope
) -> Value:
    """Give ANY or ALL of a list: of a written one each comparison, else those of its elements."""
    if isinstance(node, exp.Array):
        members = scope.values(node.expressions)
        holds = [compare(symbol, value, member, whole) for member in members]
        connective = "|" if is_any else "&"
        if not holds:
            return literal(not is_any, BOOLEAN)
        return reduce(lambda one, other: operator(connective, one, other, BOOLEAN), holds)
    found = scope.value(node)
    if not found.type.is_list:
        raise Refusal(f"{'ANY' if is_any else 'ALL'} of {found.type.name}", whole)
    element = Value(name("element"), found.type.element, found.declared.element)
    one, other = comparable(value, element, whole)
    comparison = operator(symbol, one, other, BOOLEAN)

    def any_element(condition: Value) -> Value:
        kept = method(found, "filter", _lambda("element", condition), type=found.type)
        return compare(">", method(kept, "length", type=BIGINT), literal(0, INTEGER))

    settling = comparison if is_any else invert(comparison)
    unknown = method(comparison, "isnull", type=BOOLEAN)
    return _settled(any_element(settling), any_element(unknown), is_any)


def _lambda(parameter: str, body: Value) -> Value:
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(arg=parameter)], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    node = ast.Lambda(args=arguments, body=body.node)
    return Value(node, body.type, None, body.uses, body.uses)


def _row_quantified(
    symbol: str,
    parts: list[exp.Expr],
    output: Output,
    is_any: bool,
    node: exp.Expr,
    scope: Scope,
) -> Value:
    """Compare a row with those of a query: sizes as structs, equality part by part."""
    if len(parts) != len(output.labels):
        raise Refusal("rows of different widths", node, code="IB503")
    found = [output.relation.field(label.name) for label in output.labels]
    pairs = [
        comparable(value.typed(other.type) if value.is_null else value, other, node)
        for value, other in zip(scope.values(parts), found, strict=True)
    ]
    if symbol in ("==", "!="):
        if not is_any:
            opposite = "!=" if symbol == "==" else "=="
            return invert(_row_quantified(opposite, parts, output, True, node, scope))
        connective = "&" if symbol == "==" else "|"
        holds = reduce(
            lambda one, other: operator(connective, one, other, BOOLEAN),
            [compare(symbol, one, other) for one, other in pairs],
        )
        nulls = [
            method(value, "isnull", type=BOOLEAN)
            for pair in pairs
            for value in pair
            if not value.is_literal or value.is_null
        ]
        unknown = reduce(lambda one, other: operator("|", one, other, BOOLEAN), nulls)
    else:
        names = [f"f{position}" for position in range(1, len(pairs) + 1)]
        ours = struct({label: one for label, (one, _) in zip(names, pairs, strict=True)})
        theirs = struct({label: other for label, (_, other) in zip(names, pairs, strict=True)})
        holds, unknown = operator(symbol, ours, theirs, BOOLEAN), None
    return _three_valued(holds, unknown, output.relation, is_any, scope)


def _three_valued(
    holds: Value, unknown: Value | None, relation: Relation, is_any: bool, scope: Scope
) -> Value:
    """Give ANY or ALL: settled by one row, else unknown if one comparison is, else the default."""
    domain = _domain(relation, scope)
    same: list[Value] = []
    if domain is not None:
        relation = domain.pushed(relation)
        same = domain.matches(relation)

    def any_row(condition: Value) -> Value:
        base, conditions_ = relation, [*same, condition]
        if isinstance(base, Step) and base.method == "filter" and not base.named:
            base, conditions_ = base.parent, [*base.arguments, *conditions_]
        kept = Step(base, "filter", conditions_)
        kept.slot = relation.slot
        return compare(">", _count(kept, scope), literal(0, INTEGER))

    settled = any_row(holds if is_any else invert(holds))
    return _settled(settled, any_row(unknown) if unknown is not None else None, is_any)


def _settled(settled: Value, unknown: Value | None, is_any: bool) -> Value:
    if unknown is None:
        return settled if is_any else invert(settled)
    return function(
        "cases",
        (settled, literal(is_any, BOOLEAN)),
        (unknown, null(BOOLEAN)),
        type=BOOLEAN,
        else_=literal(not is_any, BOOLEAN),
    )


def is_semi_join(node: exp.Expr, scope: Scope) -> bool:
    """Whether a condition of WHERE may become a semi join or an anti join."""
    node = _unwrapped(node)[0]
    if isinstance(node, exp.Exists):
        return True
    return (
        isinstance(node, exp.In)
        and bool(node.args.get("query"))
        and isinstance(node.this.unnest(), exp.Tuple)
    )


def _unwrapped(node: exp.Expr) -> tuple[exp.Expr, bool]:
    """Give what stands under NOT and parentheses, and whether it is negated."""
    negated = False
    while isinstance(node, exp.Not | exp.Paren):
        negated ^= isinstance(node, exp.Not)
        node = node.this
    return node, negated


def semi_join(condition: exp.Expr, scope: Scope) -> bool:
    """Keep the rows of a scope that a query has (or has not) rows for, by a join if possible."""
    node, negated = _unwrapped(condition)
    if isinstance(node, exp.In):
        return False if negated else _row_semi_join(node, scope)
    assert scope.relation is not None
    if free_slots(scope.relation):
        return False  # DuckDB fails to evaluate a semi join for each row of a query around it
    inner = node.this.unnest()
    if not isinstance(inner, exp.Select) or not _is_flat(inner):
        return False
    body = inner.copy()
    where = body.args.get("where")
    parts = conditions.conjuncts(where.this) if where is not None else []
    correlated = [part for part in parts if _reads(part, body, scope)]
    if not correlated or any(part.find(exp.Query) for part in correlated):
        return False
    kept = [part for part in parts if part not in correlated]
    from ibert.translator.selects import rows_of

    body_scope = rows_of(body, kept, scope)
    assert body_scope.relation is not None
    if body_scope.correlated or free_slots(body_scope.relation):
        return False
    values = [conditions.condition(part, body_scope) for part in correlated]
    keys, predicates = [], []
    ours, theirs = scope.relation.slot, body_scope.relation.slot
    for part, value in zip(correlated, values, strict=True):
        pair = None
        if isinstance(part, exp.EQ):
            one, other = body_scope.value(part.this), body_scope.value(part.expression)
            if one.uses == {theirs} and other.uses == {ours}:
                one, other = other, one
            if one.uses == {ours} and other.uses == {theirs}:
                pair = comparable(one, other)
        if pair is not None:
            keys.append(pair)
        elif value.uses <= {ours, theirs}:
            predicates.append(value)
        else:
            return False
    if not predicates:
        for view in body_scope.views:
            view.needed = False
    result, _ = join(
        scope.relation, body_scope.relation, "anti" if negated else "semi", keys, predicates
    )
    scope.move(result)
    return True


def _row_semi_join(node: exp.Expr, scope: Scope) -> bool:
    output = _query(node.args["query"], scope)
    left = node.this.unnest().expressions
    if len(left) != len(output.labels):
        raise Refusal("rows of different widths", node, code="IB503")
    assert scope.relation is not None
    keys = [
        comparable(scope.value(part), output.relation.field(label.name), node)
        for part, label in zip(left, output.labels, strict=True)
    ]
    result, _ = join(scope.relation, output.relation, "semi", keys)
    scope.move(result)
    return True


def _is_flat(node: exp.Expr) -> bool:
    """Whether a query has rows exactly if its FROM and WHERE have."""
    parts = ("group", "having", "limit", "offset", "qualify", "with_")
    if any(node.args.get(part) for part in parts) or node.args.get("from_") is None:
        return False
    from ibert.translator.calls import has_aggregate

    return not any(
        has_aggregate(item) or item.find(exp.Explode, exp.Unnest) for item in node.expressions
    )


def _reads(part: exp.Expr, body: exp.Expr, scope: Scope) -> bool:
    """Whether a condition reads columns of the query around; decided by names alone."""
    from ibert.translator.selects import tables_of

    inner = tables_of(body, scope)
    for column in part.find_all(exp.Column):
        if column.table:
            if column.table.casefold() not in inner:
                return True
        elif not any(column.name.casefold() in names for names in inner.values()):
            return True
    return False


def lateral(node: exp.Expr, join_node: exp.Expr, side: Side, scope: Scope) -> Side:
    """Join a query in FROM that reads columns of the members before it."""
    from ibert.translator.sources import Side as SideClass
    from ibert.translator.sources import relabelled

    left = join_node.side == "LEFT"
    if join_node.side not in ("", "LEFT") or join_node.kind in ("SEMI", "ANTI"):
        raise Refusal(f"a {join_node.side or join_node.kind} JOIN with a LATERAL query", node)
    if join_node.args.get("using") or join_node.args.get("method"):
        raise Refusal("a LATERAL query in a join with USING", node, "write ON")
    scope.relation = side.relation
    output = scope.query(node.this)
    relation, predicates = output.relation, []
    read = decorrelation.outer_fields(relation, frozenset([side.relation.slot]))
    if read:
        taken = {*decorrelation.names_within(relation), *side.relation.columns}
        domain = Domain([side.relation], list(read.values()), taken)
        relation = domain.pushed(relation)
        predicates = domain.matches(relation)
    alias = node.alias
    table = Table(alias, relation, relabelled(output.labels, node))
    on = join_node.args.get("on")
    parts = conditions.conjuncts(on) if on is not None else []
    if left and parts:
        both = Scope(scope.context, scope.outer)
        both.ctes, both.tables, both.relation = scope.ctes, [*side.tables, table], side.relation
        found = [conditions.condition(part, both) for part in parts]
        predicates += [value for value in found if value.literal is not True]
    how = "left" if left else "inner"
    if not predicates:
        predicates = [literal(True, BOOLEAN)] if left else []
        how = how if left else "cross"
    joined, names = join(side.relation, relation, how, [], predicates, alias or "right")
    for item in side.tables:
        item.moved(joined, {})
    table.moved(joined, names)
    result = SideClass(joined, [*side.tables, table])
    if not left and parts:
        around = Scope(scope.context, scope.outer)
        around.ctes, around.tables, around.relation = scope.ctes, result.tables, joined
        conditions.restrict(around, parts)
        assert around.relation is not None
        result.moved(around.relation)
    return result


def _remembered(rule: Rule) -> Rule:
    """Give a rule that answers a query once where it may be a key of groups."""

    def answer(node: exp.Expr, scope: Scope) -> Value:
        if scope.answers is None:
            return rule(node, scope)
        if node not in scope.answers:
            scope.answers[node] = rule(node, scope)
        return scope.answers[node]

    return answer


RULES: dict[type[exp.Expr], Rule] = {
    exp.Subquery: _remembered(scalar),
    exp.Select: _remembered(scalar),
    exp.Exists: _remembered(exists),
    exp.Any: quantified,
    exp.All: quantified,
}
