"""Shards: numbered parts of the work, each a function of the configuration and its number alone."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Literal

import msgspec

from ibert.backends import COMPILER_ERRORS
from ibert.datagen.factory.cuts import completions
from ibert.datagen.factory.databases import (
    OwnProver,
    domain_database,
    domain_of,
    fixture_database,
    renamed_database,
)
from ibert.datagen.factory.described import descriptions
from ibert.datagen.factory.mistakes import mistakes
from ibert.datagen.factory.naming import namings
from ibert.datagen.factory.questions import questions
from ibert.datagen.factory.root import Draft, Root, Tally, proved
from ibert.datagen.factory.row import Row, encode
from ibert.datagen.factory.sources import query_drafts, template_drafts
from ibert.datagen.factory.spellings import compilations, translations
from ibert.datagen.factory.task_templates import load_task_templates, task_rows
from ibert.datagen.factory.variation import varied_drafts
from ibert.documentation import Documenter
from ibert.files import written_whole

VARIED = 0.3  # of the queries of a catalog, how many come again in other names
Kind = Literal["api", "template", "query", "task", "sql", "code"]


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What decides every byte of a dataset.

    Parameters
    ----------
    seed
        Of all that is drawn.
    api_shards
        Over how many shards the names of Ibis are spread; 0: no questions about them.
    template_shards
        Over how many shards the templates are spread; 0: no templates.
    catalogs
        How many generated catalogs there are, a shard each.
    queries
        How many queries are drawn for each of them.
    task_shards
        Over how many shards the templates of the other tasks are spread; 0: none of them.
    """

    seed: int = 0
    api_shards: int = 4
    template_shards: int = 48
    catalogs: int = 120
    queries: int = 40
    task_shards: int = 1  # after all others: a run that had none of them is gone on with

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return self.api_shards + self.template_shards + self.catalogs + self.task_shards

    def part(self, number: int) -> tuple[Kind, int]:
        """Tell what a shard is about, and which part of that it is.

        Examples
        --------
        >>> Config(api_shards=2, template_shards=3).part(4)
        ('template', 2)
        """
        kinds: tuple[tuple[Kind, int], ...] = (
            ("api", self.api_shards),
            ("template", self.template_shards),
            ("query", self.catalogs),
            ("task", self.task_shards),
        )
        for kind, count in kinds:
            if number < count:
                return kind, number
            number -= count
        raise ValueError(f"there are {self.shards} shards")


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a shard holds, and what was not proved.

    Parameters
    ----------
    shard
        Its number.
    kind
        Where its roots come from.
    roots
        How many pairs were proved.
    rows
        How many examples there are, by task.
    rejected
        How many there are not, by task and reason.
    """

    shard: int
    kind: Kind
    roots: int
    rows: dict[str, int]
    rejected: dict[str, int]


def shard_path(folder: Path, number: int) -> Path:
    """Give the place of a shard."""
    return folder / "shards" / f"{number:06}.jsonl"


def counts_path(folder: Path, number: int) -> Path:
    """Give the place of what was counted in a shard."""
    return shard_path(folder, number).with_suffix(".counts.json")


def is_done(folder: Path, number: int) -> bool:
    """Tell whether a shard is there, whole."""
    return shard_path(folder, number).exists() and counts_path(folder, number).exists()


def make_shard(config: Config, number: int, folder: Path) -> Counts:
    """Make a shard and write it."""
    tally = Tally()
    kind, part = config.part(number)
    seed = config.seed
    name = domain_database(seed, part) if kind == "query" else fixture_database(seed)
    roots = 0
    queries: list[tuple[int, str]] = []
    with (
        tempfile.TemporaryDirectory() as place,
        OwnProver(name, Path(place)) as prover,
        Documenter() as documenter,
    ):
        drafts: Iterator[Draft] = iter(())
        if kind == "api":
            tally.rows += questions(part, config.api_shards, prover, documenter.sandbox, tally)
        elif kind == "task":
            chosen = load_task_templates(catalog=prover.catalog, seed=seed)
            tally.rows += task_rows(chosen[part :: config.task_shards], prover, documenter, tally)
        elif kind == "template":
            drafts = template_drafts(seed, part, config.template_shards, prover)
        else:
            drafts = query_drafts(config.queries, prover, tally)
        for root in proved(drafts, prover, tally):
            queries.append((roots, root.sql))
            roots += 1
            tally.rows += derived(root, documenter, tally)
        if kind == "query":
            for root in _varied(name, queries, tally):
                roots += 1
                tally.rows += derived(root, documenter, tally)
    return write_shard(folder, number, kind, roots, tally)


def _varied(name: str, queries: list[tuple[int, str]], tally: Tally) -> Iterator[Root]:
    """Yield some of the queries again, in other names."""
    chance = Random(f"{name}:names")
    naming = chance.choice(sorted(namings()))
    database = renamed_database(name, naming)
    chosen = [one for one in queries if chance.random() < VARIED]
    drafts = varied_drafts(chosen, domain_of(name), database, naming, tally)
    with tempfile.TemporaryDirectory() as place, OwnProver(database, Path(place)) as prover:
        yield from proved(drafts, prover, tally)


def write_shard(folder: Path, number: int, kind: Kind, roots: int, tally: Tally) -> Counts:
    """Write the rows of a shard, and beside them its counts, whole or not at all."""
    counts = Counts(
        shard=number,
        kind=kind,
        roots=roots,
        rows=dict(sorted(Counter(row.content.task for row in tally.rows).items())),
        rejected=dict(sorted(tally.rejected.items())),
    )
    with (
        written_whole(counts_path(folder, number)) as counts_file,
        written_whole(shard_path(folder, number)) as file,
    ):
        for row in tally.rows:
            file.write(encode(row))
        counts_file.write(msgspec.json.encode(counts))
    return counts


def derived(root: Root, documenter: Documenter, tally: Tally) -> Iterator[Row]:
    """Yield all examples that a root gives.

    What breaks down on one root ends neither its other examples nor the shard: it is counted.
    """
    for task, rows in (
        ("sql_to_ibis", translations(root, tally)),
        ("ibis_to_sql", compilations(root, tally)),
        ("code_completion", completions(root)),
        ("error_resolution", mistakes(root, tally)),
        ("documentation", descriptions(root, documenter, tally)),
    ):
        try:
            yield from rows
        except COMPILER_ERRORS as error:
            tally.reject(task, f"broke down ({type(error).__name__})")
