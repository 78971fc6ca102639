"""A process without walls, for comparison: `python -m attacks.bare SOCKET`.

It runs the code and compares in its own process, as many evaluations do.
"""

from __future__ import annotations

import base64
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import ibis
import pyarrow as pa

from ibert import fixtures
from ibert.evaluation.attacks.host import Reply, answer, bounded


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


def serve(path: str, judge: Callable[[Reply], Reply]) -> None:
    """Answer each connection in a fork of its own, which no other has touched."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)  # noqa: T201
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                os.setsid()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                answer(connection, judge)
                os._exit(0)
            connection.close()


def main(path: str) -> None:
    bounded()
    serve(path, Bare().judge)


if __name__ == "__main__":
    main(*sys.argv[1:])
