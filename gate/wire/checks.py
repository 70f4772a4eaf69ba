"""Checks: requests to values, decisions to responses."""

from functools import lru_cache
from typing import Final

from sendgate.v1 import send_gate_pb2 as pb

from gate.errors import InvalidFieldError, Reason
from gate.rules.causes import CAUSES
from gate.rules.judge import ALLOWED, Decision
from gate.rules.model import Cause, Channel, Suppression
from gate.wire.address import AddressReader
from gate.wire.enums import (
    CAUSE_NUMBERS,
    CHANNEL_NUMBERS,
    CHANNELS,
    DENY_REASON_NUMBERS,
    PERMANENCE_NUMBERS,
    REMOVER_NUMBERS,
)
from gate.wire.fields import (
    DEFAULT_LOCATION,
    SECOND_NS,
    SURELY_SHORT,
    at_most,
    bounded,
    enum_value,
    location,
    required,
)

BATCH: Final = 1_000
SCREEN: Final = 10_000
_REMEMBERED: Final = 4_096
"""Denials that are kept as messages, each some 1.6 KB."""
_WRITTEN: Final = 16_384
"""Denials that are kept as bytes, each with its decision some 0.7 KB."""

_ALLOWED: Final = pb.CheckSendResponse(allowed=True)
_ALLOWED_WRITTEN: Final = _ALLOWED.SerializeToString()
_CHANNELS: Final = dict(CHANNELS)
_written: Final[dict[int, tuple[bytes, Decision]]] = {}
"""By identity; the decision is kept too, so that no other gets its identity."""


Check = tuple[str, str, str, Channel]
"""What CheckSend asks: location, contact, address, channel. An empty contact or address is not named."""

Screen = tuple[str, list[str], Channel]
"""What ScreenContacts asks: location, contacts, channel."""


def check(request: pb.CheckSendRequest, read_address: AddressReader) -> Check:
    """Read a check. Raises InvalidFieldError."""
    number, location_id, contact_id, address = request.channel, request.location_id, request.contact_id, request.address
    channel = _CHANNELS.get(number) or enum_value("channel", number, CHANNELS, "Channel")
    if len(location_id) > SURELY_SHORT or len(contact_id) > SURELY_SHORT:
        bounded("location_id", location_id)
        bounded("contact_id", contact_id)
    if address:
        address = read_address(channel, address)
    if not contact_id and not address:
        raise nobody_named()
    return location_id or DEFAULT_LOCATION, contact_id, address, channel


def screen(request: pb.ScreenContactsRequest) -> Screen:
    """Read a campaign list. Raises InvalidFieldError."""
    channel = enum_value("channel", request.channel, CHANNELS, "Channel")
    at_most("contact_ids", request.contact_ids, SCREEN)
    contact_ids = list(request.contact_ids)
    lengths = set(map(len, contact_ids))
    if 0 in lengths or max(lengths, default=0) > SURELY_SHORT:
        for place, contact_id in enumerate(contact_ids):
            required(f"contact_ids[{place}]", contact_id)
    return location(request.location_id), contact_ids, channel


def nobody_named() -> InvalidFieldError:
    """Make the error for a request that names neither contact nor address."""
    return InvalidFieldError(
        Reason.FIELD_REQUIRED, "contact_id", "required unless address is given; name either or both"
    )


def written(decision: Decision) -> bytes:
    """Write a decision as the bytes of its message.

    They are kept for as long as the very same decision is asked for: to compare it by its value takes longer than
    all the rest.
    """
    if decision is ALLOWED:
        return _ALLOWED_WRITTEN
    kept = _written.get(id(decision))
    if kept is None:
        if len(_written) >= _WRITTEN:
            _written.clear()
        kept = _written[id(decision)] = (_denial(decision).SerializeToString(), decision)
    return kept[0]


def check_response(decision: Decision) -> pb.CheckSendResponse:
    """Write a decision. The message is shared with other answers: it is for sending, not for changing."""
    return _ALLOWED if decision is ALLOWED else _denied(decision)


def _denial(decision: Decision) -> pb.CheckSendResponse:
    """Write a denial. What it says follows from the value of the decision alone."""
    response = pb.CheckSendResponse(allowed=decision.allowed)
    if decision.deny_reason is not None:
        response.deny_reason = DENY_REASON_NUMBERS[decision.deny_reason]
    for row in decision.suppressions:
        fill(response.suppressions.add(), row)
    return response


_denied: Final = lru_cache(_REMEMBERED)(_denial)


def suppression(row: Suppression) -> pb.Suppression:
    """Write a suppression."""
    message = pb.Suppression()
    fill(message, row)
    return message


def fill(message: pb.Suppression, row: Suppression) -> None:
    """Write a suppression into an empty message. Copying what is always the same takes a third of the time."""
    subject, channel, cause, set_time, _, provider_code, event_id = row
    message.CopyFrom(_TEMPLATES[channel, cause])
    time = message.set_time
    time.seconds, time.nanos = divmod(set_time, SECOND_NS)
    if subject.kind == "address":
        message.address = subject.id
    message.provider_code = provider_code
    message.event_id = event_id


def _template(channel: Channel | None, cause: Cause) -> pb.Suppression:
    """Write what channel and cause alone decide."""
    rule = CAUSES[cause]
    return pb.Suppression(
        channel=pb.CHANNEL_UNSPECIFIED if channel is None else CHANNEL_NUMBERS[channel],
        all_channels=channel is None,
        cause=CAUSE_NUMBERS[cause],
        permanence=PERMANENCE_NUMBERS[rule.permanence],
        removers=[REMOVER_NUMBERS[remover] for remover in rule.removers],
    )


_TEMPLATES: Final = {(channel, cause): _template(channel, cause) for channel in (None, *Channel) for cause in Cause}
