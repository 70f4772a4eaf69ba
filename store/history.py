"""What happened to a contact, from the event log."""

from typing import Final, NamedTuple

from msgspec import json

from gate.rules.model import Suppression
from gate.rules.outcome import Answer
from store.database import Database

_COLUMNS: Final = """
    seq, record_time, coalesce(occur_time, record_time), kind, iif(actor = '', provider, actor), event_id, address,
    detail, answer
"""
# Connectors report what happened at an address without knowing whose it is.
_PAGE: Final = f"""
    SELECT {_COLUMNS} FROM event WHERE location_id = ?1 AND contact_id = ?2 AND contact_id <> '' AND seq < ?3
    UNION ALL
    SELECT {_COLUMNS} FROM event
    WHERE location_id = ?1 AND contact_id = '' AND seq < ?3
        AND address IN (SELECT address FROM link WHERE location_id = ?1 AND contact_id = ?2)
    ORDER BY seq DESC LIMIT ?4
"""  # noqa: S608  no value is formatted in
_decode: Final = json.Decoder(Answer).decode


class Entry(NamedTuple):
    """Something that happened to a contact, or was done to it by `actor`."""

    seq: int
    record_time: int
    occur_time: int
    kind: str
    actor: str
    event_id: str
    address: str
    detail: str
    set: tuple[Suppression, ...]
    lifted: tuple[Suppression, ...]


def page(database: Database, location_id: str, contact_id: str, before: int, size: int) -> list[Entry]:
    """Read what happened to a contact and to the addresses that it uses or ever used, newest first."""
    entries = []
    for row in database.read(_PAGE, (location_id, contact_id, before, size)):
        changes = _decode(row[-1])
        entries.append(Entry._make((*row[:-1], changes.set, changes.lifted)))
    return entries
