"""The verifier as a reward: answers are judged in processes outside the trainer.

A judge that does not answer in time is killed, and another one takes its place. Whatever an answer
does, the trainer gets a grade for it, and each kind of grade is counted.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from queue import SimpleQueue

import msgspec

from ibert.sandbox import SandboxError, channel
from ibert.training.grading import LARGEST, Grade, Submission

START_SECONDS = 180.0  # for a judge to make its tables on a busy machine
_MODULE = "ibert.training.grading"
_ENCODE = msgspec.msgpack.Encoder().encode


class Graders(AbstractContextManager["Graders"]):
    """Judges in processes of their own; a context manager.

    Parameters
    ----------
    workers
        How many there are.
    seconds
        After how long a judge is killed that has not answered.

    Examples
    --------
    >>> from ibert.training.grading import translation
    >>> submission = Submission(translation("SELECT user_id FROM users"), "I cannot do that.")
    >>> with Graders() as graders:
    ...     graders.grades([submission])
    [<Grade.NO_CODE: 'no_code'>]
    """

    def __init__(self, workers: int = 1, seconds: float = 60.0) -> None:
        self.counts: Counter[Grade] = Counter()
        self._seconds = seconds
        with ExitStack() as stack:
            self._idle: SimpleQueue[Judge] = SimpleQueue()
            for _ in range(workers):
                self._idle.put(stack.enter_context(Judge()))
            self._pool = ThreadPoolExecutor(workers)
            stack.callback(self._pool.shutdown, cancel_futures=True)
            self._resources = stack.pop_all()

    def __exit__(self, *exception: object) -> None:
        self._resources.close()

    def grades(self, submissions: Sequence[Submission]) -> list[Grade]:
        """Grade answers; the same answer to the same case is judged once.

        Raises
        ------
        SandboxError
            No judge can be started.
        """
        different = {(one.case.id, one.answer): one for one in submissions}
        known = dict(zip(different, self._pool.map(self._grade, different.values()), strict=True))
        grades = [known[one.case.id, one.answer] for one in submissions]
        self.counts.update(grades)
        return grades

    def _grade(self, submission: Submission) -> Grade:
        judge = self._idle.get()
        try:
            return judge.grade(submission, self._seconds)
        finally:
            self._idle.put(judge)


class Judge(AbstractContextManager["Judge"]):
    """A process that grades; it starts when it is first asked, and again after it was killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the judge

    def __exit__(self, *exception: object) -> None:
        self.end()
        self._errors.close()

    def grade(self, submission: Submission, seconds: float) -> Grade:
        """Say how far an answer comes.

        Raises
        ------
        SandboxError
            The process does not start.
        """
        connection = self._connection or self._start()
        try:
            channel.send(connection, _ENCODE(submission))
            answer = channel.receive(connection, limit=LARGEST, seconds=seconds)
        except TimeoutError:
            self.end()
            return Grade.KILLED
        except channel.ClosedError:
            self.end()
            return Grade.LOST
        return Grade(answer.decode())

    @property
    def pid(self) -> int | None:
        """The process, if it runs."""
        return None if self._process is None else self._process.pid

    def end(self) -> None:
        """Kill it. The sandbox's processes end with it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own module
                [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
            )
        self._connection = ours
        with contextlib.suppress(channel.ClosedError, TimeoutError):
            channel.receive(ours, limit=LARGEST, seconds=START_SECONDS)
            return ours
        raise SandboxError(f"answers cannot be judged: {self._last_words()}")

    def _last_words(self) -> str:
        self.end()
        self._errors.seek(0)
        printed = self._errors.read().decode(errors="replace").strip()
        return (printed.splitlines() or ["it did not start in time"])[-1]
