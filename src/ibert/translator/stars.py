"""The columns of SELECT: `*` with its changes, COLUMNS, aliases."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from ibert.translator import calls
from ibert.translator.datatypes import Type
from ibert.translator.functions.classes import function_call
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Scope, Table
from ibert.translator.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Expanded:
    """A column of SELECT: an expression, or a column that `*` stands for."""

    label: str | None
    node: exp.Expr | None
    table: Table | None = None
    merged: str | None = None

    @property
    def aggregates(self) -> bool:
        """Whether it aggregates rows."""
        return self.node is not None and calls.has_aggregate(self.node)

    def value(self, scope: Scope) -> Value:
        """Translate it."""
        if self.node is not None:
            return scope.value(self.node)
        if self.merged is not None:
            found: Value | None = scope.merged[self.merged]()
        else:
            assert self.table is not None
            found = self.table.field(self.label or "")
        assert found is not None
        return scope.grouping.field(found) if scope.grouping is not None else found


def expanded(nodes: list[exp.Expr], scope: Scope) -> list[Expanded]:
    """Give the columns that a list of SELECT stands for."""
    found: list[Expanded] = []
    for node in nodes:
        found += _of(node, scope)
    if not found:
        raise Refusal("a SELECT without columns", nodes[0] if nodes else None, code="IB503")
    return found


def _of(node: exp.Expr, scope: Scope) -> Iterator[Expanded]:
    inner = node.this if isinstance(node, exp.Alias) else node
    if isinstance(node, exp.Star):
        yield from _star(node, None, scope)
    elif isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        yield from _star(node.this, node, scope)
    elif isinstance(node, _NAME_PATTERNS) and isinstance(_bare(node).this, exp.Star):
        yield from _matching(_members(None, scope), _tested(node), node)
    elif inner.find(exp.Columns) is not None:
        yield from _columns(node, scope)
    elif isinstance(inner, exp.Explode):
        yield from _unnested(node, inner, scope)
    elif isinstance(node, exp.Alias):
        yield Expanded(node.alias, node.this)
    elif isinstance(node, exp.Column):
        yield Expanded(_spelling(node, scope), node)
    elif isinstance(node, exp.Paren) and isinstance(bare := node.unnest(), exp.Column):
        yield Expanded(_spelling(bare, scope), bare)
    elif isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
        yield Expanded(node.expression.name, node)
    elif isinstance(node, exp.Dot) and isinstance(node.expression, exp.Star):
        yield from _fields(node, scope)
    else:
        yield Expanded(None, node)


def _unnested(node: exp.Expr, unnest: exp.Expr, scope: Scope) -> Iterator[Expanded]:
    """Give the columns of UNNEST in SELECT: a struct is one for each field."""
    depth, keeps_names = _depth(unnest)
    source = unnest.this
    kind = scope.value(source).type
    levels = 0
    while kind.is_list and levels < depth:
        kind = kind.element
        levels += 1
    for _ in range(levels - 1):
        source = exp.Flatten(this=source.copy())
    if levels:
        source = exp.Explode(this=source.copy())
    if kind.name == "struct" and levels < depth:
        yield from _leaves(source, kind, depth - levels, "" if keeps_names else None)
    else:
        alias = node.alias if isinstance(node, exp.Alias) else None
        yield Expanded(alias, source if levels else unnest)


def _depth(unnest: exp.Expr) -> tuple[float, bool]:
    """Give how deep UNNEST goes, and whether names of fields tell the way there."""
    options = {part.this.name.lower(): part.expression for part in unnest.expressions}
    depth: float = 1
    if "max_depth" in options:
        depth = int(options["max_depth"].name)
    elif "recursive" in options and options["recursive"].this is True:
        depth = math.inf
    keeps_names = options.get("keep_parent_names")
    return depth, keeps_names is not None and keeps_names.this is True


def _leaves(node: exp.Expr, kind: Type, depth: float, prefix: str | None) -> Iterator[Expanded]:
    """Give the fields of a struct, and those of structs within down to a depth."""
    for name, inner in kind.args:
        part = exp.Dot(this=node.copy(), expression=exp.to_identifier(name, quoted=True))
        label = f"{prefix}{name}" if prefix is not None else name
        if inner.name == "struct" and depth > 1:
            yield from _leaves(part, inner, depth - 1, None if prefix is None else f"{label}.")
        else:
            yield Expanded(label, part)


def _spelling(node: exp.Column, scope: Scope) -> str:
    """Give a column's name as its table spells it; one of two tables as it is written."""
    folded = node.name.casefold()
    if not node.table and folded in scope.merged and not scope.merged[folded]().is_field:
        return node.name
    for table in scope.tables:
        if node.table and table.alias.casefold() != node.table.casefold():
            continue
        for label, _ in table.labels:
            if label.casefold() == folded:
                return label
    return node.name


