"""Code runs, and processes start, in few places: everything else goes through the sandbox."""

import ast
from collections.abc import Iterator
from pathlib import Path

import ibert

SOURCE = Path(ibert.__file__).parent

# Where, what, and why that is safe.
DOORS = {
    "sandbox/snippet.py": {"exec", "eval", "compile"},  # in a confined child
    "sandbox/workers.py": {"subprocess"},  # starts the servers: our own module
    "sandbox/server.py": {"os.fork"},  # workers
    "sandbox/forks.py": {"os.fork"},  # children
    "translator/decompilation/decompiler.py": {"exec", "compile"},  # code that iBERT just wrote
    "translator/inference.py": {"compile", "eval"},  # syntax that iBERT just made
    "evaluation/attacks/watch.py": {"subprocess"},  # starts a host: our own module
    "datagen/factory/dbt.py": {"subprocess"},  # renders in a process of its own: our own module
    "datagen/factory/mining.py": {"subprocess"},  # runs git
    "datagen/factory/runners.py": {"multiprocessing"},  # starts workers: our own module
    "datagen/sql2ibis/module.py": {"subprocess"},  # runs ruff
    "documentation/validation.py": {"subprocess"},  # runs ruff
    "training/rewards.py": {"subprocess"},  # starts judges: our own module
    "training/tracking.py": {"subprocess"},  # asks git for the revision
}
BUILTINS = {"exec", "eval", "compile", "__import__"}
MODULES = {"subprocess", "multiprocessing", "runpy", "code", "codeop", "pty", "pickle", "marshal"}
OF_OS = ("system", "popen", "fork", "exec", "spawn", "posix_spawn", "startfile")


def doors(tree: ast.AST) -> Iterator[str]:
    """Give what runs code or starts processes."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
                yield name
            case ast.Import(names=aliases):
                yield from {alias.name.partition(".")[0] for alias in aliases} & MODULES
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in MODULES:
                yield module.partition(".")[0]
            case ast.ImportFrom(module="os", names=aliases):
                yield from (f"os.{a.name}" for a in aliases if a.name.startswith(OF_OS))
            case ast.Attribute(value=ast.Name(id="os"), attr=attr) if attr.startswith(OF_OS):
                yield f"os.{attr}"


def test_nothing_else_runs_code() -> None:
    found = {
        path.relative_to(SOURCE).as_posix(): set(doors(ast.parse(path.read_text(encoding="utf-8"))))
        for path in SOURCE.rglob("*.py")
    }
    assert {path: what for path, what in found.items() if what} == DOORS


def test_the_search_finds_them() -> None:
    text = (
        "import subprocess\nfrom os import execv\nos.system('x')\nexec('1')\nfrom pickle import x"
    )
    wanted = {"subprocess", "os.execv", "os.system", "exec", "pickle"}
    assert set(doors(ast.parse(text))) == wanted
