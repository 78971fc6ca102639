"""Make the shards of `test_factory` on a Ray cluster, and kill the worker that begins first."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from ibert.datagen.factory.runners import on_ray
from ibert.datagen.factory.shard import Config

CONFIG = Config(api_shards=0, template_shards=0, catalogs=2, queries=5, task_shards=0)
TASK = b"ray::make_shard"  # what Ray calls a process that does this


def kill_a_worker() -> None:
    """Wait for a process of this cluster that makes a shard, and end it."""
    while not (found := [pid for pid, name in descendants(os.getpid()) if name.startswith(TASK)]):
        time.sleep(0.05)
    time.sleep(1)
    os.kill(found[0], signal.SIGKILL)
    sys.stdout.write("killed\n")


def descendants(pid: int) -> Iterator[tuple[int, bytes]]:
    """Yield the processes that a process started, and those that these did, with their names."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it may end while it is looked at
            for child in map(int, task.read_text().split()):
                yield child, Path(f"/proc/{child}/cmdline").read_bytes()
                yield from descendants(child)


if __name__ == "__main__":
    killer = threading.Thread(target=kill_a_worker, daemon=True)
    killer.start()
    done = sorted(on_ray(CONFIG, [0, 1], Path(sys.argv[1]), None, 1))
    killer.join(10)
    sys.stdout.write(f"{' '.join(map(str, done))}\n")