def _members(node: exp.Column | None, scope: Scope) -> Iterator[Expanded]:
    """Give the columns of all tables, or of one."""
    if node is not None and node.table:
        table = scope.table(node.table)
        if table is None:
            yield from _struct(node, scope)
            return
        for label, _ in table.labels:
            yield Expanded(label, None, table)
        return
    if not scope.tables:
        raise Refusal("* without FROM", node, code="IB503")
    for table in scope.tables:
        for label, _ in table.labels:
            folded = label.casefold()
            if (id(table), folded) in scope.hidden:
                continue
            merged = folded if folded in scope.merged else None
            yield Expanded(label, None, table, merged)


def _struct(node: exp.Column, scope: Scope) -> Iterator[Expanded]:
    """Give the fields of a struct: `s.*`."""
    column = exp.column(node.args["table"].copy())
    value = scope.value(column)
    if value.type.name != "struct":
        raise Refusal(f"{node.table}.* of something that is no table", node, code="IB104")
    for name, _ in value.type.args:
        yield Expanded(name, exp.Dot(this=column.copy(), expression=exp.to_identifier(name)))


def _fields(node: exp.Expr, scope: Scope) -> Iterator[Expanded]:
    value = scope.value(node.this)
    if value.type.name != "struct":
        raise Refusal(".* of something that is no struct", node)
    for name, _ in value.type.args:
        yield Expanded(name, exp.Dot(this=node.this.copy(), expression=exp.to_identifier(name)))


def _star(star: exp.Expr, node: exp.Column | None, scope: Scope) -> Iterator[Expanded]:
    excluded = {_name(part).casefold() for part in star.args.get("except_") or []}
    replaced = {part.alias.casefold(): part.this for part in star.args.get("replace") or []}
    renamed = {_name(part.this).casefold(): part.alias for part in star.args.get("rename") or []}
    if star.args.get("ilike"):
        pattern = exp.ILike(this=exp.Star(), expression=star.args["ilike"])
        yield from _matching(_members(node, scope), _tested(pattern), star)
        return
    seen = set()
    for column in _members(node, scope):
        assert column.label is not None
        folded = column.label.casefold()
        seen.add(folded)
        if folded in excluded:
            continue
        if folded in replaced:
            yield Expanded(column.label, replaced[folded])
        else:
            column.label, label = renamed.get(folded, column.label), column.label
            yield _labelled(column, label)
    for name in [*excluded, *replaced, *renamed]:
        if name not in seen:
            raise Refusal(f"no column {name!r} in *", star, code="IB105")


def _labelled(column: Expanded, label: str) -> Expanded:
    """Give a column of `*` that may have been renamed."""
    if column.label == label or column.node is not None:
        return column
    assert column.table is not None
    return Expanded(
        column.label, exp.column(exp.to_identifier(label, quoted=True), table=column.table.alias)
    )


def _name(node: exp.Expr) -> str:
    return node.name


def _columns(node: exp.Expr, scope: Scope) -> Iterator[Expanded]:
    """Give an expression over COLUMNS once for each column that it stands for."""
    inner = node.this if isinstance(node, exp.Alias) else node
    if isinstance(inner, exp.Columns):
        if inner.args.get("unpack"):
            raise Refusal("*COLUMNS that is no argument", node, "write COLUMNS", "IB503")
        for column in _chosen(inner, scope):
            assert column.label is not None
            alias = _pattern_alias(node, inner, column.label)
            yield Expanded(alias or column.label, _reference(column))
        return
    inner = _unpacked(inner, scope)
    found = inner.find(exp.Columns)
    if found is None:
        yield Expanded(node.alias or None, inner)
        return
    for column, copy in _repeated(inner, scope):
        assert column.label is not None
        yield Expanded(_pattern_alias(node, found, column.label) or column.label, copy)


