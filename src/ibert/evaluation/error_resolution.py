"""How many faults in code that was right are repaired, so that it gives what it gave before."""

from __future__ import annotations

import contextlib
import hashlib
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.database import connect
from ibert.datagen.mutation.faults import FAULTS, mutants
from ibert.datagen.mutation.sample import Sample
from ibert.datagen.sql2ibis import load_templates, render
from ibert.datagen.sql2ibis.template import Template
from ibert.diagnostics import Diagnostic, IbertError, did_you_mean
from ibert.evaluation.benchmarks import TPCDS, TPCH, fill
from ibert.repair import repair
from ibert.repair.syntax import parses
from ibert.sandbox import Execution, Failure, FailureKind, Profile
from ibert.tasks.sql_to_ibis import sql_to_ibis
from ibert.verifier import Verifier
from ibert.verifier.witness import write_witnesses

NAME = "error_resolution"
SPLITS = ("held-out", "development")
EACH = 24  # mutants of one program
_TRIED = 6  # mutants of a kind until one raises
_BENCHMARKS = {"held-out": TPCDS, "development": TPCH}


class Program(NamedTuple):
    """Code that is right, and the SQL that it was made from.

    Programs over the fixture tables have no catalog of their own.
    """

    name: str
    sql: str
    code: str
    catalog: Catalog
    is_fixture: bool


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """Code with a fault, and what came of it: `repaired`, `different`, `broken` or `unrepaired`."""

    program: str
    kind: str
    code: str
    outcome: str
    error: str = ""
    offered: str = ""


class Kind(msgspec.Struct, frozen=True):
    """How many mutants of a kind of fault there are, and how many of them are repaired."""

    kind: str
    cases: int
    repaired: int


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """The figures.

    Parameters
    ----------
    name
        The task.
    split
        Which programs were mutated: those that the repairs were written with, or others.
    cases
        How many mutants there are; all of them raise.
    repaired
        For how many the first repair runs and gives what the original gives.
    offered_broken
        For how many a repair was offered that does not run.
    different
        For how many the first repair runs and gives something else.
    unrepaired
        For how many nothing was offered.
    programs
        How many programs were mutated.
    kinds
        The same by kind of fault.
    failures
        The mutants that are not repaired.
    """

    name: str = NAME
    split: str
    cases: int
    repaired: int
    offered_broken: int
    different: int
    unrepaired: int
    programs: int
    kinds: tuple[Kind, ...]
    failures: tuple[Mutant, ...]


