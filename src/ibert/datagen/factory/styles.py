"""The style of SQL and of Ibis code: how people lay both out and spell one thing differently."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from random import Random

from sqlglot import Dialect, ErrorLevel, Token, TokenType, exp

from ibert.sql.parse import AS_WRITTEN
from ibert.translator.layout import format_module

LONG = 100  # characters of SQL that is laid out over several lines
LAID_OUT, LOWERED, LEADING = (
    0.4,
    0.3,
    0.15,
)  # the shares of SQL in a style; of what is short, laid out
_STARS = {"EXCEPT", "EXCLUDE", "ILIKE", "RENAME", "REPLACE"}  # words that change what a star means
_NAMES = (TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER)


@cache
def _listed(part: str, dialect: str) -> frozenset[str]:
    """Give what is listed for a dialect."""
    text = files("ibert.datagen.factory").joinpath("absent.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)[part].get(dialect, ()))


def written(query: exp.Expr, dialect: str, chance: Random) -> str:
    """Write a query in a dialect as a person might: on one line or on several, in either case.

    Raises
    ------
    sqlglot.errors.UnsupportedError
        The dialect cannot say it.

    Examples
    --------
    >>> import sqlglot
    >>> query = sqlglot.parse_one("SELECT COUNT(*) AS n FROM t WHERE a > 1")
    >>> sorted({written(query, "duckdb", Random(n)) for n in range(9)})[-1]
    'select count(*) as n from t where a > 1'
    """
    query = _as_said(query, dialect)
    lowered = chance.random() < LOWERED
    options = {"normalize_functions": "lower"} if lowered else {}
    writer = AS_WRITTEN if dialect == "duckdb" else dialect
    sql = query.sql(writer, unsupported_level=ErrorLevel.RAISE, **options)  # type: ignore[arg-type]
    is_tall = chance.random() < (1 - LAID_OUT**2 if len(sql) > LONG else LAID_OUT)
    if is_tall and not query.find(exp.GroupConcat):  # whose order would be torn apart
        leading = chance.random() < LEADING
        sql = query.sql(writer, pretty=True, leading_comma=leading, **options)  # type: ignore[arg-type]
    return _in_lower_case(sql, dialect) if lowered else sql


def _as_said(query: exp.Expr, dialect: str) -> exp.Expr:
    """Write NOT where people say it, `a IS NOT NULL`, `a NOT IN (…)`, and nothing twice."""
    query = query.copy()
    for clause in query.find_all(exp.Where, exp.Having):
        clause.set("this", clause.this.unnest())
    for test in query.find_all(exp.LogicalOr, exp.LogicalAnd):
        test.this.type = exp.DataType.build("boolean")  # and needs no cast
    for node in list(query.find_all(exp.Not)):
        test = node.this
        if isinstance(test, exp.Is) and isinstance(test.expression, exp.Null):
            test.set("expression", exp.Not(this=exp.null()))
        elif isinstance(test, exp.In | exp.Between | exp.Like | exp.ILike):
            writer = AS_WRITTEN if dialect == "duckdb" else dialect
            test.set("this", exp.var(f"{test.this.sql(writer)} NOT"))
        else:
            continue
        if node.parent is None:
            continue
        node.replace(test)
    return query


def _in_lower_case(sql: str, dialect: str) -> str:
    """Write the keywords in lower case."""
    parts, place = [], 0
    for token in Dialect.get_or_raise(dialect).tokenize(sql):
        if token.token_type not in _NAMES and token.text.isupper():
            text = sql[token.start : token.end + 1]
            parts += [sql[place : token.start], text.lower()]
            place = token.end + 1
    return "".join([*parts, sql[place:]])


def is_spoken(sql: str, dialect: str) -> bool:
    """Tell whether a dialect has all functions of SQL that sqlglot wrote in it.

    Examples
    --------
    >>> is_spoken("SELECT LPAD(a, 3, '.') FROM t", "tsql"), is_spoken("SELECT lpad FROM t", "tsql")
    (False, True)
    """
    if dialect == "duckdb":
        return True
    tokens = Dialect.get_or_raise(dialect).tokenize(sql)
    texts = [*(token.text.upper() for token in tokens), ""]
    calls = {one for one, after in pairwise(texts) if after == "("}
    stars = {
        word
        for before, star, word in zip(texts, texts[1:], texts[2:], strict=False)
        if star == "*" and word in _STARS and before in ("SELECT", ",", ".", "DISTINCT")
    }
    return (
        calls.isdisjoint(_listed("absent", dialect) | _listed("absent", "everywhere"))
        and _listed("words", dialect).isdisjoint(texts)
        and stars <= _listed("stars", dialect)
        and not (_listed("fields", dialect) and _has_field_by_text(tokens))
    )


def _has_field_by_text(tokens: Sequence[Token]) -> bool:
    """Tell whether a field is taken by a text in brackets."""
    return any(
        one.token_type == TokenType.L_BRACKET and after.token_type == TokenType.STRING
        for one, after in pairwise(tokens)
    )


# Code.


def unrolled(code: str) -> str:
    r"""Write sort keys one by one where the translator has a comprehension of them.

    Examples
    --------
    >>> unrolled('expr = t.order_by([ibis.desc(key) for key in ("a", "b")])')
    'expr = t.order_by(ibis.desc("a"), ibis.desc("b"))\n'
    """
    module = ast.parse(code)
    changed = False
    for node in ast.walk(module):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="order_by"),
                args=[
                    ast.ListComp(
                        elt=ast.Call(func=function, keywords=keywords),
                        generators=[ast.comprehension(iter=ast.Tuple(elts=columns))],
                    )
                ],
            ):
                node.args = [ast.Call(function, [column], keywords) for column in columns]
                changed = True
    return format_module(ast.fix_missing_locations(module)) if changed else code


def restyled(code: str, chance: Random) -> str:
    r"""Write code as another person might: the same calls, in other words.

    Examples
    --------
    >>> code = 'expr = con.table("t").filter(_.a > 1, _.b).agg(n=_.count())'
    >>> {restyled(code, Random(n)) for n in range(40)} >= {
    ...     'expr = con.table("t").filter(_.a > 1).filter(_.b).agg(n=_.count())\n',
    ...     'expr = con.table("t").filter((_.a > 1) & _.b).aggregate(n=_.count())\n'}
    True
    """
    module = ast.parse(code)
    for change in chance.sample(STYLES, chance.randint(1, 2)):
        module = change(module, chance)
    return format_module(ast.fix_missing_locations(module))


def _in_brackets(module: ast.Module, chance: Random) -> ast.Module:
    """Write columns in brackets: `_["a"]`."""
    called = {id(node.func) for node in ast.walk(module) if isinstance(node, ast.Call)}

    class Brackets(ast.NodeTransformer):
        def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
            self.generic_visit(node)
            is_column = isinstance(node.value, ast.Name) and node.value.id == "_"
            if not is_column or id(node) in called:
                return node
            return ast.Subscript(node.value, ast.Constant(node.attr), ast.Load())

    changed: ast.Module = Brackets().visit(module)
    return changed


def _short_names(module: ast.Module, chance: Random) -> ast.Module:
    """Call tables by their first letters."""
    names = list(_tables(module))
    taken = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    short = {name: "t" if len(names) == 1 else name[:1].lower() for name in names}
    if len({*short.values()}) < len(names) or taken & {*short.values()}:
        return module
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            node.id = short.get(node.id, node.id)
    return module


def _tables(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=function)):
                if ast.unparse(function) == "con.table":
                    yield name


def _method(old: str, new: str) -> Callable[[ast.Module, Random], ast.Module]:
    def rename(module: ast.Module, chance: Random) -> ast.Module:
        for node in ast.walk(module):
            if isinstance(node, ast.Attribute) and node.attr == old:
                node.attr = new
        return module

    return rename


def _chained_filters(module: ast.Module, chance: Random) -> ast.Module:
    """Write a filter for each condition."""

    class Chained(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.expr:
            self.generic_visit(node)
            if not _is_filter(node):
                return node
            first, *others = node.args
            made: ast.expr = ast.Call(node.func, [first], [])
            for condition in others:
                made = ast.Call(ast.Attribute(made, "filter", ast.Load()), [condition], [])
            return made

    changed: ast.Module = Chained().visit(module)
    return changed


def _joined_conditions(module: ast.Module, chance: Random) -> ast.Module:
    """Write the conditions of a filter with `&`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and _is_filter(node):
            joined, *others = node.args
            for condition in others:
                joined = ast.BinOp(joined, ast.BitAnd(), condition)
            node.args = [joined]
    return module


def _is_filter(node: ast.Call) -> bool:
    is_method = isinstance(node.func, ast.Attribute) and node.func.attr == "filter"
    return is_method and len(node.args) > 1 and not node.keywords


def _columns_of(module: ast.Module, chance: Random) -> ast.Module:
    """Write the columns that are selected as `_.a`."""
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(attr="select"), args=[_, *_]):
                node.args = [
                    ast.Attribute(ast.Name("_", ast.Load()), item.value, ast.Load())
                    if isinstance(item, ast.Constant)
                    and isinstance(item.value, str)
                    and item.value.isidentifier()
                    else item
                    for item in node.args
                ]
    names = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    imported = "from ibis import _" in ast.unparse(module)
    if "_" in names and not imported:
        place = next((i for i, n in enumerate(module.body) if not isinstance(n, ast.Import)), 0)
        module.body.insert(place, ast.parse("from ibis import _").body[0])
    return module


STYLES: tuple[Callable[[ast.Module, Random], ast.Module], ...] = (
    _in_brackets,
    _short_names,
    _method("agg", "aggregate"),
    _chained_filters,
    _joined_conditions,
    _columns_of,
)
