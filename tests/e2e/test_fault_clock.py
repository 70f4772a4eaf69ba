"""A wall clock that jumps, hours ahead and back, under a running gate."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
import pytest
from grpc_health.v1 import health_pb2
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.faults.calls import allowed, health, record, record_in_vain, reply
from tests.e2e.faults.shim import Shim
from tests.e2e.server import DEADLINE_S, SERVING, Server

HOUR_S: Final = 3_600
HOUR_NS: Final = HOUR_S * 10**9
JUMPS: Final = (0, HOUR_NS, -HOUR_NS, 24 * HOUR_NS, -24 * HOUR_NS, 0)


@pytest.fixture
def jumpy(shim: Shim, serve: StartServer) -> Iterator[Server]:
    """Start a gate whose clock can be set; it is right again before the gate is stopped."""
    yield serve()
    shim.reset()


def test_the_last_word_is_the_one_heard_last(shim: Shim, jumpy: Server) -> None:
    """Replies without a time take effect in the order in which they are heard, wherever the clock jumps between."""
    for number, jump in enumerate(JUMPS):
        shim.set(clock_ns=jump)
        for body, free in (("STOP", False), ("START", True), ("STOP", False)):
            name = f"{number} {body} {free} {time.monotonic_ns()}"
            assert record(jumpy, reply("c1", body, name=name)) == pb.OUTCOME_APPLIED
            assert allowed(jumpy, ["c1"]) == [free]


def test_times_are_judged_by_the_clock_of_the_moment(shim: Shim, jumpy: Server) -> None:
    """What the clock says is far in the future is refused and not stored; once the clock is right it is taken."""
    now = time.time()
    shim.set(clock_ns=-HOUR_NS)
    too_early = record_in_vain(jumpy, reply("c2", at_s=now))
    assert (too_early.code, too_early.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "TIME_INVALID")
    assert allowed(jumpy, ["c2"]) == [True]

    shim.set(clock_ns=0)
    assert record(jumpy, reply("c2", at_s=now)) == pb.OUTCOME_APPLIED
    shim.set(clock_ns=HOUR_NS)
    assert record(jumpy, reply("c2", "START", name="later", at_s=now + HOUR_S)) == pb.OUTCOME_APPLIED
    shim.set(clock_ns=0)
    assert record(jumpy, reply("c2", name="late", at_s=now + 1)) == pb.OUTCOME_STALE
    assert allowed(jumpy, ["c2"]) == [True]


def test_deadlines_and_watches_do_not_follow_the_wall_clock(shim: Shim, jumpy: Server) -> None:
    """A call in flight keeps its deadline, no sooner and no later, and those who watch the health stay connected."""
    watch = jumpy.health().Watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
    assert next(watch).status == SERVING
    for jump in (HOUR_NS, -HOUR_NS):
        calls_keep_their_deadlines(shim, jumpy, jump)
    assert watch.is_active()
    watch.cancel()


def calls_keep_their_deadlines(shim: Shim, jumpy: Server, jump: int) -> None:
    """Let the clock jump while one call waits for long and another for a moment."""
    with ThreadPoolExecutor() as callers, shim.pulled(hold=1):
        patient = callers.submit(record, jumpy, reply(f"patient {jump}"))
        hasty = callers.submit(record, jumpy, reply(f"hasty {jump}"), timeout=0.3)
        shim.set(clock_ns=jump)
        with pytest.raises(grpc.RpcError) as failure:
            hasty.result(DEADLINE_S)
        assert isinstance(failure.value, grpc.Call)
        assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert not patient.done()
        assert health(jumpy) == SERVING
        shim.set(hold=0)
        assert patient.result(DEADLINE_S) == pb.OUTCOME_APPLIED
    assert allowed(jumpy, [f"patient {jump}"]) == [False]
