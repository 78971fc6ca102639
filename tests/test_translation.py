"""SQL to Ibis: pairs in data/translation, each checked by text and by running both sides."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest
from sqlglot import exp

import ibert
from ibert.documents import load_path
from ibert.translator import selects
from ibert.translator.calls import call
from ibert.translator.functions.classes import is_known
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Context, Scope
from ibert.translator.translation import rules, translate
from ibert.verdict import Status
from ibert.verifier import Verifier

FOLDER = Path(__file__).parent / "data" / "translation"
CASES = [
    pytest.param(case, id=f"{path.stem}-{number}")
    for path in sorted(FOLDER.glob("*.yaml"))
    for number, case in enumerate(load_path(path).value, 1)
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the tables of data/translation/tables.sql."""
    path = tmp_path_factory.mktemp("translation") / "tables.duckdb"
    with duckdb.connect(path) as con:
        con.execute((FOLDER / "tables.sql").read_text(encoding="utf-8"))
    return path


@pytest.fixture(scope="module")
def catalog(database: Path) -> ibert.Catalog:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Ibis calls what DuckDB deprecated
        return ibert.Catalog.from_duckdb(database)


@pytest.fixture(scope="module")
def verifier(database: Path) -> Any:
    with Verifier([[database]]) as verifier:
        yield verifier


def last_value(code: str) -> str:
    """Give the syntax of what a program assigns last."""
    statement = ast.parse(code).body[-1]
    assert isinstance(statement, ast.Assign | ast.Expr)
    return ast.dump(statement.value)


