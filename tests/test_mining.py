"""Examples of the code and the SQL of others: what is right is taken, what is hostile contained."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ibert.datagen.factory.chunks import LARGEST, code_of
from ibert.datagen.factory.from_sql import declared, sql_config, sql_shard
from ibert.datagen.factory.mining import checked_out, code_config, code_shard
from ibert.datagen.factory.recheck import recheck
from ibert.datagen.factory.row import Row, decode
from ibert.datagen.factory.shard import Counts, shard_path
from ibert.diagnostics import IbertError

DATA = Path(__file__).parent / "data" / "mining"


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
        "notebook.ipynb": 1,
        "notes.md": 1,
        "queries.py": 2,
    }
    assert {one.origin.licence for one in rows} == {"MIT"}
    functions = {one.origin.name for one in rows}
    assert "origin:queries.py:per_customer" in functions
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


def test_queries_of_files(tmp_path: Path) -> None:
    folder = DATA / "sql"
    config = sql_config(folder, "postgres", "MIT")
    tables = declared(folder, config)
    assert list(tables) == ["orders", "customers"]
    numbers = {name: number for number, name in enumerate(config.files)}
    counts = sql_shard(config, numbers["reports.sql"], folder, tables, tmp_path)
    assert counts.roots == 2
    assert counts.rejected["sql_to_ibis: not translated (IB104)"] == 1
    rows = [
        decode(line)
        for line in shard_path(tmp_path, numbers["reports.sql"]).read_bytes().splitlines()
    ]
    assert {one.content.dialect for one in rows if one.content.task == "sql_to_ibis"} == {
        "postgres"
    }
    assert recheck(rows).problems == ()
    broken = sql_shard(config, numbers["jinja.sql"], folder, tables, tmp_path)
    assert broken.rejected == {"file: IB002": 1}


def test_what_is_no_python_in_a_notebook_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    cells = [{"cell_type": "code", "source": text} for text in ("!ls", "x = 1\n", "%time y")]
    path.write_text(json.dumps({"cells": cells}))
    assert code_of(path) == "x = 1\n"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    for find in (
        lambda: code_config(tmp_path, "o", "MIT"),
        lambda: sql_config(tmp_path, "duckdb", "MIT"),
    ):
        with pytest.raises(IbertError, match="IB001"):
            find()
