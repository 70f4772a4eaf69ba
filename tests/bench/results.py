"""What was measured: samples of a round, in series, in parts; kept as JSON so that a report can be written again."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import msgspec

GATE: Final = "sendgate"
SHAPES: Final = ("1x1", "1x16", "4x16", "64x1")
"""Connections x streams on each."""


class Sample(msgspec.Struct):
    """One measurement of one server: calls, not items, where a call carries many."""

    calls_per_s: float
    cpu_us: float
    server_busy: float
    load_busy: float
    percentiles_us: dict[str, float]

    def percentile(self, share: str) -> float:
        """Return a latency in microseconds."""
        return self.percentiles_us.get(share, 0.0)


class Series(msgspec.Struct):
    """The samples of all rounds of one cell, in the order of the rounds. A call carries `items`."""

    workload: str
    server: str
    shape: str
    tool: str
    items: int = 1
    samples: list[Sample] = []


class Part(msgspec.Struct):
    """One part of a run, with the facts of the machine at that time and single figures by name."""

    name: str
    title: str
    note: str
    facts: dict[str, str] = {}
    series: list[Series] = []
    figures: dict[str, list[float]] = {}

    def find(self, workload: str, server: str, shape: str) -> Series | None:
        """Return a series, or None where it was not measured."""
        wanted = (workload, server, shape)
        return next((each for each in self.series if (each.workload, each.server, each.shape) == wanted), None)


class Spread(NamedTuple):
    """A median with the least and the greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Sum up the values of the rounds."""
        return cls(median(values), min(values), max(values))


def load(path: Path) -> dict[str, Part]:
    """Read the parts of earlier runs."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Part]) if path.exists() else {}


def save(path: Path, parts: dict[str, Part]) -> None:
    """Keep the parts, for people who diff too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(parts), indent=1) + b"\n")


def rates(series: Series) -> Spread:
    """Sum up the items per second."""
    return Spread.of([sample.calls_per_s * series.items for sample in series.samples])


def latency(series: Series, share: str) -> Spread:
    """Sum up a percentile, in microseconds."""
    return Spread.of([sample.percentile(share) for sample in series.samples])


def cpu(series: Series) -> Spread:
    """Sum up the server's processor time per item, in microseconds."""
    return Spread.of([sample.cpu_us / series.items for sample in series.samples])


def rate_ratio(one: Series, other: Series) -> Spread:
    """Divide the rates of each round."""
    return Spread.of([a.calls_per_s / b.calls_per_s for a, b in zip(one.samples, other.samples, strict=True)])


def latency_ratio(one: Series, other: Series, share: str) -> Spread:
    """Divide a percentile of each round."""
    pairs = zip(one.samples, other.samples, strict=True)
    return Spread.of([a.percentile(share) / b.percentile(share) for a, b in pairs])
