"""One hot contact, asked about again and again: the gate beside servers that do nothing, and beside Redis."""

from contextlib import ExitStack
from typing import Final

from tests.bench import bodies, rivals, servers
from tests.bench.bench import CACHE_SIZE, WARM_UP_S, Bench
from tests.bench.load import NAME
from tests.bench.results import SHAPES, Part, Sample, Series
from tests.bench.servers import Running

WORKLOAD: Final = "hot contact"

_ABOUT: Final = {
    NAME: "the bundled load loop, which sends a call's two frames one after the other as gRPC clients do",
    rivals.H2LOAD: "h2load, which sends the HEADERS of all streams before their DATA and a content-length with each",
}


def measure(bench: Bench) -> Part:
    """Measure every server at every shape, all of them by turns, by h2load where it is installed."""
    tool = rivals.H2LOAD if rivals.h2load_installed() else NAME
    return _measure(bench, "servers", "One hot contact, by server", tool)


def measure_by_loop(bench: Bench) -> Part:
    """Measure the same by the load loop, which sends frames as gRPC clients do."""
    return _measure(bench, "loop", "The same by the bundled loop", NAME)


def _measure(bench: Bench, name: str, title: str, tool: str) -> Part:
    part = Part(
        name,
        title,
        f"CheckSend of one contact that is in memory, by {_ABOUT[tool]}, and Redis GET of one value by "
        "redis-benchmark, whose histogram counts in steps of 8 us and whose pipeline stands for streams. The no-ops "
        "allow every send without a thought: those in Python decode the request and encode the answer, that in Go does "
        "neither.",
    )
    request = bodies.hot(bench.requests, bench.suppressions, 1)
    absent = servers.missing(bench.build)
    part.facts = {f"Left out: {name}": why for name, why in absent.items()}
    with ExitStack() as stack:
        core = set(bench.server_core)
        running = [
            stack.enter_context(servers.gate(bench.database(), core, CACHE_SIZE)),
            stack.enter_context(servers.noop(servers.GRPC_AIO, core)),
            stack.enter_context(servers.noop(servers.GRPC_THREADS, core)),
        ]
        if servers.GRPC_GO not in absent:
            running.append(stack.enter_context(servers.grpc_go(bench.build, core)))
        if servers.REDIS not in absent:
            running.append(stack.enter_context(servers.redis(core)))
        stack.enter_context(servers.pinned(set(bench.load_core)))
        for server in running:
            by = rivals.REDIS_BENCHMARK if server.name == servers.REDIS else tool
            part.series += [Series(WORKLOAD, server.name, shape, by) for shape in SHAPES]
        for number in range(1, bench.rounds + 1):
            bench.say(f"{name}: round {number} of {bench.rounds}")
            for shape in SHAPES:
                for server in running:
                    series = part.find(WORKLOAD, server.name, shape)
                    assert series is not None
                    series.samples.append(_sample(bench, server, request, shape, tool))
    return part


def _sample(bench: Bench, server: Running, request: bodies.Bodies, shape: str, tool: str) -> Sample:
    if server.name == servers.REDIS:
        return rivals.redis_get(server, shape, bench.seconds)
    warm = bench.loop.run(server, request, shape, bench.seconds / 10, warm_up=WARM_UP_S)
    if warm.yes != warm.completed:
        raise RuntimeError(f"{server.name}: {warm.completed - warm.yes:,} of {warm.completed:,} calls were denied")
    if tool == rivals.H2LOAD:
        return rivals.h2load(server, request, shape, bench.seconds)
    return bench.loop.run(server, request, shape, bench.seconds).sample
