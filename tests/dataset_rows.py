"""Rows of a dataset of `ibert data generate-all`, of all six tasks, about one query."""

import hashlib
from functools import cache
from pathlib import Path

import msgspec

import ibert
from ibert.catalog import Catalog
from ibert.datagen.factory.manifest import DatasetFile, DatasetManifest
from ibert.datagen.factory.record import record
from ibert.datagen.factory.row import Content, Origin, Row, row, tables_of

# Not those of the fixtures: rows are made for them.
SCHEMAS = {"users": {"user_id": "!int64", "country": "string", "age": "int64"}}
SQL = "SELECT country FROM users WHERE age > 30"
QUERY = 'users.filter(_.age > 30).select("country")'
CODE = f'from ibis import _\n\nusers = con.table("users")\nexpr = {QUERY}\n'
BROKEN = CODE.replace("select", "selekt")
ERROR = "AttributeError: 'Table' object has no attribute 'selekt'"
FUNCTION = "def query(users):\n    return users.filter(users.age > 30).select('country')\n"
ANSWER = "`Table.count` counts rows.\n\n```python\nexpr = con.table('users').count()\n```"


def origin(**changes: str) -> Origin:
    facts = {"source": "query", "name": "test:1", "licence": "Apache-2.0", "root": "r"}
    hashes = {"structure": "s", "code_structure": "c", "schema": "x", "database": "domain:0:1"}
    return Origin(**{**facts, **hashes, "sql": SQL, **changes})


@cache
def rows(structure: str = "s") -> tuple[Row, ...]:
    """Give a row of each task, and a question to which no answer can be told right."""
    tables = tables_of(Catalog.from_dict(SCHEMAS))
    start = CODE.index("filter")
    contents = [
        Content(task="sql_to_ibis", dialect="duckdb", input=SQL, target=CODE, tables=tables),
        Content(task="ibis_to_sql", dialect="duckdb", input=CODE, target=SQL, tables=tables),
        Content(
            task="code_completion",
            variant="token",
            tables=tables,
            input=CODE[:start],
            target="filter",
            suffix=CODE[start + len("filter") :],
        ),
        Content(
            task="error_resolution",
            variant="method",
            tables=tables,
            input=BROKEN,
            error=ERROR,
            target=CODE,
        ),
        Content(
            task="documentation",
            variant="numpy",
            tables=tables,
            input=FUNCTION,
            target=ibert.document(FUNCTION, "query", SCHEMAS).code.rstrip("\n"),
        ),
    ]
    ours = origin(structure=structure)
    named = {"source": "api", "name": "ibis.expr.types.Table.count", "sql": ""}
    api = origin(structure=structure, **named)
    questions = [
        Content(task="qa", variant="what", input="What does `Table.count` do?", target=ANSWER),
        Content(task="qa", variant="support", input="Where does it work?", target="Everywhere."),
    ]
    made = [(one, ours) for one in contents] + [(one, api) for one in questions]
    return tuple(row(*one) for one in made)


def write_rows(path: Path, some: tuple[Row, ...] | None = None) -> Path:
    """Write rows as a file of a dataset has them."""
    chosen = rows() if some is None else some
    path.write_bytes(b"".join(msgspec.json.encode(record(one)) + b"\n" for one in chosen))
    return path


def write_dataset(folder: Path) -> Path:
    """Write a dataset in which the questions are for tests."""
    folder.mkdir()
    files = []
    for split in ("train", "test"):
        some = tuple(one for one in rows() if (one.content.task == "qa") == (split == "test"))
        text = write_rows(folder / f"{split}.jsonl", some).read_bytes()
        digest = hashlib.sha256(text).hexdigest()
        files.append(DatasetFile(f"{split}.jsonl", "all", split, len(some), len(text), digest))
    empty = {name: {} for name in DatasetManifest.__struct_fields__}
    manifest = {**empty, "files": files, "roots": 1, "evaluations": 0}
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return folder
