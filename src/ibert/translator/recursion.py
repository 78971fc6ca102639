"""Recursive queries whose depth is known: as a series, or written out level by level."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from ibert.translator import conditions
from ibert.translator.alignment import Cell, reprojected
from ibert.translator.bounds import Predicate, Reader, constant_of, span_of
from ibert.translator.calls import has_aggregate
from ibert.translator.constant_levels import constant_levels
from ibert.translator.datatypes import Type
from ibert.translator.inference import inferred
from ibert.translator.names import unique
from ibert.translator.projection import distinct
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Label, Output, Scope

DEEPEST = 10  # levels that are written out
_LONGEST = 100_000_000  # rows of a series
_HINT = "Ibis has no recursion; write the levels out as joins, or count with range()"


def recursive(cte: exp.Expr, scope: Scope) -> Output:
    """Translate a query of WITH RECURSIVE whose last level the text tells."""
    body = cte.this.unnest()
    if cte.args.get("key_expressions") or not isinstance(body, exp.Union):
        raise Refusal("a recursive query of this form", cte, _HINT)
    names = _column_names(cte, body.this)
    rule = _rule(cte, body, names)
    if rule is None:
        raise Refusal("a recursive query", cte, _HINT)
    found = _series(rule)
    if found is not None:
        return scope.context.query(found, scope.outer_of_derived(), scope.context)
    rows = _constants_alone(rule, cte.alias)
    if rows is not None:
        return scope.context.query(rows, scope.outer_of_derived(), scope.context)
    depth = rule.depth(DEEPEST + 1)
    if depth is None or depth > DEEPEST or not _is_linear(rule):
        raise Refusal("a recursive query", cte, _HINT)
    return _unrolled(cte, body, depth, scope)


def _column_names(cte: exp.Expr, base: exp.Query) -> list[str]:
    given = [column.name for column in cte.args["alias"].columns]
    own = [item.output_name for item in base.selects]
    return [*given, *own[len(given) :]]


@dataclass
class Progress:
    """A column that changes by a constant from level to level.

    Attributes
    ----------
    starts
        Its values in the rows of the first level.
    forward
        How the next value comes from one.
    step
        The constant that is added: a number, or a span of time; None for a factor.
    """

    starts: list[Any]
    forward: Callable[[Any], Any]
    step: Any


@dataclass
class Rule:
    """What a recursive query says: its first rows, and how the next come from them.

    Attributes
    ----------
    name
        What it is called.
    names
        Its columns.
    base, member
        The query of the first rows, and of the next.
    distinct
        Whether repeated rows are left out.
    constants
        For each column its values in the first rows, where the text tells them.
    progress
        The columns that change by a constant.
    conditions
        What has to hold of a row for it to have a next one.
    complete
        Whether these are all of the conditions.
    position
        Gives the position of the column that a node is.
    """

    name: str
    names: list[str]
    base: exp.Select
    member: exp.Select
    distinct: bool
    constants: list[list[Any] | None]
    progress: dict[int, Progress]
    conditions: list[Predicate]
    complete: bool
    position: Callable[[exp.Expr], int | None]

    @property
    def is_plain(self) -> bool:
        """Whether the next rows come from the ones before alone, under known conditions."""
        others = set(self.member.args) - {"expressions", "from_", "where", "kind"}
        joined = any(self.member.args.get(part) for part in others)
        source = self.member.args["from_"].this
        return self.complete and not joined and isinstance(source, exp.Table)

    def depth(self, limit: int) -> int | None:
        """Give how many levels follow the first at most; None for more than a limit."""
        bounds = [self._bound(test.column, test.holds, limit) for test in self.conditions]
        known = [bound for bound in bounds if bound is not None]
        return min(known) if known else None

    def _bound(self, column: int | None, test: Callable[[Any], bool], limit: int) -> int | None:
        if column is None:
            return None if test(None) else 0
        progress = self.progress.get(column)
        if progress is None:
            return None
        longest = 0
        for start in progress.starts:
            value, count = start, 0
            if not _is_comparable(test, value):
                return None
            while test(value):
                value, count = progress.forward(value), count + 1
                if count > limit:
                    return None
            longest = max(longest, count)
        return longest


def _rule(cte: exp.Expr, body: exp.Union, names: list[str]) -> Rule | None:
    base, member = body.this.unnest(), body.expression.unnest()
    if not isinstance(base, exp.Select) or not isinstance(member, exp.Select):
        return None
    if len(member.expressions) != len(names):
        return None
    constants = _constants(base, len(names))
    aliases = _aliases(member, cte.alias)
    if len(aliases) != 1:
        return None
    (table,) = aliases
    own = _own_names(table, names)
    columns = {name.casefold(): index for index, name in enumerate(own)}
    alias = table.alias_or_name.casefold()

    def position(node: exp.Expr) -> int | None:
        if not isinstance(node, exp.Column) or node.table.casefold() not in ("", alias):
            return None
        return columns.get(node.name.casefold())

    progress = {}
    for index, item in enumerate(member.expressions):
        found = _progress(item.unalias().unnest(), index, constants[index], position)
        if found is not None:
            progress[index] = found
    reader = Reader(position, constants)
    tests = [reader.predicate(part) for part in _conditions(member)]
    return Rule(
        cte.alias,
        names,
        base,
        member,
        bool(body.args.get("distinct")),
        constants,
        progress,
        [test for test in tests if test is not None],
        all(test is not None and test.exact for test in tests),
        position,
    )


def _conditions(member: exp.Select) -> list[exp.Expr]:
    """Give what has to hold of the rows of a query: WHERE, and ON of its inner joins."""
    where = member.args.get("where")
    found = conditions.conjuncts(where.this) if where is not None else []
    for join in member.args.get("joins") or []:
        if join.args.get("on") is not None and not join.side and join.kind in ("", "INNER"):
            found += conditions.conjuncts(join.args["on"])
    return found


def _aliases(member: exp.Select, name: str) -> list[exp.Expr]:
    """Give the places where a query reads the one it is part of."""
    return [
        table
        for table in member.find_all(exp.Table)
        if table.name.casefold() == name.casefold() and not table.args.get("db")
    ]


def _own_names(table: exp.Expr, names: list[str]) -> list[str]:
    alias = table.args.get("alias")
    given = [column.name for column in alias.columns] if alias is not None else []
    return [*given, *names[len(given) :]]


def _constants(base: exp.Select, width: int) -> list[list[Any] | None]:
    """Give the values of the columns of the first rows, where they are constants."""
    source = base.args.get("from_")
    if source is not None and isinstance(source.this, exp.Values) and base.is_star:
        rows = [row.expressions for row in source.this.expressions]
        columns = list(zip(*rows, strict=True))
        return [_all_known(list(column)) for column in columns]
    if len(base.expressions) != width:
        return [None] * width
    return [_all_known([item.unalias()]) for item in base.expressions]


def _all_known(nodes: list[exp.Expr]) -> list[Any] | None:
    values = [constant_of(node) for node in nodes]
    return None if None in values else values


def _progress(
    node: exp.Expr,
    index: int,
    starts: list[Any] | None,
    position: Callable[[exp.Expr], int | None],
) -> Progress | None:
    """Read `n + 1` as what it does to the column n."""
    if position(node) == index:
        return Progress(starts or [None], lambda value: value, 0)
    if starts is None:
        return None
    if isinstance(node, exp.Cast):
        if not all(type(start) is datetime.date for start in starts):
            return None
        node = node.this.unnest()
    if not isinstance(node, exp.Add | exp.Sub | exp.Mul):
        return None
    left, right = node.this.unnest(), node.expression.unnest()
    if isinstance(node, exp.Add | exp.Mul) and position(left) is None:
        left, right = right, left
    if position(left) != index:
        return None
    sign = -1 if isinstance(node, exp.Sub) else 1
    if all(isinstance(start, int) for start in starts):
        step = constant_of(right)
        if not isinstance(step, int):
            return None
        if isinstance(node, exp.Mul):
            return Progress(starts, lambda value: value * step, None)
        total = sign * step
        return Progress(starts, lambda value: value + total, total)
    span = span_of(right)
    if span is None or (span % datetime.timedelta(days=1) and type(starts[0]) is datetime.date):
        return None
    shift = sign * span
    return Progress(starts, lambda value: value + shift, shift)


def _constants_alone(rule: Rule, name: str) -> exp.Select | None:
    """Write out the rows, where they come from nothing but constants."""
    if not rule.is_plain:
        return None
    values = constant_levels(rule.base, rule.member, rule.conditions, rule.position, rule.distinct)
    if values is None:
        return None
    columns = [exp.to_identifier(column, quoted=True) for column in rule.names]
    values.set("alias", exp.TableAlias(this=exp.to_identifier(name), columns=columns))
    return exp.select("*").from_(values)


def _series(rule: Rule) -> exp.Select | None:
    """Give columns that only count, from one row of constants, as a query over a range."""
    if not rule.is_plain:
        return None
    if not isinstance(rule.base.args.get("from_"), exp.From | None):
        return None
    if rule.base.args.get("from_") is not None and not rule.base.is_star:
        return None
    if set(rule.progress) != set(range(len(rule.names))):
        return None
    if any(
        len(progress.starts) != 1 or progress.step is None for progress in rule.progress.values()
    ):
        return None
    for column, test, _ in rule.conditions:
        if column is None or not _is_comparable(test, rule.progress[column].starts[0]):
            return None
    depth = rule.depth(_LONGEST)
    moving = [index for index, progress in rule.progress.items() if progress.step]
    if depth is None or not moving:
        return None
    lead = next((i for i in moving if isinstance(rule.progress[i].step, int)), moving[0])
    return _over_range(rule, lead, depth)


def _is_comparable(test: Callable[[Any], bool], value: Any) -> bool:
    try:
        test(value)
    except TypeError:
        return False
    return True


def _over_range(rule: Rule, lead: int, depth: int) -> exp.Select | None:
    """Write the columns as functions of the first one that counts."""
    progress = rule.progress[lead]
    counter = rule.names[lead]
    if not isinstance(progress.step, int):
        return _of_dates(rule, lead, depth)
    start, step = progress.starts[0], progress.step
    last = start + step * depth
    beyond = last + (1 if step > 0 else -1)
    arguments = [_number(start), _number(beyond)] + ([_number(step)] if step != 1 else [])
    items = []
    for index, name in enumerate(rule.names):
        item = _item(rule, index, lead)
        if item is None:
            return None
        items.append(exp.alias_(item, name, quoted=True))
    source = exp.Table(
        this=exp.Anonymous(this="range", expressions=arguments), alias=_alias(counter)
    )
    return exp.select(*items).from_(source)


def _timestamp(value: datetime.date) -> exp.Expr:
    text = value.isoformat(" ") if isinstance(value, datetime.datetime) else f"{value} 00:00:00"
    return exp.cast(exp.Literal.string(text), "TIMESTAMP")


def _number(value: int) -> exp.Expr:
    literal = exp.Literal.number(abs(value))
    return exp.Neg(this=literal) if value < 0 else literal


def _alias(column: str) -> exp.TableAlias:
    return exp.TableAlias(
        this=exp.to_identifier("series"), columns=[exp.to_identifier(column, quoted=True)]
    )


def _item(rule: Rule, index: int, lead: int) -> exp.Expr | None:
    """Write a column as a function of the one that counts."""
    counter = exp.column(exp.to_identifier(rule.names[lead], quoted=True))
    own, first = rule.progress[index], rule.progress[lead]
    if index == lead:
        return counter
    if not own.step:
        return rule.base.expressions[index].unalias() if not rule.base.is_star else None
    if not isinstance(own.step, int) or own.step % first.step:
        return None
    ratio = own.step // first.step
    offset = own.starts[0] - ratio * first.starts[0]
    scaled = counter if ratio == 1 else exp.Mul(this=counter, expression=_number(ratio))
    if not offset:
        return scaled
    kind = exp.Add if offset > 0 else exp.Sub
    return kind(this=scaled, expression=_number(abs(offset)))


_SIZES = (("DAY", 86400), ("HOUR", 3600), ("MINUTE", 60), ("SECOND", 1))


def _of_dates(rule: Rule, lead: int, depth: int) -> exp.Select | None:
    """Write a single column of dates or timestamps as a series of them."""
    progress = rule.progress[lead]
    if len(rule.names) != 1:
        return None
    start = progress.starts[0]
    last = start + progress.step * depth
    seconds = int(progress.step.total_seconds())
    unit, size = next((unit, size) for unit, size in _SIZES if seconds % size == 0)
    amount = seconds // size
    interval = exp.Interval(this=exp.Literal.string(str(amount)), unit=exp.var(unit))
    kind = "DATE" if type(start) is datetime.date else "TIMESTAMP"
    ends = [_timestamp(end) for end in (start, last + progress.step)]
    name = rule.names[lead]
    column: exp.Expr = exp.column(exp.to_identifier(name, quoted=True))
    if kind == "DATE":
        column = exp.cast(column, kind)
    source = exp.Table(
        this=exp.Anonymous(this="range", expressions=[*ends, interval]),
        alias=_alias(name),
    )
    return exp.select(exp.alias_(column, name, quoted=True)).from_(source)


_WHOLE = ("group", "having", "qualify", "distinct", "limit", "offset", "order", "with_", "windows")


def _is_linear(rule: Rule) -> bool:
    """Whether each row of a level has its own next rows: levels can then be written one by one."""
    member = rule.member
    if any(member.args.get(part) for part in _WHOLE):
        return False
    if any(has_aggregate(item) or item.find(exp.Window) for item in member.expressions):
        return False
    return any(table in _aliases(member, rule.name) for table in _kept_tables(member))


def _kept_tables(member: exp.Select) -> Iterator[exp.Expr]:
    """Give the members of FROM without whose rows there are no rows."""
    joins = member.args.get("joins") or []
    widening = any(
        join.side in ("RIGHT", "FULL") or join.kind in ("SEMI", "ANTI") for join in joins
    )
    if not widening:
        yield member.args["from_"].this
        yield from (join.this for join in joins if join.side != "LEFT")


def _unrolled(cte: exp.Expr, body: exp.Union, depth: int, scope: Scope) -> Output:
    """Write out the levels, each a query over the one before it, and combine them."""
    from ibert.translator.set_operations import combined

    context = scope.context
    first = context.query(body.this, scope.outer_of_derived(), context)
    given = [column.name for column in cte.args["alias"].columns]
    labels = [*given, *(label.label for label in first.labels[len(given) :])]
    kinds = [first.relation.columns[label.name].type for label in first.labels]
    level = _level(first, labels, kinds, f"{cte.alias}_0" if depth else cte.alias, scope)
    levels = [level]
    key = cte.alias.casefold()
    for number in range(1, depth + 1):
        scope.ctes[key] = levels[-1]
        output = context.query(body.expression, scope.outer_of_derived(), context)
        levels.append(_level(output, labels, kinds, f"{cte.alias}_{number}", scope))
    if len(levels) > 1:
        return combined(body, levels, scope)
    relation = distinct(level.relation) if body.args.get("distinct") else level.relation
    return Output(relation, level.labels)


def _level(output: Output, labels: list[str], kinds: list[Type], name: str, scope: Scope) -> Output:
    """Give the columns of a level the names and types of the first one."""
    cells: dict[str, Cell] = {}
    for label, kind, (_, own) in zip(labels, kinds, output.labels, strict=True):
        is_cast = str(inferred(output.relation, own)) != kind.dtype
        cells[unique(label, cells)] = Cell(own, kind, is_cast)
    relation = output.relation
    same = all(cell.name == column and not cell.is_cast for column, cell in cells.items())
    if not same or list(cells) != list(relation.columns):
        relation = reprojected(relation, cells, scope)
    relation.labelled(name)
    pairs = zip(labels, cells, strict=True)
    return Output(relation, tuple(Label(label, column) for label, column in pairs))
