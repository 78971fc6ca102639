"""Error resolution: run code, take what it raises, and find the smallest change that runs."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ibert import fixtures
from ibert.answer import Alternative, Answer
from ibert.catalog import Catalog
from ibert.diagnostics import Diagnostic, Fix, IbertError, Span
from ibert.edits import edits_between, unified_diff
from ibert.repair import Repair, Repaired, repair
from ibert.repair.search import Run, ran, script_of
from ibert.sandbox import Execution, Failure, FailureKind, Limits, Profile, Sandbox
from ibert.tasks.problem import Problem, asker, checked
from ibert.verdict import Evidence, Status, Verdict
from ibert.verifier.witness import write_witnesses

if TYPE_CHECKING:
    from ibert.model import GenerationSettings
    from ibert.tasks.by_model import Asker, Model

TASK = "error_resolution"
MOST_CHARACTERS = 65_536  # of code: it is parsed here, where no limit of the sandbox holds
_STOPPED = {
    FailureKind.RAISED: "IB302",
    FailureKind.REFUSED: "IB308",
    FailureKind.NO_EXPRESSION: "IB303",
    FailureKind.CRASHED: "IB307",
}


def fix(
    code: str,
    catalog: object = None,
    *,
    error: str | None = None,
    seed: int = 0,
    limits: Limits | None = None,
    allow_weak: bool | None = None,
    source: str | None = None,
    engine: str = "compiler",
    model: Model = None,
    refine: int = 0,
    generation: GenerationSettings | None = None,
) -> Answer:
    r"""Repair Ibis code that raises.

    The code runs in the sandbox on generated tables. Changes for what it raises are tried, the
    smallest first; only what runs is offered. Comments and layout stay as they are.

    Parameters
    ----------
    code
        A script that defines `expr` or ends with an expression, or a function over tables. It sees
        `con`, `ibis`, `_` and each table under its own name.
    catalog
        The tables: what `Catalog.from_any` takes. None: the fixture tables.
    error
        What the code is said to raise: `Class: message`, or the end of a traceback. The answer
        says so if it raises something else.
    seed
        Makes the rows of the tables.
    limits
        What one run may use.
    allow_weak
        Whether to run code on a machine that cannot confine it; see `Sandbox`.
    source
        What diagnostics call the code.
    engine
        `compiler`, or `model`: a language model proposes the repair.
    model, refine, generation
        For the engine `model`: see `sql_to_ibis`.

    Raises
    ------
    IbertError
        The catalog cannot be read, or the code is too long.

    Examples
    --------
    >>> import ibert
    >>> catalog = {"orders": {"id": "int64", "total": "float64"}}
    >>> answer = ibert.fix("orders.filter(_.totl > 3 and _.id < 9)  # big\n", catalog)
    >>> print(answer.code, end="")
    orders.filter((_.total > 3) & (_.id < 9))  # big
    >>> answer.verdict.status
    <Status.VERIFIED: 'VERIFIED'>
    >>> answer.diagnostics[0].message
    'TypeError: The truth value of Deferred objects is not defined'
    """
    if len(code) > MOST_CHARACTERS:
        message = f"the code has {len(code):,} characters; {MOST_CHARACTERS:,} can be repaired"
        raise IbertError([Diagnostic(code="IB304", message=message, source=source)])
    if "\0" in code:
        raise IbertError([Diagnostic(code="IB002", message="not text", source=source)])
    tables = Catalog.from_ddl(fixtures.SCHEMA_SQL) if catalog is None else Catalog.from_any(catalog)
    model_asker = asker(engine, model, refine, generation)
    with _sandbox(tables, catalog is None, seed, limits, allow_weak) as sandbox:

        def run(text: str) -> Execution | Failure:
            return sandbox.run(text, profile=Profile.OWN, constants=None)

        try:
            if model_asker is not None:
                return _by_model(code, tables, run, model_asker, source, sandbox.protection.level)
            found = repair(code, tables, run)
        except RecursionError:
            message = "the code is nested too deeply"
            raise IbertError([Diagnostic(code="IB304", message=message, source=source)]) from None
        return _answer(code, found, error, source, sandbox.protection.level)


def problem(code: str, raised: str, tables: Catalog, run: Run, protection: int = 0) -> Problem:
    """Ask for the repair of code; what runs to its end is one."""

    def judged(text: str) -> Verdict:
        script = script_of(text, tables)
        outcome = run(script)
        if ran(outcome, script):
            return _ran(outcome, protection)
        assert isinstance(outcome, Failure)
        return _failed(outcome, None, protection)

    return Problem(TASK, {"error": raised, "code": code}, judged, tables, remarks=checked(tables))


def _by_model(
    code: str, tables: Catalog, run: Run, asked: Asker, source: str | None, protection: int
) -> Answer:
    """Have a model repair code that raises; code that runs is not asked about."""
    script = script_of(code, tables)
    outcome = run(script)
    if ran(outcome, script):
        return _answer(code, Repaired(execution=outcome), None, source, protection)
    assert isinstance(outcome, Failure)
    raised = _said(outcome)
    found = asked.answer(problem(code, raised, tables, run, protection))
    note = Diagnostic(
        code="IB611",
        message=raised.partition("\n")[0],
        source=source,
        span=Span(outcome.line, outcome.column or 1) if outcome.line else None,
    )
    return msgspec.structs.replace(
        found,
        diagnostics=(note, *found.diagnostics),
        explanation=unified_diff(code, found.code, source or "stdin") if found.code else "",
    )


@contextlib.contextmanager
def _sandbox(
    tables: Catalog, is_fixture: bool, seed: int, limits: Limits | None, allow_weak: bool | None
) -> Iterator[Sandbox]:
    """Make the tables' rows, as for verifying, and a sandbox that holds them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if is_fixture:
            path = fixtures.write_databases(folder, seed)[0]
        else:
            path = write_witnesses(folder, tables, _every_table(tables), seed=seed)[0].paths[0]
        with Sandbox([path], limits=limits, allow_weak=allow_weak) as sandbox:
            yield sandbox


