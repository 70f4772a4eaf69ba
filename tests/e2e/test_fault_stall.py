"""A gate that stands still for a while, as a stopped process or a stolen processor does."""

import asyncio
import os
import signal
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import pytest
from grpc_health.v1 import health_pb2
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from tests.e2e.conftest import StartServer
from tests.e2e.faults.calls import WRITES, allowed, health, record, reply
from tests.e2e.server import DEADLINE_S, SERVING, Server, eventually

STOPPED: Final = [f"stopped-{number}" for number in range(8)]
FREE: Final = [f"free-{number}" for number in range(8)]
HASTY_S: Final = 1.0
WAITING: Final = 3_500
"""Checks that wait for a gate at once: those of an outage of a second and a half, at 2,000 a second and some."""

TOO_MANY: Final = 9_000
"""More than the library lets wait."""


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


def test_all_that_waited_is_answered(gate: Server) -> None:
    """A gate that comes back to thousands of calls refuses none, on whatever transport."""
    record(gate, reply("stopped"))
    assert gate.process is not None
    answers = asyncio.run(check_during_a_stall(gate.data, gate.process.pid, WAITING))
    assert answers == [number % 2 == 1 for number in range(WAITING)]


@pytest.mark.parametrize("transport", ["grpcio"])
def test_what_is_dropped_is_counted(serve: StartServer) -> None:
    """Calls beyond what the library lets wait are not counted as open for ever, but as shed."""
    gate = serve(metrics_listen="127.0.0.1:0")
    record(gate, reply("stopped"))
    assert gate.process is not None
    answers = asyncio.run(check_during_a_stall(gate.data, gate.process.pid, TOO_MANY))
    dropped = answers.count("CANCELLED")
    assert dropped > 0
    assert answers.count(True) + answers.count(False) == TOO_MANY - dropped
    where = gate.log.partition("metrics listen on ")[2].split()[0]

    def told() -> set[str]:
        with urllib.request.urlopen(f"http://{where}/metrics", timeout=DEADLINE_S) as answer:
            return set(answer.read().decode("ascii").splitlines())

    expected = {f'sendgate_calls_shed_total{{kind="pending"}} {dropped}.0', 'sendgate_streams{plane="data"} 0.0'}
    eventually(lambda: expected <= told(), f"{expected}")


async def check_during_a_stall(target: str, process: int, number: int) -> list[bool | str]:
    """Call a gate that stands still, let it go on once all have called, and return what each was told."""
    async with grpc.aio.insecure_channel(target) as channel:
        stub: rpc.SendGateServiceAsyncStub = rpc.SendGateServiceStub(channel)
        requests = [
            pb.CheckSendRequest(contact_id="free" if each % 2 else "stopped", channel=pb.CHANNEL_SMS)
            for each in range(number)
        ]
        await stub.CheckSend(requests[0], timeout=DEADLINE_S)
        os.kill(process, signal.SIGSTOP)
        try:
            calls = [asyncio.ensure_future(answer_of(stub, request)) for request in requests]
            await asyncio.sleep(HASTY_S)
        finally:
            os.kill(process, signal.SIGCONT)
        return await asyncio.gather(*calls)


async def answer_of(stub: "rpc.SendGateServiceAsyncStub", request: pb.CheckSendRequest) -> bool | str:
    """Check one contact, and return the answer or the name of the status."""
    try:
        return (await stub.CheckSend(request, timeout=DEADLINE_S)).allowed
    except grpc.aio.AioRpcError as error:
        return error.code().name
