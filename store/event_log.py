"""The append-only log: each event, what it did to the state, and how it was answered.

Effects are lattice rows; replaying them in any order rebuilds the state.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec import json

from gate.rules.interpret import Effects
from gate.rules.model import (
    EmailComplaint,
    EmailFailure,
    EmailUnsubscribe,
    Event,
    InboundMessage,
    SmsFailure,
)
from gate.rules.outcome import Answer
from store.database import Database, Row, Write

_APPEND: Final = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FIND: Final = """
    SELECT contact_id, address, occur_time, kind, detail, answer FROM event
    WHERE location_id = ? AND provider = ? AND event_id = ?
"""
_EFFECTS: Final = "SELECT effects FROM event ORDER BY seq"

_KINDS: Final = {
    InboundMessage: "inbound_message",
    SmsFailure: "sms_failure",
    EmailFailure: "email_failure",
    EmailUnsubscribe: "email_unsubscribe",
    EmailComplaint: "email_complaint",
}
_encode: Final = json.Encoder().encode
_decode_effects: Final = json.Decoder(Effects).decode
_decode_answer: Final = json.Decoder(Answer).decode


class Content(NamedTuple):
    """What two events must share beside their key to be the same event."""

    contact_id: str
    address: str
    occur_time: int | None
    kind: str
    detail: str


class Record(NamedTuple):
    """One entry of the log."""

    event: Event
    content: Content
    record_time: int
    effects: Effects
    answer: Answer


def content(event: Event) -> Content:
    """Reduce an event to what is compared when its id comes again."""
    detail = event.detail
    return Content(event.contact_id, event.address, event.occur_time, _KINDS[type(detail)], _json(detail))


def append(records: Iterable[Record]) -> Write:
    """Add records to the log."""
    return _APPEND, [_row(record) for record in records]


def find(database: Database, event: Event) -> tuple[Content, Answer] | None:
    """Look up what was recorded under the event's key."""
    rows = database.read(_FIND, (event.location_id, event.provider, event.event_id))
    if not rows:
        return None
    *known, answer = rows[0]
    return Content(*known), _decode_answer(answer)


def last_seq(database: Database) -> int:
    """Read the place of the last record, 0 for an empty log."""
    return int(database.read("SELECT coalesce(max(seq), 0) FROM event")[0][0])


def replay(database: Database) -> Iterator[Effects]:
    """Read the effects of every event in the order of the log."""
    for (effects,) in database.read(_EFFECTS):
        yield _decode_effects(effects)


def _row(record: Record) -> Row:
    event, (contact_id, address, occur_time, kind, detail), record_time, effects, answer = record
    return (
        answer.revision,
        event.location_id,
        event.provider,
        event.event_id,
        contact_id,
        address,
        occur_time,
        record_time,
        kind,
        detail,
        _json(effects),
        _json(answer),
    )


def _json(value: object) -> str:
    return _encode(value).decode()
