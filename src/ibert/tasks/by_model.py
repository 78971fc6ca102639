"""SQL to Ibis by a language model: it proposes, the verifier decides, and says what is wrong."""

from __future__ import annotations

import symtable
from collections.abc import Collection
from pathlib import Path

from ibert.answer import Answer
from ibert.catalog import Catalog
from ibert.diagnostics import Diagnostic
from ibert.model.generation import Backend, GenerationSettings
from ibert.model.prompts import described
from ibert.model.refinement import refine
from ibert.model.settings import ModelSettings, open_backend
from ibert.verdict import Status, Verdict
from ibert.verification import Judge

Model = ModelSettings | Backend | str | None


def opened(model: Model) -> Backend:
    """Give the backend that is meant; one that is open already stays so.

    Raises
    ------
    IbertError
        A package, a model, a device or a server is missing.
    """
    if model is None or isinstance(model, str):
        model = ModelSettings() if model is None else ModelSettings(model=model)
    return open_backend(model) if isinstance(model, ModelSettings) else model


def sql_to_ibis(
    sql: str,
    tables: Catalog,
    *,
    dialect: str,
    seed: int,
    data: str | Path | None,
    model: Model,
    rounds: int,
    settings: GenerationSettings | None,
) -> Answer:
    """Have a model translate a query.

    Raises
    ------
    IbertError
        The SQL is not one query, or something that the model needs is missing.
    """
    backend = opened(model)
    schemas = tables.to_dict()
    fields = {"tables": described(schemas), "dialect": dialect, "sql": sql}
    with Judge(sql, tables, dialect=dialect, seed=seed, data=data) as judge:

        def judged(code: str) -> Verdict:
            problem = _unbound(code, schemas)
            return judge.verify(code) if problem is None else _failed(problem)

        refined = refine("sql_to_ibis", fields, judged, backend, rounds=rounds, settings=settings)
    return Answer(
        task="sql_to_ibis",
        code=refined.code,
        verdict=refined.verdict,
        engine="model",
        costs=refined.costs,
    )


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


def _failed(message: str) -> Verdict:
    diagnostic = Diagnostic(code="IB302", message=message)
    return Verdict(status=Status.FAILED, diagnostics=(diagnostic,))
