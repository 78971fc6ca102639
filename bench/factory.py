"""Verified examples per second and core, beside the bare cost of the pairs that they come from.

factory  shards of templates and of generated queries: draw, translate, run, derive for all tasks.
bare     DuckDB runs the SQL of each proved pair, Ibis builds and compiles its code and DuckDB runs
         that once; nothing is compared, and nothing derived.

Times are CPU seconds of all processes, so that a busy machine distorts them little; the scaling
from one worker to two is in wall seconds, and needs a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ibert.datagen.factory.databases import write_named
from ibert.datagen.factory.row import Row, decode
from ibert.datagen.factory.shard import shard_path
from ibert.sandbox.in_process import InProcess

NUMBERS = (40, 160)  # of shards: one of templates, one of queries
PROJECTED = (1_000_000, 100_000_000)
MAKE = """
import sys
from pathlib import Path
from ibert.datagen.factory.runners import local
from ibert.datagen.factory.shard import Config
if __name__ == "__main__":
    folder, workers, *numbers = sys.argv[1:]
    config = Config(api_shards=0, template_shards=160, catalogs=4, task_shards=0)
    list(local(config, list(map(int, numbers)), Path(folder), int(workers)))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--format", choices=["text", "json"], default="text")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        one, two = Path(name, "one"), Path(name, "two")
        seconds, wall = made(one, 1)
        _, wall_of_two = made(two, 2)
        rows = [
            decode(line) for n in NUMBERS for line in shard_path(one, n).read_bytes().splitlines()
        ]
        same = all(
            shard_path(one, n).read_bytes() == shard_path(two, n).read_bytes() for n in NUMBERS
        )
        bare, pairs = bare_seconds(rows, Path(name))
    rate = len(rows) / seconds
    report = {
        "examples": len(rows),
        "pairs": pairs,
        "examples_per_core_second": rate,
        "bare_pairs_per_core_second": pairs / bare,
        "times_bare_per_pair": (seconds / pairs) / (bare / pairs),
        "speedup_of_two_workers": wall / wall_of_two,
        "same_bytes": same,
        "core_hours": {f"{count:,}": count / rate / 3600 for count in PROJECTED},
    }
    if arguments.format == "json":
        print(json.dumps(report))
        return
    print(f"{len(rows):,} verified examples of {pairs} pairs in {seconds:.0f} CPU seconds")
    print(f"{rate:8.1f} verified examples per core and second")
    print(f"{pairs / bare:8.1f} pairs per core and second, bare: run once, nothing compared")
    print(f"{wall / wall_of_two:8.2f} times as fast with two workers (wall); same bytes: {same}")
    for count in PROJECTED:
        hours = count / rate / 3600
        print(f"{hours:8.1f} core hours for {count:,}: {count:,} / {rate:.1f} / 3600")


def made(folder: Path, workers: int) -> tuple[float, float]:
    """Make the shards in fresh processes; give CPU and wall seconds."""
    script = folder.with_suffix(".py")
    script.write_text(MAKE)
    before, start = cpu(), time.perf_counter()
    command = [sys.executable, str(script), str(folder), str(workers), *map(str, NUMBERS)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})
    return cpu() - before, time.perf_counter() - start


def cpu() -> float:
    """Give the CPU seconds of the processes that this one started and that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def bare_seconds(rows: list[Row], folder: Path) -> tuple[float, int]:
    """Run the original pairs once, both sides; give the CPU seconds, and how many there are."""
    pairs = [row for row in rows if row.content.variant == "original"]
    total = 0.0
    for number, name in enumerate(dict.fromkeys(row.origin.database for row in pairs)):
        place = folder / str(number)
        place.mkdir()
        with InProcess([write_named(name, place)[0][0]]) as sandbox:
            start = time.process_time()
            for row in pairs:
                if row.origin.database == name:
                    sandbox.query(row.origin.sql)
                    sandbox.run(row.content.target)
            total += time.process_time() - start
    return total, len(pairs)


if __name__ == "__main__":
    main()
