"""Which contacts use which addresses, or ever used them."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from gate.rules.model import Link, Subject
from store.database import Database, Write

_MERGE: Final = """
    INSERT INTO link VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        linked_time = max(linked_time, excluded.linked_time),
        unlinked_time = max(unlinked_time, excluded.unlinked_time)
"""
_OF_CONTACTS: Final = """
    WITH wanted (location_id, contact_id) AS (VALUES (?, ?))
    SELECT location_id, contact_id, address, linked_time, unlinked_time
    FROM wanted CROSS JOIN link USING (location_id, contact_id)
"""
_ALL: Final = "SELECT location_id, contact_id, address FROM link"
_BY_ADDRESSES: Final = """
    WITH wanted (location_id, address) AS (VALUES (?, ?))
    SELECT location_id, contact_id FROM wanted CROSS JOIN link USING (location_id, address)
"""


def merge(links: Iterable[Link]) -> Write:
    """Raise each link's two times to at least the given ones."""
    return _MERGE, list(links)


def of_contacts(database: Database, contacts: Iterable[Subject]) -> Mapping[Subject, list[Link]]:
    """Read every address that the contacts use or ever used; who has none is left out."""
    links = defaultdict(list)
    keys = [(location_id, contact_id) for location_id, _, contact_id in contacts]
    for link in map(Link._make, database.read_each(_OF_CONTACTS, keys)):
        links[Subject(link.location_id, "contact", link.contact_id)].append(link)
    return links


def contacts_of(database: Database, addresses: Iterable[Subject]) -> list[Subject]:
    """Read every contact that uses or ever used one of the addresses."""
    keys = [(location_id, address) for location_id, _, address in addresses]
    return [
        Subject(location_id, "contact", contact_id)
        for location_id, contact_id in database.read_each(_BY_ADDRESSES, keys)
    ]


def links(connection: sqlite3.Connection) -> Iterator[tuple[Subject, Subject]]:
    """Read every pair of a contact and an address that it uses or ever used. A full scan."""
    for location_id, contact_id, address in connection.execute(_ALL):
        yield Subject(location_id, "contact", contact_id), Subject(location_id, "address", address)
