"""The card of a dataset, written from its manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ibert.datagen.factory.gates import SPLITS
from ibert.datagen.factory.manifest import Coverage, DatasetManifest

SHOWN = 25  # lines of a long table

_TASKS = {
    "sql_to_ibis": "SQL, in one of several dialects; the target is Ibis code that gives the same",
    "ibis_to_sql": "Ibis code; the target is SQL of a dialect that gives the same",
    "code_completion": "code before a cursor, and in `suffix` the code after it",
    "error_resolution": "code with a fault, and in `error` what it raises or which rows differ",
    "qa": "a question about Ibis; the target is an answer with code that ran",
    "documentation": "a function over tables; the target is a docstring whose example ran",
}


def card(manifest: DatasetManifest, coverage: Coverage) -> str:
    """Write the README of a dataset: what it holds, how it was proved, what is not in it."""
    parts = [
        _front(manifest),
        "# Training data for Ibis, each example proved by running it",
        f"{manifest.rows:,} examples of {len(manifest.counts)} tasks, derived from "
        f"{manifest.roots:,} pairs of SQL and Ibis code that were run and compared.",
        "```python\n"
        'from datasets import load_dataset\n\nload_dataset("path/to/this/folder", "sql_to_ibis")\n'
        "```",
        "## Tasks",
        _table(("task", *SPLITS, "input"), _task_rows(manifest)),
        "## How it was proved",
        "Every SQL and every piece of Ibis code was run on DuckDB over generated tables, and both "
        "results are equal: the compiled SQL, and what a user fetches. SQL of another dialect runs "
        "as sqlglot reads it. Errors are those that a run raised. Docstrings pass their style's "
        "validator, and their examples ran. `database` names the rows; "
        "`ibert data validate` runs the examples again from these files alone.",
        "## What was kept out",
        _table(("not verified", "examples"), _most(manifest.rejected)),
        _table(("kept out by a gate", "examples"), _most(manifest.kept_out)),
        f"The dataset was held against {manifest.evaluations:,} cases of evaluations; examples of "
        f"the structure of {len(manifest.hits):,} of them were kept out.",
        "Splits are grouped: a schema is in one split, and no structure of the SQL or the code of "
        "a test example occurs in training.",
        "## Lengths",
        _table(
            ("task", "median characters", "90% up to", "longest"),
            (
                (task, f"{one.median:,}", f"{one.p90:,}", f"{one.max:,}")
                for task, one in manifest.lengths.items()
            ),
        ),
        "## Coverage",
        f"{_covered(coverage.operations)} operations of Ibis and {len(coverage.sql):,} constructs "
        "of SQL; `coverage.json` counts all of them. The most frequent operations:",
        _table(("operation", "examples"), _most(coverage.operations)),
        "## Sources and licences",
        _table(("source", "examples"), _most(manifest.sources)),
        _table(("licence", "examples"), _most(manifest.licences)),
        "## Versions",
        _table(("package", "version"), manifest.versions.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _front(manifest: DatasetManifest) -> str:
    lines = ["---", "license: apache-2.0", "language: [en, code]", "tags: [ibis, sql, code]"]
    lines += ["configs:"]
    for task, splits in manifest.counts.items():
        lines += [f"  - config_name: {task}", "    data_files:"]
        for split in (one for one in SPLITS if one in splits):
            lines += [f"      - split: {split}", f'        path: "{task}/{split}-*.parquet"']
    return "\n".join([*lines, "---"])


def _task_rows(manifest: DatasetManifest) -> Iterator[tuple[str, ...]]:
    for task, splits in manifest.counts.items():
        yield task, *(f"{splits.get(split, 0):,}" for split in SPLITS), _TASKS[task]


def _most(counts: dict[str, int]) -> Iterator[tuple[str, str]]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for name, count in ordered[:SHOWN]:
        yield name, f"{count:,}"
    if len(ordered) > SHOWN:
        yield f"{len(ordered) - SHOWN} others", f"{sum(n for _, n in ordered[SHOWN:]):,}"


def _covered(counts: dict[str, int]) -> str:
    return f"{sum(count > 0 for count in counts.values()):,} of {len(counts):,}"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
