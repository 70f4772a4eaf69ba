"""Turns the day's webhooks into `events.jsonl`: one protobuf-JSON Event of the contract a line."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

Json = dict[str, Any]

HERE = Path(__file__).parent
SEVERITIES = {"permanent": "EMAIL_SEVERITY_PERMANENT", "temporary": "EMAIL_SEVERITY_TEMPORARY"}
# The contract has no event for these; they say that all is well.
GOOD_NEWS = frozenset({"accepted", "delivered", "opened", "clicked"})


def read(name: str) -> list[Json]:
    """Read a file of webhooks; a time that is a JSON number keeps its digits."""
    lines = (HERE / name).read_text(encoding="ascii").splitlines()
    return [json.loads(line, parse_float=str) for line in lines]


def without_empty(fields: Json) -> Json:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value not in ("", None)}


def event_of(line: Json, event_id: str, address: str, occur_time: str, provider: str) -> Json:
    """Return an event without its detail."""
    return without_empty(
        {
            "event_id": event_id,
            "location_id": line["location_id"],
            "contact_id": line["contact_id"],
            "address": address,
            "occur_time": occur_time,
            "provider": provider,
        }
    )


def twilio_status(line: Json) -> Json | None:
    """Return the event of a status callback, or None for WhatsApp: the contract knows SMS failures only."""
    payload = line["payload"]
    address = payload.get("To", "")
    if address.startswith("whatsapp:"):
        return None
    sid = payload.get("MessageSid") or payload.get("SmsSid")
    status = payload.get("MessageStatus") or payload.get("SmsStatus") or ""
    event = event_of(line, f"{sid}:{status}", address, line["received_time"], "twilio")
    code = payload.get("ErrorCode")
    detail = {"error_code": "" if code is None else str(code), "message_status": status}
    return event | {"sms_failure": without_empty(detail)}


def twilio_inbound(line: Json) -> Json:
    """Return the event of an inbound message."""
    payload = line["payload"]
    address = payload["From"]
    event = event_of(line, payload["MessageSid"], address, line["received_time"], "twilio")
    verdict = payload.get("OptOutType", "")
    detail = {
        "channel": "CHANNEL_WHATSAPP" if address.startswith("whatsapp:") else "CHANNEL_SMS",
        "body": payload.get("Body", ""),
        "opt_out_type": f"OPT_OUT_TYPE_{verdict}" if verdict else "",
    }
    return event | {"inbound_message": without_empty(detail)}


def occurred(timestamp: str) -> str:
    """Return Unix seconds as RFC 3339, with three or six digits of a fraction where there is one."""
    micros = int(Decimal(timestamp) * 1_000_000)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    spec = "seconds" if micros % 1_000_000 == 0 else "milliseconds" if micros % 1000 == 0 else "microseconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


def mailgun(line: Json) -> Json | None:
    """Return the event of a Mailgun webhook, or None for good news."""
    data = line["payload"]["event-data"]
    if data["event"] in GOOD_NEWS:
        return None
    timestamp = data["timestamp"]
    event_id = f"{data['id']}:{timestamp}"
    event = event_of(line, event_id, data["recipient"], occurred(timestamp), "mailgun")
    if data["event"] == "unsubscribed":
        return event | {"email_unsubscribe": without_empty({"tag": "".join(data["tags"][:1])})}
    if data["event"] == "complained":
        return event | {"email_complaint": {}}
    code = data["delivery-status"].get("code")
    detail = {
        "severity": SEVERITIES.get(data.get("severity", ""), ""),
        "reason": data.get("reason", ""),
        "code": "" if code is None else str(code),
    }
    return event | {"email_failure": without_empty(detail)}


def events() -> list[Json]:
    """Return the day's events in the order in which their webhooks were handed on."""
    found: list[tuple[int, Json | None]] = []
    found += [(line["order"], twilio_status(line)) for line in read("twilio_status.jsonl")]
    found += [(line["order"], twilio_inbound(line)) for line in read("twilio_inbound.jsonl")]
    found += [(line["order"], mailgun(line)) for line in read("mailgun.jsonl")]
    found += [(line["order"], line["event"]) for line in read("replies.jsonl")]
    found.sort(key=lambda pair: pair[0])
    return [event for _, event in found if event is not None]


def main() -> None:
    """Write `events.jsonl`."""
    lines = [json.dumps(event, separators=(",", ":")) for event in events()]
    (HERE / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
