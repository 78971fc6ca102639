"""Pairs in other names, with other constants and in another style: a draft to be proved anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random

from sqlglot import Dialect, exp

from ibert.datagen.factory.domains import Domain
from ibert.datagen.factory.naming import namings, new_names, renamed
from ibert.datagen.factory.root import Draft, Tally
from ibert.datagen.factory.sense import settle
from ibert.datagen.factory.styles import restyled, unrolled
from ibert.diagnostics import IbertError
from ibert.sql.parse import AS_WRITTEN, parse_as_written
from ibert.tasks.sql_to_ibis import sql_to_ibis

RESTYLED = 0.7  # the share of code that is written in another style


def varied_drafts(
    queries: Iterable[tuple[int, str]], domain: Domain, database: str, naming: str, tally: Tally
) -> Iterator[Draft]:
    """Yield queries of a domain in other names and with other constants, the code in another style.

    Parameters
    ----------
    queries
        Their numbers, and their text.
    domain
        The tables that they are about.
    database
        The name of the tables that are called otherwise.
    naming
        How those are called.
    tally
        What is told of those that are not translated.
    """
    names, tables = new_names(domain, naming), renamed(domain, naming)
    for number, sql in queries:
        chance = Random(f"{database}:{number}")
        query = parse_as_written(sql)
        settle(query, domain.literals(), chance)
        _call(query, names, naming)
        text = query.sql(AS_WRITTEN)
        try:
            code = unrolled(sql_to_ibis(text, tables.catalog, verify=False).code)
        except IbertError as error:
            tally.reject("query", f"renamed: not translated ({error.diagnostics[0].code})")
            continue
        used = {table.name for table in query.find_all(exp.Table)}
        catalog = tables.catalog.subset([name for name in tables.catalog if name in used])
        code = restyled(code, chance) if chance.random() < RESTYLED else code
        yield Draft(text, "duckdb", code, catalog, "query", f"{database}:{number}", "Apache-2.0")


def _call(query: exp.Expr, names: Mapping[str, str], naming: str) -> None:
    """Put new names into a query, and those of what it computes into their style."""
    reserved = Dialect.get_or_raise("duckdb").tokenizer_class.KEYWORDS
    for identifier in query.find_all(exp.Identifier):
        old = identifier.name
        new = names.get(old) or namings()[naming].column(old)
        identifier.set("this", new)
        identifier.set("quoted", identifier.quoted or new.upper() in reserved)
