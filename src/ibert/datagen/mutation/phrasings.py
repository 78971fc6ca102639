"""Other ways to ask the same: a subquery as CTE, IN as a semi join, and the like.

They hold for what people write. Whether one does for a query is left to a verifier.
"""

from __future__ import annotations

from sqlglot import exp

from ibert.datagen.mutation.rewrites import RULES, Rules

# Of the rewrites that test a verifier, those that a person would write.
_NATURAL = {
    "bounds for BETWEEN", "alternatives for IN", "count(1)",
    "CASE for COALESCE", "CASE for NULLIF", "ELSE NULL", "EXISTS of 1", "WHERE for ON",
    "GROUP BY for DISTINCT",
}  # fmt: skip


def _plain(query: exp.Expr | None) -> exp.Select | None:
    """Give a SELECT of one column of one table, with nothing but WHERE."""
    inner = query.unnest() if isinstance(query, exp.Subquery) else query
    if not isinstance(inner, exp.Select) or len(inner.expressions) != 1:
        return None
    source = inner.args.get("from_")
    others = ("joins", "group", "having", "qualify", "limit", "offset", "distinct", "with_")
    has_more = any(inner.args.get(part) for part in others)
    is_table = source is not None and isinstance(source.this, exp.Table)
    return inner if is_table and not has_more else None


def _name(select: exp.Expr | None) -> str | None:
    """Give what the only relation of a SELECT is called."""
    source = select.args.get("from_") if select is not None else None
    if select is None or source is None or select.args.get("joins"):
        return None
    if not isinstance(source.this, exp.Table):
        return None
    return str(source.this.alias_or_name)


def _column(node: exp.Expr, table: str) -> exp.Column:
    return exp.column(node.this.copy(), exp.to_identifier(table))


def _exists(node: exp.Expr) -> exp.Expr | None:
    """Write IN as EXISTS."""
    inner, outer = _plain(node.args.get("query")), _name(node.find_ancestor(exp.Select))
    if inner is None or outer is None or isinstance(node.parent, exp.Not):
        return None
    here, chosen = _name(inner), inner.expressions[0].unalias()
    columns = isinstance(chosen, exp.Column) and isinstance(node.this, exp.Column)
    if here is None or here == outer or not columns:
        return None
    same = exp.EQ(this=_column(chosen, here), expression=_column(node.this, outer))
    old = inner.args.get("where")
    inner.set("expressions", [exp.Literal.number(1)])
    inner.set("where", None)
    inner.where(same, *([old.this] if old else []), copy=False)
    return exp.Exists(this=inner)


def _membership(node: exp.Expr) -> exp.Expr | None:
    """Write EXISTS as IN."""
    return None if isinstance(node.parent, exp.Not) else _as_in(node)


def _as_in(node: exp.Expr) -> exp.In | None:
    """Take an equality with the query around it out of EXISTS."""
    inner, outer = _plain(node.this), _name(node.find_ancestor(exp.Select))
    where = inner.args.get("where") if inner is not None else None
    if inner is None or outer is None or where is None:
        return None
    here, parts = _name(inner), list(where.this.flatten())
    if not isinstance(where.this, exp.And):
        parts = [where.this]
    for part in parts:
        sides = [part.this, part.args.get("expression")] if isinstance(part, exp.EQ) else []
        tables = [side.table for side in sides if isinstance(side, exp.Column)]
        if sorted(tables) == sorted((str(here), outer)) and here != outer:
            own, other = sides if tables[0] == here else reversed(sides)
            rest = [one for one in parts if one is not part]
            inner.set("expressions", [own.copy()])
            inner.set("where", exp.Where(this=exp.and_(*rest)) if rest else None)
            return exp.In(this=other.copy(), query=inner.subquery(copy=False))
    return None


def _semi_join(node: exp.Expr) -> exp.Expr | None:
    """Write a condition IN or EXISTS as a semi join, NOT EXISTS as an anti join."""
    where, outer = node.args.get("where"), _name(node)
    if where is None or outer is None or not isinstance(node, exp.Select):
        return None
    parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
    for part in parts:
        kind = "ANTI" if isinstance(part, exp.Not) else "SEMI"
        test = part.this if kind == "ANTI" else part
        if isinstance(test, exp.Exists):
            test = _as_in(test)
        elif kind == "ANTI":  # NOT IN is none: NULL
            continue
        if not isinstance(test, exp.In):
            continue
        inner = _plain(test.args.get("query"))
        chosen = inner.expressions[0].unalias() if inner is not None else None
        if inner is None or not isinstance(chosen, exp.Column):
            continue
        name = str(inner.args["from_"].this.name)
        if not isinstance(test.this, exp.Column) or name == outer:
            continue
        on = exp.EQ(this=_column(test.this, outer), expression=_column(chosen, name))
        rest = [one for one in parts if one is not part]
        node.set("where", exp.Where(this=exp.and_(*rest)) if rest else None)
        return node.join(inner.subquery(name), on=on, join_type=kind, copy=False)
    return None


