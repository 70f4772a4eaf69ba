"""Checks: requests to values, decisions to responses."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sendgate.v1 import send_gate_pb2 as pb

from gate.errors import InvalidFieldError, Reason
from gate.rules.causes import CAUSES
from gate.rules.judge import Decision
from gate.rules.model import Channel, Suppression
from gate.wire.address import AddressReader
from gate.wire.enums import (
    CAUSE_NUMBERS,
    CHANNEL_NUMBERS,
    CHANNELS,
    DENY_REASON_NUMBERS,
    PERMANENCE_NUMBERS,
    REMOVER_NUMBERS,
)
from gate.wire.fields import at_most, bounded, enum_value, location, required, timestamp

BATCH: Final = 1_000
SCREEN: Final = 10_000
_ALLOWED: Final = pb.CheckSendResponse(allowed=True)


class Check(NamedTuple):
    """What CheckSend asks. An empty contact or address is not named."""

    location_id: str
    contact_id: str
    address: str
    channel: Channel


class Screen(NamedTuple):
    """What ScreenContacts asks."""

    location_id: str
    contact_ids: Iterable[str]
    channel: Channel


def check(request: pb.CheckSendRequest, read_address: AddressReader) -> Check:
    """Read a check. Raises InvalidFieldError."""
    channel = enum_value("channel", request.channel, CHANNELS, "Channel")
    location_id = location(request.location_id)
    contact_id = bounded("contact_id", request.contact_id)
    address = read_address(channel, request.address) if request.address else ""
    if not contact_id and not address:
        raise nobody_named()
    return Check(location_id, contact_id, address, channel)


def screen(request: pb.ScreenContactsRequest) -> Screen:
    """Read a campaign list. Raises InvalidFieldError."""
    channel = enum_value("channel", request.channel, CHANNELS, "Channel")
    at_most("contact_ids", request.contact_ids, SCREEN)
    contact_ids = list(request.contact_ids)
    for place, contact_id in enumerate(contact_ids):
        if not contact_id or len(contact_id) > 64:  # noqa: PLR2004  64 code points are 256 bytes at most
            required(f"contact_ids[{place}]", contact_id)
    return Screen(location(request.location_id), contact_ids, channel)


def nobody_named() -> InvalidFieldError:
    """Make the error for a request that names neither contact nor address."""
    return InvalidFieldError(
        Reason.FIELD_REQUIRED, "contact_id", "required unless address is given; name either or both"
    )


def check_response(decision: Decision) -> pb.CheckSendResponse:
    """Write a decision."""
    if decision.deny_reason is None:
        return _ALLOWED
    return pb.CheckSendResponse(
        allowed=False,
        deny_reason=DENY_REASON_NUMBERS[decision.deny_reason],
        suppressions=map(suppression, decision.suppressions),
    )


def suppression(row: Suppression) -> pb.Suppression:
    """Write a suppression."""
    rule = CAUSES[row.cause]
    return pb.Suppression(
        channel=pb.CHANNEL_UNSPECIFIED if row.channel is None else CHANNEL_NUMBERS[row.channel],
        all_channels=row.channel is None,
        cause=CAUSE_NUMBERS[row.cause],
        permanence=PERMANENCE_NUMBERS[rule.permanence],
        removers=[REMOVER_NUMBERS[remover] for remover in rule.removers],
        set_time=timestamp(row.set_time),
        address=row.subject.id if row.subject.kind == "address" else "",
        provider_code=row.provider_code,
        event_id=row.event_id,
    )
