"""A process that judges answers: `python -m ibert.evaluation.attacks.host SECONDS SOCKET`."""

from __future__ import annotations

import json
import resource
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ibert.evaluation.attacks.guarded import Guarded

Reply = dict[str, Any]
SAFETY_BYTES = 6 << 30  # no attempt may take the machine down with it, walls or not


def serve(path: str, judge: Callable[[Reply], Reply]) -> None:
    """Answer one connection after the other, for ever."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)  # noqa: T201  it is read by who started the process
        while True:
            connection, _ = listener.accept()
            answer(connection, judge)


def answer(connection: socket.socket, judge: Callable[[Reply], Reply]) -> None:
    """Answer a connection's jobs, a line each."""
    with connection, connection.makefile("rb") as jobs:
        for line in jobs:
            reply = json.dumps(judge(json.loads(line)), ensure_ascii=False)
            try:
                connection.sendall(reply.encode() + b"\n")
            except BrokenPipeError:
                return


def bounded() -> None:
    """Take no more memory than the machine can spare."""
    memory = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (memory + SAFETY_BYTES, memory + SAFETY_BYTES))


def main(seconds: str, path: str) -> None:
    """Judge behind all walls."""
    bounded()
    with Guarded(float(seconds)) as guarded:
        serve(path, guarded.judge)


if __name__ == "__main__":
    main(*sys.argv[1:])
