"""Events, each on disk before it is acknowledged, and checks beside them."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from typing import Final

from sendgate.v1 import send_gate_pb2 as pb

from store import addresses, event_log, suppressions
from tests.bench import bodies, database, raw, servers, traffic
from tests.bench.bench import CACHE_SIZE, WARM_UP_S, Bench
from tests.bench.bodies import Bodies
from tests.bench.load import NAME
from tests.bench.results import GATE, Part, Sample, Series
from tests.bench.servers import Running

RECORD: Final = "RecordEvent"
BATCH: Final = "BatchRecordEvents of 1,000"
CHECKS: Final = "CheckSend at 2,000/s beside events"
BESIDE: Final = "RecordEvent at 3,000/s beside checks"
RAW: Final = "plain sqlite3 with the rows of such events, 256 a commit, events/s"
SYNCS: Final = "writes of 4 KiB that this disk syncs, one after the other, per second"

_OWN, _BESIDE = "scratch.db", "scratch-raw.db"
_SHAPES: Final = ("1x1", "4x16", "16x16")
_MOST_PER_S: Final = {"1x1": 4_000, "4x16": 20_000, "16x16": 30_000}
_BATCHES_PER_S: Final = 50
_CHECK_RATE: Final = 2_000
_EVENT_RATE: Final = 3_000
_PACED_SHAPE: Final = "4x64"
_RAW_EVENTS, _RAW_GROUP = 50_000, 256
_SEED, _BATCH_SEED, _BESIDE_SEED = 1, 2, 3


class _Source:
    """Events that are recorded in stretches, each event once."""

    def __init__(self, requests: Bodies) -> None:
        self.requests = requests
        self._place = 0

    def next(self, count: int) -> dict[str, int]:
        """Take the next stretch, as options of the load loop."""
        first, self._place = self._place, self._place + count
        if self._place > self.requests.count:
            raise RuntimeError(f"{self.requests.path}: {self._place:,} events are wanted")
        return {"first": first, "count": count}


def measure(bench: Bench) -> Part:
    """Measure 1, 64 and 256 events in flight, and batches, by turns."""
    part = Part(
        "events",
        "Events, durable",
        f"Each event is synced to the disk before it is answered. The events name contact and address; one in four is "
        f"a delivery status, the others failures, replies and bounces of {traffic.POPULATION:,} people. The "
        f"database begins with {bench.suppressions:,} suppressions and grows. Where the loop ran out of requests "
        "before the time, the time is shorter. Plain `sqlite3` writes what the first of these events came to, with the "
        "gate's statements and settings, on the gate's core and a database like the one it began with: without a "
        "server, and without a thought.",
    )
    length = bench.seconds + WARM_UP_S
    counts = {shape: int(most * length) for shape, most in _MOST_PER_S.items()}
    bench.say("events: writing requests")
    single = _Source(bodies.events(bench.requests, "events", _SEED, bench.rounds * sum(counts.values()) + 1_000))
    batches = _Source(bodies.event_batches(bench.requests, _BATCH_SEED, bench.rounds * int(_BATCHES_PER_S * length)))
    part.series = [Series(RECORD, GATE, shape, NAME) for shape in _SHAPES]
    part.series.append(Series(BATCH, GATE, "1x1", NAME, bodies.BATCH))
    part.figures[SYNCS] = []
    with _recording(bench) as gate:
        _verify(bench, gate, single)
        for number in range(1, bench.rounds + 1):
            bench.say(f"events: round {number} of {bench.rounds}")
            part.figures[SYNCS].append(_syncs_per_s(bench))
            for series in part.series:
                batch = series.workload == BATCH
                source, count = (batches, int(_BATCHES_PER_S * length)) if batch else (single, counts[series.shape])
                run = bench.loop.run(
                    gate, source.requests, series.shape, bench.seconds, warm_up=WARM_UP_S, **source.next(count)
                )
                series.samples.append(run.sample)
        part.figures[RAW] = [_raw_per_s(bench)]
    return part


def measure_beside(bench: Bench) -> Part:
    """Measure paced checks while paced events are recorded."""
    part = Part(
        "beside",
        "Checks while events are recorded",
        f"CheckSend of 100,000 hot contacts is due {_CHECK_RATE:,} times a second and RecordEvent {_EVENT_RATE:,} "
        "times, at fixed times whatever the gate does; a latency counts from when the call was due. "
        "Both loops share a core; CPU is that of both kinds of calls.",
    )
    seconds = 3 * bench.seconds
    checks = bodies.hot(bench.requests, bench.suppressions, bodies.HOT)
    per_round = int(_EVENT_RATE * (seconds + 2 * WARM_UP_S)) + 1
    events = _Source(bodies.events(bench.requests, "events-beside", _BESIDE_SEED, bench.rounds * per_round))
    part.series = [Series(CHECKS, GATE, _PACED_SHAPE, NAME), Series(BESIDE, GATE, _PACED_SHAPE, NAME)]
    with _recording(bench, CACHE_SIZE) as gate:
        bench.loop.run(gate, checks, "4x16", 120, count=checks.count)
        for number in range(1, bench.rounds + 1):
            bench.say(f"beside: round {number} of {bench.rounds}")
            for series, sample in zip(part.series, _both(bench, gate, checks, events, per_round, seconds), strict=True):
                series.samples.append(sample)
    return part


def _both(
    bench: Bench, gate: Running, checks: Bodies, events: _Source, per_round: int, seconds: float
) -> Iterator[Sample]:
    """Begin with the events and end with them, so that every check is beside some."""
    recording = bench.loop.start(
        gate,
        events.requests,
        _PACED_SHAPE,
        seconds + WARM_UP_S,
        rate=_EVENT_RATE,
        warm_up=WARM_UP_S,
        **events.next(per_round),
    )
    checking = bench.loop.start(gate, checks, _PACED_SHAPE, seconds, rate=_CHECK_RATE, warm_up=WARM_UP_S)
    yield bench.loop.finish(checking).sample
    yield bench.loop.finish(recording).sample


@contextmanager
def _recording(bench: Bench, cache_size: int | None = None) -> Iterator[Running]:
    """Run a gate on a copy of the database that is removed afterwards."""
    path = bench.scratch_database(_OWN)
    try:
        with ExitStack() as stack:
            gate = stack.enter_context(servers.gate(path, set(bench.server_core), cache_size))
            stack.enter_context(servers.pinned(set(bench.load_core)))
            yield gate
    finally:
        database.discard(path)


def _verify(bench: Bench, gate: Running, source: _Source) -> None:
    """See that events are recorded, and that a second delivery is known for one."""
    source.next(100)
    for expected in (False, True):
        for _, answer in bench.loop.sampled(gate, source.requests, "1x1", 100):
            if (pb.RecordEventResponse.FromString(answer).outcome == pb.OUTCOME_DUPLICATE) != expected:
                raise RuntimeError(f"an event was {'not ' if expected else ''}taken for a duplicate")


def _raw_per_s(bench: Bench) -> float:
    """Write the rows of events that the gate recorded to another copy of its database."""
    with closing(sqlite3.connect(bench.build / _OWN)) as reader:
        recorded = list(reader.execute("SELECT * FROM event ORDER BY seq LIMIT ?", (_RAW_EVENTS,)))
        effects = list(islice(event_log.effects_of(reader), len(recorded)))
    groups = [
        (
            recorded[start : start + _RAW_GROUP],
            suppressions.merge(row for each in effects[start : start + _RAW_GROUP] for row in each.suppressions)[1],
            addresses.merge(link for each in effects[start : start + _RAW_GROUP] for link in each.links)[1],
        )
        for start in range(0, len(recorded), _RAW_GROUP)
    ]
    path = bench.scratch_database(_BESIDE)
    try:
        with servers.pinned(set(bench.server_core)):
            return len(recorded) / raw.seconds(path, (), groups)
    finally:
        database.discard(path)


def _syncs_per_s(bench: Bench) -> float:
    """Append 4 KiB and sync, as a commit does at least: what one caller at a time can reach on this disk."""
    path, count = bench.build / "sync", 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    began = time.perf_counter()
    try:
        while (seconds := time.perf_counter() - began) < bench.seconds / 2:
            os.write(descriptor, bytes(4096))
            os.fdatasync(descriptor)
            count += 1
    finally:
        os.close(descriptor)
        path.unlink()
    return count / seconds
