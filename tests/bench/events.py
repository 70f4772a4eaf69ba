"""Recording beside raw `sqlite3`: the same rows in the same number of commits, without a gate around them."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

import grpc
from sendgate.v1 import send_gate_pb2 as pb

from gate.service.record import Recorder
from store.store import Store
from tests.bench import database, servers, traffic
from tests.bench.recording import (
    CACHE_SIZE,
    Group,
    KeepingStore,
    Run,
    Submission,
    closed_loop,
    raw_seconds,
    with_recorder,
)
from tests.bench.report import Table, percentile, spread

SUPPRESSIONS: Final = 100_000
"""In the database before the first event, or fewer where the run asks for fewer."""

_BATCH: Final = 1_000
_METHOD: Final = "/sendgate.v1.SendGateService/BatchRecordEvents"
_COLUMNS: Final = (
    "events", "in flight", "events per commit", "events/s", "raw sqlite3 events/s", "ratio", "goal", "p50 ms", "p99 ms",
)  # fmt: skip


@dataclass(slots=True)
class _Case:
    """One way to record. What it writes is found out once; each round then records the same events anew."""

    name: str
    in_flight: int
    batch: int
    goal: str
    over_grpc: bool = False
    warm_up: list[Submission] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    warm_up_groups: list[Group] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    gate: list[Run] = field(default_factory=list)
    raw_s: list[float] = field(default_factory=list)

    @property
    def events(self) -> int:
        """Count the events that are timed."""
        return len(self.submissions) * self.batch


def measure(directory: Path, suppressions: int, rounds: int, seconds: float, say: Callable[[str], None]) -> Table:
    """Measure every case, the gate and raw SQLite in turn, each on a fresh copy of one database."""
    base, path = directory / "base.db", directory / "events.db"
    suppressions = min(suppressions, SUPPRESSIONS)
    say(f"filling a database with {suppressions:,} suppressions")
    database.fill(base, suppressions)
    cases = [
        _Case("RecordEvent, in process", 1, 1, ""),
        _Case("RecordEvent, in process", 64, 1, ""),
        _Case("RecordEvent, in process", 256, 1, "0.40"),
        _Case(f"BatchRecordEvents of {_BATCH:,}, gRPC", 1, _BATCH, "0.30", over_grpc=True),
        _Case(f"BatchRecordEvents of {_BATCH:,}, gRPC", 4, _BATCH, "", over_grpc=True),
    ]
    say("events: finding out what the gate writes")
    for case in cases:
        asyncio.run(_rehearse(case, database.copy(base, path), seconds))
    for number in range(1, rounds + 1):
        say(f"events: round {number} of {rounds}")
        for case in cases:
            database.copy(base, path)
            case.gate.append(_over_grpc(case, path) if case.over_grpc else asyncio.run(_in_process(case, path)))
            case.raw_s.append(raw_seconds(database.copy(base, path), case.warm_up_groups, case.groups))
    database.discard(path)
    database.discard(base)
    note = (
        f"Durable: each commit is synced to the disk before it is answered. {rounds} rounds of about {seconds:g} s on "
        f"fresh copies of a database with {suppressions:,} suppressions; the events name contact and address, one in "
        f"four is a delivery status, the others failures, replies and bounces of {traffic.POPULATION:,} people. Raw "
        "`sqlite3` runs the gate's own statements with the gate's own rows, in groups of the gate's size, WAL and "
        "synchronous=FULL, on one plain connection. The ratio is the gate's events/s to raw `sqlite3`'s."
    )
    return Table("Recording beside raw sqlite3", _COLUMNS, [_row(case) for case in cases], note)


async def _rehearse(case: _Case, path: Path, seconds: float) -> None:
    """Record events for a time, and keep them and what was written for them."""
    store = KeepingStore(path)
    source = _submissions(case.batch)
    case.warm_up = list(islice(source, 4 * case.in_flight + 4))

    def kept() -> Iterator[Submission]:
        for submission in source:
            case.submissions.append(submission)
            yield submission

    async def rehearse(recorder: Recorder) -> None:
        await closed_loop(recorder, iter(case.warm_up), case.in_flight)
        case.warm_up_groups, store.kept.groups = store.kept.groups, []
        await closed_loop(recorder, kept(), case.in_flight, seconds)

    await with_recorder(store, rehearse)
    case.groups = store.kept.groups


def _submissions(batch: int) -> Iterator[Submission]:
    source = traffic.events(seed=batch)
    while True:
        yield list(islice(source, batch))


async def _in_process(case: _Case, path: Path) -> Run:
    async def use(recorder: Recorder) -> Run:
        await closed_loop(recorder, iter(case.warm_up), case.in_flight)
        return await closed_loop(recorder, iter(case.submissions), case.in_flight)

    return await with_recorder(Store(path), use)


def _over_grpc(case: _Case, path: Path) -> Run:
    """Send batches that are on the wire's form already, so that the client's own work is not measured."""
    warm_up = [traffic.batch_request(batch) for batch in case.warm_up]
    requests = [traffic.batch_request(batch) for batch in case.submissions]
    answers: list[bytes] = []
    latencies: list[float] = []
    with (
        servers.gate(path, os.sched_getaffinity(0), CACHE_SIZE) as gate,
        grpc.insecure_channel(gate.target) as channel,
        ThreadPoolExecutor(case.in_flight) as callers,
    ):
        record: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_METHOD)

        def call(request: bytes) -> None:
            asked = time.perf_counter()
            answers.append(record(request))
            latencies.append(time.perf_counter() - asked)

        list(callers.map(call, warm_up))
        latencies.clear()
        began = time.perf_counter()
        list(callers.map(call, requests))
        seconds = time.perf_counter() - began
    for answer in answers:
        for result in pb.BatchRecordEventsResponse.FromString(answer).results:
            if result.HasField("error"):
                raise RuntimeError(f"an event was refused: {result.error.message}")
    return Run(seconds, latencies)


def _row(case: _Case) -> list[str]:
    return [
        case.name,
        str(case.in_flight),
        f"{case.events / len(case.groups):,.0f}",
        f"{case.events / median(run.seconds for run in case.gate):,.0f}",
        f"{case.events / median(case.raw_s):,.0f}",
        spread([raw_s / run.seconds for run, raw_s in zip(case.gate, case.raw_s, strict=True)]),
        case.goal and f"at least {case.goal}",
        f"{median(percentile(run.latencies_s, 0.5) for run in case.gate) * 1e3:.1f}",
        f"{median(percentile(run.latencies_s, 0.99) for run in case.gate) * 1e3:.1f}",
    ]
