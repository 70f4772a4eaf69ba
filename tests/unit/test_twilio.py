"""Twilio's webhooks: which ones are genuine, and what they come to."""

import base64
import hashlib
import hmac
from urllib.parse import urlencode

import pytest
from sendgate.v1 import send_gate_pb2 as pb

from gate.connectors import text, twilio
from gate.connectors.errors import MalformedError
from gate.wire import events

TOKEN = "1" * 32
URL = "https://hooks.example.com/twilio/inbound"
INBOUND = {"MessageSid": "SM1", "AccountSid": "AC1", "From": "+12025550101", "To": "+12025550199", "Body": "STOP"}
STATUS = {"MessageSid": "SM1", "MessageStatus": "undelivered", "To": "+12025550101", "ErrorCode": "30003"}


def signature(url: str, parameters: list[tuple[str, str]], algorithm: str = "sha1") -> str:
    """Sign as Twilio documents it: the URL, then every name and value in the order of the names."""
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    return base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), algorithm)).decode()


def form(parameters: dict[str, str]) -> twilio.Form:
    """Encode and read a form."""
    return twilio.read_form(urlencode(parameters).encode())


def inbound(**changes: str) -> pb.Event | None:
    """Read an inbound message that differs from the usual one."""
    return twilio.inbound(form(INBOUND | changes), "acme")


def status(**changes: str) -> pb.Event | None:
    """Read a status callback that differs from the usual one."""
    return twilio.status(form(STATUS | changes), "acme")


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param([("AccountSid", "AC1"), ("Body", "STOP now & +1=2 \U0001f6d1 é")], id="any characters"),
        pytest.param([("AccountSid", "AC1"), ("Body", ""), ("FromZip", "")], id="empty values"),
        pytest.param([("AccountSid", "AC1"), ("NewIn2031", "yes")], id="unknown parameters"),
        pytest.param([("Tag", "b"), ("AccountSid", "AC1"), ("Tag", "a"), ("Tag", "a")], id="repeated parameters"),
        pytest.param([], id="no parameters"),
    ],
)
@pytest.mark.parametrize(
    ("signed", "received"),
    [
        pytest.param(URL, URL, id="plain"),
        pytest.param("https://hooks.example.com:443/twilio/inbound", URL, id="signed with the port"),
        pytest.param(URL, "https://hooks.example.com:443/twilio/inbound", id="signed without the port"),
        pytest.param("http://127.0.0.1:8080/twilio/inbound", "http://127.0.0.1:8080/twilio/inbound", id="odd port"),
        pytest.param(f"{URL}?b=2&a=%20x+y", f"{URL}?b=2&a=%20x+y", id="query string"),
    ],
)
def test_a_genuine_signature_verifies(signed: str, received: str, parameters: list[tuple[str, str]]) -> None:
    """What Twilio's published algorithm signs is accepted, whatever the parameters and whichever form of the URL."""
    sent = twilio.read_form(urlencode(parameters).encode())

    assert twilio.verified(sent, received, signature(signed, parameters), "", TOKEN)


def test_a_shared_key_signature_verifies() -> None:
    """A signature by SHA-256 is accepted when the settings header names that algorithm."""
    parameters = list(INBOUND.items())
    made = signature(URL, parameters, "sha256")

    assert twilio.verified(form(INBOUND), URL, made, "key=k1,algorithm=HMAC_SHA256", TOKEN)
    assert not twilio.verified(form(INBOUND), URL, made, "", TOKEN)
    assert not twilio.verified(form(INBOUND), URL, made, "algorithm=NONE", TOKEN)


@pytest.mark.parametrize(
    ("url", "parameters", "token"),
    [
        pytest.param(URL, INBOUND | {"Body": "START"}, TOKEN, id="changed value"),
        pytest.param(URL, INBOUND | {"Extra": "1"}, TOKEN, id="added parameter"),
        pytest.param(URL + "?a=1", INBOUND, TOKEN, id="added query"),
        pytest.param(URL.replace("inbound", "status"), INBOUND, TOKEN, id="other path"),
        pytest.param(URL.replace("https", "http"), INBOUND, TOKEN, id="other scheme"),
        pytest.param(URL, INBOUND, "0" * 32, id="other token"),
    ],
)
def test_a_changed_request_does_not_verify(url: str, parameters: dict[str, str], token: str) -> None:
    """The signature holds for one URL, one set of parameters and one token."""
    made = signature(URL, list(INBOUND.items()))

    assert twilio.verified(form(INBOUND), URL, made, "", TOKEN)
    assert not twilio.verified(form(parameters), url, made, "", token)


