"""Expressions back to code: by fixtures, over all of Ibis' operations, over the dataset."""

import ast
import inspect
from pathlib import Path

import duckdb
import ibis
import ibis.expr.operations as ops
import pytest
import yaml
from ibis import _

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.datagen.sql2ibis import load_templates, render
from ibert.diagnostics import IbertError
from ibert.translator.decompilation import decompile, spellings, templates
from ibert.translator.decompilation.equality import same
from ibert.translator.layout import format_module

# Ibis and DuckDB use parts of pandas that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

DATA = Path(__file__).parent / "data" / "decompilation"
FIXTURES = yaml.safe_load((DATA / "expressions.yaml").read_text(encoding="utf-8"))
OPERATIONS = (DATA / "operations.txt").read_text(encoding="utf-8").splitlines()
IMPORTS = "import ibis\nfrom ibis import _\n"

TABLES = {
    "t": ibis.table(
        {
            "x": "int64",
            "g": "string",
            "ts": "timestamp",
            "b": "boolean",
            "a": "array<int64>",
            "st": "struct<p: int64, q: string>",
            "m": "map<string, int64>",
        },
        name="t",
    ),
    "u": ibis.table({"x": "int64", "y": "int64"}, name="u"),
}
# One column of each kind, for the operations that take it.
KINDS = {
    "i": "int64",
    "f": "float64",
    "s": "string",
    "b": "boolean",
    "d": "date",
    "ts": "timestamp",
    "tm": "time",
    "iv": "interval('D')",
    "ih": "interval('h')",
    "a": "array<int64>",
    "sa": "array<string>",
    "ab": "array<boolean>",
    "aa": "array<array<int64>>",
    "m": "map<string, int64>",
    "j": "json",
    "st": "struct<p: int64, q: string>",
    "geo": "geometry",
    "pt": "point",
    "ls": "linestring",
    "bi": "binary",
}
# What no code can hold: SQL, Python.
REFUSED = {
    "AnalyticVectorizedUDF",
    "ElementWiseVectorizedUDF",
    "ReductionVectorizedUDF",
    "SQLQueryResult",
    "SQLStringView",
}


def build(code: str, **tables: ibis.Table) -> ibis.Expr:
    """Give the expression that code is."""
    namespace = {"ibis": ibis, "_": _, **tables}
    return eval(code, namespace)  # noqa: S307


def statements(code: str, without: tuple[str, ...] = ("t", "u")) -> str:
    """Give code without its imports and without the declarations of tables."""
    kept = [
        node
        for node in ast.parse(code).body
        if not isinstance(node, ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in without)
    ]
    return format_module(ast.Module(body=kept, type_ignores=[]))


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture["code"][:60])
def test_fixtures(fixture: dict[str, str]) -> None:
    code = decompile(build(fixture["code"], **TABLES))
    written = format_module(ast.parse(f"expr = {fixture['code']}"))
    assert statements(code) == fixture.get("becomes", written)


def test_what_is_written_is_written_again() -> None:
    for fixture in FIXTURES:
        code = decompile(build(fixture["code"], **TABLES))
        namespace: dict[str, object] = {}
        exec(code, namespace)  # noqa: S102
        assert decompile(namespace["expr"]) == code


@pytest.mark.parametrize("code", OPERATIONS)
def test_operations(code: str) -> None:
    t = ibis.table(KINDS, name="t")
    assert statements(decompile(build(code, t=t)), ("t",)) == f"expr = {code}\n"


def test_every_operation_is_written_or_refused() -> None:
    public = {
        kind
        for kind in vars(ops).values()
        if inspect.isclass(kind) and issubclass(kind, ops.Value | ops.Relation)
    }
    kinds = ibis.table(KINDS, name="t")
    built = [build(code, t=kinds) for code in OPERATIONS]
    built += [build(fixture["code"], **TABLES) for fixture in FIXTURES]
    found = {type(node) for expr in built for node in expr.op().find(ops.Node)}
    leaves = {kind for kind in public if not kind.__subclasses__() or kind in found}
    # Functions of users, and what depends on a connection, have tests of their own.
    elsewhere = {"AggUDF", "ScalarUDF", "DatabaseTable", "Subquery"}
    assert {kind.__name__ for kind in leaves - found} - elsewhere == REFUSED


@pytest.mark.parametrize("label", sorted(spellings.SPELLINGS))
def test_spellings_name_operations(label: str) -> None:
    kind = getattr(ops, label)
    names = {
        node.id
        for node in ast.walk(templates.spelling(label))
        if isinstance(node, ast.Name) and node.id != "ibis"
    }
    unsaid = set(kind.__signature__.parameters) - names
    assert names <= set(kind.__signature__.parameters)
    assert unsaid <= {"escape"}


class Connection:
    """The tables of a catalog, which have no rows."""

    def __init__(self, catalog: Catalog) -> None:
        self.schemas = catalog.to_dict()

    def table(self, name: str) -> ibis.Table:
        """Give a table."""
        schema = ibis.schema(self.schemas[name])
        return ops.DatabaseTable(name=name, schema=schema, source=self).to_expr()


