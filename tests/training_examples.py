"""Examples to train on: few queries with many constants."""

from collections.abc import Sequence
from pathlib import Path

import ibis

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.datagen.example import Example, Input, Meta, Target, by_table, content_id, encode

SCHEMAS = Catalog.from_ddl(fixtures.SCHEMA_SQL).to_dict()
META = Meta(
    template="filter_comparison",
    variation="greater",
    features=["filter"],
    source="template",
    difficulty="easy",
    verdict="VERIFIED",
    rows=3,
    ordered=False,
    verifier_version=1,
)


def example(age: int, sign: str = ">") -> Example:
    """Give the example with a comparison."""
    query = Input(f"SELECT country FROM users WHERE age {sign} {age}")  # noqa: S608
    code = f'expr = users.filter(users.age {sign} {age}).select("country")'
    target = Target(f'users = con.table("users")\n{code}')
    context = by_table(["users"], SCHEMAS)
    seen = {"task": "sql_to_ibis", "dialect": "duckdb", "backend": "duckdb", "context": context}
    return Example(
        **seen,
        id=content_id(**seen, source=query, target=target),
        ibis_version=ibis.__version__,
        input=query,
        target=target,
        meta=META,
    )


def write_examples(path: Path, ages: range, signs: Sequence[str] = (">",)) -> Path:
    """Write the examples with these constants and operators."""
    path.write_bytes(b"".join(encode(example(age, sign)) for sign in signs for age in ages))
    return path
