"""Examples of the code and the SQL of others: what is right is taken, what is hostile contained."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ibert.catalog import Catalog
from ibert.datagen.factory.chunks import LARGEST, code_of
from ibert.datagen.factory.from_sql import sql_config, sql_shard
from ibert.datagen.factory.mining import checked_out, code_config, code_shard
from ibert.datagen.factory.projects import Project
from ibert.datagen.factory.recheck import recheck
from ibert.datagen.factory.row import Row, decode
from ibert.datagen.factory.shard import Counts, shard_path
from ibert.diagnostics import IbertError

DATA = Path(__file__).parent / "data" / "mining"
reads_csv = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")


def mined(folder: Path, output: Path) -> tuple[dict[str, Counts], list[Row]]:
    """Mine a folder; give the counts by file, and the rows."""
    config = code_config(folder, "origin", "MIT")
    counts = {
        name: code_shard(config, number, folder, output) for number, name in enumerate(config.files)
    }
    lines = [
        line
        for number in range(len(config.files))
        for line in shard_path(output, number).read_bytes().splitlines()
    ]
    return counts, [decode(line) for line in lines]


def test_functions_of_modules_notebooks_and_documents(tmp_path: Path) -> None:
    counts, rows = mined(DATA / "friendly", tmp_path)
    assert {name: one.roots for name, one in counts.items()} == {
        "notebook.ipynb": 3,
        "notes.md": 1,
        "queries.py": 2,
        "reports.py": 3,
    }
    assert {one.origin.licence for one in rows} == {"MIT"}
    functions = {one.origin.name for one in rows}
    assert "origin:queries.py:per_customer" in functions
    methods = {name.rpartition(":")[2] for name in functions if "reports.py" in name}
    assert methods == {"of_city", "turnover", "newest"}  # and none that needs an instance
    turnover = next(one for one in rows if one.origin.name.endswith("turnover"))
    assert all(part in turnover.content.target for part in ("LEAST = 5", "city = ", "def of_city("))
    assert "newest" not in turnover.content.target
    cell = next(one for one in rows if one.origin.name.endswith("cell_5"))
    assert "late = events.filter(events.hour > 18)" in cell.content.target
    assert "1 / 0" not in cell.content.target  # it needs no such thing
    needed = next(one for one in rows if one.origin.name.endswith("per_customer"))
    assert "def large(" in needed.content.target  # a definition that it needs
    assert "helper" not in needed.content.target
    proved = [one for one in rows if one.content.task in ("sql_to_ibis", "documentation")]
    assert [str(problem) for problem in recheck(proved).problems] == []


def test_hostile_code_is_contained(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    folder = tmp_path / "repository"
    folder.mkdir()
    for path in (DATA / "hostile").iterdir():  # under names that nothing else takes for code
        shutil.copy(path, folder / path.stem)
    attacks = folder / "attacks.py"
    attacks.write_text(attacks.read_text().replace("$VICTIM", str(victim)))
    (folder / "large.py").write_bytes(b"x" * (50 * LARGEST))
    (folder / "link.py").symlink_to("/etc/passwd")
    os.environ["IBERT_TEST_SECRET"] = "do-not-tell"  # noqa: S105
    counts, rows = mined(folder, tmp_path / "output")
    assert victim.exists()
    assert {one.origin.name for one in rows} == {"origin:attacks.py:honest"}
    assert not any(b"do-not-tell" in path.read_bytes() for path in tmp_path.rglob("*.jsonl"))
    assert counts["large.py"].rejected == {"file: IB954": 1}
    for name in ("broken.ipynb", "strange.ipynb", "broken.py"):
        assert counts[name].rejected == {"file: IB002": 1}
    assert "link.py" not in counts


def test_a_repository_is_cloned(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    shutil.copytree(DATA / "friendly", origin)
    git = ["git", "-C", str(origin), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All"]):
        subprocess.run([*git, *command], check=True)
    with checked_out(f"file://{origin}") as (folder, name):
        assert (folder / "queries.py").exists()
        assert name.startswith(f"file://{origin}@")
    with pytest.raises(IbertError, match="IB001"), checked_out(f"file://{tmp_path}/nowhere"):
        pass


def from_project(
    folder: Path, output: Path, dialect: str = "postgres"
) -> tuple[Project, Catalog, dict[str, Counts], list[Row]]:
    """Make the examples of a folder of SQL; give what it holds, and the counts by file."""
    project = Project(folder, dialect)
    tables = project.tables(Catalog({}))
    config = sql_config(project, dialect, "MIT")
    counts = {
        name: sql_shard(config, number, project, tables, output)
        for number, name in enumerate(config.files)
    }
    lines = [line for path in output.rglob("*.jsonl") for line in path.read_bytes().splitlines()]
    return project, tables, counts, [decode(line) for line in lines]


def test_queries_of_files(tmp_path: Path) -> None:
    project, tables, counts, rows = from_project(DATA / "sql", tmp_path)
    assert list(tables) == ["orders", "customers"]
    assert counts["reports.sql"].roots == 2
    assert counts["reports.sql"].rejected["sql_to_ibis: not translated (IB104)"] == 1
    assert {one.content.dialect for one in rows if one.content.task == "sql_to_ibis"} == {
        "postgres"
    }
    assert recheck(rows).problems == ()
    assert counts["jinja.sql"].rejected == {"file: IB002": 1}
    reasons = {str(one).splitlines()[0] for one in project.refused}
    assert "reports.sql:8:21: IB104 no table 'nowhere'" in reasons
    assert any(reason.startswith("jinja.sql:1:") for reason in reasons)


@reads_csv
def test_a_dbt_project(tmp_path: Path) -> None:
    project, tables, counts, rows = from_project(DATA / "dbt", tmp_path)
    made = {name: one.roots for name, one in counts.items() if one.roots}
    assert made == {
        "analyses/best.sql": 1,
        "models/by_region.sql": 1,
        "models/staging/stg_orders.sql": 1,
        "models/turnover.sql": 1,
    }
    # Types and keys of the YAML; what models make; tests that say NOT NULL; a seed.
    assert tables.to_dict()["orders"] == {
        "id": "!int32",
        "customer_id": "int32",
        "total": "decimal(10, 2)",
        "placed_on": "!date",
    }
    assert tables.keys["orders"].primary == ("id",)
    assert tables.to_dict()["stg_orders"]["total"] == "!float64"
    assert tables.to_dict()["turnover"] == {"city": "string", "total": "float64"}
    assert list(tables["regions"]) == ["city", "region"]
    rendered = project.texts["models/staging/stg_orders.sql"].sql
    assert "ROUND(total * 100)" in rendered  # its own macro
    assert "total >= 20" in rendered  # its variable
    assert "MAX(placed_on)" not in rendered  # it is not incremental here
    assert [str(problem) for problem in recheck(rows[:12]).problems] == []


REFUSED = {
    "models/broken.sql:3:1": "Unexpected end of template",
    "models/endless.sql": "rendering takes too long",
    "models/escape.sql:1:1": "unsafe",
    "models/missing_ref.sql:3:1": "there is no model or seed 'nowhere'",
    "models/off.sql": "disabled",
    "models/secret.sql:1:1": "'env_var' is undefined",
    "models/sources.yml:11:36": "unknown type 'no such type ('",
}


@reads_csv
def test_what_cannot_be_rendered_is_refused_with_its_place() -> None:
    project = Project(DATA / "dbt", "postgres")
    project.tables(Catalog({}))
    found = {str(one).splitlines()[0] for one in project.refused}
    for place, reason in REFUSED.items():
        assert any(line.startswith(f"{place}: ") and reason in line for line in found), place


def test_models_of_sqlmesh(tmp_path: Path) -> None:
    project, tables, counts, rows = from_project(DATA / "sqlmesh", tmp_path, "duckdb")
    assert {name: one.roots for name, one in counts.items() if one.roots} == {
        "models/big_orders.sql": 1,
        "models/per_customer.sql": 1,
    }
    assert tables.to_dict()["orders"]["total"] == "decimal(10, 2)"  # of its header
    assert list(tables["big_orders"]) == ["id", "customer", "total"]  # of its query
    dialects = {
        one.origin.name: one.content.dialect for one in rows if one.content.variant == "original"
    }
    assert dialects["models/big_orders.sql:1"] == "postgres"
    assert dialects["models/per_customer.sql:1"] == "duckdb"
    assert sorted(str(one).splitlines()[0] for one in project.refused) == [
        "models/daily.sql:5:25: IB955 macros of SQLMesh are not rendered",
        "models/open.sql:1:1: IB002 the header does not end",
    ]


def test_a_hostile_project_touches_nothing(tmp_path: Path) -> None:
    folder, outside = tmp_path / "project", tmp_path / "outside.sql"
    models = folder / "models"
    models.mkdir(parents=True)
    outside.write_text("SELECT 'secret' AS a")
    (folder / "dbt_project.yml").write_text("name: x\nmodel-paths: [models, ../]\n")
    (models / "link.sql").symlink_to(outside)
    (models / "large.sql").write_bytes(b"-" * (50 * LARGEST))
    attack = "{{ cycler.__init__.__globals__.os.system('touch " + str(tmp_path / "owned") + "') }}"
    (models / "attack.sql").write_text(f"SELECT 1 AS a {attack}")
    (models / "bomb.sql").write_text("SELECT {{ 'x' * 9999999999 }}")
    (models / "bad.yml").write_text("sources: [{name: a, tables: {b: c}}, 3, {name: 7}]\nmodels: 4")
    (models / "good.sql").write_text("SELECT 1 AS one, {{ 2 + 3 }} AS five")
    project, _, counts, rows = from_project(folder, tmp_path / "output")
    assert not (tmp_path / "owned").exists()
    assert {name for name, one in counts.items() if one.roots} == {"models/good.sql"}
    assert set(counts) == {f"models/{name}.sql" for name in ("attack", "bomb", "good", "large")}
    assert len(project.refused) >= 3
    assert not any("secret" in one.content.input for one in rows)


def test_what_is_no_python_in_a_notebook_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    cells = [{"cell_type": "code", "source": text} for text in ("!ls", "x = 1\n", "%time y")]
    path.write_text(json.dumps({"cells": cells}))
    assert code_of(path) == "x = 1\n"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    for find in (
        lambda: code_config(tmp_path, "o", "MIT"),
        lambda: Project(tmp_path, "duckdb"),
    ):
        with pytest.raises(IbertError, match="IB001"):
            find()
