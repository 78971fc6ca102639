"""Write the databases that were chosen for a query into files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ibert.catalog import Catalog
from ibert.catalog.keys import Keys
from ibert.database import write_database
from ibert.verifier.databases import backwards, to_arrow
from ibert.verifier.reference import in_duckdb
from ibert.verifier.selection import Selection, select


class Witness(NamedTuple):
    """A database in two files, the second with the rows in reverse.

    `sound` tells whether the declared foreign keys hold in it.
    """

    paths: list[Path]
    sound: bool = True


def write_witnesses(
    folder: Path, catalog: Catalog, sql: str, *, dialect: str = "duckdb", seed: int = 0
) -> list[Witness]:
    """Write the witnesses for judging code against a query.

    Raises
    ------
    IbertError
        The SQL does not parse, or a column's type cannot be generated.
    """
    query = in_duckdb(sql, dialect, catalog.to_sql_types())
    selection = selected(query, catalog, frozenset(catalog.keys.items()), seed)
    ddl = catalog.to_ddl("duckdb")
    witnesses = []
    for i, chosen in enumerate(selection.chosen):
        paths = [folder / f"{i}.duckdb", folder / f"{i}_reversed.duckdb"]
        for path, rows in zip(
            paths, (chosen.database.rows, backwards(chosen.database.rows)), strict=True
        ):
            write_database(path, ddl, to_arrow(rows, catalog))
        witnesses.append(Witness(paths, sound=chosen.database.sound))
    return witnesses


@lru_cache(maxsize=64)
def selected(sql: str, tables: Catalog, keys: frozenset[tuple[str, Keys]], seed: int) -> Selection:
    """Choose the databases for a query of DuckDB's dialect; once, for all that is judged by them.

    Parameters
    ----------
    sql
        The query.
    tables
        Its tables.
    keys
        Their declared keys, which do not count where catalogs are compared.
    seed
        Makes the rows and the choice.

    Raises
    ------
    IbertError
        The SQL does not parse, or a column's type cannot be generated.
    """
    return select(sql, Catalog(tables.tables, dict(keys)), seed=seed)
