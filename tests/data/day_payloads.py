"""The shapes that Twilio and Mailgun document for their webhooks; README.md names the pages."""

from typing import Any

Json = dict[str, Any]

ACCOUNT_SID = "AC" + "0" * 31 + "1"
SERVICE_SID = "MG" + "0" * 31 + "1"
# The businesses' own numbers, by location.
SENDERS = {"acme-dental": "+12025550199", "harbor-gym": "+13125550199"}
MAIL_DOMAINS = {"acme-dental": "mg.acme-dental.example", "harbor-gym": "mg.harbor-gym.example"}

DESCRIPTIONS = {
    "suppress-bounce": "Not delivering to previously bounced address",
    "suppress-complaint": "Not delivering to a user who marked your messages as spam",
    "suppress-unsubscribe": "Not delivering to unsubscribed address",
}
SESSION_CODES = {"suppress-bounce": 605, "suppress-complaint": 607, "suppress-unsubscribe": 606}


def twilio_sid(serial: int) -> str:
    """Return a message SID that is plainly made up."""
    return f"SM{serial:032x}"


def twilio_status(location: str, phone: str, serial: int, status: str, *, prefix: str = "") -> Json:
    """Return a status callback for a message to `phone`, without an error."""
    sid = twilio_sid(serial)
    payload: Json = {
        "SmsSid": sid,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": prefix + phone,
        "MessageSid": sid,
        "AccountSid": ACCOUNT_SID,
        "From": prefix + SENDERS[location],
        "ApiVersion": "2010-04-01",
    }
    if prefix:
        payload["ChannelPrefix"] = prefix.rstrip(":")
    if status == "read":
        payload["EventType"] = "READ"
    if serial % 5 == 0:
        payload["MessagingServiceSid"] = SERVICE_SID
    if serial % 11 == 0:
        payload["CarrierTraceV9"] = "0" * 8
    return payload


def twilio_inbound(location: str, phone: str, serial: int, body: str, *, prefix: str = "") -> Json:
    """Return an inbound message webhook for `body` from `phone`."""
    sid = twilio_sid(serial)
    payload: Json = {
        "ToCountry": "US",
        "SmsMessageSid": sid,
        "NumMedia": "1" if not body else "0",
        "SmsSid": sid,
        "SmsStatus": "received",
        "Body": body,
        "To": prefix + SENDERS[location],
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": ACCOUNT_SID,
        "From": prefix + phone,
        "ApiVersion": "2010-04-01",
    }
    if prefix:
        payload["WaId"] = phone.lstrip("+")
        payload["MessageType"] = "text"
    elif phone.startswith("+1"):
        payload["FromCountry"] = "US"
        payload["FromCity"] = ""
        payload["FromZip"] = ""
    if serial % 7 == 0:
        payload["NewBetaField"] = "true"
    return payload


def mailgun(location: str, recipient: str, serial: int, event: str, timestamp: float | str) -> Json:
    """Return a Mailgun webhook for `event`; a third of them carries a dummy signature."""
    domain = MAIL_DOMAINS[location]
    data: Json = {
        "event": event,
        "id": f"{serial:022d}",
        "timestamp": timestamp,
        "log-level": {"failed": "error", "complained": "warn"}.get(event, "info"),
        "recipient": recipient,
        "recipient-domain": recipient.rpartition("@")[2],
        "envelope": {"sender": f"desk@{domain}", "transport": "smtp", "targets": recipient},
        "message": {"headers": {"to": recipient, "message-id": f"{serial}.0@{domain}"}},
        "tags": ["reminder"] if serial % 2 else [],
        "user-variables": {"campaign": "spring"} if serial % 4 == 0 else [],
    }
    if event in ("opened", "clicked", "unsubscribed", "complained"):
        data["ip"] = "192.0.2.1"
    if event == "clicked":
        data["url"] = f"https://{domain}/book"
    if serial % 3:
        return {"event-data": data}
    signature = {"timestamp": "0", "token": "0" * 50, "signature": "0" * 64}
    return {"signature": signature, "event-data": data}


def delivery_status(reason: str, code: int | str | None, attempt: int) -> Json:
    """Return the `delivery-status` of a failure; `code` is left out where it is None."""
    status: Json = {
        "attempt-no": attempt,
        "message": "",
        "description": DESCRIPTIONS.get(reason, ""),
        "session-seconds": 0 if reason in DESCRIPTIONS else 0.25,
    }
    if code is not None:
        status["code"] = code
    return status
