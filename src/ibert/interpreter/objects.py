"""What code can reach while it is interpreted: Ibis' objects, plain data, nothing else."""

from __future__ import annotations

import ast
import datetime
import decimal
import inspect
import types
import uuid
from collections.abc import Callable
from typing import Any, Final

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import ibis.selectors as selectors
from ibis.common.deferred import Deferred, Resolver
from ibis.common.selectors import Selector
from ibis.expr.builders import Builder
from ibis.expr.types.groupby import GroupedTable
from ibis.expr.types.temporal import DayOfWeek
from ibis.util import backend_entry_points

from ibert.catalog import Catalog


class _Unknown:
    """A value that cannot be told without running the code."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


class Connection:
    """Stands for `con`: it has the tables of a catalog, without rows."""

    def __init__(self, catalog: Catalog) -> None:
        tables = catalog.tables.items()
        self._tables = {name: ibis.table(schema, name=name) for name, schema in tables}
        self._folded = {name.casefold(): name for name in self._tables}

    def table(self, name: str, /, *, database: object = None) -> ir.Table:
        """Give a table.

        Raises
        ------
        TableNotFound
            There is no such table.
        """
        if database is not None or name.casefold() not in self._folded:
            raise ibis.common.exceptions.TableNotFound(name)
        return self._tables[self._folded[name.casefold()]]

    def list_tables(self) -> list[str]:
        """Give the names of the tables."""
        return list(self._tables)


class Function:
    """A function or lambda of the code: called with values, it is interpreted."""

    def __init__(
        self,
        node: ast.FunctionDef | ast.Lambda,
        call: Callable[[Function, tuple[Any, ...], dict[str, Any]], Any],
    ) -> None:
        self.node = node
        self._call = call
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        names = [item.arg for item in (*node.args.posonlyargs, *node.args.args)]
        # Ibis looks at it: functions over arrays are called by the names of their parameters.
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Interpret its body."""
        return self._call(self, args, kwargs)


MODULES: dict[str, Any] = {
    "datetime": datetime,
    "decimal": decimal,
    "ibis": ibis,
    "ibis.expr.datatypes": dt,
    "ibis.expr.types": ir,
    "ibis.selectors": selectors,
    "ibis.udf": ibis.udf,
    "uuid": uuid,
}


def _unprinted(*_values: object, **_options: object) -> None:
    """Stand for `print`: code that is read says nothing."""


BUILTINS: dict[str, Any] = {
    found.__name__: found
    for found in (
        *(abs, all, any, bool, dict, enumerate, float, frozenset, int, len, list, max, min),
        *(range, reversed, round, set, slice, sorted, str, sum, tuple, zip),
    )
} | {"print": _unprinted}
# What code raises itself.
EXCEPTIONS: dict[str, type[Exception]] = {
    found.__name__: found
    for found in (
        *(ArithmeticError, AssertionError, AttributeError, Exception, IndexError, KeyError),
        *(LookupError, NameError, NotImplementedError, RuntimeError, TypeError, ValueError),
    )
}
# Objects whose public methods only make expressions and descriptions of them.
OWNERS = (
    *(
        ir.Expr,
        DayOfWeek,
        GroupedTable,
        Builder,
        Deferred,
        Resolver,
        Selector,
        ibis.Schema,
        dt.DataType,
    ),
    *(Connection, str, list, dict, tuple, set, frozenset, range),
    *(datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID),
)
# Of these, what reads or writes data, runs something, or takes SQL text.
_OUTSIDE = frozenset(
    """
    cache compile connect decompile execute get_backend load_extension parse_sql pipe preview
    raw_sql read_csv read_delta read_json read_parquet set_backend sql to_csv to_delta to_pandas
    to_pandas_batches to_parquet to_parquet_dir to_polars to_pyarrow to_pyarrow_batches to_sql
    to_torch to_xlsx format format_map visualize
    """.split()  # noqa: SIM905  names read better as words
)
_BACKENDS = frozenset(point.name for point in backend_entry_points())  # looking loads them
_CLASSES = (
    *(dt.DataType, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID),
    *(ibis.udf.scalar, ibis.udf.agg),
)


def may_read(holder: object, name: str) -> bool:
    """Whether an attribute of an object can be read."""
    if name.startswith("_") and not (holder is ibis and name == "_"):
        return False
    if holder is ibis and name in _BACKENDS:
        return False
    if isinstance(holder, types.ModuleType):
        found, known = getattr(holder, name, None), list(MODULES.values())
        return holder in known and (not isinstance(found, types.ModuleType) or found in known)
    return isinstance(holder, OWNERS) or (isinstance(holder, type) and issubclass(holder, _CLASSES))


def may_call(function: Any) -> bool:
    """Whether a function only makes values."""
    name = getattr(function, "__name__", "")
    if name in _OUTSIDE:
        return False
    if isinstance(function, type):
        return function in BUILTINS.values() or issubclass(function, _CLASSES)
    if isinstance(function, Function | Deferred) or function in BUILTINS.values():
        return True
    owner = getattr(function, "__self__", None)
    if owner is not None and not isinstance(owner, types.ModuleType):
        return isinstance(owner, OWNERS) or (
            isinstance(owner, type) and issubclass(owner, (*_CLASSES, dict))
        )
    return (getattr(function, "__module__", None) or "").startswith("ibis.")
