"""Ibis code is read without running it: values, exceptions, and nothing beyond Ibis."""

import ast
import re
from typing import Any

import ibis
import pytest

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.datagen.sql2ibis import load_templates, render
from ibert.interpreter import UNKNOWN, read

# Ibis and DuckDB use parts of pandas that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CATALOG = {"t": {"g": "string", "x": "int64", "d": "date"}, "u": {"x": "int64", "y": "float64"}}
IMPORTS = "import ibis\nfrom ibis import _\n"


def sql_of(expr: ibis.Table) -> str:
    """Give its SQL without the numbers that Ibis gives to UDFs."""
    return re.sub(r"_\d+(?=\()", "", str(ibis.to_sql(expr.unbind(), dialect="duckdb")))


def test_the_code_of_templates_has_the_value_that_running_it_gives() -> None:
    catalog = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    con = ibis.duckdb.connect()
    for name, schema in catalog.tables.items():
        con.create_table(name, schema=schema)
    seen = set()
    for pair in render(load_templates(catalog=catalog)):
        if pair.template.name in seen:
            continue
        seen.add(pair.template.name)
        names: dict[str, Any] = {"con": con}
        exec(pair.ibis, names)  # noqa: S102
        reading = read(pair.ibis, catalog)
        assert reading.problems == []
        assert sql_of(reading.result) == sql_of(names["expr"]).replace('"memory"."main".', "")
    assert len(seen) > 200


@pytest.mark.parametrize(
    ("code", "place", "error"),
    [
        ("t.filter(t.y > 1)", "t.y", AttributeError),
        ("t.filter((t.x > 1) and (t.x < 3))", "t.x > 1 and t.x < 3", ValueError),
        ("t.filter(1 < t.x < 3)", "1 < t.x < 3", ValueError),
        ("not t.x.isnull()", "not t.x.isnull()", None),
        ("con.table('nothing')", "con.table('nothing')", ibis.common.exceptions.TableNotFound),
        ("t.group_by('nothing').agg(n=t.count())", None, ibis.common.exceptions.IbisTypeError),
        ("t.union(u)", "t.union(u)", ibis.common.exceptions.RelationError),
        ("t.x.upper()", "t.x.upper", AttributeError),
        ("nowhere.x", "nowhere", NameError),
        ("t.mutate(z=t.x + t.g)", "t.x + t.g", None),
        ("t.filter(lambda row: row.y > 1)", None, AttributeError),
    ],
)
def test_a_mistake_raises_what_running_it_raises(
    code: str, place: str | None, error: type[Exception] | None
) -> None:
    con = ibis.duckdb.connect()
    tables = {name: con.create_table(name, schema=schema) for name, schema in CATALOG.items()}
    with pytest.raises(Exception) as caught:  # noqa: PT011  which one is what is compared
        eval(code, {**tables, "con": con, "ibis": ibis})  # noqa: S307
    problem = read(code, CATALOG).problems[0]
    assert type(problem.error) is caught.type
    if error is not None:
        assert type(problem.error) is error
    if place is not None:
        assert ast.unparse(problem.node) == place


def test_reading_goes_on_after_a_mistake() -> None:
    reading = read("a = t.nothing\nb = a.x\nc = u.y\nexpr = t.filter(t.wrong > 1)", CATALOG)
    assert [str(problem.error) for problem in reading.problems] == [
        "'Table' object has no attribute 'nothing'",
        "'Table' object has no attribute 'wrong'",
    ]
    assert reading.names["a"] is reading.names["b"] is reading.result is UNKNOWN
    assert str(reading.names["c"].type()) == "float64"


def test_functions_lambdas_and_loops_are_followed() -> None:
    code = IMPORTS + (
        "def top(table, n=2):\n"
        "    kept = table.filter(lambda row: row.x > n)\n"
        "    return kept.order_by(ibis.desc('x'))\n"
        "parts = [top(t, n).select('x') for n in range(3) if n]\n"
        "expr = parts[0]\n"
        "for part in parts[1:]:\n"
        "    expr = expr.union(part)\n"
    )
    names: dict[str, Any] = {"t": ibis.table(CATALOG["t"], name="t")}
    exec(code, names)  # noqa: S102
    assert read(code, CATALOG).result.equals(names["expr"])


def test_every_node_has_its_value() -> None:
    reading = read("t.filter(t.x > 1).select('g')", CATALOG)
    shown = {ast.unparse(node): type(value).__name__ for node, value in reading.values.items()}
    assert shown["t.x > 1"] == "BooleanColumn"
    assert shown["t.filter(t.x > 1)"] == "Table"
    assert shown["'g'"] == "str"


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/passwd').read()",
        "__import__('os').getcwd()",
        "().__class__.__bases__",
        "ibis.util.os.getcwd()",
        "ibis.selectors.inspect.os",
        "t.x.__class__.__mro__",
        "t.execute()",
        "t.to_pyarrow()",
        "con.raw_sql('select 1')",
        "t.sql('select 1')",
        "ibis.duckdb.connect()",
        "ibis.read_csv('x.csv')",
        "ibis.connect('duckdb://')",
        "ibis.examples.penguins.fetch()",
        "'{0.__class__}'.format(t)",
        "'%r' % t",
        "getattr(t, '_' + '_class__')",
        "eval('1')",
        "t.pipe(print)",
        "(lambda: (yield))()",
        "'a' * 10 ** 9",
        "10 ** 10 ** 10",
        "[0] * 10 ** 9",
        "globals()",
        "type(t)",
        "ibis.memtable",
    ],
)
def test_what_reaches_beyond_expressions_is_not_told(code: str) -> None:
    reading = read(f"expr = {code}", CATALOG)
    assert reading.result is UNKNOWN or code == "ibis.memtable"


def test_reading_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    read("print(t)\nt.select(print)\nexpr = t.filter(lambda u: print(u) or u.x > 1)", CATALOG)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("module", ["os", "sys", "subprocess", "ibis.util", "ibis.backends.duckdb"])
def test_other_modules_are_unknown(module: str) -> None:
    reading = read(f"import {module} as m\nfrom {module} import path\nexpr = m", CATALOG)
    assert reading.result is UNKNOWN
    assert reading.names["path"] is UNKNOWN


@pytest.mark.parametrize(
    "code",
    [
        "def f(n):\n    return f(n)\nf(1)",
        "x = [i for i in range(10 ** 9)]",
        "f = lambda g: g(g)\nf(f)",
        "while True:\n    pass",
        "x = 1\n" * 100_000,
        "x = [[i * j for i in range(999)] for j in range(999)]",
    ],
)
def test_reading_ends(code: str) -> None:
    assert read(code, CATALOG).result is UNKNOWN
