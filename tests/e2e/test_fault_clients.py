"""Clients that vanish in mid-call: what they began is done in whole or not at all, and nothing of them stays."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.faults.calls import allowed, health, record_each, reply
from tests.e2e.faults.shim import Shim
from tests.e2e.server import DEADLINE_S, SERVING, Server, eventually

BATCH: Final = [f"batch-{number}" for number in range(200)]
_CALLER: Final = """
import sys, grpc
from sendgate.v1 import send_gate_pb2 as pb, send_gate_pb2_grpc as rpc
request = pb.BatchRecordEventsRequest.FromString(sys.stdin.buffer.read())
call = rpc.SendGateServiceStub(grpc.insecure_channel(sys.argv[1])).BatchRecordEvents.future(request)
print("called", flush=True)
call.result()
print("answered", flush=True)
"""
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS: Final = bytes.fromhex("000000040000000000")
_HALF_A_HEADER_BLOCK: Final = bytes.fromhex("000400010000000001") + b"\x83\x86"
_CUT: Final = (b"", _PREFACE[:10], _PREFACE, _PREFACE + _SETTINGS, _PREFACE + _SETTINGS + _HALF_A_HEADER_BLOCK)


def descriptors(gate: Server) -> int:
    """Count what the gate has open."""
    assert gate.process is not None
    return len(list(Path(f"/proc/{gate.process.pid}/fd").iterdir()))


def descriptors_at_rest(gate: Server) -> int:
    """Count likewise once all is imported: what reads odd addresses is while the gate begins to serve."""
    for channel, address in ((pb.CHANNEL_SMS, "+442079460001"), (pb.CHANNEL_EMAIL, "Somebody@Example.com")):
        assert gate.stub().CheckSend(pb.CheckSendRequest(address=address, channel=channel), timeout=DEADLINE_S).allowed
    return descriptors(gate)


def test_a_client_killed_while_its_events_are_written(shim: Shim, serve: StartServer) -> None:
    """Its batch is recorded in whole, in effect at once, and a duplicate for whoever delivers it again."""
    gate = serve()
    assert health(gate) == SERVING
    open_before = descriptors_at_rest(gate)
    steps = shim.get("steps")
    with shim.pulled(hold=1):
        request = pb.BatchRecordEventsRequest(events=map(reply, BATCH)).SerializeToString()
        with subprocess.Popen(
            [sys.executable, "-c", _CALLER, gate.data], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as client:
            assert client.stdin
            assert client.stdout
            client.stdin.write(request)
            client.stdin.close()
            assert client.stdout.readline() == b"called\n"
            eventually(lambda: shim.get("steps") > steps, "the commit has begun")
            client.kill()
            assert client.stdout.read() == b""
            client.wait(DEADLINE_S)
        eventually(lambda: descriptors(gate) == open_before, "the client is forgotten")
        assert allowed(gate, BATCH[:1]) == [True]
    eventually(lambda: not any(allowed(gate, BATCH)), "the batch is in effect")
    assert set(record_each(gate, map(reply, BATCH))) == {pb.OUTCOME_DUPLICATE}


def test_clients_that_vanish_anywhere(gate: Server) -> None:
    """Connections cut off within the preface, the settings or a request leave nothing open, and others are served."""
    assert health(gate) == SERVING
    open_before = descriptors_at_rest(gate)
    for octets in _CUT * 20:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.fspath(gate.directory / "data.sock"))
            client.sendall(octets)
        assert health(gate) == SERVING
    eventually(lambda: descriptors(gate) == open_before, "the clients are forgotten")
    assert allowed(gate, ["anybody"]) == [True]
