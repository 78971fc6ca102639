"""Judge many pairs at once: a few warm sandboxes, results in the order of the pairs."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from ibert.diagnostics import IbertError
from ibert.sandbox import Limits, Profile
from ibert.verdict import Status, Verdict
from ibert.verifier.verify import Verifier

AHEAD = 8  # pairs in flight per worker: enough that none waits, few enough to keep memory flat


class Job(NamedTuple):
    """SQL and the Ibis code that should equal it."""

    sql: str
    code: str
    dialect: str = "duckdb"


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
        Taken as they are needed.
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

        def judge(job: Job) -> Verdict:
            verifier = idle.get()
            try:
                return verifier.verify(job.sql, job.code, dialect=job.dialect)
            except IbertError as error:
                return Verdict(status=Status.FAILED, diagnostics=error.diagnostics)
            finally:
                idle.put(verifier)

        running: deque[Future[Verdict]] = deque()
        for job in jobs:
            running.append(pool.submit(judge, job))
            if len(running) >= AHEAD * workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
