"""Primary and foreign keys: what a catalog assumes of the rows of its tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlglot import exp

from ibert.sql.script import Script


class ForeignKey(NamedTuple):
    """Columns whose values, where none is NULL, are those of columns of another table's row."""

    columns: tuple[str, ...]
    table: str
    referred: tuple[str, ...]  # empty: the other table's primary key


class Keys(NamedTuple):
    """The keys of a table."""

    primary: tuple[str, ...] = ()
    foreign: tuple[ForeignKey, ...] = ()


def read_keys(sql: str, dialect: str) -> dict[str, Keys]:
    """Read the keys of the tables that a script creates and alters; those without keys are not in.

    What is wrong with the script is not told here: see `read_ddl`.

    Examples
    --------
    >>> read_keys("CREATE TABLE t (id INT PRIMARY KEY, u INT REFERENCES u (id))", "postgres")["t"]
    Keys(primary=('id',), foreign=(ForeignKey(columns=('u',), table='u', referred=('id',)),))
    """
    found: dict[str, Keys] = {}
    for statement, _ in Script(sql, dialect, None, []).statements():
        if isinstance(statement, exp.Create | exp.Alter):
            table = statement.find(exp.Table)
            keys = found.get(table.name, Keys()) if table else Keys()
            for column in statement.find_all(exp.ColumnDef):
                keys = _with_column(keys, column)
            for node in statement.find_all(exp.PrimaryKey, exp.ForeignKey):
                keys = _with_constraint(keys, node)
            if table and keys != Keys():
                found[table.name] = keys
    return found


def _with_column(keys: Keys, column: exp.ColumnDef) -> Keys:
    for constraint in column.constraints:
        if isinstance(constraint.kind, exp.PrimaryKeyColumnConstraint):
            keys = keys._replace(primary=(column.name,))
        elif isinstance(constraint.kind, exp.Reference):
            keys = _referring(keys, (column.name,), constraint.kind)
    return keys


def _with_constraint(keys: Keys, node: exp.Expr) -> Keys:
    columns = tuple(_names(node.expressions))
    if isinstance(node, exp.PrimaryKey):
        return keys._replace(primary=columns) if columns else keys
    reference = node.args.get("reference")
    return _referring(keys, columns, reference) if isinstance(reference, exp.Reference) else keys


def _referring(keys: Keys, columns: tuple[str, ...], reference: exp.Reference) -> Keys:
    table = reference.find(exp.Table)
    if table is None:
        return keys
    schema = reference.this
    referred = tuple(_names(schema.expressions)) if isinstance(schema, exp.Schema) else ()
    return keys._replace(foreign=(*keys.foreign, ForeignKey(columns, table.name, referred)))


def _names(nodes: list[exp.Expr]) -> Iterator[str]:
    for node in nodes:
        name = node if isinstance(node, exp.Identifier) else node.find(exp.Identifier)
        if name is not None:
            yield name.name