def each(node: exp.Expr, scope: Scope) -> list[exp.Expr]:
    """Give an expression outside of SELECT once for each column that COLUMNS in it stands for."""
    if node.find(exp.Columns) is None:
        return [node]
    if isinstance(node, exp.Columns):
        return [_reference(column) for column in _chosen(node, scope)]
    node = _unpacked(node, scope)
    if node.find(exp.Columns) is None:
        return [node]
    return [copy for _, copy in _repeated(node, scope)]


def _repeated(node: exp.Expr, scope: Scope) -> Iterator[tuple[Expanded, exp.Expr]]:
    found = list(node.find_all(exp.Columns))
    if len({part.sql("duckdb") for part in found}) > 1:
        raise Refusal("different COLUMNS in one expression", node, code="IB503")
    for column in _chosen(found[0], scope):
        copy = node.copy()
        for part in list(copy.find_all(exp.Columns)):
            _replace(part, [column])
        yield column, copy


def _unpacked(node: exp.Expr, scope: Scope) -> exp.Expr:
    """Put the columns that *COLUMNS stands for among the arguments of a function."""
    root = exp.Paren(this=node.copy())
    for call in list(root.find_all(exp.Anonymous)):
        if call.name.lower() == "unpack":
            (inner,) = call.expressions
            copies = [inner]
            if inner.find(exp.Columns) is not None:
                copies = [copy for _, copy in _repeated(inner, scope)]
            _splice(call, copies)
    for part in list(root.find_all(exp.Columns)):
        if part.args.get("unpack"):
            _replace(part, list(_chosen(part, scope)))
    found: exp.Expr = root.this
    return found


def _replace(part: exp.Expr, columns: list[Expanded]) -> None:
    if isinstance(part.parent, exp.Struct):
        named = [
            exp.PropertyEQ(
                this=exp.to_identifier(column.label, quoted=True), expression=_reference(column)
            )
            for column in columns
        ]
        _splice(part, named)
    else:
        _splice(part, [_reference(column).copy() for column in columns])


def _splice(part: exp.Expr, others: Sequence[exp.Expr]) -> None:
    """Put some expressions in the place of one argument."""
    parent = part.parent
    if len(others) == 1 or parent is None:
        part.replace(others[0])
    elif isinstance(parent, exp.Paren):
        _splice(parent, others)
    elif part.arg_key == "expressions":
        place = next(i for i, item in enumerate(parent.expressions) if item is part)
        items = parent.expressions
        parent.set("expressions", [*items[:place], *others, *items[place + 1 :]])
    elif isinstance(parent, exp.Coalesce | exp.Greatest | exp.Least):
        parent.set("this", others[0])
        parent.set("expressions", [*others[1:], *parent.expressions])
    else:
        call = function_call(parent)
        if call is None:
            raise Refusal("*COLUMNS here", parent, code="IB503")
        name, arguments = call
        spliced = [
            item
            for argument in arguments
            if argument is not None
            for item in (others if argument is part else [argument])
        ]
        parent.replace(exp.Anonymous(this=name, expressions=spliced))


def _pattern_alias(node: exp.Expr, columns: exp.Expr, label: str) -> str | None:
    """Give the alias of a column of COLUMNS; groups of its pattern may be in it."""
    if not isinstance(node, exp.Alias):
        return None
    if "\\" not in node.alias:
        return node.alias
    pattern = columns.this.name if isinstance(columns.this, exp.Literal) else ""
    match = re.search(pattern, label)
    whole = label.replace("\\", "\\\\")
    return match.expand(node.alias.replace("\\0", whole)) if match else None


def _reference(column: Expanded) -> exp.Expr:
    if column.node is not None:
        return column.node
    assert column.table is not None
    assert column.label is not None
    name = exp.to_identifier(column.label, quoted=True)
    if column.merged is not None or not column.table.alias:
        return exp.column(name)
    return exp.column(name, table=exp.to_identifier(column.table.alias, quoted=True))


def _chosen(node: exp.Expr, scope: Scope) -> Iterator[Expanded]:
    pattern = node.this
    if isinstance(pattern, exp.Star):
        yield from _star(pattern, None, scope)
        return
    if isinstance(pattern, exp.Column) and isinstance(pattern.this, exp.Star):
        yield from _star(pattern.this, pattern, scope)
        return
    columns = list(_members(None, scope))
    if isinstance(pattern, exp.Array):
        names = {part.name.casefold() for part in pattern.expressions}
        missing = names - {(column.label or "").casefold() for column in columns}
        if missing:
            raise Refusal(f"no column {min(missing)!r} in COLUMNS", node, code="IB105")
        yield from (column for column in columns if (column.label or "").casefold() in names)
        return
    yield from _matching(columns, _tested(pattern), node)