def _every_table(tables: Catalog) -> str:
    """Give a query that reads all tables, for which rows are made."""
    counts = (
        f'SELECT count(*) AS n FROM "{name.replace(chr(34), chr(34) * 2)}"'  # noqa: S608
        for name in tables
    )
    return " UNION ALL ".join(counts) or "SELECT 1 AS n"


def _answer(
    code: str, found: Repaired, error: str | None, source: str | None, protection: int
) -> Answer:
    if found.execution is not None:
        message = "the code runs: there is nothing to repair"
        note = Diagnostic(code="IB610", message=message, source=source)
        return Answer(
            task=TASK, code=code, verdict=_ran(found.execution, protection), diagnostics=(note,)
        )
    if found.failure is not None:
        return Answer(task=TASK, code=code, verdict=_failed(found.failure, source, protection))
    raised = _diagnostic(code, found, source)
    notes = (raised, *_differs(error, found))
    if not found.repairs:
        missing = Diagnostic(code="IB612", message="no change was found after which the code runs")
        verdict = Verdict(
            status=Status.FAILED, evidence=Evidence(protection=protection), diagnostics=(missing,)
        )
        return Answer(task=TASK, code=code, verdict=verdict, diagnostics=notes)
    best, *others = found.repairs
    diff = unified_diff(code, best.text, source or "stdin")
    return Answer(
        task=TASK,
        code=best.text,
        verdict=_ran(best.execution, protection),
        diagnostics=notes,
        explanation="\n".join([*(f"- {title}" for title in best.titles), "", diff]).rstrip("\n"),
        alternatives=tuple(Alternative(code=one.text, title=_title(one)) for one in others),
    )


def _title(one: Repair) -> str:
    return "; ".join(one.titles)


def _ran(execution: Execution | Failure, protection: int) -> Verdict:
    """Say what is known of code that ran; without an expression nothing was fetched."""
    if isinstance(execution, Execution):
        evidence = Evidence(
            databases=1,
            rows=execution.raw.table.num_rows,
            protection=protection,
            sql=execution.sql,
        )
        return Verdict(status=Status.VERIFIED, evidence=evidence)
    note = Diagnostic(
        code="IB306", message=f"it runs, and nothing was fetched: {execution.message}"
    )
    return Verdict(
        status=Status.CHECKED, evidence=Evidence(protection=protection), diagnostics=(note,)
    )


def _said(failure: Failure) -> str:
    return f"{failure.exception}: {failure.message}" if failure.exception else failure.message


def _failed(failure: Failure, source: str | None, protection: int) -> Verdict:
    """Say what stopped code."""
    code = _STOPPED.get(failure.kind, "IB304")
    span = Span(failure.line, failure.column or 1) if failure.line else None
    refused = failure.kind is FailureKind.REFUSED
    diagnostic = Diagnostic(
        code=code, message=_said(failure), source=source, span=span, hint=failure.hint
    )
    return Verdict(
        status=Status.REFUSED if refused else Status.FAILED,
        evidence=Evidence(protection=protection),
        diagnostics=(diagnostic,),
    )


def _diagnostic(code: str, found: Repaired, source: str | None) -> Diagnostic:
    first = found.message.partition("\n")[0]
    repaired = None
    if found.repairs:
        best = found.repairs[0]
        repaired = Fix(title=_title(best), edits=edits_between(code, best.text))
    return Diagnostic(
        code="IB611",
        message=f"{found.exception}: {first}",
        source=source,
        span=Span(found.line, found.column or 1) if found.line else None,
        hint=found.title or None,
        fix=repaired,
    )


def _differs(error: str | None, found: Repaired) -> Iterator[Diagnostic]:
    """Say so where the code raises something else than was stated."""
    stated = error.strip().splitlines()[-1] if error and error.strip() else ""
    name = stated.partition(":")[0].rpartition(".")[2].strip()
    if stated and name != found.exception:
        message = f"the code raises {found.exception} here, not {name}"
        yield Diagnostic(code="IB613", message=message)
