"""`ibert eval`: how much of a suite comes out equal."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.confinement import weak_sandbox_option
from ibert.cli.output import FINDINGS, format_option, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ibert.evaluation import Engine, Score, Strength, Suite

# The names that `ibert.evaluation` has, which importing it for `--help` would cost too much.
SUITE_NAMES = ("fixtures", "templates", "tpch", "tpcds", "ibis-map")
ENGINE_NAMES = ("compiler", "ibis")
BASELINE = "ibis"
FIGURES = ("cases", "equal", "with_rows", "wrong", "refused", "failed", "unproved")
NATIVE_FIGURES = {"ok": ("equal",), "wrong": ("wrong", "unproved"), "error": ("refused", "failed")}
FREQUENT = 5  # reasons shown of each figure

suites_option = click.option(
    "--suite",
    "suites",
    type=click.Choice(SUITE_NAMES),
    multiple=True,
    default=SUITE_NAMES[:1],
    show_default=True,
    help="May be given more than once.",
)
engine_option = click.option(
    "--engine", type=click.Choice(ENGINE_NAMES), default=ENGINE_NAMES[0], show_default=True
)
scale_option = click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True),
    default=0.01,
    show_default=True,
    help="The scale factor of tpch and tpcds.",
)
cases_option = click.option(
    "--cases",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="For ibis-map: the JSON file of its cases, with ibis_setup.sql beside it.",
)
baseline_option = click.option(
    "--baseline/--no-baseline",
    default=True,
    show_default=True,
    help="Count what Ibis' own parse_sql and decompile make of it, too.",
)
limit_option = click.option(
    "--limit", type=click.IntRange(min=1), help="Take only as many cases of a suite."
)
workers_option = click.option(
    "--workers", type=click.IntRange(min=1), help="How many at a time; by default one for each CPU."
)


@click.group(name="eval")
def evaluate() -> None:
    """Count how much of a suite comes out equal."""


@evaluate.command()
@suites_option
@engine_option
@scale_option
@cases_option
@baseline_option
@limit_option
@workers_option
@weak_sandbox_option
@format_option
def translate(
    suites: tuple[str, ...],
    engine: str,
    scale: float,
    cases: Path | None,
    baseline: bool,
    limit: int | None,
    workers: int | None,
    format_: str,
) -> None:
    """Translate the queries of suites to Ibis, run both sides, and count.

    The suite fixtures has one query of each template of the training data, templates has all of
    them, which takes minutes. Exits with 0 if every case is equal. `--format json` prints one line
    for each suite.
    """
    from ibert.evaluation import ENGINES, Source, load_suite

    engines = {engine: ENGINES[engine]}
    if baseline:
        engines[BASELINE] = ENGINES[BASELINE]
    with tempfile.TemporaryDirectory() as folder:
        source = Source(Path(folder), scale=scale, cases=cases)
        loaded = [load_suite(name, source, limit=limit) for name in dict.fromkeys(suites)]
        found = []
        for suite in loaded:
            scores = _scores(suite, engines, workers=workers)
            found.append(scores[engine])
            if format_ == "json":
                _print_line(scores, engine, baseline=baseline)
            else:
                _print_scores(scores, engine)
    sys.exit(0 if all(score.equal == score.cases for score in found) else FINDINGS)


@evaluate.command()
@limit_option
@workers_option
@weak_sandbox_option
@format_option
def ibis_sql(limit: int | None, workers: int | None, format_: str) -> None:
    """Show what Ibis by itself makes of the fixture queries.

    That is `con.sql`, `ibis.parse_sql`, and `ibis.decompile` of what `ibis.parse_sql` gives.
    """
    from ibert.evaluation import NATIVE, Source, load_suite

    with tempfile.TemporaryDirectory() as folder:
        suite = load_suite("fixtures", Source(Path(folder)), limit=limit)
        scores = _scores(suite, NATIVE, passthrough=True, workers=workers)
    if format_ == "json":
        print_json(scores)
    else:
        _print_native(scores)


@evaluate.command()
@suites_option
@scale_option
@cases_option
@click.option("--every", type=click.IntRange(min=1), default=1, help="Take every so-manieth case.")
@click.option("--seed", default=0, show_default=True, help="Makes the databases.")
@limit_option
@format_option
def verifier(
    suites: tuple[str, ...],
    scale: float,
    cases: Path | None,
    every: int,
    seed: int,
    limit: int | None,
    format_: str,
) -> None:
    """Count the mutants of queries that the verifier's databases tell from them.

    The databases are chosen with other mutants. Exits with 0 if nothing that means the same as a
    query was reported as different.
    """
    from ibert.evaluation import Source, load_suite, measure
    from ibert.evaluation.strength import total

    parts = []
    with tempfile.TemporaryDirectory() as folder:
        source = Source(Path(folder), scale=scale, cases=cases)
        for name in dict.fromkeys(suites):
            suite = load_suite(name, source)
            chosen = suite.cases[::every][:limit]
            with progress_bar(name) as progress:
                parts.append(measure(name, chosen, suite.catalog, seed=seed, progress=progress))
    whole = total("verifier", parts)
    if format_ == "json":
        print_json(whole)
    else:
        _print_strength([*parts, whole])
    sys.exit(0 if whole.false_alarms == 0 else FINDINGS)


def _print_strength(parts: Sequence[Strength]) -> None:
    from ibert.evaluation.strength import FIGURES as STRENGTH_FIGURES

    rows: list[tuple[str | int, ...]] = []
    for part in parts:
        for label, figures in ((part.name, part), (f"{part.name}, fixed tables", part.fixed)):
            counts = [getattr(figures, name) for name in STRENGTH_FIGURES]
            rows.append((label, *counts, f"{figures.score:.1%}"))
    heads = (name.replace("_", " ") for name in STRENGTH_FIGURES)
    _print_table(("", *heads, "score"), rows)
    for alarm in parts[-1].alarms:
        click.echo(f"{alarm.case}: {alarm.rule}: {alarm.message}\n  {alarm.sql}")


def _scores(
    suite: Suite,
    engines: Mapping[str, Engine],
    *,
    passthrough: bool = False,
    workers: int | None,
) -> dict[str, Score]:
    import logging

    from ibert.evaluation import evaluate as run

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # what it warns of is counted
    scores = {}
    for name, engine in engines.items():
        with progress_bar(f"{suite.name}: {name}") as progress:
            scores[name] = run(
                suite, engine, passthrough=passthrough, workers=workers, progress=progress
            )
    return scores


def _print_line(scores: Mapping[str, Score], engine: str, *, baseline: bool) -> None:
    """Print the figures of a suite on one line, so that those of several suites can be read."""
    import msgspec

    figures = {"engine": engine, **msgspec.structs.asdict(scores[engine])}
    if baseline:
        figures["baseline"] = {"engine": BASELINE, **msgspec.structs.asdict(scores[BASELINE])}
    click.echo(msgspec.json.encode(figures).decode())


def _print_scores(scores: Mapping[str, Score], engine: str) -> None:
    title = next(iter(scores.values())).name
    rows = [
        (name, *(getattr(score, figure) for figure in FIGURES)) for name, score in scores.items()
    ]
    _print_table((title, *(figure.replace("_", " ") for figure in FIGURES)), rows)
    for found in scores[engine].reasons:
        click.echo(f"{found.outcome:<8} {found.case}: {found.reason}")
    click.echo()


def _print_native(scores: Mapping[str, Score]) -> None:
    from ibert.evaluation import Outcome

    rows = [
        (label, *(sum(getattr(score, name) for name in names) for score in scores.values()))
        for label, names in NATIVE_FIGURES.items()
    ]
    _print_table(("", *scores), rows)
    for engine, score in scores.items():
        for label, names in NATIVE_FIGURES.items():
            frequent = score.frequent([Outcome(name) for name in names], FREQUENT)
            for reason, count in frequent:
                click.echo(f"{engine}, {label}, {count} times: {reason}")


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str | int]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else cell for cell in row))
    Console().print(table)
