"""What a model is told about an answer that is not right: what raised, or which rows differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ibert.verdict import Counterexample, Difference, Verdict

SHOWN = 10  # rows of a table


def feedback(verdict: Verdict) -> str:
    """Give what is wrong, for a model: every diagnostic, and the rows that show it.

    Examples
    --------
    >>> from ibert import Difference, Evidence, Status
    >>> rows = Difference(
    ...     kind="rows", message="1 row is missing", columns=("n",), missing=(("3",),)
    ... )
    >>> print(feedback(Verdict(status=Status.REFUTED, evidence=Evidence(difference=rows))))
    1 row is missing
    Expected, but not given:
    n
    3
    """
    return "\n".join(_lines(verdict))


def _lines(verdict: Verdict) -> Iterator[str]:
    for diagnostic in verdict.diagnostics:
        yield diagnostic.message
        if diagnostic.hint:
            yield f"Hint: {diagnostic.hint}"
    evidence = verdict.evidence
    if evidence.difference and not verdict.diagnostics:
        yield evidence.difference.message
    if evidence.counterexample:
        yield from _on_tables(evidence.counterexample)
    elif evidence.difference:
        yield from _rows(evidence.difference)


def _on_tables(found: Counterexample) -> Iterator[str]:
    for item in found.tables:
        yield from _table(f"With these rows in {item.name}:", item.columns, item.rows)
    yield from _table("expected:", found.columns, found.reference)
    yield from _table("your code gives:", found.columns, found.result)


def _rows(difference: Difference) -> Iterator[str]:
    if difference.missing:
        yield from _table("Expected, but not given:", difference.columns, difference.missing)
    if difference.unexpected:
        yield from _table("Given, but not expected:", difference.columns, difference.unexpected)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield title if rows else f"{title} no rows"
    if rows:
        yield " | ".join(columns)
        yield from (" | ".join(row) for row in rows[:SHOWN])
