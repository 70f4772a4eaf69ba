"""A run as Markdown: every table with its spread, and the excerpt that the README shows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import Final

from tests.bench import results
from tests.bench.goals import Goal, goals
from tests.bench.hot import WORKLOAD
from tests.bench.results import GATE, SHAPES, Part, Series, Spread

PLOT: Final = "servers.svg"

_BEGIN, _END = "<!-- numbers:begin -->", "<!-- numbers:end -->"
_BUSY: Final = 0.97
_ABOUT: Final = """\
Servers and loads are processes of their own, pinned to one core each and connected by TCP on the loopback interface.
A shape is connections x streams on each. Within a round every cell is measured once, the servers or workloads by
turns; figures are the median of the rounds, with the least and the greatest. Ratios are between two measurements of
one round. CPU is the server's processor time, all threads. A rate marked `*` is the load's limit: its core was busy
and the server's was not. Every answer is checked: gRPC's status, and how many were allowed."""


def text(spread: Spread, digits: int = 0) -> str:
    """Write a median with the least and the greatest."""
    middle, least, greatest = (f"{value:,.{digits}f}" for value in spread)
    return middle if least == greatest else f"{middle} ({least} to {greatest})"


def write(path: Path, parts: Mapping[str, Part]) -> None:
    """Write the report of all parts that there are."""
    sections = ["# The data plane, measured", _ABOUT]
    if "servers" in parts:
        sections.append(f"![Throughput and latency by server]({PLOT})")
    sections.append("## Figures to reach\n\n" + _table(_GOAL_COLUMNS, map(_goal_row, goals(parts))))
    for part in parts.values():
        facts = "\n".join(f"* {name}: {fact}" for name, fact in part.facts.items())
        tables = [_servers(part) if part.name in {"servers", "loop"} else _rates(part)] if part.series else []
        figures = "\n".join(
            f"* {name}: {text(Spread.of(values), sum(values[0] < limit for limit in (10, 100)))}"
            for name, values in part.figures.items()
        )
        sections += [f"## {part.title}", _wrapped(part.note), *tables, figures, facts]
    path.write_text("\n\n".join(section for section in sections if section) + "\n", "utf-8")


def excerpt(parts: Mapping[str, Part], folder: str) -> str:
    """Write what the README shows."""
    part = parts.get("servers") or next(iter(parts.values()))
    facts = part.facts
    about = (
        f"`make bench` on {facts['Machine']}, {facts['Date']}: the server on one core, the load on another, medians "
        f"of {facts['Rounds']} rounds, each server in turn. {facts['System']}; {facts['Versions']}. Every cell with "
        f"its spread: [{folder}/data-plane.md]({folder}/data-plane.md)."
    )
    lines = [_wrapped(about)]
    if "servers" in parts:
        lines.append(f"![Throughput and latency by server]({folder}/{PLOT})")
        lines.append(_by_server(parts["servers"]))
    lines.append(_table(_GOAL_COLUMNS, map(_goal_row, goals(parts))))
    return "\n\n".join(lines)


def show(readme: Path, numbers: str) -> None:
    """Put the excerpt between the README's marks."""
    pattern = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    before = readme.read_text("utf-8")
    if not pattern.search(before):
        raise RuntimeError(f"{readme}: {_BEGIN} and {_END} are missing")
    readme.write_text(pattern.sub(lambda _: f"{_BEGIN}\n{numbers}\n{_END}", before), "utf-8")


_GOAL_COLUMNS: Final = ("figure", "goal", "measured", "")


def _goal_row(goal: Goal) -> list[str]:
    digits = 0 if goal.bound >= 100 else 2
    bound = f"{'at least' if goal.least else 'at most'} {f'{goal.bound:,.1f}'.removesuffix('.0')}{goal.unit}"
    return [goal.what, bound, f"{text(goal.reached, digits)}{goal.unit}", "reached" if goal.met else "**missed**"]


def _by_server(part: Part) -> str:
    columns = ["CheckSend, one hot contact", *(f"{shape}, /s" for shape in SHAPES), "1x1 p50", "CPU at 4x16"]
    rows = []
    for server in dict.fromkeys(series.server for series in part.series):
        found = [part.find(WORKLOAD, server, shape) for shape in SHAPES]
        cells = [series for series in found if series is not None]
        by_shape = {series.shape: series for series in cells}
        p50, cpu = results.latency(by_shape["1x1"], "50"), results.cpu(by_shape["4x16"])
        rates = [f"{results.rates(series).median:,.0f}{_limit(series)}" for series in cells]
        rows.append([server, *rates, f"{p50.median:,.0f} us", f"{cpu.median:,.1f} us"])
    return _table(columns, rows)


def _servers(part: Part) -> str:
    columns = ("shape", "server", "by", "calls/s", f"{GATE}'s to it", "CPU us", "p50 us", "p99 us", "p99.9 us")
    rows = []
    for shape, each in groupby(sorted(part.series, key=lambda one: SHAPES.index(one.shape)), lambda one: one.shape):
        for series in each:
            own = part.find(WORKLOAD, GATE, shape)
            ratio = text(results.rate_ratio(own, series), 2) if own and series.server != GATE else ""
            rows.append([shape, series.server, series.tool, _rate(series), ratio, *_costs(series)])
    return _table(columns, rows, left=3)


def _rates(part: Part) -> str:
    columns = ["workload", "shape", "per second", "to the first", "CPU us", "p50 us", "p99 us", "p99.9 us"]
    rows: list[list[str]] = []
    for series in part.series:
        first = next(one for one in part.series if one.shape == series.shape)
        alike = part.name != "beside" and first is not series and first.items == series.items
        ratio = text(results.rate_ratio(series, first), 2) if alike else ""
        rows.append([series.workload, series.shape, _rate(series), ratio, *_costs(series)])
    place = columns.index("to the first")
    if not any(row[place] for row in rows):
        for line in (columns, *rows):
            del line[place]
    return _table(columns, rows, left=2)


def _rate(series: Series) -> str:
    return text(results.rates(series)) + _limit(series)


def _limit(series: Series) -> str:
    limited = sum(sample.load_busy > _BUSY > sample.server_busy for sample in series.samples)
    return " *" if 2 * limited > len(series.samples) else ""


def _costs(series: Series) -> Iterator[str]:
    cpu = results.cpu(series)
    yield text(cpu, 1 if cpu.median >= 1 else 3)
    for share in ("50", "99", "99.9"):
        yield text(results.latency(series, share))


def _wrapped(prose: str) -> str:
    return fill(prose, 119, break_long_words=False, break_on_hyphens=False)


def _table(columns: Sequence[str], rows: Iterator[list[str]] | list[list[str]], left: int = 1) -> str:
    rule = ["---"] * left + ["---:"] * (len(columns) - left)
    return "\n".join(f"| {' | '.join(line)} |" for line in (columns, rule, *rows))
