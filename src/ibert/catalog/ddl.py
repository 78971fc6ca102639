"""Schemas from and to the DDL of any dialect that sqlglot parses.

Each statement of a script is followed, passed over because it cannot change what columns a table
has, or refused. Nothing that might change a table is left out in silence.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import ibis.expr.datatypes as dt
from ibis.expr.schema import Schema
from sqlglot import Dialect, Token, exp

from ibert.catalog.dialects import SERIALS, types_of
from ibert.catalog.types import read_type, write_type
from ibert.diagnostics import Diagnostic, Span, collected, did_you_mean
from ibert.sql.script import Script

# Statements that leave the columns of all tables as they are.
_PASSED = (
    *(exp.Analyze, exp.Attach, exp.Comment, exp.Commit, exp.Copy, exp.Declare, exp.Delete),
    *(exp.Describe, exp.Detach, exp.Grant, exp.Insert, exp.Install, exp.Kill, exp.LoadData),
    *(exp.Merge, exp.Pragma, exp.Refresh, exp.Revoke, exp.Rollback, exp.Semicolon, exp.Set),
    *(exp.Show, exp.Summarize, exp.Transaction, exp.TruncateTable, exp.Update, exp.Use),
)
# The first words of others that sqlglot does not parse.
_PASSED_COMMANDS = frozenset(
    {"LOAD", "LOCK TABLES", "MSCK REPAIR", "OPTIMIZE", "PRINT", "RESET", "UNLOCK TABLES", "VACUUM"}
)
# What is not a table: to create or to alter it leaves the columns as they are.
_NOT_TABLES = frozenset(
    {
        *("CLUSTERED INDEX", "DATABASE", "EXTENSION", "FILE FORMAT", "FUNCTION", "INDEX"),
        *("MACRO", "NONCLUSTERED INDEX", "POLICY", "PROCEDURE", "ROLE", "SCHEMA", "SEQUENCE"),
        *("STAGE", "TRIGGER", "USER", "WAREHOUSE"),
    }
)
# What stands in the parentheses of CREATE TABLE: columns (names, where types are left out) …
_COLUMNS = (exp.ColumnDef, exp.Identifier)
# … and what is none.
_CONSTRAINTS = (
    *(exp.CheckColumnConstraint, exp.Constraint, exp.ExcludeColumnConstraint, exp.ForeignKey),
    *(exp.IndexColumnConstraint, exp.PrimaryKey, exp.ProjectionDef, exp.UniqueColumnConstraint),
)
# What gives a table the columns of another.
_INHERITING = (exp.InheritsProperty, exp.LikeProperty, exp.PartitionedOfProperty)

_USUAL_TYPES = (
    *("BIGINT", "BOOLEAN", "CHAR", "DATE", "DECIMAL", "DOUBLE", "INTEGER", "JSON", "NUMERIC"),
    *("REAL", "SMALLINT", "TEXT", "TIME", "TIMESTAMP", "UUID", "VARCHAR"),
)
# Words that DuckDB or SQLite reserve, and sqlglot knows nothing of.
_UNLISTED = frozenset(
    {
        *("AT", "COLLATION", "CONCURRENTLY", "LAMBDA", "NOTHING", "PIVOT_LONGER"),
        *("TRANSACTION", "UNPACK"),
    }
)
_WRITE_OUT = "write the columns and their types out"
_LEAVE_OUT = "leave the statement out, or write what it does into CREATE TABLE"


def read_ddl(sql: str, dialect: str, source: str | None = None) -> dict[str, Schema]:
    """Read the schemas of the tables that a script creates.

    Parameters
    ----------
    sql
        The script.
    dialect
        The name that sqlglot has for its dialect.
    source
        The file it comes from, for diagnostics.

    Raises
    ------
    IbertError
        Everything that is wrong with the script: IB002 syntax, IB101 type, IB102 and IB103
        duplicates, IB104 and IB105 unknown tables and columns, IB106 a statement that cannot be
        followed or no table at all, IB107 no columns, IB203 dialect.

    Examples
    --------
    >>> read_ddl("CREATE TABLE orders (id INT PRIMARY KEY, total NUMERIC(9, 2))", "postgres")
    {'orders': ibis.Schema {
      id     !int32
      total  decimal(9, 2)
    }}
    """
    types_of(dialect)  # refuses what is no dialect
    with collected() as found:
        script = Script(sql, dialect, source, found)
        reader = _Reader(script, dialect)
        for statement, tokens in script.statements():
            try:
                reader.follow(statement, tokens)
            except RecursionError:
                script.find("IB002", "nested too deeply", script.span(tokens[:1]))
        if not (reader.tables or found):
            script.find("IB106", "no table: there is no CREATE TABLE statement", None)
    return {table.name: Schema(table.columns) for table in reader.tables.values()}


class _Table(NamedTuple):
    name: str
    columns: dict[str, dt.DataType]
    span: Span | None


class _Reader:
    """The tables that the statements of a script have made so far."""

    def __init__(self, script: Script, dialect: str) -> None:
        self.tables: dict[str, _Table] = {}
        self._script = script
        self._dialect = dialect

    def follow(self, statement: exp.Expr, tokens: list[Token]) -> None:
        """Take over what a statement does to the tables."""
        if isinstance(statement, exp.Create) and statement.kind == "TABLE":
            self._create(statement, tokens)
        elif isinstance(statement, exp.Alter) and statement.args.get("kind") == "TABLE":
            self._alter(statement, tokens)
        elif isinstance(statement, exp.Drop) and statement.args.get("kind") == "TABLE":
            self.tables.pop(statement.this.name.casefold(), None)
        elif not self._passed_over(statement, tokens):
            self._refuse(tokens, _LEAVE_OUT)

    def _passed_over(self, statement: exp.Expr, tokens: list[Token]) -> bool:
        """Whether a statement cannot change the columns of a table."""
        match statement:
            case exp.Create():
                return statement.kind in _NOT_TABLES
            case exp.Drop():
                return statement.args.get("kind") not in ("DATABASE", "SCHEMA") or not self.tables
            case exp.Command(this="ALTER" | "CREATE"):
                return len(tokens) > 1 and tokens[1].text.upper() in _NOT_TABLES
            case exp.Command():
                return statement.name in _PASSED_COMMANDS
            case exp.Query():
                return not statement.args.get("into")
            case _:
                return isinstance(statement, _PASSED)

    def _refuse(self, tokens: list[Token], hint: str) -> None:
        message = f"cannot follow what '{self._script.beginning(tokens)}' does to the tables"
        self._script.find("IB106", message, self._script.span(tokens), hint)

    def _create(self, create: exp.Create, tokens: list[Token]) -> None:
        name = create.find(exp.Table)
        properties = create.args.get("properties")
        members = [*create.this.expressions, *(properties.expressions if properties else ())]
        borrows = create.args.get("clone") or any(isinstance(m, _INHERITING) for m in members)
        queries = create.expression and not isinstance(create.this, exp.Schema)
        if not (name and name.name) or borrows or queries:
            return self._refuse(tokens, _WRITE_OUT)
        table = _Table(name.name, {}, self._script.name_span(name.this))
        columns = _columns(create.this, properties)
        if not columns:
            self._script.find("IB107", f"table {table.name!r} has no columns", table.span)
        for column in columns:
            self._column(table, column)
        for member in create.this.expressions:
            if isinstance(member, _CONSTRAINTS):
                self._constrain(table, member)
            elif not isinstance(member, _COLUMNS):
                self._refuse(tokens, _WRITE_OUT)
        return self._declare(table)

    def _declare(self, table: _Table) -> None:
        first = self.tables.setdefault(table.name.casefold(), table)
        if first is not table:
            place = f" in line {first.span.line}" if first.span else ""
            message = f"table {table.name!r} is defined already{place}"
            hint = "a catalog goes by the last part of a name, in any case"
            self._script.find("IB102", message, table.span, hint)

    def _column(self, table: _Table, column: exp.Expr) -> None:
        if column.name.casefold() in map(str.casefold, table.columns):
            message = f"column {column.name!r} of table {table.name!r} is defined already"
            self._script.find("IB103", message, self._script.name_span(column))
        # Where the type is unknown, the column still has a name that keys can refer to.
        table.columns[column.name] = self._column_type(table, column) or dt.unknown

    def _column_type(self, table: _Table, column: exp.Expr) -> dt.DataType | None:
        kind = column.args.get("kind")
        if kind is None:
            message = f"column {column.name!r} of table {table.name!r} has no type"
            self._script.find("IB101", message, self._script.name_span(column))
            return None
        dtype = read_type(kind, self._dialect)
        if dtype is None:
            text = kind.sql(self._dialect)
            message = f"column {column.name!r} of table {table.name!r}: Ibis has no type {text!r}"
            hint = did_you_mean(text.upper(), _USUAL_TYPES, "usual types")
            self._script.find("IB101", message, self._script.type_span(column), hint)
            return None
        nullable = _nullability(column)
        return dtype if nullable is None else dtype.copy(nullable=nullable)

    def _constrain(self, table: _Table, constraint: exp.Expr) -> None:
        """Make the columns of a primary key NOT NULL."""
        names = {name.casefold(): name for name in table.columns}
        for column in _key_columns(constraint):
            name = names.get(column.name.casefold())
            if name is None:
                message = f"table {table.name!r} has no column {column.name!r}"
                hint = did_you_mean(column.name, table.columns, "columns")
                self._script.find("IB105", message, self._script.name_span(column), hint)
            else:
                table.columns[name] = table.columns[name].copy(nullable=False)

    def _alter(self, alter: exp.Alter, tokens: list[Token]) -> None:
        """Follow what adds constraints and defaults, as dumps do after all tables."""
        actions = alter.args["actions"]
        table = self.tables.get(alter.this.name.casefold())
        if not all(map(_keeps_columns, actions)):
            self._refuse(tokens, _LEAVE_OUT)
        elif table is None:
            known = [table.name for table in self.tables.values()]
            message = f"no table {alter.this.name!r}"
            span = self._script.name_span(alter.this.this)
            self._script.find(
                "IB104", message, span, did_you_mean(alter.this.name, known, "tables")
            )
        else:
            for action in actions:
                for constraint in action.expressions:
                    self._constrain(table, constraint)


def _columns(schema: exp.Expr, properties: exp.Properties | None) -> list[exp.Expr]:
    """Give the columns that a table declares."""
    columns: list[exp.Expr] = [node for node in schema.expressions if isinstance(node, _COLUMNS)]
    for partition in properties.find_all(exp.PartitionedByProperty) if properties else ():
        # Hive declares the columns that a table is partitioned by there.
        added = partition.this.expressions
        columns += [column for column in added if isinstance(column, exp.ColumnDef)]
    return columns


def _nullability(column: exp.Expr) -> bool | None:
    """Whether a column's constraints let it be NULL; None if they do not say."""
    if isinstance(column.args["kind"].this, exp.DType) and column.args["kind"].this.name in SERIALS:
        return False
    nullable = None
    for constraint in column.args.get("constraints") or ():
        kind = constraint.args.get("kind")
        match kind:
            case exp.NotNullColumnConstraint():
                nullable = bool(kind.args.get("allow_null"))
            case exp.AutoIncrementColumnConstraint() | exp.PrimaryKeyColumnConstraint():
                return False
            case exp.GeneratedAsIdentityColumnConstraint(expression=None):
                return False
    return nullable


