"""YAML and JSON text becomes plain values, each with its place."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibert.diagnostics import IbertError, Span
from ibert.documents import Document, Lines, load, load_path, read_text

TEMPLATE = """\
# a template
name: top_users   # with a comment
"quoted key": 'it''s $x'
sql: |2

   SELECT $é, '😀' $y
    FROM t
folded: >
  a
  b
list:
- 1
- {a: [x, "y\\tz"], b: }
deep:
  nested:
    key: plain $v text
  # trailing comment
"""


def at(line: int, column: int, end_line: int, end_column: int) -> Span:
    return Span(line, column, end_line, end_column)


@pytest.fixture(scope="module")
def template() -> Document:
    return load(TEMPLATE, "t.yaml")


def raised(text: str, source: str = "a.yaml") -> list[tuple[str, int, int, str]]:
    """The diagnostics of a text: code, line, column, message."""
    with pytest.raises(IbertError) as caught:
        load(text, source)
    diagnostics = caught.value.diagnostics
    assert {d.source for d in diagnostics} == {source}
    return [(d.code, d.span.line, d.span.column, d.message) for d in diagnostics if d.span]


def test_value(template: Document) -> None:
    assert template.value == {
        "name": "top_users",
        "quoted key": "it's $x",
        "sql": "\n SELECT $é, '😀' $y\n  FROM t\n",
        "folded": "a b\n",
        "list": [1, {"a": ["x", "y\tz"], "b": None}],
        "deep": {"nested": {"key": "plain $v text"}},
    }


@pytest.mark.parametrize(
    ("path", "span"),
    [
        ((), at(2, 1, 16, 23)),
        (("name",), at(2, 7, 2, 16)),
        (("quoted key",), at(3, 15, 3, 25)),
        (("sql",), at(4, 6, 8, 1)),
        (("list",), at(12, 1, 13, 24)),
        (("list", 0), at(12, 3, 12, 4)),
        (("list", 1), at(13, 3, 13, 24)),
        (("list", 1, "a"), at(13, 7, 13, 18)),
        (("list", 1, "a", 1), at(13, 11, 13, 17)),
        (("deep", "nested"), at(16, 5, 16, 23)),
    ],
)
def test_span(template: Document, path: tuple[str | int, ...], span: Span) -> None:
    assert template.span(*path) == span


@pytest.mark.parametrize(
    ("path", "span"),
    [
        (("quoted key",), at(3, 1, 3, 13)),
        (("list", 1, "b"), at(13, 20, 13, 21)),
        (("deep", "nested", "key"), at(16, 5, 16, 8)),
        (("list", 0), at(12, 3, 12, 4)),  # in a list: the value itself
    ],
)
def test_key_span(template: Document, path: tuple[str | int, ...], span: Span) -> None:
    assert template.key_span(*path) == span


@pytest.mark.parametrize(
    ("path", "part", "span"),
    [
        (("sql",), "$é", at(6, 11, 6, 13)),
        (("sql",), "$y", at(6, 19, 6, 21)),
        (("sql",), "FROM t", at(7, 5, 7, 11)),
        (("sql",), "$y\n  FROM", at(6, 19, 7, 9)),
        (("deep", "nested", "key"), "$v", at(16, 16, 16, 18)),
        (("name",), "users", at(2, 11, 2, 16)),
        # What the reader transformed has only the place of the whole.
        (("quoted key",), "$x", at(3, 15, 3, 25)),
        (("folded",), "b", at(8, 9, 11, 1)),
        (("list", 1, "a", 1), "z", at(13, 11, 13, 17)),
    ],
)
def test_offset_span(
    template: Document, path: tuple[str | int, ...], part: str, span: Span
) -> None:
    text = template.value
    for step in path:
        text = text[step]
    start = text.index(part)
    assert template.offset_span(path, start, start + len(part)) == span


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("header", ["|", "|-", "|+", "|2", "| # comment"])
def test_offset_span_in_literal_blocks(header: str, newline: str) -> None:
    text = f"a:\n  - {header}\n\n\n    x\n    -- $p --\n\nb: 1\n".replace("\n", newline)
    if header == "|2":
        text = text.replace("|2", "|1").replace("    x", "   x")
    document = load(text, "a.yaml")
    start = document.value["a"][0].index("$p")
    assert document.offset_span(("a", 0), start, start + 2) == at(6, 8, 6, 10)


def test_offset_span_in_a_block_of_blank_lines() -> None:
    document = load("a: |+\n\n\nb: 1", "a.yaml")
    assert document.offset_span(("a",), 0, 1) == at(2, 1, 3, 1)


def test_no_such_path(template: Document) -> None:
    with pytest.raises(KeyError):
        template.span("nowhere")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, None) for text in ("", "~", "null", "Null", "NULL", "# nothing")],
        *[(text, True) for text in ("true", "True", "TRUE")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        *[("0", 0), ("-12", -12), ("+3", 3), ("007", 7), ("0o17", 15), ("0xFf", 255)],
        *[("1.5", 1.5), ("-.5", -0.5), ("1e3", 1000.0), ("2.", 2.0), ("1.5E-3", 0.0015)],
        *[(".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf)],
        # Everything else is a string, whatever YAML 1.1 made of it.
        *[
            (text, text)
            for text in (
                *("yes", "No", "on", "OFF", "y", "n", "tRUE", "nULL", "2024-01-01", "1_000", "="),
                *("2001-12-14t21:59:43.10-05:00", "12:30:00", "190:20:30", "0b11", "1e", "+", "."),
            )
        ],
        *[('"1"', "1"), ("'true'", "true"), ('""', ""), ("|\n  1", "1"), ('"!int64"', "!int64")],
    ],
)
def test_core_schema(text: str, value: object) -> None:
    read = load(text, "a.yaml").value
    assert (type(read), read) == (type(value), value)


def test_not_a_number() -> None:
    assert math.isnan(load(".nan", "a.yaml").value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\nb: 2\na: 3", [("IB002", 3, 1, "duplicate key 'a'")]),
        ("x:\n  '1': 1\n  \"1\": 2", [("IB002", 3, 3, "duplicate key '1'")]),
        ("1: x", [("IB002", 1, 1, "a key must be a string")]),
        ("a:\n  true: x\n  ~: y", [("IB002", n, 3, "a key must be a string") for n in (2, 3)]),
        ("? [a, b]\n: 1", [("IB002", 1, 3, "a key must be a string")]),
        ("{{a: 1}: 2}", [("IB002", 1, 2, "a key must be a string")]),
        ("a: &x 1", [("IB002", 1, 4, "anchors and aliases are not read")]),
        (
            "a: &x [1]\nb: [*x, *x]",
            [("IB002", *p, "anchors and aliases are not read") for p in ((1, 4), (2, 5), (2, 9))],
        ),
        ("a: {b: 1}\nc:\n  <<: {d: 1}", [("IB002", 3, 3, "merge keys are not read")]),
        ("a: !!python/name:os.system", [("IB002", 1, 4, "tags are not read")]),
        ("a: !int64\nb: !!str 1", [("IB002", n, 4, "tags are not read") for n in (1, 2)]),
        ("a: 1\n---\nb: 2", [("IB002", 2, 1, "more than one document")]),
        ("a: " + "9" * 5000, [("IB002", 1, 4, "a number with too many digits")]),
        ("\n" + "[" * 101 + "]" * 101, [("IB002", 2, 101, "nested more than 100 deep")]),
        ("ä: 1\nb: ä\x07", [("IB002", 2, 5, "control characters are not allowed")]),
        ("ab: \ud800", [("IB002", 1, 5, "surrogates not allowed")]),
        ("a: b: c", [("IB002", 1, 5, "mapping values are not allowed in this context")]),
        (
            "a: 1\nb: [1",
            [("IB002", 3, 1, "while parsing a flow sequence, did not find expected ',' or ']'")],
        ),
    ],
)
def test_refused_yaml(text: str, found: list[tuple[str, int, int, str]]) -> None:
    assert raised(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [("IB002", 1, 1, "Expecting value")]),
        ('{"a": 1,\n "b" 2}', [("IB002", 2, 6, "Expecting ':' delimiter")]),
        ('{"a": 1,\n}', [("IB002", 2, 1, "Expecting property name enclosed in double quotes")]),
        ("{'a': 1}", [("IB002", 1, 2, "Expecting property name enclosed in double quotes")]),
        ("[1] x", [("IB002", 1, 5, "Extra data")]),
        ('{"a": {"b": 1,\n\t"b": 2}}', [("IB002", 2, 2, "duplicate key 'b'")]),
        (
            "[NaN, -Infinity,\n1e999]",
            [("IB002", *p, "a number that JSON does not have") for p in ((1, 2), (1, 7), (2, 1))],
        ),
        ("[" + "9" * 5000 + "]", [("IB002", 1, 2, "a number with too many digits")]),
        ("[" * 101 + "]" * 101, [("IB002", 1, 101, "nested more than 100 deep")]),
    ],
)
def test_refused_json(text: str, found: list[tuple[str, int, int, str]]) -> None:
    assert raised(text, "a.json") == found


def test_json_that_breaks_the_parser() -> None:
    with pytest.raises(IbertError, match=r"^a.json: IB002 nested too deeply$"):
        load("[" * 100_000, "a.json")


def test_findings_come_together() -> None:
    text = "a: *x\na: 1\n2: y\nb: !t z\nc: ["
    assert [place[1:3] for place in raised(text)] == [(1, 4), (2, 1), (3, 1), (4, 4), (6, 1)]


def test_json_that_yaml_does_not_read() -> None:
    text = '{\n\t"a\\/b":\t"\\ud83d\\ude00",\n\t"' + "k" * 2000 + '":[ ]}'
    document = load(text, "a.JSON")
    assert document.value == {"a/b": "😀", "k" * 2000: []}
    assert document.span("a/b") == at(2, 10, 2, 24)
    assert document.key_span("k" * 2000) == at(3, 2, 3, 2004)


def test_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1", encoding="utf-8-sig")
    assert load_path(path).span("a") == load("\ufeffa: 1", "a.yaml").span("a") == at(1, 4, 1, 5)
    assert load("\ufeff[1]", "a.json").span(0) == at(1, 2, 1, 3)


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("a: 1\né: ".encode() + b"\xff\xfe")
    with pytest.raises(IbertError, match=r"a.yaml:2:4: IB002 not UTF-8: invalid start byte"):
        load_path(tmp_path / "a.yaml")
    with pytest.raises(IbertError, match=r"IB001 No such file or directory"):
        read_text(tmp_path / "none.sql")
    with pytest.raises(IbertError, match=r"IB001 Is a directory"):
        read_text(tmp_path)


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x1FFFF, exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN.filter(lambda value: "Infinity" not in json.dumps(value)))
def test_json_round_trip_and_places(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    document = load(text, "a.json")
    assert document.value == value
    lines = Lines(text)
    for path, part in walk(value):
        span = document.span(*path)
        offset = {span_start(lines, i): i for i in range(len(text))}[span.line, span.column]
        assert json.JSONDecoder().raw_decode(text, offset)[0] == part


@given(PLAIN.filter(lambda value: "Infinity" not in json.dumps(value)))
def test_json_is_yaml(value: object) -> None:
    text = json.dumps(value)  # escapes: no character that YAML forbids, but no surrogate pair
    if "\\ud8" not in text and "\\u2028" not in text:
        yaml, again = load(text, "a.yaml"), load(text, "a.json")
        assert yaml.value == again.value == value
        for path, _ in walk(value):
            assert yaml.span(*path) == again.span(*path)


def walk(value: object, *path: str | int) -> list[tuple[tuple[str | int, ...], object]]:
    members = value.items() if isinstance(value, dict) else ()
    members = enumerate(value) if isinstance(value, list) else members
    return [(path, value), *(found for k, v in members for found in walk(v, *path, k))]


def span_start(lines: Lines, offset: int) -> tuple[int, int]:
    span = lines.span(offset, offset)
    return span.line, span.column
