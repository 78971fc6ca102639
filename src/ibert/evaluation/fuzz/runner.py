"""Run random queries through a translator and through DuckDB, and compare."""

from __future__ import annotations

import enum
import re
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Self

import msgspec
import sqlglot
from sqlglot import exp

import ibert
from ibert.catalog import Catalog
from ibert.database import write_databases
from ibert.datagen.random_queries.queries import Queries
from ibert.datagen.random_queries.relations import base_relations
from ibert.datagen.random_queries.tables import make_catalog, make_rows
from ibert.diagnostics import IbertError
from ibert.evaluation.fuzz.shrink import shrunk
from ibert.sandbox import Failure, FailureKind
from ibert.sandbox.in_process import InProcess
from ibert.verdict import Status, Verdict
from ibert.verifier.reference import Reference
from ibert.verifier.verify import Verifier

PER_CATALOG = 40  # queries over the same tables
DRAWS = 3  # of a query, until one gives rows
SHOWN = 20  # kinds of findings that are made smaller and shown

Translate = Callable[[str, Catalog], str]


class Outcome(enum.StrEnum):
    """What came of a query."""

    EQUAL = "equal"
    WRONG = "wrong"  # ran, and differs
    REFUSED = "refused"
    CRASHED = "crashed"  # the translator raised what is no refusal
    FAILED = "failed"  # the code raised
    REJECTED = "rejected"  # by DuckDB: the generator's fault
    UNDETERMINED = "undetermined"  # the query has several right results: likewise


BAD = (Outcome.WRONG, Outcome.CRASHED, Outcome.FAILED)


class Trial(msgspec.Struct, frozen=True):
    """What came of one query.

    Parameters
    ----------
    outcome
        What it was.
    reason
        The difference, the exception or the diagnostic, in one line.
    kind
        What trials of the same cause are likely to share.
    code
        What the translator gave.
    rows
        How many rows the query gave.
    """

    outcome: Outcome
    reason: str = ""
    kind: str = ""
    code: str = ""
    rows: int = 0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Trials of one kind that should not be, with the smallest query that shows it.

    Parameters
    ----------
    outcome, reason, code
        What came of the smallest query.
    count
        How many queries gave this kind.
    sql
        The smallest query.
    original
        The query that it was made from.
    catalog
        The tables that the smallest query names.
    place
        `SEED:NUMBER` of the original query.
    """

    outcome: Outcome
    reason: str
    count: int
    sql: str
    code: str
    original: str
    catalog: dict[str, dict[str, str]]
    place: str

    def __str__(self) -> str:
        tables = "\n".join(f"  {name}: {columns}" for name, columns in self.catalog.items())
        return (
            f"{self.outcome} ({self.count}x, {self.place}): {self.reason}\n"
            f"{tables}\n  {self.sql}\n{self.code}".rstrip()
        )


class FuzzReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of all queries.

    Parameters
    ----------
    name
        `fuzz`.
    seed
        What the queries were drawn from.
    cases
        How many queries were judged.
    equal, wrong, refused, failed, crashed
        How many of them ended so; see `Outcome`.
    with_rows
        How many of the equal ones gave rows.
    rejected, undetermined
        How many queries were drawn in vain.
    refusals
        How often each construct was refused, most often first.
    refused_queries
        For each of them the shortest query that was.
    findings
        The kinds of wrong, crashed and failed ones, most often first.
    """

    seed: int
    cases: int
    equal: int
    wrong: int
    refused: int
    failed: int
    crashed: int
    with_rows: int
    rejected: int
    undetermined: int
    refusals: dict[str, int]
    refused_queries: dict[str, str]
    findings: list[Finding]
    name: str = "fuzz"

    def __str__(self) -> str:
        figures = ("equal", "wrong", "refused", "failed", "crashed", "rejected", "undetermined")
        counts = ", ".join(f"{getattr(self, figure)} {figure}" for figure in figures)
        refusals = [
            f"{number:5} {reason}: {self.refused_queries[reason]}"
            for reason, number in self.refusals.items()
        ]
        return "\n\n".join([counts, "\n".join(refusals), *map(str, self.findings)])


