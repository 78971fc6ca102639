"""Re-check a file of examples from the file alone."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.datagen.example import (
    Example,
    content_id,
    count_lines,
    digest,
    manifest_path,
    read_examples,
    read_manifest,
)
from ibert.diagnostics import Diagnostic
from ibert.verdict import Verdict
from ibert.verifier import Job, verify_many


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """What a re-check found.

    Parameters
    ----------
    examples
        How many lines were read.
    hold
        How many of them still hold.
    problems
        Everything else, each with its line: lines that are no examples, examples that no longer
        hold.
    """

    examples: int
    hold: int
    problems: tuple[Diagnostic, ...]


def validate(
    path: Path,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Validation:
    """Run every example of a file again.

    An example holds if its id is the hash of its content, its tables are the fixtures', no other
    one has its content, and the verifier verifies it.

    Parameters
    ----------
    path
        The JSONL file. With a manifest beside it, the file has to be the one it describes.
    workers
        How many sandboxes; by default one for each CPU.
    progress
        Called after each example: how many are done, of how many lines.

    Raises
    ------
    IbertError
        The file cannot be read.
    """
    problems = list(_manifest_problems(path))
    # A file that is as its maker left it is of one origin; others may be of many.
    origin = str(path) if manifest_path(path).exists() and not problems else None
    seed = read_manifest(path).seed if manifest_path(path).exists() else 0
    columns = Catalog.from_ddl(fixtures.SCHEMA_SQL).to_dict()
    seen: dict[str, int] = {}
    waiting: deque[tuple[int, Example]] = deque()

    def jobs() -> Iterator[Job]:
        for number, example in read_examples(path, problems):
            waiting.append((number, example))
            yield Job(example.input.sql, _code(example), example.dialect, origin)

    hold = done = 0
    lines = count_lines(path)
    with tempfile.TemporaryDirectory() as folder:
        databases = fixtures.write_databases(Path(folder), seed)
        for done, verdict in enumerate(verify_many(jobs(), [databases], workers=workers), 1):
            number, example = waiting.popleft()
            reasons = [*_flaws(example, columns, seen, number), *_failures(verdict)]
            problems += [_problem(path, number, example, reason) for reason in reasons]
            hold += not reasons
            if progress:
                progress(done, lines)
    broken = sum(problem.code == "IB401" for problem in problems)
    return Validation(examples=done + broken, hold=hold, problems=tuple(problems))


def _code(example: Example) -> str:
    """Give code whose result is `expr`, whatever the example calls it."""
    name = example.target.expr_name
    return example.target.ibis if name == "expr" else f"{example.target.ibis}\nexpr = {name}\n"


def _manifest_problems(path: Path) -> Iterator[Diagnostic]:
    if (
        manifest_path(path).exists()
        and path.exists()
        and read_manifest(path).sha256 != digest(path)
    ):
        message = "the file is not the one that its manifest describes: the digests differ"
        yield Diagnostic(code="IB403", message=message, source=str(path))


def _flaws(
    example: Example, columns: dict[str, dict[str, str]], seen: dict[str, int], number: int
) -> Iterator[str]:
    content = content_id(
        task=example.task,
        dialect=example.dialect,
        backend=example.backend,
        context=example.context,
        source=example.input,
        target=example.target,
    )
    if content != example.id:
        yield f"its content has the id {content}"
    if (first := seen.setdefault(content, number)) != number:
        yield f"line {first} has the same content"
    for name, table in example.context.tables.items():
        if name not in columns:
            yield f"the fixtures have no table {name!r}"
        elif list(table.schema.items()) != list(columns[name].items()):
            yield f"the fixture table {name!r} has another schema"


def _failures(verdict: Verdict) -> Iterator[str]:
    if not verdict.verified:
        reasons = "; ".join(map(str, verdict.diagnostics))
        yield f"{verdict.status.value}: {reasons}"


def _problem(path: Path, number: int, example: Example, reason: str) -> Diagnostic:
    name = f"{example.id} ({example.meta.template}, variation {example.meta.variation})"
    return Diagnostic(code="IB402", message=f"{name}: {reason}", source=f"{path}:{number}")
