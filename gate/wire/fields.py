"""Checks that many messages share: ids, texts, enums, list lengths, times."""

from collections.abc import Mapping, Sized
from typing import Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from gate.errors import InvalidFieldError, Reason

DEFAULT_LOCATION: Final = "default"
ID_BYTES: Final = 256
SURELY_SHORT: Final = 64
"""Code points that are never more than 256 bytes, as none takes more than four."""
FUTURE_NS: Final = 300 * 10**9
"""How far an event may lie in the future: 5 minutes, for clocks that disagree."""

SECOND_NS: Final = 10**9
_MAX_SECONDS: Final = 253_402_300_799
_UTF8_BYTES: Final = 4
"""The most bytes that one code point takes."""

Value = TypeVar("Value")


def location(text: str) -> str:
    """Read a location id; empty means the default location."""
    return bounded("location_id", text) or DEFAULT_LOCATION


def required(field: str, text: str) -> str:
    """Read an id or a text that must not be empty."""
    if not text:
        raise InvalidFieldError(Reason.FIELD_REQUIRED, field, f"required, 1 to {ID_BYTES} bytes")
    return bounded(field, text)


def bounded(field: str, text: str, limit: int = ID_BYTES) -> str:
    """Read a text that may be empty."""
    if len(text) * _UTF8_BYTES > limit and (size := len(text.encode())) > limit:
        raise InvalidFieldError(Reason.FIELD_TOO_LONG, field, f"{size} bytes; at most {limit} are allowed")
    return text


def at_most(field: str, items: Sized, limit: int) -> None:
    """Refuse a list that is too long."""
    if len(items) > limit:
        raise InvalidFieldError(
            Reason.TOO_MANY_ITEMS,
            field,
            f"{len(items)} items; at most {limit} are allowed, send several requests",
        )


def enum_value(field: str, number: int, values: Mapping[int, Value], name: str, file: str = "send_gate.proto") -> Value:
    """Read an enum; `values` holds the numbers that are allowed here."""
    value = values.get(number)
    if value is None:
        if number == 0:
            raise InvalidFieldError(Reason.FIELD_REQUIRED, field, f"required; name one of {name} in {file}")
        raise InvalidFieldError(Reason.ENUM_UNKNOWN, field, f"unknown value {number}; see {name} in {file}")
    return value


def past_time(field: str, time: Timestamp, now: int) -> int:
    """Read a time as nanoseconds since 1970, from 1970 to 5 minutes after `now`."""
    seconds, nanos = time.seconds, time.nanos
    if not (0 <= seconds <= _MAX_SECONDS and 0 <= nanos < SECOND_NS):
        raise InvalidFieldError(
            Reason.TIME_INVALID, field, "not a time from 1970 on, with 0 to 999,999,999 nanoseconds"
        )
    nanoseconds = seconds * SECOND_NS + nanos
    if nanoseconds > now + FUTURE_NS:
        raise InvalidFieldError(
            Reason.TIME_INVALID, field, "more than 5 minutes in the future; set the reporting clock right"
        )
    return nanoseconds


def timestamp(nanoseconds: int) -> Timestamp:
    """Write nanoseconds since 1970 as a Timestamp."""
    return Timestamp(seconds=nanoseconds // SECOND_NS, nanos=nanoseconds % SECOND_NS)