def _inlined(node: exp.Expr) -> exp.Expr | None:
    """Write the only CTE, used once, as a derived table."""
    ctes = node.args.get("with_")
    if ctes is None or len(ctes.expressions) != 1 or ctes.recursive:
        return None
    (cte,) = ctes.expressions
    uses = [table for table in node.find_all(exp.Table) if table.name == cte.alias]
    if len(uses) != 1 or cte.args["alias"].columns or uses[0].args.get("joins"):
        return None
    node.set("with_", None)
    uses[0].replace(cte.this.subquery(uses[0].alias_or_name))
    return node


def _named(node: exp.Expr) -> exp.Expr | None:
    """Write the derived table of FROM as a CTE."""
    source = node.args.get("from_")
    if not isinstance(node, exp.Select) or node.parent is not None or source is None:
        return None
    if node.args.get("with_"):
        return None
    derived = source.this
    if not isinstance(derived, exp.Subquery) or not derived.alias or derived.alias_column_names:
        return None
    name = derived.alias
    source.set("this", exp.to_table(name))
    return node.with_(name, as_=derived.this, copy=False)


def _qualified(node: exp.Expr) -> exp.Expr | None:
    """Write a condition on a window function of a derived table as QUALIFY."""
    source, where = node.args.get("from_"), node.args.get("where")
    if source is None or where is None or not isinstance(source.this, exp.Subquery):
        return None
    inner = source.this.this
    names = [item.name for item in node.expressions if type(item) is exp.Column]
    if not isinstance(inner, exp.Select) or len(names) != len(node.expressions):
        return None
    shown = {item.alias_or_name: item for item in inner.expressions}
    others = ("joins", "group", "order", "limit", "distinct", "with_")
    if any(node.args.get(part) for part in others) or inner.args.get("qualify"):
        return None
    if not set(names) <= set(shown) or where.find(exp.Query):
        return None
    for column in list(where.find_all(exp.Column)):
        made = shown.get(column.name)
        if made is None or not isinstance(made.unalias(), exp.Window):
            return None
        column.replace(made.unalias().copy())
    inner.set("expressions", [shown[name] for name in names])
    inner.set("qualify", exp.Qualify(this=where.this))
    return inner


def _using(node: exp.Expr) -> exp.Expr | None:
    """Write an equality of columns of one name as USING."""
    on = node.args.get("on")
    sides = [on.this, on.expression] if isinstance(on, exp.EQ) else []
    if not all(isinstance(side, exp.Column) for side in sides) or not sides:
        return None
    if sides[0].name != sides[1].name:
        return None
    node.set("on", None)
    node.set("using", [sides[0].this.copy()])
    return node


def _filtered(node: exp.Expr) -> exp.Expr | None:
    """Write SUM over a CASE of 1 and 0 as a COUNT with FILTER."""
    case = node.this
    if not isinstance(case, exp.Case) or case.this is not None or len(case.args["ifs"]) != 1:
        return None
    branch, default = case.args["ifs"][0], case.args.get("default")
    if branch.args["true"].name != "1" or default is None or default.name != "0":
        return None
    if isinstance(node.parent, exp.Window | exp.Filter):
        return None
    return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=branch.this))


def _by_all(node: exp.Expr) -> exp.Expr | None:
    """Group by all that is no aggregate."""
    select = node.parent
    sets = ("rollup", "cube", "grouping_sets")
    if not isinstance(select, exp.Select) or any(node.args.get(part) for part in sets):
        return None
    keys = [item for item in select.expressions if not item.find(exp.AggFunc, exp.Star)]
    if len(keys) != len(node.expressions) or node.args.get("all"):
        return None
    return exp.Group(all=True)


def _by_place(node: exp.Expr) -> exp.Expr | None:
    """Group by places of the SELECT list."""
    select = node.parent
    if not isinstance(select, exp.Select) or not node.expressions:
        return None
    items = [item.unalias() for item in select.expressions]
    if not all(key in items for key in node.expressions):
        return None
    places = [exp.Literal.number(items.index(key) + 1) for key in node.expressions]
    node.set("expressions", places)
    return node


PHRASINGS: Rules = (
    ("EXISTS for IN", (exp.In,), _exists),
    ("IN for EXISTS", (exp.Exists,), _membership),
    ("semi join", (exp.Select,), _semi_join),
    ("derived table for CTE", (exp.Select,), _inlined),
    ("CTE for derived table", (exp.Select,), _named),
    ("QUALIFY", (exp.Select,), _qualified),
    ("USING", (exp.Join,), _using),
    ("FILTER for CASE", (exp.Sum,), _filtered),
    ("GROUP BY ALL", (exp.Group,), _by_all),
    ("GROUP BY places", (exp.Group,), _by_place),
)
NATURAL = tuple(rule for rule in RULES if rule[0] in _NATURAL)
