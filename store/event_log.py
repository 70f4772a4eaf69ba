"""The append-only log: each event, what it did to the state, and how it was answered.

Effects are lattice rows; replaying them in any order rebuilds the state.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from gate.rules.interpret import Effects
from gate.rules.model import (
    Cause,
    Channel,
    DndStatus,
    EmailComplaint,
    EmailFailure,
    EmailUnsubscribe,
    Event,
    InboundMessage,
    Link,
    Outcome,
    SmsFailure,
    Subject,
    Suppression,
)
from gate.rules.outcome import Answer
from store.database import Database, Row, Write

_APPEND: Final = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FIND: Final = """
    SELECT seq, contact_id, address, occur_time, kind, detail, answer FROM event
    WHERE location_id = ? AND provider = ? AND event_id = ?
"""
_EFFECTS: Final = "SELECT location_id, effects FROM event ORDER BY seq"

_KINDS: Final[dict[type, tuple[str, tuple[str, ...]]]] = {
    InboundMessage: ("inbound_message", ("channel", "body", "verdict")),
    SmsFailure: ("sms_failure", ("error_code", "message_status")),
    EmailFailure: ("email_failure", ("severity", "reason", "code")),
    EmailUnsubscribe: ("email_unsubscribe", ("tag",)),
    EmailComplaint: ("email_complaint", ()),
}
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


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
    kind, fields = _KINDS[type(event.detail)]
    detail = _encode({field: getattr(event.detail, field) for field in fields})
    return Content(event.contact_id, event.address, event.occur_time, kind, detail)


def append(records: Iterable[Record]) -> Write:
    """Add records to the log."""
    return _APPEND, [_row(record) for record in records]


def find(database: Database, event: Event) -> tuple[Content, Answer] | None:
    """Look up what was recorded under the event's key."""
    rows = database.read(_FIND, (event.location_id, event.provider, event.event_id))
    if not rows:
        return None
    seq, *known, answer = rows[0]
    return Content(*known), _answer(event.location_id, seq, answer)


def last_seq(database: Database) -> int:
    """Read the place of the last record, 0 for an empty log."""
    return int(database.read("SELECT coalesce(max(seq), 0) FROM event")[0][0])


def replay(database: Database) -> Iterator[Effects]:
    """Read the effects of every event in the order of the log."""
    for location_id, effects in database.read(_EFFECTS):
        parts = json.loads(effects)
        yield Effects(
            tuple(_suppression(location_id, part) for part in parts.get("suppressions", ())),
            tuple(Link(location_id, *part) for part in parts.get("links", ())),
        )


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
        _encode_effects(effects),
        _encode_answer(answer),
    )


def _encode_effects(effects: Effects) -> str:
    parts: dict[str, Any] = {}
    if effects.suppressions:
        parts["suppressions"] = [_parts(row) for row in effects.suppressions]
    if effects.links:
        parts["links"] = [row[1:] for row in effects.links]
    return _encode(parts) if parts else "{}"


def _encode_answer(answer: Answer) -> str:
    parts: dict[str, Any] = {"outcome": answer.outcome, "status": answer.status}
    if answer.set:
        parts["set"] = [_parts(row) for row in answer.set]
    if answer.lifted:
        parts["lifted"] = [_parts(row) for row in answer.lifted]
    return _encode(parts)


def _answer(location_id: str, seq: int, text: str) -> Answer:
    parts = json.loads(text)
    return Answer(
        Outcome(parts["outcome"]),
        tuple(_suppression(location_id, part) for part in parts.get("set", ())),
        tuple(_suppression(location_id, part) for part in parts.get("lifted", ())),
        DndStatus(parts["status"]),
        seq,
    )


def _parts(row: Suppression) -> list[Any]:
    subject, *rest = row
    return [subject.kind, subject.id, *rest]


def _suppression(location_id: str, parts: list[Any]) -> Suppression:
    kind, subject_id, channel, cause, *rest = parts
    scope = None if channel is None else Channel(channel)
    return Suppression(Subject(location_id, kind, subject_id), scope, Cause(cause), *rest)