@pytest.mark.parametrize("made", ["", "x", "é" * 28, "=" * 28])
def test_rubbish_is_no_signature(made: str) -> None:
    """A signature of any other shape is refused without an error."""
    assert not twilio.verified(form(INBOUND), URL, made, "", TOKEN)


@pytest.mark.parametrize(
    "body", [pytest.param(b"From=\xff", id="raw"), pytest.param(b"From=%FF", id="escaped"), b"&".join([b"a=1"] * 1001)]
)
def test_a_body_that_is_no_form_is_refused(body: bytes) -> None:
    """Bytes that are not UTF-8, and more parameters than Twilio ever sends, are malformed."""
    with pytest.raises(MalformedError, match="no form"):
        twilio.read_form(body)


def test_an_inbound_message_becomes_an_event() -> None:
    """An inbound message stands on the sender's address, under its MessageSid, without contact and time."""
    assert inbound() == pb.Event(
        event_id="SM1",
        location_id="acme",
        address="+12025550101",
        provider="twilio",
        inbound_message=pb.InboundMessage(channel=pb.CHANNEL_SMS, body="STOP"),
    )


@pytest.mark.parametrize(
    ("sender", "channel", "address"),
    [
        ("+12025550101", pb.CHANNEL_SMS, "+12025550101"),
        ("sms:+12025550101", pb.CHANNEL_SMS, "+12025550101"),
        ("rcs:+12025550101", pb.CHANNEL_SMS, "+12025550101"),
        ("whatsapp:+12025550101", pb.CHANNEL_WHATSAPP, "+12025550101"),
        ("WhatsApp: +12025550101", pb.CHANNEL_WHATSAPP, "+12025550101"),
        ("messenger:7000000000000001", pb.CHANNEL_FACEBOOK, "7000000000000001"),
    ],
)
def test_the_sender_tells_the_channel(sender: str, channel: pb.Channel.ValueType, address: str) -> None:
    """The prefix in front of the sender decides the channel, and WhatsApp is never SMS."""
    event = inbound(From=sender)

    assert event is not None
    assert (event.inbound_message.channel, event.address) == (channel, address)


def test_a_channel_prefix_tells_the_channel_too() -> None:
    """A sender without a prefix is on WhatsApp when ChannelPrefix says so."""
    event = inbound(ChannelPrefix="whatsapp")

    assert event is not None
    assert event.inbound_message.channel == pb.CHANNEL_WHATSAPP


def test_a_message_on_an_unknown_channel_comes_to_nothing() -> None:
    """A sender on a channel that the contract does not have is left alone."""
    assert inbound(From="client:joey") is None


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        ("STOP", pb.OPT_OUT_TYPE_STOP),
        ("stop", pb.OPT_OUT_TYPE_STOP),
        (" Start ", pb.OPT_OUT_TYPE_START),
        ("HELP", pb.OPT_OUT_TYPE_HELP),
        ("", pb.OPT_OUT_TYPE_UNSPECIFIED),
        ("PAUSE", pb.OPT_OUT_TYPE_UNSPECIFIED),
    ],
)
def test_opt_out_type_is_the_verdict(written: str, verdict: pb.OptOutType.ValueType) -> None:
    """Twilio's verdict is passed on whatever its case; one that is unknown leaves the body to decide."""
    event = inbound(OptOutType=written)

    assert event is not None
    assert event.inbound_message.opt_out_type == verdict


