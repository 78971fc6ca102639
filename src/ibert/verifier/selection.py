"""Choose the databases for a query: those on which its mutants give something else.

The selection of neighbours' test suites follows R. Zhong, T. Yu, D. Klein: Semantic Evaluation for
Text-to-SQL with Distilled Test Suites, EMNLP 2020.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from ibert.catalog import Catalog
from ibert.sandbox import Failure
from ibert.sql import describe_output, parse_query
from ibert.sql.parse import parse_as_written
from ibert.verifier.analysis import analyse
from ibert.verifier.comparison import compare
from ibert.verifier.databases import Database, Databases, backwards, to_arrow
from ibert.verifier.joint import JointRows
from ibert.verifier.mutation import Mutant, mutants
from ibert.verifier.reference import Reference, refer
from ibert.verifier.scratch import Scratch

MOST = 8  # databases that are kept
IDLE = 24  # databases in a row that told nothing new, after which no more are tried
PROBES = 60  # mutants that choose among them
# Kinds that fill the places that are left, as each tells what none of the others does.
FILLING = (
    "paced",
    "rows",
    "flat",
    "aware",
    "totals",
    "deep",
    "mini",
    "counts",
    "ties",
    "witness",
    "rich",
)
SECONDS = 6.0  # of CPU time that may be spent on choosing


@dataclass
class Chosen:
    """A database that was kept, and what it does.

    Attributes
    ----------
    database
        Its rows.
    rows
        How many rows the query gives on it.
    kills
        The mutants that no database before it told from the query.
    """

    database: Database
    rows: int
    kills: int


@dataclass
class Selection:
    """The databases for a query.

    Attributes
    ----------
    chosen
        The databases, those in which the declared foreign keys hold first, and the smallest first
        among them; at last one on which the query has no result of its
        own, if there is one. One on which it fails, if it fails everywhere.
    probes
        How many mutants the choice was made with.
    survivors
        Those that no database tells from the query.
    undetermined
        On how many databases the query had no result of its own.
    tried
        How many databases were tried.
    """

    chosen: list[Chosen] = field(default_factory=list)
    probes: int = 0
    survivors: list[Mutant] = field(default_factory=list)
    undetermined: int = 0
    tried: int = 0

    @property
    def rows(self) -> int:
        """How many rows the query gives on all of them."""
        return sum(chosen.rows for chosen in self.chosen)


def select(
    sql: str,
    catalog: Catalog,
    *,
    seed: int = 0,
    probes: Sequence[Mutant] | None = None,
    most: int = MOST,
    seconds: float = SECONDS,
) -> Selection:
    """Choose databases for judging what should equal a query (of DuckDB's dialect).

    Parameters
    ----------
    sql
        The query.
    catalog
        The tables.
    seed
        Makes the rows and the choice.
    probes
        The mutants to choose with; by default a part of the query's own.
    most
        How many databases to keep.
    seconds
        Stop trying further databases after as much CPU time.

    Raises
    ------
    IbertError
        The SQL does not parse, or a column's type cannot be generated.
    """
    query = parse_as_written(sql)
    rng = Random(f"{seed}:{sql}")
    is_settled = describe_output(parse_query(sql)).settled
    analysis = analyse(query, catalog)
    used = catalog.subset(dict.fromkeys(analysis.instances))
    if probes is None:
        probes = mutants(query, catalog)
        probes = rng.sample(probes, min(PROBES, len(probes)))
    found = Selection(probes=len(probes))
    alive = list(probes)
    stop = time.process_time() + seconds
    with Scratch(used.to_ddl("duckdb")) as scratch:
        joint = JointRows(query, analysis, used, scratch.values, rng)
        kept: list[Chosen] = []
        undecided: Chosen | None = None
        idle = 0
        failed: Chosen | None = None
        for database in Databases(joint, used, rng).kinds():
            is_enough = idle >= IDLE and any(item.rows for item in kept)
            if is_enough or (kept and time.process_time() > stop):
                break
            idle += 1
            found.tried += 1
            scratch.load(0, to_arrow(database.rows, used))
            if not is_settled:
                scratch.load(1, to_arrow(backwards(database.rows), used))
            reference = refer(sql, scratch.query, [0, 1])
            if isinstance(reference, Failure):
                failed = failed or Chosen(database, 0, 0)
                continue
            if reference.undetermined:
                found.undetermined += 1
                rows = reference.result.table.num_rows
                undecided = undecided or Chosen(database, rows, 0)
                continue
            alive, killed = _survivors(alive, reference, scratch, stop)
            rows = reference.result.table.num_rows
            kept.append(Chosen(database, rows, killed))
            idle = 0 if killed else idle
    found.survivors = alive
    # On the last one, the query itself tells that it proves nothing.
    last = undecided or (None if kept else failed)
    found.chosen = [*_best(kept, most), *([last] if last else [])]
    return found


def _survivors(
    probes: Sequence[Mutant], reference: Reference, scratch: Scratch, stop: float
) -> tuple[list[Mutant], int]:
    """Give the probes that a database does not tell, and how many it does, while there is time."""
    alive: list[Mutant] = []
    killed = 0
    for number, probe in enumerate(probes):
        if time.process_time() > stop:
            return [*alive, *probes[number:]], killed
        result = scratch.query(probe.sql)
        if isinstance(result, Failure):
            # What does not bind is no mutant; what takes too long may be one for other databases.
            if result.exception != "BinderException":
                alive.append(probe)
        elif compare(reference.result, result, named=reference.named, order=reference.order):
            killed += 1
        else:
            alive.append(probe)
    return alive, killed


def _best(kept: list[Chosen], most: int) -> list[Chosen]:
    """Keep the databases that tell most, and then kinds that are not there yet."""
    ranked = sorted(kept, key=lambda chosen: (-chosen.kills, chosen.rows == 0))
    best = [chosen for chosen in ranked if chosen.kills][:most]
    loose = next((chosen for chosen in ranked if not chosen.database.sound), None)
    if loose and all(chosen.database.sound for chosen in best):
        best = [*best[: most - 1], loose]
    kinds = {chosen.database.kind for chosen in best}
    others = {chosen.database.kind: chosen for chosen in reversed(ranked)}
    for kind in (*FILLING, *others):
        if len(best) < most and kind in others and kind not in kinds:
            best.append(others[kind])
            kinds.add(kind)
    return sorted(best, key=lambda chosen: (not chosen.database.sound, chosen.database.size))
