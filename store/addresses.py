"""Which contacts use which addresses, or ever used them."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gate.rules.model import Link, Subject
from store.database import Database, Write
from store.scan import Scan

_MERGE: Final = """
    INSERT INTO link VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        linked_time = max(linked_time, excluded.linked_time),
        unlinked_time = max(unlinked_time, excluded.unlinked_time)
"""
_OF_CONTACT: Final = "SELECT * FROM link WHERE location_id = ? AND contact_id = ?"
_AMONG_CONTACTS: Final = "SELECT * FROM link WHERE location_id = ? AND contact_id IN (?)"
_OF_CONTACTS: Final = """
    WITH wanted (place, location_id, contact_id) AS (VALUES (?, ?, ?))
    SELECT place, address, linked_time, unlinked_time FROM wanted CROSS JOIN link USING (location_id, contact_id)
"""
_SCAN: Final = Scan(
    parts="SELECT location_id FROM link WHERE location_id > ? ORDER BY location_id LIMIT 1",
    last="SELECT max(contact_id) FROM link WHERE location_id = ?",
    step="SELECT contact_id FROM link WHERE location_id = ? AND contact_id > ? ORDER BY contact_id LIMIT 1 OFFSET ?",
    texts="""
        SELECT count(*), group_concat(contact_id), group_concat(address) FROM link
        WHERE location_id = ? AND contact_id > ? AND contact_id <= ?
    """,
    rows="SELECT contact_id, address FROM link WHERE location_id = ? AND contact_id > ? AND contact_id <= ?",
)
_BY_ADDRESSES: Final = """
    WITH wanted (location_id, address) AS (VALUES (?, ?))
    SELECT location_id, contact_id FROM wanted CROSS JOIN link USING (location_id, address)
"""


def merge(links: Iterable[Link]) -> Write:
    """Raise each link's two times to at least the given ones."""
    return _MERGE, list(links)


def of_contact(database: Database, contact: Subject) -> list[Link]:
    """Read every address that one contact uses or ever used."""
    return list(map(Link._make, database.read(_OF_CONTACT, (contact.location_id, contact.id))))


def of_contacts(database: Database, contacts: Sequence[Subject]) -> dict[Subject, dict[str, Link]]:
    """Read every address that the contacts use or ever used; who has none is left out."""
    links: defaultdict[Subject, dict[str, Link]] = defaultdict(dict)
    keys = [(place, location_id, contact_id) for place, (location_id, _, contact_id) in enumerate(contacts)]
    for place, address, linked_time, unlinked_time in database.read_each(_OF_CONTACTS, keys):
        contact = contacts[place]
        links[contact][address] = Link(contact.location_id, contact.id, address, linked_time, unlinked_time)
    return links


def among_contacts(database: Database, location_id: str, contact_ids: list[str]) -> Iterator[Link]:
    """Read every address that contacts of one location use or ever used."""
    return map(Link._make, database.read_among(_AMONG_CONTACTS, (location_id,), contact_ids))


def contacts_of(database: Database, addresses: Iterable[Subject]) -> list[Subject]:
    """Read every contact that uses or ever used one of the addresses."""
    keys = [(location_id, address) for location_id, _, address in addresses]
    return [
        Subject(location_id, "contact", contact_id)
        for location_id, contact_id in database.read_each(_BY_ADDRESSES, keys)
    ]


def links(connection: sqlite3.Connection) -> Iterator[tuple[str, list[str], list[str]]]:
    """Read every pair of a contact and an address that it uses or ever used: a location, contacts, addresses."""
    for (location_id,), (contact_ids, addresses) in _SCAN.read(connection, ""):
        yield location_id, contact_ids, addresses
