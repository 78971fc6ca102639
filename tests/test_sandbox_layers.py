"""Each wall alone stops what it is there for, and without it the same attempt gets through."""

import os
from pathlib import Path

import pytest
from conftest import QUICK

from ibert.sandbox import ALL_LAYERS, Execution, Failure, FailureKind, Layer, Sandbox, protection
from ibert.sandbox.kernel.seccomp import ARCHITECTURES, Calls, build

HERE = protection()
NONE: frozenset[Layer] = frozenset()
DONE = "done"

# What code tries, and the layers of which each alone stops it.
ATTEMPTS = {
    "open a file": ("open('/etc/hostname').read()", [Layer.LANDLOCK, Layer.SECCOMP]),
    "list a folder": ("import os; os.listdir('/etc')", [Layer.LANDLOCK, Layer.SECCOMP]),
    "write a file": ("import os; os.write(os.memfd_create('x'), b'x')", [Layer.SECCOMP]),
    "fill a file": (
        "import os; f = os.memfd_create('x'); os.ftruncate(f, 1 << 20)",
        [Layer.SECCOMP, Layer.RLIMITS],
    ),
    "connect": (
        "import socket; c = socket.socket(); c.settimeout(1)\n"
        "    e = c.connect_ex(('127.0.0.1', 9)); assert e != 1 and e != 13, e",
        [Layer.LANDLOCK, Layer.SECCOMP],
    ),
    "open a datagram socket": (
        "import socket; socket.socket(type=socket.SOCK_DGRAM)",
        [Layer.SECCOMP],
    ),
    "fork": ("import os; os.fork() or os._exit(0)", [Layer.SECCOMP]),
    "kill the worker": ("import os; os.kill(os.getppid(), 0)", [Layer.LANDLOCK, Layer.SECCOMP]),
    "map executable memory": ("import mmap; mmap.mmap(-1, 4096, prot=7)", [Layer.SECCOMP]),
    "many descriptors": (
        "import os; [os.dup(0) for _ in range(99)]",
        [Layer.RLIMITS, Layer.SECCOMP],
    ),
    "new privileges": (
        "import ctypes; assert not ctypes.CDLL(None).prctl(39, 0, 0, 0, 0)",
        [Layer.PRIVILEGES, Layer.LANDLOCK, Layer.SECCOMP],
    ),
}


def attempt(databases: list[Path], layers: frozenset[Layer], code: str) -> str:
    """Have code try something; give what came of it."""
    code = (
        f"found = {DONE!r}\n"
        f"try:\n    {code}\nexcept BaseException as e:\n    found = type(e).__name__\n"
        "expr = ibis.literal(found).name('found').as_table()"
    )
    with Sandbox(databases[:1], limits=QUICK, layers=layers) as sandbox:
        outcome = sandbox.run(code)
    assert isinstance(outcome, Execution), outcome
    return str(outcome.raw.table.column(0)[0])


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_layer_alone_stops_what_it_is_there_for(databases: list[Path], name: str) -> None:
    code, layers = ATTEMPTS[name]
    assert attempt(databases, NONE, code) == DONE
    for layer in layers:
        if layer not in HERE.missing:
            assert attempt(databases, frozenset([layer]), code) != DONE, layer
    assert attempt(databases, ALL_LAYERS - {Layer.POLICY}, code) != DONE


@pytest.mark.skipif(os.geteuid() != 0, reason="there are no privileges to give up")
def test_root_becomes_nobody(databases: list[Path]) -> None:
    code = "import os; assert os.getuid() == 0"
    assert attempt(databases, NONE, code) == DONE
    assert attempt(databases, frozenset([Layer.PRIVILEGES]), code) == "AssertionError"


def test_memory_is_limited(databases: list[Path]) -> None:
    code = "x = bytearray(1 << 30)\nexpr = orders.count()"
    with Sandbox(databases[:1], limits=QUICK, layers=NONE) as sandbox:
        assert isinstance(sandbox.run(code), Execution)
    with Sandbox(databases[:1], limits=QUICK, layers=frozenset([Layer.RLIMITS])) as sandbox:
        outcome = sandbox.run(code)
        assert isinstance(outcome, Failure)
        assert outcome.kind is FailureKind.MEMORY


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM enable_logging()",
        'SELECT (SELECT count(*) FROM "enable_logging"())',
    ],
)
def test_duckdb_is_locked(databases: list[Path], sql: str) -> None:
    with Sandbox(databases[:1], limits=QUICK, layers=NONE) as sandbox:
        assert not isinstance(sandbox.query(sql), Failure)
    with Sandbox(databases[:1], limits=QUICK, layers=frozenset([Layer.DUCKDB])) as sandbox:
        outcome = sandbox.query(sql)
        assert isinstance(outcome, Failure)
        assert outcome.kind is FailureKind.RAISED


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM range(3)", "SELECT unnest([1, 2]) AS glob", "FROM duckdb_columns()"]
)
def test_functions_that_give_plain_rows_are_called(sandbox: Sandbox, sql: str) -> None:
    assert not isinstance(sandbox.query(sql), Failure)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("calls", Calls)
def test_a_filter_ends_in_an_answer_for_every_call(name: str, calls: Calls) -> None:
    """Run the program for each number, without a kernel."""
    architecture = ARCHITECTURES[name]
    program = build(architecture, calls)
    allowed = {
        number
        for number in range(500)
        if _answer(architecture.iter_unpack(program), architecture.audit, number) == 0x7FFF0000
    }
    forbidden = {"clone3", *(() if calls is Calls.COMPUTE_WITH_THREADS else ("clone",))}
    assert allowed <= set(architecture.numbers.values())
    assert allowed.isdisjoint(architecture.numbers[call] for call in forbidden)
    foreign = next(other for other in ARCHITECTURES.values() if other is not architecture)
    assert _answer(architecture.iter_unpack(program), foreign.audit, 0) == 0x80000000


def _answer(program: object, audit: int, number: int) -> int:
    instructions = list(program)
    position = accumulator = 0
    while True:
        code, if_true, if_false, value = instructions[position]
        position += 1
        if code == 0x06:
            return value
        if code == 0x20:
            accumulator = {0: number, 4: audit}.get(value, 0x00010000 if value == 16 else 0)
        else:
            holds = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[code]
            position += if_true if holds else if_false
