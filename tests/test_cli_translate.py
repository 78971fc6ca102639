"""`ibert to-ibis`: what it prints where, its exit codes, and input that is no SQL."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import ibert

DDL = "CREATE TABLE orders (id INTEGER NOT NULL, status VARCHAR, total DECIMAL(9, 2));"
QUERY = "SELECT status, count(*) AS n FROM orders GROUP BY status"
CODE = """\
from ibis import _

orders = con.table("orders")
expr = orders.group_by("status").agg(n=_.count())
"""


def to_ibis(
    folder: Path, *arguments: str, stdin: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, within bounded time."""
    command = [str(Path(sys.executable).with_name("ibert")), "to-ibis", *arguments]
    done = subprocess.run(
        command, input=stdin, capture_output=True, timeout=60, check=False, cwd=folder
    )
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sql")
    (folder / "schema.sql").write_text(DDL)
    (folder / "q.sql").write_text(QUERY)
    with duckdb.connect(folder / "shop.duckdb") as con:
        con.execute(DDL)
        con.execute("INSERT INTO orders VALUES (1, 'new', 2.5), (2, 'new', 3), (3, 'paid', 1)")
    return folder


def test_verified(folder: Path) -> None:
    done = to_ibis(folder, "q.sql", "--catalog", "schema.sql")
    assert (done.returncode, done.stdout) == (0, CODE)
    assert done.stderr.startswith("VERIFIED: ")


def test_data_of_the_user(folder: Path) -> None:
    before = (folder / "shop.duckdb").read_bytes()
    done = to_ibis(folder, "--data", "shop.duckdb", "--format", "json", stdin=QUERY.encode())
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert (answer["task"], answer["code"]) == ("sql_to_ibis", CODE)
    assert answer["verdict"]["status"] == "VERIFIED"
    assert answer["verdict"]["evidence"]["rows"] == 2
    assert (folder / "shop.duckdb").read_bytes() == before


def test_unverified_forms(folder: Path) -> None:
    options = ("q.sql", "--catalog", "schema.sql", "--no-verify", "--form")
    done = to_ibis(folder, *options, "function")
    assert done.returncode == 0
    assert "def query(orders):\n    return orders.group_by" in done.stdout
    assert done.stderr.startswith("CHECKED\nIB306 translated without running it")
    done = to_ibis(folder, *options, "expression")
    assert done.stdout.endswith('\n\norders.group_by("status").agg(n=_.count())\n')


def test_nothing_proved(folder: Path) -> None:
    sql = b"SELECT id FROM orders WHERE id > 3 AND id < 2"
    done = to_ibis(folder, "--catalog", "schema.sql", stdin=sql)
    assert done.returncode == 1
    assert done.stdout
    assert done.stderr.startswith("CHECKED\nIB306 both results are empty")


def test_refused(folder: Path) -> None:
    (folder / "typo.sql").write_text("SELECT id,\n  statu FROM orders")
    done = to_ibis(folder, "typo.sql", "--catalog", "schema.sql")
    assert (done.returncode, done.stdout) == (1, "")
    message = "typo.sql:2:3: IB105 no column 'statu'\n  hint: did you mean 'status'?\n"
    assert done.stderr == f"REFUSED\n{message}"
    done = to_ibis(folder, "typo.sql", "--catalog", "schema.sql", "--format", "json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert (answer["code"], answer["verdict"]["status"]) == ("", "REFUSED")
    (diagnostic,) = answer["verdict"]["diagnostics"]
    assert diagnostic["span"] == {"line": 2, "column": 3, "end_line": 2, "end_column": 8}


def test_columns_of_one_name(folder: Path) -> None:
    options = ("--catalog", "schema.sql", "--no-verify")
    done = to_ibis(folder, *options, stdin=b"SELECT id, status, id FROM orders")
    assert done.returncode == 0
    assert "IB507 columns of one name in the SQL are id, id_2 in Ibis" in done.stderr
    done = to_ibis(folder, *options, stdin=b"SELECT id, status FROM orders")
    assert "IB507" not in done.stderr


def test_functions_of_duckdb_and_backends(folder: Path) -> None:
    sql = b"SELECT damerau_levenshtein(status, 'new') AS d FROM orders"
    options = ("--catalog", "schema.sql", "--no-verify", "--check-backends")
    done = to_ibis(folder, *options, stdin=sql)
    assert done.returncode == 0
    assert "IB505 the code calls the function damerau_levenshtein of DuckDB" in done.stderr
    lines = [line.split() for line in done.stderr.splitlines()]
    assert ["duckdb", "compiles"] in lines
    assert ["postgres", "foreign", "function", "damerau_levenshtein"] in lines
    done = to_ibis(folder, *options, "--format", "json", stdin=b"SELECT median(id) FROM orders")
    found = {item["backend"]: item for item in json.loads(done.stdout)["portability"]}
    assert found["duckdb"] == {"backend": "duckdb", "support": "compiles"}
    assert found["mysql"]["operation"] == "Median"


def test_input_that_is_no_text(folder: Path) -> None:
    done = to_ibis(folder, "--catalog", "schema.sql", stdin=bytes(range(256)))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "stdin:2:118: IB002 not UTF-8: invalid start byte\n"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "IB002 there is no SQL in it"),
        ("SELECT id FROM", "1:11: IB002"),
        ("SELECT 'abc FROM orders", "1:8: IB002 a literal or a quoted name"),
        ("(" * 100_000, "1:1: IB002 nested too deeply"),
        ("SELECT \0 FROM orders", "1:8: IB105"),
        ("+id".join(["SELECT id", *[""] * 3000, " AS x FROM orders"]), "1:1: IB501"),
        ("SELECT * FROM ordrs", "1:15: IB104 no table 'ordrs'\n  hint: did you mean 'orders'?"),
        (";" * 100_000, "IB002 there is no SQL in it"),
    ],
    ids=range(8),
)
def test_what_is_no_query(sql: str, message: str) -> None:
    with pytest.raises(ibert.IbertError) as raised:
        ibert.sql_to_ibis(sql, {"orders": {"id": "int64"}}, verify=False)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing.sql",), "nothing.sql: IB001 No such file or directory"),
        (("q.sql", "--data", "schema.sql"), "schema.sql: IB001"),
        (("q.sql", "--dialect", "mysqll"), "did you mean 'mysql'?"),
        (("q.sql", "--form", "module"), "'module' is not one of"),
    ],
)
def test_wrong_usage(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    done = to_ibis(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_portability_of_an_expression() -> None:
    import ibis

    t = ibis.table({"a": "int64"}, name="t")
    parameter = ibis.param("int64")
    found = {item.backend: item for item in ibert.portability(t.filter(t.a > parameter))}
    assert {item.support for item in found.values()} == {ibert.Support.COMPILES}
    found = {item.backend: item for item in ibert.portability(t.agg(m=t.a.quantile(0.5)))}
    assert found["sqlite"].operation == "Quantile"
    assert "0x" not in str(found)


def test_portability_of_code_that_raises() -> None:
    with pytest.raises(ibert.IbertError, match="IB302 NameError"):
        ibert.portability("u.select('a')", {"t": {"a": "int64"}})
