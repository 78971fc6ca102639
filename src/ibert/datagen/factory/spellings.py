"""Examples of translation: a root's SQL in other words and dialects, and its code as SQL."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import ErrorLevel

from ibert.backends import COMPILER_ERRORS
from ibert.compilation import compiled, target_of
from ibert.datagen.factory.root import Root, Tally, is_lasting, reason_of
from ibert.datagen.factory.row import Content, Row
from ibert.datagen.mutation.rewrites import rewritten
from ibert.diagnostics import IbertError
from ibert.sql.parse import parse_as_written

TO_IBIS, TO_SQL = "sql_to_ibis", "ibis_to_sql"
# How many of the others each root is written in, and which of them how often.
DIALECTS = {
    "postgres": 4, "snowflake": 4, "bigquery": 4, "spark": 3, "mysql": 3, "trino": 2, "tsql": 2,
    "databricks": 2, "redshift": 1, "clickhouse": 2, "sqlite": 1, "oracle": 1,
}  # fmt: skip
OTHER_DIALECTS = 2
LAID_OUT = 0.5  # the share of SQL that is laid out over several lines


def translations(root: Root, tally: Tally) -> Iterator[Row]:
    """Yield SQL with the code that equals it: as it is, in other words, in other dialects."""
    yield root.row(_to_ibis(root, root.sql, root.dialect, "original"))
    if root.dialect != "duckdb":
        return
    chance = root.chance(TO_IBIS)
    other_words = [one for one in rewritten(parse_as_written(root.sql)) if one.sql != root.sql]
    if other_words:
        chosen = chance.choice(other_words)
        yield from _proved(root, chosen.sql, "duckdb", "rewritten", tally)
    for dialect in _drawn(root, TO_IBIS):
        try:
            sql = root.query.sql(
                dialect, pretty=chance.random() < LAID_OUT, unsupported_level=ErrorLevel.RAISE
            )
        except COMPILER_ERRORS:
            tally.reject(TO_IBIS, f"{dialect} has no spelling")
            continue
        if sql != root.sql:
            yield from _proved(root, sql, dialect, "dialect", tally)


def compilations(root: Root, tally: Tally) -> Iterator[Row]:
    """Yield the code with the SQL that it compiles to, in DuckDB's and other dialects."""
    chance = root.chance(TO_SQL)
    for dialect in ("duckdb", *_drawn(root, TO_SQL)):
        try:
            target = target_of(dialect)
            sql = compiled(root.program, target, pretty=chance.random() < LAID_OUT)
            verdict = root.verify(sql, target.read_as)
        except IbertError as error:
            tally.reject(TO_SQL, f"{dialect} {error.diagnostics[0].code}")
            continue
        if not is_lasting(sql):
            tally.reject(TO_SQL, "the SQL has names by chance")
        elif verdict.verified:
            content = Content(
                task=TO_SQL, dialect=dialect, tables=root.tables, input=root.code, target=sql
            )
            yield root.row(content)
        else:
            tally.reject(TO_SQL, f"{dialect} {reason_of(verdict)}")


def _drawn(root: Root, task: str) -> list[str]:
    drawn = root.chance(f"{task} dialects").choices(
        list(DIALECTS), weights=list(DIALECTS.values()), k=OTHER_DIALECTS
    )
    return list(dict.fromkeys(drawn))


def _proved(root: Root, sql: str, dialect: str, variant: str, tally: Tally) -> Iterator[Row]:
    try:
        verdict = root.verify(sql, dialect)
    except IbertError as error:
        tally.reject(TO_IBIS, f"{variant} {dialect} {error.diagnostics[0].code}")
        return
    if verdict.verified:
        yield root.row(_to_ibis(root, sql, dialect, variant))
    else:
        tally.reject(TO_IBIS, f"{variant} {dialect} {reason_of(verdict)}")


def _to_ibis(root: Root, sql: str, dialect: str, variant: str) -> Content:
    return Content(
        task=TO_IBIS,
        dialect=dialect,
        variant=variant,
        tables=root.tables,
        input=sql,
        target=root.code,
    )
