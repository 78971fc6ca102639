"""What a dataset holds, as a page with plots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import msgspec

from ibert.datagen.factory.gates import SPLITS
from ibert.datagen.factory.manifest import Coverage, DatasetManifest, read_dataset_manifest
from ibert.datagen.factory.reading import read_rows
from ibert.datagen.factory.row import Row
from ibert.report import Case, Figure, Page, Prose, Section, Table, bars, histogram

SHOWN = 40  # bars of a long plot
EXAMPLES = 2  # of each task


def page_of(folder: Path) -> Page:
    """Make the page of a dataset.

    Raises
    ------
    IbertError
        IB403 if there is no dataset.
    """
    manifest = read_dataset_manifest(folder)
    coverage = msgspec.json.decode((folder / "coverage.json").read_bytes(), type=Coverage)
    lengths: defaultdict[str, list[float]] = defaultdict(list)
    examples: defaultdict[str, list[Row]] = defaultdict(list)
    for _, row in read_rows(folder):
        content = row.content
        lengths[content.task].append(len(content.input) + len(content.suffix) + len(content.target))
        if len(examples[content.task]) < EXAMPLES:
            examples[content.task].append(row)
    return Page(
        "Training data for Ibis",
        [
            _summary(manifest),
            _gates(manifest),
            Section(
                "Lengths",
                [histogram(lengths, axis="characters", caption="Input, suffix and target.")],
            ),
            _coverage(coverage),
            Section(
                "Examples", [_case(row) for task in sorted(examples) for row in examples[task]]
            ),
        ],
        lead="Each example was proved by running it.",
        facts={**manifest.versions, **{k: str(v) for k, v in manifest.config.items()}},
    )


def _summary(manifest: DatasetManifest) -> Section:
    tasks = manifest.counts
    series = {split: {task: tasks[task].get(split, 0) for task in tasks} for split in SPLITS}
    return Section(
        "What it holds",
        [
            Figure(f"{manifest.rows:,}", "examples", f"of {len(tasks)} tasks"),
            Figure(f"{manifest.roots:,}", "proved pairs", "that all were derived from"),
            Figure(f"{manifest.evaluations:,}", "cases of evaluations", "that it was held against"),
            bars(series, axis="examples", caption="Examples by task and split."),
            Table(("source", "examples"), list(manifest.sources.items())),
            Table(("licence", "examples"), list(manifest.licences.items())),
        ],
    )


def _gates(manifest: DatasetManifest) -> Section:
    return Section(
        "What was kept out",
        [
            Prose("What was not verified, and what a gate kept out, by task and reason."),
            _counted("not verified", manifest.rejected),
            _counted("kept out by a gate", manifest.kept_out),
            _counted("kept out for an evaluation", manifest.hits),
        ],
    )


def _counted(title: str, counts: Mapping[str, int]) -> Table:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Table((title, "examples"), ordered)


def _coverage(coverage: Coverage) -> Section:
    operations = dict(islice(coverage.operations.items(), SHOWN))
    constructs = dict(islice(coverage.sql.items(), SHOWN))
    return Section(
        "Coverage",
        [
            bars({"examples": operations}, caption="The most frequent operations of Ibis."),
            bars({"examples": constructs}, caption="The most frequent constructs of SQL."),
            Table(("operation of Ibis", "examples"), list(coverage.operations.items())),
        ],
    )


def _case(row: Row) -> Case:
    content = row.content
    names = ("input", "suffix", "error", "target", "explanation")
    texts = {name: text for name in names if (text := getattr(content, name))}
    return Case(f"{content.task} {content.variant} {row.id}", row.origin.verdict, texts, True)