def _key_columns(constraint: exp.Expr) -> Iterator[exp.Identifier]:
    """Yield the columns of a constraint beside the columns, if it is a primary key."""
    named = isinstance(constraint, exp.Constraint)
    members = constraint.expressions if named else [constraint]
    if any(isinstance(m, exp.PrimaryKey | exp.PrimaryKeyColumnConstraint) for m in members):
        for member in members:
            # T-SQL's CLUSTERED has the columns as its `this`.
            columns = member.this if isinstance(member.this, list) else member.expressions
            for column in columns:
                yield from list(column.find_all(exp.Identifier))[:1]


def _keeps_columns(action: exp.Expr) -> bool:
    """Whether an action of ALTER TABLE leaves the columns as they are, but for NOT NULL."""
    sets_default = isinstance(action, exp.AlterColumn) and action.args.get("default") is not None
    return sets_default or isinstance(action, exp.AddConstraint)


def write_ddl(tables: Mapping[str, Schema], dialect: str) -> str:
    """Write CREATE TABLE statements in a dialect.

    Raises
    ------
    IbertError
        IB101 for each column of a type that the dialect has none for, IB203 for no dialect.

    Examples
    --------
    >>> print(write_ddl({"Order": Schema({"id": "!int64", "tags": "array<string>"})}, "trino"))
    CREATE TABLE "Order" (
      id BIGINT NOT NULL,
      tags ARRAY(VARCHAR)
    );
    """
    types_of(dialect)
    with collected() as found:
        statements = [_statement(name, schema, dialect, found) for name, schema in tables.items()]
    return "\n\n".join(f"{statement.sql(dialect, pretty=True)};" for statement in statements)


