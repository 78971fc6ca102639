"""Questions about Ibis: what to use, why, and an example that was run."""

from __future__ import annotations

from ibert.answer import Answer
from ibert.answers import answer_text, choose, find, output_of
from ibert.diagnostics import Diagnostic, IbertError
from ibert.verdict import Evidence, Status, Verdict

TASK = "qa"
LONGEST = 2_000  # characters of a question


def ask(question: str) -> Answer:
    """Answer a question about Ibis from its own documentation.

    Parameters
    ----------
    question
        In English, or in the words of SQL, pandas, polars, PySpark, dplyr or NumPy.

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
    found = find(question, limit=5)
    if not found:
        hint = "name a method, or say what to do with rows, columns, dates, text, …"
        message = "nothing in the API of Ibis answers that"
        diagnostic = Diagnostic(code="IB801", message=message, hint=hint)
        return Answer(
            task=TASK, code="", verdict=Verdict(status=Status.REFUSED, diagnostics=(diagnostic,))
        )
    example = choose([item.name for item in found])
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
