"""FROM: tables, derived tables, joins."""

from __future__ import annotations

from sqlglot import exp

from ibert.diagnostics import IbertError, did_you_mean
from ibert.translator import conditions, table_functions
from ibert.translator.column_names import relabelled, told_apart, with_names
from ibert.translator.comparisons import comparable
from ibert.translator.conditionals import unified
from ibert.translator.contradictions import refuse_detached
from ibert.translator.datatypes import BOOLEAN, from_ibis
from ibert.translator.names import unique
from ibert.translator.projection import extended
from ibert.translator.pushdown import push_down
from ibert.translator.refusal import Refusal
from ibert.translator.relations import (
    Column,
    Relation,
    Step,
    TableRelation,
    View,
)
from ibert.translator.scope import Context, Label, Scope, Table
from ibert.translator.sides import Side, combined, overlap
from ibert.translator.syntax import free_slots, has_subquery, subqueries_of
from ibert.translator.values import Slot, Value, function, literal, operator

_UNKNOWN_NAMES = ("IB104", "IB105")
_SIDES = {"LEFT": "left", "RIGHT": "right", "FULL": "outer"}


def from_clause(select: exp.Expr, scope: Scope, where: list[exp.Expr]) -> None:
    """Translate FROM; the conditions of WHERE that connect its tables become keys of joins."""
    first = select.args.get("from_")
    joins = list(select.args.get("joins") or [])
    if first is None:
        table_functions.single_row(scope)
        return
    builder = _Builder(scope, where)
    builder.widens = any(_word(node, "side") in ("RIGHT", "FULL") for node in joins)
    builder.first(first.this)
    for node in joins:
        builder.add(node)
    for node in select.args.get("laterals") or []:
        builder.add(exp.Join(this=node))
    side = builder.finish()
    scope.relation = side.relation
    scope.tables = builder.ordered


