"""Ibis to SQL: compile for a dialect, then prove it by running both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ibert.answer import Answer
from ibert.backends import builtin_functions
from ibert.catalog import Catalog
from ibert.compilation import Program, Target, compiled, explained, target_of
from ibert.diagnostics import Diagnostic, IbertError
from ibert.sql.dialects import DIALECTS
from ibert.tasks.problem import Problem, asker, only_for_compiler
from ibert.verdict import Status, Verdict
from ibert.verification import verify as verify_on_generated

if TYPE_CHECKING:
    from ibert.model import GenerationSettings
    from ibert.tasks.by_model import Model

TASK = "ibis_to_sql"
UNREADABLE = ("IB002", "IB301")  # what SQL that is not to be had in DuckDB gives


def ibis_to_sql(
    code: str,
    catalog: object = None,
    *,
    dialect: str = "duckdb",
    pretty: bool = True,
    verify: bool = True,
    explain: bool = False,
    seed: int = 0,
    source: str | None = None,
    engine: str = "compiler",
    model: Model = None,
    refine: int = 0,
    generation: GenerationSettings | None = None,
) -> Answer:
    r"""Compile Ibis code to SQL.

    Variables that the query reads more than once become common table expressions of their name,
    with the comments above them.

    Parameters
    ----------
    code
        A script that defines `expr` or ends with an expression, or a function over tables. It sees
        `con`, `ibis`, `_` and each table under its own name.
    catalog
        The tables: what `Catalog.from_any` takes.
    dialect
        One that Ibis compiles to, or that sqlglot rewrites such a one to.
    pretty
        Whether the SQL is laid out over several lines.
    verify
        Whether to run both and compare: the code on DuckDB, and the SQL read in its dialect.
    explain
        Whether to give the steps of the query with the lines of the code that made them.
    seed
        Makes the rows of the generated tables.
    source
        What diagnostics call the code.
    engine
        `compiler`, or `model`: a language model proposes the query.
    model, refine, generation
        For the engine `model`: see `sql_to_ibis`.

    Raises
    ------
    IbertError
        The code raises, gives no expression that can be told without running it, or has an
        operation that the dialect has no spelling for.

    Examples
    --------
    >>> import ibert
    >>> catalog = {"orders": {"id": "int64", "total": "float64"}}
    >>> answer = ibert.ibis_to_sql("orders.filter(_.total > 3)", catalog, pretty=False)
    >>> answer.code, answer.verdict.status
    ('SELECT * FROM "orders" WHERE "orders"."total" > 3\n', <Status.VERIFIED: 'VERIFIED'>)
    """
    tables = Catalog({}) if catalog is None else Catalog.from_any(catalog)
    target = target_of(dialect)
    only_for_compiler(engine, pretty=not pretty, verify=not verify)
    program = Program(code, tables, source)
    model_asker = asker(engine, model, refine, generation)
    if model_asker is not None:
        explanation = explained(program) if explain else ""
        return model_asker.answer(problem(program, target, seed=seed), explanation=explanation)
    sql = compiled(program, target, pretty=pretty)
    if verify:
        verdict = _verified(sql, program, target, seed)
    else:
        verdict = _checked("compiled without running it")
    return Answer(
        task=TASK,
        code=sql,
        verdict=verdict,
        diagnostics=tuple(_foreign_functions(program, target)),
        explanation=explained(program) if explain else "",
    )


def problem(program: Program, target: Target, *, seed: int = 0) -> Problem:
    """Ask for the SQL of a program; a query is judged by running both.

    Raises
    ------
    IbertError
        IB905 if nothing reads the dialect, so that nothing could be judged.
    """
    if target.read_as not in DIALECTS:
        message = f"a model's SQL for {target.dialect} cannot be read"
        hint = "choose another dialect, or the engine 'compiler'"
        raise IbertError([Diagnostic(code="IB905", message=message, hint=hint)])

    def judged(sql: str) -> Verdict:
        try:
            return _verified(sql, program, target, seed)
        except IbertError as error:
            return Verdict(status=Status.FAILED, diagnostics=error.diagnostics)

    fields = {"dialect": target.dialect, "code": program.script}
    return Problem(TASK, fields, judged, program.catalog, dialect=target.read_as)


def _foreign_functions(program: Program, target: Target) -> Iterator[Diagnostic]:
    names = sorted(set(builtin_functions(program.expr)))
    if names and target.backend != "duckdb":
        message = f"the code calls functions by name, which {target.dialect} need not have: "
        yield Diagnostic(code="IB505", message=message + ", ".join(names))


def _verified(sql: str, program: Program, target: Target, seed: int) -> Verdict:
    """Run both; SQL of another dialect that DuckDB cannot run proves nothing."""
    if target.read_as not in DIALECTS:
        return _checked(f"it is written, but sqlglot does not read {target.dialect}")
    foreign = target.dialect != "duckdb"
    try:
        verdict = verify_on_generated(
            sql, program.script, program.catalog, dialect=target.read_as, seed=seed
        )
    except IbertError as error:
        if foreign and error.diagnostics[0].code in UNREADABLE:
            return _unreadable(error.diagnostics[0])
        raise
    failed = verdict.status is Status.FAILED
    if foreign and failed and verdict.diagnostics[0].code in UNREADABLE:
        return _unreadable(verdict.diagnostics[0])
    return verdict


def _unreadable(cause: Diagnostic) -> Verdict:
    return _checked(f"it is SQL, but cannot be run on DuckDB: {cause.message}")


def _checked(message: str) -> Verdict:
    diagnostic = Diagnostic(code="IB306", message=message)
    return Verdict(status=Status.CHECKED, diagnostics=(diagnostic,))
