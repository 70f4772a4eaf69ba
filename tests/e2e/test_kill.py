"""What was acknowledged survives `kill -9`."""

import os
import sqlite3
import threading
from typing import Any, Final

import grpc
import pytest
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.server import DEADLINE_S, Server

ROUNDS: Final = int(os.environ.get("KILL_ROUNDS", "3"))
IN_FLIGHT: Final = 64
ACKNOWLEDGED: Final = 300
"""Acknowledgements after which the server is killed, with as many calls in flight as ever."""


def stop(contact: str) -> pb.RecordEventRequest:
    """Make an opt-out."""
    message = pb.InboundMessage(channel=pb.CHANNEL_SMS, body="STOP")
    return pb.RecordEventRequest(event=pb.Event(event_id=contact, contact_id=contact, inbound_message=message))


class Stream:
    """Opt-outs of ever new contacts, so many in flight at any time, until the server is gone."""

    def __init__(self, gate: Server, name: str) -> None:
        self._stub = gate.stub()
        self._name = name
        self._lock = threading.Lock()
        self._sent = 0
        self._in_flight = 0
        self.acknowledged: list[str] = []
        self.enough = threading.Event()
        self.over = threading.Event()

    def start(self) -> None:
        """Send the first calls; each answer sends the next one."""
        for _ in range(IN_FLIGHT):
            self._send()

    def _send(self) -> None:
        with self._lock:
            contact = f"{self._name}-{self._sent}"
            self._sent += 1
            self._in_flight += 1
        call = self._stub.RecordEvent.future(stop(contact), timeout=DEADLINE_S)
        call.add_done_callback(lambda done: self._answered(contact, done))

    def _answered(self, contact: str, call: Any) -> None:
        acknowledged = call.code() is grpc.StatusCode.OK
        with self._lock:
            self._in_flight -= 1
            if acknowledged:
                self.acknowledged.append(contact)
            if len(self.acknowledged) >= ACKNOWLEDGED:
                self.enough.set()
            if not acknowledged and not self._in_flight:
                self.over.set()
        if acknowledged:
            self._send()


@pytest.mark.parametrize("cache_size", ["1000"])
def test_every_acknowledged_event_survives_a_kill(serve: StartServer, cache_size: str) -> None:
    """Killed in full flow, again and again: all that was acknowledged is in effect, and the file is whole."""
    gate = serve(cache_size=cache_size)
    acknowledged: list[str] = []
    for number in range(ROUNDS):
        stream = Stream(gate, f"round{number}")
        stream.start()
        assert stream.enough.wait(DEADLINE_S), gate.log
        assert gate.process is not None
        gate.process.kill()
        assert stream.over.wait(DEADLINE_S)
        acknowledged += stream.acknowledged
        assert gate.wait() == -9
        connection = sqlite3.connect(gate.database)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()

        gate.start().wait_until_serving()

        request = pb.ScreenContactsRequest(contact_ids=acknowledged, channel=pb.CHANNEL_SMS)
        still_allowed = [
            contact
            for contact, allowed in zip(acknowledged, gate.stub().ScreenContacts(request).allowed, strict=True)
            if allowed
        ]
        assert still_allowed == []
    assert len(acknowledged) >= ROUNDS * ACKNOWLEDGED
