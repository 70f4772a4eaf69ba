"""A gate that stands still for a while, as a stopped process or a stolen processor does."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import pytest
from grpc_health.v1 import health_pb2
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.faults.calls import WRITES, allowed, health, record, reply
from tests.e2e.server import DEADLINE_S, SERVING, Server

STOPPED: Final = [f"stopped-{number}" for number in range(8)]
FREE: Final = [f"free-{number}" for number in range(8)]
HASTY_S: Final = 1.0


@contextmanager
def stalled(gate: Server) -> Iterator[None]:
    """Let the process stand still."""
    assert gate.process is not None
    os.kill(gate.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(gate.process.pid, signal.SIGCONT)


def sockets(gate: Server) -> int:
    """Count the sockets that the gate has open."""
    assert gate.process is not None
    links = Path(f"/proc/{gate.process.pid}/fd").iterdir()
    return sum(str(link.readlink()).startswith("socket:") for link in links)


def check(gate: Server, contact: str, timeout: float) -> bool:
    """Check one contact."""
    request = pb.CheckSendRequest(contact_id=contact, channel=pb.CHANNEL_SMS)
    return gate.stub().CheckSend(request, timeout=timeout).allowed


def test_a_stall(gate: Server) -> None:
    """Who has the patience gets right answers afterwards, who has not is told by the deadline; nobody reconnects."""
    for contact in STOPPED:
        record(gate, reply(contact))
    watch = gate.health().Watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
    assert next(watch).status == SERVING
    before = sockets(gate)
    with ThreadPoolExecutor(64) as callers:
        with stalled(gate):
            patient = [callers.submit(check, gate, contact, DEADLINE_S) for contact in STOPPED + FREE]
            recorded = callers.submit(record, gate, reply("during"))
            hasty = [callers.submit(check, gate, contact, HASTY_S) for contact in STOPPED + FREE]
            given_up = callers.submit(record, gate, reply("given up"), HASTY_S)
            for call in (*hasty, given_up):
                with pytest.raises(grpc.RpcError) as failure:
                    call.result(DEADLINE_S)
                assert isinstance(failure.value, grpc.Call)
                assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert [call.result(DEADLINE_S) for call in patient] == [*(False for _ in STOPPED), *(True for _ in FREE)]
        assert recorded.result(DEADLINE_S) == pb.OUTCOME_APPLIED
    assert health(gate) == health(gate, WRITES) == SERVING
    assert watch.is_active()
    watch.cancel()
    assert sockets(gate) == before
    assert record(gate, reply("given up")) in {pb.OUTCOME_APPLIED, pb.OUTCOME_DUPLICATE}
    assert allowed(gate, [*STOPPED, *FREE, "during", "given up"]) == [
        *(False for _ in STOPPED),
        *(True for _ in FREE),
        False,
        False,
    ]
