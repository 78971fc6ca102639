"""Compose queries that a person might ask of a domain, from clauses that fit its columns."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random
from typing import NamedTuple, TypeVar

from ibert.datagen.factory.domains import DAYS, FIRST_DAY, KINDS, Domain

JOINS = {"JOIN": 5, "LEFT JOIN": 5, "INNER JOIN": 1, "RIGHT JOIN": 1, "FULL OUTER JOIN": 1}
SET_OPERATIONS = {"UNION ALL": 4, "UNION": 3, "EXCEPT": 2, "INTERSECT": 2}
LINKS = ("key", "reference")
_T = TypeVar("_T")


@cache
def clauses() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Give what clauses are made of, by clause and kind."""
    text = files("ibert.datagen.factory").joinpath("clauses.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


class Field(NamedTuple):
    """A column as a query writes it, its bare name, and its kind."""

    sql: str
    name: str
    kind: str
    literals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """What a SELECT list holds: SQL, and the name of the column that it makes."""

    sql: str
    name: str

    def __str__(self) -> str:
        return (
            self.sql if self.sql.rpartition(".")[2] == self.name else f"{self.sql} AS {self.name}"
        )


@dataclass(frozen=True)
class Source:
    """A FROM clause, its columns, and those of them that tell its rows apart."""

    sql: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] | None

    def of(self, *kinds: str) -> list[Field]:
        """Give the columns of some kinds."""
        return [field for field in self.fields if field.kind in kinds]


