"""Queries that DuckDB itself answers wrongly (seen in 1.5.5): no translation could be proved."""

from __future__ import annotations

import ast

from sqlglot import exp

from ibert.translator.correlation import conjuncts_of, rows_around
from ibert.translator.refusal import Refusal
from ibert.translator.relations import Relation, Step
from ibert.translator.scope import Scope
from ibert.translator.syntax import free_slots, nodes
from ibert.translator.values import FieldNode


def refuse_lost_null(relation: Relation, node: exp.Expr, scope: Scope) -> None:
    """Refuse EXISTS as a value where it is tied to the rows around it by `=` and by `<>`.

    DuckDB looks such rows up in a table of hashes, where NULL <> 1 is true.
    """
    around = rows_around(scope)
    compared: set[type[ast.cmpop]] = set()
    while isinstance(relation, Step) and relation.method == "filter":
        for part in (part for value in relation.values for part in conjuncts_of(value.node)):
            read = [item for item in nodes(part) if isinstance(item, FieldNode)]
            outer = [item for item in read if item.slot in around]
            if not isinstance(part, ast.Compare) or not outer or len(outer) == len(read):
                continue
            kind = type(part.ops[0])
            required = all(around[item.slot].columns[item.name].required for item in outer)
            if kind is ast.Eq or not required:
                compared.add(kind)
        relation = relation.parent
    if {ast.Eq, ast.NotEq} <= compared:
        raise Refusal(
            "EXISTS as a value, with = and <> to the rows around it",
            node,
            "DuckDB answers it with true where the column around it is NULL; "
            "write (SELECT count(*) > 0 …)",
        )


def refuse_detached(name: str, definition: Relation, node: exp.Expr) -> None:
    """Refuse a query in FROM, deeper than the WITH it reads, if that reads the rows around it.

    DuckDB answers it for all of these rows at once.
    """
    inner = node.find_ancestor(exp.Select)
    derived = inner.parent if inner is not None else None
    if not isinstance(derived, exp.Subquery) or not isinstance(derived.parent, exp.From | exp.Join):
        return
    around = derived.find_ancestor(exp.Select)
    named = around.args.get("with_") if around is not None else None
    if named is not None and any(cte.alias.casefold() == name for cte in named.expressions):
        return
    if free_slots(definition):
        raise Refusal(
            f"the correlated CTE {name!r} in a query in FROM",
            node,
            "DuckDB answers it for all the rows around it at once; read the CTE itself in FROM",
        )
