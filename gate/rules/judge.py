"""Judge what is known of a contact and its addresses: which suppressions are active, and whether to send.

Facts hold where they stand. Wishes follow the person: who stopped on an old number is not written to on the new
one, and START from any of a person's numbers opens the others. And a number that said STOP stays silent,
whoever else uses it, until that number says START or the contact's own suppression was lifted.
"""

from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from gate.rules.causes import FACTS
from gate.rules.connection import Connection
from gate.rules.lattice import EMPTY, Ground, SubjectState, active, linked
from gate.rules.model import NEVER, Cause, Channel, DndStatus, Subject, Suppression


class DenyReason(StrEnum):
    """Why a send is denied: the first that applies."""

    DND_ALL_CHANNELS = "DND_ALL_CHANNELS"
    DND_CHANNEL = "DND_CHANNEL"
    CHANNEL_DISCONNECTED = "CHANNEL_DISCONNECTED"
    CHANNEL_NOT_CONNECTED = "CHANNEL_NOT_CONNECTED"


class Decision(NamedTuple):
    """Whether a message may be sent, and if not, why."""

    deny_reason: DenyReason | None
    suppressions: tuple[Suppression, ...]

    @property
    def allowed(self) -> bool:
        """Tell whether the message may be sent."""
        return self.deny_reason is None


ALLOWED: Final = Decision(None, ())
_BY_CONNECTION: Final = {
    Connection.CONNECTED: ALLOWED,
    Connection.DISCONNECTED: Decision(DenyReason.CHANNEL_DISCONNECTED, ()),
    Connection.NOT_CONNECTED: Decision(DenyReason.CHANNEL_NOT_CONNECTED, ()),
}
ALL_CHANNELS: Final = frozenset(Channel)


class View(NamedTuple):
    """What bears on one question: a contact's own state and those of addresses.

    `considered` are the addresses that the message may go to; `ever` are all that the contact uses or ever used.
    """

    contact: SubjectState
    considered: tuple[SubjectState, ...]
    ever: tuple[SubjectState, ...]

    @property
    def states(self) -> Iterable[SubjectState]:
        """Return all states that bear on the question, some of them twice."""
        return (self.contact, *self.considered, *self.ever)


def view(location_id: str, contact_id: str, address: str, load: Callable[[Subject], SubjectState]) -> View:
    """Gather what bears on a contact, an address, or a contact at an address; an empty one is not named."""
    contact = load(Subject(location_id, "contact", contact_id)) if contact_id else EMPTY
    return look(contact, address, lambda name: load(Subject(location_id, "address", name)))


def look(contact: SubjectState, address: str, load: Callable[[str], SubjectState]) -> View:
    """Gather as `view` does, for a contact's own state, with a way to load that of an address of its location."""
    if not contact.links:
        return View(contact, (load(address),) if address else (), ())
    ever: list[SubjectState] = []
    considered: list[SubjectState] = []
    for known, link in contact.links.items():
        if link.linked_time == NEVER:
            continue
        state = load(known)
        ever.append(state)
        if known == address or (not address and linked(link)):
            considered.append(state)
    if address and not considered:
        considered.append(load(address))
    return View(contact, tuple(considered), tuple(ever))


def bears_on(seen: View, channel: Channel) -> bool:
    """Tell whether anything at all is known for a channel; where nothing is, nothing need be judged."""
    for state in seen.states:
        for scope, _ in state.suppressions:
            if scope is channel or scope is None:
                return True
    return False


def swap(seen: View, state: SubjectState, other: SubjectState) -> View:
    """Return the view with another state in the place of a given one, whose links are the same.

    States are told apart by identity: two subjects of whom the same is known stay two.
    """
    contact, considered, ever = seen
    return View(
        other if contact is state else contact,
        tuple([other if each is state else each for each in considered]),
        tuple([other if each is state else each for each in ever]),
    )