class _Builder:
    """Puts the members of FROM together: those that commas separate, each a chain of joins."""

    def __init__(self, scope: Scope, where: list[exp.Expr]) -> None:
        self.scope = scope
        self.where = where
        self.groups: list[Side] = []
        self.pending: list[tuple[Side, exp.Expr | None]] = []  # with the joins that add them
        self.ordered: list[Table] = []
        self.spread = False  # whether what follows the last comma was joined to what is before it
        self.widens = False  # whether a right or full join puts NULLs into rows of other tables

    def first(self, node: exp.Expr) -> None:
        self.pending.append((self._side(node), None))

    def add(self, node: exp.Expr) -> None:
        item = node.this
        if table_functions.is_lateral(item, self._visible()):
            self._lateral(node)
            return
        try:
            right = self._side(item, node)
        except Refusal as refusal:
            if refusal.code not in _UNKNOWN_NAMES or not isinstance(item, exp.Subquery):
                raise
            self._lateral(node)
            return
        self.pending.append((right, node))

    def _reaches_back(self, node: exp.Expr, right: Side) -> bool:
        """Whether the condition of a join reads a member before the last comma."""
        on = node.args.get("on")
        if on is None or len(self.groups) == 1 or not _is_inner(node):
            return False  # DuckDB takes no other joins there
        far = [table for side in self.groups[:-1] for table in side.tables]
        near = [*self.groups[-1].tables, *right.tables]
        return any(
            _is_of(column, far) and not _is_of(column, near) for column in on.find_all(exp.Column)
        )

    def _lateral(self, node: exp.Expr) -> None:
        """Join a member that reads columns of the ones before it."""
        self._unite()
        self.spread = self.spread or _is_comma(node)
        side = table_functions.lateral(node.this, node, self.groups[0], self._visible())
        self.groups[0] = side
        self.ordered = [*self.ordered, *side.tables[len(self.ordered) :]]

    def finish(self) -> Side:
        push_down(self.where, self.pending, self.ordered, self.scope)
        self._unite()
        return self.groups[0]

    def _visible(self) -> Scope:
        scope = Scope(self.scope.context, self.scope.outer)
        scope.ctes = self.scope.ctes
        scope.tables = self.ordered
        scope.merged = self.scope.merged
        return scope

    def _side(self, node: exp.Expr, join_node: exp.Expr | None = None) -> Side:
        side = source(node, self.scope)
        self._check_aliases(side.tables, node)
        hidden = join_node is not None and _word(join_node, "kind") in ("SEMI", "ANTI")
        if not hidden:
            self.ordered = [*self.ordered, *side.tables]
        return side

    def _check_aliases(self, tables: list[Table], node: exp.Expr) -> None:
        taken = {table.alias.casefold() for table in self.ordered}
        for table in tables:
            if table.alias and table.alias.casefold() in taken:
                raise Refusal(
                    f"two tables called {table.alias!r}", node, "give one an alias", "IB503"
                )

    def _unite(self) -> None:
        """Join all members: chains as they are written, then what commas separate."""
        for member, node in self.pending:
            if node is None or _is_comma(node):
                self.groups.append(member)
                self.spread = False
                continue
            if self.spread and _word(node, "side") in ("RIGHT", "FULL"):
                side = _word(node, "side")
                raise Refusal(f"a {side} JOIN of a member that reads earlier ones", node)
            if self._reaches_back(node, member):
                self.spread = True
                self._unite_groups()
            self.groups[-1] = self._joined(self.groups[-1], member, node)
        self.pending = []
        self._unite_groups()

    def _unite_groups(self) -> None:
        """Join what commas separate, connected members first."""
        side, *rest = self.groups
        while rest:
            chosen, keys = self._connected(side, rest)
            rest.remove(chosen)
            side = combined(side, chosen, "inner" if keys else "cross", keys, [])
        self.groups = [side]

    def _connected(self, side: Side, rest: list[Side]) -> tuple[Side, list[tuple[Value, Value]]]:
        for candidate in rest:
            keys = self._keys_of_where(side, candidate)
            if keys:
                return candidate, keys
        return rest[0], []

    def _keys_of_where(self, left: Side, right: Side) -> list[tuple[Value, Value]]:
        """Take the equalities of WHERE that connect two sides."""
        if self.widens:
            return []
        keys = []
        for node in list(self.where):
            if not isinstance(node, exp.EQ) or not _is_plain(node):
                continue
            pair = self._pair(node, left, right)
            if pair is not None:
                keys.append(pair)
                self.where.remove(node)
        return keys

    def _pair(self, node: exp.Expr, left: Side, right: Side) -> tuple[Value, Value] | None:
        scope = Scope(self.scope.context)
        scope.tables = self.ordered
        scope.merged = self.scope.merged
        try:
            one, other = scope.value(node.this), scope.value(node.expression)
        except Refusal:
            return None
        return _key(one, other, left.relation.slot, right.relation.slot)

    def _joined(self, left: Side, right: Side, node: exp.Expr) -> Side:
        kind, side = _word(node, "kind"), _word(node, "side")
        method = (node.args.get("method") or "").upper()
        if method == "ASOF":
            return self._asof(left, right, node)
        if method == "POSITIONAL":
            return combined(left, right, "positional", [], [])
        how = _SIDES.get(side, "inner")
        if kind in ("SEMI", "ANTI"):
            how = kind.lower()
        using = [item.name for item in node.args.get("using") or []]
        if method == "NATURAL":
            using = _shared(left, right)
            if not using:
                raise Refusal("a NATURAL JOIN of tables without a column in common", node)
        if using:
            return self._using(left, right, how, using, node)
        return self._on(left, right, how, node)

    def _on(self, left: Side, right: Side, how: str, node: exp.Expr) -> Side:
        on = node.args.get("on")
        parts = conditions.conjuncts(on) if on is not None else []
        keys, rest = [], []
        scope = self._both(left, right)
        for part in parts:
            pair = None
            if isinstance(part, exp.EQ) and _is_plain(part):
                one, other = scope.value(part.this), scope.value(part.expression)
                pair = _key(one, other, left.relation.slot, right.relation.slot)
            if pair is not None:
                keys.append(pair)
            else:
                rest.append(part)
        if how == "inner":
            keys += self._keys_of_where(left, right)
            result = combined(left, right, "inner" if keys else "cross", keys, [])
            self._filter(result, rest)
            return result
        return self._outer(left, right, how, keys, rest, scope)

    def _outer(
        self,
        left: Side,
        right: Side,
        how: str,
        keys: list[tuple[Value, Value]],
        rest: list[exp.Expr],
        scope: Scope,
    ) -> Side:
        """Join with conditions that cannot wait: those of one side go before the join."""
        predicates = []
        nullable = {"left": right, "right": left, "semi": right, "anti": right}.get(how)
        for part in rest:
            value = conditions.condition(part, scope)
            if nullable is not None and value.uses <= {nullable.relation.slot}:
                nullable.moved(Step(nullable.relation, "filter", [value], keeps_rows=True))
            else:
                predicates.append(self._of_one_side(value, left, right))
        if not keys and not predicates:
            predicates = [literal(True, BOOLEAN)]
        return combined(left, right, how, keys, predicates)

    def _of_one_side(self, value: Value, left: Side, right: Side) -> Value:
        """Make a column of a condition with a query for each row: Ibis takes none in a join."""
        if not has_subquery(value):
            return value
        for side in (left, right):
            slots = {side.relation.slot}
            if value.uses & slots and any(free_slots(part) for part in subqueries_of(value)):
                if value.uses != slots:
                    raise Refusal("a query over both sides in the condition of an outer join", None)
                name = unique("matches", list(left.relation.columns) + list(right.relation.columns))
                side.moved(extended(side.relation, {name: value}))
                return side.relation.field(name)
        return value

    def _filter(self, side: Side, parts: list[exp.Expr]) -> None:
        if not parts:
            return
        scope = Scope(self.scope.context, self.scope.outer)
        scope.ctes = self.scope.ctes
        scope.tables = side.tables
        scope.relation = side.relation
        conditions.restrict(scope, parts)
        assert scope.relation is not None
        side.moved(scope.relation)

    def _both(self, left: Side, right: Side) -> Scope:
        scope = Scope(self.scope.context, self.scope.outer)
        scope.ctes = self.scope.ctes
        scope.tables = [*left.tables, *right.tables]
        scope.merged = dict(self.scope.merged)
        scope.relation = left.relation
        return scope

    def _using(self, left: Side, right: Side, how: str, columns: list[str], node: exp.Expr) -> Side:
        keys = self._pairs(left, right, columns, node)
        result = combined(left, right, how, keys, [])
        for column in columns:
            self._merge(column, how, left.tables, right.tables)
        return result

    def _pairs(
        self, left: Side, right: Side, columns: list[str], node: exp.Expr
    ) -> list[tuple[Value, Value]]:
        """Give the columns of USING in both sides."""
        keys = []
        for column in columns:
            one = self._left_key(left, column, node)
            found = [table.field(column) for table in right.tables if table.field(column)]
            if not found or found[0] is None:
                raise Refusal(f"no column {column!r} on the right of the join", node, code="IB105")
            keys.append(comparable(one, found[0], node))
        return keys

    def _left_key(self, left: Side, column: str, node: exp.Expr) -> Value:
        folded = column.casefold()
        if folded in self.scope.merged:
            return self.scope.merged[folded]()
        found = [table.field(column) for table in left.tables]
        hits = [value for value in found if value is not None]
        if len(hits) > 1:
            raise Refusal(f"ambiguous column {column!r} in USING", node, code="IB502")
        if not hits:
            raise Refusal(f"no column {column!r} on the left of the join", node, code="IB105")
        return hits[0]

    def _merge(self, column: str, how: str, left: list[Table], right: list[Table]) -> None:
        """Note what a column of USING means from now on: the side that is never made NULL."""
        folded = column.casefold()
        earlier = self.scope.merged.get(folded)
        ours = next((table for table in left if folded in table.names), None)
        theirs = next(table for table in right if folded in table.names)

        def of_left() -> Value:
            if earlier is not None:
                return earlier()
            assert ours is not None
            return ours.relation.field(ours.names[folded])

        def of_right() -> Value:
            return theirs.relation.field(theirs.names[folded])

        def of_both() -> Value:
            values, kind, declared = unified([of_left(), of_right()])
            return function("coalesce", *values, type=kind, declared=declared)

        self.scope.merged[folded] = {"right": of_right, "outer": of_both}.get(how, of_left)
        if how not in ("semi", "anti"):
            self.scope.hide(theirs, folded)

    def _asof(self, left: Side, right: Side, node: exp.Expr) -> Side:
        if _word(node, "kind") in ("SEMI", "ANTI"):
            return self._on(left, right, _word(node, "kind").lower(), node)
        if _word(node, "side") not in ("", "LEFT"):
            raise Refusal(
                f"an ASOF {_word(node, 'side')} JOIN", node, "Ibis keeps the rows of the left"
            )
        columns = [item.name for item in node.args.get("using") or []]
        if columns:
            keys, predicates, inequality = self._asof_columns(left, right, columns, node)
        else:
            keys, predicates, inequality = self._asof_conditions(left, right, node)
        if _word(node, "side") == "LEFT":
            result = combined(left, right, "asof", keys, predicates, inequality)
        else:
            result = self._asof_inner(left, right, keys, predicates, inequality)
        for column in columns:
            self._merge(column, "left", left.tables, right.tables)
        return result

    def _asof_columns(
        self, left: Side, right: Side, columns: list[str], node: exp.Expr
    ) -> tuple[list[tuple[Value, Value]], list[Value], Value]:
        """Read USING of an as-of join: all columns are equal but the last, which is at least."""
        *keys, (one, other) = self._pairs(left, right, columns, node)
        return keys, [], operator(">=", one, other, BOOLEAN)

    def _asof_conditions(
        self, left: Side, right: Side, node: exp.Expr
    ) -> tuple[list[tuple[Value, Value]], list[Value], Value]:
        """Read ON of an as-of join: one inequality of both sides, and other conditions."""
        scope = self._both(left, right)
        keys: list[tuple[Value, Value]] = []
        predicates: list[Value] = []
        inequality = None
        here, there = left.relation.slot, right.relation.slot
        on = node.args.get("on")
        for part in conditions.conjuncts(on) if on is not None else []:
            pair = None
            if isinstance(part, exp.EQ):
                pair = _key(scope.value(part.this), scope.value(part.expression), here, there)
            value = conditions.condition(part, scope)
            if pair is not None and not predicates:  # the order of conditions counts for DuckDB
                keys.append(pair)
            elif isinstance(part, exp.GT | exp.GTE | exp.LT | exp.LTE) and len(value.uses) > 1:
                if inequality is not None:
                    raise Refusal("an ASOF JOIN on two inequalities", part, code="IB503")
                inequality = value
            elif value.uses == {there}:
                right.moved(Step(right.relation, "filter", [value], keeps_rows=True))
            else:
                predicates.append(value)
        if inequality is None:
            raise Refusal("an ASOF JOIN without an inequality", node, code="IB503")
        return keys, predicates, inequality

    def _asof_inner(
        self,
        left: Side,
        right: Side,
        keys: list[tuple[Value, Value]],
        predicates: list[Value],
        inequality: Value,
    ) -> Side:
        """Leave out what an as-of join does not match: Ibis' keeps all rows of the left."""
        marker = unique("matched", [*left.relation.columns, *right.relation.columns])
        columns = {**right.relation.columns, marker: Column(BOOLEAN, BOOLEAN)}
        right.moved(
            Step(
                right.relation,
                "mutate",
                keywords={marker: literal(True, BOOLEAN)},
                columns=columns,
                keeps_rows=True,
            )
        )
        side = combined(left, right, "asof", keys, predicates, inequality)
        found = side.relation.field(marker)
        side.moved(Step(side.relation, "filter", [found], keeps_rows=True))
        return side


