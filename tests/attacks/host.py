"""A process that judges answers, in one of two ways: `python -m attacks.host WAY SOCKET`.

`bare` has no walls: it runs the code and compares in its own process, as many evaluations do.
Anything else is a JSON object of settings for the product's verifier.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from ibert import fixtures

Reply = dict[str, Any]
SAFETY_BYTES = 6 << 30  # no attempt may take the machine down with it, walls or not


def rows(table: pa.Table) -> list[str]:
    return list(map(repr, table.to_pylist()))


def equal(expected: pa.Table, fetched: pa.Table) -> bool:
    return fetched == expected or Counter(rows(fetched)) == Counter(rows(expected))


def shown(table: Any) -> str:
    """Show the first rows, as a report does."""
    lines = [table.column_names, *(row.values() for row in table.slice(0, 5).to_pylist())]
    return "".join(" | ".join(str(value) for value in line) + "\n" for line in lines)


class Bare:
    """Runs what it is given, and compares, right here."""

    forks = True  # so that each attempt finds a process that none has touched

    def __init__(self) -> None:
        self.con = ibis.duckdb.connect(threads=1)
        tables = fixtures.tables()
        self.tables = {name: self.con.create_table(name, tables[name]) for name in tables}
        self.judge({"sql": "SELECT 1 AS n", "code": "expr = users.limit(1)"})

    def judge(self, job: Reply) -> Reply:
        if "stream" in job:
            with pa.ipc.open_stream(base64.b64decode(job["stream"])) as reader:
                reader.read_all().to_pylist()
            return {"status": "READ"}
        try:
            self.sql, self.code = sql, code = job["sql"], job["code"]
            expected = self.con.con.execute(sql).to_arrow_table()
            namespace = {**self.tables, "con": self.con, "ibis": ibis, "_": ibis._}
            exec(compile(code, "<answer>", "exec", dont_inherit=True), namespace)
            fetched = namespace["expr"].to_pyarrow()
            if equal(expected, fetched):
                return {"status": "VERIFIED", "shown": ""}
            return {"status": "REFUTED", "shown": shown(expected) + shown(fetched)}
        except BaseException as error:  # noqa: BLE001  as its like do
            return {"status": "FAILED", "shown": f"{type(error).__name__}: {error}"}


def serve(path: str, judge: Callable[[Reply], Reply], *, forks: bool) -> None:
    """Answer one connection after the other; in a fork of its own each, if asked."""
    if forks:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)  # noqa: T201
        while True:
            connection, _ = listener.accept()
            if not forks:
                answer(connection, judge)
            elif os.fork() == 0:
                os.setsid()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                answer(connection, judge)
                os._exit(0)
            else:
                connection.close()


def answer(connection: socket.socket, judge: Callable[[Reply], Reply]) -> None:
    with connection, connection.makefile("rb") as jobs:
        for line in jobs:
            reply = json.dumps(judge(json.loads(line)), ensure_ascii=False)
            try:
                connection.sendall(reply.encode() + b"\n")
            except BrokenPipeError:
                return


def main(way: str, path: str) -> None:
    memory = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (memory + SAFETY_BYTES, memory + SAFETY_BYTES))
    if way == "bare":
        host = Bare()
        serve(path, host.judge, forks=True)
    else:
        from attacks.guarded import Guarded

        with Guarded(json.loads(way)) as guarded:
            serve(path, guarded.judge, forks=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