def active_suppressions(seen: View) -> tuple[Suppression, ...]:
    """List every active suppression: all-channels ones first, then by channel, cause and subject."""
    only = alone(seen)
    if only is not None:
        return own_suppressions(only)
    return _in_order({*_facts(seen), *_wishes_of_the_person(seen), *_wishes_at_the_number(seen)})


def alone(seen: View) -> SubjectState | None:
    """Return the one state that can bear on the question, if there is but one: then each row speaks for itself."""
    contact, considered, ever = seen
    if ever and ever != considered:
        return None
    only = contact
    for state in considered:
        if state.suppressions:
            if only.suppressions:
                return None
            only = state
    return only


def own_suppressions(state: SubjectState) -> tuple[Suppression, ...]:
    """List what is active on one subject by itself, in the same order."""
    return _in_order(active_rows(state))


def active_rows(state: SubjectState) -> list[Suppression]:
    """Return what is active on one subject by itself, in no order."""
    return [row for row in state.suppressions.values() if active(row)] if state.suppressions else []


def _in_order(rows: Collection[Suppression]) -> tuple[Suppression, ...]:
    return tuple(sorted(rows, key=_order)) if len(rows) > 1 else tuple(rows)


def wish(row: Suppression) -> bool:
    """Tell whether a suppression follows the person, not the address."""
    return row.cause not in FACTS


def latest_time(states: Iterable[SubjectState]) -> int:
    """Return the latest time at which anything was set or lifted on any of the subjects, or NEVER."""
    latest = NEVER
    for state in states:
        for row in state.suppressions.values():
            latest = max(latest, row.set_time, row.lift_time)
    return latest


def _facts(seen: View) -> Iterable[Suppression]:
    for state in (seen.contact, *seen.considered):
        for row in state.suppressions.values():
            if row.cause in FACTS and active(row):
                yield row


def _wishes_of_the_person(seen: View) -> Iterable[Suppression]:
    states = (seen.contact, *seen.ever)
    lifts: dict[Ground, int] = {}
    for state in states:
        for ground, row in state.suppressions.items():
            lifts[ground] = max(row.lift_time, lifts.get(ground, NEVER))
    for state in states:
        for ground, row in state.suppressions.items():
            if row.cause not in FACTS and row.set_time > NEVER and row.set_time >= lifts[ground]:
                yield row


def _wishes_at_the_number(seen: View) -> Iterable[Suppression]:
    own = seen.contact.suppressions
    for state in seen.considered:
        for ground, row in state.suppressions.items():
            if row.cause in FACTS or not active(row):
                continue
            of_contact = own.get(ground)
            if of_contact is None or row.set_time >= of_contact.lift_time:
                yield row


_CHANNELS: Final = {None: 0} | {channel: place for place, channel in enumerate(Channel, start=1)}
_CAUSES: Final = {cause: place for place, cause in enumerate(Cause)}


def _order(row: Suppression) -> tuple[int, int, Subject]:
    return _CHANNELS[row.channel], _CAUSES[row.cause], row.subject


def decide(rows: Iterable[Suppression], channel: Channel, connection: Connection = Connection.CONNECTED) -> Decision:
    """Decide for one channel from all active suppressions, given in their order, and its integration."""
    bearing = tuple(row for row in rows if row.channel is None or row.channel is channel)
    if not bearing:
        return by_connection(connection)
    reason = DenyReason.DND_ALL_CHANNELS if bearing[0].channel is None else DenyReason.DND_CHANNEL
    return Decision(reason, bearing)


def by_connection(connection: Connection) -> Decision:
    """Decide where nobody's suppression bears on the question."""
    return _BY_CONNECTION[connection]


def dnd_status(rows: Collection[Suppression], channels: frozenset[Channel] = ALL_CHANNELS) -> DndStatus:
    """Sum up all active suppressions over the given channels."""
    if not rows:
        return DndStatus.OFF
    closed = {row.channel for row in rows}
    if None in closed or (channels and closed >= channels):
        return DndStatus.ON
    return DndStatus.PARTIAL
