"""Examples of translation: a root's SQL in other words and dialects, and its code as SQL."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from sqlglot import exp

from ibert.backends import COMPILER_ERRORS
from ibert.compilation import Target, compiled, target_of
from ibert.datagen.factory.root import Root, Tally, is_lasting, reason_of
from ibert.datagen.factory.row import Content, Row
from ibert.datagen.factory.styles import is_spoken, written
from ibert.datagen.mutation.phrasings import NATURAL, PHRASINGS
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
OTHER_WORDS = 2  # how many other queries that ask the same
WRITTEN = 0.6  # the share of SQL that is as a person writes it; the other is what Ibis compiles
LONG = 120  # characters of compiled SQL that is laid out over several lines
LAID_OUT = 0.5
_OTHERWISE = (exp.ArgMax, exp.ArgMin, exp.CountIf)  # other dialects have them, and other NULLs


def translations(root: Root, tally: Tally) -> Iterator[Row]:
    """Yield SQL with the code that equals it: as it is, in other words, in other dialects."""
    chance = root.chance(TO_IBIS)
    if root.dialect != "duckdb":
        yield root.row(_to_ibis(root, root.sql, root.dialect, "original"))
        return
    query = parse_as_written(root.sql)
    is_short = len(root.sql) <= LONG and chance.random() < LAID_OUT
    original = root.sql if is_short else written(query, "duckdb", chance)
    yield from _proved(root, original, "duckdb", "original", tally)
    for sql in _other_words(query, chance):
        text = written(parse_as_written(sql), "duckdb", chance)
        yield from _proved(root, text, "duckdb", "rewritten", tally)
    for dialect in _drawn(root, TO_IBIS):
        spelled = _spelled(root, dialect, chance)
        if spelled is None:
            tally.reject(TO_IBIS, f"{dialect} has no spelling")
        elif spelled != root.sql:
            yield from _proved(root, spelled, dialect, "dialect", tally)


def _other_words(query: exp.Expr, chance: Random) -> list[str]:
    """Choose queries that ask the same: some that are built in another way, then others."""
    found: list[str] = []
    for rules in (PHRASINGS, NATURAL):
        other = [one.sql for one in rewritten(query, rules)]
        found += chance.sample(other, min(len(other), OTHER_WORDS - len(found)))
    return found


def _spelled(root: Root, dialect: str, chance: Random) -> str | None:
    """Write the query of a root in a dialect; None where it has no words for it."""
    if dialect != "duckdb" and root.query.find(*_OTHERWISE):
        return None
    try:
        sql = written(root.query, dialect, chance)
    except COMPILER_ERRORS:
        return None
    if any(name in sql.upper() for name in _unknown(root.query)):
        return None  # functions of DuckDB that are written as they are
    return sql if is_spoken(sql, dialect) else None


def _unknown(query: exp.Expr) -> set[str]:
    """Give the calls of functions that sqlglot knows of no dialect."""
    return {f"{node.name.upper()}(" for node in query.find_all(exp.Anonymous)}


def compilations(root: Root, tally: Tally) -> Iterator[Row]:
    """Yield the code with SQL that equals it, in DuckDB's and other dialects.

    It is what a person writes, or what Ibis compiles.
    """
    chance = root.chance(TO_SQL)
    for dialect in ("duckdb", *_drawn(root, TO_SQL)):
        target = target_of(dialect)
        variant = "written" if chance.random() < WRITTEN else "compiled"
        spelled = _spelled(root, dialect, chance) if variant == "written" else None
        try:
            sql = spelled or _compiled(root, target, chance)
            verdict = root.verify(sql, target.read_as)
        except IbertError as error:
            tally.reject(TO_SQL, f"{dialect} {error.diagnostics[0].code}")
            continue
        if not is_lasting(sql):
            tally.reject(TO_SQL, "the SQL has names by chance")
        elif not is_spoken(sql, dialect):
            tally.reject(TO_SQL, f"{dialect} has no spelling")
        elif verdict.verified:
            yield root.row(
                Content(
                    task=TO_SQL,
                    dialect=dialect,
                    variant="written" if spelled else "compiled",
                    tables=root.tables,
                    input=root.code,
                    target=sql,
                )
            )
        else:
            tally.reject(TO_SQL, f"{dialect} {reason_of(verdict)}")


def _compiled(root: Root, target: Target, chance: Random) -> str:
    sql = compiled(root.program, target, pretty=chance.random() < LAID_OUT)
    is_read = len(sql) <= LONG or "\n" in sql.strip()
    return sql if is_read else compiled(root.program, target, pretty=True)


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
