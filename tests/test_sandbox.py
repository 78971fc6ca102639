"""The wall: what code may do in a worker, and that nothing it does reaches the next job."""

import os
import signal

import ibis
import pytest
from conftest import QUICK

from ibert.sandbox import (
    ALL_LAYERS,
    Execution,
    Failure,
    FailureKind,
    Layer,
    Result,
    Sandbox,
    SandboxError,
)
from ibert.sandbox.snippet import expression
from ibert.verifier.comparison import rows_of

HEALTHY = "orders.count().name('n')"


def run(sandbox: Sandbox, code: str) -> Execution | Failure:
    """Run code, and see that the sandbox still works afterwards."""
    outcome = sandbox.run(code)
    again = sandbox.run(HEALTHY)
    assert isinstance(again, Execution)
    assert again.raw.table.to_pydict() == {"0": [120]}
    return outcome


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        pytest.param("while True: pass", FailureKind.TIMEOUT, id="loops"),
        pytest.param("import time; time.sleep(60)", FailureKind.TIMEOUT, id="sleeps"),
        pytest.param("x = bytearray(1 << 33)", FailureKind.MEMORY, id="allocates at once"),
        pytest.param(
            "parts = []\nwhile True: parts.append(bytearray(1 << 24))",
            FailureKind.MEMORY,
            id="allocates in steps",
        ),
        pytest.param(
            "ibis.range(0, 1 << 28).unnest().name('n').as_table()",
            FailureKind.MEMORY,
            id="allocates in DuckDB",
        ),
        pytest.param("while True: print('x' * 1000)", FailureKind.OUTPUT, id="prints"),
        pytest.param(
            "while True:\n    try: print('x' * 1000)\n    except OSError: break\nexpr = orders",
            FailureKind.OUTPUT,
            id="hides what printing raises",
        ),
        pytest.param(
            "ibis.range(0, 5000).unnest().name('n').as_table()", FailureKind.OUTPUT, id="many rows"
        ),
        pytest.param("import os; os._exit(7)", FailureKind.CRASHED, id="exits the process"),
        pytest.param("import os; os.abort()", FailureKind.CRASHED, id="aborts"),
        pytest.param("import sys; sys.exit(0)", FailureKind.RAISED, id="raises SystemExit"),
        pytest.param("raise KeyboardInterrupt", FailureKind.RAISED, id="raises an interrupt"),
        pytest.param("def f(): f()\nf()", FailureKind.RAISED, id="recurses"),
        pytest.param("orders.filter(", FailureKind.RAISED, id="does not parse"),
        pytest.param("orders.filter(_.nothing > 1)", FailureKind.RAISED, id="unknown column"),
        pytest.param("", FailureKind.NO_EXPRESSION, id="is empty"),
        pytest.param("print('hello')", FailureKind.NO_EXPRESSION, id="gives None"),
        pytest.param("_.total", FailureKind.NO_EXPRESSION, id="gives a deferred"),
        pytest.param("expr = 1", FailureKind.NO_EXPRESSION, id="gives a number"),
    ],
)
def test_failures(unchecked: Sandbox, code: str, kind: FailureKind) -> None:
    outcome = run(unchecked, code)
    assert isinstance(outcome, Failure)
    assert (outcome.kind, bool(outcome.message)) == (kind, True)


def test_a_failure_says_where(sandbox: Sandbox) -> None:
    outcome = sandbox.run("good = orders.limit(1)\n\nexpr = good.select('nothing')\n")
    assert (outcome.exception, outcome.line) == ("IbisTypeError", 3)
    outcome = sandbox.run("x = 1\ny = (\n")
    assert (outcome.exception, outcome.line) == ("SyntaxError", 2)


@pytest.mark.parametrize(
    "code",
    [
        "con.raw_sql('DELETE FROM orders')",
        "con.raw_sql('DROP TABLE orders')",
        "con.raw_sql('CREATE TEMP TABLE orders AS SELECT 1 AS one'); orders",
        "con.raw_sql('CREATE TEMP MACRO count() AS 1'); orders",
        "con.raw_sql(\"SET memory_limit = '1MB'\")",
        "con.con.close(); orders",
    ],
)
def test_changes_end_with_the_job(unchecked: Sandbox, code: str) -> None:
    run(unchecked, code)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT 1; SELECT 2",
        "CREATE TABLE t (a INT)",
        "ATTACH ':memory:' AS other",
        "COPY orders TO 'orders.csv'",
        "SELECT nothing FROM orders",
        "SELEC 1",
        "",
    ],
)
def test_sql_that_is_not_run(sandbox: Sandbox, sql: str) -> None:
    outcome = sandbox.query(sql)
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.RAISED


