"""Catalogs from files and from databases."""

from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from catalogs import FIXTURE, findings, hint, source

from ibert.catalog import Catalog

# Ibis 12 calls a method that DuckDB 1.5 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory with a file of each kind, each with a table of its own."""
    table = pa.table({"id": pa.array([1], pa.int32()), "at": pa.array([0], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "p.parquet")
    (tmp_path / "c.CSV").write_text("id,name,when\n1,x,2024-01-01\n2,y,2024-01-02\n")
    (tmp_path / "s.sql").write_text("CREATE TABLE s (id SERIAL)")
    (tmp_path / "y.yml").write_text("y: {id: int64}")
    (tmp_path / "j.json").write_text('{"j": {"id": "int64"}}')
    (tmp_path / "notes.txt").write_text("")
    with duckdb.connect(tmp_path / "d.db") as database:
        database.execute("CREATE TABLE d (id INTEGER NOT NULL); CREATE VIEW v AS FROM d")
        database.execute("CREATE SCHEMA other; CREATE TABLE other.hidden (id INTEGER)")
    return tmp_path


class TestFiles:
    def test_each_kind(self, files: Path) -> None:
        names = ("p.parquet", "c.CSV", "s.sql", "y.yml", "j.json", "d.db")
        catalog = Catalog.from_any([files / name for name in names], dialect="postgres")
        assert catalog.to_dict() == {
            "p": {"id": "int32", "at": "timestamp(6)"},
            "c": {"id": "int64", "name": "string", "when": "date"},
            "s": {"id": "!int32"},
            "y": {"id": "int64"},
            "j": {"id": "int64"},
            "d": {"id": "!int32"},
            "v": {"id": "!int32"},
        }
        for name in names:
            one = Catalog.from_any(str(files / name), dialect="postgres")
            assert one == catalog.subset(one)

    def test_directory(self, files: Path) -> None:
        catalog = Catalog.from_any(files)
        assert list(catalog) == ["c", "p"]
        assert catalog == Catalog.from_files([files / "c.CSV", str(files / "p.parquet")])

    def test_two_files_of_the_same_name(self, files: Path) -> None:
        (files / "sub").mkdir()
        (files / "sub/P.csv").write_text("a\n1\n")
        paths = [files / "p.parquet", files / "sub/P.csv"]
        message = f"table 'P' is in {paths[0]} already"
        assert findings(lambda: Catalog.from_files(paths)) == [("IB102", None, None, message)]
        assert source(lambda: Catalog.from_files(paths)) == [str(paths[1])]

    @pytest.mark.parametrize(
        ("name", "content", "code", "message"),
        [
            ("a.parquet", b"PAR1", "IB002", "too small to be a Parquet file"),
            ("a.csv", b"a,b\n1,\xff\xfe\n", "IB002", "CSV Error on Line: 2"),
            ("a.csv", b"", "IB107", "table 'a' has no columns"),
            ("a.csv", b"\n \n", "IB107", "table 'a' has no columns"),
            ("a.sql", b"SELECT '\xff'", "IB002", "not UTF-8: invalid start byte"),
            ("a.sql", b"SELECT 1", "IB106", "no table"),
            ("a.duckdb", b"not a database", "IB001", "not a valid DuckDB database file"),
            ("a.json", b'{"a": ', "IB002", "Expecting value"),
            ("a.yaml", b"a: [", "IB002", "while parsing a flow node"),
            ("a.xlsx", b"", "IB106", "not a kind of file that tells of tables"),
            ("a", b"", "IB106", "not a kind of file that tells of tables"),
        ],
    )
    def test_broken_files(
        self, tmp_path: Path, name: str, content: bytes, code: str, message: str
    ) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        [found] = findings(lambda: Catalog.from_any(path))
        assert found[0] == code
        assert message in found[3]
        assert "\n" not in found[3]
        assert source(lambda: Catalog.from_any(path)) == [str(path)]

    def test_files_that_are_not_there(self, tmp_path: Path) -> None:
        for name in ("a.sql", "a.csv", "a.duckdb", "a", "a.xlsx"):
            path = tmp_path / name
            assert findings(lambda path=path: Catalog.from_any(path)) == [
                ("IB001", None, None, "No such file or directory")
            ]
        assert findings(lambda: Catalog.from_any("a\0b")) == [
            ("IB001", None, None, "embedded null byte")
        ]
        assert findings(lambda: Catalog.from_any("x" * 5000)) == [
            ("IB001", None, None, "File name too long")
        ]

    def test_all_broken_files_come_together(self, files: Path) -> None:
        (files / "bad.parquet").write_bytes(b"PAR1")
        paths = [files / name for name in ("none.csv", "p.parquet", "bad.parquet", "notes.txt")]
        codes = [found[0] for found in findings(lambda: Catalog.from_any(paths))]
        assert codes == ["IB001", "IB002", "IB106"]

    def test_directory_without_data(self, tmp_path: Path) -> None:
        assert findings(lambda: Catalog.from_any(tmp_path)) == [
            ("IB106", None, None, "no Parquet or CSV file in this directory")
        ]

    def test_text_in_place_of_a_path(self) -> None:
        text = "CREATE TABLE t (\n  a INT\n)"
        assert findings(lambda: Catalog.from_any(text)) == [
            ("IB106", None, None, "a text in place of a path")
        ]

    @pytest.mark.parametrize("thing", [None, 3, {1}, object, [3], ["a.csv", None]])
    def test_not_a_catalog(self, thing: object) -> None:
        message = f"a catalog cannot be made from {type(thing).__name__}"
        assert findings(lambda: Catalog.from_any(thing)) == [("IB106", None, None, message)]

    def test_any(self, shop: Catalog, connection: ibis.BaseBackend) -> None:
        assert Catalog.from_any(shop) is shop
        assert Catalog.from_any(shop.tables) == shop
        assert Catalog.from_any(shop.to_dict()) == shop
        assert Catalog.from_any(str(FIXTURE)) == shop
        connection.con.execute(shop.to_ddl())
        assert Catalog.from_any(connection) == shop


class TestDatabases:
    def test_types_that_ibis_lacks(self, tmp_path: Path) -> None:
        path = tmp_path / "a.duckdb"
        with duckdb.connect(path) as database:
            database.execute("CREATE TYPE mood AS ENUM ('a')")
            database.execute("CREATE TABLE good (a HUGEINT, b mood, c MAP(INTEGER, INTEGER[]))")
            database.execute("CREATE TABLE bad (a BIT, b INTEGER, c UHUGEINT)")
            database.execute("CREATE TABLE worse (a STRUCT(x UNION(y INTEGER))[])")
        make = lambda: Catalog.from_duckdb(path)  # noqa: E731
        assert findings(make) == [
            ("IB101", None, None, "Ibis has no type BIT"),
            ("IB101", None, None, "Ibis has no type UINT128"),
            ("IB101", None, None, "Ibis has no type UNION<y INT>"),
        ]
        assert source(make) == [f"{path}: {place}" for place in ("bad.a", "bad.c", "worse.a")]

    def test_views_that_do_not_work(self, tmp_path: Path) -> None:
        path = tmp_path / "a.duckdb"
        with duckdb.connect(path) as database:
            database.execute("CREATE TABLE t (a INTEGER); CREATE VIEW v AS SELECT a FROM t")
            database.execute("ALTER TABLE t RENAME a TO b")
        [(code, _, _, message)] = findings(lambda: Catalog.from_duckdb(path))
        assert code == "IB106"
        assert message.startswith("table 'v' cannot be read: Binder Error")

    def test_the_connection_is_closed(self, files: Path) -> None:
        Catalog.from_duckdb(files / "d.db")
        # DuckDB has only one configuration of a file open at a time.
        with duckdb.connect(files / "d.db") as database:
            database.execute("DROP VIEW v")
            assert hint(lambda: Catalog.from_duckdb(files / "d.db")) == (
                "it is open in this process: give the connection"
            )
        assert list(Catalog.from_duckdb(files / "d.db")) == ["d"]

    def test_no_tables(self, tmp_path: Path) -> None:
        duckdb.connect(tmp_path / "a.db").close()
        assert findings(lambda: Catalog.from_duckdb(tmp_path / "a.db")) == [
            ("IB106", None, None, "no tables in this database")
        ]
        assert findings(lambda: Catalog.from_duckdb(tmp_path)) == [
            ("IB001", None, None, "Is a directory")
        ]

    def test_other_backends(self) -> None:
        backend = ibis.sqlite.connect()
        backend.create_table("t", schema=ibis.schema({"a": "!int64", "b": "string"}))
        assert Catalog.from_any(backend).to_dict() == {"t": {"a": "!int64", "b": "string"}}
        backend.disconnect()
