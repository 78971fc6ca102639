"""What is shipped: commands of README and docs run, numbers are measured, templates hold."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from runpy import run_path

import pytest
from test_cli import ibert

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.datagen.sql2ibis import TEMPLATES, load_templates, render

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [README, (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")]


def commands() -> list[list[str]]:
    """Give the shell commands of all pages."""
    blocks = [block for page in PAGES for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@pytest.mark.parametrize("command", [c for c in commands() if c[0] == "ibert"], ids=" ".join)
def test_commands_run(command: list[str]) -> None:
    result = ibert(*command[1:], cwd=ROOT)
    assert (result.returncode, bool(result.stdout)) == (0, True)


@pytest.mark.parametrize("command", [c for c in commands() if "|" in c], ids=" ".join)
def test_piped_commands_run(command: list[str]) -> None:
    at = command.index("|")
    assert (command[0], command[at + 1]) == ("echo", "ibert")
    result = ibert(*command[at + 2 :], cwd=ROOT, stdin=" ".join(command[1:at]))
    assert (result.returncode, bool(result.stdout)) == (0, True)


def test_recipes_exist() -> None:
    just = Path(sys.executable).with_name("just")
    listed = subprocess.run(
        [just, "--summary"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    used = {command[1] for command in commands() if command[0] == "./just"}
    assert {"generate-data", "check"} <= used
    assert used <= set(listed.stdout.split())


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "./just check" in script.splitlines()
    assert ["./just", "check"] in commands()


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


@pytest.mark.slow
def test_no_seed_draws_a_pair_twice(tmp_path: Path) -> None:
    for path in TEMPLATES.rglob("*.yaml"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [line for line in lines if not line.startswith("sample:")]
        (tmp_path / path.name).write_text("".join(whole), encoding="utf-8")
    templates = load_templates(tmp_path, catalog=Catalog.from_ddl(fixtures.SCHEMA_SQL))
    assert len(render(templates)) == sum(len(template.variations) for template in templates)


def test_the_readme_says_what_was_measured() -> None:
    figures = json.loads((ROOT / "docs" / "figures.json").read_text(encoding="utf-8"))
    readme = run_path(str(ROOT / "bench" / "readme.py"))
    table = "".join(f"| {label} | {value} |\n" for label, value in readme["lines"](figures))
    assert f"{readme['BEGIN']}\n| measured | |\n|---|---:|\n{table}{readme['END']}" in README


def test_the_readme_counts_the_pairs() -> None:
    pairs = render(load_templates(catalog=Catalog.from_ddl(fixtures.SCHEMA_SQL)))
    assert f"| verified pairs | {len(pairs):,} |" in README, "run `./just readme`"


@pytest.mark.skipif("IBERT_WHOLE_DATASET" not in os.environ, reason="half an hour")
def test_every_shipped_pair_is_verified_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    generated = ibert("data", "generate", "-o", path)
    assert (generated.returncode, generated.stderr) == (0, "")
    stats = json.loads(ibert("data", "stats", path, "--format", "json").stdout)
    assert stats["rejected"] == stats["duplicates"] == 0
    assert stats["examples"] >= 4000
    assert stats["sql_structures"] >= 1000
    assert stats["templates"] >= 70
    for what in ("examples", "structures"):
        assert f"| {stats[what]:,} |" in README, f"{what}: run `./just readme`"
    validated = ibert("data", "validate", path)
    assert (
        validated.stdout
        == f"{stats['examples']:,} of {stats['examples']:,} examples hold: {path}\n"
    )
