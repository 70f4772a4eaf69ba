"""A stream of events whose acknowledgements are remembered, for tests of what survives."""

import threading
from typing import Any, Final

import grpc
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.server import DEADLINE_S, Server

IN_FLIGHT: Final = 64
ACKNOWLEDGED: Final = 300
"""Acknowledgements that are enough."""


def stop(contact: str) -> pb.RecordEventRequest:
    """Make an opt-out."""
    message = pb.InboundMessage(channel=pb.CHANNEL_SMS, body="STOP")
    return pb.RecordEventRequest(event=pb.Event(event_id=contact, contact_id=contact, inbound_message=message))


class Stream:
    """Opt-outs of ever new contacts, so many in flight at any time, until the server is gone or it is stopped."""

    def __init__(self, gate: Server, name: str) -> None:
        self._stub = gate.stub()
        self._name = name
        self._lock = threading.Lock()
        self._sent = 0
        self._in_flight = 0
        self.acknowledged: list[str] = []
        self._stopping = False
        self.enough = threading.Event()
        self.over = threading.Event()

    def start(self) -> None:
        """Send the first calls; each answer sends the next one."""
        for _ in range(IN_FLIGHT):
            self._send()

    def stop(self) -> None:
        """Send no further calls."""
        self._stopping = True

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
            ending = self._stopping or not acknowledged
            if ending and not self._in_flight:
                self.over.set()
        if not ending:
            self._send()
