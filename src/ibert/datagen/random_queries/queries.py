"""Random SELECT statements over a catalog, in DuckDB's dialect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from ibert.datagen.random_queries import tables
from ibert.datagen.random_queries.expressions import SCALARS, Expressions, Leaf
from ibert.datagen.random_queries.relations import Item, Relation, Scope, Source, quoted
from ibert.datagen.random_queries.windows import DIRECTIONS, draw_window

SPICES = (0.0, 0.0, 0.1, 0.4)  # how much of a query is DuckDB's own
FRESH = ("a", "b", "c", "n", "Total", "avg price", "key", "value", "x", "m")  # aliases
JOINS = {
    "JOIN": 4,
    "INNER JOIN": 2,
    "LEFT JOIN": 5,
    "RIGHT JOIN": 2,
    "FULL OUTER JOIN": 2,
    "CROSS JOIN": 1,
    "SEMI JOIN": 1,
    "ANTI JOIN": 1,
    ",": 1,
}
SET_OPERATIONS = {
    "UNION ALL": 3,
    "UNION": 3,
    "INTERSECT": 2,
    "EXCEPT": 2,
    "INTERSECT ALL": 1,
    "EXCEPT ALL": 1,
    "UNION ALL BY NAME": 1,
}
GROUPINGS = {
    "columns": 6,
    "expressions": 4,
    "ordinals": 2,
    "aliases": 1,
    "ALL": 1,
    "none": 3,
    "ROLLUP": 1,
    "CUBE": 1,
    "GROUPING SETS": 1,
}


class Queries:
    """Draws queries; each has its own chance, so that no query depends on those before it.

    Examples
    --------
    >>> table = Relation("t", (Leaf("id", "int"), Leaf("s", "string")), key=("id",))
    >>> Queries(Random(91), [table]).draw()
    'SELECT s FROM t t0 WHERE s IS NOT DISTINCT FROM s'
    """

    def __init__(self, rng: Random, relations: Iterable[Relation]) -> None:
        self._rng = rng
        self._relations = {relation.sql.casefold(): relation for relation in relations}
        self._spice = rng.choice(SPICES)
        self._names: set[str] = set()

    def draw(self) -> str:
        """Draw one query."""
        return self.query(self._rng.choice((0, 0, 1, 1, 2, 2, 3)))[0]

    def query(
        self,
        depth: int,
        kinds: Sequence[str] | None = None,
        *,
        named: bool = False,
        outer: tuple[Leaf, ...] = (),
    ) -> tuple[str, list[Item]]:
        """Draw a query.

        Parameters
        ----------
        depth
            How many levels of subqueries it may have.
        kinds
            What its columns have to be; chance decides where None.
        named
            Whether its columns need names, each another.
        outer
            The columns of the queries around it that it may refer to.
        """
        if depth > 0 and self._chance(0.15):
            return self._with_ctes(depth, kinds, named, outer)
        if depth > 0 and self._chance(0.12):
            sql, items = self._set_operation(depth, kinds, named)
            return sql + self._total_order(items, 0.5), items
        return self._select(depth, kinds, named, outer)

    # Clauses that hold queries

    def _with_ctes(
        self, depth: int, kinds: Sequence[str] | None, named: bool, outer: tuple[Leaf, ...]
    ) -> tuple[str, list[Item]]:
        before, ctes = dict(self._relations), []
        for _ in range(self._rng.choice((1, 1, 2))):
            sql, items = self.query(depth - 1, named=True)
            name = self._rng.choice(sorted(before)) if self._chance(0.1) else self._fresh("cte")
            columns = [Leaf(item.name, item.kind) for item in items]
            head = name
            if self._chance(0.15):
                columns = [Leaf(f"k{i}", column.kind) for i, column in enumerate(columns)]
                head = f"{name}({', '.join(column.sql for column in columns)})"
            ctes.append(f"{head} AS ({sql})")
            self._relations[name.casefold()] = Relation(name, tuple(columns))
        sql, items = self.query(depth - 1, kinds, named=named, outer=outer)
        self._relations = before
        if sql.startswith("WITH"):
            sql = f"({sql})"
        return f"WITH {', '.join(ctes)} {sql}", items

    def _set_operation(
        self, depth: int, kinds: Sequence[str] | None, named: bool
    ) -> tuple[str, list[Item]]:
        fixed = kinds is not None
        kinds = kinds or self._rng.choices(SCALARS, k=self._rng.randint(1, 3))
        sql, items = self._plain(depth - 1, kinds, named)
        for _ in range(self._rng.choice((1, 1, 1, 2))):
            operator = self._weighted(SET_OPERATIONS)
            if operator.endswith("NAME") and (fixed or named):
                operator = "UNION"
            other, _ = self._plain(depth - 1, kinds, named)
            sql = f"{sql} {operator} {other}"
        return sql, items

    def _plain(self, depth: int, kinds: Sequence[str], named: bool) -> tuple[str, list[Item]]:
        """Draw a SELECT that sorts nothing."""
        scope, clause = self._from(depth, ())
        sql, items, _ = self._body(scope, clause, depth, kinds, named)
        return (f"({sql})" if "SELECT DISTINCT ON" in sql else sql), items

    # FROM

    def _from(self, depth: int, outer: tuple[Leaf, ...]) -> tuple[Scope, str]:
        sql, source = self._source(depth)
        scope = Scope((source,), outer=outer)
        for _ in range(self._rng.choice((0, 0, 0, 0, 1, 1, 1, 2, 3))):
            scope, sql = self._joined(scope, sql, depth)
        return scope, sql

    def _source(self, depth: int) -> tuple[str, Source]:
        """Draw a relation; give how FROM has it, and its name."""
        if depth > 0 and self._chance(0.15):
            sql, items = self.query(depth - 1, named=True)
            name = self._fresh("d")
            relation = Relation(f"({sql})", tuple(Leaf(i.name, i.kind) for i in items))
            return f"({sql}) AS {name}", Source(name, relation)
        if self._chance(0.04):
            return self._values()
        if self._chance(0.02):
            name = self._fresh("r")
            relation = Relation("range(5)", (Leaf("i", "int"),), ("i",))
            return f"range(5) AS {name}(i)", Source(name, relation)
        relation = self._rng.choice(list(self._relations.values()))
        if relation.sql in self._names or self._chance(0.5):
            name = self._fresh(relation.sql.strip('"')[0].lower())
            between = " AS " if self._chance(0.5) else " "
            return f"{relation.sql}{between}{name}", Source(name, relation)
        self._names.add(relation.sql)
        return relation.sql, Source(relation.sql, relation)

    def _values(self) -> tuple[str, Source]:
        kinds = self._rng.choices(("int", "string", "decimal", "date"), k=self._rng.randint(1, 3))
        literals = Expressions(self._rng, (), spice=0)
        rows = [[literals.leaf(kind) for kind in kinds] for _ in range(self._rng.randint(1, 4))]
        name = self._fresh("v")
        columns = tuple(Leaf(f"c{i}", kind) for i, kind in enumerate(kinds))
        text = ", ".join(f"({', '.join(row)})" for row in rows)
        head = f"{name}({', '.join(column.sql for column in columns)})"
        return f"(VALUES {text}) AS {head}", Source(name, Relation("VALUES", columns))

    def _joined(self, scope: Scope, sql: str, depth: int) -> tuple[Scope, str]:
        arrays = [leaf.sql for leaf in scope.qualified() if leaf.kind == "ints"]
        if arrays and self._chance(0.05):
            name = self._fresh("u")
            source = Source(name, Relation("unnest", (Leaf("item", "int"),)))
            return (
                replace(scope, sources=(*scope.sources, source)),
                f"{sql}, UNNEST({self._rng.choice(arrays)}) AS {name}(item)",
            )
        text, source = self._source(depth - 1)
        join = self._weighted(JOINS)
        both = replace(scope, sources=(*scope.sources, source))
        after = scope if join in ("SEMI JOIN", "ANTI JOIN") else both
        if join in (",", "CROSS JOIN"):
            between = ", " if join == "," else " CROSS JOIN "
            return both, f"{sql}{between}{text}"
        shared = self._shared(scope, source)
        if shared and self._chance(0.25):
            if len(scope.sources) == 1 and len(shared) < 3 and self._chance(0.2):
                columns = frozenset(shared)
                natural = f"{sql} NATURAL {join} {text}"
                return replace(after, merged=after.merged | columns), natural
            names = self._rng.sample(shared, 1)
            using = ", ".join(map(quoted, names))
            return (
                replace(after, merged=after.merged | frozenset(names)),
                f"{sql} {join} {text} USING ({using})",
            )
        return after, f"{sql} {join} {text} ON {self._on(scope, source, both)}"

    def _shared(self, scope: Scope, source: Source) -> list[str]:
        """Give the columns of the same kind that both sides of a join have once."""
        left = [column for s in scope.sources for column in s.relation.columns]
        names = [column.sql.casefold() for column in left]
        return [
            column.sql
            for column in source.relation.columns
            if column in left and names.count(column.sql.casefold()) == 1
        ]

    def _on(self, scope: Scope, source: Source, both: Scope) -> str:
        right = Scope((source,)).qualified()
        pairs = [
            (one.sql, other.sql)
            for one in scope.qualified()
            for other in right
            if one.kind == other.kind and one.kind in ("int", "string", "date", "decimal")
        ]
        keys = self._expressions(both.qualified())
        if not pairs or self._chance(0.1):
            return keys.make("bool", 1)
        one, other = self._rng.choice(pairs)
        condition = f"{one} {self._rng.choice(('=', '=', '=', '=', '=', '<', '>='))} {other}"
        if self._chance(0.2):
            one, other = self._rng.choice(pairs)
            condition += f" AND {one} = {other}"
        if self._chance(0.2):
            condition += f" AND ({keys.make('bool', 1)})"
        return condition

    # SELECT

    def _select(
        self, depth: int, kinds: Sequence[str] | None, named: bool, outer: tuple[Leaf, ...]
    ) -> tuple[str, list[Item]]:
        scope, clause = self._from(depth, outer)
        sql, items, sortable = self._body(scope, clause, depth, kinds, named)
        if "SELECT DISTINCT ON" in sql:
            return sql, items
        return sql + self._order(items, sortable), items

    def _body(
        self, scope: Scope, clause: str, depth: int, kinds: Sequence[str] | None, named: bool
    ) -> tuple[str, list[Item], Scope | None]:
        """Draw all of a SELECT but its ORDER BY; give the scope that may sort it, if any."""
        where = self._where(scope, depth)
        draw = self._chance
        if draw(0.3):
            return (*self._grouped(scope, f"FROM {clause}{where}", depth, kinds, named), None)
        if kinds is None and not named and draw(0.06):
            starred = self._star(scope)
            return f"SELECT {starred} FROM {clause}{where}", [], None  # noqa: S608
        windows = self._windows(scope) if draw(0.2) else []
        leaves = [*self._columns(scope), *windows, *self._subqueries(scope, depth)]
        items = self._items(self._expressions(leaves), kinds, named)
        if kinds is None and windows:
            items.append(Item(windows[0].sql, windows[0].kind, "w"))
        if kinds is None and draw(0.05):
            items += self._lateral(scope, items)
        qualify = ""
        if windows and draw(0.3):
            qualify = f" QUALIFY {self._expressions(leaves).make('bool', 2)}"
            if " OVER " not in qualify and not any(" OVER " in item.sql for item in items):
                qualify = f" QUALIFY {windows[0].sql} IS NOT NULL"
        key = scope.key()
        if key and not qualify and draw(0.04):
            return self._distinct_on(scope, f"FROM {clause}{where}", items, key), items, None
        distinct = "DISTINCT " if draw(0.12) else ""
        text = ", ".join(map(str, items))
        sql = f"SELECT {distinct}{text} FROM {clause}{where}{qualify}"  # noqa: S608
        return sql, items, None if distinct else scope

    def _distinct_on(self, scope: Scope, clause: str, items: list[Item], key: list[str]) -> str:
        on = self._rng.choice(scope.qualified()).sql
        directions = [self._rng.choice(DIRECTIONS) for _ in (on, *key)]
        keys = [
            f"{column}{direction}" for column, direction in zip((on, *key), directions, strict=True)
        ]
        text = ", ".join(map(str, items))
        return f"SELECT DISTINCT ON ({on}) {text} {clause} ORDER BY {', '.join(keys)}"

    def _grouped(
        self, scope: Scope, clause: str, depth: int, kinds: Sequence[str] | None, named: bool
    ) -> tuple[str, list[Item]]:
        expressions = self._expressions(self._columns(scope))
        grouping = self._weighted(GROUPINGS)
        keys = self._group_keys(scope, grouping, expressions)
        aggregates = self._aggregates(expressions)
        leaves = [*keys, *aggregates, *self._subqueries(replace(scope, sources=()), depth)]
        if keys and grouping in ("ROLLUP", "CUBE", "GROUPING SETS") and self._chance(0.5):
            leaves.append(Leaf(f"GROUPING({keys[0].sql})", "int"))
        items = self._items(self._expressions(leaves), kinds, named, 1)
        if not any(call.sql in item.sql for call in aggregates for item in items) or (
            grouping in ("ordinals", "aliases", "ALL")
        ):
            items = self._key_items(keys, aggregates, kinds, named) or items
        if kinds is None and grouping in ("columns", "none") and self._chance(0.15):
            rows = self._expressions([*keys, *aggregates])
            window = draw_window(self._rng, rows, [key.sql for key in keys])
            items.append(Item(window.sql, window.kind, "w"))
        by, items = self._group_by(grouping, keys, items)
        having = ""
        if self._chance(0.25):
            having = f" HAVING {self._expressions([*keys, *aggregates]).make('bool', 1)}"
        return f"SELECT {', '.join(map(str, items))} {clause}{by}{having}", items

    def _group_keys(self, scope: Scope, grouping: str, expressions: Expressions) -> list[Leaf]:
        if grouping == "none":
            return []
        columns = [leaf for leaf in self._columns(scope) if leaf.kind in SCALARS]
        keys = self._rng.sample(columns, min(len(columns), self._rng.choice((1, 1, 2, 3))))
        if grouping in ("expressions", "ordinals", "aliases"):
            kind = self._rng.choice(("int", "string", "bool", "date"))
            sql = expressions.make(kind, 1)
            if any(leaf.sql in sql for leaf in columns):
                keys = [*keys[1:], Leaf(sql if "(" in sql[:9] else f"({sql})", kind)]
        return keys

    def _aggregates(self, expressions: Expressions) -> list[Leaf]:
        found = []
        for _ in range(self._rng.randint(1, 3)):
            kind = self._rng.choice(expressions.kinds(SCALARS))
            call = expressions.aggregate(kind, self._rng.choice((1, 1, 2)))
            if call is None:
                continue
            if self._chance(0.12) and "WITHIN" not in call:
                call += f" FILTER (WHERE {expressions.make('bool', 1)})"
            found.append(Leaf(call, kind))
        return found or [Leaf("COUNT(*)", "int")]

    def _key_items(
        self, keys: list[Leaf], aggregates: list[Leaf], kinds: Sequence[str] | None, named: bool
    ) -> list[Item] | None:
        """Make the SELECT list of keys and aggregates as they are, which is most usual."""
        if kinds is not None:
            return None
        leaves = [*keys, *aggregates]
        return self._aliased([Item(leaf.sql, leaf.kind) for leaf in leaves], named)

    def _group_by(
        self, grouping: str, keys: list[Leaf], items: list[Item]
    ) -> tuple[str, list[Item]]:
        texts = [key.sql for key in keys]
        if not texts:
            return "", items
        if [item.sql for item in items[: len(texts)]] == texts:
            if grouping == "ordinals":
                texts = [str(i + 1) for i in range(len(texts))]
            if grouping == "ALL":
                return " GROUP BY ALL", items
            if grouping == "aliases":
                named = [replace(item, alias=f"k{i}") for i, item in enumerate(items)]
                return f" GROUP BY {', '.join(f'k{i}' for i in range(len(texts)))}", named
        by = ", ".join(texts)
        if grouping in ("ROLLUP", "CUBE"):
            by = f"{grouping} ({by})"
        if grouping == "GROUPING SETS":
            by = f"GROUPING SETS (({by}), ({texts[0]}), ())"
        return f" GROUP BY {by}", items

    def _where(self, scope: Scope, depth: int) -> str:
        if not self._chance(0.55):
            return ""
        columns, subqueries = self._columns(scope), self._subqueries(scope, depth)
        condition = self._expressions([*columns, *subqueries]).make(
            "bool", self._rng.choice((1, 2))
        )
        if not subqueries or self._chance(0.3):
            return f" WHERE {condition}"
        test = subqueries[0].sql
        if subqueries[0].kind != "bool":
            other = self._expressions(columns).leaf(subqueries[0].kind)
            test = f"{other} {self._rng.choice(('=', '>', '<='))} {test}"
        return f" WHERE {test}" if self._chance(0.6) else f" WHERE {test} AND ({condition})"

    def _items(
        self,
        expressions: Expressions,
        kinds: Sequence[str] | None,
        named: bool,
        depth: int | None = None,
    ) -> list[Item]:
        if kinds is None:
            kinds = self._rng.choices(expressions.kinds(), k=self._rng.randint(1, 4))
        items = [
            Item(
                expressions.make(kind, self._rng.choice((0, 1, 1, 2)) if depth is None else depth),
                kind,
            )
            for kind in kinds
        ]
        return self._aliased(items, named)

    def _aliased(self, items: list[Item], named: bool) -> list[Item]:
        """Give items aliases; where names are needed, each gets another."""
        found: list[Item] = []
        taken: set[str] = set()
        for item in items:
            plain = item.sql.replace(".", "").replace('"', "").replace("_", "").isalnum()
            bare = plain and not item.sql[0].isdigit() and item.sql not in ("NULL", "TRUE", "FALSE")
            alias = None if bare and self._chance(0.8) else self._alias()
            if not bare and not named and self._chance(0.3):
                alias = None
            item = replace(item, alias=alias)
            while item.name.casefold() in taken and (named or self._chance(0.97)):
                item = replace(item, alias=f"{self._rng.choice(FRESH)}_{len(taken)}")
            taken.add(item.name.casefold())
            found.append(item)
        return found

    def _lateral(self, scope: Scope, items: list[Item]) -> list[Item]:
        """Draw an item that refers to an earlier one by its alias."""
        taken = {column.sql.casefold() for s in scope.sources for column in s.relation.columns}
        aliases = [i.alias for i in items if i.alias and i.alias.casefold() not in taken]
        names = [item.name for item in items]
        unique = [alias for alias in aliases if names.count(alias) == 1]
        return [Item(f"{quoted(unique[0])} IS NULL", "bool", "is_lateral")] if unique else []

    def _alias(self) -> str:
        if self._chance(0.15):
            return self._rng.choice(sorted(tables.COLUMNS))
        return self._rng.choice(FRESH)

    def _star(self, scope: Scope) -> str:
        if len(scope.sources) > 1:
            return f"{self._rng.choice(scope.sources).name}.*"
        columns = [quoted(column.sql) for column in scope.sources[0].relation.columns]
        column = self._rng.choice(columns)
        return self._rng.choice(
            ("*", "*", f"* EXCLUDE ({column})", f"* REPLACE (1 AS {column})", f"*, {column} AS z")
        )

    # Leaves

    def _columns(self, scope: Scope) -> list[Leaf]:
        """Give the columns of a scope, some without their qualifiers where that is clear."""
        names = [c.sql.casefold() for s in scope.sources for c in s.relation.columns]
        merged = {name.casefold() for name in scope.merged}
        leaves = []
        for source in scope.sources:
            for column in source.relation.columns:
                folded = column.sql.casefold()
                is_clear = names.count(folded) == 1 or folded in merged
                bare = is_clear and (folded in merged or self._chance(0.6))
                name = quoted(column.sql.upper() if self._chance(0.03) else column.sql)
                leaves.append(Leaf(name if bare else f"{source.name}.{name}", column.kind))
        if scope.outer and self._chance(0.2):
            leaves += self._rng.sample(scope.outer, min(2, len(scope.outer)))
        return leaves

    def _windows(self, scope: Scope) -> list[Leaf]:
        expressions, key = self._expressions(scope.qualified()), scope.key()
        return [draw_window(self._rng, expressions, key) for _ in range(self._rng.randint(1, 2))]

    def _subqueries(self, scope: Scope, depth: int) -> list[Leaf]:
        """Draw predicates and scalars that hold a query; most of the time there are none."""
        if depth <= 0 or not self._chance(0.35):
            return []
        draw = self._rng.choice(
            (self._in, self._in, self._exists, self._exists, self._scalar, self._scalar, self._any)
        )
        return [draw(scope, depth - 1)] * 6  # of equal weight with several columns

    def _in(self, scope: Scope, depth: int) -> Leaf:
        kind = self._rng.choice(("int", "string", "date", "decimal"))
        sql, _ = self.query(depth, [kind], outer=self._outer(scope))
        operator = self._rng.choice(("IN", "IN", "NOT IN"))
        return Leaf(f"({self._one(scope, kind)} {operator} ({sql}))", "bool")

    def _exists(self, scope: Scope, depth: int) -> Leaf:
        inner, clause = self._from(depth, self._outer(scope))
        condition = self._correlation(inner)
        word = self._rng.choice(("EXISTS", "EXISTS", "NOT EXISTS"))
        return Leaf(f"({word} (SELECT 1 FROM {clause} WHERE {condition}))", "bool")  # noqa: S608

    def _scalar(self, scope: Scope, depth: int) -> Leaf:
        inner, clause = self._from(depth, self._outer(scope))
        expressions = self._expressions(inner.qualified())
        kind = self._rng.choice(("int", "float", "string", "decimal", "date"))
        where = f" WHERE {self._correlation(inner)}" if self._chance(0.7) else ""
        call = expressions.aggregate(kind, 1) or "COUNT(*)"
        return Leaf(f"(SELECT {call} FROM {clause}{where})", kind)  # noqa: S608

    def _any(self, scope: Scope, depth: int) -> Leaf:
        kind = self._rng.choice(("int", "string", "date"))
        sql, _ = self.query(depth, [kind], outer=self._outer(scope))
        operator = self._rng.choice(("= ANY", "<> ALL", "> ALL", "< ANY", ">= ANY"))
        return Leaf(f"({self._one(scope, kind)} {operator} ({sql}))", "bool")

    def _correlation(self, inner: Scope) -> str:
        """Draw a condition that compares with a query around, where there is one."""
        pairs = [
            f"{one.sql} {self._rng.choice(('=', '=', '=', '>', '<>'))} {other.sql}"
            for one in inner.qualified()
            for other in inner.outer
            if one.kind == other.kind and one.kind in ("int", "string", "date", "decimal")
        ]
        rest = self._expressions(inner.qualified()).make("bool", 1)
        if not pairs or self._chance(0.15):
            return rest
        condition = self._rng.choice(pairs)
        return f"{condition} AND ({rest})" if self._chance(0.3) else condition

    def _outer(self, scope: Scope) -> tuple[Leaf, ...]:
        return (*scope.outer, *scope.qualified()) if self._chance(0.6) else ()

    def _one(self, scope: Scope, kind: str) -> str:
        sql = self._expressions(self._columns(scope)).make(kind, self._rng.choice((0, 0, 1)))
        return sql if sql.replace(".", "").isalnum() else f"({sql})"

    # ORDER BY

    def _order(self, items: list[Item], scope: Scope | None) -> str:
        if scope is None or not self._chance(0.5):
            return self._total_order(items, 0.4)
        key = scope.key()
        if key is None or self._chance(0.5):
            return self._total_order(items, 0.5)
        first = self._rng.choice(self._columns(scope)).sql
        keys = [f"{sql}{self._rng.choice(DIRECTIONS)}" for sql in (first, *key)]
        return f" ORDER BY {', '.join(keys)}{self._limit()}"

    def _total_order(self, items: list[Item], share: float) -> str:
        """Sort by every column of the output, so that a LIMIT is determined."""
        if not items or not self._chance(share):
            return ""
        if self._chance(0.15):
            return f" ORDER BY ALL{self._rng.choice(('', ' DESC'))}{self._limit()}"
        places = list(range(1, len(items) + 1))
        self._rng.shuffle(places)
        keys = []
        for place in places:
            alias = items[place - 1].alias
            is_named = alias and self._chance(0.5)
            name = quoted(alias) if alias and is_named else str(place)
            keys.append(f"{name}{self._rng.choice(DIRECTIONS)}")
        return f" ORDER BY {', '.join(keys)}{self._limit()}"

    def _limit(self) -> str:
        return self._rng.choice(("", "", "", " LIMIT 3", " LIMIT 2 OFFSET 1", " OFFSET 2"))

    # Chance

    def _expressions(self, leaves: Iterable[Leaf]) -> Expressions:
        return Expressions(self._rng, leaves, spice=self._spice)

    def _fresh(self, stem: str) -> str:
        name = f"{stem}{len(self._names)}"
        self._names.add(name)
        return name

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _weighted(self, choices: dict[str, int]) -> str:
        return self._rng.choices(list(choices), weights=list(choices.values()))[0]
