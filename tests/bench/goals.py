"""The figures to reach, each beside what the last run came to."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from tests.bench import checks, large, results, servers, transfer
from tests.bench.events import BATCH, RECORD
from tests.bench.hot import WORKLOAD
from tests.bench.results import GATE, Part, Spread


class Goal(NamedTuple):
    """A figure to reach. `least` tells whether it is a lower bound."""

    what: str
    bound: float
    least: bool
    unit: str
    reached: Spread

    @property
    def met(self) -> bool:
        """Compare the median."""
        return self.reached.median >= self.bound if self.least else self.reached.median <= self.bound


_TIMES: Final = " times"
_KEPT_UP: Final = 0.99


def goals(parts: Mapping[str, Part]) -> Iterator[Goal]:
    """Compare what was measured; what was not is left out."""
    if "servers" in parts:
        yield from _servers(parts["servers"])
    if "checks" in parts:
        yield from _checks(parts["checks"])
    if "events" in parts:
        yield from _events(parts["events"])
    if "beside" in parts:
        yield from _beside(parts["beside"])
    if "large" in parts:
        yield from _large(parts["large"])
    if "transfer" in parts:
        yield from _transfer(parts["transfer"])


def _servers(part: Part) -> Iterator[Goal]:
    def times(shape: str, server: str, bound: float) -> Iterator[Goal]:
        own, other = part.find(WORKLOAD, GATE, shape), part.find(WORKLOAD, server, shape)
        if own and other:
            what = f"CheckSend hot {shape}, beside {server}"
            yield Goal(what, bound, True, _TIMES, results.rate_ratio(own, other))

    for shape, rate in (("4x16", 100_000), ("64x1", 50_000)):
        if own := part.find(WORKLOAD, GATE, shape):
            yield Goal(f"CheckSend hot {shape}", rate, True, "/s", results.rates(own))
    yield from times("4x16", servers.GRPC_AIO, 25)
    yield from times("4x16", servers.GRPC_GO, 1.2)
    yield from times("64x1", servers.GRPC_AIO, 12)
    for server, bound in ((servers.GRPC_AIO, 0.5), (servers.GRPC_GO, 1.0), (servers.REDIS, 1.6)):
        own, other = part.find(WORKLOAD, GATE, "1x1"), part.find(WORKLOAD, server, "1x1")
        if own and other:
            ratio = results.latency_ratio(own, other, "50")
            yield Goal(f"CheckSend hot 1x1 p50, beside {server}", bound, False, _TIMES, ratio)
    if own := part.find(WORKLOAD, GATE, "4x16"):
        yield Goal("server CPU per CheckSend at 4x16", 10, False, " us", results.cpu(own))


def _checks(part: Part) -> Iterator[Goal]:
    hot = part.find(checks.HOT, GATE, "4x16")
    for workload, bound in ((checks.NEVER_SEEN, 0.6), (checks.DENIED, 0.5)):
        if hot and (series := part.find(workload, GATE, "4x16")):
            yield Goal(f"{workload}, 4x16, beside hot", bound, True, _TIMES, results.rate_ratio(series, hot))
    best = [series for series in part.series if series.workload == checks.SCREEN]
    if best:
        fastest = max(map(results.rates, best))
        yield Goal(f"{checks.SCREEN}, contacts", 1_000_000, True, "/s", fastest)


def _events(part: Part) -> Iterator[Goal]:
    if series := part.find(RECORD, GATE, "16x16"):
        yield Goal("RecordEvent, 256 in flight", 10_000, True, "/s", results.rates(series))
    if series := part.find(RECORD, GATE, "1x1"):
        yield Goal("RecordEvent, 1 in flight, p50", 1, False, " ms", _ms(results.latency(series, "50")))
    if series := part.find(BATCH, GATE, "1x1"):
        yield Goal(f"{BATCH}, events", 20_000, True, "/s", results.rates(series))


def _beside(part: Part) -> Iterator[Goal]:
    """Compare the paces too: a gate that falls behind has answered only the calls that it got to."""
    paced = part.series[0]
    yield Goal(
        "CheckSend p99 at 2,000/s beside 3,000 RecordEvent/s", 3, False, " ms", _ms(results.latency(paced, "99"))
    )
    for series, pace in zip(part.series, (2_000, 3_000), strict=True):
        yield Goal(f"{series.workload}: kept up", pace * _KEPT_UP, True, "/s", results.rates(series))


def _large(part: Part) -> Iterator[Goal]:
    hot, campaign = part.series
    beside = results.rate_ratio(campaign, hot)
    yield Goal(f"{part.title}: never seen, beside hot", 0.6, True, _TIMES, beside)
    yield Goal(f"{part.title}: resident memory", 1_024, False, " MiB", Spread.of(part.figures[large.RESIDENT]))
    yield Goal(f"{part.title}: start to SERVING", 30, False, " s", Spread.of(part.figures[large.START]))


def _transfer(part: Part) -> Iterator[Goal]:
    ratio, memory = Spread.of(part.figures[transfer.RATIO]), Spread.of(part.figures[transfer.MEMORY])
    yield Goal("import of contacts, beside plain sqlite3 with the same rows", 0.6, True, _TIMES, ratio)
    yield Goal("import: server's peak memory above idle", 150, False, " MiB", memory)


def _ms(microseconds: Spread) -> Spread:
    return Spread(*(value / 1e3 for value in microseconds))
