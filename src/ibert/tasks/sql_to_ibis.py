"""SQL to Ibis: translate, then prove the translation by running both."""

from __future__ import annotations

import symtable
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ibert.answer import Answer
from ibert.backends import portability
from ibert.catalog import Catalog
from ibert.diagnostics import Diagnostic
from ibert.tasks.problem import Problem, asker, checked, failed, only_for_compiler
from ibert.translator.translation import Check, Program
from ibert.verdict import Status, Verdict
from ibert.verification import Judge
from ibert.verification import verify as verify_on_generated
from ibert.verifier import Verifier

if TYPE_CHECKING:
    from ibert.model import GenerationSettings
    from ibert.tasks.by_model import Model

TASK = "sql_to_ibis"


def sql_to_ibis(
    sql: str,
    catalog: object = None,
    *,
    dialect: str = "duckdb",
    verify: bool = True,
    form: str = "script",
    seed: int = 0,
    data: str | Path | None = None,
    check_backends: bool = False,
    source: str | None = None,
    engine: str = "compiler",
    model: Model = None,
    refine: int = 0,
    generation: GenerationSettings | None = None,
) -> Answer:
    """Translate a query or a script into Ibis code.

    In a script, each `CREATE TABLE … AS`, `CREATE VIEW` and `INSERT` is a step under the table's
    name; the code gives the last query or, where the script ends with another statement, that
    table. Parameters become those of Ibis.

    Parameters
    ----------
    sql
        The query, or statements with semicolons between them.
    catalog
        The tables: a `Catalog`, or what `Catalog.from_any` takes. None: those in `data`, and those
        that the script declares.
    dialect
        The dialect of the SQL, and of the catalog where that is DDL.
    verify
        Whether to run both and compare what they give.
    form
        `script` (tables, steps, `expr`), `function` (`def query(orders): …`) or `expression`.
    seed
        Makes the rows of the generated tables.
    data
        A DuckDB file to run both on, which is not changed. None: on generated tables.
    check_backends
        Whether to tell on which of Ibis' SQL backends the code compiles.
    source
        What diagnostics call the SQL.
    engine
        `compiler`, or `model`: a language model proposes a module for one query.
    model
        For the engine `model`: a name on the hub or a folder, settings, or a backend that is open.
        None: the model that `ModelSettings` names.
    refine
        For the engine `model`: how often it may try again, told what is wrong.
    generation
        For the engine `model`: how its answers are generated.

    Raises
    ------
    RefusedError
        Something in the SQL has no translation: the diagnostics say what, where, and what to do.
    IbertError
        The SQL, the catalog or the data cannot be read.

    Examples
    --------
    >>> import ibert
    >>> catalog = {"orders": {"id": "int64", "status": "string", "total": "float64"}}
    >>> sql = "SELECT status, sum(total) AS total FROM orders WHERE id > 3 GROUP BY status"
    >>> answer = ibert.sql_to_ibis(sql, catalog)
    >>> print(answer.code)
    from ibis import _
    <BLANKLINE>
    orders = con.table("orders")
    expr = orders.filter(_.id > 3).group_by("status").agg(total=_.total.sum())
    <BLANKLINE>
    >>> answer.verdict.status
    <Status.VERIFIED: 'VERIFIED'>
    """
    stored = None if data is None else Catalog.from_duckdb(data)
    if catalog is not None:
        tables = Catalog.from_any(catalog, dialect=dialect)
    else:
        tables = stored or Catalog({})
    only_for_compiler(
        engine, form=form != "script", check_backends=check_backends, verify=not verify
    )
    model_asker = asker(engine, model, refine, generation)
    if model_asker is not None:
        with problem(sql, tables, dialect=dialect, seed=seed, data=data) as asked:
            return model_asker.answer(asked)
    program = Program(sql, tables, dialect, source)
    code = program.code(form)
    if verify:
        verdict = _verified(program, seed, None if data is None else Path(data))
    else:
        verdict = _unproved("translated without running it")
    return Answer(
        task=TASK,
        code=code,
        verdict=verdict,
        diagnostics=program.diagnostics,
        portability=tuple(portability(program.code(), program.catalog)) if check_backends else (),
    )


def _verified(program: Program, seed: int, data: Path | None) -> Verdict:
    """Run what has to be equal: the first verdict that is not in favour, or that on the last."""
    checks = program.checks()
    if checks is None:
        return _unproved("there is no value to try a parameter of this type with")
    for check in checks:
        verdict = _run(check, program.catalog, seed, data)
        if not verdict.verified:
            break
    if not check.samples:
        return verdict
    values = ", ".join(f"{item.variable} = {item.sample!r}" for item in check.samples)
    note = Diagnostic(code="IB506", message=f"both ran with {values}")
    return msgspec.structs.replace(verdict, diagnostics=(*verdict.diagnostics, note))


def _run(check: Check, tables: Catalog, seed: int, data: Path | None) -> Verdict:
    sql, dialect, code, _ = check
    if data is None:
        return verify_on_generated(sql, code, tables, dialect=dialect, seed=seed)
    with Verifier([[data]]) as verifier:
        return verifier.verify(sql, code, dialect=dialect)


def _unproved(message: str) -> Verdict:
    diagnostic = Diagnostic(code="IB306", message=message)
    return Verdict(status=Status.CHECKED, diagnostics=(diagnostic,))


@contextmanager
def problem(
    sql: str,
    tables: Catalog,
    *,
    dialect: str = "duckdb",
    seed: int = 0,
    data: str | Path | None = None,
) -> Iterator[Problem]:
    """Ask for the translation of one query; a module is judged by running both.

    Raises
    ------
    IbertError
        The SQL is not one query of the dialect.
    """
    with Judge(sql, tables, dialect=dialect, seed=seed, data=data) as judge:

        def judged(code: str) -> Verdict:
            unbound = _unbound(code, tables)
            return judge.verify(code) if unbound is None else failed("IB302", unbound)

        fields = {"dialect": dialect, "sql": sql}
        yield Problem(TASK, fields, judged, tables, remarks=checked(tables))


def _unbound(code: str, tables: Collection[str]) -> str | None:
    """Say what keeps code from being a module that defines `expr`, given `con`."""
    try:
        names = {one.get_name(): one for one in symtable.symtable(code, "", "exec").get_symbols()}
    except SyntaxError:
        return None  # the verifier says it better
    if "expr" not in names or not names["expr"].is_assigned():
        return "the code does not assign its result to `expr`"
    bound = {name for name, one in names.items() if one.is_assigned() or one.is_imported()}
    for name in names:
        if name in tables and name not in bound:
            return f'the code does not define {name!r}: read it with con.table("{name}")'
        if name in ("ibis", "_") and name not in bound:
            return f"the code does not import {name!r}"
    return None
