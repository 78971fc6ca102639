"""Whatever is killed, nothing hangs, nothing is left over, and the next job is done."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import QUICK

from ibert.sandbox import ALLOW_WEAK, Execution, Failure, Sandbox, SandboxError, sandbox
from ibert.sandbox.kernel.protection import ALL_LAYERS, Layer, Protection
from ibert.sandbox.protocol import FailureKind, Role
from ibert.verifier import Verifier

HONEST = "orders.count().name('n')"
FUNCTION = (
    "@ibis.udf.scalar.python\ndef f(x: int) -> int:\n    return x\n"
    "expr = orders.select(y=f(_.order_id))"
)
ENDLESS = "while True: pass"


@pytest.fixture
def fresh(databases: list[Path]):
    with Sandbox(databases, limits=QUICK) as opened:
        assert isinstance(opened.run(HONEST), Execution)
        assert isinstance(opened.run(FUNCTION), Execution)
        yield opened


BY_HAND = pytest.mark.skipif("IBERT_MANY_EXECUTIONS" not in os.environ, reason="half an hour")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("role", Role)
def test_a_worker_is_replaced(fresh: Sandbox, role: Role) -> None:
    kill(fresh._workers[role].pid)
    assert isinstance(fresh.run(HONEST), Execution)
    assert isinstance(fresh.run(FUNCTION), Execution)


@pytest.mark.parametrize("role", Role)
def test_a_server_is_replaced(fresh: Sandbox, role: Role) -> None:
    kill(fresh._workers[role]._server.pid)
    assert isinstance(fresh.run(HONEST), Execution)
    assert isinstance(fresh.run(FUNCTION), Execution)


def test_a_worker_killed_at_work_ends_the_wait(fresh: Sandbox) -> None:
    timer = threading.Timer(0.3, kill, [fresh._workers[Role.BUILD].pid])
    timer.start()
    start = time.monotonic()
    assert isinstance(fresh.run(ENDLESS), Failure)  # the one that was killed, and once more
    assert time.monotonic() - start < 3 * QUICK.seconds + 5
    assert isinstance(fresh.run(HONEST), Execution)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_that_ran_out_of_time_is_gone_when_that_is_said(fresh: Sandbox) -> None:
    worker = fresh._workers[Role.EXECUTE].pid
    endless = "SELECT max(levenshtein(repeat('a', 60000) || i, 'b')) FROM range(10000000) t(i)"
    reply = fresh.query(endless)
    assert not Path(f"/proc/{worker}").exists()
    assert isinstance(reply, Failure)
    assert reply.kind is FailureKind.TIMEOUT


SCRIPT = """
import sys
from ibert.sandbox import ALL_LAYERS, Layer, Limits, Sandbox
sandbox = Sandbox(sys.argv[1:], limits=Limits(seconds=60), layers=ALL_LAYERS - {Layer.POLICY})
sandbox.run("orders.count()")
print("ready", flush=True)
sandbox.run("while True: pass")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_outlives_the_parent(databases: list[Path]) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, databases)], stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 20
        while len(family := descendants(parent.pid)) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)  # two servers, two workers, the child that loops
        parent.kill()
    assert len(family) >= 5
    deadline = time.monotonic() + 10
    while any(map(is_running, family)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_running, family))


def test_what_a_child_leaves_behind_is_ended(databases: list[Path]) -> None:
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)\n"
        "expr = orders.count()"
    )
    layers = ALL_LAYERS - {Layer.POLICY, Layer.SECCOMP, Layer.LANDLOCK}
    with Sandbox(databases, limits=QUICK, layers=layers) as opened:
        opened.run(code)
        worker = opened._workers[Role.BUILD].pid
        assert descendants(worker) == []


def test_a_machine_without_walls_is_refused(
    databases: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = Protection(ALL_LAYERS - {Layer.SECCOMP, Layer.LANDLOCK}, {Layer.SECCOMP: "too old"})
    monkeypatch.setattr(sandbox, "protection", lambda layers: weak)
    with (
        Sandbox(databases) as opened,
        pytest.raises(SandboxError, match="too old"),
    ):
        opened.run(HONEST)
    with Sandbox(databases, allow_weak=True) as opened:
        assert isinstance(opened.run(HONEST), Execution)
    monkeypatch.setenv(ALLOW_WEAK, "1")
    with Verifier([databases]) as verifier:
        verdict = verifier.verify("SELECT count(*) AS n FROM orders", HONEST)
    assert (verdict.verified, verdict.evidence.protection) == (True, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "executions",
    [60, pytest.param(500, marks=pytest.mark.slow), pytest.param(20_000, marks=BY_HAND)],
)
def test_executions_leave_nothing(fresh: Sandbox, executions: int) -> None:
    codes = [HONEST, FUNCTION, "orders.nothing", "import os"]

    def state() -> tuple[int, int]:
        return len(descendants(os.getpid())), len(os.listdir("/proc/self/fd"))

    before, memory = state(), resident()
    for number in range(executions):
        fresh.run(codes[number % len(codes)])
    assert state() == before
    assert resident() - memory < 8 << 10


def resident() -> int:
    """Give the kilobytes of memory of this process and its workers."""
    return sum(
        int(line.split()[1])
        for pid in ("self", *descendants(os.getpid()))
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )


def descendants(pid: int) -> list[int]:
    """Give the processes below one."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *descendants(child)]
    return sorted(found)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
