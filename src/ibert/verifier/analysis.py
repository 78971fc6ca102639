"""What a query asks of its tables: which rows have to meet, and which values decide.

Every mention of a table is an *instance*. The columns of CTEs and derived tables are followed to
the instances that they come from, so that a predicate becomes an expression over columns of
instances; one row for each of them (a *joint row*) makes it true, false or NULL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, build_scope

from ibert.catalog import Catalog
from ibert.diagnostics import IbertError

MOST_INSTANCES = 40  # what CTEs that mention CTEs multiply to is cut off here
DEPTH = 12

# What has no value of its own for a single joint row.
_NOT_OF_A_ROW = (exp.AggFunc, exp.Window, exp.Query, exp.Star, exp.Unnest, exp.Anonymous)


class Ref(NamedTuple):
    """A column of an instance."""

    instance: int
    column: str


class Constant(NamedTuple):
    """An expression without columns, and the columns (table, column) that it is held against.

    Without targets, it is held against what is no column: a count, a sum of counts.
    """

    value: exp.Expr
    targets: frozenset[tuple[str, str]]
    scales: bool = False  # a factor, which is no value of the column


@dataclass
class Analysis:
    """What a query asks of its tables.

    Attributes
    ----------
    instances
        For each mention of a table, its name.
    negative
        The instances whose rows take rows away: those of NOT EXISTS, NOT IN and EXCEPT.
    conjuncts
        The predicates that a joint row has to satisfy, over columns named by `name_of`.
    edges
        The equalities of two columns among them.
    atoms
        All other predicates (of CASE, FILTER, OR, …) that a joint row has a value for.
    constants
        What stands in predicates and calls beside columns.
    keys
        Columns that rows are grouped or partitioned by.
    limits
        The constants of LIMIT and OFFSET.
    alternatives
        For each OR of subqueries, the instances of each of them.
    """

    instances: list[str] = field(default_factory=list)
    negative: set[int] = field(default_factory=set)
    conjuncts: list[exp.Expr] = field(default_factory=list)
    edges: list[tuple[Ref, Ref]] = field(default_factory=list)
    atoms: list[exp.Expr] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    keys: set[Ref] = field(default_factory=set)
    limits: set[int] = field(default_factory=set)
    alternatives: list[list[set[int]]] = field(default_factory=list)


def name_of(ref: Ref) -> str:
    """Give the name of a column of an instance in expressions over joint rows."""
    return f"{ref.instance}.{ref.column}"


def ref_of(name: str) -> Ref:
    """Read what `name_of` wrote."""
    number, column = name.split(".", 1)
    return Ref(int(number), column)


def refs_in(expression: exp.Expr) -> set[Ref]:
    """Give the columns of instances in an expression of an `Analysis`."""
    return {ref_of(column.name) for column in expression.find_all(exp.Column)}


def analyse(query: exp.Expr, catalog: Catalog) -> Analysis:
    """Read a query (DuckDB's dialect); what cannot be followed is left out.

    Examples
    --------
    >>> import sqlglot
    >>> catalog = Catalog.from_any({"t": {"a": "int64"}, "u": {"a": "int64", "b": "int64"}})
    >>> sql = "WITH v AS (SELECT a, b AS c FROM u) SELECT * FROM t JOIN v USING (a) WHERE c = 5"
    >>> found = analyse(sqlglot.parse_one(sql, dialect="duckdb"), catalog)
    >>> found.instances, found.edges, [str(conjunct) for conjunct in found.conjuncts]
    (['t', 'u'], [(Ref(instance=0, column='a'), Ref(instance=1, column='a'))], ['"1.b" = 5'])
    """
    reader = _Reader(catalog)
    try:
        scope = build_scope(query)
    except SqlglotError:
        scope = None
    if scope is not None:
        reader.visit(scope, None, negative=False, depth=0)
    for table in query.find_all(exp.Table):
        if table.name in catalog and catalog.table_name(table.name) not in reader.found.instances:
            reader.instance(table, negative=False)
    reader.found.limits = {
        int(node.expression.name)
        for node in query.find_all(exp.Limit, exp.Offset)
        if isinstance(node.expression, exp.Literal) and node.expression.name.isdigit()
    }
    return reader.found


@dataclass
class _Frame:
    """A scope as it is mentioned in one place: its sources lead to instances of its own."""

    scope: Scope
    outer: _Frame | None
    sources: dict[str, int | _Frame | None] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)  # the column aliases of a source
    branches: list[_Frame] = field(default_factory=list)  # of a set operation


class _Reader:
    def __init__(self, catalog: Catalog) -> None:
        self.found = Analysis()
        self._catalog = catalog

    def instance(self, table: exp.Table, *, negative: bool) -> int | None:
        """Give a mention of a table its number; None for what is none of the catalog's."""
        if table.name not in self._catalog or len(self.found.instances) >= MOST_INSTANCES:
            return None
        self.found.instances.append(self._catalog.table_name(table.name))
        number = len(self.found.instances) - 1
        if negative:
            self.found.negative.add(number)
        return number

    def visit(self, scope: Scope, outer: _Frame | None, *, negative: bool, depth: int) -> _Frame:
        """Read a scope and all that it is made of."""
        frame = _Frame(scope, outer)
        if depth > DEPTH:
            return frame
        if scope.union_scopes:
            for i, branch in enumerate(scope.union_scopes):
                taken_away = negative or (i > 0 and isinstance(scope.expression, exp.Except))
                inner = self.visit(branch, outer, negative=taken_away, depth=depth + 1)
                frame.branches.append(inner)
            if isinstance(scope.expression, exp.Except | exp.Intersect):
                self._match(*frame.branches[:2])
            return frame
        for alias, source in self._sources(scope):
            if isinstance(source, exp.Table):
                frame.sources[alias] = self.instance(source, negative=negative)
            elif isinstance(source, Scope) and not _is_inside(scope, source):
                inner = self.visit(source, outer, negative=negative, depth=depth + 1)
                frame.sources[alias] = inner
                frame.names[alias] = _column_aliases(scope, alias, source)
            else:
                frame.sources[alias] = None
        self._predicates(frame)
        alternatives: dict[int, list[set[int]]] = {}
        for inner_scope in scope.subquery_scopes:
            below = _is_negated(inner_scope.expression)
            first = len(self.found.instances)
            inner = self.visit(inner_scope, frame, negative=negative ^ below, depth=depth + 1)
            self._membership(frame, inner)
            if (either := inner_scope.expression.find_ancestor(exp.Or, exp.Select)) and isinstance(
                either, exp.Or
            ):
                instances = set(range(first, len(self.found.instances)))
                alternatives.setdefault(id(either), []).append(instances)
        self.found.alternatives += [found for found in alternatives.values() if len(found) > 1]
        return frame

    def _sources(self, scope: Scope) -> Iterator[tuple[str, exp.Expr | Scope]]:
        for name, (_, source) in scope.selected_sources.items():
            yield name.casefold(), source

    # Predicates

    def _predicates(self, frame: _Frame) -> None:
        select = frame.scope.expression
        if not isinstance(select, exp.Select):
            return
        self._joins(frame, select)
        tops = [
            select.args[part].this
            for part in ("where", "having", "qualify")
            if select.args.get(part)
        ]
        tops += [join.args["on"] for join in select.args.get("joins") or () if join.args.get("on")]
        whole = {id(part) for top in tops for part in _conjuncts(top)}
        for top in tops:
            for part in _conjuncts(top):
                self._conjunct(frame, part)
        for node in _own(select):
            if isinstance(node, exp.Predicate) and id(node) not in whole:
                atom = self._over_instances(frame, node)
                if atom is not None and refs_in(atom):
                    self.found.atoms.append(atom)
            elif isinstance(node, exp.Group):
                self._keys(frame, node.expressions)
            elif isinstance(node, exp.Window):
                self._keys(frame, node.args.get("partition_by") or ())
        self._constants(frame, select)

    def _conjunct(self, frame: _Frame, part: exp.Expr) -> None:
        predicate = self._over_instances(frame, part)
        if predicate is None or not refs_in(predicate):
            return
        if (
            isinstance(predicate, exp.EQ | exp.NullSafeEQ)
            and isinstance(predicate.left, exp.Column)
            and isinstance(predicate.right, exp.Column)
        ):
            self.found.edges.append((ref_of(predicate.left.name), ref_of(predicate.right.name)))
        else:
            self.found.conjuncts.append(predicate)

    def _joins(self, frame: _Frame, select: exp.Select) -> None:
        """Take the equalities of USING and NATURAL."""
        aliases = list(frame.sources)
        for join in select.args.get("joins") or ():
            right = join.alias_or_name.casefold()
            if right not in frame.sources:
                continue
            names = [name.name for name in join.args.get("using") or ()]
            if join.method.upper() == "NATURAL" or join.args.get("natural"):
                names = list(self._columns(frame.sources[right]))
            for name in names:
                one = self._of_source(frame, right, name)
                others = aliases[: aliases.index(right)]
                other = next(filter(None, (self._of_source(frame, a, name) for a in others)), None)
                self._edge(one, other)

    def _edge(self, one: exp.Expr | None, other: exp.Expr | None) -> None:
        if isinstance(one, exp.Column) and isinstance(other, exp.Column):
            pair = sorted([ref_of(one.name), ref_of(other.name)])
            if pair[0] != pair[1]:
                self.found.edges.append((pair[0], pair[1]))

    def _membership(self, frame: _Frame, inner: _Frame) -> None:
        """Take `x IN (SELECT y …)` and `x = (SELECT y …)` for an equality of x and y."""
        node = inner.scope.expression.parent
        node = node.parent if isinstance(node, exp.Subquery) else node
        if isinstance(node, exp.In | exp.EQ):
            self._edge(self._over_instances(frame, node.this), self._at(inner, 0))

    def _match(self, left: _Frame, right: _Frame) -> None:
        """Let the rows of two queries be the same."""
        first = left
        while first.branches:
            first = first.branches[0]
        expression = first.scope.expression
        width = len(expression.selects) if isinstance(expression, exp.Query) else 0
        for i in range(width):
            self._edge(self._at(left, i), self._at(right, i))

    def _keys(self, frame: _Frame, expressions: Sequence[exp.Expr]) -> None:
        for expression in expressions:
            if isinstance(expression, exp.Literal) and expression.is_int:
                found = self._at(frame, int(expression.name) - 1)
            else:
                found = self._over_instances(frame, expression)
            self.found.keys |= refs_in(found) if found is not None else set()

    # Constants

    def _constants(self, frame: _Frame, select: exp.Select) -> None:
        for node in _own(select):
            if isinstance(node, exp.Limit | exp.Offset | exp.Order | exp.Interval | exp.DataType):
                continue
            if (
                not _is_constant(node)
                or _is_constant(node.parent)
                or isinstance(
                    node.parent, exp.Limit | exp.Offset | exp.DataType | exp.DataTypeParam
                )
            ):
                continue
            targets, scales = self._beside(frame, node)
            self.found.constants.append(Constant(node, frozenset(targets), scales))

    def _beside(self, frame: _Frame, node: exp.Expr) -> tuple[set[tuple[str, str]], bool]:
        """Find the columns that a constant is held against: those of the nearest expression."""
        around, scales = node.parent, isinstance(node.parent, exp.Mul | exp.Div)
        while around is not None and not isinstance(around, exp.Select | exp.Alias):
            columns = list(around.find_all(exp.Column))
            if columns:
                found = [self._over_instances(frame, column) for column in columns]
                refs = {ref for item in found if item is not None for ref in refs_in(item)}
                if refs:
                    return {(self.found.instances[i], name) for i, name in refs}, scales
                return set(), scales
            around = around.parent
        return set(), scales

    # Columns

    def _over_instances(self, frame: _Frame, expression: exp.Expr) -> exp.Expr | None:
        """Write an expression over columns of instances; None if it is not one of a row."""
        if isinstance(expression, _NOT_OF_A_ROW) or expression.find(*_NOT_OF_A_ROW):
            return None
        if isinstance(expression, exp.Column):
            return self._resolved(frame, expression)
        copy = expression.copy()
        for column in list(copy.find_all(exp.Column)):
            found = self._resolved(frame, column)
            if found is None:
                return None
            column.replace(found if isinstance(found, exp.Column) else exp.paren(found))
        return copy

    def _resolved(self, frame: _Frame | None, column: exp.Column) -> exp.Expr | None:
        inner = frame
        while frame is not None:
            if column.table:
                if column.table.casefold() in frame.sources:
                    return self._of_source(frame, column.table.casefold(), column.name)
            else:
                for alias in frame.sources:
                    found = self._of_source(frame, alias, column.name)
                    if found is not None:
                        return found
            frame = frame.outer
        return self._of_alias(inner, column) if not column.table and inner else None

    def _of_alias(self, frame: _Frame, column: exp.Column) -> exp.Expr | None:
        """Find what a name of the output stands for, which DuckDB allows anywhere."""
        select = frame.scope.expression
        for projection in select.selects if isinstance(select, exp.Select) else ():
            is_meant = isinstance(projection, exp.Alias) and (
                projection.alias.casefold() == column.name.casefold()
            )
            if is_meant and not any(c.name == column.name for c in projection.find_all(exp.Column)):
                return self._over_instances(frame, projection.this)
        return None

    def _of_source(self, frame: _Frame, alias: str, name: str) -> exp.Expr | None:
        source = frame.sources[alias]
        if isinstance(source, int):
            try:
                column = self._catalog.column_name(self.found.instances[source], name)
            except IbertError:
                return None
            return exp.column(exp.to_identifier(name_of(Ref(source, column)), quoted=True))
        if source is None:
            return None
        aliases = frame.names.get(alias) or []
        folded = [item.casefold() for item in aliases]
        if name.casefold() in folded:
            return self._at(source, folded.index(name.casefold()))
        return self._output(source, name)

    def _output(self, frame: _Frame, name: str) -> exp.Expr | None:
        """Follow a column of a query's output by its name."""
        if frame.branches:
            return self._output(frame.branches[0], name)
        select = frame.scope.expression
        if not isinstance(select, exp.Select):
            return None
        for projection in select.selects:
            if projection.alias_or_name.casefold() == name.casefold():
                return self._over_instances(frame, projection.unalias())
        if any(projection.is_star for projection in select.selects):
            for alias in frame.sources:
                found = self._of_source(frame, alias, name)
                if found is not None:
                    return found
        return None

    def _at(self, frame: _Frame, position: int) -> exp.Expr | None:
        """Follow a column of a query's output by its place."""
        if frame.branches:
            return self._at(frame.branches[0], position)
        select = frame.scope.expression
        if not isinstance(select, exp.Select):
            return None
        if any(projection.is_star for projection in select.selects):
            names = [name for source in frame.sources.values() for name in self._columns(source)]
            name = names[position] if position < len(names) else None
            return self._output(frame, name) if name else None
        if position < len(select.selects):
            return self._over_instances(frame, select.selects[position].unalias())
        return None

    def _columns(self, source: int | _Frame | None) -> list[str]:
        if isinstance(source, int):
            return list(self._catalog[self.found.instances[source]])
        if source is None:
            return []
        while source.branches:
            source = source.branches[0]
        select = source.scope.expression
        if not isinstance(select, exp.Select):
            return []
        names = []
        for projection in select.selects:
            if projection.is_star:
                names += [n for inner in source.sources.values() for n in self._columns(inner)]
            else:
                names.append(projection.alias_or_name)
        return names


def _own(select: exp.Expr) -> Iterator[exp.Expr]:
    """Walk a query without those inside it."""
    for node in select.walk(prune=lambda n: n is not select and isinstance(n, exp.Query)):
        if node is select or not isinstance(node, exp.Query):
            yield node


def _conjuncts(predicate: exp.Expr) -> Iterator[exp.Expr]:
    predicate = predicate.unnest()
    if isinstance(predicate, exp.And):
        for side in (predicate.left, predicate.right):
            yield from _conjuncts(side)
    else:
        yield predicate


def _is_constant(node: exp.Expr | None) -> bool:
    """Tell whether an expression has a value without any row."""
    if not isinstance(node, exp.Condition) or isinstance(node, exp.Column | exp.Star | exp.Query):
        return False
    if isinstance(node, exp.If) or not node.find(exp.Literal):
        return False
    return not node.find(exp.Column, exp.Query, exp.AggFunc, exp.Window, exp.Identifier)


def _is_inside(scope: Scope, source: Scope) -> bool:
    """Tell whether a source is a query that a scope is part of: that of a recursive CTE."""
    above: exp.Expr | None = scope.expression
    while above is not None:
        if above is source.expression:
            return True
        above = above.parent
    return False


def _is_negated(query: exp.Expr) -> bool:
    node = query.parent
    while node is not None and not isinstance(node, exp.Select):
        if isinstance(node, exp.Not):
            return True
        node = node.parent
    return False


def _column_aliases(scope: Scope, alias: str, source: Scope) -> list[str]:
    """Give the names that a mention or the definition of a CTE gives to the columns."""
    for node in (*scope.selected_sources.get(alias, ())[:1], source.expression.parent):
        names = node.alias_column_names if isinstance(node, exp.Expression) else []
        if names:
            return list(names)
    return []