def test_the_dataset_is_written_again() -> None:
    catalog = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    refused, pairs = [], render(load_templates(catalog=catalog)[::20])
    for pair in pairs:
        namespace = {"con": Connection(catalog)}
        exec(pair.ibis, namespace)  # noqa: S102
        try:
            decompile(namespace["expr"])
        except IbertError as error:
            refused.append(str(error))
    assert {text.split(" function ")[0] for text in refused} <= {
        "IB501 no code for the user-defined"
    }
    assert len(refused) < len(pairs) / 50


def test_tables_of_a_database() -> None:
    raw = duckdb.connect()
    raw.execute("CREATE TABLE t AS SELECT range AS id, range % 3 AS g FROM range(9)")
    raw.execute("CREATE SCHEMA other; CREATE TABLE other.u AS SELECT * FROM t")
    con = ibis.duckdb.from_connection(raw)
    t, u = con.table("t"), con.table("u", database="other")
    expr = t.join(u, "id").group_by("g").agg(n=_.count()).order_by("g")
    code = decompile(expr)
    assert 'u = con.table("u", database="other")' in code
    namespace = {"con": con}
    exec(code, namespace)  # noqa: S102
    assert namespace["expr"].equals(expr)
    assert namespace["expr"].to_pyarrow().to_pylist() == [{"g": g, "n": 3} for g in range(3)]


def test_functions_of_the_database() -> None:
    @ibis.udf.scalar.builtin(name="list", catalog="system", database="main")
    def listed(value: float) -> ibis.dtype("array<float64>"): ...

    @ibis.udf.agg.builtin
    def skewness(value: float, where: bool = True) -> float: ...

    t = ibis.table({"x": "float64"}, name="t")
    metrics = {"a": skewness(_.x), "b": skewness(_.x, where=_.x > 1), "c": listed(_.x.max())}
    assert statements(decompile(t.agg(**metrics)), ("t",)) == (
        "@ibis.udf.agg.builtin\n"
        "def skewness(value, where: bool = True) -> float: ...\n\n\n"
        '@ibis.udf.scalar.builtin(name="list", catalog="system", database="main")\n'
        'def list_(value) -> dt.dtype("array<float64>"): ...\n\n\n'
        "expr = t.agg(a=skewness(_.x), b=skewness(_.x, where=_.x > 1), c=list_(_.x.max()))\n"
    )


def memory(*values: int) -> ibis.Table:
    """Give a table in memory with one column."""
    return ibis.memtable({"a": list(values)}, schema={"a": "int64"})


def stored(name: str, source: str) -> ibis.Table:
    """Give a table of a database."""
    return ops.DatabaseTable(name=name, schema={"a": "int64"}, source=source).to_expr()


@ibis.udf.scalar.python
def plus_one(x: int) -> int:
    """Add one."""
    return x + 1


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        (lambda: TABLES["t"].select(y=plus_one(_.x)), "user-defined function plus_one"),
        (lambda: ibis.duckdb.connect().sql("SELECT 1 AS a"), "operation SQLQueryResult"),
        (lambda: memory(*range(2000)), "in memory with 2000 rows"),
        (
            lambda: TABLES["t"].filter(ops.ExistsSubquery(TABLES["u"]).to_expr()),
            "an ExistsSubquery that is not one predicate",
        ),
        (lambda: ops.Equals(TABLES["t"].x, None).to_expr(), "would build another one"),
        (lambda: ops.Date(TABLES["u"].x).to_expr(), r"date\(\) of a IntegerColumn"),
        (
            lambda: ibis.union(*(stored("t", source) for source in ("here", "there"))),
            "more than one database",
        ),
    ],
)
def test_refusals(expr, reason: str) -> None:
    with pytest.raises(IbertError, match=reason):
        decompile(expr())


def test_a_wrong_spelling_gives_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(spellings.SPELLINGS, "Greater", "left >= right")
    monkeypatch.setitem(spellings.SPELLINGS, "Sum", "arg.sum()")
    templates.spelling.cache_clear()
    t = TABLES["t"]
    try:
        for expr in (t.filter(t.x > 1), t.agg(n=t.x.sum(where=t.b))):
            with pytest.raises(IbertError, match="would build another one"):
                decompile(expr)
    finally:
        templates.spelling.cache_clear()


T = TABLES["t"]
V, W = T.view(), T.view()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (V.join(W, "x"), W.join(V, "x"), True),
        (V.join(W, "x"), V.join(T.view(), "x"), True),
        (V.union(V), V.union(W), False),
        (V.union(W), V.union(V), False),
        (T.x + ibis.param("int64"), T.x + ibis.param("int64"), True),
        (T.x + ibis.param("int64"), T.x + ibis.param("int32"), False),
        (memory(1, 2), memory(1, 2), True),
        (memory(1, 2), memory(2, 1), False),
        (ibis.literal(float("nan")), ibis.literal(float("nan")), True),
        (ibis.literal(1), ibis.literal(1, "int64"), False),
        (T.select("x", "g"), T.select("g", "x"), False),
        (T.limit(1), T.limit(True), False),
        (T.x.sum(), T.x.sum(where=T.b), False),
        (T.x, T, False),
    ],
)
def test_same(left: ibis.Expr, right: ibis.Expr, expected: bool) -> None:
    assert same(left, right) is expected
    assert same(right, left) is expected
