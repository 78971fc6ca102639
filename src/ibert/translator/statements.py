"""The statements of a script as steps of one program."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

import ibis
from sqlglot import Token, exp

from ibert.catalog import Catalog
from ibert.catalog.types import write_type
from ibert.diagnostics import Diagnostic, IbertError, collected, did_you_mean
from ibert.sql.annotation import ColumnTypes
from ibert.sql.dialects import check_dialect
from ibert.sql.parse import AS_WRITTEN, QUERIES, parse_as_written, to_duckdb
from ibert.sql.rules import UnknownMeaningError
from ibert.sql.script import Script
from ibert.translator import arguments, comments, parameters
from ibert.translator.collations import uncollated
from ibert.translator.json_tables import with_json_queries
from ibert.translator.names import unique
from ibert.translator.places import Statement
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Context, Label, Output

_ONE_STEP = "write it as a query: a step of a program gives rows and changes no table"
_ADDED = "added"  # what the rows of an INSERT are called
# What changes no row and no name of a table.
_IGNORED = (exp.Transaction, exp.Commit, exp.Use, exp.Comment, exp.Analyze, exp.Grant)
_TWO_WORDS = ("ALTER", "CREATE", "DROP")
_BEGINNINGS = ("SELECT", "WITH", "FROM", "VALUES", "CREATE", "INSERT", "DROP")
_IGNORED_KINDS = ("INDEX", "SCHEMA", "DATABASE", "SEQUENCE")

# What an INSERT may have besides its rows: each changes which rows the table has afterwards.
_INSERT_OPTIONS = {
    "conflict": "ON CONFLICT",
    "alternative": "INSERT OR …",
    "overwrite": "INSERT OVERWRITE",
    "ignore": "INSERT IGNORE",
    "returning": "RETURNING",
    "where": "REPLACE WHERE",
    "partition": "PARTITION",
    "by_name": "INSERT … BY NAME",
    "default": "DEFAULT VALUES",
}


class Step(NamedTuple):
    """What a statement gives.

    Parameters
    ----------
    name
        What later statements call it; None for the result of a query.
    query
        The query it stands for, in DuckDB's dialect.
    output
        Its translation.
    """

    name: str | None
    query: exp.Expr
    output: Output


class Unread(NamedTuple):
    """A script as it is parsed: its text in tokens, its statements."""

    script: Script
    text: str
    statements: list[tuple[exp.Expr, list[Token]]]


def read(sql: str, dialect: str, source: str | None = None) -> Unread:
    """Parse a script.

    Raises
    ------
    IbertError
        IB203 for an unknown dialect, IB002 for what cannot be parsed or has no statement in it.
    """
    check_dialect(dialect)
    with collected() as found:
        script = Script(sql, AS_WRITTEN if dialect == "duckdb" else dialect, source, found)
        statements = list(script.statements())
        if not statements and not found:
            script.find("IB002", "there is no SQL in it", None)
        for statement, tokens in statements:
            if isinstance(statement, exp.Condition | exp.Alias) and not isinstance(
                statement, QUERIES
            ):
                word = tokens[0].text
                hint = did_you_mean(word, _BEGINNINGS, "statements")
                message = f"no statement begins with {word!r}"
                script.find("IB002", message, script.span(tokens[:1]), hint)
    return Unread(script, sql, statements)


class Statements:
    """Follows a script statement by statement.

    Parameters
    ----------
    context
        What the translation shares.
    dialect
        The dialect of the script.

    Attributes
    ----------
    steps
        What the statements gave so far.
    remarks
        What depends on the data in them.
    """

    def __init__(self, context: Context, dialect: str) -> None:
        self.steps: list[Step] = []
        self.remarks: list[Diagnostic] = []
        self._context = context
        self._dialect = dialect
        self._names: dict[str, str] = {}  # what the tables of the script are called now
        self._created: set[str] = set()  # the tables that are declared without rows so far
        self._dropped: set[str] = set()
        self._views: dict[str, set[str]] = {}  # the tables that each view reads
        self._taken: set[str] = set(map(str.casefold, context.catalog))
        self._ordinals = itertools.count(1)

    def follow(self, statement: Statement) -> None:
        """Take one statement.

        Raises
        ------
        Refusal
            It does something else than giving rows, or has no translation.
        """
        self._statement = statement
        node = statement.node
        match node:
            case exp.Create(kind="TABLE" | "VIEW"):
                self._create(node)
            case exp.Insert():
                self._insert(node)
            case exp.Drop(kind="TABLE" | "VIEW"):
                self._drop(node)
            case exp.Select() if node.args.get("into"):
                into = node.args["into"]
                node.set("into", None)
                self._define(into.this, [], self._prepared(node))
            case _ if isinstance(node, QUERIES):
                self._query(self._prepared(node))
            case _ if isinstance(node, _IGNORED) or node.args.get("kind") in _IGNORED_KINDS:
                pass
            case _:
                raise self._unknown()

    def finish(self) -> None:
        """End with a query: the last table, if the last statement is none.

        Raises
        ------
        Refusal
            There is nothing that gives rows.
        """
        if not self.steps:
            raise Refusal("a script without a query", None, code="IB503")
        name = self.steps[-1].name
        if name is not None:
            self._query(exp.select("*").from_(_table(name)))

    def sinks(self) -> list[Step]:
        """Give the steps that no later one reads."""
        return [
            step
            for i, step in enumerate(self.steps)
            if step.name is None or not any(_reads(later, step.name) for later in self.steps[i:])
        ]

    def sql(self, step: Step) -> exp.Expr:
        """Give a step as one query that runs on the tables as they are before the script."""
        before = itertools.takewhile(lambda other: other is not step, self.steps)
        named = [_cte(other.name, other.query) for other in before if other.name is not None]
        query = step.query.copy()
        if not named:
            return query
        own = query.args.get("with_")
        taken = {cte.alias.casefold() for cte in named}
        is_hidden = own is not None and any(
            cte.alias.casefold() in taken for cte in own.expressions
        )
        if is_hidden or not isinstance(query, exp.Select | exp.SetOperation):
            query, own = exp.select("*").from_(exp.Subquery(this=query)), None
        clause = exp.With(
            expressions=[*named, *(own.expressions if own else [])],
            recursive=own.args.get("recursive") if own else None,
        )
        query.set("with_", clause)
        return query

    def _unknown(self) -> Refusal:
        first, *rest = (token.text.upper() for token in self._statement.tokens)
        words = f"{first} {rest[0]}" if rest and first in _TWO_WORDS else first
        return Refusal(f"the statement {words}", None, _ONE_STEP)

    def _prepared(self, node: exp.Expr) -> exp.Expr:
        """Give a query in DuckDB's dialect, with the tables of the script under their names now."""
        original = node
        if self._dialect != "duckdb":
            try:
                remarked: list[tuple[exp.Expr, str]] = []
                text = to_duckdb(node, self._dialect, self._columns(), remarked)
                self.remarks += [self._statement.remark(*found) for found in remarked]
                node = parse_as_written(text)
            except IbertError as error:
                (found, *_) = error.diagnostics
                at = error.node if isinstance(error, UnknownMeaningError) else None
                raise Refusal(found.message, at, found.hint, found.code) from error
        comments.collect(node, original, self._statement.text, self._statement.tokens)
        parameters.number(node, self._ordinals)
        for table in list(node.find_all(exp.Table)):
            self._rename(table)
        return node

    def _columns(self) -> ColumnTypes:
        """Give the types of the columns of all tables that there are now."""
        made = {
            table: {
                label: exp.DataType.build(kind.sql, dialect="duckdb")
                for label, name in labels
                if (kind := relation.columns[name].type).dtype or kind.is_integer
            }
            for table, actual in self._names.items()
            for relation, labels in [self._context.views[actual.casefold()]]
        }
        return self._context.catalog.to_sql_types() | made

    def _rename(self, table: exp.Table) -> None:
        folded = table.name.casefold()
        if folded not in self._dropped and folded not in self._names:
            return
        if not isinstance(table.this, exp.Identifier) or _is_shadowed(table):
            return
        if folded in self._dropped:
            hint = "the script drops it before"
            raise Refusal(f"no table {table.name!r}", table, hint, code="IB104")
        name = self._names[folded]
        if name.casefold() != folded and not table.alias:
            table.set("alias", exp.TableAlias(this=table.this.copy()))
        table.this.set("this", name)
        table.set("db", None)
        table.set("catalog", None)

    def _translated(self, query: exp.Expr) -> Output:
        arguments.check(query)
        changed = with_json_queries(uncollated(query.copy()))
        return self._context.query(changed, None, self._context)

    def _query(self, query: exp.Expr) -> None:
        self.steps.append(Step(None, query, self._translated(query)))

    def _create(self, node: exp.Create) -> None:
        target = node.find(exp.Table)
        if target is None or node.args.get("clone"):
            raise self._unknown()
        folded = target.name.casefold()
        is_known = folded in self._names or target.name in self._context.catalog
        if node.args.get("exists") and is_known and folded not in self._dropped:
            return
        if node.expression is None:
            self._declare(folded)
            return
        option = node.find(exp.WithDataProperty)
        if option is not None and option.args.get("no"):
            raise Refusal("CREATE TABLE … WITH NO DATA", node, _ONE_STEP)
        if any(column.args.get("kind") for column in node.this.expressions):
            raise Refusal("CREATE TABLE … AS with types of columns", node.this, "cast in the query")
        columns = [column.name for column in node.this.expressions]
        query = self._prepared(_commented(node.expression, node))
        reads = {self._names.get(t.name.casefold(), t.name) for t in query.find_all(exp.Table)}
        name = self._define(target, columns, query)
        if node.kind == "VIEW":
            self._views[name] = reads | {
                table for view in reads for table in self._views.get(view, ())
            }

    def _declare(self, folded: str) -> None:
        """Add what CREATE TABLE declares to the catalog."""
        _, node, text, tokens, _ = self._statement
        start, end = tokens[0].start, tokens[-1].end + 1
        blank = re.sub(r"[^\n]", " ", text[:start])
        declared = Catalog.from_ddl(blank + text[start:end], self._dialect)
        self._context.catalog = Catalog({**self._context.catalog.tables, **declared.tables})
        self._taken.add(folded)
        self._dropped.discard(folded)
        if not node.args.get("exists"):
            self._created.add(folded)

    def _define(self, target: exp.Expr, columns: list[str], query: exp.Expr) -> str:
        folded = target.name.casefold()
        self._check_views(self._names.get(folded, target.name), target)
        if folded in self._created:  # without rows: nothing reads it as it was
            self._taken.discard(folded)
            self._created.discard(folded)
        name = self._new_name(target.name)
        if columns:
            query = exp.select("*").from_(_derived(query, name, columns))
        output = self._translated(query)
        if output.relation.label == _ADDED:
            output.relation.label = name
        output.relation.labelled(name)
        self._context.views[name.casefold()] = output
        self._names[folded] = name
        self._dropped.discard(folded)
        self.steps.append(Step(name, query, output))
        return name

    def _new_name(self, wanted: str) -> str:
        name = unique(wanted, self._taken)
        self._taken.add(name.casefold())
        return name

    def _check_views(self, table: str, node: exp.Expr) -> None:
        for view, reads in self._views.items():
            if table.casefold() in map(str.casefold, reads):
                message = f"a change of {table!r}, which the view {view!r} reads"
                raise Refusal(message, node, "change the table before the view is created")

    def _drop(self, node: exp.Drop) -> None:
        for table in [node.this, *node.expressions]:
            folded = table.name.casefold()
            is_known = folded in self._names or table.name in self._context.catalog
            if not is_known and not node.args.get("exists"):
                raise Refusal(f"no table {table.name!r}", table, code="IB104")
            self._check_views(self._names.pop(folded, table.name), table)
            self._dropped.add(folded)

    def _insert(self, node: exp.Insert) -> None:
        for option, words in _INSERT_OPTIONS.items():
            if node.args.get(option):
                raise Refusal(words, node, _ONE_STEP)
        if node.args.get("with_") is not None:
            node.expression.set("with_", node.args["with_"])
        target = node.find(exp.Table)
        if target is None or not isinstance(node.expression, QUERIES):
            raise self._unknown()
        folded = target.name.casefold()
        query = self._prepared(_commented(node.expression, node))
        own = _table(target.name)
        self._rename(own)
        own.set("alias", None)
        before = self._translated(exp.select("*").from_(own))
        given = [column.name for column in node.this.expressions]
        added = self._rows(before, given, query, node)
        if folded in self._created:
            self._define(target, [], added)
            return
        rows = exp.Union(this=exp.select("*").from_(own), expression=added, distinct=False)
        self._define(target, [], rows)

    def _rows(self, table: Output, given: list[str], query: exp.Expr, node: exp.Expr) -> exp.Select:
        """Give the rows of an INSERT as the table stores them: in its order, of its types."""
        labels = [label for label, _ in table.labels]
        given = given or labels
        unknown = [name for name in given if name.casefold() not in map(str.casefold, labels)]
        if unknown:
            raise Refusal(f"no column {unknown[0]!r}", node, code="IB105")
        if len(given) != len(labels):
            hint = "give all of them: what the others are by default is not known"
            raise Refusal("an INSERT into some of the columns", node, hint)
        width = len(self._translated(query).labels)
        if width != len(given):
            message = f"{width} values for {len(given)} columns"
            raise Refusal(message, node, code="IB503")
        columns = [_stored(label, table) for label in table.labels]
        return exp.select(*columns).from_(_derived(query, _ADDED, given))


