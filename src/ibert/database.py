"""Write tables into DuckDB files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa


def write_database(path: Path, ddl: str, tables: Mapping[str, pa.Table]) -> None:
    """Write tables into a DuckDB file, which appears whole or not at all.

    Parameters
    ----------
    path
        The file, which is replaced if it exists. Its folder has to exist.
    ddl
        The CREATE TABLE statements, in DuckDB's dialect.
    tables
        The rows of each table, in columns of the same names.

    Raises
    ------
    OSError
        The file cannot be written.

    Examples
    --------
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "t.duckdb")
    ...     write_database(path, "CREATE TABLE t (a INT)", {"t": pa.table({"a": [1, 2]})})
    ...     with duckdb.connect(path) as con:
    ...         con.sql("SELECT sum(a) FROM t").fetchone()
    (3,)
    """
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as beside:
        draft = Path(beside, path.name)
        with connect(str(draft)) as con:
            con.begin()
            con.execute(ddl)
            for name, table in tables.items():
                _insert(con, name, table)
            con.commit()
        # DuckDB would replay the log of the file that was here into the one that replaces it.
        Path(f"{path}.wal").unlink(missing_ok=True)
        draft.replace(path)


def write_databases(folder: Path, ddl: str, tables: Mapping[str, pa.Table]) -> list[Path]:
    """Write two databases: the tables as they are, and with their rows in reverse.

    A query that gives different results on the two has no result of its own: any two rows whose
    order it leaves open come in the other order.
    """
    backwards = {name: table.take(_reversed(table)) for name, table in tables.items()}
    paths = [folder / "witness.duckdb", folder / "reversed.duckdb"]
    for path, rows in zip(paths, (tables, backwards), strict=True):
        write_database(path, ddl, rows)
    return paths


def connect(database: str) -> duckdb.DuckDBPyConnection:
    """Open a database whose results depend on no setting of the machine."""
    # The smallest blocks: with the usual ones, a file of a few rows takes eight times the room.
    con = duckdb.connect(database, config={"threads": 1, "default_block_size": 16_384})
    con.execute("SET TimeZone = 'UTC'")
    return con


def _reversed(table: pa.Table) -> pa.Array:
    return pa.array(range(table.num_rows - 1, -1, -1), pa.int64())


def _insert(con: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    columns = ", ".join(map(_quoted, table.column_names))
    rows = f"rows of {name}"
    con.register(rows, table)
    con.execute(f"INSERT INTO {_quoted(name)} ({columns}) SELECT {columns} FROM {_quoted(rows)}")  # noqa: S608
    con.unregister(rows)


def _quoted(name: str) -> str:
    return f'"{name.replace(chr(34), chr(34) * 2)}"'