class Bench(Verifier):
    """Tries queries on the tables of one catalog; a context manager.

    Parameters
    ----------
    catalog
        The tables.
    databases
        Two files with the same rows in different orders.
    translate
        What is tried.
    """

    def __init__(self, catalog: Catalog, databases: Sequence[Path], translate: Translate) -> None:
        super().__init__([databases])
        self._sandbox = InProcess(databases)
        self._catalog = catalog
        self._translate = translate
        self._known: dict[str, Reference | Failure] = {}  # of the query at hand

    def __enter__(self) -> Self:
        return self

    def reference(
        self, sql: str, dialect: str = "duckdb", *, witness: int = 0
    ) -> Reference | Failure:
        """Run the SQL, once for each query that is tried."""
        if sql not in self._known:
            try:
                found = super().reference(sql, dialect, witness=witness)
            except IbertError as error:
                found = Failure(FailureKind.RAISED, f"not parsed: {error}")
            self._known = {sql: found}
        return self._known[sql]

    def tables_of(self, sql: str) -> dict[str, dict[str, str]]:
        """Give the tables that a query names."""
        words = sql.casefold()
        names = [name for name in self._catalog if name.casefold() in words]
        return self._catalog.subset(names).to_dict()

    def draw(self, rng: Random) -> str:
        """Draw a query, and another one instead of one that gives no rows: it tells little."""
        for _ in range(DRAWS):
            sql = Queries(rng, base_relations(self._catalog)).draw()
            reference = self.reference(sql)
            if isinstance(reference, Failure) or reference.result.table.num_rows:
                break
        return sql

    def trial(self, sql: str) -> Trial:
        """Translate a query, run both sides, compare."""
        reference = self.reference(sql)
        if isinstance(reference, Failure):
            return Trial(Outcome.REJECTED, reference.message, _masked(reference.message))
        if reference.undetermined:
            return Trial(Outcome.UNDETERMINED, reference.undetermined, reference.undetermined)
        try:
            code = self._translate(sql, self._catalog)
        except IbertError as error:
            first = error.diagnostics[0]
            return Trial(Outcome.REFUSED, str(first), f"{first.code} {_masked(first.message)}")
        except Exception as error:  # noqa: BLE001  any exception of the translator is a finding
            return _crashed(error)
        verdict = self.verify(sql, code)
        reason = "; ".join(diagnostic.message for diagnostic in verdict.diagnostics)
        if verdict.status is Status.REFUTED:
            difference = verdict.evidence.difference
            kind = f"{difference.kind} {difference.path}" if difference else ""
            return Trial(Outcome.WRONG, _told(verdict, reason), kind, code)
        if verdict.status is Status.FAILED:
            return Trial(Outcome.FAILED, reason, _masked(reason), code)
        return Trial(Outcome.EQUAL, code=code, rows=verdict.evidence.rows)


def run(
    seed: int = 0, queries: int = 500, *, translate: Translate | None = None, shown: int = SHOWN
) -> FuzzReport:
    """Draw queries, translate each, run both sides, and make what went wrong smaller.

    Parameters
    ----------
    seed
        The same seed draws the same queries over the same tables.
    queries
        How many to draw. Those that DuckDB rejects, and those whose result depends on how the
        tables are stored, are counted and not judged.
    translate
        Gives the Ibis code for a query over a catalog; iBERT's own translator by default. It may
        raise an `IbertError` to refuse.
    shown
        How many kinds of findings are made smaller.

    Examples
    --------
    >>> report = run(0, 20, translate=lambda sql, catalog: "expr = con.table('nowhere')")
    >>> report.equal, report.failed == report.cases
    (0, True)
    """
    tally = _Tally(seed, shown)
    with TemporaryDirectory() as folder:
        for first in range(0, queries, PER_CATALOG):
            place = Path(folder, str(first))
            place.mkdir()
            catalog = make_catalog(Random(f"{seed}:{first}:catalog"))
            rows = make_rows(catalog, Random(f"{seed}:{first}:rows"))
            databases = write_databases(place, catalog.to_ddl(), rows)
            with Bench(catalog, databases, translate or _compiled) as bench:
                for number in range(first, min(first + PER_CATALOG, queries)):
                    tally.add(bench, bench.draw(Random(f"{seed}:{number}")), number)
    return tally.report()