def statements_of(unread: Unread, is_translated: bool) -> Iterator[Statement]:
    """Give the statements with their places."""
    for node, tokens in unread.statements:
        yield Statement(unread.script, node, unread.text, tokens, is_translated)


def _stored(label: Label, table: Output) -> exp.Expr:
    """Write a column of an INSERT, cast to the type of the table's."""
    column: exp.Expr = exp.column(exp.to_identifier(label.label, quoted=True), table=_ADDED)
    dtype = table.relation.columns[label.name].type.dtype
    kind = write_type(ibis.dtype(dtype), "duckdb") if dtype is not None else None
    if kind is not None:
        column = exp.Cast(this=column, to=kind)
    return exp.alias_(column, label.label, quoted=True)


def _commented(query: exp.Expr, statement: exp.Expr) -> exp.Expr:
    """Give a query the comments of the statement that it is part of."""
    query.comments = [*(statement.comments or []), *(query.comments or [])]
    return query


def _derived(query: exp.Expr, name: str, columns: list[str]) -> exp.Expr:
    """Write a query as a derived table with names for its columns."""
    names = [exp.to_identifier(column, quoted=True) for column in columns]
    alias = exp.TableAlias(this=exp.to_identifier(name), columns=names)
    if isinstance(query, exp.Values):
        query.set("alias", alias)
        return query
    return exp.Subquery(this=query, alias=alias)


def _table(name: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(name))


def _cte(name: str, query: exp.Expr) -> exp.CTE:
    return exp.CTE(this=query.copy(), alias=exp.TableAlias(this=exp.to_identifier(name)))


def _reads(step: Step, name: str) -> bool:
    return any(table.name.casefold() == name.casefold() for table in step.query.find_all(exp.Table))


def _is_shadowed(table: exp.Table) -> bool:
    """Whether a name is that of a CTE around it."""
    folded = table.name.casefold()
    if table.args.get("db"):
        return False
    inner: exp.Expr = table
    around = table.parent
    while around is not None:
        if isinstance(around, exp.With):
            visible = around.expressions
            if not around.args.get("recursive"):
                visible = visible[: [id(cte) for cte in visible].index(id(inner))]
        else:
            clause = around.args.get("with_")
            visible = clause.expressions if clause is not None and clause is not inner else []
        if any(cte.alias.casefold() == folded for cte in visible):
            return True
        inner, around = around, around.parent
    return False
