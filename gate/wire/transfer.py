"""Imports and exports: entries to rows, rows to entries."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, Literal, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from sendgate.v1 import contact_pb2 as pb
from sendgate.v1 import send_gate_pb2

from gate.errors import InvalidFieldError, Reason
from gate.rules.acts import ImportContact, ImportState
from gate.rules.connection import ConnectionTimes
from gate.rules.model import NEVER, Cause, Link, Subject, Suppression
from gate.rules.tombstone import SALT_BYTES
from gate.service.transfer import Imported
from gate.wire.address import PLAIN_NANP, AddressReader
from gate.wire.contacts import named_address
from gate.wire.enums import CAUSE_NUMBERS, CHANNEL_NUMBERS, CHANNELS
from gate.wire.fields import at_most, bounded, enum_value, location, past_time, required, timestamp
from store.export import SALTS, Exported

ENTRIES: Final = 1_000
ROWS: Final = 1_000
ADDRESSES: Final = 100
ERRORS: Final = 100
"""Refused entries that are told one by one."""

_CAUSES: Final[Mapping[int, Cause]] = {number: cause for cause, number in CAUSE_NUMBERS.items()}
_KINDS: Final[dict[str, Literal["contact", "address", "tombstone"]]] = {
    "contact_id": "contact",
    "address": "address",
    "tombstone": "tombstone",
}
_ON_ALL_CHANNELS: Final = frozenset({Cause.MANUAL, Cause.LEGACY})
_FIELDS: Final = {kind: field for field, kind in _KINDS.items()}
_DND_WAS_ON, _DND_WAS_OFF = ImportContact(dnd=True), ImportContact(dnd=False)

Row = TypeVar("Row")
Value = TypeVar("Value")


def imported(entry: pb.ImportEntry, now: int, read_address: AddressReader) -> Imported:
    """Read one entry of an import. Raises InvalidFieldError."""
    match entry.WhichOneof("entry"):
        case "legacy_contact":
            return _legacy_contact(entry.legacy_contact, now, read_address)
        case "state":
            return _state(entry, now)
        case _:
            raise InvalidFieldError(Reason.FIELD_REQUIRED, "entry", "required; give a legacy_contact or a state")


def _legacy_contact(message: pb.LegacyContact, now: int, read_address: AddressReader) -> Imported:
    location_id = location(message.location_id)
    contact_id = required("contact_id", message.contact_id)
    time = past_time("dnd_time", message.dnd_time, now) if message.HasField("dnd_time") else now
    addresses = message.addresses[:]  # a list, as the message's own container takes three times as long to walk through
    at_most("addresses", addresses, ADDRESSES)
    links = [
        Link(location_id, contact_id, _address(text, read_address, place), time) for place, text in enumerate(addresses)
    ]
    rows: tuple[Suppression, ...] = ()
    detail = _DND_WAS_OFF
    if message.dnd:
        rows = (Suppression(Subject(location_id, "contact", contact_id), None, Cause.LEGACY, time),)
        detail = _DND_WAS_ON
    return Imported(_content_id(message), location_id, contact_id, detail, rows, tuple(links))


def _address(text: str, read_address: AddressReader, place: int) -> str:
    """Read an address, most of which are plain numbers and would only push out what the reader remembers."""
    return text if PLAIN_NANP.fullmatch(text) else named_address(text, read_address, f"addresses[{place}]")


def _state(entry: pb.ImportEntry, now: int) -> Imported:
    message = entry.state
    location_id = location(message.location_id)
    at_most("suppressions", message.suppressions, ROWS)
    at_most("addresses", message.addresses, ROWS)
    at_most("connections", message.connections, len(CHANNELS))
    return Imported(
        _content_id(message),
        location_id,
        "",
        ImportState(),
        tuple(_rows("suppressions", message.suppressions, lambda row: _suppression(location_id, row, now))),
        tuple(_rows("addresses", message.addresses, lambda row: _link(location_id, row, now))),
        tuple(_rows("connections", message.connections, lambda row: _connection(location_id, row, now))),
        tuple(_salts(message.salts)),
    )


def _salts(salts: Sequence[bytes]) -> Iterator[bytes]:
    at_most("salts", salts, SALTS)
    for place, salt in enumerate(salts):
        if len(salt) != SALT_BYTES:
            raise InvalidFieldError(Reason.FIELD_INVALID, f"salts[{place}]", f"not {SALT_BYTES} bytes")
        yield salt


def _rows(field: str, messages: Iterable[Row], read: Callable[[Row], Value]) -> Iterator[Value]:
    for place, message in enumerate(messages):
        try:
            yield read(message)
        except InvalidFieldError as error:
            raise error.within(f"{field}[{place}]") from None


def _suppression(location_id: str, row: pb.SuppressionTimes, now: int) -> Suppression:
    kind = row.WhichOneof("subject")
    if kind is None:
        raise InvalidFieldError(Reason.FIELD_REQUIRED, "subject", "required; name a contact, an address or a tombstone")
    name = required(kind, getattr(row, kind))
    cause = enum_value("cause", row.cause, _CAUSES, "Cause")
    if row.all_channels and (row.channel or cause not in _ON_ALL_CHANNELS):
        raise InvalidFieldError(
            Reason.FIELD_INVALID, "all_channels", "set beside a channel, or for a cause that stands on one channel"
        )
    return Suppression(
        Subject(location_id, _KINDS[kind], name),
        None if row.all_channels else enum_value("channel", row.channel, CHANNELS, "Channel"),
        cause,
        _time(row, "set_time", now),
        _time(row, "lift_time", now),
        bounded("provider_code", row.provider_code),
        bounded("event_id", row.event_id),
    )


def _link(location_id: str, row: pb.AddressTimes, now: int) -> Link:
    return Link(
        location_id,
        required("contact_id", row.contact_id),
        required("address", row.address),
        _time(row, "linked_time", now),
        _time(row, "unlinked_time", now),
    )


def _connection(location_id: str, row: pb.ConnectionTimes, now: int) -> ConnectionTimes:
    channel = enum_value("channel", row.channel, CHANNELS, "Channel")
    return ConnectionTimes(
        location_id, channel, _time(row, "connected_time", now), _time(row, "disconnected_time", now)
    )


def _time(row: Any, field: str, now: int) -> int:
    return past_time(field, getattr(row, field), now) if row.HasField(field) else NEVER


def _content_id(message: Message) -> str:
    """Tell an entry from every other by its content: what was imported before is not imported again."""
    return blake2b(message.SerializeToString(deterministic=True), digest_size=16).hexdigest()


def exported(part: Exported) -> pb.ExportContactsResponse:
    """Write a part of a location's state."""
    return pb.ExportContactsResponse(
        state=pb.ExportedState(
            location_id=part.location_id,
            suppressions=map(_suppression_times, part.suppressions),
            addresses=map(_address_times, part.links),
            connections=map(_connection_times, part.connections),
            salts=part.salts,
        )
    )


def _suppression_times(row: Suppression) -> pb.SuppressionTimes:
    message = pb.SuppressionTimes(
        channel=send_gate_pb2.CHANNEL_UNSPECIFIED if row.channel is None else CHANNEL_NUMBERS[row.channel],
        all_channels=row.channel is None,
        cause=CAUSE_NUMBERS[row.cause],
        set_time=_if_ever(row.set_time),
        lift_time=_if_ever(row.lift_time),
        provider_code=row.provider_code,
        event_id=row.event_id,
    )
    setattr(message, _FIELDS[row.subject.kind], row.subject.id)
    return message


def _address_times(row: Link) -> pb.AddressTimes:
    return pb.AddressTimes(
        contact_id=row.contact_id,
        address=row.address,
        linked_time=_if_ever(row.linked_time),
        unlinked_time=_if_ever(row.unlinked_time),
    )


def _connection_times(row: ConnectionTimes) -> pb.ConnectionTimes:
    return pb.ConnectionTimes(
        channel=CHANNEL_NUMBERS[row.channel],
        connected_time=_if_ever(row.connected_time),
        disconnected_time=_if_ever(row.disconnected_time),
    )


def _if_ever(time: int) -> Timestamp | None:
    return None if time == NEVER else timestamp(time)
