"""`ibert data generate-all`, and what looks at its dataset."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.confinement import weak_sandbox_option
from ibert.cli.options import catalog_option, format_option
from ibert.cli.output import FINDINGS, note, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ibert.datagen.factory.from_sql import SqlConfig
    from ibert.datagen.factory.manifest import DatasetManifest
    from ibert.datagen.factory.mining import CodeConfig
    from ibert.datagen.factory.row import Row

FOLDER = Path("data/all")
SHOWN = 20  # lines of a table of counts

folder_type = click.Path(path_type=Path, file_okay=False)


@click.command("generate-all")
@click.option("--output", "-o", type=folder_type, default=FOLDER, show_default=True)
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same bytes.")
@click.option(
    "--api-shards", type=click.IntRange(min=0), help="Shards of questions about Ibis; 0: none."
)
@click.option(
    "--template-shards",
    type=click.IntRange(min=0),
    help="Shards of the templates; 0: none of them.",
)
@click.option("--catalogs", type=click.IntRange(min=0), help="Generated catalogs, a shard each.")
@click.option("--queries", type=click.IntRange(min=1), help="Queries over each of them.")
@click.option(
    "--task-shards",
    type=click.IntRange(min=0),
    help="Shards of the templates of the other tasks; 0: none of them.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="How many at a time; by default one for each CPU."
)
@click.option("--runner", type=click.Choice(("local", "ray")), default="local", show_default=True)
@click.option("--address", help="Of a Ray cluster that sees the folder; by default one of its own.")
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A JSON list of {id, sql} that must not be trained on, beside TPC-H and TPC-DS.",
)
@weak_sandbox_option
@format_option
def generate_all(
    output: Path,
    seed: int,
    api_shards: int | None,
    template_shards: int | None,
    catalogs: int | None,
    queries: int | None,
    task_shards: int | None,
    workers: int | None,
    runner: str,
    address: str | None,
    against: tuple[Path, ...],
    format_: str,
) -> None:
    """Make examples of all six tasks, each proved by running it, in numbered shards.

    A run that was killed goes on where it was. The dataset is in OUTPUT/dataset: JSON lines and
    Parquet by task and split, a card, a manifest and a table of coverage.
    """
    from ibert.datagen.factory.assembly import assemble
    from ibert.datagen.factory.making import make_shards
    from ibert.datagen.factory.shard import Config
    from ibert.evaluation.contamination import contaminated

    sizes = {
        "api_shards": api_shards,
        "template_shards": template_shards,
        "catalogs": catalogs,
        "queries": queries,
        "task_shards": task_shards,
    }
    config = Config(seed=seed, **{name: size for name, size in sizes.items() if size is not None})
    kept_out = contaminated(against)
    with progress_bar("shards") as progress:
        make_shards(
            config, output, workers=workers, runner=runner, address=address, progress=progress
        )
    with progress_bar("assembling") as progress:
        manifest = assemble(config, output, config.shards, contaminated=kept_out, progress=progress)
    if format_ == "json":
        print_json(manifest)
    else:
        print_dataset(manifest)
        click.echo(f"\n{output / 'dataset'}")


def print_dataset(manifest: DatasetManifest) -> None:
    """Print the counts of a dataset as tables."""
    from rich.console import Console
    from rich.table import Table

    from ibert.datagen.factory.gates import SPLITS

    console = Console()
    table = Table("task", *SPLITS, "median characters", "longest", box=None)
    for task, splits in manifest.counts.items():
        lengths = manifest.lengths[task]
        numbers = [splits.get(split, 0) for split in SPLITS]
        table.add_row(task, *(f"{n:,}" for n in (*numbers, lengths.median, lengths.max)))
    console.print(table)
    console.print(f"\n{manifest.rows:,} examples from {manifest.roots:,} proved pairs\n")
    for title, counts in (
        ("not verified", manifest.rejected),
        ("kept out by a gate", manifest.kept_out),
        ("kept out for an evaluation", manifest.hits),
        ("source", manifest.sources),
        ("licence", manifest.licences),
    ):
        if counts:
            console.print(_counts_table(title, counts))
            console.print()


def _counts_table(title: str, counts: Mapping[str, int]) -> object:
    from rich.table import Table

    table = Table(title, "examples", box=None)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for name, count in ordered[:SHOWN]:
        table.add_row(name, f"{count:,}")
    if len(ordered) > SHOWN:
        table.add_row(f"{len(ordered) - SHOWN} others", "")
    return table


@click.command("show")
@click.argument("id_", metavar="ID")
@click.option("--data", "folder", type=folder_type, default=FOLDER / "dataset", show_default=True)
@format_option
def show(id_: str, folder: Path, format_: str) -> None:
    """Show the example of an ID, or of the beginning of one, and where it comes from."""
    from ibert.datagen.factory.reading import find_row
    from ibert.datagen.factory.record import record

    split, row = find_row(folder, id_)
    if format_ == "json":
        print_json({"split": split, **record(row)})
    else:
        _print_row(split, row)


def _print_row(split: str, row: Row) -> None:
    content, origin = row.content, row.origin
    kind = " ".join(filter(None, (content.task, content.variant, content.dialect)))
    click.echo(f"{row.id}: {kind}, {split}")
    for table in content.tables:
        columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
        click.echo(f"  {table.name}({columns})")
    for title in ("input", "suffix", "error", "target", "explanation"):
        if text := getattr(content, title):
            click.echo(f"\n{title}:\n{text.rstrip()}")
    click.echo(
        f"\n{origin.verdict}, {origin.rows} rows of {origin.database}; "
        f"{origin.source} {origin.name}, {origin.licence}; root {origin.root}"
    )


@click.command("export")
@click.argument("folder", type=folder_type, default=FOLDER / "dataset")
@click.option("--as", "view", type=click.Choice(("chat", "prompt-completion")), required=True)
@click.option("--output", "-o", type=folder_type, required=True)
def export(folder: Path, view: str, output: Path) -> None:
    """Write the dataset in FOLDER as conversations, or as prompts and completions."""
    from ibert.datagen.factory.views import write_view

    counts = write_view(folder, view, output)
    click.echo(", ".join(f"{count:,} {split}" for split, count in counts.items()) + f": {output}")


def dataset_stats(folder: Path, html: Path | None, format_: str) -> None:
    """Tell what a dataset holds; on a page with plots, too, where that is asked."""
    from ibert.datagen.factory.manifest import read_dataset_manifest

    manifest = read_dataset_manifest(folder)
    if html is not None:
        from ibert.datagen.factory.page import page_of
        from ibert.report import write_page

        write_page(html, page_of(folder))
        note(f"written: {html}")
    if format_ == "json":
        print_json(manifest)
    else:
        print_dataset(manifest)


def validate_dataset(folder: Path, sample: int | None, seed: int, format_: str) -> None:
    """Prove rows of a dataset again, and say which no longer hold."""
    from ibert.datagen.factory.reading import read_rows, sample_rows
    from ibert.datagen.factory.recheck import recheck

    rows = sample_rows(folder, sample, seed) if sample else [row for _, row in read_rows(folder)]
    with progress_bar("validating") as progress:
        found = recheck(rows, progress=progress)
    if format_ == "json":
        print_json(found)
    else:
        for problem in found.problems:
            note(str(problem))
        click.echo(f"{found.hold:,} of {found.cases:,} examples hold: {folder}")
    sys.exit(FINDINGS if found.problems else 0)


output_option = click.option("--output", "-o", type=folder_type, required=True)
licence_option = click.option(
    "--licence", required=True, help="Of the files, as SPDX spells it: Apache-2.0, MIT, …"
)
seed_option = click.option("--seed", default=0, show_default=True, help="Makes the rows.")


@click.command("from-sql")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--dialect", default="duckdb", show_default=True, help="Of the SQL.")
@catalog_option
@licence_option
@output_option
@seed_option
@weak_sandbox_option
@format_option
def from_sql(
    folder: Path,
    dialect: str,
    catalogs: tuple[str, ...],
    licence: str,
    output: Path,
    seed: int,
    format_: str,
) -> None:
    """Make examples of the queries in the .sql files of FOLDER, a shard for each file.

    FOLDER may be a dbt project, whose models are rendered without a warehouse, or hold models of
    SQLMesh. The tables are those of --catalog, those that the files declare with CREATE TABLE, the
    sources, seeds and columns of a project's YAML, and what its models make. What cannot be read is
    told with its file, line and reason.
    """
    from ibert.catalog import Catalog
    from ibert.datagen.factory.from_sql import sql_config, sql_shard
    from ibert.datagen.factory.projects import Project
    from ibert.sql.dialects import check_dialect

    check_dialect(dialect)
    project = Project(folder, dialect)
    config = sql_config(project, dialect, licence, seed)
    known = Catalog.from_any(list(catalogs), dialect=dialect) if catalogs else Catalog({})
    tables = project.tables(known)
    with progress_bar("files") as progress:
        for number in range(len(config.files)):
            sql_shard(config, number, project, tables, output)
            if progress:
                progress(number + 1, len(config.files))
    for problem in project.refused:
        note(str(problem))
    _finish(config, output, len(config.files), format_)


@click.command("mine")
@click.argument("place", metavar="PATH|GIT_URL")
@licence_option
@output_option
@seed_option
@weak_sandbox_option
@format_option
def mine(place: str, licence: str, output: Path, seed: int, format_: str) -> None:
    """Make examples of the functions over tables in a repository, a shard for each file.

    Read are .py, .ipynb, .qmd and .md. Nothing of it runs outside the sandbox, and only what runs
    there becomes an example.
    """
    from ibert.datagen.factory.mining import checked_out, code_config, code_shard

    with checked_out(place) as (folder, origin):
        config = code_config(folder, origin, licence, seed)
        base = folder.parent if folder.is_file() else folder
        with progress_bar("files") as progress:
            for number in range(len(config.files)):
                code_shard(config, number, base, output)
                if progress:
                    progress(number + 1, len(config.files))
    _finish(config, output, len(config.files), format_)


def _finish(config: SqlConfig | CodeConfig, output: Path, shards: int, format_: str) -> None:
    from ibert.datagen.factory.assembly import assemble
    from ibert.evaluation.contamination import contaminated

    manifest = assemble(config, output, shards, contaminated=contaminated())
    if format_ == "json":
        print_json(manifest)
    else:
        print_dataset(manifest)
        click.echo(f"\n{output / 'dataset'}")
    sys.exit(0 if manifest.rows else FINDINGS)
