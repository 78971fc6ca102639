"""Run an engine over a suite and count what comes of it."""

from __future__ import annotations

import ast
import builtins
import enum
import re
import textwrap
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from ibert.catalog import Catalog
from ibert.datagen.sql2ibis.module import free_names
from ibert.diagnostics import Diagnostic, IbertError
from ibert.evaluation.engines import Engine
from ibert.evaluation.suites import Case, Suite
from ibert.sandbox import Execution, Limits, Profile
from ibert.verdict import Status, Verdict
from ibert.verifier import Job, Verifier, compare, verify_many
from ibert.verifier.comparison import rows_of
from ibert.verifier.reference import Reference

LIMITS = Limits(seconds=60, memory_bytes=4 << 30)  # the joins of TPC-DS
PASSTHROUGHS = ("parse_sql", "raw_sql", "sql")  # methods that are given SQL
SHOWN = 300  # characters of a reason

Progress = Callable[[int, int], None]  # how many cases are done, of how many


class Outcome(enum.StrEnum):
    """What came of a case."""

    EQUAL = "equal"  # the code gives what the SQL gives, which may be no rows
    WRONG = "wrong"  # it ran, and differs
    REFUSED = "refused"  # the engine declined
    FAILED = "failed"  # the engine crashed, or its code did
    UNPROVED = "unproved"  # it differs where the SQL leaves open what it gives


class Reason(msgspec.Struct, frozen=True):
    """Why a case is not equal."""

    case: str
    outcome: Outcome
    reason: str


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine makes of a suite; the outcomes add up to `cases`.

    Parameters
    ----------
    name
        Of the suite.
    cases
        How many there are.
    equal, wrong, refused, failed, unproved
        How many have each `Outcome`.
    with_rows
        How many of those that are equal gave rows.
    reasons
        One for each case that is not equal, in the order of the cases.
    """

    name: str
    cases: int
    equal: int
    with_rows: int
    wrong: int
    refused: int
    failed: int
    unproved: int
    reasons: tuple[Reason, ...] = ()

    def frequent(self, outcomes: Collection[Outcome], most: int) -> list[tuple[str, int]]:
        """Give the most frequent reasons; those that differ in names and numbers only are one.

        Examples
        --------
        >>> reasons = [Reason("q", Outcome.FAILED, f"KeyError: 'c{i}'") for i in range(3)]
        >>> score = Score(
        ...     name="s", cases=3, equal=0, with_rows=0, wrong=0, refused=0, failed=3, unproved=0,
        ...     reasons=tuple(reasons),
        ... )
        >>> score.frequent((Outcome.FAILED,), most=5)
        [('KeyError: …', 3)]
        """
        shapes = (_NAMES.sub("…", r.reason) for r in self.reasons if r.outcome in outcomes)
        return Counter(shapes).most_common(most)


# Quoted names but those of classes, and numbers but those of diagnostics; lists of them are one.
_NAME = r"""(?:(?<!class )'[^']*'|"[^"]*"|\b\d+\b)"""
_NAMES = re.compile(rf"{_NAME}(?:, {_NAME})*")


class _Tried(NamedTuple):
    """What came of a case."""

    outcome: Outcome
    reason: str = ""
    rows: int = 0


_OUTCOMES = {
    Status.VERIFIED: Outcome.EQUAL,
    Status.REFUTED: Outcome.WRONG,
    Status.FAILED: Outcome.FAILED,
}


