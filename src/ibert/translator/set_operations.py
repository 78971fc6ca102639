"""UNION, INTERSECT, EXCEPT; recursive queries."""

from __future__ import annotations

from functools import reduce
from itertools import zip_longest
from typing import NamedTuple

from sqlglot import exp

from ibert.translator.alignment import Cell, reprojected
from ibert.translator.datatypes import NULL, UNKNOWN, Type, common
from ibert.translator.inference import inferred
from ibert.translator.names import unique
from ibert.translator.refusal import Refusal
from ibert.translator.relations import Column, Relation, SetOperation
from ibert.translator.scope import Context, Label, Output, Scope

_METHODS: dict[type[exp.Expr], str] = {
    exp.Union: "union",
    exp.Intersect: "intersect",
    exp.Except: "difference",
}


def combine(node: exp.Expr, outer: Scope | None, context: Context) -> Output:
    """Translate a set operation, with its ORDER BY and LIMIT."""
    from ibert.translator.selects import sorted_output, with_clause

    node = bound(node)
    scope = Scope(context, outer)
    with_clause(node, scope)
    around = scope.outer_of_derived()
    outputs = [context.query(part, around, context) for part in _operands(node)]
    rule = _by_name if node.args.get("by_name") else combined
    result = rule(node, outputs, scope)
    if any(node.args.get(part) for part in ("order", "limit", "offset")):
        return sorted_output(_with_positions(node, result), result, scope)
    return result


def _with_positions(node: exp.Expr, result: Output) -> exp.Expr:
    """Give sort keys that are columns of some member as their positions."""
    order = node.args.get("order")
    if order is None:
        return node
    names = {label.label.casefold() for label in result.labels}
    positions: dict[exp.Expr, int] = {}
    for member in _leaves(node):
        for position, item in enumerate(member.expressions, 1):
            positions.setdefault(item.unalias(), position)
            if isinstance(item, exp.Alias):
                column = exp.column(item.args["alias"].copy())
                positions.setdefault(column, position)
    node = node.copy()
    for key in node.args["order"].expressions:
        inner = key.this
        is_known = inner.is_number or (
            isinstance(inner, exp.Column) and inner.name.casefold() in names
        )
        if not is_known and inner in positions:
            inner.replace(exp.Literal.number(positions[inner]))
    return node


def _leaves(node: exp.Expr) -> list[exp.Select]:
    """Give the members of set operations whose columns are all written."""
    inner = node.unnest()
    if isinstance(inner, exp.SetOperation):
        return [*_leaves(inner.this), *_leaves(inner.expression)]
    if not isinstance(inner, exp.Select):
        return []
    return (
        [] if any(item.is_star or item.find(exp.Columns) for item in inner.expressions) else [inner]
    )


_TRAILING = ("order", "limit", "offset", "with_")


def bound(node: exp.Expr) -> exp.Expr:
    """Give a chain of set operations as SQL binds it, INTERSECT first; sqlglot goes left to right.

    Examples
    --------
    >>> import sqlglot
    >>> node = bound(sqlglot.parse_one("SELECT 1 EXCEPT SELECT 2 INTERSECT SELECT 3"))
    >>> node.this.sql(), node.expression.sql()
    ('SELECT 1', 'SELECT 2 INTERSECT SELECT 3')
    """
    links: list[exp.Expr] = []
    current = node
    while isinstance(current, exp.SetOperation):
        if current is not node and any(current.args.get(part) for part in _TRAILING):
            break
        links.insert(0, current)
        current = current.this
    if not any(isinstance(link, exp.Intersect) for link in links[1:]):
        return node
    terms: list[tuple[exp.Expr | None, exp.Expr]] = [(None, current)]
    for link in links:
        if isinstance(link, exp.Intersect):
            operation, left = terms.pop()
            terms.append((operation, _linked(link, left)))
        else:
            terms.append((link, link.expression))
    made = terms[0][1]
    for operation, operand in terms[1:]:
        if operation is not None:
            made = _linked(operation, made, operand)
    for part in _TRAILING:
        made.set(part, node.args.get(part))
    return made


def _linked(link: exp.Expr, left: exp.Expr, right: exp.Expr | None = None) -> exp.Expr:
    """Give the same operation of other operands."""
    made = type(link)(**{name: value for name, value in link.args.items() if name not in _TRAILING})
    made.set("this", left.copy())
    made.set("expression", (right or link.expression).copy())
    return made


def _operands(node: exp.Expr) -> list[exp.Expr]:
    """Give what a chain of the same operation combines, from left to right."""
    operands: list[exp.Expr] = []
    current = node
    while True:
        operands.append(current.expression)
        left = current.this
        same = (
            type(left) is type(node)
            and isinstance(node, exp.Union)
            and bool(left.args.get("distinct")) == bool(node.args.get("distinct"))
            and bool(left.args.get("by_name")) == bool(node.args.get("by_name"))
            and not any(left.args.get(part) for part in ("order", "limit", "offset", "with_"))
        )
        if not same:
            return [left, *reversed(operands)]
        current = left


def combined(node: exp.Expr, outputs: list[Output], scope: Scope) -> Output:
    """Combine the results of queries, column by column."""
    widths = {len(output.labels) for output in outputs}
    if len(widths) > 1:
        raise Refusal("a set operation of queries of different widths", node, code="IB503")
    rows = [[Part(output.relation, name) for _, name in output.labels] for output in outputs]
    return _aligned(node, outputs, rows, [label.label for label in outputs[0].labels], scope)


