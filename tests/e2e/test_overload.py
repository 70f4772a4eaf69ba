"""More than a gate can do: it refuses the rest, answers health, checks before events, and is itself again at once."""

import json
import math
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sendgate.v1 import contact_pb2
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from tests.e2e.conftest import StartServer
from tests.e2e.control import Refused, contacts
from tests.e2e.faults.calls import WRITES, allowed, health, record, reply
from tests.e2e.faults.shim import Shim
from tests.e2e.server import DEADLINE_S, SERVING, Server, eventually

pytestmark = pytest.mark.executed

OVERLOAD_S: Final = float(os.environ.get("OVERLOAD_SECONDS", "2"))
TIMES: Final = float(os.environ.get("OVERLOAD_TIMES", "10"))
BACK_TO_NORMAL_S: Final = 2.0 if OVERLOAD_S >= 20 else 6.0
"""What is promised, if the flood lasts long enough to be one; among other tests it is only a bound."""
PROBES: Final = 50
QUEUE: Final = 2_000
CONNECTIONS: Final = 4_096
SPARE: Final = 64
TOO_LATE: Final = {"native": (), "grpcio": ("CANCELLED",)}
"""What a call may end with beside DEADLINE_EXCEEDED: grpc.aio's server cancels a call whose deadline it sees first."""
_HELLO: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
_SETTINGS: Final = 4
"""The type of the frame that a server begins with."""


def check(gate: Server, contact: str = "anybody") -> bool:
    """Check one contact."""
    request = pb.CheckSendRequest(contact_id=contact, channel=pb.CHANNEL_SMS)
    return gate.stub().CheckSend(request, timeout=DEADLINE_S).allowed


def latency(gate: Server) -> float:
    """Measure the median of some checks, one after the other, in seconds."""
    return median(lambda: check(gate))


def latency_of_events(gate: Server) -> float:
    """Measure likewise how long it takes to record an event that changes nothing; without end where it is refused."""
    try:
        return median(lambda: record(gate, reply("anybody", "hello", name=str(time.monotonic_ns()))))
    except grpc.RpcError:
        return math.inf


def median(call: Callable[[], Any]) -> float:
    """Measure the median of some calls, each of which must succeed, in seconds."""
    took = []
    for _ in range(PROBES):
        began = time.monotonic()
        assert call()
        took.append(time.monotonic() - began)
    return statistics.median(took)


def memory(gate: Server) -> int:
    """Read how much memory the gate has, in bytes."""
    assert gate.process is not None
    pages = Path(f"/proc/{gate.process.pid}/statm").read_text("ascii").split()[1]
    return int(pages) * resource.getpagesize()


