"""The translator's door: SQL in, Ibis code out."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlglot import ErrorLevel, exp

from ibert.diagnostics import Diagnostic
from ibert.sql.parse import AS_WRITTEN
from ibert.translator import (
    arithmetic,
    calls,
    comparisons,
    conditionals,
    literals,
    logic,
    parameters,
    quantifiers,
    selects,
    subqueries,
    text_operators,
    window_calls,
)
from ibert.translator.comments import with_comments
from ibert.translator.emission import RESULT, Module, emit
from ibert.translator.layout import format_module
from ibert.translator.places import Statement
from ibert.translator.projection import honest
from ibert.translator.pruning import prune
from ibert.translator.refusal import Refusal, RefusedError
from ibert.translator.relations import Relation
from ibert.translator.scope import Context, Label, Output, Rule, Scope
from ibert.translator.separation import separate
from ibert.translator.sharing import share
from ibert.translator.statements import Statements, Step, read, statements_of
from ibert.translator.values import LOAD, Value, constant, name

if TYPE_CHECKING:
    from ibert.catalog import Catalog

FORMS = ("script", "function", "expression")
_QUERY = "query"  # what the result of a query before the last one is called


class Translation(msgspec.Struct, frozen=True):
    """Ibis code, and what a person should know about it."""

    code: str
    diagnostics: tuple[Diagnostic, ...] = ()


class Check(NamedTuple):
    """Two programs that give the same if a translation is right: a query and a script in Ibis.

    Parameters
    ----------
    sql
        The query.
    dialect
        Its dialect.
    code
        The script.
    samples
        The parameters and the values that both have for them.
    """

    sql: str
    dialect: str
    code: str
    samples: tuple[parameters.Sampled, ...] = ()


def _column(node: exp.Expr, scope: Scope) -> Value:
    return scope.column(node) if isinstance(node, exp.Column) else scope.value(node)


_MODULES = (
    literals,
    arithmetic,
    comparisons,
    logic,
    text_operators,
    conditionals,
    calls,
    subqueries,
    quantifiers,
    parameters,
    window_calls,
)


def rules() -> dict[type[exp.Expr], Rule]:
    """Give the rule for each class of expression."""
    table: dict[type[exp.Expr], Rule] = dict.fromkeys(FUNCTION_CLASSES, calls.call)
    table[exp.Column] = _column
    for module in _MODULES:
        table |= module.RULES
    return table


FUNCTION_CLASSES = tuple(
    found
    for found in vars(exp).values()
    if isinstance(found, type) and issubclass(found, exp.Func) and found is not exp.Func
)
_RULES: dict[type[exp.Expr], Rule] = {}


def translate(
    sql: str, catalog: Catalog, *, dialect: str = "duckdb", form: str = "script"
) -> Translation:
    """Translate a query or a script into Ibis code, without running anything."""
    program = Program(sql, catalog, dialect)
    return Translation(program.code(form), program.diagnostics)


class Program:
    """A script in Ibis.

    Parameters
    ----------
    sql
        The script in SQL.
    catalog
        The tables that are there before it.
    dialect
        The dialect of the script.
    source
        What diagnostics call it.

    Raises
    ------
    RefusedError
        Something has no translation.
    IbertError
        The script cannot be read.

    Examples
    --------
    >>> from ibert.catalog import Catalog
    >>> catalog = Catalog.from_any({"t": {"a": "int64"}})
    >>> script = "CREATE TABLE big AS SELECT a FROM t WHERE a > 9; SELECT max(a) AS m FROM big"
    >>> print(Program(script, catalog).code())
    from ibis import _
    <BLANKLINE>
    t = con.table("t")
    big = t.filter(_.a > 9)
    expr = big.agg(m=_.a.max())
    <BLANKLINE>
    """

    def __init__(
        self, sql: str, catalog: Catalog, dialect: str = "duckdb", source: str | None = None
    ) -> None:
        if not _RULES:
            _RULES.update(rules())
        self._sql = sql
        self._dialect = dialect
        self._context = Context(catalog, _RULES, with_comments(selects.query))
        self._statements = Statements(self._context, dialect)
        self._is_script = self._follow(source)
        self._parameters = parameters.ordered(self._context.parameters)
        with _located(self._last):
            self._module = self._emitted()

    @property
    def catalog(self) -> Catalog:
        """The tables that the code reads: those of the catalog and those the script declares."""
        return self._context.catalog

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What a person should know about the code."""
        last = self._statements.steps[-1].output
        return (
            *self._statements.remarks,
            *_of_functions(set(self._module.functions)),
            *_of_columns(last.labels),
        )

    def code(self, form: str = "script") -> str:
        """Write the program."""
        declared = parameters.declarations(self._parameters)
        return format_module(assembled(self._module, form, declared))

    def checks(self) -> list[Check] | None:
        """Give what has to be equal; None where a parameter has no value to try it with."""
        known = self._parameters
        chosen = parameters.samples(known)
        if chosen is None:
            return None
        declared = parameters.sample_declarations(known, chosen)
        code = format_module(assembled(self._module, "script", declared))
        if not self._is_script and not known:
            return [Check(self._sql, self._dialect, code)]
        checks = []
        for step in self._statements.sinks():
            tree = parameters.with_samples(self._statements.sql(step), chosen)
            text = tree.sql(AS_WRITTEN, comments=False, unsupported_level=ErrorLevel.RAISE)
            ending = self._ending(step)
            checks.append(Check(text, "duckdb", code + ending, tuple(chosen.values())))
        return checks

    def _ending(self, step: Step) -> str:
        """Give what makes the result of a step that of the program."""
        *earlier, last = self._statements.steps
        if step is last:
            return ""
        result = self._module.earlier[earlier.index(step)]
        return f"{RESULT} = {ast.unparse(result)}\n"

    def _follow(self, source: str | None) -> bool:
        """Translate the statements; tell whether they are more than one query."""
        unread = read(self._sql, self._dialect, source)
        statements = list(statements_of(unread, self._dialect != "duckdb"))
        for statement in statements:
            with _located(statement):
                self._statements.follow(statement)
        self._last = statements[-1]
        with _located(self._last):
            self._statements.finish()
        return len(statements) > 1 or len(self._statements.steps) > 1

    def _emitted(self) -> Module:
        *earlier, last = self._statements.steps
        sinks = self._statements.sinks()
        relations = [_sunk(step) if step in sinks else step.output.relation for step in earlier]
        result = _honest(last.output)
        prune([*relations, result])
        separate([*relations, result])
        share([*relations, result])
        return emit(result, parameters.variables(self._parameters), relations)


