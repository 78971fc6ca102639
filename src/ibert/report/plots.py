"""Plots as data: what Plotly draws in the reader's browser; nothing is drawn here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

Interval = tuple[float, float]  # its lower and its upper end


@dataclass(frozen=True)
class Plot:
    """Traces and a layout of Plotly.

    Attributes
    ----------
    data
        The traces: `{"type": "bar", "x": …, "y": …}`.
    layout
        What is not as in the reports' other plots.
    caption
        What it shows, in a sentence.
    height
        In pixels.
    """

    kind: ClassVar = "plot"

    data: tuple[dict[str, Any], ...]
    layout: dict[str, Any] = field(default_factory=dict)
    caption: str = ""
    height: int = 360


def bars(
    series: Mapping[str, Mapping[str, float]],
    *,
    caption: str = "",
    axis: str = "",
    intervals: Mapping[str, Mapping[str, Interval]] | None = None,
    share: bool = False,
) -> Plot:
    """Draw groups of bars, one series beside the other.

    Parameters
    ----------
    series
        The heights of the bars by their names, for each series.
    caption
        What the plot shows, in a sentence.
    axis
        What the heights are.
    intervals
        The ends of confidence intervals, in the same places as the heights.
    share
        Whether the heights are shares, shown in percent from 0 to 100.

    Examples
    --------
    >>> plot = bars({"model": {"joins": 0.5}}, intervals={"model": {"joins": (0.2, 0.8)}})
    >>> plot.data[0]["y"], plot.data[0]["error_y"]["array"]
    ([0.5], [0.3])
    """
    data = []
    for name, heights in series.items():
        trace: dict[str, Any] = {"type": "bar", "name": name, "x": list(heights)}
        trace["y"] = list(heights.values())
        if intervals and name in intervals:
            trace["error_y"] = _errors(heights, intervals[name])
        data.append(trace)
    layout = {"barmode": "group", "showlegend": len(data) > 1, "yaxis": _axis(axis, share)}
    return Plot(tuple(data), layout, caption)


def histogram(
    series: Mapping[str, Sequence[float]], *, caption: str = "", axis: str = "", bins: int = 40
) -> Plot:
    """Draw how often values of each size occur.

    Parameters
    ----------
    series
        The values of each series.
    caption
        What the plot shows, in a sentence.
    axis
        What the values are.
    bins
        At most so many bars.

    Examples
    --------
    >>> histogram({"train": [1, 2, 2]}, axis="tokens").data[0]["x"]
    [1, 2, 2]
    """
    data = tuple(
        {"type": "histogram", "name": name, "x": list(values), "nbinsx": bins, "opacity": 0.7}
        for name, values in series.items()
    )
    layout = {"barmode": "overlay", "showlegend": len(data) > 1, "xaxis": _axis(axis)}
    return Plot(data, layout, caption)


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    caption: str = "",
    axes: tuple[str, str] = ("", ""),
    share: bool = False,
) -> Plot:
    """Draw lines through points.

    Parameters
    ----------
    series
        The points of each line.
    caption
        What the plot shows, in a sentence.
    axes
        What the first and the second numbers of the points are.
    share
        Whether the second numbers are shares, shown in percent from 0 to 100.

    Examples
    --------
    >>> lines({"loss": [(0, 3.0), (10, 1.5)]}, axes=("step", "loss")).data[0]["y"]
    [3.0, 1.5]
    """
    data = tuple(
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": [x for x, _ in points],
            "y": [y for _, y in points],
        }
        for name, points in series.items()
    )
    layout = {
        "showlegend": len(data) > 1,
        "xaxis": _axis(axes[0]),
        "yaxis": _axis(axes[1], share),
    }
    return Plot(data, layout, caption)


def _axis(title: str, share: bool = False) -> dict[str, Any]:
    scale: dict[str, Any] = {"range": [0, 1], "tickformat": ".0%"} if share else {}
    return {"title": {"text": title}, "automargin": True, **scale}


def _errors(heights: Mapping[str, float], ends: Mapping[str, Interval]) -> dict[str, Any]:
    """Give the bars' whiskers: how far they reach up and down."""
    places = [(height, *ends.get(name, (height, height))) for name, height in heights.items()]
    return {
        "type": "data",
        "symmetric": False,
        "array": [round(high - height, 6) for height, _, high in places],
        "arrayminus": [round(height - low, 6) for height, low, _ in places],
    }
