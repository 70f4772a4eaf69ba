"""The events of an ordinary day: statuses, failures, replies and bounces, each with an id of its own."""

import time
from collections.abc import Iterator, Sequence
from itertools import count
from random import Random
from typing import Final, assert_never

from google.protobuf.timestamp_pb2 import Timestamp
from sendgate.v1 import send_gate_pb2 as pb

from gate.rules.model import (
    Channel,
    Detail,
    EmailComplaint,
    EmailFailure,
    EmailUnsubscribe,
    Event,
    InboundMessage,
    Severity,
    SmsFailure,
)
from gate.wire.enums import CHANNEL_NUMBERS
from tests.bench.database import person, scattered

POPULATION: Final = 1_000_000
"""People from whom each event picks one at random: few have two events in a row, as in a campaign."""

_DETAILS: Final[tuple[Detail, ...]] = (
    *(SmsFailure("", status) for status in ("sent", "delivered", "delivered", "delivered")),
    *(SmsFailure(code, "undelivered") for code in ("30003", "30003", "30005", "30006")),
    *(InboundMessage(Channel.SMS, body) for body in ("STOP", "Stop", "START", "Can we do Tuesday at ten instead?")),
    *(EmailFailure(Severity.PERMANENT, reason, "550") for reason in ("bounce", "bounce", "suppress-bounce")),
    EmailUnsubscribe("newsletter"),
)
_SECOND: Final = 10**9


def events(seed: int) -> Iterator[Event]:
    """Draw events without end, others for each seed. Mailgun says when each happened, Twilio does not."""
    random = Random(seed)  # noqa: S311  traffic is no secret
    began = time.time_ns() - 3600 * _SECOND
    for number in count(first := seed * 10**9):
        location_id, contact_id, phone, email = person(random.randrange(POPULATION))
        detail = random.choice(_DETAILS)
        if isinstance(detail, SmsFailure | InboundMessage):
            yield Event(f"SM{scattered(number)}", location_id, contact_id, phone, None, "twilio", detail)
        else:
            occur_time = began + (number - first) * 1000
            yield Event(scattered(number), location_id, contact_id, email, occur_time, "mailgun", detail)


def request(event: Event) -> bytes:
    """Write one event as a connector sends it."""
    return pb.RecordEventRequest(event=_message(event)).SerializeToString()


def batch_request(batch: Sequence[Event]) -> bytes:
    """Write events as a connector sends them."""
    return pb.BatchRecordEventsRequest(events=map(_message, batch)).SerializeToString()


def _message(event: Event) -> pb.Event:
    message = pb.Event(
        event_id=event.event_id,
        location_id=event.location_id,
        contact_id=event.contact_id,
        address=event.address,
        provider=event.provider,
    )
    if event.occur_time is not None:
        seconds, nanos = divmod(event.occur_time, _SECOND)
        message.occur_time.CopyFrom(Timestamp(seconds=seconds, nanos=nanos))
    match event.detail:
        case InboundMessage(channel, body):
            message.inbound_message.channel = CHANNEL_NUMBERS[channel]
            message.inbound_message.body = body
        case SmsFailure(error_code, message_status):
            message.sms_failure.error_code = error_code
            message.sms_failure.message_status = message_status
        case EmailFailure(_, reason, code):
            message.email_failure.severity = pb.EMAIL_SEVERITY_PERMANENT
            message.email_failure.reason = reason
            message.email_failure.code = code
        case EmailUnsubscribe(tag):
            message.email_unsubscribe.tag = tag
        case EmailComplaint():
            message.email_complaint.SetInParent()
        case _:
            assert_never(event.detail)
    return message
