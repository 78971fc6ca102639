"""What makes shards: processes of this machine, or a Ray cluster; the bytes are the same."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from ibert.datagen.factory.shard import Config, is_done, make_shard
from ibert.diagnostics import Diagnostic, IbertError

LOSSES = 3  # of workers in a row, without a shard between them, until it is given up

# Makes shards, and yields the number of each that is done.
Runner = Callable[[Config, Sequence[int], Path], Iterator[int]]


def local(
    config: Config, numbers: Sequence[int], folder: Path, workers: int
) -> Generator[int, None, None]:
    """Make shards in processes of this machine; a lost worker's shard is made again."""
    context = multiprocessing.get_context("spawn")
    todo, losses = list(numbers), 0
    failed: dict[int, BaseException] = {}
    while todo:
        lost = False
        pool = ProcessPoolExecutor(min(workers, len(todo)), context, _lower_priority)
        try:
            running = {pool.submit(make_shard, config, one, folder): one for one in todo}
            for done in as_completed(running):
                number, error = running[done], done.exception()
                if isinstance(error, BrokenProcessPool):
                    lost = True
                elif error is not None:
                    failed[number] = error
                else:
                    losses = 0
                    yield number
        finally:
            pool.shutdown(cancel_futures=True)  # who is interrupted waits for what is begun alone
        losses += lost
        if losses == LOSSES:
            raise RuntimeError("workers are lost again and again: is there memory for them?")
        todo = [one for one in todo if one not in failed and not is_done(folder, one)]
    for number, error in sorted(failed.items()):
        raise RuntimeError(f"shard {number}: {type(error).__name__}: {error}") from error


def on_ray(
    config: Config, numbers: Sequence[int], folder: Path, address: str | None, workers: int | None
) -> Iterator[int]:
    """Make shards on a Ray cluster, whose machines all see the folder.

    Parameters
    ----------
    config, numbers, folder
        What to make, and where.
    address
        Of the cluster; None: one is started on this machine, with so many workers.
    workers
        How many processors a cluster of this machine has.

    Raises
    ------
    IbertError
        IB901 if Ray is missing.
    """
    try:
        import ray
    except ImportError as error:
        message, hint = "Ray is missing", "pip install 'ibert[scale]'"
        raise IbertError([Diagnostic(code="IB901", message=message, hint=hint)]) from error
    started = not ray.is_initialized()
    if started:
        own: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
        ray.init(address, log_to_driver=False, **({} if address else own))
    try:
        task = ray.remote(make_shard).options(max_retries=LOSSES, num_cpus=1)
        running = {task.remote(config, one, folder.resolve()): one for one in numbers}
        while running:
            (done,), _ = ray.wait(list(running), num_returns=1)
            ray.get(done)
            yield running.pop(done)
    finally:
        if started:
            ray.shutdown()


def processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0))


def _lower_priority() -> None:
    """Leave the machine to who works on it."""
    os.nice(5)
