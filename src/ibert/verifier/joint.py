"""Joint rows: one row for each instance of a table in a query, so that predicates have a value.

Rows are drawn from pools and improved until they satisfy every conjunct; others miss one conjunct
only. DuckDB itself says what is true: nothing here knows what an operator means.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from random import Random
from typing import Any, Generic, NamedTuple, TypeVar

import ibis.expr.datatypes as types
import pyarrow as pa
from ibis.expr.schema import Schema
from sqlglot import exp

from ibert.catalog import Catalog
from ibert.diagnostics import Diagnostic, collected
from ibert.sql.parse import AS_WRITTEN
from ibert.verifier.analysis import Analysis, Ref, name_of, refs_in
from ibert.verifier.values import Constants, Maker, Pool, UnsupportedTypeError, key, values

SAMPLES = 120
LEAST_SAMPLES = 30  # for each scenario
MOST_SCENARIOS = 24
ROUNDS = 8
MISSES = 8  # tries for each conjunct
EDGE_COPIES = 2  # joint rows for each value around a constant
EDGE_ROUNDS = 4
MOST_COUNT = 12  # of the constants that groups are made to count
MOST_TOTAL = 1_000_000  # of the constants that sums are made to meet
LONGEST_STEP = 5  # digits of a number of seconds, minutes, …
NULL_SHARE = 0.2  # of the values that are drawn again

Item = TypeVar("Item")
JointRow = dict[Ref, Any]
Ask = Callable[[str, pa.Table | None], list[tuple[Any, ...]] | None]  # None: it does not run


class Wanted(NamedTuple):
    """A predicate over joint rows."""

    sql: str
    refs: set[Ref]


class JointRows:
    """The joint rows of a query.

    Attributes
    ----------
    refs
        The columns of instances that the query names.
    members
        The classes of columns that have to be equal.
    satisfying
        Rows that satisfy every conjunct; the best ones, if there are none.
    misses
        For each conjunct, rows that miss it only.
    constrained
        The columns that a predicate or an equality is about.
    paces
        The distances in time that the query asks for.
    edges
        Rows that differ from a satisfying one in one column, which has each of the values around
        the constants that it is held against and around those of the columns.
    makers
        For each column of the tables, what makes its values.
    """

    def __init__(
        self, query: exp.Expr, analysis: Analysis, catalog: Catalog, ask: Ask, rng: Random
    ) -> None:
        self.analysis = analysis
        self._catalog = catalog
        self._ask = ask
        self._rng = rng
        constants = self._constants()
        self.paces = _paces(query)
        named = {column.name.casefold() for column in query.find_all(exp.Column, exp.Identifier)}
        has_star = any(not isinstance(star.parent, exp.Count) for star in query.find_all(exp.Star))
        self.refs = [
            Ref(i, column)
            for i, table in enumerate(analysis.instances)
            for column in catalog[table]
            if has_star or column.casefold() in named
        ]
        self.makers = self._makers(constants)
        self.members, loose = self._classes()
        self.class_of = {ref: i for i, refs in enumerate(self.members) for ref in refs}
        predicates = [*analysis.conjuncts, *loose]
        classes = {
            self.class_of[ref]
            for predicate in (*predicates, *analysis.atoms)
            for ref in refs_in(predicate)
            if ref in self.class_of
        }
        held = {self._of_table(ref) for c in range(len(self.members)) for ref in self.members[c]}
        held &= {target for constant in analysis.constants for target in constant.targets}
        self.free = [
            c not in classes and not any(self._of_table(ref) in held for ref in refs)
            for c, refs in enumerate(self.members)
        ]
        self._atoms = self._that_run(analysis.atoms)
        self.constrained = {ref for p in (*predicates, *analysis.atoms) for ref in refs_in(p)}
        self.constrained |= set(self.class_of)
        self.satisfied = True
        self.satisfying: list[JointRow] = []
        self.misses: list[list[JointRow]] = []
        self.edges: list[JointRow] = []
        scenarios = list(_scenarios(predicates))[:MOST_SCENARIOS]
        for scenario in scenarios:
            wanted = self._that_run(scenario)
            rows = self._satisfying(wanted, max(SAMPLES // len(scenarios), LEAST_SAMPLES))
            self.satisfying += rows
            self.misses += self._misses(wanted, rows)
            self.edges += self._edges(wanted, rows)
        self.satisfying = self._diverse(self.satisfying)

    def dtype(self, ref: Ref) -> types.DataType:
        """Give the type of a column."""
        return self._catalog[self.analysis.instances[ref.instance]][ref.column]

    def draw(self, ref: Ref) -> Any:
        """Draw a value for a column."""
        return self.makers[self._of_table(ref)](self._rng)

    def _of_table(self, ref: Ref) -> tuple[str, str]:
        return self.analysis.instances[ref.instance], ref.column

    def _makers(
        self, constants: Mapping[tuple[str, str], Constants]
    ) -> dict[tuple[str, str], Maker]:
        found = {}
        with collected() as diagnostics:
            for table in dict.fromkeys(self.analysis.instances):
                for column, dtype in self._catalog[table].items():
                    try:
                        found[table, column] = values(dtype, constants[table, column])
                    except UnsupportedTypeError as error:
                        message = f"no values can be made for {table}.{column}: {error}"
                        diagnostics.append(Diagnostic(code="IB101", message=message))
        return found

    # What the query tells of values

    def _constants(self) -> dict[tuple[str, str], Constants]:
        """Evaluate the constants; columns that are compared with each other share theirs."""
        found = self.analysis.constants
        evaluated = self._evaluated([constant.value for constant in found])
        groups: _Groups[tuple[str, str]] = _Groups()
        for predicate in (*self.analysis.conjuncts, *self.analysis.atoms):
            for comparison in predicate.find_all(exp.Binary, exp.Between):
                sides = [side for side in comparison.iter_expressions() if side]
                if not isinstance(comparison, exp.Predicate):
                    continue
                alone = [side for side in sides if isinstance(side, exp.Column)]
                groups.join([self._of_table(ref) for side in alone for ref in refs_in(side)])
        for edge in self.analysis.edges:
            groups.join([self._of_table(ref) for ref in edge])
        held: dict[tuple[str, str], list[Any]] = defaultdict(list)
        rest: list[Any] = []
        for constant, values_ in zip(found, evaluated, strict=True):
            for target in constant.targets:
                held[groups.of(target)] += values_
            if not constant.targets:
                rest += values_
        by_group = {group: Constants(values_) for group, values_ in held.items()}
        other = Constants(rest)
        every = [v for v in (*rest, *chain(*held.values())) if isinstance(v, int | Decimal)]
        self.counts = sorted({v for v in every if isinstance(v, int) and 0 < v <= MOST_COUNT})
        self.totals = sorted({int(v) for v in every if 1 < v < MOST_TOTAL})
        return defaultdict(
            lambda: other,
            {
                (table, column): by_group.get(groups.of((table, column)), other)
                for table in self.analysis.instances
                for column in self._catalog[table]
            },
        )

    def _evaluated(self, constants: Sequence[exp.Expr]) -> list[list[Any]]:
        texts = [constant.sql(AS_WRITTEN) for constant in constants]
        distinct = list(dict.fromkeys(texts))
        rows = self._ask(f"SELECT {', '.join(distinct)}", None) if distinct else None
        if rows is not None:
            known = dict(zip(distinct, rows[0], strict=True))
        else:
            known = {}
            for text in distinct:
                rows = self._ask(f"SELECT {text}", None)
                if rows is not None:
                    known[text] = rows[0][0]
        return [[known[text]] if known.get(text) is not None else [] for text in texts]

    def _classes(self) -> tuple[list[list[Ref]], list[exp.Expr]]:
        """Join the columns that have to be equal; equalities of unlike types are predicates."""
        groups: _Groups[Ref] = _Groups()
        loose: list[exp.Expr] = []
        for one, other in self.analysis.edges:
            if type(self.dtype(one)) is type(self.dtype(other)) or (
                self.dtype(one).is_integer() and self.dtype(other).is_integer()
            ):
                groups.join([one, other])
            else:
                columns = [
                    exp.column(exp.to_identifier(name_of(r), quoted=True)) for r in (one, other)
                ]
                loose.append(exp.EQ(this=columns[0], expression=columns[1]))
        return groups.lists(), loose

    # Rows

    def _that_run(self, predicates: Sequence[exp.Expr]) -> list[Wanted]:
        """Keep the predicates that DuckDB can evaluate on joint rows."""
        found = []
        for predicate in predicates:
            text, refs = f"({predicate.sql(AS_WRITTEN)})::BOOLEAN", refs_in(predicate)
            if all(ref in self.refs for ref in refs):
                found.append(Wanted(text, refs))
        row = dict.fromkeys(self.refs)
        if found and self._truth([row], found) is None:
            found = [item for item in found if self._truth([row], [item]) is not None]
        return found

    def _truth(
        self, rows: Sequence[JointRow], predicates: Sequence[Wanted]
    ) -> list[tuple[bool | None, ...]] | None:
        if not predicates:
            return [()] * len(rows)
        refs = sorted({ref for predicate in predicates for ref in predicate.refs})
        schema = Schema(
            {name_of(ref): self.dtype(ref).copy(nullable=True) for ref in refs}
        ).to_pyarrow()
        table = pa.table(
            [
                pa.array([row[ref] for row in rows], field.type)
                for ref, field in zip(refs, schema, strict=True)
            ],
            schema=schema,
        )
        asked = ", ".join(predicate.sql for predicate in predicates)
        found = self._ask(f"SELECT {asked} FROM joint", table)  # noqa: S608  the query's own
        # What gives several rows for one is no predicate.
        return found if found is not None and len(found) == len(rows) else None

    def _drawn(self) -> JointRow:
        row = {ref: self.draw(ref) for ref in self.refs}
        for number in range(len(self.members)):
            self.redraw_class(row, number)
        return row

    def redraw_class(self, row: JointRow, number: int) -> None:
        """Draw a value for the columns of a class."""
        refs = self.members[number]
        chosen = self._rng.randint(1, 9)
        value = None if self.free[number] else self.draw(self._rng.choice(refs))
        for ref in refs:
            if ref in row:
                fresh = key(self.dtype(ref), chosen)
                row[ref] = fresh if self.free[number] and fresh is not None else value

    def _redraw(self, row: JointRow, refs: Collection[Ref]) -> None:
        """Draw again what a predicate is about, or one column of it."""
        chosen = sorted(refs)
        if chosen and self._rng.random() < 0.5:
            chosen = self._rng.sample(chosen, 1)
        for ref in chosen:
            if ref in self.class_of:
                self.redraw_class(row, self.class_of[ref])
            elif self.dtype(ref).nullable and self._rng.random() < NULL_SHARE:
                row[ref] = None  # what IS NULL asks for
            else:
                row[ref] = self.draw(ref)

    def _satisfying(self, wanted: Sequence[Wanted], count: int) -> list[JointRow]:
        """Draw rows, and draw again what the predicates that fail are about."""
        rows = [self._drawn() for _ in range(count)]
        for _ in range(ROUNDS):
            wrong = self._failing(rows, wanted)
            if sum(not failing for failing in wrong) > count * 3 // 4:
                break
            best = sorted(range(count), key=lambda i: len(wrong[i]))[: max(1, count // 4)]
            for i, failing in enumerate(wrong):
                if len(failing) > 1 and self._rng.random() < 0.3:
                    chosen = self._rng.choice(best)
                    rows[i], failing = dict(rows[chosen]), wrong[chosen]
                for number in failing:
                    self._redraw(rows[i], wanted[number].refs)
        missed = [len(failing) for failing in self._failing(rows, wanted)]
        least = min(missed)
        self.satisfied &= least == 0
        return [row for row, number in zip(rows, missed, strict=True) if number == least]

    def _failing(self, rows: list[JointRow], wanted: Sequence[Wanted]) -> list[list[int]]:
        """Tell for each row which predicates it does not satisfy."""
        truth = self._truth(rows, wanted) or [()] * len(rows)
        return [[i for i, value in enumerate(found) if value is not True] for found in truth]

    def _diverse(self, rows: list[JointRow]) -> list[JointRow]:
        """Put rows first that differ in what other predicates make of them."""
        truth = self._truth(rows, self._atoms) or [()] * len(rows)
        turns: dict[Any, int] = defaultdict(int)
        ranked = []
        for i, values_ in enumerate(truth):
            ranked.append((turns[values_], i))
            turns[values_] += 1
        return [rows[i] for _, i in sorted(ranked)]

    def _misses(self, wanted: Sequence[Wanted], rows: list[JointRow]) -> list[list[JointRow]]:
        """Find for each predicate rows that miss it alone: it is false for them, or NULL."""
        tried = []
        for predicate in wanted:
            for _ in range(MISSES):
                row = dict(self._rng.choice(rows[:20]))
                self._redraw(row, predicate.refs)
                tried.append(row)
        found: list[list[JointRow]] = [[] for _ in wanted]
        for row, failing in zip(tried, self._failing(tried, wanted), strict=True):
            if len(failing) == 1:
                found[failing[0]].append(row)
        return found

    def _edges(self, wanted: Sequence[Wanted], rows: list[JointRow]) -> list[JointRow]:
        """Set each column to each value around its constants, and let the others follow."""
        found: list[tuple[JointRow, set[Ref]]] = []
        held = {target for constant in self.analysis.constants for target in constant.targets}
        refs = {ref for predicate in (*wanted, *self._atoms) for ref in predicate.refs}
        for ref in sorted(refs | {ref for ref in self.refs if self._of_table(ref) in held}):
            make = self.makers[self._of_table(ref)]
            beside = {other for p in wanted if ref in p.refs for other in p.refs} - {ref}
            alike = [other for other in sorted(beside) if self.dtype(other) == self.dtype(ref)]
            for value in (*(make.near if isinstance(make, Pool) else ()), *alike):
                for _ in range(EDGE_COPIES):
                    row = dict(self._rng.choice(rows))
                    is_column = isinstance(value, Ref)
                    fixed = self._let(row, ref, row[value] if is_column else value)
                    found.append((row, {*fixed, value} if is_column else fixed))
        for _ in range(EDGE_ROUNDS):
            failing = self._failing([row for row, _ in found], wanted)
            for (row, fixed), numbers in zip(found, failing, strict=True):
                for number in numbers:
                    self._redraw(row, wanted[number].refs - fixed)
        return [row for row, _ in found]

    def _let(self, row: JointRow, ref: Ref, value: Any) -> set[Ref]:
        """Give a column a value, and those that have to be equal to it; tell which they are."""
        members = self.members[self.class_of[ref]] if ref in self.class_of else [ref]
        row.update(dict.fromkeys(members, value))
        return set(members)


def _paces(query: exp.Expr) -> list[dt.timedelta]:
    """Give the distances in time that a query may ask for, and what is just around them.

    Examples
    --------
    >>> import sqlglot
    >>> query = sqlglot.parse_one("SELECT date_diff('hour', a, b) <= 5", "duckdb")
    >>> [pace.seconds // 3600 for pace in _paces(query)]
    [0, 1, 4, 5, 6]
    """
    words = {str(node.name).casefold().removesuffix("s") for node in query.find_all(*_WORDS)}
    units = [unit for unit in ("second", "minute", "hour", "day") if unit in words]
    numbers = {int(word) for word in words if word.isdigit() and len(word) < LONGEST_STEP}
    steps = {0, 1, *(number + step for number in numbers for step in (-1, 0, 1))}
    return [dt.timedelta(**{f"{unit}s": step}) for unit in units for step in sorted(steps)]


_WORDS = (exp.Literal, exp.Var)


def _scenarios(predicates: Sequence[exp.Expr]) -> Iterator[list[exp.Expr]]:
    """Give the predicates and, for each alternative of each disjunction, those with it alone true.

    Examples
    --------
    >>> import sqlglot
    >>> for scenario in _scenarios([sqlglot.parse_one("(a AND b) OR c"), sqlglot.parse_one("d")]):
    ...     print(*scenario, sep=", ")
    (a AND b) OR c, d
    d, a, b, NOT COALESCE(c, FALSE)
    d, c, NOT COALESCE(a AND b, FALSE)
    """
    yield list(predicates)
    for i, predicate in enumerate(predicates):
        if isinstance(predicate, exp.Or):
            alternatives = list(predicate.flatten())
            for alternative in alternatives:
                inner = alternative.unnest()
                parts = inner.flatten() if isinstance(inner, exp.And) else [inner]
                others = [other for j, other in enumerate(predicates) if j != i]
                missed = [_is_missed(other) for other in alternatives if other is not alternative]
                yield [*others, *(part.unnest() for part in parts), *missed]


def _is_missed(predicate: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Coalesce(this=predicate.copy(), expressions=[exp.false()]))


class _Groups(Generic[Item]):
    """Disjoint sets; what was never joined is a set of its own."""

    def __init__(self) -> None:
        self._parent: dict[Item, Item] = {}

    def of(self, item: Item) -> Item:
        """Give the representative of an item's set."""
        while (parent := self._parent.get(item, item)) != item:
            item = parent
        return item

    def join(self, items: Sequence[Item]) -> None:
        """Make one set of the sets of some items."""
        for item in items:
            self._parent.setdefault(item, item)
            self._parent[self.of(items[0])] = self.of(item)

    def lists(self) -> list[list[Item]]:
        """Give the sets of more than one item."""
        found: dict[Item, list[Item]] = defaultdict(list)
        for item in self._parent:
            found[self.of(item)].append(item)
        return [items for items in found.values() if len(items) > 1]
