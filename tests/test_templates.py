"""Templates: what is sound renders, and what is wrong with the others is said with its place."""

from pathlib import Path

import pytest

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.datagen.sql2ibis import Pair, load_templates, render
from ibert.datagen.sql2ibis.module import as_module, formatted, free_names
from ibert.diagnostics import IbertError
from ibert.documents import load_path

DATA = load_path(Path(__file__).parent / "data" / "malformed_templates.yaml").value
SOUND = DATA["sound"]
CATALOG = Catalog.from_ddl(fixtures.SCHEMA_SQL)


def pairs(folder: Path, *, seed: int = 0, **texts: str) -> list[Pair]:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return render(load_templates(folder, catalog=CATALOG, seed=seed))


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["name"])
def test_malformed(case: dict, tmp_path: Path) -> None:
    assert SOUND.count(case["old"]) == 1
    text = SOUND.replace(case["old"], case["new"])
    with pytest.raises(IbertError) as caught:
        pairs(tmp_path, sound=text)
    expected = [tuple(found) for found in case["found"]]
    found = [
        (f"{d.span.line}:{d.span.column}", d.code, d.message, d.hint)
        for d in caught.value.diagnostics
    ]
    assert len(found) >= len(expected)
    for given, wanted in zip(found, expected, strict=False):
        assert given[: len(wanted)] == wanted
    assert {d.source for d in caught.value.diagnostics} == {str(tmp_path / "sound.yaml")}


def test_errors_of_all_files_come_together(tmp_path: Path) -> None:
    with pytest.raises(IbertError) as caught:
        pairs(
            tmp_path,
            sound=SOUND.replace("easy", "simple"),
            twin=SOUND.replace("name: sound", "name: twin").replace("[orders]", "[order]"),
        )
    assert [d.code for d in caught.value.diagnostics] == ["IB203", "IB104"]


def test_a_name_stands_for_one_template(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "sound.yaml").write_text(SOUND, encoding="utf-8")
    with pytest.raises(IbertError) as caught:
        pairs(tmp_path, sound=SOUND)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.span.line) == ("IB204", 1)


def test_a_folder_without_templates(tmp_path: Path) -> None:
    with pytest.raises(IbertError, match=r"IB001 no template \(\.yaml\) here"):
        pairs(tmp_path)


def test_binary_files(tmp_path: Path) -> None:
    (tmp_path / "sound.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(IbertError, match="IB002 not UTF-8"):
        pairs(tmp_path)


def test_rendering(tmp_path: Path) -> None:
    rendered = pairs(tmp_path, sound=SOUND)
    assert [pair.variation for pair in rendered] == ["0", *(f"space-{i}" for i in range(4))]
    assert rendered[0].sql == "SELECT order_id\nFROM orders\nWHERE total > 100"
    assert rendered[0].ibis == (
        "from ibis import _\n\n"
        'orders = con.table("orders")\n\n'
        'expr = orders.filter(_.total > 100).select("order_id")\n'
    )
    assert [pair.sql.split("WHERE ")[1] for pair in rendered[1:]] == [
        "discount > 0",
        "discount > 1",
        "priority > 0",
        "priority > 1",
    ]


def test_samples_follow_the_seed(tmp_path: Path) -> None:
    text = SOUND.replace("parameter_space:", "sample: 2\nparameter_space:")
    text = text.replace("[0, 1]", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]")
    samples = [[pair.sql for pair in pairs(tmp_path, seed=seed, sound=text)] for seed in (0, 0, 1)]
    assert samples[0] == samples[1]
    assert samples[0] != samples[2]
    assert [len(sample) for sample in samples] == [3, 3, 3]


def test_values_of_either_side(tmp_path: Path) -> None:
    text = SOUND.replace(
        "{column: total, value: 100}", "{column: total, value: {sql: 1e2, ibis: 100}}"
    )
    first = pairs(tmp_path, sound=text)[0]
    assert "total > 100.0" in first.sql
    assert "_.total > 100)" in first.ibis


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("orders", {"orders"}),
        ("orders = orders.limit(1)\norders", set()),
        ("def f(t):\n    return t.join(users, 'id')\nf(orders)", {"users", "orders"}),
        ("import ibis\nibis.literal(users)", {"users"}),
        ("orders.select(users=1)", {"orders"}),
        ("orders.mutate(x='users')  # users", {"orders"}),
        ("[t for t in (orders, users)]", {"orders", "users"}),
        ("(lambda users: users)(orders)", {"orders"}),
    ],
)
def test_free_names(code: str, names: set[str]) -> None:
    assert free_names(code) == names


def test_a_module_has_its_imports_first() -> None:
    code = (
        "import ibis.expr.datatypes as dt\nfrom datetime import date\n\n"
        "# similar names\n@ibis.udf.scalar.builtin\n"
        "def jaccard(a: str, b: dt.string) -> float: ...\n\n"
        "recent = users.filter(_.signup_date > date(2024, 1, 1))\n"
        "recent.select(like=jaccard(_.name, 'ann'))"
    )
    assert formatted([as_module(code, ["users", "orders"])]) == [
        "from datetime import date\n\n"
        "import ibis\nimport ibis.expr.datatypes as dt\nfrom ibis import _\n\n"
        'users = con.table("users")\n\n\n'
        "# similar names\n@ibis.udf.scalar.builtin\n"
        "def jaccard(a: str, b: dt.string) -> float: ...\n\n\n"
        "recent = users.filter(_.signup_date > date(2024, 1, 1))\n"
        'expr = recent.select(like=jaccard(_.name, "ann"))\n'
    ]
