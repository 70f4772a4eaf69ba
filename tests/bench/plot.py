"""The picture of a run: throughput by server and shape, and latency percentiles by server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench import results
from tests.bench.hot import WORKLOAD
from tests.bench.results import GATE, SHAPES, Part

_COLOURS: Final = ("#999999", "#56b4e9", "#009e73", "#cc79a7", "#e69f00")
_OWN: Final = "#d55e00"
_SHARES: Final = ("1", "5", "10", "25", "50", "75", "90", "95", "99", "99.5", "99.9")
_CURVES: Final = ("1x1", "4x16")


def draw(path: Path, part: Part) -> None:
    """Write the picture in the format that the path's suffix names."""
    with mpl.rc_context({"font.size": 10, "svg.hashsalt": "sendgate", "svg.fonttype": "path"}):
        names = list(dict.fromkeys(series.server for series in part.series))
        others = iter(_COLOURS)
        colours = {name: _OWN if name == GATE else next(others) for name in names}
        figure = Figure(figsize=(11, 8.2), layout="constrained", facecolor="white")
        parts: Any = figure.subplot_mosaic([["bars", "bars"], list(_CURVES)])
        _bars(parts["bars"], part, colours)
        for shape in _CURVES:
            _curves(parts[shape], part, colours, shape)
        metadata = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, dpi=110, metadata=metadata)


def _bars(axes: Axes, part: Part, colours: Mapping[str, str]) -> None:
    width = 0.86 / len(colours)
    for place, (name, colour) in enumerate(colours.items()):
        for column, shape in enumerate(SHAPES):
            series = part.find(WORKLOAD, name, shape)
            if series is None:
                continue
            rate = results.rates(series)
            at = column + (place - (len(colours) - 1) / 2) * width
            spread = [[rate.median - rate.least], [rate.greatest - rate.median]]
            label = name if column == 0 else None
            axes.bar(at, rate.median, width * 0.92, color=colour, label=label, yerr=spread, ecolor="#444444", capsize=2)
            text = f"{rate.median / 1e3:,.0f}k" if rate.median >= 9_950 else f"{rate.median / 1e3:,.1f}k"
            axes.annotate(
                text, (at, rate.greatest), (0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=8
            )
    axes.set_xticks(range(len(SHAPES)), [f"{shape.replace('x', ' x ')}" for shape in SHAPES])
    axes.set_xlabel("connections x streams on each")
    axes.set_ylabel("calls per second, one core (log scale)")
    axes.set_yscale("log")
    axes.margins(y=0.12)
    axes.set_title("One hot contact: throughput, median of the rounds with the least and the greatest")
    axes.legend(ncols=len(colours), loc="upper left", fontsize=9, framealpha=0.9)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * 2.2)


def _curves(axes: Axes, part: Part, colours: Mapping[str, str], shape: str) -> None:
    for name, colour in colours.items():
        series = part.find(WORKLOAD, name, shape)
        if series is None:
            continue
        values = [results.latency(series, share).median for share in _SHARES]
        weight = 2.6 if name == GATE else 1.6
        axes.plot(range(len(_SHARES)), values, color=colour, label=name, linewidth=weight, marker="o", markersize=3)
    axes.set_xticks(range(len(_SHARES)), _SHARES)
    axes.set_xlabel("percentile")
    axes.set_ylabel("latency, us (log scale)")
    axes.set_yscale("log")
    axes.set_title(f"Latency at {shape.replace('x', ' x ')}")
    axes.grid(alpha=0.3, which="both")