@pytest.mark.parametrize(
    ("present", "event_id"), [(("SmsSid",), "SM2"), (("SmsMessageSid",), "SM3"), (("SmsSid", "SmsMessageSid"), "SM2")]
)
def test_older_names_of_the_message_sid_count(present: tuple[str, ...], event_id: str) -> None:
    """Without MessageSid the older names of the same id are taken."""
    sids = {"SmsSid": "SM2", "SmsMessageSid": "SM3"}
    event = inbound(MessageSid="", **{name: sids[name] for name in present})

    assert event is not None
    assert event.event_id == event_id


@pytest.mark.parametrize("changes", [{"MessageSid": ""}, {"From": ""}, {"From": "whatsapp:"}])
def test_an_inbound_message_without_id_or_sender_is_malformed(changes: dict[str, str]) -> None:
    """A message that cannot be told from others, or from nobody, is refused."""
    with pytest.raises(MalformedError, match="missing"):
        inbound(**changes)


def test_a_body_is_cut_to_what_the_gate_takes() -> None:
    """A longer body is cut between two characters, at 4,096 bytes, so that the message still gets recorded."""
    event = inbound(Body="x" + "\U0001f600" * 1_600)

    assert event is not None
    assert event.inbound_message.body == "x" + "\U0001f600" * 1_023
    assert text.BODY_BYTES == events.BODY_BYTES


def test_a_message_without_body_is_taken() -> None:
    """A picture alone is a message."""
    event = twilio.inbound(form({"MessageSid": "MM1", "From": "+12025550101"}), "acme")

    assert event is not None
    assert event.inbound_message.body == ""


def test_a_failed_message_becomes_an_event() -> None:
    """A failure stands on the recipient's address, under MessageSid and status, without a time."""
    assert status() == pb.Event(
        event_id="SM1:undelivered",
        location_id="acme",
        address="+12025550101",
        provider="twilio",
        sms_failure=pb.SmsFailure(error_code="30003", message_status="undelivered"),
    )


def test_a_redelivered_callback_is_the_same_event() -> None:
    """Parameters that come and go between two deliveries do not change the event."""
    assert status(RawDlrDoneDate="2603020800", NewIn2031="1") == status(ErrorCode=" 30003 ")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"ErrorCode": ""}, id="no code"),
        pytest.param({"ErrorCode": "", "MessageStatus": "delivered"}, id="delivered"),
        pytest.param({"ErrorCode": "", "MessageStatus": "sent", "MessageSid": "", "To": ""}, id="sent, little else"),
        pytest.param({"To": "whatsapp:+12025550101"}, id="WhatsApp"),
        pytest.param({"ChannelPrefix": "whatsapp"}, id="WhatsApp by ChannelPrefix"),
        pytest.param({"To": "messenger:7000000000000001"}, id="Messenger"),
        pytest.param({"To": "rcs:+12025550101"}, id="RCS"),
    ],
)
def test_a_callback_that_bears_on_no_text_message_comes_to_nothing(changes: dict[str, str]) -> None:
    """Good news, failures without a code, and failures on other channels are left alone."""
    assert status(**changes) is None


@pytest.mark.parametrize("changes", [{"MessageSid": ""}, {"To": ""}])
def test_a_failure_without_id_or_recipient_is_malformed(changes: dict[str, str]) -> None:
    """A failure that cannot be told from others, or of nobody, is refused."""
    with pytest.raises(MalformedError, match="missing"):
        status(**changes)


def test_an_inbound_message_among_status_callbacks_is_malformed() -> None:
    """A number whose webhook is the wrong path is found out, before its opt-outs are lost in silence."""
    with pytest.raises(MalformedError, match="/twilio/inbound"):
        twilio.status(form(INBOUND | {"SmsStatus": "received"}), "acme")


def test_over_long_details_are_cut() -> None:
    """A code or status that is longer than the gate takes does not keep the event from being recorded."""
    event = status(ErrorCode="9" * 300)

    assert event is not None
    assert len(event.sms_failure.error_code) == 256


def test_the_algorithm_of_the_test_is_the_documented_one() -> None:
    """The tests' own signature is HMAC-SHA1 in base64 over URL and sorted parameters."""
    made = hmac.new(TOKEN.encode(), f"{URL}a1b2".encode(), hashlib.sha1).digest()

    assert signature(URL, [("b", "2"), ("a", "1")]) == base64.b64encode(made).decode()