def _is_comma(node: exp.Expr) -> bool:
    return not (
        node.args.get("on") is not None
        or node.args.get("using")
        or _word(node, "side")
        or _word(node, "kind")
        or node.args.get("method")
    )


def _is_inner(node: exp.Expr) -> bool:
    return not _word(node, "side") and _word(node, "kind") not in ("SEMI", "ANTI")


def _is_of(column: exp.Column, tables: list[Table]) -> bool:
    """Whether a column may be one of some tables."""
    if column.table:
        return any(table.alias.casefold() == column.table.casefold() for table in tables)
    return any(column.name.casefold() in table.names for table in tables)


def _word(node: exp.Expr, name: str) -> str:
    """Give a word of a join, such as LEFT."""
    return str(node.args.get(name) or "").upper()


def _is_plain(node: exp.Expr) -> bool:
    """Whether a condition has no query in it and no aggregate."""
    return node.find(exp.Query, exp.AggFunc, exp.Window, exp.Any, exp.All, exp.Exists) is None


def _key(one: Value, other: Value, left: Slot, right: Slot) -> tuple[Value, Value] | None:
    """Give the two sides of an equality as a key of a join, if they are."""
    if one.uses == {right} and other.uses == {left}:
        one, other = other, one
    if one.uses != {left} or other.uses != {right}:
        return None
    return comparable(one, other)


