"""Questions about Ibis: what to use, why, and an example that was run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ibert import fixtures
from ibert.answer import Answer
from ibert.answers import answer_text, choose, find, output_of
from ibert.diagnostics import Diagnostic, IbertError
from ibert.sandbox import Failure, Profile, Sandbox
from ibert.tasks.problem import Problem, asker, failed
from ibert.verdict import Evidence, Status, Verdict

if TYPE_CHECKING:
    from ibert.answers import Found
    from ibert.model import GenerationSettings
    from ibert.tasks.by_model import Model

TASK = "qa"
LONGEST = 2_000  # characters of a question


def ask(
    question: str,
    *,
    engine: str = "compiler",
    model: Model = None,
    refine: int = 0,
    generation: GenerationSettings | None = None,
) -> Answer:
    """Answer a question about Ibis from its own documentation.

    Parameters
    ----------
    question
        In English, or in the words of SQL, pandas, polars, PySpark, dplyr or NumPy.
    engine
        `compiler`, or `model`: a language model answers from the sources that were found.
    model, refine, generation
        For the engine `model`: see `sql_to_ibis`.

    Returns
    -------
    Answer
        `code` is Markdown: the methods, an example on the fixture tables with what it gives,
        related names and sources. It is REFUSED where nothing in the API fits.

    Raises
    ------
    IbertError
        The question is empty, or longer than a question is.

    Examples
    --------
    >>> import ibert
    >>> answer = ibert.ask("How do I count distinct users per day?")
    >>> answer.verdict.status, answer.sources[0]
    (<Status.VERIFIED: 'VERIFIED'>, 'ibis.expr.types.Column.nunique')
    """
    if not question.strip() or len(question) > LONGEST:
        message = f"a question has between 1 and {LONGEST:,} characters"
        raise IbertError([Diagnostic(code="IB802", message=message)])
    model_asker = asker(engine, model, refine, generation)
    found = find(question, limit=5)
    if model_asker is not None:
        with problem(question, found) as asked:
            return model_asker.answer(asked, sources=tuple(item.entry.path for item in found))
    if not found:
        hint = "name a method, or say what to do with rows, columns, dates, text, …"
        message = "nothing in the API of Ibis answers that"
        diagnostic = Diagnostic(code="IB801", message=message, hint=hint)
        return Answer(
            task=TASK, code="", verdict=Verdict(status=Status.REFUSED, diagnostics=(diagnostic,))
        )
    example = choose({item.name: item.score for item in found})
    output = output_of(example) if example else None
    if output:
        verdict = Verdict(status=Status.VERIFIED, evidence=Evidence(databases=1, rows=output.count))
    else:
        message = "the names exist, but what they do is no query, so no example of it was run"
        diagnostic = Diagnostic(code="IB306", message=message)
        verdict = Verdict(status=Status.CHECKED, diagnostics=(diagnostic,))
    return Answer(
        task=TASK,
        code=answer_text(found, example, output),
        verdict=verdict,
        sources=tuple(item.entry.path for item in found),
    )


@contextmanager
def problem(question: str, found: list[Found]) -> Iterator[Problem]:
    """Ask for an answer; its names have to exist, and its last example has to run."""
    from ibert.answers.claims import examples_in, invented, names_in

    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "fixtures.duckdb")
        fixtures.write_database(database)
        with Sandbox([database]) as sandbox:

            def judged(text: str) -> Verdict:
                unknown = invented(text)
                if unknown:
                    return failed("IB803", f"Ibis has no {', '.join(unknown)}")
                if not names_in(text):
                    return failed("IB803", "the answer names nothing of Ibis")
                examples = examples_in(text)
                if not examples:
                    return failed("IB803", "the answer has no example in a block of Python")
                return _ran(examples[-1], sandbox)

            sources = "\n".join(map(_source, found)) or "none were found"
            yield Problem(TASK, {"question": question, "sources": sources}, judged)


def _source(item: Found) -> str:
    return f"- {item.name}: {item.entry.signature or item.entry.spelling}. {item.entry.summary}"


def _ran(example: str, sandbox: Sandbox) -> Verdict:
    """Say what came of running the example of an answer."""
    outcome = sandbox.run(example, profile=Profile.OWN, constants=None)
    if isinstance(outcome, Failure):
        kind = f"{outcome.exception}: " if outcome.exception else ""
        return failed("IB803", f"the example: {kind}{outcome.message}", outcome.hint)
    rows, level = outcome.fetched.table.num_rows, sandbox.protection.level
    evidence = Evidence(databases=1, rows=rows, protection=level, sql=outcome.sql)
    return Verdict(status=Status.VERIFIED, evidence=evidence)