class _Tally:
    """Counts trials; makes the first finding of each kind smaller."""

    def __init__(self, seed: int, shown: int) -> None:
        self._seed = seed
        self._left = shown
        self._counts: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._refused: dict[str, str] = {}
        self._findings: dict[tuple[str, str], Finding] = {}

    def add(self, bench: Bench, sql: str, number: int) -> None:
        trial = bench.trial(sql)
        self._counts[trial.outcome] += 1
        self._counts["with_rows"] += trial.outcome is Outcome.EQUAL and trial.rows > 0
        if trial.outcome is Outcome.REFUSED:
            self._refusals[trial.kind] += 1
            shortest = self._refused.get(trial.kind, sql)
            self._refused[trial.kind] = min(shortest, sql, key=len)
        if trial.outcome in BAD:
            self._find(bench, sql, trial, f"{self._seed}:{number}")

    def _find(self, bench: Bench, sql: str, trial: Trial, place: str) -> None:
        def still(candidate: str) -> bool:
            again = bench.trial(candidate)
            return (again.outcome, again.kind) == (trial.outcome, trial.kind)

        key = (str(trial.outcome), trial.kind)
        smallest = sql
        if self._left and (trial.outcome is Outcome.WRONG or key not in self._findings):
            self._left -= 1
            smallest = shrunk(sql, still)
            if trial.outcome is Outcome.WRONG:  # of which many share a kind
                key = (str(trial.outcome), _shape(smallest))
        if key in self._findings:
            known = self._findings[key]
            self._findings[key] = msgspec.structs.replace(known, count=known.count + 1)
            return
        last = bench.trial(smallest)
        self._findings[key] = Finding(
            outcome=last.outcome,
            reason=last.reason,
            count=1,
            sql=smallest,
            code=last.code,
            original=sql,
            catalog=bench.tables_of(smallest),
            place=place,
        )

    def report(self) -> FuzzReport:
        counts = self._counts
        judged = set(Outcome) - {Outcome.REJECTED, Outcome.UNDETERMINED}
        return FuzzReport(
            seed=self._seed,
            cases=sum(counts[outcome] for outcome in judged),
            with_rows=counts["with_rows"],
            refusals=dict(self._refusals.most_common()),
            refused_queries=self._refused,
            findings=sorted(self._findings.values(), key=lambda finding: -finding.count),
            equal=counts[Outcome.EQUAL],
            wrong=counts[Outcome.WRONG],
            refused=counts[Outcome.REFUSED],
            failed=counts[Outcome.FAILED],
            crashed=counts[Outcome.CRASHED],
            rejected=counts[Outcome.REJECTED],
            undetermined=counts[Outcome.UNDETERMINED],
        )


def _compiled(sql: str, catalog: Catalog) -> str:
    """Translate with iBERT's own compiler."""
    code: str = ibert.sql_to_ibis(sql, catalog, verify=False).code
    return code


_VARIABLE = re.compile(r"""<[^>]*>|'[^']*'|"[^"]*"|`[^`]*`|[(].*[)]|:[\w ]+|\d+""")


def _masked(message: str) -> str:
    """Take what differs between messages of one cause out of the first line of one."""
    first = message.strip().partition("\n")[0]
    return _VARIABLE.sub("…", first)[:160]


def _shape(sql: str) -> str:
    """Take the names and constants out of a query."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    for alias in list(tree.find_all(exp.Alias)):
        alias.replace(alias.this)
    for table in tree.find_all(exp.Table):
        table.set("alias", None)
    for column in list(tree.find_all(exp.Column)):
        column.replace(exp.column("_"))
    for node in list(tree.find_all(exp.Identifier, exp.Literal)):
        node.replace(exp.to_identifier("_"))
    return tree.sql("duckdb")


def _crashed(error: Exception) -> Trial:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/ibert/" in f.filename]
    at = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    name = type(error).__name__
    return Trial(Outcome.CRASHED, f"{name}: {error}{at}", f"{name}{at} {_masked(str(error))}")


def _told(verdict: Verdict, reason: str) -> str:
    """Add the rows that differ to the reason."""
    difference = verdict.evidence.difference
    if difference is None:
        return reason
    missing = "; ".join(", ".join(row) for row in difference.missing[:2])
    unexpected = "; ".join(", ".join(row) for row in difference.unexpected[:2])
    rows = f" (missing: {missing} | unexpected: {unexpected})" if missing or unexpected else ""
    return reason + rows