def evaluate(
    suite: Suite,
    engine: Engine,
    *,
    passthrough: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Score:
    """Translate the cases of a suite, run both sides, and count.

    Both the SQL that Ibis compiles and what the user fetches have to equal what the query gives,
    on two databases that store the same rows in different orders. Code has to be a module of its
    own, which is given `con` and nothing else.

    Parameters
    ----------
    suite
        The cases and their tables.
    engine
        Turns a case into code.
    passthrough
        Whether the code may leave the SQL to Ibis.
    workers
        How many sandboxes; by default one for each CPU.
    progress
        Called after each case whose code ran.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ibert.evaluation import NATIVE, Source, load_suite
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     suite = load_suite("fixtures", Source(Path(folder)), limit=3)
    ...     score = evaluate(suite, NATIVE["con.sql"], passthrough=True, workers=1)
    >>> score.cases, score.equal, score.reasons[0].outcome
    (3, 2, <Outcome.WRONG: 'wrong'>)
    """
    tried: dict[Case, _Tried] = {}
    waiting: deque[tuple[Case, str]] = deque()

    def jobs() -> Iterator[Job]:
        for case in suite.cases:
            code = _translated(engine, case, suite.catalog, passthrough=passthrough)
            if isinstance(code, str):
                waiting.append((case, code))
                yield Job(case.sql, code, case.dialect)
            else:
                tried[case] = code

    witnesses = [suite.databases]
    profile = Profile.OWN if passthrough else Profile.STRICT
    with Verifier(witnesses, limits=LIMITS, profile=profile) as verifier:
        verdicts = verify_many(jobs(), witnesses, workers=workers, limits=LIMITS, profile=profile)
        for verdict in verdicts:
            case, code = waiting.popleft()
            tried[case] = _judged(verdict) or _compared(verifier, case, code, verdict)
            if progress:
                progress(len(tried), len(suite.cases))
    return _score(suite, tried)


def _translated(engine: Engine, case: Case, catalog: Catalog, *, passthrough: bool) -> str | _Tried:
    try:
        code = engine(case, catalog)
        faults = list(_faults(code, passthrough=passthrough))
    except IbertError as error:
        return _Tried(Outcome.REFUSED, _said(error.diagnostics))
    except Exception as error:  # noqa: BLE001  the boundary: a crash of an engine is what is counted
        return _Tried(Outcome.FAILED, _line(f"{type(error).__name__}: {error}"))
    return _Tried(Outcome.FAILED, "; ".join(faults)) if faults else code


def _faults(code: str, *, passthrough: bool) -> Iterator[str]:
    """Tell what of a module is no translation, although it may run."""
    for name in sorted(free_names(code) - {"con"} - vars(builtins).keys()):
        yield f"the code uses {name!r}, which it does not define"
    passthroughs = () if passthrough else PASSTHROUGHS
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in passthroughs:
                yield f"the code leaves the SQL to {name}()"


def _judged(verdict: Verdict) -> _Tried | None:
    """Read the outcome off a verdict; None where that proves nothing."""
    outcome = _OUTCOMES.get(verdict.status)
    if outcome is None:
        return None
    return _Tried(outcome, _said(verdict.diagnostics), verdict.evidence.rows)


def _compared(verifier: Verifier, case: Case, code: str, verdict: Verdict) -> _Tried:
    """Tell whether both sides give the very same rows, in the same order, or none at all."""
    reference = verifier.reference(case.sql, case.dialect)
    execution = verifier.execute(code)
    if isinstance(reference, Reference) and isinstance(execution, Execution):
        order = rows_of(reference.result.table)
        if not any(
            compare(reference.result, result, named=reference.named, order=order)
            for result in (execution.raw, execution.fetched)
        ):
            return _Tried(Outcome.EQUAL, rows=reference.result.table.num_rows)
    return _Tried(Outcome.UNPROVED, _said(verdict.diagnostics))


def _score(suite: Suite, tried: Mapping[Case, _Tried]) -> Score:
    counts = Counter(found.outcome for found in tried.values())
    return Score(
        name=suite.name,
        cases=len(suite.cases),
        with_rows=sum(
            found.outcome is Outcome.EQUAL and found.rows > 0 for found in tried.values()
        ),
        reasons=tuple(
            Reason(case.name, found.outcome, found.reason)
            for case in suite.cases
            if (found := tried[case]).outcome is not Outcome.EQUAL
        ),
        **{outcome.value: counts[outcome] for outcome in Outcome},
    )


def _said(diagnostics: Iterable[Diagnostic]) -> str:
    return "; ".join(_line(f"{found.code} {found.message}") for found in diagnostics)


def _line(text: str) -> str:
    return textwrap.shorten(text, SHOWN, placeholder=" …")
