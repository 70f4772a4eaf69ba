"""What users can do to a location and its people, as values to make sequences of; tools and crafted imports too."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Final, NamedTuple

from gate.rules.acts import ImportContact, ImportState
from gate.rules.connection import ConnectionTimes
from gate.rules.model import NEVER, Cause, Channel, Link, Subject, Suppression
from gate.rules.tombstone import SALT_BYTES, tombstone
from gate.service.caller import LOCAL
from gate.service.channels import Channels
from gate.service.contacts import Contacts, DndChange
from gate.service.reviews import Evidence, Reviews
from gate.service.transfer import Imported, Transfer
from tests.integration.parts import HERE, Parts


class Desk(NamedTuple):
    """Where users work."""

    gate: Parts
    contacts: Contacts
    reviews: Reviews
    channels: Channels
    transfer: Transfer


Act = Callable[[Desk], Awaitable[object]]

_FORGED_SALT: Final = bytes(SALT_BYTES)
_NEW_ID: Final = count()
"""An import is told from others by its content; here no two are the same."""


def desk(gate: Parts) -> Desk:
    """Make every use case on a running gate."""
    gate.connections.publish(gate.store.connections())
    contacts = Contacts(gate.store, gate.states, gate.recorder, gate.connections)
    reviews = Reviews(gate.store, gate.recorder, contacts)
    channels = Channels(gate.recorder, gate.connections)
    return Desk(gate, contacts, reviews, channels, Transfer(gate.store, gate.recorder))


def switch(person: str, channels: tuple[Channel, ...] | None, *, on: bool, remediated: bool) -> Act:
    """Switch DND, with or without remediation."""
    change = DndChange(HERE, person, on, channels, "", remediated)
    return lambda desk: desk.contacts.set_dnd(change, LOCAL)


def link(person: str, address: str) -> Act:
    """Link an address: two contacts that have it are one person, perhaps."""
    return lambda desk: desk.contacts.link(HERE, person, address, LOCAL)


def unlink(person: str, address: str) -> Act:
    """Unlink an address."""
    return lambda desk: desk.contacts.unlink(HERE, person, address, LOCAL)


def erase(person: str) -> Act:
    """Erase a contact. Whatever names it afterwards makes it anew."""
    return lambda desk: desk.contacts.erase(HERE, person, LOCAL)


def submit(person: str, channel: Channel) -> Act:
    """Share an opt-in, on which nobody decides."""
    evidence = Evidence(HERE, person, channel, ("0-123",), "https://example.com/1", "")
    return lambda desk: desk.reviews.submit(evidence, LOCAL)


def connect(channel: Channel) -> Act:
    """Register a channel of the location, or mend it."""
    return lambda desk: desk.channels.connect(HERE, channel, LOCAL)


def disconnect(channel: Channel) -> Act:
    """Let a channel of the location drop."""
    return lambda desk: desk.channels.disconnect(HERE, channel, LOCAL)


def import_legacy(person: str, addresses: Sequence[str], time: int, *, dnd: bool) -> Act:
    """Import a contact of another system, with its DND on or off."""
    subject = Subject(HERE, "contact", person)
    rows = (Suppression(subject, None, Cause.LEGACY, time),) if dnd else ()
    links = tuple(Link(HERE, person, address, linked_time=time) for address in addresses)
    return lambda desk: _take(desk, Imported(_new_id(), HERE, person, ImportContact(dnd), rows, links))


def import_crafted(
    rows: Sequence[Suppression], links: Sequence[Link], channels: Sequence[ConnectionTimes], *, buried: bool
) -> Act:
    """Import rows that no gate exported; `buried` puts the tombstones of their subjects in the subjects' place."""

    def take(desk: Desk) -> Awaitable[int]:
        (salt, *_) = (*desk.gate.store.salts, _FORGED_SALT)
        told = [row._replace(subject=tombstone(row.subject, salt)) if buried else row for row in rows]
        salts = (_FORGED_SALT,) if buried else ()
        entry = Imported(_new_id(), HERE, "", ImportState(), tuple(told), tuple(links), tuple(channels), salts)
        return _take(desk, entry)

    return take


def import_salt(salt: bytes) -> Act:
    """Import a salt alone."""
    return lambda desk: _take(desk, Imported(_new_id(), HERE, "", ImportState(), (), (), (), (salt,)))


def import_export(time: int, *, forged: bool) -> Act:
    """Import the location's own export; a forged one has everything lifted, unlinked and connected."""

    async def take(desk: Desk) -> None:
        async for part in desk.transfer.export(HERE, lambda: LOCAL):
            rows, links, channels = part.suppressions, part.links, part.connections
            if forged:
                rows = tuple(row._replace(set_time=NEVER, lift_time=time) for row in rows)
                links = tuple(each._replace(linked_time=NEVER, unlinked_time=time) for each in links)
                channels = tuple(each._replace(connected_time=time) for each in channels)
            await _take(desk, Imported(_new_id(), HERE, "", ImportState(), rows, links, channels, part.salts))

    return take


def _take(desk: Desk, entry: Imported) -> Awaitable[int]:
    return desk.transfer.take([entry], LOCAL)


def _new_id() -> str:
    return f"import {next(_NEW_ID)}"
