"""Events: messages to values, answers to responses."""

from typing import Final

from sendgate.v1 import send_gate_pb2 as pb

from gate.errors import InvalidFieldError, Reason
from gate.rules.model import (
    Channel,
    Detail,
    EmailComplaint,
    EmailFailure,
    EmailUnsubscribe,
    Event,
    InboundMessage,
    SmsFailure,
)
from gate.rules.outcome import Answer
from gate.wire.address import AddressReader
from gate.wire.checks import nobody_named, suppression
from gate.wire.enums import CHANNELS, OUTCOME_NUMBERS, SEVERITIES, STATUS_NUMBERS, VERDICTS
from gate.wire.fields import bounded, enum_value, location, past_time, required

BODY_BYTES: Final = 4_096


def event(message: pb.Event, now: int, read_address: AddressReader) -> Event:
    """Read an event that arrived at `now`. Raises InvalidFieldError."""
    event_id = required("event_id", message.event_id)
    location_id = location(message.location_id)
    contact_id = bounded("contact_id", message.contact_id)
    provider = bounded("provider", message.provider)
    channel, detail = _detail(message)
    address = read_address(channel, message.address) if message.address else ""
    if not contact_id and not address:
        raise nobody_named()
    occur_time = past_time("occur_time", message.occur_time, now) if message.HasField("occur_time") else None
    return Event(event_id, location_id, contact_id, address, occur_time, provider, detail)


def event_response(answer: Answer) -> pb.RecordEventResponse:
    """Write what an event came to."""
    return pb.RecordEventResponse(
        outcome=OUTCOME_NUMBERS[answer.outcome],
        set=map(suppression, answer.set),
        lifted=map(suppression, answer.lifted),
        status=STATUS_NUMBERS[answer.status],
        revision=str(answer.revision),
    )


def _detail(message: pb.Event) -> tuple[Channel, Detail]:
    """Read what happened, and the channel whose addresses the event names."""
    kind = message.WhichOneof("detail")
    try:
        match kind:
            case "inbound_message":
                inbound = _inbound_message(message.inbound_message)
                return inbound.channel, inbound
            case "sms_failure":
                return Channel.SMS, _sms_failure(message.sms_failure)
            case "email_failure":
                return Channel.EMAIL, _email_failure(message.email_failure)
            case "email_unsubscribe":
                return Channel.EMAIL, EmailUnsubscribe(bounded("tag", message.email_unsubscribe.tag))
            case "email_complaint":
                return Channel.EMAIL, EmailComplaint()
            case None:
                pass
    except InvalidFieldError as error:
        raise error.within(str(kind)) from None
    raise InvalidFieldError(
        Reason.FIELD_REQUIRED, "detail", "required; say what happened, see Event in send_gate.proto"
    )


def _inbound_message(message: pb.InboundMessage) -> InboundMessage:
    return InboundMessage(
        enum_value("channel", message.channel, CHANNELS, "Channel"),
        bounded("body", message.body, BODY_BYTES),
        enum_value("opt_out_type", message.opt_out_type, VERDICTS, "OptOutType"),
    )


def _sms_failure(message: pb.SmsFailure) -> SmsFailure:
    return SmsFailure(bounded("error_code", message.error_code), bounded("message_status", message.message_status))


def _email_failure(message: pb.EmailFailure) -> EmailFailure:
    return EmailFailure(
        enum_value("severity", message.severity, SEVERITIES, "EmailSeverity"),
        bounded("reason", message.reason),
        bounded("code", message.code),
    )
