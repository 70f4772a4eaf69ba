"""Health: what an orchestrator sees, from the first byte to a disk that refuses."""

import asyncio
import resource
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from sendgate.v1 import send_gate_pb2 as pb

from store.store import Store
from tests.e2e.conftest import StartServer
from tests.e2e.server import DEADLINE_S, NOT_SERVING, SERVING, TRANSPORTS, ExecutedServer, Server

SUPPRESSED = 600_000
WRITES = "sendgate.writes"
STOPPED = pb.CheckSendRequest(contact_id="c599999", channel=pb.CHANNEL_SMS)

_MANY = """
    WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
    INSERT INTO suppression
    SELECT 'default', 'contact', 'c' || n, 'SMS', 'OPT_OUT', 1, -1, '', '' FROM number ORDER BY 'c' || n
"""
"""Far more quickly than through the store, which would take as long as the tests."""


@pytest.fixture(scope="module")
def big_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database that takes a moment to be read."""
    directory = tmp_path_factory.mktemp("big")

    async def fill() -> None:
        store = Store(directory / "gate.db")
        await store.open()
        await store.close()

    asyncio.run(fill())
    with closing(sqlite3.connect(directory / "gate.db")) as connection, connection:
        connection.execute(_MANY, (SUPPRESSED - 1,))
    return directory


@pytest.mark.parametrize("service", ["", "sendgate.v1.SendGateService", WRITES])
@pytest.mark.parametrize("plane", ["data", "control"])
def test_a_running_gate_is_serving(shared_gate: Server, plane: str, service: str) -> None:
    """Check, List and Watch agree, for each name, on each plane, over TCP and the Unix socket."""
    everything = health_pb2.HealthListRequest()  # type: ignore[attr-defined]  # the type stubs are older than it
    request = health_pb2.HealthCheckRequest(service=service)
    for target in (shared_gate.tcp(plane), getattr(shared_gate, plane)):
        health = shared_gate.health(target)
        stream = health.Watch(request, timeout=DEADLINE_S)
        assert health.Check(request).status == SERVING
        assert next(stream).status == SERVING
        assert health.List(everything).statuses[service].status == SERVING
        stream.cancel()


def test_an_unknown_service(shared_gate: Server) -> None:
    """Check says NOT_FOUND; Watch says SERVICE_UNKNOWN and stays open."""
    request = health_pb2.HealthCheckRequest(service="sendgate.v1.Nothing")
    with pytest.raises(grpc.RpcError) as failure:
        shared_gate.health().Check(request)
    stream = shared_gate.health().Watch(request, timeout=DEADLINE_S)

    assert isinstance(failure.value, grpc.Call)
    assert failure.value.code() is grpc.StatusCode.NOT_FOUND
    assert next(stream).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    assert stream.is_active()
    stream.cancel()


def test_nothing_is_serving_before_checks_are_right(big_directory: Path, transport: str) -> None:
    """From the first connection on, SERVING is never said before a check is answered, and no check wrongly allows."""
    statuses: list[int] = []
    refusals: list[tuple[grpc.StatusCode, str]] = []
    with ExecutedServer(big_directory, **TRANSPORTS[transport]).start() as gate:
        end = time.monotonic() + DEADLINE_S
        while not (statuses and statuses[-1] == SERVING):
            assert time.monotonic() < end, gate.log
            for service in (WRITES, "sendgate.v1.SendGateService", ""):
                request = health_pb2.HealthCheckRequest(service=service)
                response = gate.health().Check(request, wait_for_ready=True, timeout=DEADLINE_S)
                statuses.append(response.status)
            try:
                decision = gate.stub().CheckSend(STOPPED)
            except grpc.RpcError as error:
                assert statuses[-1] == NOT_SERVING
                refusals.append(reason(error))
            else:
                assert not decision.allowed
                assert decision.suppressions[0].cause == pb.CAUSE_OPT_OUT

    assert statuses[0] == NOT_SERVING
    assert set(refusals) == {(grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_NOT_READY")}


def test_a_watch_from_the_start_sees_the_gate_become_ready(big_directory: Path, transport: str) -> None:
    """The first status is NOT_SERVING, the second SERVING, and there is no other."""
    with ExecutedServer(big_directory, **TRANSPORTS[transport]).start() as gate:
        stream = gate.health().Watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S, wait_for_ready=True)

        assert [next(stream).status, next(stream).status] == [NOT_SERVING, SERVING]
        assert not gate.stub().CheckSend(STOPPED).allowed
        stream.cancel()


def test_told_to_stop_while_starting(big_directory: Path, transport: str) -> None:
    """A gate that is still reading its database stops in good order."""
    with ExecutedServer(big_directory, **TRANSPORTS[transport]).start() as gate:
        gate.watch_until(NOT_SERVING)
        gate.terminate()
        assert gate.wait() == 0, gate.log


def reason(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    """Read why a call failed, for programs."""
    assert isinstance(error, grpc.Call)
    details = dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
    info = ErrorInfo()
    assert isinstance(details, bytes)
    assert Status.FromString(details).details[0].Unpack(info)
    return error.code(), info.reason


def test_a_disk_that_refuses(serve: StartServer) -> None:
    """Only writes turn NOT_SERVING: events are refused without effect, checks go on; it recovers by itself."""
    gate = serve()
    stub, health = gate.stub(), gate.health()
    stub.RecordEvent(stop("before"))
    assert gate.process is not None
    _, hard = resource.prlimit(gate.process.pid, resource.RLIMIT_FSIZE)
    full = (gate.database.with_name("gate.db-wal")).stat().st_size
    resource.prlimit(gate.process.pid, resource.RLIMIT_FSIZE, (full, hard))

    with pytest.raises(grpc.RpcError) as failure:
        stub.RecordEvent(stop("during"))
    gate.watch_until(NOT_SERVING, WRITES)

    assert reason(failure.value) == (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_STORE_UNAVAILABLE")
    assert health.Check(health_pb2.HealthCheckRequest()).status == SERVING
    assert [allowed(gate, who) for who in ("before", "during")] == [False, True]

    resource.prlimit(gate.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    gate.watch_until(SERVING, WRITES)
    stub.RecordEvent(stop("during"))
    assert [allowed(gate, who) for who in ("before", "during")] == [False, False]


def stop(contact: str) -> pb.RecordEventRequest:
    """Make an opt-out."""
    message = pb.InboundMessage(channel=pb.CHANNEL_SMS, body="STOP")
    return pb.RecordEventRequest(event=pb.Event(event_id=contact, contact_id=contact, inbound_message=message))


def allowed(gate: Server, contact: str) -> bool:
    """Check a contact."""
    return gate.stub().CheckSend(pb.CheckSendRequest(contact_id=contact, channel=pb.CHANNEL_SMS)).allowed


def test_reflection_is_on_the_control_address_alone(shared_gate: Server) -> None:
    """People's tools can list the services there; the data plane does not know the method."""
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    listed = next(iter(reflect(shared_gate, shared_gate.control, request)))
    names = {service.name for service in listed.list_services_response.service}
    assert names >= {"sendgate.v1.SendGateService", "grpc.health.v1.Health"}

    with pytest.raises(grpc.RpcError) as failure:
        next(iter(reflect(shared_gate, shared_gate.data, request)))
    assert isinstance(failure.value, grpc.Call)
    assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED


def reflect(
    gate: Server, target: str, request: reflection_pb2.ServerReflectionRequest
) -> list[reflection_pb2.ServerReflectionResponse]:
    """Ask the reflection service one thing."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(gate.channel(target))
    return list(stub.ServerReflectionInfo(iter([request]), timeout=DEADLINE_S))
