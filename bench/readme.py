"""Write the numbers in README.md again: `just readme`.

The dataset is generated, counted and validated; the benchmark runs. Nothing is typed by hand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BEGIN, END = "<!-- numbers: written by `./just readme` -->", "<!-- /numbers -->"


def main() -> None:
    """Measure, and put the numbers between their marks."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "train.jsonl"))
        run("-m", "ibert", "data", "generate", "-o", path)
        stats = json.loads(run("-m", "ibert", "data", "stats", path, "--format", "json"))
    bench = json.loads(run(str(ROOT / "bench" / "validation.py"), "--format", "json"))
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = f"{before}{BEGIN}\n{dataset_lines(stats)}{bench_lines(bench)}{END}{after}"
    README.write_text(text, encoding="utf-8")


def dataset_lines(stats: dict[str, int]) -> str:
    """Say what the dataset holds."""
    return (
        f"| the dataset | |\n|---|---:|\n"
        f"| verified pairs | {stats['examples']:,} |\n"
        f"| distinct structures (literals and names masked) | {stats['structures']:,} |\n"
        f"| distinct structures of the SQL alone | {stats['sql_structures']:,} |\n"
        f"| templates | {stats['templates']:,} |\n"
        f"| rejected | {stats['rejected']:,} |\n"
    )


def bench_lines(bench: dict[str, float]) -> str:
    """Say what validation costs."""
    return (
        f"| validation per core: share of the bare rate | {bench['share_of_bare']:.0%} |\n"
        f"| times the rate of a fresh process for each pair | {bench['times_fresh']:.0f} |\n"
    )


def run(*arguments: str) -> str:
    """Run a Python command in the checkout; give what it printed."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    main()
