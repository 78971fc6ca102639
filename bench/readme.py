"""Measure, keep the figures in docs/figures.json, and write them into README.md: `just readme`.

`just readme qa documentation` measures only these again. Nothing is typed by hand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
FIGURES = ROOT / "docs" / "figures.json"
BEGIN, END = "<!-- numbers: written by `./just readme` -->", "<!-- /numbers -->"
# What is kept of each measurement.
KEPT = {
    "dataset": ("examples", "structures", "sql_structures", "templates", "rejected"),
    "validation": ("share_of_bare", "times_fresh"),
    "ibis_to_sql": ("cases", "equal", "wrong", "refused"),
    "code_completion": ("cases", "top1", "top5", "baseline_top1"),
    "error_resolution": ("cases", "repaired", "offered_broken"),
    "qa": ("cases", "hit1", "hit5", "invented"),
    "documentation": ("cases", "valid", "doctests"),
    "from_scratch": ("accuracy", "cases", "curve", "parameters", "seconds", "steps", "untrained"),
}


def dataset() -> Any:
    """Generate the dataset and count it."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "train.jsonl"))
        run("-m", "ibert", "data", "generate", "-o", path)
        return json.loads(run("-m", "ibert", "data", "stats", path, "--format", "json"))


def validation() -> Any:
    """Measure what validating costs."""
    return json.loads(run(str(ROOT / "bench" / "validation.py"), "--format", "json"))


def evaluation(name: str, *options: str) -> Callable[[], Any]:
    """Give a function that evaluates a task; that findings are left is no failure."""
    return lambda: json.loads(run("-m", "ibert", "eval", name, *options, "--format", "json"))


def from_scratch() -> Any:
    """Train a small model on the dataset, and give what it learned, with its learning curve."""
    with tempfile.TemporaryDirectory() as folder:
        place, config = Path(folder, "run"), "configs/tiny.toml"
        options = ("--from-scratch", config, "--out", str(place), "--format", "json")
        result = json.loads(run("-m", "ibert", "train", *options))
        record = place.joinpath("metrics.jsonl").read_text(encoding="utf-8").splitlines()
    points = [point for point in map(json.loads, record) if point["kind"] == "evaluation"]
    return result | {"curve": {point["step"]: point["accuracy"] for point in points}}


MEASURES: dict[str, Callable[[], Any]] = {
    "dataset": dataset,
    "validation": validation,
    "ibis_to_sql": evaluation("ibis_to_sql", "--suite", "tpch", "--suite", "tpcds"),
    "code_completion": evaluation("code_completion"),
    "error_resolution": evaluation("error_resolution"),
    "qa": evaluation("qa"),
    "documentation": evaluation("documentation"),
    "from_scratch": from_scratch,
}


def main(*names: str) -> None:
    """Measure what is named, or all, and put the numbers between their marks."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    for name in names or MEASURES:
        found = MEASURES[name]()
        figures[name] = {key: found[key] for key in KEPT[name]}
        FIGURES.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    write(figures)


def write(figures: dict[str, dict[str, float]]) -> None:
    """Put the numbers between their marks."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    table = "".join(f"| {label} | {value} |\n" for label, value in lines(figures))
    text = f"{before}{BEGIN}\n| measured | |\n|---|---:|\n{table}{END}{after}"
    README.write_text(text, encoding="utf-8")


def lines(figures: dict[str, dict[str, float]]) -> Iterator[tuple[str, str]]:
    """Yield what the table of the README says of each figure."""
    for name, say in SAID.items():
        if name in figures:
            yield from say(figures[name])


def _dataset(found: dict[str, float]) -> Iterator[tuple[str, str]]:
    yield "verified pairs", f"{found['examples']:,}"
    yield "distinct structures (literals and names masked)", f"{found['structures']:,}"


def _validation(found: dict[str, float]) -> Iterator[tuple[str, str]]:
    yield "validation per core: share of the bare rate", f"{found['share_of_bare']:.0%}"
    yield "times the rate of a fresh process for each pair", f"{found['times_fresh']:.0f}"


def _ibis_to_sql(found: dict[str, float]) -> Iterator[tuple[str, str]]:
    label = "TPC-H and TPC-DS from Ibis to five dialects: verified"
    yield label, f"{found['equal']:,} of {found['cases']:,}"


def _code_completion(found: dict[str, float]) -> Iterator[tuple[str, str]]:
    shares = f"{found['top5']:.1%}, {found['top1']:.1%} ({found['baseline_top1']:.1%})"
    yield f"completion at {found['cases']:,} cuts: top 5, top 1 (Jedi's)", shares


def _error_resolution(found: dict[str, float]) -> Iterator[tuple[str, str]]:
    label = f"faults in {found['cases']:,} programs: repaired and equal, offers that do not run"
    yield label, f"{found['repaired'] / found['cases']:.1%}, {found['offered_broken']:,}"


def _qa(found: dict[str, float]) -> Iterator[tuple[str, str]]:
    shares = f"{found['hit5'] / found['cases']:.1%}, {found['hit1'] / found['cases']:.1%}"
    label = f"{found['cases']:,} questions: hit@5, hit@1, invented names"
    yield label, f"{shares}, {found['invented']:,}"


def _documentation(found: dict[str, float]) -> Iterator[tuple[str, str]]:
    label = f"docstrings of {found['cases']:,} functions: valid, doctests that ran"
    yield label, f"{found['valid'] / found['cases']:.1%}, {found['doctests']:,}"


def _from_scratch(found: dict[str, float]) -> Iterator[tuple[str, str]]:
    size, minutes = f"{found['parameters'] / 1e6:.1f}M", f"{found['seconds'] / 60:.0f} minutes"
    label = (
        f"`ibert train --from-scratch configs/tiny.toml`, {size} weights, {minutes} on two cores"
    )
    shares = f"{found['untrained']:.0%}, {found['accuracy']:.0%}"
    yield f"{label}: held-out answers that hold, before and after", shares


SAID: dict[str, Callable[[dict[str, float]], Iterator[tuple[str, str]]]] = {
    "dataset": _dataset,
    "validation": _validation,
    "ibis_to_sql": _ibis_to_sql,
    "code_completion": _code_completion,
    "error_resolution": _error_resolution,
    "qa": _qa,
    "documentation": _documentation,
    "from_scratch": _from_scratch,
}


def run(*arguments: str) -> str:
    """Run a Python command in the checkout; give what it printed. Findings are its exit code 1."""
    process = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if process.returncode > 1 or not process.stdout:
        raise SystemExit(process.stderr)
    return process.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
