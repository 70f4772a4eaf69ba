"""Collects the day's webhooks with the time at which each happened and the time at which it was handed on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from tests.data.day_contacts import Contact
from tests.data.day_payloads import Json, delivery_status, mailgun, twilio_inbound, twilio_status

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)

# A time of the day: `HH:MM`, `HH:MM:SS` or `HH:MM:SS.mmm`, or milliseconds since midnight.
Clock = str | int


def milliseconds(clock: Clock) -> int:
    """Return the milliseconds since midnight."""
    if isinstance(clock, int):
        return clock
    hours, minutes, seconds = (clock + ":0").split(":")[:3]
    return round((int(hours) * 60 + int(minutes)) * 60_000 + float(seconds) * 1000)


def rfc3339(ms: int) -> str:
    """Return a time of the day in the form that protobuf JSON writes."""
    moment = MIDNIGHT + timedelta(milliseconds=ms)
    fraction = "" if ms % 1000 == 0 else f".{ms % 1000:03d}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


@dataclass(frozen=True)
class Delivery:
    """One line of one file, and when it was handed on."""

    file: str
    heard: int
    line: Json


class Day:
    """The webhooks of a day. `heard` is when one was handed on, where that was not at once."""

    def __init__(self) -> None:
        """Start with no webhooks."""
        self._deliveries: list[Delivery] = []
        self._serials = count(1)

    def serial(self) -> int:
        """Return the next number for a message of a provider."""
        return next(self._serials)

    def status(
        self,
        contact: Contact,
        at: Clock,
        status: str,
        code: str | int | None = None,
        *,
        serial: int | None = None,
        prefix: str = "",
        heard: Clock | None = None,
        drop: tuple[str, ...] = (),
    ) -> Delivery:
        """Add a Twilio status callback; `drop` names parameters that are missing from it."""
        number = self.serial() if serial is None else serial
        payload = twilio_status(contact.location_id, contact.phone, number, status, prefix=prefix)
        if code is not None:
            payload["ErrorCode"] = code
        if status in ("delivered", "undelivered") and number % 3:
            payload["RawDlrDoneDate"] = rfc3339(milliseconds(at))[2:16].translate(str.maketrans("", "", "-T:"))
        return self._hand_on("twilio_status.jsonl", contact, at, heard, without(payload, drop))

    def text(
        self,
        contact: Contact,
        at: Clock,
        body: str,
        *,
        verdict: str = "",
        prefix: str = "",
        heard: Clock | None = None,
        drop: tuple[str, ...] = (),
    ) -> Delivery:
        """Add a Twilio inbound message; `verdict` is its OptOutType."""
        payload = twilio_inbound(contact.location_id, contact.phone, self.serial(), body, prefix=prefix)
        if verdict:
            payload["OptOutType"] = verdict
        return self._hand_on("twilio_inbound.jsonl", contact, at, heard, without(payload, drop))

    def mail(self, contact: Contact, at: Clock, event: str, *, heard: Clock | None = None, **fields: str) -> Delivery:
        """Add a Mailgun webhook that says what happened, with fields of its `event-data`."""
        number = self.serial()
        # Every seventh falls on a whole millisecond; every fourth writes its time as a string.
        micro = 0 if number % 7 == 0 else number * 37 % 1000
        seconds = MIDNIGHT.timestamp() + (milliseconds(at) * 1000 + micro) / 1_000_000
        timestamp = f"{seconds:.6f}" if number % 4 == 0 else seconds
        payload = mailgun(contact.location_id, contact.email, number, event, timestamp)
        payload["event-data"].update(fields)
        return self._hand_on("mailgun.jsonl", contact, at, heard, payload)

    def failed(
        self,
        contact: Contact,
        at: Clock,
        severity: str,
        reason: str,
        code: int | str | None = None,
        *,
        heard: Clock | None = None,
    ) -> Delivery:
        """Add a Mailgun `failed` webhook; an empty severity or reason is left out."""
        stated = {"severity": severity, "reason": reason}
        fields = {name: value for name, value in stated.items() if value}
        delivery = self.mail(contact, at, "failed", heard=heard, **fields)
        data = delivery.line["payload"]["event-data"]
        data["delivery-status"] = delivery_status(reason, code, 1)
        return delivery

    def reply(
        self,
        contact: Contact,
        at: Clock,
        channel: str,
        body: str,
        address: str,
        *,
        heard: Clock | None = None,
    ) -> Delivery:
        """Add a message on a channel without a webhook of its own, as an event; `address` may be empty."""
        provider = channel.removeprefix("CHANNEL_").lower()
        event: Json = {"event_id": f"{provider}-{self.serial():06d}", "location_id": contact.location_id}
        event |= {"contact_id": contact.contact_id, "address": address}
        event |= {"occur_time": rfc3339(milliseconds(at)), "provider": provider}
        event |= {"inbound_message": {"channel": channel, "body": body}}
        return self._add("replies.jsonl", at, heard, {"event": without_empty(event)})

    def again(self, delivery: Delivery, heard: Clock) -> None:
        """Hand on a webhook once more, later, as providers do."""
        self._deliveries.append(Delivery(delivery.file, milliseconds(heard), delivery.line))

    def in_order(self) -> Iterator[tuple[str, Json]]:
        """Yield each file name with its next line, in the order in which they were handed on."""
        ordered = sorted(self._deliveries, key=lambda delivery: delivery.heard)
        for order, delivery in enumerate(ordered, start=1):
            yield delivery.file, {"order": order, **delivery.line}

    def _hand_on(self, file: str, contact: Contact, at: Clock, heard: Clock | None, payload: Json) -> Delivery:
        line: Json = {"received_time": rfc3339(milliseconds(at)), "location_id": contact.location_id}
        return self._add(file, at, heard, {**line, "contact_id": contact.contact_id, "payload": payload})

    def _add(self, file: str, at: Clock, heard: Clock | None, line: Json) -> Delivery:
        delivery = Delivery(file, milliseconds(at if heard is None else heard), line)
        self._deliveries.append(delivery)
        return delivery


def without(payload: Json, names: tuple[str, ...]) -> Json:
    """Return the payload without the named parameters."""
    return {name: value for name, value in payload.items() if name not in names}


def without_empty(event: Json) -> Json:
    """Return the event without its empty fields."""
    return {name: value for name, value in event.items() if value != ""}
