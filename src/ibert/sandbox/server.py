"""`python -m ibert.sandbox.server FD LIBRARIES`: a warm process that forks workers on request.

It imports what workers need, runs nothing of anybody, and ends with its parent.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import warnings
from importlib import import_module

from ibert.sandbox.channel import FORK, REPLY, REQUEST
from ibert.sandbox.worker import work

_PATIENCE = 1000  # milliseconds between looks whether the parent is still there
# What code may import late, where nothing can be opened any more.
_LATE = ("_strptime", "decimal", "ibis.selectors", "ibis.expr.datatypes", "sqlglot.optimizer")
_WARM = """
expr = (
    t.filter(_.a > 1).group_by("b").agg(n=_.count(), m=_.a.mean()).order_by("n")
    .mutate(r=ibis.row_number().over(order_by=_.n), d=ibis.date("2024-01-31"), c=_.b.cast("string"))
    .mutate(e=_.d + ibis.interval(days=1), f=ibis.cases((_.n > 1, "x"), else_=_.c.upper()))
    .join(t, "b", how="left").distinct().limit(3)
)
"""


_WARM_DATABASE = (
    "ibis.memtable([(1, 'x')], schema={'a': 'int64', 'b': 'string'}).join(t, 'b')",
    "ibis.memtable({'a': [1, 2]}).count()",
    "@ibis.udf.scalar.python\ndef f(a: int) -> int:\n    return a + 1\nexpr = t.select(b=f(_.a))",
)


def main() -> None:
    """Warm up and fork until the parent is gone."""
    parent = os.getppid()
    with socket.socket(fileno=int(sys.argv[1])) as control:
        warnings.simplefilter("ignore")
        _warm(with_database=sys.argv[2] == "database")
        gc.collect()
        gc.freeze()
        children: set[int] = set()
        signal.signal(signal.SIGCHLD, lambda *_: _reap(children))
        control.sendall(REPLY.pack(os.getpid()))
        poll = select.poll()
        poll.register(control, select.POLLIN)
        while os.getppid() == parent:
            if poll.poll(_PATIENCE) and not _serve(control, children):
                break
    for child in tuple(children):
        os.kill(child, signal.SIGKILL)


def _warm(*, with_database: bool) -> None:
    """Import everything, and go once through what jobs will do."""
    from ibert.sandbox.builder import Source, build
    from ibert.sandbox.policy import policy
    from ibert.sandbox.protocol import Code, Execution, Fetch, Limits
    from ibert.sandbox.snippet import Output

    for name in (*policy().modules, *_LATE):
        if name not in ("ibis.udf", "ibis.udf.scalar", "ibis.udf.agg"):
            import_module(name)
    source = Source({"t": [("a", "INTEGER", True), ("b", "VARCHAR", True)]})
    (built,) = build([Code(_WARM)], source, Output(0))
    assert isinstance(built, Fetch), built
    if with_database:
        import duckdb

        from ibert.sandbox.database import Database, IbisDatabase
        from ibert.sandbox.worker import answer, run

        connection = duckdb.connect(":memory:", config={"threads": 1})
        connection.execute("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b")
        database = Database(connection, Limits())
        replies = [answer(built, database)]
        for text in _WARM_DATABASE:
            code = Code(text, constants=None)
            replies.append(run(code, IbisDatabase(database), Output(0)))
        assert all(isinstance(reply, Execution) for reply in replies), replies
        connection.close()


def _serve(control: socket.socket, children: set[int]) -> bool:
    """Answer one request; tell whether there may be more."""
    request, descriptors, _, _ = socket.recv_fds(control, REQUEST.size, 1)
    if len(request) < REQUEST.size:
        return False
    kind, pid = REQUEST.unpack(request)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    if kind == FORK:
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become_worker(control, descriptors[0], server)
        children.add(pid)
        os.close(descriptors[0])
    elif pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)  # it is gone when the parent hears of it, however busy the machine
        children.discard(pid)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    control.sendall(REPLY.pack(pid))
    return True


def _become_worker(control: socket.socket, descriptor: int, server: int) -> None:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        control.close()
        with socket.socket(fileno=descriptor) as connection:
            work(connection, server)
    finally:
        os._exit(0)


def _reap(children: set[int]) -> None:
    while children:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        children.discard(pid)


if __name__ == "__main__":
    main()
