"""Where roots come from: the templates, and queries that are composed over generated catalogs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from random import Random

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.datagen.factory.compose import Composer
from ibert.datagen.factory.databases import Prover, domain_of
from ibert.datagen.factory.domains import Domain
from ibert.datagen.factory.root import Draft, Tally
from ibert.datagen.factory.sense import is_named, is_sensible, rename, settle
from ibert.datagen.factory.styles import unrolled
from ibert.datagen.random_queries.queries import Queries
from ibert.datagen.sql2ibis import Template, load_templates, render
from ibert.diagnostics import IbertError
from ibert.sql.parse import AS_WRITTEN, parse_as_written
from ibert.tasks.sql_to_ibis import sql_to_ibis

LICENCE = "Apache-2.0"  # of iBERT, whose templates and generators these are
RANDOM_SHARE = 0.15  # of queries, how many are drawn from all productions
CANDIDATES = 3  # of which the query with the rarest constructs is taken
ATTEMPTS = 120  # at a random query that makes sense


@lru_cache(maxsize=1)
def _templates(seed: int) -> tuple[Template, ...]:
    """Load the templates, once in a process that makes many shards."""
    catalog = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    return tuple(load_templates(catalog=catalog, seed=seed))


def template_drafts(seed: int, part: int, parts: int, prover: Prover) -> Iterator[Draft]:
    """Yield the pairs of every so many-th template."""
    for pair in render(_templates(seed)[part::parts]):
        yield Draft(
            sql=pair.sql,
            dialect=pair.template.dialect,
            code=pair.ibis,
            catalog=prover.catalog.subset(pair.tables),
            source="template",
            name=f"{pair.template.name}[{pair.variation}]",
            licence=LICENCE,
            difficulty=pair.template.difficulty,
        )


def query_drafts(count: int, prover: Prover, tally: Tally) -> Iterator[Draft]:
    """Yield so many queries over a generated catalog, with what the compiler makes of them."""
    domain, drawn = domain_of(prover.name), set[str]()
    seen: Counter[tuple[str, str]] = Counter()
    for number in range(count):
        sql = _rarest(domain, Random(f"{prover.name}:{number}"), seen)
        if sql is None or sql in drawn:
            tally.reject("query", "drawn before" if sql else "none made sense")
            continue
        drawn.add(sql)
        try:
            answer = sql_to_ibis(sql, domain.catalog, verify=False)
        except IbertError as error:
            tally.reject("query", f"not translated ({error.diagnostics[0].code})")
            continue
        words = sql.casefold()
        used = [name for name in domain.catalog if name.casefold() in words]
        catalog = domain.catalog.subset(used)
        yield Draft(
            sql,
            "duckdb",
            unrolled(answer.code),
            catalog,
            "query",
            f"{prover.name}:{number}",
            LICENCE,
        )


def _rarest(domain: Domain, rng: Random, seen: Counter[tuple[str, str]]) -> str | None:
    """Draw queries, and take the one whose pairs of constructs were seen least."""
    draw = _random if rng.random() < RANDOM_SHARE else _composed
    drawn = [found for _ in range(CANDIDATES) if (found := draw(domain, rng))]
    if not drawn:
        return None
    constructs = {sql: _constructs(sql) for sql in drawn}
    best = max(drawn, key=lambda sql: sum(1 / (1 + seen[pair]) for pair in constructs[sql]))
    seen.update(constructs[best])
    return best


def _composed(domain: Domain, rng: Random) -> str | None:
    return Composer(domain, rng).compose()


def _random(domain: Domain, rng: Random) -> str | None:
    for _ in range(ATTEMPTS):
        query = parse_as_written(Queries(rng, domain.relations()).draw())
        if is_sensible(query):
            settle(query, domain.literals(), rng)
            rename(query)
            if is_named(query):
                return query.sql(AS_WRITTEN)
    return None


def _constructs(sql: str) -> list[tuple[str, str]]:
    keys = sorted({node.key for node in parse_as_written(sql).walk()})
    return list(combinations(keys, 2))
