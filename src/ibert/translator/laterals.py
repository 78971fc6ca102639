"""LATERAL: queries in FROM that read columns of the members before them."""

from __future__ import annotations

from sqlglot import exp

from ibert.translator import conditions
from ibert.translator.column_names import relabelled
from ibert.translator.correlation import names_within, outer_fields
from ibert.translator.datatypes import BIGINT, BOOLEAN
from ibert.translator.decorrelation import Domain
from ibert.translator.joins import join
from ibert.translator.reductions import value_of_nothing
from ibert.translator.refusal import Refusal
from ibert.translator.relations import Aggregate, Column, Relation, Step
from ibert.translator.scope import Scope, Table
from ibert.translator.sides import Side
from ibert.translator.values import Value, literal, method


def lateral(node: exp.Expr, join_node: exp.Expr, side: Side, scope: Scope) -> Side:
    """Join a query in FROM that reads columns of the members before it."""
    left = _keeps_left(join_node, node)
    scope.relation = side.relation
    output = scope.query(node.this)
    on = join_node.args.get("on")
    parts = conditions.conjuncts(on) if on is not None else []
    parts = [part for part in parts if not _is_true(part)]
    relation, predicates, counts = _for_all(output.relation, side, bool(parts))
    left = left or counts is not None
    alias = node.alias
    table = Table(alias, relation, relabelled(output.labels, node))
    if left and parts:
        both = Scope(scope.context, scope.outer)
        both.ctes, both.tables, both.relation = scope.ctes, [*side.tables, table], side.relation
        predicates += [conditions.condition(part, both) for part in parts]
    how = "left" if left else "inner"
    if not predicates:
        predicates = [literal(True, BOOLEAN)] if left else []
        how = how if left else "cross"
    joined, names = join(side.relation, relation, how, [], predicates, alias or "right")
    for item in side.tables:
        item.moved(joined, {})
    table.moved(joined, names)
    result = Side(joined, [*side.tables, table])
    if counts:
        filled = {
            names[name]: method(joined.field(names[name]), "fill_null", 0, type=BIGINT)
            for name in counts
        }
        columns = joined.columns | {name: Column.of(value) for name, value in filled.items()}
        result.moved(Step(joined, "mutate", keywords=filled, columns=columns, keeps_rows=True))
    if not left and parts:
        around = Scope(scope.context, scope.outer)
        around.ctes, around.tables, around.relation = scope.ctes, result.tables, joined
        conditions.restrict(around, parts)
        assert around.relation is not None
        result.moved(around.relation)
    return result


def _keeps_left(join_node: exp.Expr, node: exp.Expr) -> bool:
    """Whether a join keeps the rows of the left that the query gives nothing for."""
    side, kind = join_node.args.get("side") or "", join_node.args.get("kind") or ""
    if side not in ("", "LEFT") or kind in ("SEMI", "ANTI"):
        raise Refusal(f"a {side or kind} JOIN with a LATERAL query", node)
    if join_node.args.get("using") or join_node.args.get("method"):
        raise Refusal("a LATERAL query in a join with USING", node, "write ON")
    return bool(side == "LEFT")


def _is_true(node: exp.Expr) -> bool:
    return isinstance(node, exp.Boolean) and bool(node.this)


def _for_all(
    relation: Relation, side: Side, conditional: bool
) -> tuple[Relation, list[Value], list[str] | None]:
    """Evaluate a query for all rows of the left; give it with the conditions of the join.

    Aggregates of all rows have a result for each row of the left. Where a left join can bring it
    about, they come with their names of those that are 0 and not NULL then.
    """
    read = outer_fields(relation, frozenset([side.relation.slot]))
    if not read:
        return relation, [], None
    taken = {*names_within(relation), *side.relation.columns}
    domain = Domain([side.relation], list(read.values()), taken)
    counts = None
    if isinstance(relation, Aggregate) and not relation.keys and not conditional:
        defaults = {name: value_of_nothing(value) for name, value in relation.metrics.items()}
        if None not in defaults.values():
            counts = [name for name, value in defaults.items() if value and not value.is_null]
    domain.attach(relation, counts is not None)
    if counts is not None and isinstance(relation, Aggregate):
        made = domain.grouped(relation)
    else:
        made = domain.pushed(relation)
    return made, domain.matches(made), counts
