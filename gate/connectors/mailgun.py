"""Mailgun's webhooks: verify and read JSON events. No I/O.

Shapes: documentation.mailgun.com, user manual, "Webhook Payloads" and "Securing Webhooks". The signature covers a
timestamp and a token, not the event; how old it is proves nothing, since Mailgun goes on trying for hours.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from google.protobuf.timestamp_pb2 import Timestamp
from sendgate.v1 import send_gate_pb2 as pb

from gate.connectors.errors import MalformedError
from gate.connectors.text import clipped, encoded

PROVIDER: Final = "mailgun"
Json = Mapping[str, Any]

_MICROSECOND: Final = 1_000_000
_END_OF_TIME: Final = 253_402_300_800
"""The first second of the year 10000, beyond which there are no Timestamps."""

_SEVERITIES: Final[Mapping[str, pb.EmailSeverity.ValueType]] = MappingProxyType(
    {"permanent": pb.EMAIL_SEVERITY_PERMANENT, "temporary": pb.EMAIL_SEVERITY_TEMPORARY}
)
_RECORDED: Final = frozenset(("failed", "unsubscribed", "complained"))


def read(body: bytes) -> Json:
    """Read a webhook's JSON object; numbers with a fraction keep their digits, as text. Raises MalformedError."""
    try:
        webhook = json.loads(body.decode(), parse_float=str, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedError("the body is no JSON in UTF-8") from error
    if not isinstance(webhook, dict):
        raise MalformedError("the body is no JSON object")
    return webhook


def signed_with(webhook: Json, signing_key: str) -> bool:
    """Tell whether the webhook's signature was made with this key. False where there is none."""
    claim = _object(webhook, "signature")
    timestamp, token, signature = (_text(claim, name) for name in ("timestamp", "token", "signature"))
    if not (timestamp and token and signature):
        return False
    try:
        message, claimed = encoded(timestamp + token), encoded(signature.lower())
    except MalformedError:
        return False
    made = hmac.new(signing_key.encode(), message, hashlib.sha256).hexdigest()
    return hmac.compare_digest(made.encode(), claimed)


def event_data(webhook: Json) -> Json:
    """Return what happened. Raises MalformedError."""
    data = webhook.get("event-data")
    if not isinstance(data, dict) or not data:
        raise MalformedError("event-data is missing; is this a webhook for events?")
    return data


def sending_domains(data: Json) -> Iterator[str]:
    """List in lower case the domains that the event seems to come from, the surest first.

    One signing key serves all domains of an account. Older payloads do not have `domain.name`.
    """
    yield _text(_object(data, "domain"), "name").lower()
    path = _path(_text(_object(data, "storage"), "url")).split("/")
    yield from (domain.lower() for before, domain in pairwise(path) if before == "domains")
    yield _domain(_text(_object(data, "envelope"), "sender"))
    yield _domain(_text(_object(_object(data, "message"), "headers"), "message-id"))


def event(data: Json, location_id: str) -> pb.Event | None:
    """Read an event; None where it is a test, or bears on nobody's wish or address. Raises MalformedError."""
    kind = _text(data, "event").lower()
    if not kind:
        raise MalformedError("event-data.event is missing")
    if kind not in _RECORDED or _text(_object(data, "flags"), "is-test-mode").lower() == "true":
        return None
    micros = _microseconds(_text(data, "timestamp"))
    read_event = pb.Event(
        # Ids are unique within a day only.
        event_id=f"{_required(data, 'id')}:{_seconds(micros)}",
        location_id=location_id,
        address=_required(data, "recipient"),
        occur_time=Timestamp(seconds=micros // _MICROSECOND, nanos=micros % _MICROSECOND * 1_000),
        provider=PROVIDER,
    )
    match kind:
        case "failed":
            read_event.email_failure.CopyFrom(_failure(data))
        case "unsubscribed":
            read_event.email_unsubscribe.tag = clipped(_first_tag(data))
        case "complained":
            read_event.email_complaint.SetInParent()
    return read_event


def _failure(data: Json) -> pb.EmailFailure:
    return pb.EmailFailure(
        severity=_SEVERITIES.get(_text(data, "severity").lower(), pb.EMAIL_SEVERITY_UNSPECIFIED),
        reason=clipped(_text(data, "reason")),
        code=clipped(_text(_object(data, "delivery-status"), "code")),
    )


def _microseconds(text: str) -> int:
    """Read Unix seconds, with or without a fraction."""
    try:
        seconds = Decimal(text)
    except InvalidOperation as error:
        raise MalformedError("event-data.timestamp is missing or no number of seconds") from error
    if not seconds.is_finite() or not 0 <= seconds < _END_OF_TIME:
        raise MalformedError("event-data.timestamp is no time from 1970 on")
    return int(seconds * _MICROSECOND)


def _seconds(micros: int) -> str:
    """Write a time as the shortest number of seconds, so that 1.5 and "1.50" are one key."""
    whole, fraction = divmod(micros, _MICROSECOND)
    return f"{whole}.{fraction:06}".rstrip("0").rstrip(".")


def _first_tag(data: Json) -> str:
    tags = data.get("tags")
    return tags[0] if isinstance(tags, list) and tags and isinstance(tags[0], str) else ""


def _required(data: Json, name: str) -> str:
    text = _text(data, name)
    if not text:
        raise MalformedError(f"event-data.{name} is missing")
    encoded(text)
    return text


def _text(holder: Json, name: str) -> str:
    """Return a text or a number as text; empty for anything else. JSON's true is `True`."""
    value = holder.get(name)
    return str(value).strip() if isinstance(value, str | int) else ""


def _object(holder: Json, name: str) -> Json:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _domain(address: str) -> str:
    """Return the part of an address or message id behind the last @."""
    return address.strip("<>").rpartition("@")[2].lower()


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
