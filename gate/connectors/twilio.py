"""Twilio's webhooks: verify and read inbound messages and status callbacks. No I/O.

Shapes: twilio.com/docs/messaging/guides/webhook-request and .../guides/track-outbound-message-status. Parameters are
added without notice, so unknown ones count for the signature and for nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl

from sendgate.v1 import send_gate_pb2 as pb

# The package has no types.
from twilio.request_validator import (  # type: ignore[import-untyped]
    RequestValidator,
    get_signature_algorithm,
)

from gate.connectors.errors import MalformedError
from gate.connectors.text import BODY_BYTES, clipped

PROVIDER: Final = "twilio"
SIGNATURE: Final = "X-Twilio-Signature"
SIGNATURE_SETTINGS: Final = "X-Twilio-Webhooks-Signature-Settings"

_PARAMETERS: Final = 1_000
_SMS: Final = frozenset(("", "sms"))
# A person has one number for text messages and for RCS, their successor, and no channel of the contract is RCS: an
# opt-out there silences SMS.
_CHANNELS: Final[Mapping[str, pb.Channel.ValueType]] = MappingProxyType(
    {
        "": pb.CHANNEL_SMS,
        "sms": pb.CHANNEL_SMS,
        "rcs": pb.CHANNEL_SMS,
        "whatsapp": pb.CHANNEL_WHATSAPP,
        "messenger": pb.CHANNEL_FACEBOOK,
    }
)
_VERDICTS: Final[Mapping[str, pb.OptOutType.ValueType]] = MappingProxyType(
    {"STOP": pb.OPT_OUT_TYPE_STOP, "START": pb.OPT_OUT_TYPE_START, "HELP": pb.OPT_OUT_TYPE_HELP}
)
_INCOMING: Final = frozenset(("receiving", "received"))


class Form:
    """A form's parameters, each with every value that it came with: the signature covers them all."""

    def __init__(self, parameters: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in parameters:
            self._values.setdefault(name, []).append(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def getlist(self, name: str) -> list[str]:
        """Return all values of a parameter; RequestValidator asks by this name."""
        return self._values.get(name, [])

    def first(self, *names: str) -> str:
        """Return the first parameter of these that says something, without white space at its ends; or empty."""
        values = (self._values.get(name, [""])[0].strip() for name in names)
        return next(filter(None, values), "")


def read_form(body: bytes) -> Form:
    """Read an `application/x-www-form-urlencoded` body of at most 1,000 parameters. Raises MalformedError."""
    try:
        return Form(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS))
    except ValueError as error:
        raise MalformedError("the body is no form in UTF-8 of at most 1,000 parameters") from error


def verified(form: Form, url: str, signature: str, settings: str, auth_token: str) -> bool:
    """Tell whether Twilio signed this form for this URL; with and without the port, as Twilio is not of one mind.

    `settings` is the header that names the algorithm where it is not the usual HMAC-SHA1; mostly empty.
    """
    algorithm = get_signature_algorithm(settings)
    return bool(RequestValidator(auth_token).validate(url, form, signature, algorithm))


def inbound(form: Form, location_id: str) -> pb.Event | None:
    """Read a message from a person; None where it came on a channel that the gate does not know.

    Raises MalformedError.
    """
    event_id = form.first("MessageSid", "SmsSid", "SmsMessageSid")
    if not event_id:
        raise MalformedError("MessageSid is missing")
    prefix, address = _correspondent(form, "From")
    if not address:
        raise MalformedError("From is missing")
    channel = _CHANNELS.get(prefix)
    if channel is None:
        return None
    return pb.Event(
        event_id=event_id,
        location_id=location_id,
        address=address,
        provider=PROVIDER,
        inbound_message=pb.InboundMessage(
            channel=channel,
            # The gate refuses longer bodies. One that long is no keyword, but it must still be on record.
            body=clipped(next(iter(form.getlist("Body")), ""), BODY_BYTES),
            opt_out_type=_VERDICTS.get(form.first("OptOutType").upper(), pb.OPT_OUT_TYPE_UNSPECIFIED),
        ),
    )


def status(form: Form, location_id: str) -> pb.Event | None:
    """Read what became of a message; None where it did not fail with a code, or was no text message.

    The contract knows failures of text messages only: what a failed WhatsApp message says about its recipient must
    not silence SMS. Callbacks carry no time; a status repeats under the same id. Raises MalformedError.
    """
    message_status = form.first("MessageStatus", "SmsStatus").lower()
    if message_status in _INCOMING:
        raise MalformedError("this is an inbound message; let its webhook be /twilio/inbound")
    error_code = form.first("ErrorCode")
    prefix, address = _correspondent(form, "To")
    if not error_code or prefix not in _SMS:
        return None
    message_sid = form.first("MessageSid", "SmsSid")
    if not message_sid:
        raise MalformedError("MessageSid is missing")
    if not address:
        raise MalformedError("To is missing")
    return pb.Event(
        event_id=f"{message_sid}:{message_status}",
        location_id=location_id,
        address=address,
        provider=PROVIDER,
        sms_failure=pb.SmsFailure(error_code=clipped(error_code), message_status=clipped(message_status)),
    )


def _correspondent(form: Form, name: str) -> tuple[str, str]:
    """Return a person's address and the prefix in front of it, which tells the channel."""
    text = form.first(name)
    prefix, colon, address = text.partition(":")
    if not colon:
        prefix, address = form.first("ChannelPrefix"), text
    return prefix.strip().lower(), address.strip()
