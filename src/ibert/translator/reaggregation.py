"""Aggregates of a grouping set from those of a finer one."""

from __future__ import annotations

from ibert.translator.functions.aggregates import AggregateCall, aggregate
from ibert.translator.relations import Aggregate
from ibert.translator.syntax import calls_last
from ibert.translator.values import Value

# Of whose results the same function gives what it would of all values.
_DISTRIBUTIVE = ("sum", "min", "max")


def reaggregated(finer: Aggregate, rows: Value) -> dict[str, Value] | None:
    """Give the metrics of a grouping set over the groups of a finer one; None if one may differ.

    Sums of floating-point numbers depend on their order, and counts become another type.

    Parameters
    ----------
    finer
        The groups, whose keys include those of the grouping set.
    rows
        The groups as a value.
    """
    found: dict[str, Value] = {}
    for name, metric in finer.metrics.items():
        function = next((item for item in _DISTRIBUTIVE if calls_last(metric, item)), None)
        if function is None or (function == "sum" and metric.type.is_floating):
            return None
        call = AggregateCall(function, [finer.field(name)], False, None, [], False, rows)
        value = aggregate(call)
        if value is None or (value.type, value.declared) != (metric.type, metric.declared):
            return None
        found[name] = value
    return found