def _of_functions(functions: set[str]) -> Iterator[Diagnostic]:
    """Tell of the functions that the code declares."""
    if functions:
        words = f"function{'s' * (len(functions) > 1)} {', '.join(sorted(functions))}"
        message = f"the code calls the {words} of DuckDB, which Ibis lacks"
        hint = "it runs on the DuckDB backend only"
        yield Diagnostic(code="IB505", message=message, hint=hint)


def _of_columns(labels: Sequence[Label]) -> Iterator[Diagnostic]:
    """Tell of the columns that have one name in SQL and two in Ibis."""
    alike: dict[str, list[str]] = {}
    for label, column in labels:
        alike.setdefault(label.casefold(), []).append(column)
    for columns in alike.values():
        if len(columns) > 1:
            message = f"columns of one name in the SQL are {', '.join(columns)} in Ibis"
            yield Diagnostic(code="IB507", message=message, hint="give each a name with AS")


def _sunk(step: Step) -> Relation:
    """Give a step that nothing reads a variable of its own."""
    old = step.output.relation
    relation = _honest(step.output)
    if relation is not old:
        old.named = False
    return relation.labelled(step.name or old.label or _QUERY)


def _honest(output: Output) -> Relation:
    old = output.relation
    relation = honest(old, [label.name for label in output.labels])
    if relation is not old and not old.named:
        relation.heading, old.heading = old.heading, []
    return relation


@contextmanager
def _located(statement: Statement) -> Iterator[None]:
    """Turn what a translation raises into diagnostics with places."""
    try:
        yield
    except Refusal as refusal:
        raise RefusedError([_diagnostic(refusal, statement)]) from refusal
    except RecursionError as error:
        found = _diagnostic(Refusal("what is nested that deeply"), statement)
        raise RefusedError([found]) from error


def _diagnostic(refusal: Refusal, statement: Statement) -> Diagnostic:
    message = refusal.construct
    if refusal.code == "IB501":
        message = f"no translation for {message}"
    span = statement.place(refusal.node)
    source = statement.script.source
    return Diagnostic(
        code=refusal.code, message=message, source=source, span=span, hint=refusal.hint
    )


def assembled(module: Module, form: str, declared: Sequence[ast.stmt] = ()) -> ast.Module:
    """Put the parts of a program together; `declared` are its parameters."""
    tables: list[ast.stmt] = []
    for variable, relation in module.tables.items():
        keywords = []
        if relation.database:
            keywords.append(ast.keyword(arg="database", value=constant(relation.database)))
        value = ast.Call(
            func=ast.Attribute(value=name("con"), attr="table", ctx=LOAD),
            args=[constant(relation.table)],
            keywords=keywords,
        )
        tables.append(_assign(variable, value))
    body: list[ast.stmt] = [*module.declarations, *declared]
    if form == "function":
        body.append(_as_function(module))
    elif form == "expression":
        body += [*module.body, _commented(ast.Expr(value=module.result), module)]
    else:
        body += [*tables, *module.body, _commented(_assign(RESULT, module.result), module)]
    return ast.Module(body=[*_imports(body), *body], type_ignores=[])


def _as_function(module: Module) -> ast.stmt:
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(arg=variable) for variable in module.tables],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )
    return ast.FunctionDef(
        name="query",
        args=arguments,
        body=[*module.body, _commented(ast.Return(value=module.result), module)],
        decorator_list=[],
        returns=None,
    )


def _commented(statement: ast.stmt, module: Module) -> ast.stmt:
    statement.comments = module.heading  # type: ignore[attr-defined]
    return statement


def _assign(variable: str, value: ast.expr) -> ast.stmt:
    return ast.Assign(targets=[ast.Name(id=variable, ctx=ast.Store())], value=value)


_IMPORTS = {
    "ibis": "import ibis",
    "dt": "import ibis.expr.datatypes as dt",
    "s": "import ibis.selectors as s",
    "_": "from ibis import _",
}
_IMPORT_NODES = {key: ast.parse(text).body[0] for key, text in _IMPORTS.items()}


def _imports(body: list[ast.stmt]) -> list[ast.stmt]:
    used = {node.id for part in body for node in ast.walk(part) if isinstance(node, ast.Name)}
    return [copy.copy(node) for key, node in _IMPORT_NODES.items() if key in used]
