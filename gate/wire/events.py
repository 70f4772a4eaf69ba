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
from gate.wire.checks import fill, nobody_named
from gate.wire.enums import CHANNELS, OUTCOME_NUMBERS, SEVERITIES, STATUS_NUMBERS, VERDICTS
from gate.wire.fields import DEFAULT_LOCATION, SURELY_SHORT, bounded, enum_value, past_time, required

BODY_BYTES: Final = 4_096


def event(message: pb.Event, now: int, read_address: AddressReader) -> Event:
    """Read an event that arrived at `now`. Raises InvalidFieldError."""
    event_id, location_id, contact_id = message.event_id, message.location_id, message.contact_id
    provider, address = message.provider, message.address
    if (
        not event_id
        or len(event_id) > SURELY_SHORT
        or len(location_id) > SURELY_SHORT
        or len(contact_id) > SURELY_SHORT
        or len(provider) > SURELY_SHORT
    ):
        required("event_id", event_id)
        bounded("location_id", location_id)
        bounded("contact_id", contact_id)
        bounded("provider", provider)
    channel, detail = _detail(message)
    if address:
        address = read_address(channel, address)
    if not contact_id and not address:
        raise nobody_named()
    occur_time = past_time("occur_time", message.occur_time, now) if message.HasField("occur_time") else None
    return Event(event_id, location_id or DEFAULT_LOCATION, contact_id, address, occur_time, provider, detail)


def event_response(answer: Answer) -> pb.RecordEventResponse:
    """Write what an event came to."""
    response = pb.RecordEventResponse()
    fill_response(response, answer)
    return response


def fill_response(response: pb.RecordEventResponse, answer: Answer) -> None:
    """Write what an event came to into an empty message: nothing is copied."""
    response.outcome = OUTCOME_NUMBERS[answer.outcome]
    response.status = STATUS_NUMBERS[answer.status]
    response.revision = str(answer.revision)
    for row in answer.set:
        fill(response.set.add(), row)
    for row in answer.lifted:
        fill(response.lifted.add(), row)


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
    error_code, message_status = message.error_code, message.message_status
    if len(error_code) > SURELY_SHORT or len(message_status) > SURELY_SHORT:
        bounded("error_code", error_code)
        bounded("message_status", message_status)
    return SmsFailure(error_code, message_status)


def _email_failure(message: pb.EmailFailure) -> EmailFailure:
    return EmailFailure(
        enum_value("severity", message.severity, SEVERITIES, "EmailSeverity"),
        bounded("reason", message.reason),
        bounded("code", message.code),
    )
