"""Count what a file of examples holds."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from ibert.datagen.example import Example, manifest_path, read_examples, read_manifest
from ibert.datagen.structure import Structure, structure
from ibert.diagnostics import Diagnostic, IbertError


class Spread(msgspec.Struct, frozen=True):
    """The distribution of a number."""

    min: int
    median: int
    p90: int
    max: int


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of a file.

    Parameters
    ----------
    examples, templates, structures, sql_structures
        How many there are; a structure is what is left of both sides (or of the SQL) when literals
        and names are masked.
    rejected
        Pairs that were rendered but not proved, by the manifest; None without one.
    duplicates
        Examples whose content another one has too.
    tasks, dialects, difficulties, features, tables
        Examples by each.
    by_template
        Examples and structures of each template.
    per_structure
        How many examples a structure has.
    sql_length, ibis_length
        Characters of either side.
    """

    examples: int
    templates: int
    structures: int
    sql_structures: int
    rejected: int | None
    duplicates: int
    tasks: dict[str, int]
    dialects: dict[str, int]
    difficulties: dict[str, int]
    features: dict[str, int]
    tables: dict[str, int]
    by_template: dict[str, dict[str, int]]
    per_structure: Spread
    sql_length: Spread
    ibis_length: Spread


def stats(path: Path) -> Stats:
    """Count what a file of examples holds.

    Raises
    ------
    IbertError
        The file cannot be read, or a line is no example.
    """
    numbered = list(read_examples(path))
    examples = [example for _, example in numbered]
    structures = [_structure(path, number, example) for number, example in numbered]
    template_structures = defaultdict(set)
    for example, found in zip(examples, structures, strict=True):
        template_structures[example.meta.template].add(found)
    by_template = Counter(example.meta.template for example in examples)
    rejected = read_manifest(path).counts["rejected"] if manifest_path(path).exists() else None
    return Stats(
        examples=len(examples),
        templates=len(by_template),
        structures=len(set(structures)),
        sql_structures=len({found.sql for found in structures}),
        rejected=rejected,
        duplicates=len(examples) - len({example.id for example in examples}),
        tasks=_counted(example.task for example in examples),
        dialects=_counted(example.dialect for example in examples),
        difficulties=_counted(example.meta.difficulty for example in examples),
        features=_counted(name for example in examples for name in example.meta.features),
        tables=_counted(name for example in examples for name in example.context.tables),
        by_template={
            name: {"examples": count, "structures": len(template_structures[name])}
            for name, count in sorted(by_template.items())
        },
        per_structure=_spread(Counter(structures).values()),
        sql_length=_spread(len(example.input.sql) for example in examples),
        ibis_length=_spread(len(example.target.ibis) for example in examples),
    )


def _structure(path: Path, number: int, example: Example) -> Structure:
    try:
        return structure(example.input.sql, example.target.ibis, example.dialect)
    except (IbertError, SyntaxError, RecursionError) as error:
        message = f"its code does not parse: {error}"
        source = f"{path}:{number}"
        raise IbertError([Diagnostic(code="IB401", message=message, source=source)]) from error


def _counted(names: Iterable[str]) -> dict[str, int]:
    """Count, most frequent first."""
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _spread(numbers: Iterable[int]) -> Spread:
    ordered = sorted(numbers)
    if not ordered:
        return Spread(0, 0, 0, 0)
    return Spread(ordered[0], _quantile(ordered, 0.5), _quantile(ordered, 0.9), ordered[-1])


def _quantile(ordered: Sequence[int], share: float) -> int:
    """Give the smallest value that at least this share of them does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