def _shared(left: Side, right: Side) -> list[str]:
    theirs = {key for table in right.tables for key in table.names}
    return list(
        dict.fromkeys(
            label
            for table in left.tables
            for label, _ in table.labels
            if label.casefold() in theirs
        )
    )


def source(node: exp.Expr, scope: Scope) -> Side:
    """Translate one member of FROM."""
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier | exp.Literal):
        side = _named(node, scope)
    elif isinstance(node, exp.Subquery):
        side = _derived(node, scope)
    elif isinstance(node, exp.Paren):
        side = source(node.this, scope)
    else:
        side = table_functions.source(node, scope)
    nested = node.args.get("joins")
    if nested:
        side = _nested(side, nested, scope)
    return table_functions.reshaped(node, side, scope)


def _nested(side: Side, joins: list[exp.Expr], scope: Scope) -> Side:
    inner = Scope(scope.context, scope.outer)
    inner.ctes = scope.ctes
    builder = _Builder(inner, [])
    builder.pending = [(side, None)]
    builder.ordered = list(side.tables)
    for item in joins:
        builder.add(item)
    result = builder.finish()
    scope.merged |= inner.merged
    return Side(result.relation, builder.ordered)


def _named(node: exp.Expr, scope: Scope) -> Side:
    name = node.name
    alias = node.alias or name
    if not node.args.get("db"):
        cte = scope.ctes.get(name.casefold())
        if cte is not None:
            refuse_detached(name.casefold(), cte.relation, node)
            return Side(*_used(View(cte.relation), alias, told_apart(cte.labels), node, scope))
    relation = table_relation(node, scope.context)
    labels = tuple(Label(column, column) for column in relation.columns)
    return Side(*_used(relation, alias, labels, node, scope))


