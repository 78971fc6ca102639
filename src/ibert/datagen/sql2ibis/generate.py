"""Templates in, proved examples out."""

from __future__ import annotations

import hashlib
import platform
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.datagen.example import (
    Example,
    Input,
    Manifest,
    Meta,
    Rejected,
    Target,
    by_table,
    content_id,
    encode,
    encode_manifest,
    manifest_path,
)
from ibert.datagen.sql2ibis.render import Pair, render
from ibert.datagen.sql2ibis.template import TEMPLATES, load_templates
from ibert.datagen.structure import Structure, structure
from ibert.files import written_whole
from ibert.verdict import Verdict
from ibert.verifier import VERIFIER_VERSION, Job, verify_many

TASK = "sql_to_ibis"
BACKEND = "duckdb"
PACKAGES = ("ibert", "ibis-framework", "duckdb", "sqlglot", "pyarrow")

Progress = Callable[[int, int], None]  # how many pairs are judged, of how many


def generate(
    path: Path,
    *,
    templates: Path = TEMPLATES,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Render the templates, run every pair on the fixtures, and write those that are proved.

    Parameters
    ----------
    path
        The JSONL file to write; its manifest goes beside it. Both are written whole or not at all.
    templates
        The folder with the templates.
    seed
        The same seed gives the same bytes.
    workers
        How many sandboxes; by default one for each CPU.
    progress
        Called after each pair.

    Returns
    -------
    Manifest
        What was written, and in `rejected` what was not and why.

    Raises
    ------
    IbertError
        The templates are wrong. Nothing is written.
    """
    catalog = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    pairs = render(load_templates(templates, catalog=catalog, seed=seed))
    schemas = catalog.to_dict()
    rejected: list[Rejected] = []
    structures: set[Structure] = set()
    proved: set[str] = set()
    digest = hashlib.sha256()
    with written_whole(manifest_path(path)) as manifest_file, written_whole(path) as file:
        for done, (pair, verdict) in enumerate(judge(pairs, seed=seed, workers=workers), 1):
            if verdict.verified:
                line = encode(_example(pair, verdict, schemas))
                digest.update(line)
                file.write(line)
                structures.add(structure(pair.sql, pair.ibis, pair.template.dialect))
                proved.add(pair.template.name)
            else:
                rejected.append(_rejected(pair, verdict))
            if progress:
                progress(done, len(pairs))
        manifest = Manifest(
            file=path.name,
            bytes=file.tell(),
            sha256=digest.hexdigest(),
            seed=seed,
            versions={
                "python": platform.python_version(),
                "verifier": str(VERIFIER_VERSION),
                **{package: version(package) for package in PACKAGES},
            },
            fixtures={name: table.num_rows for name, table in fixtures.tables(seed).items()},
            counts={
                "rendered": len(pairs),
                "verified": len(pairs) - len(rejected),
                "rejected": len(rejected),
                "templates": len(proved),
                "structures": len(structures),
            },
            rejected=rejected,
        )
        manifest_file.write(encode_manifest(manifest))
        manifest_file.flush()  # a full disk is noticed before either file takes its place
    return manifest


def judge(
    pairs: Iterable[Pair], *, seed: int = 0, workers: int | None = None
) -> Iterator[tuple[Pair, Verdict]]:
    """Run pairs on the fixtures; give each with the verdict on it, in order."""
    waiting: deque[Pair] = deque()

    def jobs() -> Iterator[Job]:
        for pair in pairs:
            waiting.append(pair)
            yield job(pair)

    with tempfile.TemporaryDirectory() as folder:
        databases = fixtures.write_databases(Path(folder), seed)
        for verdict in verify_many(jobs(), [databases], workers=workers):
            yield waiting.popleft(), verdict


def job(pair: Pair) -> Job:
    """Give what is to be judged: the code of one template is of one origin."""
    return Job(pair.sql, pair.ibis, pair.template.dialect, pair.template.name)


def _example(pair: Pair, verdict: Verdict, schemas: dict[str, dict[str, str]]) -> Example:
    template = pair.template
    context = by_table(pair.tables, schemas)
    source, target = Input(pair.sql), Target(pair.ibis)
    return Example(
        id=content_id(
            task=TASK,
            dialect=template.dialect,
            backend=BACKEND,
            context=context,
            source=source,
            target=target,
        ),
        task=TASK,
        dialect=template.dialect,
        backend=BACKEND,
        ibis_version=version("ibis-framework"),
        context=context,
        input=source,
        target=target,
        meta=Meta(
            template=template.name,
            variation=pair.variation,
            features=list(template.features),
            source="template",
            difficulty=template.difficulty,
            verdict=verdict.status.value,
            rows=verdict.evidence.rows,
            ordered=verdict.evidence.order,
            verifier_version=VERIFIER_VERSION,
        ),
    )


def _rejected(pair: Pair, verdict: Verdict) -> Rejected:
    reason = "; ".join(str(diagnostic) for diagnostic in verdict.diagnostics)
    return Rejected(pair.template.name, pair.variation, verdict.status.value, reason)