class Composer:
    r"""Composes queries over the tables of a domain.

    Examples
    --------
    >>> from ibert.datagen.factory.domains import draw_domain
    >>> Composer(draw_domain(Random(4)), Random(50)).compose()
    'SELECT repaired, severity FROM faults'
    """

    def __init__(self, domain: Domain, rng: Random) -> None:
        self._domain = domain
        self._rng = rng
        self._shapes: dict[Callable[[], str], int] = {
            self._rows: 5,
            self._summary: 6,
            self._ranked: 3,
            self._best_of_group: 2,
            self._above_average: 2,
            self._related: 3,
            self._combined: 1,
            self._steps: 3,
            self._totals: 1,
            self._distinct: 1,
        }

    def compose(self) -> str:
        """Compose a query."""
        return self._weighted(self._shapes)()

    # Shapes

    def _rows(self) -> str:
        source = self._source()
        items = self._items(source)
        rest = self._where(source) + self._sorted(items, source)
        return f"SELECT {_list(items)} FROM {source.sql}{rest}"

    def _summary(self) -> str:
        source = self._source()
        groups, aggregates = self._groups(source), self._aggregates(source)
        head = f"SELECT {_list([*groups, *aggregates])} FROM {source.sql}{self._where(source)}"
        if not groups:
            return head
        having = f" HAVING {self._having(source)}" if self._chance(0.3) else ""
        items = [*groups, *aggregates]
        return f"{head} GROUP BY {self._by(groups)}{having}{self._order(items)}"

    def _ranked(self) -> str:
        source = self._source(most=1)
        items = self._items(source, plain=True)
        if source.key is None:
            return self._rows()
        made = [item for item in self._windows(source) if item.name not in {i.name for i in items}]
        return f"SELECT {_list([*items, *made])} FROM {source.sql}{self._where(source)}"

    def _best_of_group(self) -> str:
        source = self._source(most=1)
        measures = source.of("money", "measure", "count", "date", "timestamp")
        groups = source.of("text", "reference", "flag")
        if source.key is None or not measures or not groups:
            return self._ranked()
        measure, group = self._rng.choice(measures), self._rng.choice(groups)
        order = ", ".join((f"{measure.sql} DESC NULLS LAST", *source.key))
        window = f"ROW_NUMBER() OVER (PARTITION BY {group.sql} ORDER BY {order})"
        fields = [*self._some(source, 2), group, measure]
        items = _list(dict.fromkeys(Item(field.sql, field.name) for field in fields))
        where, count = self._where(source), self._rng.choice((1, 1, 2, 3))
        test = "= 1" if count == 1 else f"<= {count}"
        if self._chance(0.4):
            return f"SELECT {items} FROM {source.sql}{where} QUALIFY {window} {test}"
        inner = f"SELECT {items}, {window} AS place FROM {source.sql}{where}"
        names = ", ".join(dict.fromkeys(field.name for field in fields))
        if self._chance(0.5):
            return f"WITH ranked AS ({inner}) SELECT {names} FROM ranked WHERE place {test}"
        return f"SELECT {names} FROM ({inner}) AS ranked WHERE place {test}"

    def _above_average(self) -> str:
        source = self._source(most=1)
        measures = source.of("money", "measure", "count")
        if not measures:
            return self._rows()
        field, call = self._rng.choice(measures), self._rng.choice(("AVG", "AVG", "MAX", "MIN"))
        sign = {"AVG": self._rng.choice((">", "<")), "MAX": "=", "MIN": ">"}[call]
        groups = source.of("text", "reference")
        inner = f"SELECT {call}({field.name}) FROM {source.sql}"
        if groups and self._chance(0.4):
            table, group = source.sql, self._rng.choice(groups)
            same = f"b.{group.name} = a.{group.name}"
            inner = f"SELECT {call}(b.{field.name}) FROM {table} AS b WHERE {same}"
            names = _list(Item(f"a.{one.name}", one.name) for one in self._some(source, 3))
            return f"SELECT {names} FROM {table} AS a WHERE a.{field.name} {sign} ({inner})"
        items = self._items(source, plain=True)
        condition = f"{field.sql} {sign} ({inner}){self._sorted(items, source)}"
        return f"SELECT {_list(items)} FROM {source.sql} WHERE {condition}"

    def _related(self) -> str:
        """Ask for rows with or without others that belong to them."""
        links = list(self._links())
        if not links:
            return self._summary()
        one, other, column = self._rng.choice(links)
        source, inner = self._table(one), self._table(other)
        items = self._items(source, plain=self._chance(0.6))
        test = self._predicates(inner, "i.") if self._chance(0.7) else ""
        if self._chance(0.5):
            where = f" WHERE {test}".replace("i.", "") if test else ""
            word = self._rng.choice(("IN", "IN", "NOT IN"))
            keep = f"{'WHERE' if not where else where + ' AND'} {column} IS NOT NULL".strip()
            where = f" {keep}" if word == "NOT IN" and column not in where else where
            condition = f"{column} {word} (SELECT {column} FROM {other}{where})"
        else:
            word = self._rng.choice(("EXISTS", "EXISTS", "NOT EXISTS"))
            more = f" AND {test}" if test else ""
            condition = (
                f"{word} (SELECT 1 FROM {other} AS i WHERE i.{column} = {one}.{column}{more})"
            )
        beside = f" AND {self._predicates(source)}" if self._chance(0.4) else ""
        order = self._sorted(items, source)
        return f"SELECT {_list(items)} FROM {one} WHERE {condition}{beside}{order}"

    def _combined(self) -> str:
        source = self._source(most=1)
        fields = self._some(source, 3)
        items, operator = _list(Item(f.sql, f.name) for f in fields), self._weighted(SET_OPERATIONS)
        one, other = self._predicates(source), self._predicates(source)
        select = f"SELECT {items} FROM {source.sql} WHERE"
        return f"{select} {one} {operator} {select} {other}"

    def _steps(self) -> str:
        """Ask for something about what another query gives."""
        source = self._source()
        groups, aggregates = self._groups(source) or self._groups(source), self._aggregates(source)
        if not groups:
            return self._summary()
        name = f"{self._rng.choice(('per', 'by'))}_{groups[0].name}"
        head = f"SELECT {_list([*groups, *aggregates])} FROM {source.sql}{self._where(source)}"
        inner = f"{head} GROUP BY {self._by(groups)}"
        made, group = self._rng.choice(aggregates).name, groups[0].name
        highest = f"(SELECT MAX({made}) FROM {name})"
        outer = self._rng.choice(
            (
                f"SELECT * FROM {name} WHERE {made} IS NOT NULL",
                f"SELECT COUNT(*) AS groups, MAX({made}) AS highest FROM {name}",
                f"SELECT {group}, {made} FROM {name} WHERE {made} = {highest}",
                f"SELECT {groups[-1].name}, COUNT(*) AS n FROM {name} GROUP BY {groups[-1].name}",
                f"SELECT {group}, {made}, RANK() OVER (ORDER BY {made} DESC) AS place FROM {name}",
            )
        )
        if self._chance(0.6) or outer.count(name) > 1:
            return f"WITH {name} AS ({inner}) {outer}"
        return outer.replace(f"FROM {name}", f"FROM ({inner}) AS {name}")

    def _totals(self) -> str:
        source = self._source(most=1)
        fields = source.of("text", "flag")
        if len(fields) < 2:
            return self._summary()
        keys = [field.sql for field in self._rng.sample(fields, 2)]
        by = self._rng.choice(
            (f"ROLLUP ({', '.join(keys)})", f"GROUPING SETS (({keys[0]}), ({keys[1]}), ())",
             f"CUBE ({', '.join(keys)})")
        )  # fmt: skip
        items = f"{', '.join(keys)}, {_list(self._aggregates(source))}"
        return f"SELECT {items} FROM {source.sql}{self._where(source)} GROUP BY {by}"

    def _distinct(self) -> str:
        source = self._source()
        fields = source.of("text", "flag", "reference") or list(source.fields)
        chosen = self._rng.sample(fields, min(len(fields), self._rng.randint(1, 2)))
        items = [Item(field.sql, field.name) for field in chosen]
        items = list({item.name: item for item in items}.values())
        rest = self._where(source) + self._order(items)
        return f"SELECT DISTINCT {_list(items)} FROM {source.sql}{rest}"

    # FROM

    def _source(self, *, most: int = 3) -> Source:
        tables = list(self._domain.catalog)
        links = list(self._links())
        if most == 1 or not links or self._chance(0.45):
            return self._table(self._rng.choice(tables))
        first, other, column = self._rng.choice(links)
        names = [first]
        sql = f"{first} AS {_alias(first, names)}"
        alias = {first: _alias(first, names)}
        for left, right, by in [(first, other, column), *links]:
            if left not in alias or right in alias or len(alias) >= most:
                continue
            names.append(right)
            alias[right] = _alias(right, names)
            join = self._weighted(JOINS)
            on = f"ON {alias[left]}.{by} = {alias[right]}.{by}"
            sql += f" {join} {right} AS {alias[right]} {on}"
            if len(alias) == 2 and self._chance(0.6):
                break
        fields = [
            field._replace(sql=f"{short}.{field.name}")
            for table, short in alias.items()
            for field in self._fields(table)
        ]
        keys = [self._key(table) for table in alias]
        return Source(sql, tuple(fields), None if None in keys else ())

    def _table(self, name: str) -> Source:
        return Source(name, tuple(self._fields(name)), self._key(name))

    def _key(self, table: str) -> tuple[str, ...] | None:
        return tuple(c for c, kind in self._domain.kinds[table].items() if kind == "key") or None

    def _fields(self, table: str) -> Iterator[Field]:
        literals = self._domain.literals()
        for name, kind in self._domain.kinds[table].items():
            shown = kind if isinstance(kind, str) else "text"
            yield Field(name, name, shown, tuple(literals[name]))

    def _links(self) -> Iterator[tuple[str, str, str]]:
        """Yield pairs of tables that have a column to join on, in a random order."""
        kinds = self._domain.kinds
        found = [
            (one, other, name)
            for one in kinds
            for other in kinds
            for name, kind in kinds[one].items()
            if one != other and kind in LINKS and kinds[other].get(name) in LINKS
        ]
        yield from self._rng.sample(found, len(found))

    # Clauses

    def _items(self, source: Source, *, plain: bool = False) -> list[Item]:
        if not plain and self._chance(0.08) and " " not in source.sql:
            return [Item("*", "*")]
        items = [
            Item(field.sql, field.name) for field in self._some(source, self._rng.randint(1, 3))
        ]
        count = 0 if plain else self._rng.choice((0, 1, 1, 2, 2))
        made = (self._made("columns", field) for field in self._some(source, count))
        items += [item for item in made if item is not None]
        return list({item.name: item for item in items}.values())

    def _groups(self, source: Source) -> list[Item]:
        fields = [field for field in source.fields if field.kind in clauses()["groups"]]
        count = min(len(fields), self._rng.choice((0, 1, 1, 1, 2, 2)))
        made = (self._made("groups", field) for field in self._rng.sample(fields, count))
        return list({item.name: item for item in made if item is not None}.values())

    def _aggregates(self, source: Source) -> list[Item]:
        found = (
            [Item("COUNT(*)", self._rng.choice(("n", "row_count")))] if self._chance(0.4) else []
        )
        wanted = self._rng.randint(1, 3) - len(found)
        made = (self._made("aggregates", field) for field in self._some(source, wanted))
        found += [item for item in made if item is not None]
        return list({item.name: item for item in found}.values()) or [Item("COUNT(*)", "n")]

    def _windows(self, source: Source) -> list[Item]:
        groups = source.of("text", "reference", "flag")
        part = (
            f"PARTITION BY {self._rng.choice(groups).sql} " if groups and self._chance(0.7) else ""
        )
        first = self._rng.choice(
            source.of("date", "timestamp", "money", "count") or list(source.fields)
        )
        way = self._rng.choice(("", " DESC", ""))
        keys = [key for key in source.key or () if key != first.sql]
        order = ", ".join((f"{first.sql}{way}", *keys))
        over = {"o": f"{part}ORDER BY {order}", "g": part.strip()}
        made = []
        for field in self._some(source, self._rng.randint(1, 2)):
            kind = field.kind if field.kind in clauses()["windows"] else "any"
            made.append(self._filled(self._rng.choice(clauses()["windows"][kind]), field, over))
        return list({item.name: item for item in made}.values())

    def _where(self, source: Source) -> str:
        return f" WHERE {self._predicates(source)}" if self._chance(0.6) else ""

    def _predicates(self, source: Source, prefix: str = "") -> str:
        count = self._rng.choice((1, 1, 1, 2, 2, 3))
        tests = [self._predicate(field, prefix) for field in self._some(source, count)]
        if len(tests) == 3 and self._chance(0.6):
            return f"{tests[0]} AND ({tests[1]} OR {tests[2]})"
        word = " OR " if len(tests) == 2 and self._chance(0.25) and not prefix else " AND "
        joined = word.join(tests)
        return f"({joined})" if word == " OR " else joined

    def _predicate(self, field: Field, prefix: str) -> str:
        text = self._rng.choice(clauses()["predicates"][field.kind])
        return self._filled(f"{text} : test", field._replace(sql=f"{prefix}{field.sql}"), {}).sql

    def _having(self, source: Source) -> str:
        numbers = source.of("money", "measure", "count")
        if numbers and self._chance(0.5):
            field = self._rng.choice(numbers)
            call = self._rng.choice(("SUM", "AVG", "MAX"))
            return f"{call}({field.sql}) > {self._rng.choice(field.literals)}"
        return f"COUNT(*) {self._rng.choice(('>', '>='))} {self._rng.randint(1, 2)}"

    def _by(self, groups: Sequence[Item]) -> str:
        if self._chance(0.15):
            return ", ".join(str(place + 1) for place in range(len(groups)))
        return ", ".join(group.sql for group in groups)

    def _order(self, items: Sequence[Item]) -> str:
        """Sort by every column of the output, so that a LIMIT is determined."""
        if not self._chance(0.45):
            return ""
        order = list(items)
        self._rng.shuffle(order)
        ways = ("", "", " DESC", " DESC NULLS LAST", " NULLS FIRST")
        keys = ", ".join(f"{item.name}{self._rng.choice(ways)}" for item in order)
        return f" ORDER BY {keys}{self._limit()}"

    def _sorted(self, items: Sequence[Item], source: Source) -> str:
        if not source.key or not self._chance(0.45) or "." in source.fields[0].sql:
            return ""
        field = self._rng.choice(source.fields)
        if field.kind in ("integers", "record"):
            return ""
        way = self._rng.choice(("", " DESC", " DESC NULLS LAST"))
        keys = ", ".join((f"{field.sql}{way}", *(key for key in source.key if key != field.sql)))
        return f" ORDER BY {keys}{self._limit()}"

    def _limit(self) -> str:
        count = self._rng.choice((3, 5, 10))
        return self._rng.choice(("", "", f" LIMIT {count}", f" LIMIT {count} OFFSET 2"))

    # Parts

    def _some(self, source: Source, count: int) -> list[Field]:
        chosen = self._rng.sample(source.fields, min(max(count, 1), len(source.fields)))
        return list({field.name: field for field in chosen}.values()) if count > 0 else []

    def _made(self, clause: str, field: Field) -> Item | None:
        texts = clauses()[clause].get(field.kind)
        return self._filled(self._rng.choice(texts), field, {}) if texts else None

    def _filled(self, text: str, field: Field, more: Mapping[str, str]) -> Item:
        literals = field.literals or KINDS["count"].literals
        low, high = (
            sorted(self._rng.sample(range(len(literals)), 2)) if len(literals) > 1 else (0, 0)
        )
        days = sorted(self._rng.sample(range(DAYS), 2))
        first, last = (_day(FIRST_DAY + dt.timedelta(days=day)) for day in days)
        word = literals[low].strip("'")
        start = self._rng.randrange(max(1, len(word) - 2))
        values = {
            "c": field.sql, "n": field.name, "v": literals[low], "w": literals[high],
            "d": first, "e": last,
            "m": str(self._rng.randint(1, 4)), "k": str(self._rng.randint(2, 5)),
            "p": word[:2] if "'{p}%" in text else word[start : start + 2], **more,
        }  # fmt: skip
        sql, _, alias = text.rpartition(" : ")
        return Item(sql.format(**values), alias.format(**values))

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _weighted(self, choices: Mapping[_T, int]) -> _T:
        return self._rng.choices(list(choices), weights=list(choices.values()))[0]


def _list(items: Iterator[Item] | Sequence[Item] | Mapping[Item, None]) -> str:
    return ", ".join(map(str, items))


def _day(day: dt.date) -> str:
    return f"'{day.isoformat()}'"


def _alias(table: str, tables: Sequence[str]) -> str:
    """Give the first letter of a table, or as many as tell it from those before it."""
    before = [name for name in tables if name != table]
    return next(
        table[:size]
        for size in range(1, len(table) + 1)
        if not any(
            name[:size] == table[:size] or _alias_taken(name, table[:size]) for name in before
        )
    )


def _alias_taken(name: str, alias: str) -> bool:
    return name.startswith(alias) or name == alias
