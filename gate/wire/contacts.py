"""Contacts: requests to values, records to messages."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sendgate.v1 import contact_pb2 as pb

from gate.errors import InvalidFieldError, Reason
from gate.rules.model import Channel
from gate.service.contacts import ChannelRecord, ContactRecord, DndChange
from gate.wire.address import AddressReader
from gate.wire.checks import suppression
from gate.wire.enums import CHANNEL_NUMBERS, CHANNELS, CONNECTION_NUMBERS, STATUS_NUMBERS
from gate.wire.fields import bounded, enum_value, location, required, timestamp
from store.history import Entry

NOTE_BYTES: Final = 4_096
PAGE: Final = 50
PAGE_MAX: Final = 1_000
NEWEST: Final = 2**63 - 1
"""A place above every entry's: where the first page begins."""

_PLACE_DIGITS: Final = len(str(NEWEST))
_SETTINGS: Final[Mapping[int, bool]] = {pb.DND_SETTING_ON: True, pb.DND_SETTING_OFF: False}


class ContactName(NamedTuple):
    """Which contact is meant."""

    location_id: str
    contact_id: str


class Page(NamedTuple):
    """Which part of a list is meant: `size` entries from below place `before`."""

    before: int
    size: int


def contact_name(location_id: str, contact_id: str) -> ContactName:
    """Read which contact is meant. Raises InvalidFieldError."""
    return ContactName(location(location_id), required("contact_id", contact_id))


def dnd_change(request: pb.SetDndRequest) -> DndChange:
    """Read what a user wants of DND. Raises InvalidFieldError."""
    location_id, contact_id = contact_name(request.location_id, request.contact_id)
    channels = _scopes(request)
    on = enum_value("setting", request.setting, _SETTINGS, "DndSetting", file="contact.proto")
    note = bounded("note", request.note, NOTE_BYTES)
    stated = request.remediation
    return DndChange(
        location_id, contact_id, on, channels, note, stated.suppression_cleared and stated.address_validated
    )


def _scopes(request: pb.SetDndRequest) -> tuple[Channel, ...] | None:
    channels = [
        enum_value(f"channels[{place}]", number, CHANNELS, "Channel") for place, number in enumerate(request.channels)
    ]
    if request.all_channels and channels:
        raise InvalidFieldError(Reason.FIELD_INVALID, "channels", "named beside all_channels; name one or the other")
    if not request.all_channels and not channels:
        raise InvalidFieldError(
            Reason.FIELD_REQUIRED, "channels", "required unless all_channels is set; name at least one channel"
        )
    return None if request.all_channels else tuple(dict.fromkeys(channels))


def named_address(text: str, read_address: AddressReader, field: str = "address") -> str:
    """Read an address whose channel is not named, by its form. Raises InvalidFieldError."""
    text = required(field, text.strip())
    try:
        return _by_form(text, read_address)
    except InvalidFieldError as error:
        raise InvalidFieldError(error.reason, field, error.problem) from None


def _by_form(text: str, read_address: AddressReader) -> str:
    if "@" in text:
        return read_address(Channel.EMAIL, text)
    if text.startswith("+") or ":" in text:
        return read_address(Channel.SMS, text)
    try:
        return read_address(Channel.SMS, text)
    except InvalidFieldError:
        return read_address(Channel.FACEBOOK, text)


def page(size: int, token: str) -> Page:
    """Read which page of a list is meant. Raises InvalidFieldError."""
    if not 0 <= size <= PAGE_MAX:
        raise InvalidFieldError(Reason.FIELD_INVALID, "page_size", f"{size} is not from 0 to {PAGE_MAX:,}")
    if token and not (token.isascii() and token.isdecimal() and len(token) <= _PLACE_DIGITS and int(token) <= NEWEST):
        raise InvalidFieldError(
            Reason.FIELD_INVALID, "page_token", "not one that a page before gave; begin again without one"
        )
    return Page(int(token) if token else NEWEST, size or PAGE)


def contact(record: ContactRecord) -> pb.Contact:
    """Write a contact's record."""
    return pb.Contact(
        location_id=record.location_id,
        contact_id=record.contact_id,
        status=STATUS_NUMBERS[record.status],
        channels=map(_channel_dnd, record.channels),
        suppressions=map(suppression, record.suppressions),
        addresses=record.addresses,
    )


def _channel_dnd(record: ChannelRecord) -> pb.ChannelDnd:
    return pb.ChannelDnd(
        channel=CHANNEL_NUMBERS[record.channel],
        connection=CONNECTION_NUMBERS[record.connection],
        dnd=record.dnd,
        suppressions=map(suppression, record.suppressions),
    )


def history_entry(entry: Entry) -> pb.HistoryEntry:
    """Write an entry of the log."""
    return pb.HistoryEntry(
        revision=str(entry.seq),
        record_time=timestamp(entry.record_time),
        occur_time=timestamp(entry.occur_time),
        kind=entry.kind,
        actor=entry.actor,
        event_id=entry.event_id,
        address=entry.address,
        detail=entry.detail,
        set=map(suppression, entry.set),
        lifted=map(suppression, entry.lifted),
    )
