"""json_each in FROM, written as a query over the lists of keys and values."""

from __future__ import annotations

import json
import re

from sqlglot import exp

from ibert.sql.parse import parse_as_written
from ibert.translator.functions.classes import function_call
from ibert.translator.refusal import Refusal

# In DuckDB's words; `document` is the JSON, `root` the path that leads to it.
_KINDS = {
    "OBJECT": {
        "key": "json_keys(document)",
        "value": "json_extract(document, '$.*')",
        "fullkey": "root || '.' || key",
    },
    "ARRAY": {
        "key": "range(json_array_length(document)::BIGINT)::VARCHAR[]",
        "value": "json_extract(document, '$[*]')",
        "fullkey": "root || '[' || key || ']'",
    },
    "SCALAR": {
        "key": "[NULL]::VARCHAR[]",
        "value": "[json_extract(document, '$')]",
        "fullkey": "root",
    },
}
_ANY = """
    CASE WHEN document IS NULL THEN NULL
    WHEN json_type(document) = 'OBJECT' THEN {OBJECT}
    WHEN json_type(document) = 'ARRAY' THEN {ARRAY} ELSE {SCALAR} END
"""
_OTHERS = {
    "type": "json_type(value)",
    "atom": "CASE WHEN json_type(value) NOT IN ('ARRAY', 'OBJECT', 'NULL') THEN value END",
    "parent": "NULL::UBIGINT",
    "path": "root",
}
_LISTS = ("key", "value")
_COLUMNS = (*_LISTS, "type", "atom", "id", "parent", "fullkey", "path")
_ROOT = re.compile(r"\$(\.\w+|\[\d+\])*")
_HINT = "name the columns that are wanted: key, value, type, atom, parent, fullkey, path"


def with_json_queries(query: exp.Expr) -> exp.Expr:
    """Give a query with others in place of json_each, which is changed for it.

    Raises
    ------
    Refusal
        All columns are wanted, or DuckDB's own number of a member; the path is no plain constant.

    Examples
    --------
    >>> import sqlglot
    >>> query = sqlglot.parse_one("SELECT value FROM json_each('[1]')", read="duckdb")
    >>> with_json_queries(query).sql("duckdb")
    "SELECT value FROM (SELECT UNNEST('[1]' -> '$[*]') AS value) AS json_each"
    """
    for node in list(query.find_all(exp.Table)):
        call = function_call(node.this) if isinstance(node.this, exp.Func) else None
        if call is not None and call[0] == "json_each":
            node.replace(_query(call[1], node))
    return query


def _query(arguments: list[exp.Expr], node: exp.Expr) -> exp.Expr:
    """Write the query for one json_each."""
    document, root = arguments[0], "$"
    kind = _kind(document)
    if len(arguments) > 1:
        path, kind, root = arguments[1], "", arguments[1].name
        if not isinstance(path, exp.Literal) or not _ROOT.fullmatch(root):
            raise Refusal("json_each with this path", node, "write a path without quotes")
        document = exp.Anonymous(this="json_extract", expressions=[document, path])
    alias = node.args.get("alias")
    given = [column.name for column in alias.columns] if alias is not None else []
    names = dict(zip(_COLUMNS, [*given, *_COLUMNS[len(given) :]], strict=True))
    wanted = _wanted(names, node.alias or "json_each", node)
    texts = {name: name if name in _LISTS else _text(name, kind) for name in wanted}
    words = set(re.findall(r"\w+", " ".join(texts.values())))
    below = [name for name in _LISTS if name in words]
    lists = [exp.Explode(this=_filled(_text(name, kind), document, root)) for name in below]
    inner = exp.select(*map(exp.alias_, lists, below))
    outer: exp.Expr = inner
    if below != list(texts):
        items = [exp.alias_(_filled(text, document, root), name) for name, text in texts.items()]
        outer = exp.select(*items).from_(exp.Subquery(this=inner))
    columns = [exp.to_identifier(names[name], quoted=True) for name in wanted]
    label = exp.TableAlias(
        this=exp.to_identifier(node.alias or "json_each"), columns=columns if given else None
    )
    joined = isinstance(node.parent, exp.Join) and document.find(exp.Column) is not None
    body = exp.Subquery(this=outer, alias=None if joined else label)
    return exp.Lateral(this=body, alias=label) if joined else body


def _kind(document: exp.Expr) -> str:
    """Tell what a constant is; nothing for other expressions."""
    while isinstance(document, exp.Cast | exp.Paren):
        document = document.this
    if isinstance(document, exp.Null):
        raise Refusal("json_each of NULL", document, "it has no rows")
    if not isinstance(document, exp.Literal) or not document.is_string:
        return ""
    try:
        found = json.loads(document.name)
    except json.JSONDecodeError:
        return ""
    if isinstance(found, dict):
        return "OBJECT"
    return "ARRAY" if isinstance(found, list) else "SCALAR"


def _wanted(names: dict[str, str], alias: str, node: exp.Expr) -> list[str]:
    """Give the columns that the query around it reads."""
    around = node.find_ancestor(exp.Select)
    joins = (around.args.get("joins") or []) if around is not None else []
    if around is None or any(join.args.get("method") or join.args.get("using") for join in joins):
        raise Refusal("json_each beside this", node, _HINT)
    read = set()
    for column in around.find_all(exp.Column, exp.Star, exp.Columns):
        table = column.table.casefold() if isinstance(column, exp.Column) else ""
        if table not in ("", alias.casefold()):
            continue
        if isinstance(column, exp.Columns) or column.is_star:
            if not isinstance(column.parent, exp.Count | exp.Column):
                raise Refusal("all columns of json_each", node, _HINT)
        else:
            read.add(column.name.casefold())
    wanted = [name for name in _COLUMNS if names[name].casefold() in read]
    if "id" in wanted or alias.casefold() in read:
        raise Refusal("the column id of json_each", node, _HINT)
    return wanted or ["value"]


def _text(name: str, kind: str) -> str:
    """Give the words for a column: of a constant, or of JSON that is known when it runs."""
    if name in _OTHERS:
        return _OTHERS[name]
    return _KINDS[kind][name] if kind else _ANY.format_map({k: v[name] for k, v in _KINDS.items()})


def _filled(text: str, document: exp.Expr, root: str) -> exp.Expr:
    found = parse_as_written(f"SELECT {text}").expressions[0]
    parts = {"document": document, "root": exp.Literal.string(root)}
    made = found.transform(
        lambda node: (
            parts[node.name].copy() if isinstance(node, exp.Column) and node.name in parts else node
        )
    )
    assert isinstance(made, exp.Expr)
    return made
