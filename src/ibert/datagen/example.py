"""Examples: one training example, its file, and the manifest beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ibert.diagnostics import Diagnostic, IbertError

_ENCODER = msgspec.json.Encoder()


class Schema(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The columns of a table and their Ibis types."""

    schema: dict[str, str]


class Context(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model is told beside the input."""

    tables: dict[str, Schema]


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be translated."""

    sql: str


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it should become: code, and the name of the expression in it."""

    ibis: str
    expr_name: str = "expr"


class Meta(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where an example comes from and how it was proved."""

    template: str
    variation: str
    features: list[str]
    source: str
    difficulty: str
    verdict: str
    rows: int
    ordered: bool
    verifier_version: int


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One training example; a line of the file.

    `id` is a hash of everything but itself and `meta`: what a model would see.
    """

    id: str
    task: str
    dialect: str
    backend: str
    ibis_version: str
    context: Context
    input: Input
    target: Target
    meta: Meta


def content_id(
    *, task: str, dialect: str, backend: str, context: Context, source: Input, target: Target
) -> str:
    """Hash the content of an example.

    Examples
    --------
    >>> content_id(task="sql_to_ibis", dialect="duckdb", backend="duckdb", context=Context({}),
    ...     source=Input("SELECT 1 AS one"), target=Target("expr = ibis.literal(1)"))
    'aea57c08beae1309'
    """
    content: list[Any] = [task, dialect, backend, context, source, target]
    return hashlib.sha256(_ENCODER.encode(content)).hexdigest()[:16]


def encode(example: Example) -> bytes:
    """Give the line of an example."""
    return _ENCODER.encode(example) + b"\n"


def read_examples(
    path: Path, problems: list[Diagnostic] | None = None
) -> Iterator[tuple[int, Example]]:
    """Read a file of examples line by line, with the lines' numbers.

    Parameters
    ----------
    path
        A JSONL file.
    problems
        Takes a diagnostic for each line that is no example. Without it the first one is raised.

    Raises
    ------
    IbertError
        The file cannot be read, or (without `problems`) a line is no example.
    """
    decoder = msgspec.json.Decoder(Example)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield number, decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    source = f"{path}:{number}"
                    problem = Diagnostic(code="IB401", message=str(error), source=source)
                    if problems is None:
                        raise IbertError([problem]) from error
                    problems.append(problem)
    except OSError as error:
        hint = "`just generate-data` makes it" if isinstance(error, FileNotFoundError) else None
        message = error.strerror or str(error)
        raise IbertError(
            [Diagnostic(code="IB001", message=message, source=str(path), hint=hint)]
        ) from error


def count_lines(path: Path) -> int:
    """Count the lines of a file; 0 if it cannot be read."""
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        return sum(1 for _ in file)


class Rejected(msgspec.Struct, frozen=True):
    """A pair that was not proved, and why."""

    template: str
    variation: str
    status: str
    reason: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of examples holds and what made it.

    Parameters
    ----------
    file, bytes, sha256
        The file's name, size and digest.
    seed
        What the samples of parameter spaces and the fixtures were made with.
    versions
        Of what ran.
    fixtures
        The rows of each fixture table.
    counts
        `rendered`, `verified` and `rejected` pairs; the `templates` and `structures` of the
        verified ones.
    rejected
        The pairs that were not proved.
    """

    file: str
    bytes: int
    sha256: str
    seed: int
    versions: dict[str, str]
    fixtures: dict[str, int]
    counts: dict[str, int]
    rejected: list[Rejected]


def manifest_path(path: Path) -> Path:
    """Give the place of the manifest of a file of examples."""
    return path.with_suffix(".manifest.json")


def encode_manifest(manifest: Manifest) -> bytes:
    """Give the text of a manifest."""
    return msgspec.json.format(_ENCODER.encode(manifest), indent=2) + b"\n"


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of a file of examples.

    Raises
    ------
    IbertError
        There is none, or it is broken.
    """
    place = manifest_path(path)
    try:
        return msgspec.json.decode(place.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        message = f"the manifest of {path} cannot be read: {error}"
        raise IbertError([Diagnostic(code="IB403", message=message, source=str(place))]) from error


def digest(path: Path) -> str:
    """Give the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def by_table(tables: Iterable[str], schemas: dict[str, dict[str, str]]) -> Context:
    """Give the context that holds some of the tables."""
    return Context({table: Schema(schemas[table]) for table in tables})