def _matching(
    columns: Iterable[Expanded], test: Callable[[str], bool], node: exp.Expr
) -> Iterator[Expanded]:
    found = [column for column in columns if test(column.label or "")]
    if not found:
        raise Refusal(f"{node.sql('duckdb')} matches no column", node, code="IB105")
    yield from found


def _bare(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Not) else node


_NAME_PATTERNS = (exp.Like, exp.ILike, exp.SimilarTo, exp.Not)


def _tested(pattern: exp.Expr) -> Callable[[str], bool]:
    """Give what a pattern or a lambda tells of a name."""
    if isinstance(pattern, exp.Literal):
        return lambda name: re.search(pattern.name, name) is not None
    if isinstance(pattern, exp.Lambda):
        return _tested(pattern.this)
    if isinstance(pattern, exp.Paren):
        return _tested(pattern.this)
    if isinstance(pattern, exp.Not):
        inner = _tested(pattern.this)
        return lambda name: not inner(name)
    if isinstance(pattern, exp.And | exp.Or):
        parts = [_tested(part) for part in (pattern.this, pattern.expression)]
        combine = all if isinstance(pattern, exp.And) else any
        return lambda name: combine(part(name) for part in parts)
    if pattern.args.get("negate"):
        positive = pattern.copy()
        positive.set("negate", None)
        return _tested(exp.Not(this=positive))
    if isinstance(pattern, exp.Escape):
        return _escaped(pattern)
    if isinstance(pattern, exp.In) and not pattern.args.get("query"):
        return _compared(pattern, pattern.expressions, lambda name, texts: name in texts)
    rule = _TESTS.get(type(pattern))
    if rule is None:
        raise Refusal("COLUMNS with this condition", pattern, "list the columns")
    return _compared(pattern, [pattern.expression], lambda name, texts: rule(name, texts[0]))


def _compared(
    pattern: exp.Expr, texts: list[exp.Expr], test: Callable[[str, list[str]], bool]
) -> Callable[[str], bool]:
    plain = isinstance(pattern.this, exp.Identifier | exp.Column | exp.Star)
    if not plain or not all(isinstance(text, exp.Literal) and text.is_string for text in texts):
        raise Refusal("COLUMNS with this condition", pattern, "list the columns")
    return lambda name: test(name, [text.name for text in texts])


def _escaped(node: exp.Escape) -> Callable[[str], bool]:
    """Give what LIKE tells of a name, where letters behind another one stand for themselves."""
    like, escape = node.this, node.expression.name
    flags = _FLAGS.get(type(like))
    if flags is None or len(escape) != 1:
        raise Refusal("COLUMNS with this condition", node, "list the columns")
    return _compared(
        like, [like.expression], lambda name, texts: _like(name, texts[0], flags, escape)
    )


def _like(name: str, pattern: str, flags: int = 0, escape: str = "") -> bool:
    letters = iter(pattern)
    parts = [
        re.escape(next(letters, ""))
        if letter == escape
        else {"%": ".*", "_": "."}.get(letter, re.escape(letter))
        for letter in letters
    ]
    return re.fullmatch("".join(parts), name, flags | re.DOTALL) is not None


_FLAGS = {exp.Like: re.NOFLAG, exp.ILike: re.IGNORECASE}
_TESTS: dict[type[exp.Expr], Callable[[str, str], bool]] = {
    exp.Like: _like,
    exp.ILike: lambda name, pattern: _like(name, pattern, re.IGNORECASE),
    exp.SimilarTo: lambda name, pattern: re.fullmatch(pattern, name) is not None,
    exp.RegexpLike: lambda name, pattern: re.search(pattern, name) is not None,
    exp.EQ: lambda name, text: name == text,
    exp.NEQ: lambda name, text: name != text,
    exp.StartsWith: lambda name, text: name.startswith(text),
    exp.EndsWith: lambda name, text: name.endswith(text),
    exp.Contains: lambda name, text: text in name,
}