def _statement(name: str, schema: Schema, dialect: str, found: list[Diagnostic]) -> exp.Create:
    columns = []
    # Where types are NOT NULL by themselves, they say it themselves when they are not.
    explicit = types_of(dialect).mapper.default_nullable
    for column, dtype in schema.items():
        kind = write_type(dtype, dialect)
        if kind is None:
            message = f"{dialect} has no type for {dtype}"
            found.append(Diagnostic(code="IB101", message=message, source=f"{name}.{column}"))
        not_null = exp.ColumnConstraint(kind=exp.NotNullColumnConstraint())
        constraints = [] if dtype.nullable or not explicit else [not_null]
        identifier = _identifier(column, dialect)
        columns.append(exp.ColumnDef(this=identifier, kind=kind, constraints=constraints))
    table = exp.Table(this=_identifier(name, dialect))
    return exp.Create(this=exp.Schema(this=table, expressions=columns), kind="TABLE")


def _identifier(name: str, dialect: str) -> exp.Identifier:
    """Quote a name where the dialect would take it for a keyword or for another name."""
    identifier = exp.to_identifier(name)  # quoted if it is not a word
    if not identifier.quoted:
        kept = Dialect.get_or_raise(dialect).normalize_identifier(identifier.copy()).name == name
        identifier.set("quoted", name.upper() in _reserved(dialect) or not kept)
    return identifier


@functools.cache
def _reserved(dialect: str) -> frozenset[str]:
    """Give the words that are, or may be, no names in a dialect."""
    words = {
        word
        for key in Dialect.get_or_raise(dialect).tokenizer_class.KEYWORDS
        for word in key.split()
    }
    # sqlglot lists the reserved words of few dialects; most others reserve what these do.
    for listed in (dialect, "duckdb", "mysql", "redshift"):
        generator = Dialect.get_or_raise(listed).generator_class
        words |= {word.upper() for word in generator.RESERVED_KEYWORDS}
    return frozenset(words | _UNLISTED)
