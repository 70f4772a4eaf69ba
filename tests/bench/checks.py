"""CheckSend beside grpc.aio's own no-op: calls per second, latency, and the server's processor time per call."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count, cycle, repeat
from pathlib import Path
from statistics import median
from typing import Final

import grpc
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from tests.bench import database, servers
from tests.bench.http2 import Connection
from tests.bench.report import Table, percentile, spread

METHOD: Final = "/sendgate.v1.SendGateService/CheckSend"
CACHE_SIZE: Final = 500_000
"""Room for the hot contacts and the two addresses of each."""

_HOT: Final = 100_000
_BATCH: Final = 1_000
_IN_FLIGHT: Final = (1, 16)
_WARM_UP_S: Final = 0.3
_SLICES: Final = 4
_SUPPRESSED_ONE_IN: Final = 33
_COLUMNS: Final = (
    "contact", "in flight", "denied",
    "calls/s", "no-op calls/s", "calls/s ratio",
    "CPU us", "no-op CPU us", "CPU ratio",
    "p50 us", "no-op p50", "p99 us", "no-op p99",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sample:
    calls_per_s: float
    cpu_us: float
    p50_us: float
    p99_us: float
    denied: float


@dataclass(slots=True)
class _Case:
    """One kind of contact at one concurrency. Each side has its own source of requests, with the same in them."""

    name: str
    in_flight: int
    for_gate: Iterator[bytes]
    for_noop: Iterator[bytes]
    gate: list[_Sample] = field(default_factory=list)
    noop: list[_Sample] = field(default_factory=list)


def measure(directory: Path, suppressions: int, rounds: int, seconds: float, say: Callable[[str], None]) -> Table:
    """Measure every case, the gate and the no-op in turn."""
    cores = sorted(os.sched_getaffinity(0))
    path = directory / "checks.db"
    say(f"filling a database with {suppressions:,} suppressions")
    database.fill(path, suppressions)
    hot = [number for number in range(suppressions) if number % database.KINDS in database.BY_EMAIL][:_HOT]
    cases = _cases(suppressions, hot)
    with ExitStack() as stack:
        noop = stack.enter_context(servers.noop({cores[-1]}))
        gate = stack.enter_context(servers.gate(path, {cores[-1]}, CACHE_SIZE))
        stack.enter_context(servers.pinned({cores[0]}))
        _remember(gate, hot)
        for number in range(1, rounds + 1):
            say(f"checks: round {number} of {rounds}")
            for case in cases:
                _compare(case, gate, noop, seconds)
    database.discard(path)
    return _table(cases, suppressions, rounds, seconds)


def _cases(suppressions: int, hot: list[int]) -> list[_Case]:
    denied = next(number for number in range(suppressions) if number % database.KINDS in database.BY_PHONE)
    sources: dict[str, Callable[[], Iterator[bytes]]] = {
        "hot": lambda: repeat(_request(hot[0])),
        f"{len(hot):,} hot, in turn": lambda: cycle([_request(number) for number in hot]),
        "denied, with reasons": lambda: repeat(_request(denied)),
    }
    cases = [_Case(name, in_flight, source(), source()) for name, source in sources.items() for in_flight in _IN_FLIGHT]
    # Shared by the concurrencies, so that nobody is asked about twice.
    for_gate, for_noop = _never_seen(suppressions), _never_seen(suppressions)
    cold = [_Case("never seen, 3 % suppressed", in_flight, for_gate, for_noop) for in_flight in _IN_FLIGHT]
    return cases[:4] + cold + cases[4:]


def _request(number: int) -> bytes:
    location_id, contact_id, _, _ = database.person(number)
    return pb.CheckSendRequest(
        location_id=location_id, contact_id=contact_id, channel=pb.CHANNEL_SMS
    ).SerializeToString()


def _never_seen(suppressions: int) -> Iterator[bytes]:
    """Ask about somebody else each time: most are not in the database, one in 33 is suppressed."""
    suppressed = cycle(range(database.KINDS, suppressions, database.KINDS))
    for number in count(suppressions):
        yield _request(next(suppressed) if number % _SUPPRESSED_ONE_IN == 0 else number)


def _remember(gate: servers.Running, hot: list[int]) -> None:
    """Let the gate load the hot contacts."""
    with grpc.insecure_channel(gate.target) as channel:
        stub = rpc.SendGateServiceStub(channel)
        for first in range(0, len(hot), _BATCH):
            checks = [pb.CheckSendRequest.FromString(_request(number)) for number in hot[first : first + _BATCH]]
            stub.BatchCheckSend(pb.BatchCheckSendRequest(checks=checks))


def _compare(case: _Case, gate: servers.Running, noop: servers.Running, seconds: float) -> None:
    """Let both sides answer in turn, in slices so short that what else the machine does befalls both alike."""
    with Connection(gate.socket, METHOD) as to_gate, Connection(noop.socket, METHOD) as to_noop:
        to_gate.drive(case.for_gate, case.in_flight, _WARM_UP_S)
        to_noop.drive(case.for_noop, case.in_flight, _WARM_UP_S)
        for _ in range(_SLICES):
            case.gate.append(_sample(gate, to_gate, case.for_gate, case.in_flight, seconds / _SLICES))
            case.noop.append(_sample(noop, to_noop, case.for_noop, case.in_flight, seconds / _SLICES))


def _sample(
    server: servers.Running, connection: Connection, messages: Iterator[bytes], in_flight: int, seconds: float
) -> _Sample:
    before = server.cpu_seconds()
    load = connection.drive(messages, in_flight, seconds)
    used = server.cpu_seconds() - before
    return _Sample(
        load.calls / load.seconds,
        used / load.calls * 1e6,
        percentile(load.latencies_ns, 0.5) / 1e3,
        percentile(load.latencies_ns, 0.99) / 1e3,
        1 - load.allowed / load.calls,
    )


def _table(cases: list[_Case], suppressions: int, rounds: int, seconds: float) -> Table:
    note = (
        f"{suppressions:,} suppressions in the database; {rounds} rounds of {seconds:g} s a cell and side, in "
        f"{_SLICES} slices by turns, after a warm-up of {_WARM_UP_S:g} s. Both servers are pinned to one core, the "
        f"load generator to another; one connection, closed loop. The gate's cache has room for {CACHE_SIZE:,} "
        "states. The calls/s ratio is the gate's to the no-op's (goal: at least 0.90, hot and never seen); CPU is the "
        "server's processor time per call, all threads, and its ratio the gate's to the no-op's (goal: at most 1.10). "
        "The no-op answers every request with the same `allowed`; a denial carries its suppressions, hence more bytes."
    )
    return Table("CheckSend beside grpc.aio's no-op", _COLUMNS, [_row(case) for case in cases], note)


def _row(case: _Case) -> list[str]:
    sides = list(zip(case.gate, case.noop, strict=True))
    gate, noop = _medians(case.gate), _medians(case.noop)
    return [
        case.name,
        str(case.in_flight),
        f"{gate.denied:.1%}",
        f"{gate.calls_per_s:,.0f}",
        f"{noop.calls_per_s:,.0f}",
        spread([one.calls_per_s / other.calls_per_s for one, other in sides]),
        f"{gate.cpu_us:.0f}",
        f"{noop.cpu_us:.0f}",
        spread([one.cpu_us / other.cpu_us for one, other in sides]),
        f"{gate.p50_us:,.0f}",
        f"{noop.p50_us:,.0f}",
        f"{gate.p99_us:,.0f}",
        f"{noop.p99_us:,.0f}",
    ]


def _medians(samples: list[_Sample]) -> _Sample:
    return _Sample(
        median(sample.calls_per_s for sample in samples),
        median(sample.cpu_us for sample in samples),
        median(sample.p50_us for sample in samples),
        median(sample.p99_us for sample in samples),
        median(sample.denied for sample in samples),
    )
