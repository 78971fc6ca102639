"""Other words for one thing: queries, names, styles of code, and what is told of it."""

import ast
from collections import Counter
from pathlib import Path
from random import Random

import duckdb
import pytest
import yaml
from sqlglot import Dialect

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.compilation import Program
from ibert.datagen.factory.databases import OwnProver, domain_of
from ibert.datagen.factory.domains import domains
from ibert.datagen.factory.mistakes import _reasons
from ibert.datagen.factory.naming import namings, renamed
from ibert.datagen.factory.recheck import recheck
from ibert.datagen.factory.root import Tally
from ibert.datagen.factory.row import TASKS, decode
from ibert.datagen.factory.shard import Config, make_shard, shard_path
from ibert.datagen.factory.spellings import DIALECTS
from ibert.datagen.factory.styles import _listed, is_spoken, restyled, written
from ibert.datagen.factory.task_templates import load_task_templates, task_rows
from ibert.datagen.factory.telling import told_of
from ibert.datagen.mutation.faults import FAULTS
from ibert.datagen.mutation.phrasings import PHRASINGS
from ibert.datagen.mutation.rewrites import rewritten
from ibert.diagnostics import IbertError
from ibert.documentation import Documenter
from ibert.sql.parse import parse_as_written
from ibert.verifier.mutation import OPERATORS

PAIRS = yaml.safe_load(
    Path(__file__).with_name("data").joinpath("factory/phrasings.yaml").read_text()
)
TABLES = """
CREATE TABLE t AS SELECT * FROM (VALUES (1, 'x'), (3, 'y'), (4, 'x'), (NULL, NULL)) AS v(a, b);
CREATE TABLE s AS SELECT * FROM (VALUES ('x', 3), ('x', 1), ('z', 2)) AS v(b, c);
"""


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['rule']}: {pair['sql'][:40]}")
def test_phrasings(pair: dict[str, str]) -> None:
    query = parse_as_written(pair["sql"])
    found = {one.rule: one.sql for one in rewritten(query, PHRASINGS)}
    assert found[pair["rule"]] == pair["becomes"]
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        rows = [Counter(connection.sql(sql).fetchall()) for sql in (pair["sql"], pair["becomes"])]
    assert rows[0] == rows[1]


def test_every_phrasing_has_a_pair() -> None:
    assert {pair["rule"] for pair in PAIRS} == {rule for rule, _, _ in PHRASINGS}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["sql"][:40])
def test_styles_of_sql_give_the_same(pair: dict[str, str]) -> None:
    query = parse_as_written(pair["sql"])
    texts = {written(query, "duckdb", Random(seed)) for seed in range(12)}
    assert len(texts) > 1
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        rows = {repr(sorted(connection.sql(text).fetchall(), key=repr)) for text in texts}
    assert len(rows) == 1


def test_not_stands_where_people_say_it() -> None:
    query = parse_as_written(
        "SELECT a FROM t WHERE a IS NOT NULL AND (b NOT IN ('x') OR NOT a > 1)"
    )
    texts = {written(query, "duckdb", Random(seed)) for seed in range(12)}
    assert query.sql() in {text.upper().replace("'X'", "'x'") for text in texts} or any(
        "a IS NOT NULL AND (b NOT IN ('x') OR NOT a > 1)" in text for text in texts
    )


def test_what_a_dialect_lacks_is_known_of_real_dialects() -> None:
    for dialect in DIALECTS:
        Dialect.get_or_raise(dialect)
        assert _listed("absent", dialect)
    assert not is_spoken("SELECT * FROM t ASOF JOIN s ON t.a >= s.a", "postgres")
    assert is_spoken("SELECT * FROM t ASOF JOIN s ON t.a >= s.a", "duckdb")
    assert not is_spoken("SELECT * EXCEPT (a) FROM t", "tsql")
    assert is_spoken("SELECT * EXCEPT (a) FROM t", "bigquery")
    assert is_spoken("SELECT a * REPLACE(b, 'x', 'y') FROM t", "mysql")
    assert not is_spoken("SELECT s['a'] FROM t", "bigquery")
    assert is_spoken("SELECT s['a'] FROM t", "snowflake")


CODE = """from ibis import _

orders = con.table("orders")
expr = orders.filter(_.total > 1, _.paid).group_by("city").agg(n=_.count()).select("city", "n")
"""