def test_memory_that_a_job_ran_out_of_is_there_for_the_next(sandbox: Sandbox) -> None:
    endless = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r"
    assert isinstance(sandbox.query(endless), Failure)
    grouped = "SELECT country, COUNT(*) AS n FROM users GROUP BY country"
    assert isinstance(sandbox.query(grouped), Result)


class Interrupted(Exception):  # noqa: N818  as KeyboardInterrupt
    """What Ctrl-C raises in a notebook."""


def test_an_interrupted_job_answers_no_other(unchecked: Sandbox) -> None:
    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    unchecked.query("SELECT 1 AS one")
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with pytest.raises(Interrupted):
        unchecked.run("import time; time.sleep(1)\nexpr = orders.limit(1)")
    signal.signal(signal.SIGALRM, before)
    assert unchecked.query("SELECT 2 AS two").columns == ["two"]


def test_code_is_compiled_as_if_it_stood_alone(unchecked: Sandbox) -> None:
    code = (
        "from dataclasses import dataclass\n\n"
        "@dataclass\nclass Threshold:\n    value: int\n\n"
        "def counted(table):\n"
        "    import ibis.expr.datatypes as dt\n\n"
        "    @ibis.udf.scalar.python\n"
        "    def double(x: dt.int64) -> dt.int64:\n        return 2 * x\n\n"
        "    return table.select(y=double(table.priority))\n\n"
        "expr = counted(orders).filter(_.y > Threshold(2).value)"
    )
    assert isinstance(run(unchecked, code), Execution)


def test_the_first_job_of_a_worker_has_all_its_memory(databases: list[os.PathLike[str]]) -> None:
    with Sandbox(databases, limits=QUICK) as sandbox:
        assert isinstance(sandbox.query("SELECT is_active FROM users"), Result)


def test_a_result_keeps_names_that_repeat_and_types(sandbox: Sandbox) -> None:
    result = sandbox.query("SELECT 1 AS a, 'x' AS a, 1.50 AS b")
    assert isinstance(result, Result)
    assert result.columns == ["a", "a", "b"]
    assert result.types == ["INTEGER", "VARCHAR", "DECIMAL(3,2)"]


def test_the_second_database_is_another_one(sandbox: Sandbox) -> None:
    first, second = (sandbox.query("SELECT user_id FROM users", database=i) for i in (0, 1))
    assert first.table.column(0).to_pylist() == second.table.column(0).to_pylist()[::-1]


def test_code_sees_what_it_is_promised(sandbox: Sandbox) -> None:
    outcome = sandbox.run("con.table('users').join(orders, 'user_id').agg(n=_.count())")
    assert isinstance(outcome, Execution)
    assert outcome.sql.startswith("SELECT")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ibis calls fetch_arrow_table of DuckDB
def test_what_is_fetched_is_what_to_pyarrow_gives(
    databases: list[os.PathLike[str]], sandbox: Sandbox
) -> None:
    con = ibis.duckdb.connect(databases[0], read_only=True, threads=1)
    con.raw_sql("SET TimeZone = 'UTC'")
    codes = [
        "con.table('orders').agg(mean=ibis._.total.mean(), total=ibis._.priority.sum())",
        "con.table('documents').order_by('doc_id')",
        "con.table('all_types').order_by('id').drop('uid')",
        "con.table('all_types').order_by('id').select('uid')",
        "con.table('calendar').order_by('day').mutate(month=ibis._.day.truncate('M'))",
        "con.table('users').count()",
        "con.table('users').order_by('user_id').name",
    ]
    for code in codes:
        expr = expression(code, {"con": con, "ibis": ibis})
        expected = con.to_pyarrow(expr.as_table())
        outcome = sandbox.run(code)
        assert isinstance(outcome, Execution)
        assert outcome.sql == con.compile(expr.as_table())
        assert outcome.fetched.columns == expected.column_names
        names = outcome.fetched.table.column_names
        assert rows_of(outcome.fetched.table) == rows_of(expected)
        assert outcome.fetched.table.cast(expected.rename_columns(names).schema).num_rows > 0
    con.disconnect()


def test_secrets_of_the_environment_stay_out(
    databases: list[os.PathLike[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IBERT_TEST_SECRET", "hush")
    with Sandbox(databases, layers=ALL_LAYERS - {Layer.POLICY}) as sandbox:
        code = "import os\nibis.literal(os.environ.get('IBERT_TEST_SECRET', 'unset')).name('v')"
        assert sandbox.run(code).raw.table.to_pydict() == {"0": ["unset"]}


def test_a_missing_database_is_an_error_of_the_sandbox() -> None:
    with Sandbox(["nowhere.duckdb"]) as sandbox, pytest.raises(SandboxError, match="nowhere"):
        sandbox.query("SELECT 1")
