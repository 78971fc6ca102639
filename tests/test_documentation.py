"""Docstrings: every statement is true, every example runs, the command refuses with reasons."""

import ast
import doctest
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ibis
import pytest

import ibert
from ibert import IbertError, Status
from ibert.documentation import Docstring, Documenter, Source
from ibert.documentation.placement import with_docstrings
from ibert.documentation.trials import Bench
from ibert.documentation.validation import faults

# Ibis and DuckDB use parts of pandas that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FILE = Path(__file__).parent / "data" / "documented.py"
SOURCE = Source(FILE.read_text(encoding="utf-8"))
NAMES = [function.name for function in SOURCE.functions()]
SOME = NAMES[1::5]  # all of them: `ibert eval documentation --functions tests/data/documented.py`
STYLES = ("numpy", "google", "sphinx")


@pytest.fixture(scope="module")
def documenter() -> Iterator[Documenter]:
    with Documenter() as found:
        yield found


@pytest.fixture(scope="module")
def docstrings(documenter: Documenter) -> dict[str, list[Docstring]]:
    return {
        name: documenter.documents(SOURCE, SOURCE.function(name), list(STYLES)) for name in SOME
    }


def test_there_are_many_functions() -> None:
    assert len(NAMES) >= 30


def test_all_are_valid_and_all_examples_run(docstrings: dict[str, list[Docstring]]) -> None:
    found = [made for group in docstrings.values() for made in group]
    assert [str(one) for made in found for one in made.findings] == []
    assert all(made.ran for made in found)


def test_examples_show_rows(docstrings: dict[str, list[Docstring]]) -> None:
    assert [name for name, made in docstrings.items() if not made[0].rows] == []


def test_what_is_said_to_raise_raises(docstrings: dict[str, list[Docstring]]) -> None:
    for made, *_ in docstrings.values():
        inference = made.inference
        bench = Bench(made.function)
        for one in inference.requirements:
            columns = {table: dict(schema) for table, schema in inference.columns.items()}
            del columns[one.table][one.name]
            trial = bench.run(columns, inference.values)
            assert trial.problem is not None
            assert type(trial.problem.error).__name__ == one.absent
            assert one.absent in made.text
            for error, types in one.errors.items():
                for kind in types:
                    columns = {table: dict(schema) for table, schema in inference.columns.items()}
                    for table, name in ((one.table, one.name), *one.linked):
                        columns[table][name] = kind
                    raised = bench.run(columns, inference.values).problem
                    assert raised is not None
                    assert type(raised.error).__name__ == error


def test_types_that_are_said_to_do_build(docstrings: dict[str, list[Docstring]]) -> None:
    for made, *_ in docstrings.values():
        inference = made.inference
        bench = Bench(made.function)
        for one in inference.requirements:
            for kind in one.types:
                columns = {table: dict(schema) for table, schema in inference.columns.items()}
                for table, name in ((one.table, one.name), *one.linked):
                    columns[table][name] = kind
                assert bench.run(columns, inference.values).result is not None


