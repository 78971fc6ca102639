"""Databases that tell a query from its near misses: kinds of them, drawn from a seed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from random import Random
from typing import Any, NamedTuple

import ibis.expr.datatypes as types
import pyarrow as pa

from ibert.catalog import Catalog
from ibert.verifier.analysis import Ref
from ibert.verifier.joint import JointRow, JointRows
from ibert.verifier.values import key, later, limits

NULL_SHARE = 0.1
COPY_SHARE = 0.1
TIE_SHARE = 0.2
LIMIT_SHARE = 0.2
ALONE_SHARE = 0.3  # of the groups that are counted, those that nothing else is joined to
ALTERNATIVE_SHARE = 0.7  # of the joint rows that one subquery of an OR is there for alone
MOST_REPLICAS = 320  # joint rows that are made to fill a LIMIT
MOST_EDGES = 220  # joint rows
COARSE = ((0, 1, 1, 2, 4), (0, 1, 2, 3), (1, 3, 100_000))
CHAIN = 6  # tables that refer to each other in a row
SLACK = 3  # joint rows more than a LIMIT takes

FREE_KEYS = 1000  # numbers of keys from there on are given to rows that repeat one
Items = list[dict[str, Any]]
Rows = dict[str, Items]


class Database(NamedTuple):
    """The rows of the tables that a query names; `sound` where the declared foreign keys hold."""

    kind: str
    rows: Rows
    sound: bool = True

    @property
    def size(self) -> int:
        """How many rows there are in all."""
        return sum(map(len, self.rows.values()))


class Databases:
    """Makes databases for a query."""

    def __init__(self, joint: JointRows, catalog: Catalog, rng: Random) -> None:
        self._joint = joint
        self._catalog = catalog
        self._rng = rng
        self._instances = joint.analysis.instances
        self._number = 0  # of the next key that no row has yet

    def kinds(self) -> Iterator[Database]:
        """Give databases, the small ones that tell most first."""
        for kind, make in self._plan():
            rows = make()
            self._keep_keys(rows)
            for table in rows.values():
                self._rng.shuffle(table)
            loose = {table: list(items) for table, items in rows.items()}
            is_loose = self._keep_references(rows)
            yield Database(kind, rows)
            if is_loose:
                yield Database(kind, loose, sound=False)

    def _plan(self) -> Iterator[tuple[str, Callable[[], Rows]]]:
        if not self._instances:
            yield "empty", self._empty
            return
        yield "mini", lambda: self._witness(2, 6)
        yield "tiny", lambda: self._witness(1, 0)
        yield "edges", lambda: self._edges(1.0)
        yield "coarse", lambda: self._coarse(6, 10)
        for size in (2, 3, 3):
            yield "mini", partial(self._witness, size, 8)
        for share in (0.0, 0.5, 1.0):
            yield "witness", partial(self._witness, 4, 40, shared=share)
        yield "ties", self._ties
        yield "rich", lambda: self._coarse(16, 20)
        yield "edges", lambda: self._edges(0.5)
        yield "deep", lambda: self._deep(10)
        yield "flat", self._flat
        yield "totals", self._totals
        yield "aware", lambda: self._aware(8)
        yield "counts", self._counts
        yield "rows", lambda: self._aware(40)
        if self._joint.paces:
            yield "paced", lambda: self._paced(12)
            yield "paced", lambda: self._paced(24)
        if self._joint.analysis.limits:
            most = max(self._joint.analysis.limits) + SLACK
            yield "many", lambda: self._many(min(most, MOST_REPLICAS))
            yield "many", lambda: self._many(min(3 * most, MOST_REPLICAS))
        for _ in range(3):
            yield "mini", lambda: self._witness(3, 10, shared=0.5)
            yield "deep", lambda: self._deep(14)
            yield "coarse", lambda: self._coarse(4, 12)
            yield "totals", self._totals
            yield "ties", self._ties
            yield "edges", lambda: self._edges(0.5)
            yield "witness", lambda: self._witness(5, 60, shared=0.5)
        yield "aware", lambda: self._aware(30)
        for _ in range(4):
            yield "aware", lambda: self._aware(5)
        yield "clean", lambda: self._witness(6, 0)
        yield "aware", lambda: self._aware(80)
        for _ in range(3):
            yield "mini", lambda: self._witness(2, 4)
            yield "flat", self._flat
            yield "counts", self._counts
            yield "witness", lambda: self._witness(6, 80, shared=0.3)
        yield "aware", lambda: self._aware(200)
        yield "limits", lambda: self._aware(8, extreme=True)
        yield "empty", self._empty

    # Joint rows and what is changed in them

    def _empty(self) -> Rows:
        return {table: [] for table in dict.fromkeys(self._instances)}

    def _base(self, *, fresh: bool = True) -> JointRow:
        """Give a joint row that satisfies the query, with keys that no other has."""
        rows = self._joint.satisfying
        row = dict(rows[min(int(self._rng.expovariate(0.3)), len(rows) - 1)])
        if fresh:
            self._freshen(row)
        return row

    def _apart(self) -> JointRow:
        """Give a joint row in a group of its own, where the query lets it be."""
        row = self._base()
        self._number += 1
        self._give(row, self._joint.analysis.keys - self._joint.constrained, self._number)
        return row

    def _freshen(self, row: JointRow) -> None:
        for number, refs in enumerate(self._joint.members):
            if self._joint.free[number]:
                self._number += 1
                self._give(row, refs, self._number)

    def _give(self, row: JointRow, refs: Iterable[Ref], number: int) -> None:
        for ref in refs:
            value = key(self._joint.dtype(ref), number)
            if ref in row and value is not None:
                row[ref] = value

    def _put(
        self,
        rows: Rows,
        row: JointRow,
        *,
        only: int | None = None,
        without: Iterable[int] | None = None,
    ) -> None:
        """Add the rows of a joint row to the tables."""
        left_out = self._joint.analysis.negative if without is None else set(without)
        for alternatives in self._joint.analysis.alternatives:
            if self._rng.random() < ALTERNATIVE_SHARE:
                one = self._rng.choice(alternatives)
                left_out = left_out.union(*(found for found in alternatives if found is not one))
        for i, table in enumerate(self._instances):
            if i == only or (only is None and i not in left_out):
                rows[table].append(
                    {
                        column: row[Ref(i, column)]
                        if Ref(i, column) in row
                        else self._value(table, column, dtype)
                        for column, dtype in self._catalog[table].items()
                    }
                )

    def _value(self, table: str, column: str, dtype: types.DataType) -> Any:
        if dtype.nullable and self._rng.random() < NULL_SHARE:
            return None
        return self._joint.makers[table, column](self._rng)

    def _witness(self, bases: int, variants: int, *, shared: float = 0.3) -> Rows:
        """Give rows that satisfy the query, and rows in which one thing is changed."""
        rows = self._empty()
        placed = [self._base() for _ in range(bases)]
        for row in placed:
            if row is not placed[0] and self._rng.random() < 0.4:
                self._share(row, placed[0])
            self._put(rows, row)
        chosen = list(self._variants())
        self._rng.shuffle(chosen)
        for change in chosen[:variants]:
            base = None
            if self._rng.random() < shared:
                base = dict(self._rng.choice(placed))
            change(rows, base)
        return rows

    def _share(self, row: JointRow, other: JointRow) -> None:
        """Let a joint row meet some of the rows that another one meets."""
        for refs in self._joint.members:
            if self._rng.random() < 0.5:
                row.update({ref: other[ref] for ref in refs if ref in row})

    def _variants(self) -> Iterator[Callable[[Rows, JointRow | None], None]]:
        """Give what can be changed in a joint row: added to the tables, by itself or to a base."""
        negative = self._joint.analysis.negative
        for i in range(len(self._instances)):
            yield self._omitting({i} ^ (negative if i not in negative else negative - {i}))
            yield self._copying(i)
            yield self._twinning(i)
        for misses in self._joint.misses:
            for _ in range(2 if misses else 0):
                yield self._missing(misses)
        for refs in self._joint.members:
            for ref in refs:
                yield self._parting(ref)
            if len(nullable := [ref for ref in refs if self._joint.dtype(ref).nullable]) > 1:
                for _ in nullable:
                    yield self._nulling(*nullable)
        for ref in self._joint.refs:
            if self._joint.dtype(ref).nullable:
                yield self._nulling(ref)
            yield self._changing(ref)

    def _omitting(self, instances: set[int]) -> Callable[[Rows, JointRow | None], None]:
        def change(rows: Rows, base: JointRow | None) -> None:
            self._put(rows, self._base(), without=instances)

        return change

    def _copying(self, i: int) -> Callable[[Rows, JointRow | None], None]:
        def change(rows: Rows, base: JointRow | None) -> None:
            row = base or self._base()
            if base is None:
                self._put(rows, row)
            table = rows[self._instances[i]]
            count = len(table)
            self._put(rows, row, only=i)
            if len(table) > count > 0 and base is None:
                table[-1] = (
                    dict(table[count - 1]) if i not in self._joint.analysis.negative else table[-1]
                )

        return change

    def _twinning(
        self, i: int, also: JointRow | None = None
    ) -> Callable[[Rows, JointRow | None], None]:
        """Give a row of an instance another one that is joined with the same rows."""

        def change(rows: Rows, base: JointRow | None) -> None:
            row = base or self._base()
            if base is None:
                self._put(rows, row)
            twin = dict(self._joint.satisfying[self._rng.randrange(len(self._joint.satisfying))])
            for refs in self._joint.members:
                twin.update({ref: row[ref] for ref in refs if ref in row})
            self._put(rows, {**twin, **(also or {})}, only=i)

        return change

    def _missing(self, misses: list[JointRow]) -> Callable[[Rows, JointRow | None], None]:
        def change(rows: Rows, base: JointRow | None) -> None:
            row = dict(self._rng.choice(misses))
            if base is None:
                self._freshen(row)
                self._put(rows, row)
                return
            for number, refs in enumerate(self._joint.members):
                if self._joint.free[number]:
                    row.update({ref: base[ref] for ref in refs if ref in row})
            for i in {ref.instance for ref in row if row[ref] != base[ref]}:
                self._put(rows, row, only=i)

        return change

    def _parting(self, ref: Ref) -> Callable[[Rows, JointRow | None], None]:
        """Let a row refer to nothing, or to what others refer to."""

        def change(rows: Rows, base: JointRow | None) -> None:
            row = self._base()
            if base is None or ref not in row:
                self._number += 1
                self._give(row, [ref], self._number)
                self._put(rows, row)
            else:
                row[ref] = base[ref]
                self._put(rows, row)

        return change

    def _nulling(self, *refs: Ref) -> Callable[[Rows, JointRow | None], None]:
        """Put NULL in a column, or in all that have to be equal: NULL is not equal to NULL."""

        def change(rows: Rows, base: JointRow | None) -> None:
            row = self._base() if base is None else base
            row.update(dict.fromkeys(refs))
            alone = base is not None and len(refs) == 1
            self._put(rows, row, only=refs[0].instance if alone else None)

        return change

    def _changing(self, ref: Ref) -> Callable[[Rows, JointRow | None], None]:
        def change(rows: Rows, base: JointRow | None) -> None:
            row = self._base() if base is None else base
            row[ref] = self._joint.draw(ref)
            self._put(rows, row, only=None if base is None else ref.instance)

        return change

    # Other kinds

    def _deep(self, count: int) -> Rows:
        """Give few groups and partitions of many rows."""
        rows = self._empty()
        keys = self._joint.analysis.keys
        grouped = [self._base(), self._base()]
        for i in range(count):
            row = self._base()
            group = grouped[self._rng.random() < 0.3]
            row.update({ref: group[ref] for ref in keys if ref in row})
            for refs in self._joint.members:
                if any(ref in keys for ref in refs) and self._rng.random() < 0.8:
                    row.update({ref: group[ref] for ref in refs if ref in row})
            self._put(rows, row, without=None if i % 3 else ())
        return rows

    def _paced(self, count: int) -> Rows:
        """Give groups whose days and moments follow each other at the distances of the query."""
        rows = self._empty()
        keys = self._joint.analysis.keys
        times = [ref for ref in self._joint.refs if self._joint.dtype(ref).is_temporal()]
        for known in (True, True, False):
            group = self._base()
            held = {ref: group[ref] if known else None for ref in keys if ref in group}
            for _ in range(count // 2):
                row = {**self._base(), **held}
                for ref in times:
                    if group.get(ref) is not None:
                        is_tied = self._rng.random() < TIE_SHARE
                        pace = dt.timedelta() if is_tied else self._rng.choice(self._joint.paces)
                        row[ref] = group[ref] = later(group[ref], pace)
                    if self._rng.random() < NULL_SHARE:
                        row[ref] = None
                self._put(rows, row)
        return rows

    def _edges(self, share: float) -> Rows:
        """Give rows with the values around every constant, in whichever column meets it."""
        rows = self._empty()
        self._put(rows, self._base())
        edges = self._joint.edges
        count = min(MOST_EDGES, round(share * len(edges)))
        for edge in self._rng.sample(edges, count):
            row = dict(edge)
            self._freshen(row)
            self._put(rows, row, without=None if self._rng.random() < 0.6 else ())
        return rows

    def _coarse(self, bases: int, variants: int) -> Rows:
        """Give rows whose numbers are few and small, so that sums and means meet values."""
        rows = self._witness(bases, variants)
        numbers = self._rng.choice(COARSE)
        held = {(self._instances[ref.instance], ref.column) for ref in self._joint.constrained}
        for table, items in rows.items():
            for column, dtype in self._catalog[table].items():
                if not dtype.is_numeric() or (table, column) in held:
                    continue
                for row in items:
                    if row[column] is not None:
                        row[column] = key(dtype, self._rng.choice(numbers))
        return rows

    def _many(self, count: int) -> Rows:
        """Give a LIMIT more rows than it takes, in groups of their own."""
        rows = self._empty()
        for number in range(count):
            row = self._base()
            for ref in self._joint.refs:
                value = key(self._joint.dtype(ref), number)
                free = ref not in self._joint.constrained and value is not None
                if free and (ref in self._joint.analysis.keys or self._rng.random() < 0.5):
                    row[ref] = value
            self._put(rows, row)
        return rows

    def _ties(self) -> Rows:
        """Give rows that satisfy the query and differ in one column and in what they are joined by.

        Whatever is sorted or grouped by a column meets ties in all the others.
        """
        rows = self._empty()
        base = self._base()
        for ref in [None, *self._joint.refs]:
            row = dict(base)
            self._freshen(row)
            if ref is not None and ref not in self._joint.class_of:
                satisfying = self._rng.choice(self._joint.satisfying)
                row[ref] = (
                    satisfying[ref] if ref in self._joint.constrained else self._joint.draw(ref)
                )
            if ref is None or row[ref] != base[ref] or self._rng.random() < 0.2:
                self._put(rows, row)
            if ref is not None and ref not in self._joint.class_of:
                self._put(rows, {**row, ref: None})  # unless it is no column for NULL
        return rows

    def _flat(self) -> Rows:
        """Give rows that are alike in all but one column, and all meet each other."""
        rows = self._empty()
        base = self._base()
        self._put(rows, base)
        for i in range(len(self._instances)):
            refs = [ref for ref in self._joint.refs if ref.instance == i]
            for _ in range(2 if len(self._instances) < 6 else 1):
                row = dict(base)
                if refs and self._rng.random() < 0.7:
                    ref = self._rng.choice(refs)
                    row[ref] = self._joint.draw(ref)
                if i not in self._joint.analysis.negative or self._rng.random() < 0.5:
                    self._put(rows, row, only=i)
        return rows

    def _counts(self) -> Rows:
        """Give groups of as many rows as the query counts, of one more and one less."""
        rows = self._empty()
        counts = self._joint.counts or [2]
        for count in self._rng.sample(counts, min(2, len(counts))):
            for size in (count - 1, count, count + 1):
                row = self._apart()
                i = self._rng.randrange(len(self._instances))
                self._put(rows, row, only=i if self._rng.random() < ALONE_SHARE else None)
                keys = {ref: row[ref] for ref in self._joint.analysis.keys if ref in row}
                for _ in range(size - 1):
                    self._twinning(i, keys)(rows, dict(row))
        return rows

    def _totals(self) -> Rows:
        """Give groups whose numbers come to a constant of the query, to one more and one less."""
        rows = self._empty()
        self._put(rows, self._base())
        numbers = [
            ref
            for ref in self._joint.refs
            if self._joint.dtype(ref).is_numeric()
            and ref not in self._joint.class_of
            and ref not in self._joint.analysis.keys
        ]
        totals = self._rng.sample(self._joint.totals, min(2, len(self._joint.totals)))
        counts = [count + 1 for count in self._joint.counts]
        for total in totals if numbers else ():
            for size in {1, 2, *self._rng.sample(counts, min(1, len(counts)))}:
                for more in (-1, 0, 1):
                    self._group(rows, self._rng.choice(numbers), size, total + more)
        return rows

    def _group(self, rows: Rows, ref: Ref, size: int, total: int) -> None:
        """Add joint rows that are alike but in a number, which comes to a total."""
        row = self._apart()
        for i in range(size):
            row[ref] = key(self._joint.dtype(ref), 1 if i else max(0, total - size + 1))
            self._put(rows, row, only=ref.instance if i else None)

    def _aware(self, count: int, *, extreme: bool = False) -> Rows:
        """Give rows whose columns know nothing of each other, but the query's constants."""
        rows = self._empty()
        most = max(2, count // 3)
        joined = {
            (self._instances[ref.instance], ref.column)
            for number, refs in enumerate(self._joint.members)
            if self._joint.free[number]
            for ref in refs
        }
        for table in rows:
            for _ in range(count if count < 50 else self._rng.choice((count, count // 4))):
                if rows[table] and self._rng.random() < COPY_SHARE:
                    rows[table].append(dict(self._rng.choice(rows[table])))
                    continue
                row = {}
                for column, dtype in self._catalog[table].items():
                    row[column] = self._value(table, column, dtype)
                    edges = limits(dtype) if extreme else []
                    if edges and self._rng.random() < LIMIT_SHARE:
                        row[column] = self._rng.choice(edges)
                    elif (table, column) in joined and row[column] is not None:
                        number = min(self._rng.randint(1, most), self._rng.randint(1, most))
                        row[column] = key(dtype, number)
                rows[table].append(row)
        return rows

    # Keys

    def _keep_keys(self, rows: Rows) -> None:
        """Put values where no NULL may be, and leave out rows that repeat a primary key."""
        for table, items in rows.items():
            for row in items:
                for column, dtype in self._catalog[table].items():
                    if row[column] is None and not dtype.nullable:
                        row[column] = self._joint.makers[table, column](self._rng)
            primary = self._catalog.keys[table].primary if table in self._catalog.keys else ()
            if primary:
                items[:] = self._distinct(table, items, primary)

    def _distinct(self, table: str, items: Items, primary: tuple[str, ...]) -> Items:
        """Give another key to rows that repeat one; leave them out where others refer to it."""
        held = {(self._instances[ref.instance], ref.column) for ref in self._joint.constrained}
        free = [column for column in primary if (table, column) not in held]
        distinct: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in items:
            if free and tuple(row[column] for column in primary) in distinct:
                self._number += 1
                row[free[0]] = key(self._catalog[table][free[0]], self._number + FREE_KEYS)
            distinct.setdefault(tuple(row[column] for column in primary), row)
        return list(distinct.values())

    def _keep_references(self, rows: Rows) -> bool:
        """Add the rows that foreign keys want; tell whether some were missing."""
        added = False
        for _ in range(CHAIN):
            wanted = list(self._missing_parents(rows))
            if not wanted:
                break
            added = True
            for table, known in wanted:
                row = {
                    column: self._value(table, column, dtype)
                    for column, dtype in self._catalog[table].items()
                }
                rows[table].append(row | known)
            self._keep_keys(rows)
        return added

    def _missing_parents(self, rows: Rows) -> Iterator[tuple[str, dict[str, Any]]]:
        for table, items in rows.items():
            foreign = self._catalog.keys[table].foreign if table in self._catalog.keys else ()
            for columns, name, referred in foreign:
                if name not in self._catalog or self._catalog.table_name(name) not in rows:
                    continue
                parent = self._catalog.table_name(name)
                keys = self._catalog.keys.get(parent)
                targets = referred or (keys.primary if keys else ())
                there = {tuple(row[target] for target in targets) for row in rows[parent]}
                for row in items:
                    values = tuple(row[column] for column in columns)
                    if None not in values and values not in there and len(targets) == len(columns):
                        there.add(values)
                        yield parent, dict(zip(targets, values, strict=True))


def backwards(rows: Rows) -> Rows:
    """Give the same rows in the opposite order."""
    return {table: items[::-1] for table, items in rows.items()}


def to_arrow(rows: Rows, catalog: Catalog) -> dict[str, pa.Table]:
    """Give the rows as Arrow tables, one for each table of the catalog."""
    tables = {}
    for table, schema in catalog.tables.items():
        arrow = schema.to_pyarrow()
        items = rows.get(table, [])
        arrays = [pa.array([row[field.name] for row in items], field.type) for field in arrow]
        tables[table] = pa.table(arrays, schema=arrow)
    return tables
