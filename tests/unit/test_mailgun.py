"""Mailgun's webhooks: which ones are genuine, and what they come to."""

import copy
import hashlib
import hmac
import json
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sendgate.v1 import send_gate_pb2 as pb

from gate.connectors import mailgun
from gate.connectors.errors import MalformedError

KEY = "key-of-the-account"
TOKEN = "0" * 50
FAILED: dict[str, Any] = {
    "event": "failed",
    "id": "G9Bn5sl1TC6nu79C8C0bwg",
    "timestamp": 1521233195.375624,
    "severity": "permanent",
    "reason": "suppress-bounce",
    "delivery-status": {"code": 605, "message": "", "attempt-no": 1},
    "recipient": "alice@example.com",
    "flags": {"is-test-mode": False},
    "tags": ["news", "weekly"],
    "user-variables": [],
}


def signed(timestamp: object = "1529006854", key: str = KEY) -> dict[str, object]:
    """Sign as Mailgun documents it: HMAC-SHA256 over timestamp and token, in hexadecimal."""
    digest = hmac.new(key.encode(), f"{timestamp}{TOKEN}".encode(), hashlib.sha256).hexdigest()
    return {"timestamp": timestamp, "token": TOKEN, "signature": digest}


def read(payload: object) -> mailgun.Json:
    """Encode and read a webhook."""
    return mailgun.read(json.dumps(payload).encode())


def event(**changes: object) -> pb.Event | None:
    """Read an event that differs from a permanent failure; None takes a member away."""
    data = {name: value for name, value in (FAILED | changes).items() if value is not None}
    return mailgun.event(mailgun.event_data(read({"event-data": data})), "acme")


@pytest.mark.parametrize("timestamp", ["1529006854", 1529006854, 1529006854.25, "0"])
def test_a_genuine_signature_verifies(timestamp: object) -> None:
    """What Mailgun's published algorithm signs is accepted, be the time a number or a string, and however old."""
    assert mailgun.signed_with(read({"signature": signed(timestamp)}), KEY)


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(signed(key="other"), id="other key"),
        pytest.param(signed() | {"token": "1" * 50}, id="other token"),
        pytest.param(signed() | {"timestamp": "1529006855"}, id="other time"),
        pytest.param(signed() | {"signature": ""}, id="empty"),
        pytest.param(signed() | {"signature": None}, id="null"),
        pytest.param(signed() | {"signature": "é" * 64}, id="not ASCII"),
        pytest.param(signed() | {"signature": "\ud800"}, id="half a surrogate pair"),
        pytest.param(signed() | {"token": "\ud800"}, id="half a surrogate pair as token"),
        pytest.param(signed() | {"token": ["0"]}, id="token of another type"),
        pytest.param({}, id="nothing in it"),
        pytest.param("text", id="no object"),
        pytest.param(None, id="null altogether"),
    ],
)
def test_any_other_signature_does_not_verify(signature: object) -> None:
    """A signature that is missing, of another shape, or made with another key is refused without an error."""
    assert not mailgun.signed_with(read({"signature": signature}), KEY)
    assert not mailgun.signed_with(read({}), KEY)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff{}", b"[]", b'"text"', b"null", b'{"a": NaN}', b"[" * 100_000, b'{"a": ' + b"1" * 5_000 + b"}"],
)
def test_a_body_that_is_no_json_object_is_malformed(body: bytes) -> None:
    """Whatever is not a JSON object in UTF-8 is refused, nested or long as it may be."""
    with pytest.raises(MalformedError):
        mailgun.read(body)


@pytest.mark.parametrize("payload", [{}, {"event-data": None}, {"event-data": []}, {"event-data": {}}])
def test_a_webhook_without_event_is_malformed(payload: object) -> None:
    """A webhook that tells of no event is refused."""
    with pytest.raises(MalformedError, match="event-data"):
        mailgun.event_data(read(payload))


def test_a_failure_becomes_an_event() -> None:
    """A failure stands on the recipient, under id and timestamp, with its severity, reason and code."""
    assert event() == pb.Event(
        event_id="G9Bn5sl1TC6nu79C8C0bwg:1521233195.375624",
        location_id="acme",
        address="alice@example.com",
        occur_time=Timestamp(seconds=1521233195, nanos=375_624_000),
        provider="mailgun",
        email_failure=pb.EmailFailure(severity=pb.EMAIL_SEVERITY_PERMANENT, reason="suppress-bounce", code="605"),
    )


@pytest.mark.parametrize(
    ("changes", "severity", "reason", "code"),
    [
        ({"severity": "temporary", "reason": "generic"}, pb.EMAIL_SEVERITY_TEMPORARY, "generic", "605"),
        ({"severity": "Permanent"}, pb.EMAIL_SEVERITY_PERMANENT, "suppress-bounce", "605"),
        ({"severity": None, "reason": None}, pb.EMAIL_SEVERITY_UNSPECIFIED, "", "605"),
        ({"severity": "fatal"}, pb.EMAIL_SEVERITY_UNSPECIFIED, "suppress-bounce", "605"),
        ({"delivery-status": {"code": "550"}}, pb.EMAIL_SEVERITY_PERMANENT, "suppress-bounce", "550"),
        ({"delivery-status": {"code": None}}, pb.EMAIL_SEVERITY_PERMANENT, "suppress-bounce", ""),
        ({"delivery-status": []}, pb.EMAIL_SEVERITY_PERMANENT, "suppress-bounce", ""),
        ({"reason": "x" * 300}, pb.EMAIL_SEVERITY_PERMANENT, "x" * 256, "605"),
    ],
)
def test_a_failure_is_passed_on_as_it_is(
    changes: dict[str, object], severity: pb.EmailSeverity.ValueType, reason: str, code: str
) -> None:
    """Severity, reason and code are passed on as far as they are there; what they mean is for the gate to say."""
    read_event = event(**changes)

    assert read_event is not None
    assert read_event.email_failure == pb.EmailFailure(severity=severity, reason=reason, code=code)


