"""Repair: pairs of code that raises and code that runs, what is said of the rest, the command."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml

import ibert
from ibert import IbertError, Status
from ibert.catalog import Catalog
from ibert.datagen.mutation.faults import FAULTS, mutants
from ibert.datagen.mutation.sample import Sample
from ibert.edits import apply_edits
from ibert.evaluation.error_resolution import resolution
from ibert.repair import repair
from ibert.repair.idioms import idioms
from ibert.repair.repairs import REPAIRS
from ibert.repair.shapes import shapes
from ibert.sandbox import Execution, Limits, Profile, Sandbox
from ibert.tasks.error_resolution import _every_table
from ibert.verifier.witness import write_witnesses

# Ibis and DuckDB use parts of pandas that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

DATA = yaml.safe_load((Path(__file__).parent / "data" / "repair.yaml").read_text(encoding="utf-8"))
CATALOG = Catalog.from_any(DATA["catalog"])


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    witnesses = write_witnesses(tmp_path_factory.mktemp("repair"), CATALOG, _every_table(CATALOG))
    with Sandbox([witnesses[0].paths[0]]) as sandbox:
        yield sandbox


@pytest.mark.parametrize("pair", DATA["pairs"], ids=lambda pair: pair["code"].splitlines()[-1][:60])
def test_the_smallest_change_that_runs_comes_first(pair: dict[str, str], sandbox: Sandbox) -> None:
    found = repair(
        pair["code"], CATALOG, lambda code: sandbox.run(code, profile=Profile.OWN), offered=1
    )
    assert found.exception == pair["raises"]
    assert [one.text for one in found.repairs] == [pair["fixed"]]


def test_the_tables_name_repairs_that_there_are() -> None:
    assert {name for shape in shapes() for name in shape.repairs} == set(REPAIRS)


def test_idioms_are_not_ibis_already() -> None:
    assert len(idioms()) > 100
    assert all(entry.meanings for entry in idioms())


def test_an_answer_has_the_error_its_place_a_fix_and_alternatives() -> None:
    code = "expr = (\n    orders  # all\n    .filter(_.totl > 1)\n)\n"
    answer = ibert.fix(code, DATA["catalog"])
    assert answer.task == "error_resolution"
    assert answer.verdict.status is Status.VERIFIED
    assert answer.code == code.replace("totl", "total")
    (raised,) = answer.diagnostics
    assert raised.message == "AttributeError: 'Table' object has no attribute 'totl'"
    assert raised.span is not None
    assert raised.fix is not None
    assert apply_edits(code, raised.fix.edits) == answer.code
    assert "+    .filter(_.total > 1)" in answer.explanation


def test_alternatives_run_too(sandbox: Sandbox) -> None:
    found = repair(
        "orders.agg(n=_.qty)", CATALOG, lambda code: sandbox.run(code, profile=Profile.OWN)
    )
    assert len(found.repairs) > 1
    for one in found.repairs:
        assert isinstance(sandbox.run(one.text), Execution)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("orders.limit(3)", Status.VERIFIED, "IB610"),
        ("print('done')", Status.CHECKED, "IB306"),
        ("import os", Status.REFUSED, "IB308"),
        ("while True: pass", Status.FAILED, "IB304"),
        ("1 / 0", Status.FAILED, "IB612"),
        ("expr = 5", Status.FAILED, "IB303"),
        ("orders.nothing_like_it_anywhere()", Status.FAILED, "IB612"),
        (")(", Status.FAILED, "IB612"),
    ],
)
def test_what_cannot_be_repaired_stays_as_it_is(code: str, status: Status, expected: str) -> None:
    answer = ibert.fix(code, DATA["catalog"], limits=Limits(seconds=2))
    assert answer.code == code
    assert answer.verdict.status is status
    given = {one.code for one in (*answer.verdict.diagnostics, *answer.diagnostics)}
    assert expected in given


def test_another_error_than_the_stated_one_is_told() -> None:
    stated = "Traceback (most recent call last):\nibis.common.exceptions.IbisTypeError: no"
    answer = ibert.fix("orders.totl", DATA["catalog"], error=stated)
    assert [one.code for one in answer.diagnostics] == ["IB611", "IB613"]
    answer = ibert.fix("orders.totl", DATA["catalog"], error="AttributeError: no")
    assert [one.code for one in answer.diagnostics] == ["IB611"]


@pytest.mark.parametrize("code", ["x = 1\n" * 11_000, "a\0b"])
def test_what_cannot_be_read_is_refused(code: str) -> None:
    with pytest.raises(IbertError):
        ibert.fix(code, DATA["catalog"])


def ibert_fix(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "ibert", "fix", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


def test_the_command_writes_a_file_whole_or_not_at_all(tmp_path: Path) -> None:
    catalog = tmp_path / "shop.sql"
    catalog.write_text("CREATE TABLE orders (id INT, total DOUBLE);")
    broken = tmp_path / "broken.py"
    broken.write_text("expr = orders.filter(_.totl > 1)  # big\n")
    assert ibert_fix(str(broken), "--catalog", str(catalog), "--apply").returncode == 0
    assert broken.read_text() == "expr = orders.filter(_.total > 1)  # big\n"
    broken.write_text("1 / 0\n")
    assert ibert_fix(str(broken), "--catalog", str(catalog), "--apply").returncode == 1
    assert broken.read_text() == "1 / 0\n"


def test_the_command_shows_the_code_alone_on_stdout() -> None:
    done = ibert_fix("-", stdin=b"orders.filter(_.order_idd > 1)  # big\n")
    assert done.returncode == 0
    assert done.stdout.decode() == "orders.filter(_.order_id > 1)  # big\n"
    assert "-orders.filter(_.order_idd > 1)  # big" in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "stdin", "code"),
    [
        (["-"], b"\xff\xfe\x00", "IB002"),
        (["nowhere.py"], b"", "IB001"),
        (["-", "--catalog", "nowhere.sql"], b"orders", "IB001"),
    ],
)
def test_what_the_command_cannot_read(arguments: list[str], stdin: bytes, code: str) -> None:
    done = ibert_fix(*arguments, stdin=stdin)
    assert done.returncode == 2
    assert code in done.stderr.decode()
    assert done.stdout == b""


def test_there_are_thirty_kinds_of_faults_and_each_has_an_example() -> None:
    assert len(FAULTS) >= 30
    sample = "\n".join(DATA["rich"])
    made = {kind: mutants(Sample(sample, CATALOG, kind), kind) for kind in FAULTS}
    assert {kind for kind, texts in made.items() if not texts} == set()
    assert all(sample not in texts for texts in made.values())


def test_most_faults_are_repaired_and_what_is_offered_runs() -> None:
    found = resolution(24, split="development", seed=7)
    assert found.cases == 24
    assert found.offered_broken == 0
    assert found.repaired + found.different + found.unrepaired == found.cases
    assert found.repaired >= 18
    assert msgspec.json.encode(found).startswith(b'{"name":"error_resolution"')
