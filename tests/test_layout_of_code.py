"""Printing modules as ruff formats them.

The modules in data/layout are laid out by ruff; comments in them are attached to the nodes below.
"""

import ast
import io
import math
import string
import subprocess
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruff import find_ruff_bin

from ibert.translator.layout import format_module

MODULES = sorted((Path(__file__).parent / "data" / "layout").glob("*.txt"))


def commented(text: str) -> ast.Module:
    """Parse a module and attach each comment to the node that begins on the line below it."""
    module = ast.parse(text)
    starts: dict[tuple[int, int], ast.AST] = {}
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(decorator_list=[first, *_]):
                starts[first.lineno, first.col_offset - 1] = node
            case ast.stmt():
                starts[node.lineno, node.col_offset] = node
            case ast.Call(func=ast.Attribute(attr=attr) as func):
                dot = func.end_col_offset - len(attr) - 1
                starts[func.end_lineno, dot] = node
            case ast.ListComp(elt=element):
                starts[element.lineno, element.col_offset] = element
    for node in ast.walk(module):
        if isinstance(node, ast.Call | ast.List):
            elements = node.elts if isinstance(node, ast.List) else [*node.args, *node.keywords]
            starts |= {(element.lineno, element.col_offset): element for element in elements}
    waiting: list[str] = []
    layout = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            waiting.append(token.string.removeprefix("#").removeprefix(" "))
        elif waiting and token.type not in layout:
            line = token.line.encode()[: len(token.line[: token.start[1]].encode())]
            starts[token.start[0], len(line)].comments = waiting
            waiting = []
    return module


def expression(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body


def printed(node: ast.expr, width: int = 88) -> str:
    return format_module(ast.Module([ast.Expr(node)], []), width)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_modules_are_printed_as_they_are(path):
    text = path.read_text(encoding="utf-8")
    assert format_module(commented(text)) == text


def test_ruff_lays_out_the_same(tmp_path):
    texts = {path.stem: path.read_text(encoding="utf-8") for path in MODULES}
    for name, text in texts.items():
        # On endless lines nothing is left for ruff to keep as it is.
        endless = format_module(commented(text), width=10_000)
        (tmp_path / f"{name}.py").write_text(endless, encoding="utf-8")
        (tmp_path / f"{name}_again.py").write_text(text, encoding="utf-8")
    ruff = [find_ruff_bin(), "format", "--isolated", "--quiet", "--line-length=88"]
    subprocess.run([*ruff, tmp_path], check=True)
    for name, text in texts.items():
        assert (tmp_path / f"{name}.py").read_text(encoding="utf-8") == text
        assert (tmp_path / f"{name}_again.py").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1, "-1"),
        (10_000_000, "10000000"),
        (1e16, "1e16"),
        (-math.inf, "-1e309"),
        ("it's", '"it\'s"'),
        ('"', "'\"'"),
        ('"it\'s"', "'\"it\\'s\"'"),
        ("\\'\"", '"\\\\\'\\""'),
        ("\n\0é\ud800", '"\\n\\x00é\\ud800"'),
        (b"'\xe9\n", 'b"\'\\xe9\\n"'),
        (None, "None"),
        (..., "..."),
    ],
)
def test_constants(value, text):
    assert printed(ast.Constant(value)) == text + "\n"
    assert ast.literal_eval(text) == value


def test_negative_constants_bind_as_signs_do():
    minus = ast.Constant(-1)
    assert printed(ast.BinOp(minus, ast.Pow(), minus)) == "(-1) ** -1\n"
    assert printed(ast.Attribute(minus, "real")) == "(-1).real\n"


@pytest.mark.parametrize(
    "code", ["{x for x in y}", "{x: x for x in y}", "f'{x}'", "(yield)", "(x := 1)", "1j"]
)
def test_what_has_no_rule_is_refused(code):
    with pytest.raises(TypeError, match="no layout for the"):
        printed(expression(code))
    with pytest.raises(TypeError, match="no layout for the"):
        printed(ast.Constant(math.nan))


def test_statements_without_a_rule_are_refused():
    with pytest.raises(TypeError, match="no layout for the statement While"):
        format_module(ast.parse("while x:\n    f()"))


