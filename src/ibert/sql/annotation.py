"""Types for the expressions of a query, as sqlglot works them out from the types of columns."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify_columns import qualify_columns
from sqlglot.schema import MappingSchema

ColumnTypes = Mapping[str, Mapping[str, exp.DataType]]  # of the columns of each table

_PLACE = "place"  # in the metadata of a node: its number


def annotate(query: exp.Expr, dialect: str, columns: ColumnTypes) -> None:
    """Note the types of the expressions of a query; what is not known gets none.

    Examples
    --------
    >>> from sqlglot import parse_one
    >>> query = parse_one("SELECT q.n + 1 FROM (SELECT a AS n FROM t) AS q")
    >>> annotate(query, "postgres", {"t": {"a": exp.DataType.build("INT")}})
    >>> query.expressions[0].type.sql()
    'INT'
    """
    nodes = list(query.walk())
    for place, node in enumerate(nodes):
        node.meta[_PLACE] = place
    copy = query.copy()
    for node in nodes:
        del node.meta[_PLACE]
    for identifier in copy.find_all(exp.Identifier):
        identifier.set("this", identifier.name.casefold())
    schema = MappingSchema(
        {
            table.casefold(): {name.casefold(): kind for name, kind in types.items()}
            for table, types in columns.items()
        },
        normalize=False,
    )
    try:
        copy = qualify_columns(copy, schema, expand_stars=False, allow_partial_qualification=True)
        annotate_types(copy, schema, dialect=dialect)
    except (SqlglotError, AssertionError):  # of what is not known more is told elsewhere
        return
    for node in copy.walk():
        if _PLACE in node.meta and node.type is not None:
            nodes[node.meta[_PLACE]].type = node.type