def test_styles_of_code_give_the_same_expression() -> None:
    catalog = Catalog.from_any({"orders": {"total": "int64", "paid": "boolean", "city": "string"}})
    wanted = Program(CODE, catalog).expr.as_table().schema()
    texts = {restyled(CODE, Random(seed)) for seed in range(40)}
    assert len(texts) > 10
    assert all(Program(text, catalog).expr.as_table().schema() == wanted for text in texts)


@pytest.mark.parametrize("naming", sorted(namings()))
@pytest.mark.parametrize("number", range(0, 20, 4))
def test_names_stay_apart(naming: str, number: int) -> None:
    plain = domain_of(f"domain:0:{number}")
    other = renamed(plain, naming)
    shapes = [
        [list(map(str, schema.types)) for schema in one.catalog.tables.values()]
        for one in (plain, other)
    ]
    assert sorted(shapes[0]) == sorted(shapes[1])
    assert list(other.catalog) != list(plain.catalog) or other.kinds != plain.kinds


def test_terse_words_are_those_of_domains() -> None:
    words = {
        word
        for tables in domains().values()
        for table, columns in tables.items()
        for name in (table.rstrip("s"), *columns)
        for word in name.split("_")
    }
    unused = set(namings()["terse"].words) - words
    assert not unused, unused


def test_every_fault_says_what_is_wrong() -> None:
    operators = {name.replace(" ", "_") for name, _, _ in OPERATORS} | {"column"}
    assert set(_reasons()) == operators | set(FAULTS)


def test_what_is_told_is_enough_to_do_it() -> None:
    catalog = Catalog.from_any({"t": {"g": "string", "x": "int64"}, "u": {"g": "string"}})

    def told(code: str) -> object:
        return told_of(
            Program(f"import ibis\nfrom ibis import _\nt = con.table('t')\n{code}", catalog)
        )

    plain = told("expr = t.filter(_.x > 1).group_by('g').agg(n=_.count())")
    assert plain.is_task
    assert plain.comment() == "# Count the rows of t per g where x is greater than 1.\n"
    assert not told("expr = t.select(y=_.g.re_extract('a', 0))").is_task  # it says code
    correlated = "o = t.view()\nexpr = t.filter(_.x == o.filter(o.g == t.g).x.max())"
    assert not told(correlated).is_useful
    assert ast.parse(f"{plain.comment()}x = 1")


# Templates of the other tasks.


def test_templates_of_each_task_are_proved(tmp_path: Path) -> None:
    config = Config(api_shards=0, template_shards=0, catalogs=0, task_shards=1)
    counts = make_shard(config, 0, tmp_path)
    assert counts.rejected == {}
    assert set(counts.rows) == set(TASKS) - {"sql_to_ibis"}
    made = [decode(line) for line in shard_path(tmp_path, 0).read_bytes().splitlines()]
    assert recheck(made[::6]).problems == ()
    cut = next(one.content for one in made if "condition_of_a_comment" in one.origin.name)
    assert cut.target == "_.total > 100"
    wrong = next(one.content for one in made if "assignment_to_a_column" in one.origin.name)
    assert "does not support item assignment" in wrong.error


MALFORMED = {
    "qa/other_name.yaml": ("name: x\n", "IB202"),
    "qa/a.yaml": ("name: a\nquestion: $x\nvariations: [{params: {y: 1}}]\n", "IB202"),
    "documentation/b.yaml": ("surprise: 1\n", "IB201"),
}


def test_what_is_wrong_with_templates_is_said_at_once(tmp_path: Path) -> None:
    for name, (text, _) in MALFORMED.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    with pytest.raises(IbertError) as error:
        load_task_templates(tmp_path, catalog=Catalog.from_ddl(fixtures.SCHEMA_SQL))
    found = {(one.source, one.code) for one in error.value.diagnostics}
    assert {(name, code) for name, (_, code) in MALFORMED.items()} <= found


def test_a_template_that_does_not_hold_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "error_resolution"
    folder.mkdir()
    folder.joinpath("fine.yaml").write_text(
        "name: fine\ndescription: It raises nothing.\ndifficulty: easy\nfeatures: [none]\n"
        "context: [orders]\nbroken: orders.count()\nibis: orders.count()\nexplanation: Nothing.\n"
        "variations: [{params: {}}]\n"
    )
    tally = Tally()
    with OwnProver("fixtures:0", tmp_path) as prover, Documenter() as documenter:
        loaded = load_task_templates(tmp_path, catalog=prover.catalog)
        assert list(task_rows(loaded, prover, documenter, tally)) == []
    assert list(tally.rejected) == ["error_resolution: template fine[0]: the input does not raise"]