def _by_name(node: exp.Expr, outputs: list[Output], scope: Scope) -> Output:
    """Combine queries that all get the columns of all, in the order in which they come up."""
    texts = _texts(node)
    keys = [_keys(output, own) for output, own in zip(outputs, texts, strict=True)]
    labels: dict[str, str] = {}
    for output, own, nodes in zip(outputs, keys, texts, strict=True):
        for (label, _), key, text in zip_longest(output.labels, own, nodes):
            if text is not None and _is_own_name(text) and output is not outputs[0]:
                label = text.sql("duckdb")
            labels.setdefault(key, label)
    rows = []
    for output, own in zip(outputs, keys, strict=True):
        names = dict(zip(own, (name for _, name in output.labels), strict=True))
        rows.append([Part(output.relation, names.get(key)) for key in labels])
    chosen = {label.casefold() for key, label in labels.items() if not key.startswith(_UNNAMED)}
    if any(key.startswith(_UNNAMED) and labels[key].casefold() in chosen for key in labels):
        raise Refusal("a column without a name in UNION BY NAME", node, "give it an alias")
    return _aligned(node, outputs, rows, list(labels.values()), scope)


def _texts(node: exp.Expr) -> list[list[exp.Expr | None]]:
    """Give the columns that only DuckDB has a name for, by member and position.

    The name is made of the text of the column. Whether later members have a column of that name
    is only certain of the same expression.
    """
    first, *others = (_unnamed(member) for member in _operands(node))
    for item in (item for own in others for item in own):
        if item is not None and item not in first and not _is_own_name(item):
            raise Refusal("a column without a name in UNION BY NAME", item, "give it an alias")
    return [first, *others]


def _is_own_name(node: exp.Expr) -> bool:
    """Whether a column is a constant that DuckDB calls as it is written."""
    return isinstance(node, exp.Literal) and (node.is_string or node.name.isdigit())


def _unnamed(member: exp.Expr) -> list[exp.Expr | None]:
    inner = member.unnest()
    if isinstance(inner, exp.SetOperation):
        return _unnamed(inner.this)
    if not isinstance(inner, exp.Select):
        return []
    named = (exp.Alias, exp.Column, exp.Star, exp.Columns)
    items: list[exp.Expr | None] = [
        None if isinstance(item.unnest(), named) else item for item in inner.expressions
    ]
    if any(items) and any(item.is_star or item.find(exp.Columns) for item in inner.expressions):
        raise Refusal("a column without a name beside * in UNION BY NAME", inner)
    return items


_UNNAMED = "unnamed: "


def _keys(output: Output, texts: list[exp.Expr | None]) -> list[str]:
    """Give what columns are matched by: their folded names, or the texts of those without one."""
    return [
        label.casefold() if text is None else f"{_UNNAMED}{text.sql('duckdb')}"
        for (label, _), text in zip_longest(output.labels, texts)
    ]


class Part(NamedTuple):
    """A column of a member; one that it does not have is NULL."""

    relation: Relation
    name: str | None

    @property
    def type(self) -> Type:
        """The type that DuckDB gives it."""
        return NULL if self.name is None else self.relation.columns[self.name].type

    @property
    def inferred(self) -> str | None:
        """The type that Ibis infers, if that is certain."""
        found = None if self.name is None else inferred(self.relation, self.name)
        return None if found is None else str(found)


def _aligned(
    node: exp.Expr, outputs: list[Output], rows: list[list[Part]], labels: list[str], scope: Scope
) -> Output:
    """Combine members once their columns have the same names and types."""
    columns = list(zip(*rows, strict=True))
    kinds = [_kind([part.type for part in column], node) for column in columns]
    names: list[str] = []
    for label, part in zip(labels, rows[0], strict=True):
        names.append(unique(part.name or label, names))
    cells: list[dict[str, Cell]] = [{} for _ in outputs]
    for name, kind, column in zip(names, kinds, columns, strict=True):
        found = [part.inferred for part in column]
        differ = len(set(found)) > 1 or None in found
        wanted = kind.closest
        for part, own, row in zip(column, found, cells, strict=True):
            is_cast = differ and (own != wanted.dtype or (part.type != kind and wanted == kind))
            row[name] = Cell(part.name, wanted, is_cast)
    members = [
        _member(output.relation, row, scope) for output, row in zip(outputs, cells, strict=True)
    ]
    relation = SetOperation(_METHODS[type(node)], members, bool(node.args.get("distinct")))
    for name, kind in zip(names, kinds, strict=True):
        declared = {member.columns[name].declared for member in members}
        required = all(member.columns[name].required for member in members)
        relation.columns[name] = Column(kind, declared.pop(), required)
    pairs = zip(labels, names, strict=True)
    return Output(relation, tuple(Label(label, name) for label, name in pairs))


def _kind(kinds: list[Type], node: exp.Expr) -> Type:
    kind = reduce(common, kinds)
    if kind == UNKNOWN and len(set(kinds)) > 1:
        found = ", ".join(sorted({item.name for item in kinds}))
        raise Refusal(f"a column of the types {found} in a set operation", node, "cast them")
    return kind


def _member(relation: Relation, cells: dict[str, Cell], scope: Scope) -> Relation:
    same = all(cell.name == name and not cell.is_cast for name, cell in cells.items())
    if same and list(relation.columns) == list(cells):
        return relation
    return reprojected(relation, cells, scope)


def is_recursive(cte: exp.Expr) -> bool:
    """Whether a query of WITH RECURSIVE reads itself."""
    name = cte.alias.casefold()
    return any(table.name.casefold() == name for table in cte.this.find_all(exp.Table))
