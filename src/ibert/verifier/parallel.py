"""Judge many pairs at once: a few warm sandboxes, results in the order of the pairs."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby, islice
from pathlib import Path
from queue import SimpleQueue

from ibert.sandbox import Limits, Profile
from ibert.verdict import Verdict
from ibert.verifier.verify import Job, Verifier

AHEAD = 8  # groups in flight per worker: enough that none waits, few enough to keep memory flat
TOGETHER = 10  # pieces of code that share a child


def verify_many(
    jobs: Iterable[Job],
    witnesses: Sequence[Sequence[str | Path]],
    *,
    workers: int | None = None,
    limits: Limits | None = None,
    profile: Profile = Profile.STRICT,
) -> Iterator[Verdict]:
    """Give the verdict on each job, in order, while others are judged; FAILED for broken SQL.

    Parameters
    ----------
    jobs
        Taken as they are needed. Those of one origin that follow each other are judged together.
    witnesses, limits, profile
        As for `Verifier`.
    workers
        How many sandboxes; by default one for each CPU that this process may use.
    """
    workers = workers or len(os.sched_getaffinity(0))
    with ExitStack() as stack:
        idle: SimpleQueue[Verifier] = SimpleQueue()
        for _ in range(workers):
            idle.put(stack.enter_context(Verifier(witnesses, limits=limits, profile=profile)))
        pool = ThreadPoolExecutor(workers)
        stack.callback(pool.shutdown, cancel_futures=True)  # before the verifiers are closed

        def judge(group: list[Job]) -> list[Verdict]:
            verifier = idle.get()
            try:
                return verifier.verify_together(group)
            finally:
                idle.put(verifier)

        running: deque[Future[list[Verdict]]] = deque()
        for group in groups(jobs):
            running.append(pool.submit(judge, group))
            if len(running) >= AHEAD * workers:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()


def groups(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    """Put jobs of one origin that follow each other together, and all others alone.

    Examples
    --------
    >>> jobs = [Job("a", ""), Job("b", ""), Job("c", "", origin="x"), Job("d", "", origin="x")]
    >>> [[job.sql for job in group] for group in groups(jobs)]
    [['a'], ['b'], ['c', 'd']]
    """
    for origin, run in groupby(jobs, key=lambda job: job.origin):
        while group := list(islice(run, 1 if origin is None else TOGETHER)):
            yield group