def rows_of(sql: str, code: str | None, database: Path) -> list[str]:
    """Give what the SQL, or the compiled SQL of code, gives in DuckDB: Arrow lacks some types."""
    with duckdb.connect(database, read_only=True) as raw:
        if code is not None:
            con = ibis.duckdb.from_connection(raw)
            namespace: dict[str, Any] = {"con": con}
            exec(code, namespace)  # noqa: S102
            con._run_pre_execute_hooks(namespace["expr"])
            sql = con.compile(namespace["expr"])
        text = f"SELECT COLUMNS(*)::VARCHAR FROM ({sql})"  # noqa: S608
        return sorted(map(repr, raw.sql(text).fetchall()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("case", CASES)
def test_pairs(
    case: dict[str, Any], catalog: ibert.Catalog, verifier: Verifier, database: Path
) -> None:
    code = translate(case["sql"], catalog).code
    if "code" in case:
        assert last_value(code) == last_value(case["code"]), code
    if case.get("fetched") is False:
        assert rows_of(case["sql"], code, database) == rows_of(case["sql"], None, database)
        return
    verdict = verifier.verify(case["sql"], code)
    assert verdict.status in (Status.VERIFIED, Status.CHECKED), (code, verdict)
    assert verdict.evidence.difference is None


def test_deterministic(catalog: ibert.Catalog) -> None:
    for case in CASES[::9]:
        (pair,) = case.values
        first = translate(pair["sql"], catalog).code
        assert translate(pair["sql"], catalog).code == first


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forms(catalog: ibert.Catalog, database: Path) -> None:
    sql = "WITH q AS (SELECT id FROM t WHERE x > 0) SELECT q.id, u.v FROM q JOIN u ON q.id = u.id"
    con = ibis.duckdb.connect(database, read_only=True)
    tables = {name: con.table(name) for name in ("t", "u")}
    results = []
    for form in ("script", "function", "expression"):
        code = translate(sql, catalog, form=form).code
        namespace: dict[str, Any] = {"con": con, **tables}
        if form == "expression":
            *before, last = ast.parse(code).body
            assert isinstance(last, ast.Expr)
            exec(compile(ast.Module([*before], []), "code", "exec"), namespace)  # noqa: S102
            found = eval(compile(ast.Expression(last.value), "code", "eval"), namespace)  # noqa: S307
        else:
            exec(code, namespace)  # noqa: S102
            found = namespace["expr"] if form == "script" else namespace["query"](**tables)
        results.append(con.compile(found))
    assert results[0] == results[1] == results[2]


def classes_without_a_rule() -> list[str]:
    """Give the names of sqlglot's classes of which no rule makes a value."""
    called = rules()
    return sorted(
        name
        for name, found in vars(exp).items()
        if isinstance(found, type)
        and issubclass(found, exp.Expr)
        and found is not exp.Func  # the base class, which no parser makes
        and not is_known(found)
        and called.get(found, call) is call
    )


def test_every_class_of_sqlglot_is_handled_or_refused() -> None:
    """Those in the list are refused as values, or are parts that other rules read."""
    listed = (FOLDER / "classes_without_a_rule.txt").read_text(encoding="utf-8").split()
    assert classes_without_a_rule() == listed


def test_what_has_no_rule_is_refused(catalog: ibert.Catalog) -> None:
    scope = Scope(Context(catalog, rules(), selects.query))
    for name in classes_without_a_rule():
        with pytest.raises(Refusal) as caught:
            scope.value(getattr(exp, name)())
        assert caught.value.construct


ROWS = "ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING"


@pytest.mark.parametrize(
    ("sql", "code", "line", "column"),
    [
        ("SELECT id FROM nowhere", "IB104", 1, 16),
        ("SELECT id,\n  nothing FROM t", "IB105", 2, 3),
        ("SELECT q.id FROM t", "IB104", 1, 8),
        ("SELECT id FROM t JOIN u ON t.id = u.id", "IB502", 1, 8),
        ("SELECT id, sum(x) FROM t", "IB503", 1, 8),
        ("SELECT no_such_function(id) FROM t", "IB504", 1, 8),
        ("SELECT id FROM t WHERE", "IB002", 1, 18),
        ("", "IB002", None, None),
        ("SELECT id FROM t LIMIT (SELECT 1.5)", "IB501", 1, None),
        # What DuckDB answers wrongly: NULL <> 1 is true, and a correlated CTE is answered at once.
        (
            "SELECT EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND t.x <> u.v) AS e FROM t",
            "IB501",
            1,
            23,
        ),
        (
            "SELECT (WITH q AS (SELECT t.x AS n) SELECT (FROM (FROM q) WHERE n = t.id)) FROM t",
            "IB501",
            1,
            None,
        ),
        (f"FROM t SELECT mode(x) OVER ({ROWS} EXCLUDE CURRENT ROW)", "IB501", 1, 15),
        (f"FROM t SELECT sum(x) OVER ({ROWS} EXCLUDE TIES)", "IB501", 1, 15),
        ("SELECT s COLLATE NOCASE FROM t", "IB501", 1, 8),
        # The RIGHT JOIN is evaluated for each row of t.
        ("FROM t, u JOIN w ON t.id = w.id RIGHT JOIN nn ON u.k = nn.k", "IB501", 1, None),
        ("SELECT * FROM json_each('[1]')", "IB501", 1, 15),
        ("SELECT a.id FROM a, json_each(a.j) AS e WHERE e.id = 1", "IB501", 1, 21),
        ("SELECT id FROM t WHERE s COLLATE de = 'x'", "IB501", 1, 24),
        ("SELECT id FROM t WHERE s COLLATE nocase = g COLLATE noaccent", "IB501", 1, 24),
        ("SELECT id FROM t WHERE s COLLATE nocase IN (SELECT v FROM u)", "IB501", 1, 24),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    sql: str, code: str, line: int | None, column: int | None, catalog: ibert.Catalog
) -> None:
    with pytest.raises(ibert.IbertError) as caught:
        translate(sql, catalog)
    (found,) = caught.value.diagnostics
    assert found.code == code
    if line is None:
        assert found.span is None
    else:
        assert found.span is not None
        assert found.span.line == line
        assert column is None or found.span.column == column


@pytest.mark.parametrize("sql", ["(" * 1_000_000, "SELECT " + "(" * 5_000 + "1" + ")" * 5_000])
def test_depth_is_refused(sql: str, catalog: ibert.Catalog) -> None:
    with pytest.raises(ibert.IbertError):
        translate(sql, catalog)


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("SELECT TOP 2 id FROM t ORDER BY id", "tsql"),
        ("SELECT id FROM t ORDER BY x DESC, id FETCH FIRST 3 ROWS ONLY", "oracle"),
        ("SELECT id FROM t ORDER BY x DESC, id", "postgres"),
        ("SELECT `id`, IFNULL(`x`, 0) AS `x0` FROM `t`", "mysql"),
        ("SELECT id, x / 2 AS h FROM t", "postgres"),
        ("SELECT id, DIV(x, 2) AS h FROM t WHERE x >= 0", "bigquery"),
        ("SELECT id, IFF(x > 1, 'a', 'b') AS z FROM t", "snowflake"),
        ("SELECT id, collect_list(x) OVER (PARTITION BY g) AS l FROM t", "spark"),
        ("SELECT id, date_diff('day', d, DATE '2021-01-01') AS n FROM t", "trino"),
        ("SELECT id, NVL(x, 0) AS n FROM t", "redshift"),
        ("SELECT id, if(x > 1, 'a', 'b') AS z FROM t", "clickhouse"),
        ("SELECT id FROM t WHERE g GLOB 'a*'", "sqlite"),
    ],
)
def test_dialects(sql: str, dialect: str, catalog: ibert.Catalog, verifier: Verifier) -> None:
    code = translate(sql, catalog, dialect=dialect).code
    assert verifier.verify(sql, code, dialect=dialect).status is Status.VERIFIED


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT {'w': p.id} AS s, [p.id] AS l FROM p FULL JOIN p AS q USING (k)",
        "SELECT CASE WHEN k > 1 THEN {'w': id} END AS s FROM p",
        "SELECT list(q.id ORDER BY q.id) AS l FROM p LEFT JOIN p AS q ON p.id = q.k GROUP BY p.k",
        "SELECT sum(k) AS m FROM p UNION ALL SELECT id FROM p",
        "SELECT abs(id) AS a, k FROM p UNION ALL SELECT k, id FROM p",
        "SELECT id, count(*) AS n FROM p GROUP BY ROLLUP (id)",
        "SELECT q.id FROM p, p AS q UNION ALL SELECT id FROM p",
        "SELECT coalesce(s, {'w': id}) FROM (SELECT id, nullif({'w': k}, {'w': 1}) AS s FROM p)",
        "SELECT sum(id) AS s FROM p HAVING sum(id) > max(id)",
    ],
)
def test_what_is_never_null_may_become_so(sql: str) -> None:
    catalog = ibert.Catalog.from_dict({"p": {"id": "!int64", "k": "int64"}})
    answer = ibert.sql_to_ibis(sql, catalog)
    assert answer.verdict.status is Status.VERIFIED, answer
