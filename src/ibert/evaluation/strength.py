"""How strong the verifier is: how many mutants of queries its databases tell from the queries.

The mutants that judge are not those that the databases are chosen with. A mutant is equivalent if a
rule proves it (it has the query's normal form), or if it is listed, with the reason, in
`equivalent_mutants.yaml`. Queries in other spellings of the same meaning show false alarms.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from random import Random
from typing import Any, NamedTuple

import msgspec

from ibert.catalog import Catalog
from ibert.datagen.mutation.rewrites import rewritten
from ibert.diagnostics import IbertError
from ibert.documents import load
from ibert.evaluation.equivalence import is_constant, normal_form
from ibert.evaluation.suites import Case
from ibert.sandbox import Failure, Result
from ibert.sql.parse import parse_as_written
from ibert.verifier.comparison import compare
from ibert.verifier.databases import Database, Rows, backwards, to_arrow
from ibert.verifier.mutation import Mutant, mutants
from ibert.verifier.reference import Reference, refer
from ibert.verifier.scratch import Scratch
from ibert.verifier.selection import PROBES, select
from ibert.verifier.values import Constants, UnsupportedTypeError, key, values

FIXED_ROWS = 8
EQUIVALENT = "equivalent_mutants.yaml"

Progress = Callable[[int, int], None]


class Figures(msgspec.Struct, kw_only=True):
    """Counts of mutants.

    Parameters
    ----------
    mutants
        That run and are not used to choose databases.
    killed
        That gave something else than the query.
    equivalent
        That mean the same as the query.
    undecided
        Of queries without a result of their own, and those that ran out of time everywhere.
    survived
        The rest.
    false_alarms
        Other spellings of a query that were reported as different.
    """

    mutants: int = 0
    killed: int = 0
    equivalent: int = 0
    undecided: int = 0
    survived: int = 0
    false_alarms: int = 0

    @property
    def score(self) -> float:
        """The share of the decided mutants that was killed."""
        return self.killed / max(1, self.killed + self.survived)


FIGURES = Figures.__struct_fields__


class Survivor(msgspec.Struct, frozen=True):
    """A mutant that no database tells from its query."""

    case: str
    mutant: str
    operator: str
    sql: str


class Alarm(msgspec.Struct, frozen=True):
    """A spelling that was reported as different."""

    case: str
    rule: str
    sql: str
    message: str


class Strength(Figures, kw_only=True):
    """What the benchmark found.

    Parameters
    ----------
    name
        Of the benchmark.
    cases
        How many queries.
    pairs
        How many other spellings were judged.
    without_rows
        The cases that no database gave a row for.
    seconds
        CPU time for choosing databases, and for judging one pair, per case.
    fixed
        The same counts for tables of eight rows that know nothing of the query.
    survivors, alarms
        What is behind the figures.
    """

    name: str
    cases: int = 0
    pairs: int = 0
    without_rows: tuple[str, ...] = ()
    seconds: dict[str, float] = {}
    fixed: Figures = msgspec.field(default_factory=Figures)
    survivors: tuple[Survivor, ...] = ()
    alarms: tuple[Alarm, ...] = ()


class _Judged(NamedTuple):
    """What came of the mutants and spellings of a case."""

    case: Case
    live: list[Mutant]
    equivalent: set[str]
    told: set[str]
    slow: set[str]
    told_fixed: set[str]
    pairs: int
    alarms: list[Alarm]
    alarms_fixed: int
    rows: int
    choosing: float
    judging: float
    decided: bool


def measure(
    name: str,
    cases: Sequence[Case],
    catalog: Catalog,
    *,
    seed: int = 0,
    mutated: bool = True,
    progress: Progress | None = None,
) -> Strength:
    """Run the benchmark on some queries over the same tables.

    Parameters
    ----------
    name
        What to call it.
    cases
        The queries; those that DuckDB does not run on empty tables are left out.
    catalog
        Their tables.
    seed
        Makes the databases.
    mutated
        Whether to make mutants; without, the databases are those that are tried first.
    progress
        Called after each case.

    Examples
    --------
    >>> catalog = Catalog.from_any({"t": {"a": "int64", "b": "string"}})
    >>> found = measure("t", [Case("q", "SELECT b FROM t WHERE a > 5")], catalog)
    >>> found.mutants > 5, found.survived, found.false_alarms
    (True, 0, 0)
    """
    found = Strength(name=name)
    survivors, alarms, empty = [], [], []
    choosing = judging = 0.0
    for i, case in enumerate(cases):
        judged = _judge(case, catalog, seed, mutated=mutated)
        if progress:
            progress(i + 1, len(cases))
        if judged is None:
            continue
        found.cases += 1
        found.pairs += judged.pairs
        choosing += judged.choosing
        judging += judged.judging
        found.false_alarms += len(judged.alarms)
        found.fixed.false_alarms += judged.alarms_fixed
        alarms += judged.alarms
        if not judged.rows:
            empty.append(case.name)
        _count(found, judged, judged.told)
        _count(found.fixed, judged, judged.told_fixed)
        if judged.decided:
            survivors += [
                Survivor(case.name, mutant.id, mutant.operator, mutant.sql)
                for mutant in judged.live
                if mutant.id not in judged.told | judged.equivalent | judged.slow
            ]
    found.without_rows = tuple(empty)
    found.survivors, found.alarms = tuple(survivors), tuple(alarms)
    count = max(1, found.cases)
    found.seconds = {
        "choosing": round(choosing / count, 4),
        "judging": round(judging / max(1, found.pairs), 5),
    }
    return found


def total(name: str, parts: Sequence[Strength]) -> Strength:
    """Add up the figures of several benchmarks."""
    found = Strength(name=name)
    for part in parts:
        found.cases += part.cases
        found.pairs += part.pairs
        found.without_rows += tuple(f"{part.name} {case}" for case in part.without_rows)
        found.survivors += part.survivors
        found.alarms += part.alarms
        for one, other in ((found, part), (found.fixed, part.fixed)):
            for figure in FIGURES:
                setattr(one, figure, getattr(one, figure) + getattr(other, figure))
    return found


def _count(figures: Figures, judged: _Judged, told: set[str]) -> None:
    for mutant in judged.live:
        figures.mutants += 1
        if mutant.id in told:
            figures.killed += 1
        elif mutant.id in judged.equivalent:
            figures.equivalent += 1
        elif not judged.decided or mutant.id in judged.slow:
            figures.undecided += 1
        else:
            figures.survived += 1


def _judge(case: Case, catalog: Catalog, seed: int, *, mutated: bool) -> _Judged | None:
    try:
        query = parse_as_written(case.sql)
        every = mutants(query, catalog) if mutated else []
    except (IbertError, RecursionError):
        return None
    with Scratch(catalog.to_ddl("duckdb")) as empty:
        empty.load(0, {})
        if isinstance(empty.query(case.sql), Failure):
            return None
        every = [mutant for mutant in every if not _is_stillborn(empty.query(mutant.sql))]
        spellings = [item for item in rewritten(query) if isinstance(empty.query(item.sql), Result)]
    form = normal_form(case.sql, catalog)
    same = {m.id for m in every if not m.is_probe and normal_form(m.sql, catalog) == form}
    rng = Random(f"{seed}:{case.name}")
    probes = [mutant for mutant in every if mutant.is_probe]
    live = [mutant for mutant in every if not mutant.is_probe]
    start = time.process_time()
    try:
        chosen = select(
            case.sql, catalog, seed=seed, probes=rng.sample(probes, min(PROBES, len(probes)))
        ).chosen
    except (IbertError, UnsupportedTypeError):
        return None
    choosing = time.process_time() - start
    used = catalog.subset({table for item in chosen for table in item.database.rows})
    fixed = Database("fixed", _fixed_rows(used))
    told: set[str] = set()
    told_fixed: set[str] = set()
    slow: set[str] = set()
    alarms: list[Alarm] = []
    alarms_fixed = 0
    judging = 0.0
    decided = False
    rows = 0
    with Scratch(used.to_ddl("duckdb")) as scratch:
        for database in (*(item.database for item in chosen), fixed):
            is_fixed = database is fixed
            scratch.load(0, to_arrow(database.rows, used))
            scratch.load(1, to_arrow(backwards(database.rows), used))
            reference = refer(case.sql, scratch.query, [0, 1])
            if isinstance(reference, Failure) or reference.undetermined:
                continue
            if not is_fixed:
                decided = True
                rows += reference.result.table.num_rows
            killed, late = _told(scratch, reference, live, told_fixed if is_fixed else told)
            (told_fixed if is_fixed else told).update(killed)
            slow |= late
            begin = time.process_time()
            found = list(_alarms(scratch, reference, case, spellings))
            judging += time.process_time() - begin
            if is_fixed:
                alarms_fixed = len(found)
            else:
                alarms += found
    listed = _listed()
    equivalent = same | {m.id for m in live if m.id in listed}
    if decided and is_constant(case.sql):
        equivalent |= {m.id for m in live if m.id not in told | slow and is_constant(m.sql)}
    distinct = {(alarm.rule, alarm.sql): alarm for alarm in alarms}
    return _Judged(
        case,
        live,
        equivalent,
        told,
        slow - told,
        told_fixed,
        len(spellings),
        list(distinct.values()),
        alarms_fixed,
        rows,
        choosing,
        judging,
        decided and rows > 0,
    )


def _is_stillborn(result: Result | Failure) -> bool:
    """Tell whether a mutant is no query at all: it fails on empty tables."""
    return isinstance(result, Failure)


def _told(
    scratch: Scratch, reference: Reference, live: Iterable[Mutant], told: set[str]
) -> tuple[set[str], set[str]]:
    """Give the mutants that differ from the reference, and those that ran out of time."""
    killed: set[str] = set()
    slow: set[str] = set()
    for mutant in live:
        if mutant.id in told:
            continue
        result = scratch.query(mutant.sql)
        if isinstance(result, Failure):
            (killed if result.exception else slow).add(mutant.id)
        elif compare(reference.result, result, named=reference.named, order=reference.order):
            killed.add(mutant.id)
    return killed, slow


def _alarms(
    scratch: Scratch, reference: Reference, case: Case, spellings: Sequence[Any]
) -> Iterator[Alarm]:
    for spelling in spellings:
        result = scratch.query(spelling.sql)
        if isinstance(result, Failure):
            continue
        difference = compare(reference.result, result, named=reference.named, order=reference.order)
        if difference:
            yield Alarm(case.name, spelling.rule, spelling.sql, difference.message)


def _fixed_rows(catalog: Catalog) -> Rows:
    """Give eight rows for each table: usual values of its types, and small numbers as keys."""
    rows: Rows = {}
    for table, schema in catalog.tables.items():
        rng = Random(table)
        makers = {name: values(dtype, Constants()) for name, dtype in schema.items()}
        rows[table] = [
            {
                name: key(dtype, rng.randint(1, FIXED_ROWS))
                if dtype.is_integer()
                else makers[name](rng)
                for name, dtype in schema.items()
            }
            for _ in range(FIXED_ROWS)
        ]
    return rows


@cache
def _listed() -> Counter[str]:
    """Read the mutants that were judged by hand."""
    text = resources.files(__package__).joinpath(EQUIVALENT).read_text(encoding="utf-8")
    groups: list[dict[str, Any]] = load(text, EQUIVALENT).value or []
    return Counter(item for group in groups for item in group["mutants"])
