"""The append-only log: each event and each act of a person, what it did to the state, and how it was answered.

Effects are lattice rows; replaying them in any order rebuilds the state.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, get_args

from msgspec import json

from gate.rules import acts
from gate.rules.interpret import Effects
from gate.rules.model import Detail, Event
from gate.rules.outcome import Answer
from store.database import Database, Row, Write

_APPEND: Final = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FIND: Final = """
    WITH wanted (location_id, provider, event_id) AS (VALUES (?, ?, ?))
    SELECT location_id, provider, event_id, contact_id, address, occur_time, kind, detail, answer
    FROM wanted CROSS JOIN event USING (location_id, provider, event_id)
"""
_KNOWN: Final = """
    WITH wanted (location_id, provider, event_id) AS (VALUES (?, ?, ?))
    SELECT location_id, provider, event_id FROM wanted CROSS JOIN event USING (location_id, provider, event_id)
"""
_OTHER_THAN_IMPORTS: Final = """
    SELECT 1 WHERE EXISTS (SELECT 1 FROM event WHERE location_id = ?1 AND provider < ?2)
        OR EXISTS (SELECT 1 FROM event WHERE location_id = ?1 AND provider > ?2)
"""
_EFFECTS: Final = "SELECT effects FROM event ORDER BY seq"

KINDS: Final = {
    kind: re.sub("(?<!^)(?=[A-Z])", "_", kind.__name__).lower() for kind in (*get_args(Detail), *get_args(acts.Detail))
}
"""The kinds of entries by their types, as in `inbound_message`."""
_encode: Final = json.Encoder().encode
_decode_effects: Final = json.Decoder(Effects).decode
_decode_answer: Final = json.Decoder(Answer).decode


Key = tuple[str, str, str]
"""What an event is recorded under: its location, provider and id."""


class Content(NamedTuple):
    """What two events must share beside their key to be the same event."""

    contact_id: str
    address: str
    occur_time: int | None
    kind: str
    detail: str


class Record(NamedTuple):
    """One entry of the log."""

    key: Key
    content: Content
    record_time: int
    effects: Effects
    answer: Answer
    actor: str = ""


def key(event: Event) -> Key:
    """Return what an event is recorded under."""
    return event.location_id, event.provider, event.event_id


def content(event: Event | acts.Act) -> Content:
    """Reduce an event to what is compared when its id comes again."""
    return Content(event.contact_id, event.address, event.occur_time, *told(event.detail))


def told(detail: Detail | acts.Detail) -> tuple[str, str]:
    """Write what happened, or was done, as its kind and JSON."""
    return KINDS[type(detail)], _json(detail)


def append(records: Iterable[Record]) -> Write:
    """Add records to the log."""
    return _APPEND, [_row(record) for record in records]


def find(database: Database, keys: Sequence[Key]) -> dict[Key, tuple[Content, Answer]]:
    """Look up what was recorded under the keys; one that is unknown is left out."""
    return {
        (location_id, provider, event_id): (Content(*known), _decode_answer(answer))
        for location_id, provider, event_id, *known, answer in database.read_each(_FIND, keys)
    }


def recorded(database: Database, keys: Sequence[Key]) -> set[Key]:
    """Tell which of the keys were recorded."""
    return set(database.read_each(_KNOWN, keys))


def only_imports(database: Database, location_id: str) -> bool:
    """Tell whether nothing but imports was ever recorded in a location."""
    return not database.read(_OTHER_THAN_IMPORTS, (location_id, acts.IMPORT))


def last_seq(database: Database) -> int:
    """Read the place of the last record, 0 for an empty log."""
    return int(database.read("SELECT coalesce(max(seq), 0) FROM event")[0][0])


def replay(database: Database) -> Iterator[Effects]:
    """Read the effects of every event in the order of the log."""
    for (effects,) in database.read(_EFFECTS):
        yield _decode_effects(effects)


def effects_of(connection: sqlite3.Connection) -> Iterator[Effects]:
    """Read the effects of every entry in the order of the log, one by one, by a connection of the caller's thread."""
    for (effects,) in connection.execute(_EFFECTS):
        yield _decode_effects(effects)


def _row(record: Record) -> Row:
    (location_id, provider, event_id), (contact_id, address, occur_time, kind, detail), *_ = record
    return (
        record.answer.revision,
        location_id,
        provider,
        event_id,
        contact_id,
        address,
        occur_time,
        record.record_time,
        kind,
        detail,
        _json(record.effects),
        _json(record.answer),
        record.actor,
    )


def _json(value: object) -> str:
    return _encode(value).decode()
