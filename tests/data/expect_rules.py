"""The rules once more, typed in from their description and imported from nowhere: what an event means.

Naive on purpose: it knows the words and codes of this day, and serves only to check the gate's answers.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = dict[str, Any]

CHANNELS = ("SMS", "EMAIL", "CALL", "FACEBOOK", "GMB", "WHATSAPP")
PHONE_CHANNELS = ("SMS", "CALL", "WHATSAPP")

TWILIO_CODES = {
    "30003": "UNREACHABLE",
    "30004": "CARRIER_BLOCKED",
    "30005": "UNKNOWN_NUMBER",
    "30006": "LANDLINE",
    "21610": "OPT_OUT",
}
NOT_FAILED = ("accepted", "scheduled", "queued", "sending", "sent", "delivered", "read")
EMAIL_REASONS = {
    "bounce": "BOUNCE",
    "suppress-bounce": "SUPPRESS_BOUNCE",
    "suppress-complaint": "SUPPRESS_COMPLAINT",
    "suppress-unsubscribe": "SUPPRESS_UNSUBSCRIBE",
}
OPT_OUTS = (
    *("stop", "unstop", "unsubscribe", "cancel", "stopall", "stop all", "end", "quit", "revoke", "optout"),
    "opt out",
)
OPT_INS = ("start",)
POSSIBLE_PHRASES = ("please stop texting me",)

LIFTED_BY_REPLY = ("OPT_OUT", "CARRIER_BLOCKED", "UNREACHABLE", "UNKNOWN_NUMBER", "LANDLINE")
WISHES = ("OPT_OUT", "CARRIER_BLOCKED", "UNSUBSCRIBED", "COMPLAINT")
USER, CONTACT, SUPPORT = "REMOVER_USER", "REMOVER_CONTACT", "REMOVER_SUPPORT"
REMOVERS = {
    "OPT_OUT": [CONTACT, SUPPORT],
    "CARRIER_BLOCKED": [CONTACT, SUPPORT],
    "UNREACHABLE": [USER, CONTACT],
    "UNKNOWN_NUMBER": [USER, CONTACT],
    "LANDLINE": [USER, CONTACT],
    "BOUNCE": [USER],
    "SUPPRESS_BOUNCE": [USER],
    "SUPPRESS_COMPLAINT": [USER],
    "SUPPRESS_UNSUBSCRIBE": [USER],
    "GENERIC_FAILURE": [USER],
    "UNSUBSCRIBED": [USER],
    "COMPLAINT": [SUPPORT],
}
PERMANENT = ("OPT_OUT", "CARRIER_BLOCKED", "COMPLAINT")


def letter(character: str) -> bool:
    """Return whether the character is part of a word rather than around it."""
    return unicodedata.category(character)[0] in "LN"


def plain(body: str) -> str:
    """Return the body as it is compared with the keywords."""
    folded = unicodedata.normalize("NFKC", body)
    visible = "".join(c for c in folded if unicodedata.category(c) not in ("Cc", "Cf")).casefold()
    while visible and not letter(visible[0]):
        visible = visible[1:]
    while visible and not letter(visible[-1]):
        visible = visible[:-1]
    return " ".join("".join(" " if c in "-\u2010" else c for c in visible).split())


def unaccented(text: str) -> str:
    """Return the text without the accents on its letters."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def meaning(body: str, verdict: str) -> str:
    """Return `stop`, `start`, `possible` or nothing."""
    if verdict in ("OPT_OUT_TYPE_STOP", "OPT_OUT_TYPE_START"):
        return verdict.removeprefix("OPT_OUT_TYPE_").lower()
    text = plain(body)
    if text in OPT_OUTS:
        return "stop"
    if text in OPT_INS:
        return "start"
    return "possible" if unaccented(text) in OPT_OUTS or text in POSSIBLE_PHRASES else ""


@dataclass(frozen=True)
class Effect:
    """What the rules make of an event: it sets a cause, lifts causes, may be an opt-out, or nothing."""

    channel: str = ""
    sets: str = ""
    code: str = ""
    lifts: tuple[str, ...] = ()
    possible: bool = False


def text_effect(message: Json) -> Effect:
    """Return the effect of an inbound message."""
    channel = message["channel"].removeprefix("CHANNEL_")
    said = meaning(message.get("body", ""), message.get("opt_out_type", ""))
    if said == "stop":
        return Effect(channel, sets="OPT_OUT")
    if said == "start":
        return Effect(channel, lifts=LIFTED_BY_REPLY)
    return Effect(possible=said == "possible")


def sms_effect(failure: Json) -> Effect:
    """Return the effect of a text message's status."""
    code = failure.get("error_code", "").strip()
    if code not in TWILIO_CODES or failure.get("message_status", "") in NOT_FAILED:
        return Effect()
    return Effect("SMS", sets=TWILIO_CODES[code], code=code)


def email_effect(failure: Json) -> Effect:
    """Return the effect of a failed email."""
    reason = failure.get("reason", "")
    if failure.get("severity") != "EMAIL_SEVERITY_PERMANENT" or reason == "espblock":
        return Effect()
    cause = EMAIL_REASONS.get(reason, "GENERIC_FAILURE")
    return Effect("EMAIL", sets=cause, code=failure.get("code", "").strip() or reason)


def effect(event: Json) -> Effect:
    """Return what the rules make of an event."""
    if "inbound_message" in event:
        return text_effect(event["inbound_message"])
    if "sms_failure" in event:
        return sms_effect(event["sms_failure"])
    if "email_failure" in event:
        return email_effect(event["email_failure"])
    return Effect("EMAIL", sets="UNSUBSCRIBED" if "email_unsubscribe" in event else "COMPLAINT")


def address_of(event: Json) -> str:
    """Return the event's address as addresses are compared, or an empty string."""
    address: str = event.get("address", "")
    for prefix in ("whatsapp:", "sms:"):
        address = address.removeprefix(prefix)
    return address.lower() if "@" in address else address


def channels_of(address: str) -> tuple[str, ...]:
    """Return the channels on which the address can be written to."""
    if "@" in address:
        return ("EMAIL",)
    if address.startswith("+"):
        return PHONE_CHANNELS
    return ("GMB",) if address.startswith("conversations/") else ("FACEBOOK",)


def moment(event: Json) -> datetime:
    """Return when the event happened."""
    return datetime.fromisoformat(event["occur_time"])


def rfc3339(time: datetime) -> str:
    """Return a time with none, three or six digits of a fraction, as few as it needs."""
    micros = time.microsecond
    spec = "seconds" if micros == 0 else "milliseconds" if micros % 1000 == 0 else "microseconds"
    return time.isoformat(timespec=spec).replace("+00:00", "Z")
