"""Which contacts use which addresses, or ever used them."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

from gate.rules.model import Link, Subject
from store.database import Database, Write

_MERGE: Final = """
    INSERT INTO link VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        linked_time = max(linked_time, excluded.linked_time),
        unlinked_time = max(unlinked_time, excluded.unlinked_time)
"""
_OF_CONTACT: Final = """
    SELECT address, linked_time, unlinked_time FROM link WHERE location_id = ? AND contact_id = ?
"""
_ALL: Final = "SELECT location_id, contact_id, address FROM link"
_BY_ADDRESS: Final = "SELECT contact_id FROM link WHERE location_id = ? AND address = ?"


def merge(links: Iterable[Link]) -> Write:
    """Raise each link's two times to at least the given ones."""
    return _MERGE, list(links)


def of_contact(database: Database, contact: Subject) -> list[Link]:
    """Read every address that a contact uses or ever used."""
    location_id, _, contact_id = contact
    return [
        Link(location_id, contact_id, address, linked_time, unlinked_time)
        for address, linked_time, unlinked_time in database.read(_OF_CONTACT, (location_id, contact_id))
    ]


def contacts_of(database: Database, address: Subject) -> list[Subject]:
    """Read every contact that uses or ever used an address."""
    location_id, _, name = address
    return [
        Subject(location_id, "contact", contact_id) for (contact_id,) in database.read(_BY_ADDRESS, (location_id, name))
    ]


def links(connection: sqlite3.Connection) -> Iterator[tuple[Subject, Subject]]:
    """Read every pair of a contact and an address that it uses or ever used. A full scan."""
    for location_id, contact_id, address in connection.execute(_ALL):
        yield Subject(location_id, "contact", contact_id), Subject(location_id, "address", address)
