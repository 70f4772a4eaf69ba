"""The few calls that tests of faults make, and what may come of them."""

from collections.abc import Iterable
from typing import Any, Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.control import Refused, refused
from tests.e2e.server import DEADLINE_S, Server

WRITES: Final = "sendgate.writes"
UNAVAILABLE: Final = (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")


def reply(contact: str, body: str = "STOP", *, name: str = "", at_s: float | None = None) -> pb.Event:
    """Make a contact's reply; its id is the contact's unless there is a name, its time is not stated or in seconds."""
    message = pb.InboundMessage(channel=pb.CHANNEL_SMS, body=body)
    event = pb.Event(event_id=name or contact, contact_id=contact, inbound_message=message)
    if at_s is not None:
        event.occur_time.CopyFrom(Timestamp(seconds=int(at_s)))
    return event


def record(gate: Server, event: pb.Event, timeout: float = DEADLINE_S) -> Any:
    """Record an event and return its outcome."""
    return gate.stub().RecordEvent(pb.RecordEventRequest(event=event), timeout=timeout).outcome


def record_each(gate: Server, events: Iterable[pb.Event]) -> list[Any]:
    """Record events in one commit and return their outcomes."""
    results = gate.stub().BatchRecordEvents(pb.BatchRecordEventsRequest(events=events), timeout=DEADLINE_S).results
    return [result.response.outcome for result in results]


def record_in_vain(gate: Server, event: pb.Event) -> Refused:
    """Record an event, which must fail."""
    return refused(gate.stub().RecordEvent, pb.RecordEventRequest(event=event), timeout=DEADLINE_S)


def allowed(gate: Server, contacts: Iterable[str]) -> list[bool]:
    """Check contacts on SMS; each check must be answered."""
    checks = [pb.CheckSendRequest(contact_id=contact, channel=pb.CHANNEL_SMS) for contact in contacts]
    requests = [
        pb.BatchCheckSendRequest(checks=checks[start : start + 1_000]) for start in range(0, len(checks), 1_000)
    ]
    answers = [gate.stub().BatchCheckSend(request, timeout=DEADLINE_S).results for request in requests]
    results = [result for each in answers for result in each]
    assert all(result.HasField("response") for result in results)
    return [result.response.allowed for result in results]


def health(gate: Server, service: str = "") -> Any:
    """Ask for the health once."""
    return gate.health().Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE_S).status
