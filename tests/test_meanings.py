"""Other dialects: queries in data/dialects.yaml, what they are in DuckDB's, and what they give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlglot import exp

from ibert.diagnostics import IbertError
from ibert.documents import load_path
from ibert.sql import parse_query, to_duckdb
from ibert.sql.annotation import ColumnTypes

DATA = Path(__file__).parent / "data"
CASES = [
    pytest.param(case, id=f"{case['dialect']}-{number}")
    for number, case in enumerate(load_path(DATA / "dialects.yaml").value, 1)
]


@pytest.fixture(scope="module")
def con() -> Any:
    with duckdb.connect() as con:
        con.execute((DATA / "translation/tables.sql").read_text(encoding="utf-8"))
        yield con


@pytest.fixture(scope="module")
def columns(con: Any) -> ColumnTypes:
    found: dict[str, dict[str, exp.DataType]] = {}
    query = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
    for table, column, kind in con.execute(query).fetchall():
        found.setdefault(table, {})[column] = exp.DataType.build(kind, dialect="duckdb")
    return found


@pytest.mark.parametrize("case", CASES)
def test_dialects(case: dict[str, Any], con: Any, columns: ColumnTypes) -> None:
    query = parse_query(case["sql"], case["dialect"])
    if "refused" in case:
        with pytest.raises(IbertError, match="IB301") as caught:
            to_duckdb(query, case["dialect"], columns)
        assert case["refused"] in str(caught.value)
        return
    text = to_duckdb(query, case["dialect"], columns)
    if "duckdb" in case:
        assert text == case["duckdb"]
    rows = con.execute(text).fetchall()
    if "value" in case:
        assert rows[0][0] == case["value"]