def _used(
    relation: Relation, alias: str, labels: tuple[Label, ...], node: exp.Expr, scope: Scope
) -> tuple[Relation, list[Table]]:
    """Give a table under an alias; within a subquery of itself it has to be another view."""
    around = list(scope.outer.chain()) if scope.outer is not None else []
    repeating = any(item.repeating for item in around)
    if repeating or any(
        item.relation is not None and overlap(item.relation, relation) for item in around
    ):
        if not isinstance(relation, View):
            relation = View(relation)
        relation.label = alias
        relation.needed = repeating
        scope.views.append(relation)
        for item in around:
            item.inner.append(relation)
    return relation, [Table(alias, relation, relabelled(labels, node))]


def table_relation(node: exp.Expr, context: Context) -> TableRelation:
    """Give a table of the catalog."""
    try:
        table = context.catalog.table_name(node.name)
    except IbertError as error:
        hint = error.diagnostics[0].hint or did_you_mean(node.name, context.catalog, "tables")
        raise Refusal(f"no table {node.name!r}", node, hint, code="IB104") from None
    columns = context.columns.get(table)
    if columns is None:
        columns = {name: _column(dtype) for name, dtype in context.catalog[table].items()}
        context.columns[table] = columns
    database = node.args["db"].name if node.args.get("db") else None
    return TableRelation(table, columns, None if database == "main" else database)


def _column(dtype: object) -> Column:
    kind = from_ibis(dtype)
    return Column(kind, kind, not getattr(dtype, "nullable", True))


def _derived(node: exp.Expr, scope: Scope) -> Side:
    inner = Scope(scope.context, scope.outer)
    inner.ctes = scope.ctes
    body = node.this
    alias = node.alias
    if isinstance(body, exp.Table | exp.Subquery) and not isinstance(body, exp.Query):
        if not alias:
            return source(body, scope)
        node = node.copy()
        node.set("this", exp.select("*").from_(body.copy()))
    given = [column.name for column in node.args["alias"].columns] if alias else []
    node = with_names(node, given)
    output = scope.context.query(node, scope.outer_of_derived(), scope.context)
    if alias and not isinstance(output.relation, TableRelation):
        output.relation.labelled(alias)
    labels = told_apart(relabelled(output.labels, node))
    return Side(output.relation, [Table(alias or "", output.relation, labels)])