def test_a_complaint_becomes_an_event() -> None:
    """`complained` is a complaint."""
    read_event = event(event="complained")

    assert read_event is not None
    assert read_event.WhichOneof("detail") == "email_complaint"


@pytest.mark.parametrize(("tags", "tag"), [(["news", "weekly"], "news"), ([], ""), (None, ""), ("news", ""), ([1], "")])
def test_an_unsubscription_becomes_an_event(tags: object, tag: str) -> None:
    """`unsubscribed` is an unsubscription, with the first of the message's tags where there is one."""
    read_event = event(event="unsubscribed", tags=tags)

    assert read_event is not None
    assert read_event.WhichOneof("detail") == "email_unsubscribe"
    assert read_event.email_unsubscribe.tag == tag


@pytest.mark.parametrize("kind", ["accepted", "delivered", "opened", "clicked", "stored", "rejected", "new_in_2031"])
def test_other_events_come_to_nothing(kind: str) -> None:
    """An event that bears on nobody's wish or address is left alone, complete or not."""
    assert event(event=kind, id=None, recipient=None) is None


@pytest.mark.parametrize("kind", ["failed", "complained", "unsubscribed"])
def test_events_of_test_messages_come_to_nothing(kind: str) -> None:
    """What happens to a message in test mode happens to nobody."""
    assert event(event=kind, flags={"is-test-mode": True}) is None
    assert event(event=kind, flags={"is-test-mode": "false"}) is not None
    assert event(event=kind, flags=None) is not None


@pytest.mark.parametrize(
    ("timestamp", "seconds", "nanos", "key"),
    [
        (1521233195.375624, 1521233195, 375_624_000, "1521233195.375624"),
        ("1521233195.375624", 1521233195, 375_624_000, "1521233195.375624"),
        ("1521233195.3756240", 1521233195, 375_624_000, "1521233195.375624"),
        (1770146431.6585283, 1770146431, 658_528_000, "1770146431.658528"),
        (1521233195, 1521233195, 0, "1521233195"),
        ("1521233195", 1521233195, 0, "1521233195"),
        ("1521233195.0", 1521233195, 0, "1521233195"),
        (1.5212331e9, 1521233100, 0, "1521233100"),
        (0, 0, 0, "0"),
    ],
)
def test_a_time_is_a_number_or_a_string(timestamp: object, seconds: int, nanos: int, key: str) -> None:
    """Time is read to the microsecond however it is written, and one time makes one key."""
    read_event = event(timestamp=timestamp)

    assert read_event is not None
    assert read_event.occur_time == Timestamp(seconds=seconds, nanos=nanos)
    assert read_event.event_id == f"G9Bn5sl1TC6nu79C8C0bwg:{key}"


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": None},
        {"timestamp": ""},
        {"timestamp": "yesterday"},
        {"timestamp": True},
        {"timestamp": []},
        {"timestamp": "nan"},
        {"timestamp": "Infinity"},
        {"timestamp": -1},
        {"timestamp": "1e999999999"},
        {"timestamp": "1e99999999999999999999"},
        {"timestamp": 253402300800},
        {"id": None},
        {"id": " "},
        {"id": "\ud800"},
        {"recipient": None},
        {"recipient": ["alice@example.com"]},
        {"recipient": "\ud800@example.com"},
        {"event": None},
        {"event": {}},
        {"reason": "\ud800"},
    ],
)
def test_an_event_without_id_time_or_recipient_is_malformed(changes: dict[str, object]) -> None:
    """An event that can be neither dated, nor told from others, nor put on an address is refused."""
    with pytest.raises(MalformedError):
        event(**changes)


@pytest.mark.parametrize(
    ("data", "first"),
    [
        ({"domain": {"name": "MG.example.com"}, "envelope": {"sender": "a@other.example"}}, "mg.example.com"),
        ({"storage": {"url": "https://s.example/v3/domains/mg.example.com/messages/K"}}, "mg.example.com"),
        ({"storage": {"url": "https://[/"}, "envelope": {"sender": "a@mg.example.com"}}, "mg.example.com"),
        ({"envelope": {"sender": "desk@mg.example.com"}}, "mg.example.com"),
        ({"message": {"headers": {"message-id": "<1.2@mg.example.com>"}}}, "mg.example.com"),
        ({"domain": "mg.example.com"}, None),
        ({}, None),
    ],
)
def test_the_sending_domain_is_found(data: dict[str, object], first: str | None) -> None:
    """The domain is taken from where the payload names it, the surest place first."""
    assert next(filter(None, mailgun.sending_domains(data)), None) == first


def test_reading_leaves_the_webhook_as_it_is() -> None:
    """Reading an event does not change what was read."""
    data = copy.deepcopy(FAILED) | {"timestamp": "1.5"}
    before = copy.deepcopy(data)
    mailgun.event(data, "acme")

    assert data == before
