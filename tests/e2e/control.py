"""Calls of the control plane, their refusals, and events to feed a gate with, for the tests against real servers."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Final

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure
from google.rpc.status_pb2 import Status
from sendgate.v1 import channel_pb2_grpc, contact_pb2, contact_pb2_grpc, opt_in_review_pb2_grpc
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.server import Server

SMS: Final = pb.CHANNEL_SMS
EMAIL: Final = pb.CHANNEL_EMAIL
ON: Final = contact_pb2.DND_SETTING_ON
OFF: Final = contact_pb2.DND_SETTING_OFF
ALL_SIX: Final = list(pb.Channel.values()[1:])
NOON_S: Final = 1_772_452_800
"""2026-03-02 12:00:00 UTC in seconds since 1970."""

_places: Final = count(1)


def contacts(gate: Server) -> contact_pb2_grpc.ContactServiceStub:
    """Call the contact record."""
    return contact_pb2_grpc.ContactServiceStub(gate.channel(gate.control))


def reviews(gate: Server) -> opt_in_review_pb2_grpc.OptInReviewServiceStub:
    """Call the reviews."""
    return opt_in_review_pb2_grpc.OptInReviewServiceStub(gate.channel(gate.control))


def channels(gate: Server) -> channel_pb2_grpc.ChannelServiceStub:
    """Call the channels."""
    return channel_pb2_grpc.ChannelServiceStub(gate.channel(gate.control))


def get(gate: Server, contact_id: str, location_id: str = "") -> contact_pb2.Contact:
    """Read a contact's record."""
    request = contact_pb2.GetContactRequest(location_id=location_id, contact_id=contact_id)
    return contacts(gate).GetContact(request).contact


def set_dnd(gate: Server, contact_id: str, setting: int, *on: int, **fields: Any) -> contact_pb2.Contact:
    """Switch DND on channels, or on all at once where none is named."""
    request: dict[str, Any] = {"contact_id": contact_id, "setting": setting, "channels": on, "all_channels": not on}
    return contacts(gate).SetDnd(contact_pb2.SetDndRequest(**request | fields)).contact


def remediation(*, cleared: bool = True, validated: bool = True) -> contact_pb2.Remediation:
    """State the steps after a bounce."""
    return contact_pb2.Remediation(suppression_cleared=cleared, address_validated=validated)


def record(gate: Server, contact_id: str = "", *, at: int | None = None, **fields: Any) -> pb.RecordEventResponse:
    """Record an event of its own id; `at` is its time in seconds after NOON_S, None leaves it out."""
    occur_time = None if at is None else Timestamp(seconds=NOON_S + at)
    sound = {"event_id": f"event {next(_places)}", "contact_id": contact_id, "occur_time": occur_time}
    return gate.stub().RecordEvent(pb.RecordEventRequest(event=pb.Event(**sound | fields)))


def says(body: str, channel: Any = SMS) -> dict[str, Any]:
    """Make the detail of an inbound message."""
    return {"inbound_message": pb.InboundMessage(channel=channel, body=body)}


def fails(reason: str) -> dict[str, Any]:
    """Make the detail of an email that failed for good."""
    return {"email_failure": pb.EmailFailure(severity=pb.EMAIL_SEVERITY_PERMANENT, reason=reason)}


def complains() -> dict[str, Any]:
    """Make the detail of a spam complaint."""
    return {"email_complaint": pb.EmailComplaint()}


def check(gate: Server, contact_id: str = "", channel: Any = SMS, **fields: Any) -> pb.CheckSendResponse:
    """Check a send."""
    return gate.stub().CheckSend(pb.CheckSendRequest(contact_id=contact_id, channel=channel, **fields))


def causes(suppressions: Iterable[pb.Suppression]) -> list[str]:
    """Name the causes of suppressions."""
    return [pb.Cause.Name(each.cause).removeprefix("CAUSE_") for each in suppressions]


class Refused:
    """What a refusal told: its code, its reason, and the details that fit."""

    def __init__(self, error: grpc.Call) -> None:
        details = dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
        status = Status.FromString(details if isinstance(details, bytes) else details.encode())
        info, bad, failure = ErrorInfo(), BadRequest(), PreconditionFailure()
        assert [detail.Unpack(info) for detail in status.details].count(True) == 1
        for detail in status.details:
            detail.Unpack(bad)
            detail.Unpack(failure)
        assert info.domain == "sendgate"
        assert (error.code().value[0], error.details()) == (status.code, status.message)
        self.code = error.code()
        self.reason = info.reason.removeprefix("ERROR_REASON_")
        self.message = status.message
        self.fields = [violation.field for violation in bad.field_violations]
        self.obstacles = [(each.type, each.subject, each.description) for each in failure.violations]


def refused(call: Callable[..., object], *arguments: Any, **fields: Any) -> Refused:
    """Make a call that must fail and read its refusal."""
    with pytest.raises(grpc.RpcError) as failure:
        call(*arguments, **fields)
    error = failure.value
    assert isinstance(error, grpc.Call)
    return Refused(error)
