"""Examples on the fixture tables: short code that shows names of Ibis, and what it gives."""

from __future__ import annotations

import ast
import hashlib
import tempfile
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import msgspec
import platformdirs

from ibert import fixtures
from ibert.files import written_whole
from ibert.sandbox import Execution, Failure, Profile, Sandbox
from ibert.translator.layout import format_module

SHOWN_ROWS = 5
_WIDEST = 40  # characters of a value that are shown
_IMPORTS = {
    "ibis": "import ibis",
    "s": "import ibis.selectors as s",
    "_": "from ibis import _",
}


class Example(NamedTuple):
    """Code that shows names of Ibis, the main one first."""

    code: str
    names: tuple[str, ...]

    @property
    def module(self) -> str:
        """The code as a module that defines `expr`, given `con`."""
        body = ast.parse(self.code).body
        used = {node.id for node in ast.walk(ast.parse(self.code)) if isinstance(node, ast.Name)}
        lines = [line for name, line in _IMPORTS.items() if name in used]
        lines += [f'{table} = con.table("{table}")' for table in fixtures.tables() if table in used]
        *definitions, last = body
        module = ast.parse("\n".join(lines))
        assert isinstance(last, ast.Expr)
        result = ast.Assign([ast.Name("expr", ast.Store())], last.value)
        module.body += [*definitions, ast.fix_missing_locations(ast.copy_location(result, last))]
        return format_module(module)


class Output(msgspec.Struct, frozen=True):
    """What an example gives: its first rows, values as text, and how many there are."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    count: int


@cache
def examples() -> tuple[Example, ...]:
    """Give all examples, in the order of their file."""
    text = files("ibert.answers").joinpath("examples.toml").read_text(encoding="utf-8")
    return tuple(
        Example(code, tuple(names))
        for topic in tomllib.loads(text).values()
        for code, names in topic.items()
    )


def choose(wanted: Mapping[str, float]) -> Example | None:
    """Choose the example that shows the first of some names, and what weighs most of the others."""
    first = next(iter(wanted))
    shown = [example for example in examples() if first in example.names]

    def fit(example: Example) -> tuple[float, bool]:
        return sum(wanted.get(name, 0.0) for name in example.names), example.names[0] == first

    return max(shown, key=fit, default=None)


def output_of(example: Example) -> Output:
    """Run an example on the fixture tables, or recall what that gave.

    Raises
    ------
    RuntimeError
        It does not run.
    """
    folder = platformdirs.user_cache_path("ibert") / f"examples-{_fingerprint()}"
    path = folder / f"{hashlib.sha256(example.code.encode()).hexdigest()[:16]}.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Output)
    output = run(example)
    with written_whole(path) as file:
        file.write(msgspec.json.encode(output))
    return output


def run(example: Example) -> Output:
    """Run an example in the sandbox, on the fixture tables."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "fixtures.duckdb")
        fixtures.write_database(database)
        with Sandbox([database]) as sandbox:
            execution = sandbox.run(example.module, profile=Profile.OWN)
    if isinstance(execution, Failure):
        raise RuntimeError(f"the example {example.code!r} does not run: {execution.message}")
    return shown(execution)


def shown(execution: Execution) -> Output:
    """Give what is shown of a result."""
    table = execution.fetched.table
    rows = zip(*(column.slice(0, SHOWN_ROWS).to_pylist() for column in table.columns), strict=True)
    texts = tuple(tuple(map(_shown, row)) for row in rows)
    return Output(tuple(execution.fetched.columns), texts, table.num_rows)


def _shown(value: object) -> str:
    text = "NULL" if value is None else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


@cache
def _fingerprint() -> str:
    """Name what decides what an example gives."""
    parts = [version("ibis-framework"), version("duckdb"), version("ibert"), fixtures.SCHEMA_SQL]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
