"""`ibert data`: make training data, check it, count it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.confinement import weak_sandbox_option
from ibert.cli.factory import (
    dataset_stats,
    export,
    from_sql,
    generate_all,
    mine,
    show,
    validate_dataset,
)
from ibert.cli.options import format_option
from ibert.cli.output import FINDINGS, note, print_difference, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibert.datagen.example import Manifest
    from ibert.datagen.sql2ibis import Template
    from ibert.datagen.sql2ibis.trial import Trial, Tried
    from ibert.datagen.stats import Stats

SHOWN = 15  # rows of a table of counts
DEFAULT = Path("data/sql2ibis/train.jsonl")

path_type = click.Path(path_type=Path, dir_okay=False)
file_argument = click.argument("file", type=click.Path(path_type=Path), default=DEFAULT)
workers_option = click.option(
    "--workers", type=click.IntRange(min=1), help="How many at a time; by default one for each CPU."
)


@click.group()
def data() -> None:
    """Make training data, check it, count it."""


@data.command()
@click.option("--output", "-o", type=path_type, default=DEFAULT, show_default=True)
@click.option("--templates", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same bytes.")
@workers_option
@weak_sandbox_option
@format_option
def generate(
    output: Path, templates: Path | None, seed: int, workers: int | None, format_: str
) -> None:
    """Render the templates, run every pair, and write those that are proved.

    Exits with 1 if a pair was not proved; the others are written, and the manifest says why.
    """
    from ibert.datagen.sql2ibis.generate import generate as run
    from ibert.datagen.sql2ibis.template import TEMPLATES

    with progress_bar("verifying") as progress:
        manifest = run(
            output, templates=templates or TEMPLATES, seed=seed, workers=workers, progress=progress
        )
    for rejected in manifest.rejected:
        note(f"{rejected.template}, variation {rejected.variation}: {rejected.reason}")
    if format_ == "json":
        print_json(manifest)
    else:
        _print_generated(output, manifest)
    sys.exit(FINDINGS if manifest.rejected else 0)


def _print_generated(output: Path, manifest: Manifest) -> None:
    from ibert.datagen.example import read_examples

    counts = manifest.counts
    click.echo(
        f"{counts['verified']:,} verified pairs of {counts['structures']:,} structures from "
        f"{counts['templates']} templates, {counts['rejected']} rejected: {output}"
    )
    _, example = next(read_examples(output), (0, None))
    if example:
        click.echo(f"\nThe first of them:\n\n{example.input.sql}\n\n{example.target.ibis}")
        click.echo(f"{example.meta.verdict}: {example.meta.rows} equal rows")


for command in (generate_all, from_sql, mine, show, export):
    data.add_command(command)


@data.command()
@file_argument
@click.option(
    "--sample", type=click.IntRange(min=1), help="Of a folder: run only so many, drawn by chance."
)
@click.option("--seed", default=0, show_default=True, help="Draws the sample.")
@workers_option
@weak_sandbox_option
@format_option
def validate(file: Path, sample: int | None, seed: int, workers: int | None, format_: str) -> None:
    """Run every example of FILE again and name those that no longer hold.

    FILE is what `generate` writes, or the folder `dataset` of `generate-all`.
    """
    if file.is_dir():
        validate_dataset(file, sample, seed, format_)
    from ibert.datagen.validate import validate as run

    with progress_bar("validating") as progress:
        found = run(file, workers=workers, progress=progress)
    if format_ == "json":
        print_json(found)
    else:
        for problem in found.problems:
            note(str(problem))
        click.echo(f"{found.hold:,} of {found.examples:,} examples hold: {file}")
    sys.exit(FINDINGS if found.problems else 0)


@data.command()
@file_argument
@click.option("--all", "all_", is_flag=True, help="Show every feature and template.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Of a folder: write a page with plots, too.",
)
@format_option
def stats(file: Path, all_: bool, html: Path | None, format_: str) -> None:
    """Count what FILE holds: what `generate` writes, or the folder `dataset` of `generate-all`."""
    if file.is_dir():
        dataset_stats(file, html, format_)
        return
    from ibert.datagen.stats import stats as run

    found = run(file)
    if format_ == "json":
        print_json(found)
    else:
        _print_stats(found, all_=all_)


def _print_stats(found: Stats, *, all_: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    summary = Table(show_header=False, box=None)
    for label, value in (
        ("examples", found.examples),
        ("structures", found.structures),
        ("SQL structures", found.sql_structures),
        ("templates", found.templates),
        ("rejected", "no manifest" if found.rejected is None else found.rejected),
        ("duplicates", found.duplicates),
    ):
        summary.add_row(label, f"{value:,}" if isinstance(value, int) else value)
    for label, spread in (
        ("examples of a structure", found.per_structure),
        ("SQL characters", found.sql_length),
        ("Ibis characters", found.ibis_length),
    ):
        text = f"{spread.min} to {spread.max}, median {spread.median}, 90% up to {spread.p90}"
        summary.add_row(label, text)
    console.print(summary)
    for title, rows in (
        ("difficulty", _count_rows(found.difficulties)),
        ("dialect", _count_rows(found.dialects)),
        ("table", _count_rows(found.tables)),
        ("feature", _count_rows(found.features)),
        ("template", [_row(name, *counts.values()) for name, counts in found.by_template.items()]),
    ):
        heads = ("examples", "structures")[: len(rows[0]) - 1] if rows else ()
        table = Table(title, *heads, box=None)
        for row in rows if all_ else rows[:SHOWN]:
            table.add_row(*row)
        console.print()
        console.print(table)
        if len(rows) > SHOWN and not all_:
            console.print(f"… and {len(rows) - SHOWN} more (--all shows them)", highlight=False)


def _count_rows(counts: dict[str, int]) -> list[list[str]]:
    return [_row(name, count) for name, count in counts.items()]


def _row(name: str, *counts: int) -> list[str]:
    return [name, *(f"{count:,}" for count in counts)]


@data.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), required=False)
@click.option("--verify", is_flag=True, help="Run every variation and show what is not verified.")
@click.option("--show", is_flag=True, help="Print every rendered pair.")
@click.option("--seed", default=0, show_default=True, help="Chooses samples and fixtures.")
@workers_option
@weak_sandbox_option
@format_option
def templates(
    path: Path | None, verify: bool, show: bool, seed: int, workers: int | None, format_: str
) -> None:
    """List the templates, or those of PATH (a file or a folder): the shipped ones by default."""
    from ibert import fixtures
    from ibert.catalog import Catalog
    from ibert.datagen.sql2ibis.template import TEMPLATES, load_templates
    from ibert.datagen.sql2ibis.trial import trials

    catalog = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    loaded = load_templates(path or TEMPLATES, catalog=catalog, seed=seed)
    if not (verify or show):
        _print_templates(loaded, format_)
        return
    found = trials(loaded, seed=seed, workers=workers, run=verify)
    if format_ == "json":
        print_json(found)
    else:
        _print_trials(found, show=show)
    sys.exit(FINDINGS if any(trial.failures for trial in found) else 0)


def _print_templates(loaded: Sequence[Template], format_: str) -> None:
    rows = [
        {
            "name": template.name,
            "difficulty": template.difficulty,
            "variations": len(template.variations),
            "features": list(template.features),
            "description": template.description,
        }
        for template in loaded
    ]
    if format_ == "json":
        print_json(rows)
        return
    for template in loaded:
        count = len(template.variations)
        click.echo(
            f"{template.name:<34} {template.difficulty:<7} {count:>4}  {template.description}"
        )
    total = sum(len(template.variations) for template in loaded)
    note(f"{len(loaded)} templates, {total:,} variations")


def _print_trials(found: Sequence[Trial], *, show: bool) -> None:
    for trial in found:
        if show:
            for tried in trial.variations:
                click.echo(f"-- {trial.template}, variation {tried.variation}\n{tried.sql}\n")
                click.echo(tried.ibis)
        click.echo(
            f"{trial.template:<34} {len(trial.variations):>4} variations "
            f"{trial.verified:>4} verified {trial.structures:>4} structures "
            f"{trial.sql_structures:>4} of the SQL"
        )
        for tried in trial.failures:
            _print_failure(trial.template, tried)
    structures = sum(trial.structures for trial in found)
    variations = sum(len(trial.variations) for trial in found)
    note(f"{len(found)} templates, {variations:,} variations, {structures:,} structures")


def _print_failure(template: str, tried: Tried) -> None:
    verdict = tried.verdict
    if verdict is None:
        return
    note(f"\n{verdict.status.value} {template}, variation {tried.variation}")
    for diagnostic in verdict.diagnostics:
        note(str(diagnostic))
    if verdict.evidence.difference:
        print_difference(verdict.evidence.difference)
    note(f"{tried.sql}\n\n{tried.ibis}")