@contextmanager
def flooding(gate: Server) -> Iterator[subprocess.Popen[str]]:
    """Run the flood beside a gate, which first finds out what is sustained."""
    arguments = [gate.data, str(TIMES), str(OVERLOAD_S / 2), str(OVERLOAD_S)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.faults.flood", *arguments],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as flood:
        try:
            yield flood
        finally:
            flood.kill()


def test_ten_times_what_is_sustained(serve: StartServer, transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under ten times the load health is answered and checks are right; after it latency and memory are as before."""
    if transport == "grpcio":  # as the image and `make run` have it
        monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")
    gate = serve()
    assert record(gate, reply("stopped")) == pb.OUTCOME_APPLIED
    with flooding(gate) as flood:
        assert flood.stdin
        assert flood.stdout
        sustained = json.loads(flood.stdout.readline())
        eventually(lambda: math.isfinite(latency_of_events(gate)), "the queue is empty")
        calm, calm_events, before = latency(gate), latency_of_events(gate), memory(gate)
        flood.stdin.write("\n")
        flood.stdin.flush()
        answered = 0
        with ThreadPoolExecutor(1) as waiting:
            ended = waiting.submit(flood.stdout.readline)
            while not ended.done():
                assert health(gate) == health(gate, WRITES) == SERVING
                assert not check(gate, "stopped")
                answered += 1
        over = time.monotonic()
        outcomes: dict[str, int] = json.loads(ended.result())
    eventually(lambda: latency(gate) <= 3 * calm + 0.005, "back to normal latency")
    eventually(lambda: latency_of_events(gate) <= 3 * calm_events + 0.005, "back to normal latency of events")
    took = time.monotonic() - over
    eventually(lambda: memory(gate) <= 1.1 * before, f"{memory(gate):,} bytes of memory are {before:,} again")
    sys.stdout.write(
        f"\nsustained {sustained:.0f} batches/s, then {TIMES:g} times that for {OVERLOAD_S:g} s: {outcomes}; "
        f"meanwhile {answered} rounds of checks and health; normal again after {took:.2f} s, "
        f"memory {before / 2**20:.0f} MiB before and {memory(gate) / 2**20:.0f} MiB after\n"
    )
    assert answered > 0
    assert took <= BACK_TO_NORMAL_S
    assert outcomes.pop("due") > 0.5 * TIMES * sustained * OVERLOAD_S
    assert set(outcomes) <= {"OK", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "not made", *TOO_LATE[transport]}


def test_events_beyond_the_queue(shim: Shim, serve: StartServer) -> None:
    """While the disk is slow further events and acts are refused, and told when to come again; checks are not."""
    gate = serve(queue_events=str(QUEUE))
    batches = [[reply(f"{batch}-{number}") for number in range(500)] for batch in range(QUEUE // 500 + 2)]
    act = contact_pb2.SetDndRequest(contact_id="c1", all_channels=True, setting=contact_pb2.DND_SETTING_ON)
    with ThreadPoolExecutor(len(batches)) as callers:
        with shim.pulled(hold=1):
            steps = shim.get("steps")
            calls = [callers.submit(record, gate, reply("first"))]
            eventually(lambda: shim.get("steps") > steps, "the first commit has begun")
            answers = [callers.submit(batch_outcome, gate, batch) for batch in batches]
            eventually(lambda: sum(answer.done() for answer in answers) == 2, "the queue is full")
            assert overloaded(gate.stub().RecordEvent, pb.RecordEventRequest(event=reply("late"))) > 0
            # Not even read: to find the fault would cost more than to refuse it.
            assert overloaded(gate.stub().RecordEvent, pb.RecordEventRequest(event=pb.Event(event_id="faulty"))) > 0
            assert overloaded(contacts(gate).SetDnd, act) > 0
            assert health(gate) == health(gate, WRITES) == SERVING
            assert allowed(gate, ["late", "first"]) == [True, True]
        assert calls[0].result(DEADLINE_S) == pb.OUTCOME_APPLIED
        taken = [answer.result(DEADLINE_S) for answer in answers]
    assert sorted(taken) == ["OK"] * (QUEUE // 500) + ["RESOURCE_EXHAUSTED"] * 2
    for batch, outcome in zip(batches, taken, strict=True):
        assert set(allowed(gate, [event.contact_id for event in batch])) == {outcome != "OK"}
    assert record(gate, reply("late")) == pb.OUTCOME_APPLIED


def batch_outcome(gate: Server, batch: list[pb.Event]) -> str:
    """Record a batch and name the status."""
    try:
        gate.stub().BatchRecordEvents(pb.BatchRecordEventsRequest(events=batch), timeout=DEADLINE_S)
    except grpc.RpcError as error:
        return str(error.code().name) if isinstance(error, grpc.Call) else repr(error)
    return "OK"


def overloaded(call: Any, request: Any) -> int:
    """Make a call that must be refused for the queue, and return the milliseconds to wait before the next try."""
    with pytest.raises(grpc.RpcError) as failure:
        call(request, timeout=DEADLINE_S)
    error = failure.value
    assert isinstance(error, grpc.Call)
    refusal = Refused(error)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    return int(dict(error.trailing_metadata() or ())["grpc-retry-pushback-ms"])


@contextmanager
def descriptors_as_usual() -> Iterator[None]:
    """Let what is started inside be allowed so many descriptors as most systems begin with; more if it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * CONNECTIONS:
        pytest.skip(f"{hard} descriptors are allowed here, too few for so many connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(gate: Server, crowd: ExitStack) -> socket.socket:
    """Connect and say no more than a client must."""
    client = crowd.enter_context(socket.socket(socket.AF_UNIX))
    client.settimeout(DEADLINE_S)
    client.connect(os.fspath(gate.directory / "data.sock"))
    client.sendall(_HELLO)
    assert client.recv(9)[3] == _SETTINGS
    return client


def said_until_the_end(client: socket.socket) -> bytes:
    """Read what a server says before it hangs up."""
    return b"".join(iter(lambda: client.recv(65_536), b""))


@pytest.mark.parametrize("transport", ["grpcio"])
def test_connections_beyond_the_bound_of_the_library(serve: StartServer) -> None:
    """Further ones are hung up on; who was there is served as ever, and later ones are once there is room."""
    with descriptors_as_usual():
        gate = serve()
    assert check(gate)
    with ExitStack() as crowd:
        for _ in range(CONNECTIONS - 1):
            connect(gate, crowd)
        with pytest.raises((OSError, IndexError)):
            connect(gate, crowd)
        assert check(gate)
        assert health(gate) == health(gate, WRITES) == SERVING
    with grpc.insecure_channel(gate.data, options=[("grpc.use_local_subchannel_pool", 1)]) as later:
        request = pb.CheckSendRequest(contact_id="anybody", channel=pb.CHANNEL_SMS)
        eventually(lambda: served(rpc.SendGateServiceStub(later), request), "the crowd is gone")


@pytest.mark.parametrize("transport", ["native"])
def test_connections_beyond_the_bound(serve: StartServer) -> None:
    """On a few spare ones health is answered and the rest told to come again; others are served as ever."""
    with descriptors_as_usual():
        gate = serve()
    assert check(gate)
    own = [("grpc.use_local_subchannel_pool", 1)]
    request = pb.CheckSendRequest(contact_id="anybody", channel=pb.CHANNEL_SMS)
    with ExitStack() as crowd:
        for _ in range(CONNECTIONS - 1):
            connect(gate, crowd)
        late = crowd.enter_context(grpc.insecure_channel(gate.data, options=own))
        probe: Any = health_pb2_grpc.HealthStub(late)
        assert probe.Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S).status == SERVING
        with pytest.raises(grpc.RpcError) as failure:
            rpc.SendGateServiceStub(late).CheckSend(request, timeout=DEADLINE_S)
        assert isinstance(failure.value, grpc.Call)
        assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert int(dict(failure.value.trailing_metadata() or ())["grpc-retry-pushback-ms"]) > 0
        for _ in range(SPARE - 1):
            connect(gate, crowd)
        assert b"too many connections" in said_until_the_end(connect(gate, crowd))
        assert check(gate)
    with grpc.insecure_channel(gate.data, options=own) as later:
        eventually(lambda: served(rpc.SendGateServiceStub(later), request), "the crowd is gone")


def served(stub: rpc.SendGateServiceStub, request: pb.CheckSendRequest) -> bool:
    """Tell whether a check is answered."""
    try:
        return stub.CheckSend(request, timeout=DEADLINE_S).allowed
    except grpc.RpcError:
        return False