def resolution(
    budget: int = 1000,
    *,
    split: str = "held-out",
    seed: int = 0,
    kinds: Iterable[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Resolution:
    """Mutate programs until there are enough mutants that raise, and repair them.

    The kinds of faults get as many mutants each as the programs allow.

    Parameters
    ----------
    budget
        How many mutants.
    split
        `held-out`: TPC-DS, and the half of the templates that the repairs were not written with;
        `development`: TPC-H, and the other half.
    seed
        Chooses the programs and mutants.
    kinds
        Only these kinds of faults.
    progress
        Told after each program.

    Raises
    ------
    IbertError
        There is no such kind of fault.
    """
    counts = dict.fromkeys(kinds or FAULTS, 0)
    for unknown in counts.keys() - FAULTS.keys():
        message, hint = f"no kind of fault {unknown!r}", did_you_mean(unknown, FAULTS, "kinds")
        raise IbertError([Diagnostic(code="IB203", message=message, hint=hint)])
    found: list[Mutant] = []
    programs = list(_programs(split))
    random.Random(seed).shuffle(programs)
    used = 0
    with tempfile.TemporaryDirectory() as folder:
        fixture = [fixtures.write_databases(Path(folder))]
        with Verifier(fixture, profile=Profile.OWN) as shared:
            for make in programs:
                program = make()
                if program is None:
                    continue
                with _verifier(program, shared) as verifier:
                    made = list(_judged(program, verifier, counts, seed, budget - len(found)))
                used += bool(made)
                found += made
                if progress is not None:
                    progress(len(found), budget)
                if len(found) >= budget:
                    break
    return _total(split, found, used)


def _programs(split: str) -> Iterator[Callable[[], Program | None]]:
    """Yield what makes the programs of a split; the same ones always."""
    catalog = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    for template in load_templates(catalog=catalog):
        if _is_held_out(template.name) == (split == "held-out") and template.dialect == "duckdb":
            yield partial(_of_template, template, catalog)
    benchmark = _BENCHMARKS[split]
    with connect(":memory:") as con:
        queries = fill(con, benchmark, benchmark.smallest)
        ddl = con.execute("SELECT sql FROM duckdb_tables() ORDER BY table_oid").fetchall()
    tables = Catalog.from_ddl("\n".join(statement for (statement,) in ddl))
    for name, sql in queries.items():
        yield partial(_of_query, f"{benchmark.extension} {name}", sql, tables)


def _of_template(template: Template, catalog: Catalog) -> Program:
    first = render([template])[0]
    return Program(template.name, first.sql, first.ibis, catalog, True)


def _of_query(name: str, sql: str, catalog: Catalog) -> Program | None:
    """Translate a query; None where that is refused."""
    try:
        answer = sql_to_ibis(sql, catalog, verify=False)
    except IbertError:
        return None
    return Program(name, sql, answer.code, catalog, False)


def _is_held_out(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 0


@contextlib.contextmanager
def _verifier(program: Program, shared: Verifier) -> Iterator[Verifier]:
    """Give a verifier with databases that were made for a program."""
    if program.is_fixture:
        yield shared
        return
    with tempfile.TemporaryDirectory() as folder:
        witnesses = write_witnesses(Path(folder), program.catalog, program.sql)
        paths = [witness.paths for witness in witnesses]
        with Verifier(paths, profile=Profile.OWN) as verifier:
            yield verifier


def _judged(
    program: Program, verifier: Verifier, counts: dict[str, int], seed: int, budget: int
) -> Iterator[Mutant]:
    """Mutate a program, by the rarest kinds first, and repair the mutants."""
    if not verifier.verify(program.sql, program.code).verified:
        return
    sample = Sample(program.code, program.catalog, f"{seed} {program.name}")
    made = 0
    for kind in sorted(counts, key=lambda kind: counts[kind]):
        if made == min(EACH, budget):
            return
        for text in mutants(sample, kind)[:_TRIED]:
            if _raises(text, verifier):
                yield _repaired(program, kind, text, verifier)
                counts[kind] += 1
                made += 1
                break


def _raises(text: str, verifier: Verifier) -> bool:
    if parses(text) is not None:
        return True
    outcome = verifier.execute(text)
    return isinstance(outcome, Failure) and outcome.kind in (
        FailureKind.RAISED,
        FailureKind.REFUSED,  # it names what is not there
    )


def _repaired(program: Program, kind: str, text: str, verifier: Verifier) -> Mutant:
    def run(code: str) -> Execution | Failure:
        return verifier.execute(code)

    found = repair(text, program.catalog, run, offered=1)
    error = f"{found.exception}: {found.message}"[:300]
    outcome, offered = "unrepaired", ""
    if found.repairs:
        offered = found.repairs[0].text
        if not isinstance(verifier.execute(offered), Execution):
            outcome = "broken"
        else:
            same = verifier.verify(program.sql, offered).verified
            outcome = "repaired" if same else "different"
    return Mutant(
        program=program.name, kind=kind, code=text, outcome=outcome, error=error, offered=offered
    )


def _total(split: str, found: list[Mutant], programs: int) -> Resolution:
    outcomes = Counter(mutant.outcome for mutant in found)
    cases = Counter(mutant.kind for mutant in found)
    repaired = Counter(mutant.kind for mutant in found if mutant.outcome == "repaired")
    return Resolution(
        split=split,
        cases=len(found),
        repaired=outcomes["repaired"],
        offered_broken=outcomes["broken"],
        different=outcomes["different"],
        unrepaired=outcomes["unrepaired"],
        programs=programs,
        kinds=tuple(Kind(kind, cases[kind], repaired[kind]) for kind in FAULTS if cases[kind]),
        failures=tuple(mutant for mutant in found if mutant.outcome != "repaired"),
    )
