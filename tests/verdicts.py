"""The cases of data/verdicts.yaml, run once: what went in, what came out of the sandbox."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from ibert.database import write_databases
from ibert.documents import load_path
from ibert.sandbox import Execution, Failure
from ibert.verdict import Status
from ibert.verifier import Verifier
from ibert.verifier.verify import Reference

DOCUMENT = load_path(Path(__file__).parent / "data" / "verdicts.yaml").value


@dataclass
class Case:
    """A pair, the expected verdict, and what running either side gave."""

    name: str
    status: Status
    differs: str | None
    path: str | None
    sql: str
    ibis: str
    reference: Reference | Failure
    execution: Execution | Failure

    @property
    def expected(self) -> tuple[Any, ...]:
        return self.status, self.differs, self.path or (self.differs and "raw")

    def judged(self, verifier: Verifier) -> tuple[Any, ...]:
        verdict = verifier.judge(self.reference, self.execution)
        found = verdict.evidence.difference if verdict.status is Status.REFUTED else None
        return verdict.status, found and found.kind, found and found.path


@cache
def cases() -> tuple[Case, ...]:
    """Run both sides of every case once; judging them again is cheap."""
    with TemporaryDirectory() as folder:
        with duckdb.connect() as con:
            con.execute(DOCUMENT["setup"])
            names = [name for (name,) in con.execute("SHOW TABLES").fetchall()]
            tables = {name: con.table(name).to_arrow_table() for name in names}
            ddl = "".join(
                sql for (sql,) in con.execute("SELECT sql FROM duckdb_tables()").fetchall()
            )
        with Verifier([write_databases(Path(folder), ddl, tables)]) as verifier:
            return tuple(_run(verifier, item) for item in DOCUMENT["cases"])


def _run(verifier: Verifier, item: dict[str, str]) -> Case:
    return Case(
        name=item["name"],
        status=Status(item["status"]),
        differs=item.get("differs"),
        path=item.get("path"),
        sql=item["sql"],
        ibis=item["ibis"],
        reference=verifier.reference(item["sql"]),
        execution=verifier.execute(item["ibis"]),
    )
