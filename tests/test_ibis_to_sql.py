"""Ibis to SQL: pairs, places of what does not compile, explanations, the command."""

import subprocess
import sys
from pathlib import Path

import ibis
import pytest
import yaml

import ibert
from ibert import Status
from ibert.catalog import Catalog
from ibert.compilation import Program, compiled, explained, target_of

# Ibis and DuckDB use parts of pandas that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PAIRS = yaml.safe_load(
    (Path(__file__).parent / "data" / "compilation.yaml").read_text(encoding="utf-8")
)
CATALOG = {"orders": {"id": "int64", "customer": "string", "total": "float64"}}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["code"].splitlines()[0][:40])
def test_pairs(pair: dict[str, str]) -> None:
    answer = ibert.ibis_to_sql(pair["code"], CATALOG, dialect=pair.get("dialect", "duckdb"))
    assert answer.code == pair["sql"]
    assert answer.verdict.status is Status.VERIFIED


def test_names_that_tables_have_are_not_given_twice() -> None:
    code = (
        "orders = orders.filter(_.total > 1)\nexpr = orders.join(orders.view(), 'id').select('id')"
    )
    answer = ibert.ibis_to_sql(code, CATALOG)
    assert answer.verdict.status is Status.VERIFIED
    assert 'WITH "orders"' not in answer.code


@pytest.mark.parametrize(
    ("code", "dialect", "expected", "place"),
    [
        ("expr = (\n  orders.agg(\n    m=_.total.median()))", "mysql", "IB508", (2, 3)),
        ("expr = (\n  orders.agg(\n    m=orders.total.median()))", "mysql", "IB508", (3, 7)),
        ("orders.filter(orders.totl > 3)", "duckdb", "IB302", (1, 15)),
        ("orders.(", "duckdb", "IB002", (1, 8)),
        ("x = 1", "duckdb", "IB303", None),
        ("1", "duckdb", "IB303", None),
        ("ibis.read_csv('x.csv')", "duckdb", "IB303", (1, 1)),
        ("orders.execute()", "duckdb", "IB303", (1, 1)),
        ("orders", "dukdb", "IB203", None),
        ("", "duckdb", "IB303", None),
        ("(" * 5000, "duckdb", "IB002", (1, 201)),
        ("\0", "duckdb", "IB002", (1, 1)),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    code: str, dialect: str, expected: str, place: tuple[int, int] | None
) -> None:
    with pytest.raises(ibert.IbertError) as caught:
        ibert.ibis_to_sql(code, CATALOG, dialect=dialect, verify=False)
    (found,) = caught.value.diagnostics
    assert found.code == expected
    assert (found.span and (found.span.line, found.span.column)) == place


def test_an_explanation_names_clauses_and_lines() -> None:
    code = (
        "big = orders.filter(_.total > 10)\n"
        "per = big.group_by('customer').agg(total=_.total.sum())\n"
        "expr = orders.join(per, 'customer').order_by('id').limit(3)\n"
    )
    program = Program(code, Catalog.from_any(CATALOG))
    steps = [line.split("    ") for line in explained(program).splitlines()]
    assert [(parts[0].strip() or parts[1].strip(), parts[-1].strip()) for parts in steps][:3] == [
        ("LIMIT 3", "line 3"),
        ("ORDER BY asc id", "line 3"),
        ("JOIN inner on customer == customer", "line 3"),
    ]
    assert "GROUP BY customer: total" in explained(program)
    assert explained(program).splitlines()[-2].strip().startswith("WHERE total > 10")


def test_every_dialect_is_reached() -> None:
    program = Program("orders.filter(_.total > 3).select('id')", Catalog.from_any(CATALOG))
    for dialect in ("presto", "redshift", "spark", "tsql", "hive", "teradata", "sqlite", "oracle"):
        assert "SELECT" in compiled(program, target_of(dialect))


def test_commands_compose() -> None:
    script = str(Path(sys.executable).with_name("ibert"))
    ddl = Path(__file__).parent / "data" / "translation" / "tables.sql"
    code = subprocess.run(
        [script, "to-ibis", "--catalog", str(ddl), "--no-verify"],
        input="SELECT g, sum(x) AS s FROM t GROUP BY g",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = subprocess.run(
        [script, "to-sql", "-", "--catalog", str(ddl), "--dialect", "snowflake", "--explain"],
        input=code,
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'SUM("t"."x")' in found.stdout
    assert found.stderr.startswith("VERIFIED")
    assert "GROUP BY g: s" in found.stderr


def test_parameters_and_udfs_compile() -> None:
    code = (
        "import ibis\n"
        "@ibis.udf.scalar.builtin\n"
        "def half(x: float) -> float: ...\n"
        "expr = orders.mutate(h=half(orders.total))\n"
    )
    answer = ibert.ibis_to_sql(code, CATALOG, verify=False)
    assert "HALF(" in answer.code
    assert ibis.options.interactive is False
