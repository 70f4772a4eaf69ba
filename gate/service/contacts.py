"""The contact record: what people see of a contact's DND, and how they change it."""

from typing import NamedTuple

from gate.cache import States
from gate.connections import Connections
from gate.errors import PreconditionError, Reason
from gate.rules import acts, removal
from gate.rules.connection import Connection
from gate.rules.interpret import Effects
from gate.rules.judge import active_suppressions, dnd_status, latest_time, view
from gate.rules.lattice import linked
from gate.rules.model import Channel, DndStatus, Link, Subject, Suppression
from gate.service.act import new_act
from gate.service.caller import Caller, Role
from gate.service.draft import Draft
from gate.service.record import Recorder
from store.history import Entry
from store.store import Store


class ChannelRecord(NamedTuple):
    """One channel of a contact, with the active suppressions of this channel alone."""

    channel: Channel
    connection: Connection
    dnd: bool
    suppressions: tuple[Suppression, ...]


class ContactRecord(NamedTuple):
    """A contact as people see it; `suppressions` are the active ones of all channels at once."""

    location_id: str
    contact_id: str
    status: DndStatus
    channels: tuple[ChannelRecord, ...]
    suppressions: tuple[Suppression, ...]
    addresses: tuple[str, ...]


class DndChange(NamedTuple):
    """What a user wants of DND; `channels` None means all at once."""

    location_id: str
    contact_id: str
    on: bool
    channels: tuple[Channel, ...] | None
    note: str
    remediated: bool


class Contacts:
    """Reads and changes contacts. Every method raises NotReadyError and StoreUnavailableError."""

    def __init__(self, store: Store, states: States, recorder: Recorder, connections: Connections) -> None:
        self._store = store
        self._states = states
        self._recorder = recorder
        self._connections = connections

    def get(self, location_id: str, contact_id: str) -> ContactRecord:
        """Return a contact's record; one never heard of has no suppressions and no addresses."""
        connections = self._connections.of(location_id)
        rows = active_suppressions(view(location_id, contact_id, "", self._states.load))
        everywhere = tuple(row for row in rows if row.channel is None)
        links = self._states.load(Subject(location_id, "contact", contact_id)).links.values()
        return ContactRecord(
            location_id,
            contact_id,
            dnd_status(rows, self._connections.enlisted(location_id)),
            tuple(_channel_record(channel, connections[channel], rows) for channel in Channel),
            everywhere,
            tuple(sorted(link.address for link in links if linked(link))),
        )

    def history(self, location_id: str, contact_id: str, before: int, size: int) -> list[Entry]:
        """Return what happened to a contact, newest first, from below a place in the log."""
        return self._store.history(location_id, contact_id, before, size)

    async def set_dnd(self, change: DndChange, by: Caller) -> ContactRecord:
        """Switch DND on or off, in full or not at all. Raises PreconditionError with the way out."""
        by.need(Role.USER, at=change.location_id)
        self._refuse_unconnected(change)
        await self._recorder.act(lambda draft, now: _switch(draft, change, by, now))
        return self.get(change.location_id, change.contact_id)

    async def link(self, location_id: str, contact_id: str, address: str, by: Caller) -> ContactRecord:
        """Say that the contact uses an address."""
        by.need(Role.USER, at=location_id)
        await self._recorder.act(lambda draft, now: _link(draft, Link(location_id, contact_id, address), by, now))
        return self.get(location_id, contact_id)

    async def unlink(self, location_id: str, contact_id: str, address: str, by: Caller) -> ContactRecord:
        """Say that the contact no longer uses an address: facts stay with it, wishes stay with the person."""
        by.need(Role.USER, at=location_id)
        await self._recorder.act(lambda draft, now: _unlink(draft, Link(location_id, contact_id, address), by, now))
        return self.get(location_id, contact_id)

    async def erase(self, location_id: str, contact_id: str, by: Caller) -> tuple[int, int]:
        """Remove what identifies a person; return how many entries of the log and how many links went."""
        by.need(Role.USER, at=location_id)
        contact = Subject(location_id, "contact", contact_id)

        def erase(draft: Draft, now: int) -> tuple[int, int]:
            return draft.erase(new_act(by, now, acts.EraseContact(), location_id), contact, now)

        return await self._recorder.take(erase)

    def _refuse_unconnected(self, change: DndChange) -> None:
        connections = self._connections.of(change.location_id)
        refused = [each for each in change.channels or () if connections[each] is Connection.NOT_CONNECTED]
        if refused:
            names = ", ".join(refused)
            raise PreconditionError(
                Reason.CHANNEL_NOT_CONNECTED,
                f"{names}: not among the channels that the location has registered; connect the channel first",
                [(Reason.CHANNEL_NOT_CONNECTED, channel, "connect the channel first") for channel in refused],
            )


def _channel_record(channel: Channel, connection: Connection, rows: tuple[Suppression, ...]) -> ChannelRecord:
    own = tuple(row for row in rows if row.channel is channel)
    return ChannelRecord(channel, connection, bool(own) or any(row.channel is None for row in rows), own)


def _switch(draft: Draft, change: DndChange, by: Caller, now: int) -> None:
    seen = view(change.location_id, change.contact_id, "", draft.load)
    time = max(now, latest_time(seen.states) + 1)
    detail = acts.SetDnd(change.on, change.channels, change.note, change.remediated)
    act = new_act(by, time, detail, change.location_id, change.contact_id)
    scopes: tuple[removal.Scope, ...] = (None,) if change.channels is None else change.channels
    contact = Subject(change.location_id, "contact", change.contact_id)
    if change.on:
        rows = removal.switch_on(contact, scopes, time, act.act_id)
    else:
        _refuse(removal.obstacles(active_suppressions(seen), scopes, remediated=change.remediated))
        rows = removal.switch_off(draft.person(contact), scopes, time, remediated=change.remediated)
    draft.enact(act, Effects(rows), now)


def _refuse(obstacles: tuple[removal.Obstacle, ...]) -> None:
    if not obstacles:
        return
    theirs = [obstacle for obstacle in obstacles if not removal.needs_remediation_only(obstacle.suppression)]
    reason = Reason.NOT_LIFTABLE_BY_USER if theirs else Reason.REMEDIATION_REQUIRED
    told = [(row.cause.value, _where(row), way_out) for row, way_out in obstacles]
    lines = "; ".join(f"{cause} on {where}: {way_out}" for cause, where, way_out in told)
    raise PreconditionError(reason, f"DND stays on. {lines}", told)


def _where(row: Suppression) -> str:
    scope = "all channels" if row.channel is None else row.channel.value
    return f"{scope} at {row.subject.id}" if row.subject.kind == "address" else scope


def _link(draft: Draft, link: Link, by: Caller, now: int) -> None:
    known = draft.load(Subject(link.location_id, "contact", link.contact_id)).links.get(link.address, link)
    time = max(now, known.unlinked_time)
    act = new_act(by, time, acts.LinkAddress(), link.location_id, link.contact_id, link.address)
    draft.enact(act, Effects((), (link._replace(linked_time=time),)), now)


def _unlink(draft: Draft, link: Link, by: Caller, now: int) -> None:
    known = draft.load(Subject(link.location_id, "contact", link.contact_id)).links.get(link.address, link)
    time = max(now, known.linked_time + 1)
    act = new_act(by, time, acts.UnlinkAddress(), link.location_id, link.contact_id, link.address)
    draft.enact(act, Effects((), (link._replace(unlinked_time=time),)), now)
