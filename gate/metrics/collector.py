"""Turn what the gate's parts count into Prometheus' families, when somebody asks. Runs in the endpoint's thread.

Only single numbers and copies made in one step are read, so that the event loop need not wait.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol, cast

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gate import __version__, status
from gate.cache import States
from gate.errors import Reason
from gate.histogram import Histogram
from gate.identity.denials import DENIED
from gate.metrics import series
from gate.metrics.lag import Lag
from gate.metrics.series import Series
from gate.rules.model import Outcome
from gate.service.check import Checker
from gate.service.record import Recorder
from gate.servicers.health import CHECKS, WRITES, Health
from gate.traffic import Traffic

_ALLOWED: Final = ("allowed", "")
_FILES: Final = {"database": "", "wal": "-wal"}

Sample = tuple[tuple[str, ...], float]


class Plane(Protocol):
    """A transport that tells what goes on."""

    def traffic(self) -> Traffic:
        """Tell, from any thread."""


class Sources(NamedTuple):
    """The parts that count."""

    planes: Mapping[str, Plane]
    health: Health
    recorder: Recorder
    states: States
    checker: Checker
    lag: Lag
    database: Path


class GateCollector(Collector):
    """Reads the parts of one gate."""

    def __init__(self, sources: Sources, transport: str) -> None:
        self._sources = sources
        self._transport = transport
        self._allowed = 0

    def collect(self) -> Iterator[Metric]:
        """Yield every family of the catalogue."""
        yield _family(series.BUILD_INFO, [((__version__, self._transport), 1)])
        yield _alone(series.SERVING, self._sources.health.serves(CHECKS[0]))
        yield _alone(series.WRITES_DURABLE, self._sources.health.serves(WRITES))
        yield from self._traffic()
        yield _family(series.CALLS_REFUSED, _counts(dict.fromkeys(Reason, 0) | dict(status.REFUSED)))
        yield _family(series.AUTHENTICATION_FAILURES, _counts(dict(DENIED)))
        yield from self._checks()
        yield from self._writes()
        yield _histogram(series.LOOP_LAG, self._sources.lag.seconds)
        yield _alone(series.LOOP_LAG_LAST, self._sources.lag.last)

    def _traffic(self) -> Iterator[Metric]:
        told = {name: plane.traffic() for name, plane in self._sources.planes.items()}
        yield _family(series.CONNECTIONS, _by_plane({name: each.connections for name, each in told.items()}))
        yield _family(series.CONNECTIONS_ACCEPTED, _by_plane({name: each.accepted for name, each in told.items()}))
        yield _family(series.CONNECTION_FAULTS, _by_plane({name: each.faults for name, each in told.items()}))
        yield _family(series.STREAMS, _counts({name: each.streams for name, each in told.items()}))
        yield _family(series.CALLS, _counts({name: each.calls for name, each in told.items()}))
        shed = Counter(status.SHED)
        for each in told.values():
            shed.update(each.shed)
        yield _family(series.CALLS_SHED, _counts(shed))

    def _checks(self) -> Iterator[Metric]:
        checker, states = self._sources.checker, self._sources.states
        denied = checker.denied()
        sources = {"remembered": checker.remembered, "filter": checker.clear, "states": checker.worked_out}
        # A check is counted a moment before its denial is; what counts up must never fall.
        self._allowed = max(self._allowed, sum(sources.values()) - sum(denied.values()))
        yield _family(
            series.CHECKS,
            [(_ALLOWED, self._allowed), *((("denied", each.lower()), count) for each, count in denied.items())],
        )
        yield _family(series.CHECK_SOURCES, _counts(sources))
        yield _alone(series.FILTER_FALSE_POSITIVES, checker.false_alarms)
        yield _alone(series.CACHE_HITS, checker.remembered + states.hits)
        yield _alone(series.CACHE_MISSES, states.misses)
        yield _alone(series.CACHE_ENTRIES, states.entries)

    def _writes(self) -> Iterator[Metric]:
        recorder, database = self._sources.recorder, self._sources.database
        outcomes = dict.fromkeys((*Outcome, Reason.EVENT_ID_REUSED), 0) | dict(recorder.outcomes)
        yield _alone(series.QUEUE, recorder.waiting)
        yield _family(series.EVENTS, _counts(outcomes))
        yield _histogram(series.COMMIT_EVENTS, recorder.commit_events)
        yield _histogram(series.COMMIT_SECONDS, recorder.commit_seconds)
        sizes = {name: _size(database.with_name(database.name + suffix)) for name, suffix in _FILES.items()}
        yield _family(series.DATABASE_BYTES, _counts(sizes))


def _family(kind: Series, samples: Iterable[Sample]) -> Metric:
    family = kind.family()
    for labels, value in samples:
        family.add_metric(labels, value)
    return cast("Metric", family)


def _alone(kind: Series, value: float) -> Metric:
    return _family(kind, [((), value)])


def _counts(counts: Mapping[str, float]) -> list[Sample]:
    return [((name.lower(),), count) for name, count in counts.items()]


def _by_plane(counts: Mapping[str, Mapping[str, float]]) -> list[Sample]:
    return [((plane, name.lower()), count) for plane, each in counts.items() for name, count in each.items()]


def _histogram(kind: Series, histogram: Histogram) -> Metric:
    family = kind.family()
    family.add_metric((), list(histogram.buckets()), histogram.total)
    return cast("Metric", family)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