def test_a_comment_cannot_end_before_its_text():
    module = ast.parse("x = 1")
    module.body[0].comments = ["one\nimport os", ""]
    assert format_module(module) == "# one\n# import os\n#\nx = 1\n"


def test_a_node_may_stand_at_several_places():
    shared = expression("t.a.sum()")
    node = ast.Call(ast.Name("f"), [shared, shared], [ast.keyword("x", shared)])
    assert printed(node) == "f(t.a.sum(), t.a.sum(), x=t.a.sum())\n"


def test_long_chains_and_operations_are_no_deep_recursion():
    links = "".join(f".mutate(a{i}=_.x + {i})" for i in range(400))
    terms = " | ".join(f"(t.a == {i})" for i in range(400))
    for code in (f"x = t{links}", f"x = {terms}"):
        assert format_module(ast.parse(code)).count("\n") >= 400


names = st.sampled_from(["_", "t", "orders", "a_column_with_a_long_name"]).map(ast.Name)
constants = st.one_of(
    st.integers(0, 10**9), st.text(string.printable, max_size=20), st.none(), st.binary(max_size=5)
).map(ast.Constant)
BINARY = [ast.Add, ast.Mult, ast.Pow, ast.BitAnd, ast.BitOr, ast.Mod, ast.LShift]
COMPARISONS = [ast.Eq, ast.NotIn, ast.Lt]


targets = names | st.lists(names, min_size=1, max_size=2).map(ast.Tuple)


def clauses(inner: st.SearchStrategy[ast.expr]) -> st.SearchStrategy[list[ast.comprehension]]:
    conditions = st.lists(inner, max_size=2)
    asynchronous = st.just(0)
    clause = st.builds(ast.comprehension, targets, inner, conditions, asynchronous)
    return st.lists(clause, min_size=1, max_size=2)


def larger(inner: st.SearchStrategy[ast.expr]) -> st.SearchStrategy[ast.expr]:
    several = st.lists(inner, max_size=3)
    keywords = st.lists(st.builds(ast.keyword, st.sampled_from(["a", "total"]), inner), max_size=2)
    slices = st.builds(ast.Slice, st.none() | inner, st.none() | inner, st.none() | inner)
    operators = st.sampled_from(BINARY).map(lambda kind: kind())
    comparison = st.sampled_from(COMPARISONS).map(lambda kind: [kind()])
    no_parameters = ast.arguments([], [], None, [], [], None, [])
    return st.one_of(
        st.builds(ast.Attribute, inner, st.sampled_from(["filter", "a"])),
        st.builds(ast.Call, inner, several, keywords),
        st.builds(ast.Subscript, inner, inner | slices),
        st.builds(ast.BinOp, inner, operators, inner),
        st.builds(ast.Compare, inner, comparison, inner.map(lambda node: [node])),
        st.builds(ast.UnaryOp, st.sampled_from([ast.Not(), ast.USub(), ast.Invert()]), inner),
        st.builds(ast.BoolOp, st.sampled_from([ast.And(), ast.Or()]), st.tuples(inner, inner)),
        st.builds(ast.IfExp, inner, inner, inner),
        st.builds(ast.Lambda, st.just(no_parameters), inner),
        st.builds(ast.List, several),
        st.builds(ast.ListComp, inner, clauses(inner)),
        st.builds(ast.GeneratorExp, inner, clauses(inner)),
        st.builds(ast.Tuple, several),
        st.builds(
            lambda pairs: ast.Dict([*pairs], [*pairs.values()]), st.dictionaries(inner, inner)
        ),
    )


@given(st.recursive(names | constants, larger, max_leaves=30), st.sampled_from([20, 50, 88]))
def test_what_is_printed_means_the_same(node, width):
    code = format_module(ast.Module([ast.Assign([ast.Name("x")], node)], []), width)
    (statement,) = ast.parse(code).body
    expected = ast.parse(f"x = {ast.unparse(node)}").body[0]
    assert ast.dump(statement) == ast.dump(expected)
    assert format_module(ast.parse(code), width) == code