def test_the_examples_are_doctests_of_the_module(
    docstrings: dict[str, list[Docstring]], tmp_path: Path
) -> None:
    """Plain Python, with Ibis' own default backend, agrees with what the sandbox showed."""
    path = tmp_path / "documented.py"
    found = [group[0] for group in docstrings.values()]
    path.write_text(with_docstrings(SOURCE.code, found), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "doctest", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr


CASES = {
    "def f(t):\n    return t.filter(t.x > 3)": "Keep the rows of `t` where `x` is greater than 3.",
    "def f(t):\n    return t.group_by('g').agg(s=t.x.sum())": "Sum `x` per `g`.",
    "def f(t):\n    return t.count()": "Compute the number of rows of `t`.",
    "def f(t, n):\n    return t.order_by(t.x.desc()).limit(n)": (
        "Take the `n` rows with the largest `x` of `t`."
    ),
    "def f(t):\n    return t.distinct()": "Remove the duplicate rows of `t`.",
    "def f(a, b):\n    return a.join(b, 'k')": "Join `a` with `b`.",
    "def f(a, b):\n    return a.semi_join(b, 'k')": "Keep the rows of `a` with a match in `b`.",
    "def f(a, b):\n    return a.difference(b)": "Keep the rows of `a` that `b` lacks.",
    "def f(t):\n    return t.mutate(y=t.x + 1)": "Compute `y` for the rows of `t`.",
    "def f(t):\n    return t.select('x', 'y')": "Select `x` and `y` of `t`.",
}


@pytest.mark.parametrize("code", CASES)
def test_summaries(code: str, documenter: Documenter) -> None:
    source = Source(code)
    made = documenter.document(source, source.function("f"))
    assert made.text.splitlines()[0] == CASES[code]
    assert made.findings == ()


def test_a_catalog_says_the_types() -> None:
    catalog = {"orders": {"id": "!int64", "total": "decimal(9, 2)", "note": "string"}}
    code = "def f(orders):\n    return orders.filter(orders.total > 3).select('id', 'total')"
    text = ibert.document(code, "f", catalog).code
    assert "- `total`: decimal(9, 2)" in text
    assert "`note`" not in text
    assert "No column is ever NULL." in text


NULLS = {
    "def f(a, b):\n    return a.left_join(b, a.k == b.j)[['k', 'j']]": "in rows without a match",
    "def f(t):\n    return t.agg(m=t.x.max())": "`m` is NULL if there are no rows.",
    "def f(t):\n    return t.group_by('g').agg(n=t.count())": "`n` is never NULL.",
    "def f(t):\n    return t.filter(t.x > 1)": "`x` is never NULL.",
}


@pytest.mark.parametrize("code", NULLS)
def test_nulls(code: str, documenter: Documenter) -> None:
    source = Source(code)
    assert NULLS[code] in documenter.document(source, source.function("f")).text


REFUSED = {
    "def f(t):\n    while True:\n        t = t.limit(1)\n    return t": "IB853",
    "def f(t, *names):\n    return t.select(*names)": "IB853",
    "async def f(t):\n    return t.limit(1)": "IB852",
    "class A:\n    def f(self, t):\n        return t.limit(1)": "IB852",
    "def g():\n    def f(t):\n        return t.limit(1)\n    return f": "IB852",
    "def f(x):\n    return x + 1": "IB852",
    "import functools\n@functools.cache\ndef f(t):\n    return t.limit(1)": "IB852",
    "def f(t):\n    return t.select('a').filter(_.b > 1)\nfrom ibis import _": "IB854",
    "def f(t):\n    return t.limit(1).to_pandas()": "IB853",
    "def f(t):\n    return con.table('x').join(t, 'k')": "IB854",
    "def f(t):\n    return list(range(10 ** 12)) and t.limit(1)": "IB853",
    "def g(t):\n    return t": "IB851",
    "def f(t:": "IB002",
    "\0": "IB002",
    "(" * 5000: "IB002",
}


@pytest.mark.parametrize("code", REFUSED, ids=lambda code: code[:40])
def test_what_cannot_be_told_is_refused(code: str) -> None:
    with pytest.raises(IbertError) as caught:
        ibert.document(code, "f")
    assert caught.value.diagnostics[0].code == REFUSED[code]


def test_a_catalog_that_does_not_match() -> None:
    code = "def f(orders: ibis.Table):\n    return orders.filter(orders.total > 3)"
    for catalog, expected in (
        ({"orders": {"id": "int64"}}, "IB854"),
        ({"orders": {"total": "string"}}, "IB854"),
        ({"users": {"id": "int64"}}, "IB104"),
    ):
        with pytest.raises(IbertError) as caught:
            ibert.document(code, "f", catalog)
        assert caught.value.diagnostics[0].code == expected


def test_docstrings_go_where_they_belong() -> None:
    code = (
        "import ibis  # é\n\n\n"
        "def f(t):  # all of it\n    # why\n    return t.limit(1)  # one\n\n\n"
        "def g(t): return t.count()\n\n\n"
        'def h(t):\n    """Say."""\n    return t.distinct()\n'
    )
    answer = ibert.document(code, apply=True)
    assert [one.code for one in answer.diagnostics] == ["IB855"]
    module = ast.parse(answer.code)
    assert ast.get_docstring(module.body[1]).startswith("Take at most 1 row of")
    assert ast.get_docstring(module.body[2]).startswith("Compute the number of rows of `t`.")
    assert ast.get_docstring(module.body[3]) == "Say."
    for comment in ("# é", "# all of it", "# why", "# one"):
        assert comment in answer.code
    replaced = ibert.document(code, "h", apply=True, replace=True).code
    assert '"""Say."""' not in replaced
    assert "Remove the duplicate rows of `t`." in replaced


def test_lines_end_as_they_did() -> None:
    code = "def f(t):\r\n    return t.count()\r\n"
    documented = ibert.document(code, "f", apply=True).code
    assert documented.count("\n") == documented.count("\r\n") > 5


def test_a_long_file_is_read() -> None:
    code = "".join(f"x{i} = {i}\n" for i in range(10_000)) + "def f(t):\n    return t.limit(x3)\n"
    assert ibert.document(code, "f").verdict.status is Status.VERIFIED


def test_the_validator_finds_faults() -> None:
    function = SOURCE.function("top_rows")
    for style in STYLES:
        assert faults("does it", function, style)
    assert faults("Do it.\n\n:param t: A table.", function, "sphinx") == [
        "no :param n:",
        "no :param column:",
    ]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = str(Path(sys.executable).with_name("ibert"))
    return subprocess.run(
        [script, "document", *arguments], capture_output=True, text=True, check=False
    )


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    code = "def big(orders):\n    return orders.filter(orders.total > 100)\n"
    path.write_text(code, encoding="utf-8")
    shown = run(f"{path}:big", "--format", "json")
    answer = json.loads(shown.stdout)
    assert (answer["task"], answer["verdict"]["status"], shown.returncode) == (
        "documentation",
        "VERIFIED",
        0,
    )
    wrong = run(f"{path}:bgi")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean 'big'?" in wrong.stderr
    assert path.read_text(encoding="utf-8") == code
    applied = run(str(path), "--apply", "--style", "google")
    assert applied.stdout.startswith("--- ")
    module = ast.parse(path.read_text(encoding="utf-8"))
    examples = doctest.DocTestParser().get_examples(ast.get_docstring(module.body[0]))
    assert len(examples) == 3


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_bytes(b"\xff\xfe\x00")
    done = run(str(path), "--apply")
    assert (done.returncode, "IB002" in done.stderr) == (2, True)
    assert path.read_bytes() == b"\xff\xfe\x00"


def test_a_docstring_is_kept() -> None:
    code = 'def h(t):\n    """Say."""\n    return t.distinct()\n'
    with pytest.raises(IbertError) as caught:
        ibert.document(code, "h", apply=True)
    assert caught.value.diagnostics[0].code == "IB855"


def test_nothing_of_the_code_runs_here() -> None:
    code = "import ibis\nibis.options.interactive = True\ndef f(t):\n    return t.limit(1)\n"
    ibert.document(code, "f")
    assert ibis.options.interactive is False
