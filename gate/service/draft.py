"""A group of events worked out in memory, event by event, before it is committed as one."""

import os
from collections.abc import ItemsView, Iterable, Iterator, Sequence
from functools import cached_property

from gate.cache import States
from gate.connections import Connections
from gate.errors import EventIdReusedError
from gate.rules.acts import Act
from gate.rules.connection import ConnectionTimes
from gate.rules.interpret import Effects, interpret
from gate.rules.judge import active_suppressions, dnd_status, latest_time, look, view, wish
from gate.rules.lattice import EMPTY, Ground, SubjectState, linked, merge_links, merge_suppressions
from gate.rules.model import NEVER, Channel, DndStatus, Event, InboundMessage, Link, Outcome, Subject, Suppression
from gate.rules.outcome import Answer, Rows, changes, weigh
from gate.rules.review import Phrase, Review
from gate.rules.rulebook import Rulebook
from gate.rules.tombstone import SALT_BYTES, tombstone
from store.erasure import Erasure
from store.event_log import Content, Key, Record, content, key
from store.store import Changes, Store


class Draft:
    """What a group of events will write, and how each of them will be answered.

    Reads see the committed state with the group's own changes on top. Nobody else sees them before the commit.
    """

    def __init__(
        self, store: Store, states: States, connections: Connections, rulebook: Rulebook, revision: int
    ) -> None:
        self._store = store
        self._states = states
        self._enlisted = connections.enlisted
        self._rulebook = rulebook
        self._seen: dict[Key, tuple[Content, Answer]] = {}
        self._known = _Known(states)
        self._suppressions: dict[tuple[Subject, Ground], None] = {}
        self._links: dict[tuple[Subject, str], None] = {}
        self._new_on: set[Subject] = set()
        self._imported_rows: list[Suppression] = []
        self._imported_links: list[Link] = []
        self._salts: tuple[bytes, ...] = ()
        self._erasure: Erasure | None = None
        self.revision = revision
        self.records: list[Record] = []
        self.states: dict[Subject, SubjectState] = {}
        self.before: dict[Subject, SubjectState] = {}
        """The states of the changed subjects as they were."""
        self.reviews: dict[str, Review] = {}
        self.phrases: dict[int, Phrase] = {}
        self.connections: dict[tuple[str, Channel], ConnectionTimes] = {}

    def add(self, events: Sequence[Event], now: int) -> Iterator[Answer | EventIdReusedError]:
        """Work out events one after the other. Raises StoreUnavailableError."""
        keys = list(map(key, events))
        self._read_ahead(events, keys)
        for event, recorded_as in zip(events, keys, strict=True):
            yield self._add(event, recorded_as, now)

    def _read_ahead(self, events: Sequence[Event], keys: Iterable[Key]) -> None:
        """Read what the events ask of the store together, which costs a third of asking one by one."""
        self._seen |= self._store.find_each([each for each in keys if each not in self._seen])
        subjects = {Subject(event.location_id, "contact", event.contact_id) for event in events if event.contact_id}
        subjects |= {Subject(event.location_id, "address", event.address) for event in events if event.address}
        fresh = self._read(subjects)
        linked = {Subject(contact.location_id, "address", name) for contact, state in fresh for name in state.links}
        self._read(linked)

    def _read(self, subjects: Iterable[Subject]) -> ItemsView[Subject, SubjectState]:
        # The difference of two sets would walk through all that is known.
        read = self._states.read_each([subject for subject in subjects if subject not in self._known]).items()
        self._known |= read
        return read

    def _add(self, event: Event, recorded_as: Key, now: int) -> Answer | EventIdReusedError:
        told = content(event)
        known = self._seen.get(recorded_as)
        if known is not None:
            first, answer = known
            return EventIdReusedError(event.event_id) if first != told else answer._replace(outcome=Outcome.DUPLICATE)
        contact, addresses = self._near(event)
        occur_time = event.occur_time
        if occur_time is None:
            # After all that is known: a STOP of now must not be stale beside a START whose provider's clock runs ahead.
            occur_time = max(now, latest_time([contact, *addresses.values()]) + 1)
        effects = interpret(event, occur_time, self._rulebook)
        answer = self._apply(event, effects, contact, addresses)
        self.revision = answer.revision
        self.records.append(Record(recorded_as, told, now, effects, answer))
        if effects.possible_opt_out and isinstance(event.detail, InboundMessage):
            self.phrases[answer.revision] = _phrase(event, event.detail, occur_time, answer.revision)
        self._seen[recorded_as] = told, answer
        return answer

    def load(self, subject: Subject) -> SubjectState:
        """Return a subject's state as the group sees it."""
        return self._known[subject]

    def person(self, contact: Subject) -> list[Subject]:
        """List a contact with the addresses that it uses: where an act of a person lifts."""
        links = self.load(contact).links.values()
        return [contact, *(Subject(contact.location_id, "address", link.address) for link in links if linked(link))]

    def enact(self, act: Act, effects: Effects, now: int) -> None:
        """Put an act of a person into the group. Refuse what is to be refused before."""
        named = (act.location_id, act.contact_id, "" if act.contact_id else act.address)
        before = active_suppressions(view(*named, self.load))
        for link in effects.links:
            self._link(link)
        for row in effects.suppressions:
            self._suppress(row.subject, (row,))
        for each in effects.connections:
            self.connections[each.location_id, each.channel] = each
        after = active_suppressions(view(*named, self.load))
        self.revision += 1
        answer = Answer(
            Outcome.APPLIED, *changes(before, after), dnd_status(after, self._enlisted(act.location_id)), self.revision
        )
        self.records.append(Record(act.key, content(act), now, effects, answer, act.actor))

    def known_imports(self, keys: Sequence[Key]) -> set[Key]:
        """Return which imports were recorded before. Raises StoreUnavailableError."""
        return self._store.recorded(keys)

    def only_imports(self, location_id: str) -> bool:
        """Tell whether nothing but imports was ever recorded in a location. Raises StoreUnavailableError."""
        return self._store.only_imports(location_id)

    def take(
        self, recorded_as: Key, told: Content, effects: Effects, now: int, actor: str, newly_set: Rows = ()
    ) -> None:
        """Put an import into the group without working out what it changes, which costs many times the write.

        For groups of nothing else: the states of its subjects are read anew afterwards.
        """
        self.revision += 1
        answer = Answer(Outcome.APPLIED, newly_set, (), DndStatus.ON if newly_set else DndStatus.OFF, self.revision)
        self.records.append(Record(recorded_as, told, now, effects, answer, actor))
        self._imported_rows += effects.suppressions
        self._imported_links += effects.links
        for each in effects.connections:
            self.connections[each.location_id, each.channel] = each

    def keep_salts(self, salts: tuple[bytes, ...]) -> None:
        """Put salts of tombstones into the group."""
        self._salts += salts

    def taken(self) -> set[Subject]:
        """List the subjects whose states are no longer what they were, without saying what they are."""
        subjects = {row.subject for row in self._imported_rows}
        return subjects.union(self._imported_contacts, self._erasure.subjects if self._erasure else ())

    @cached_property
    def _imported_contacts(self) -> list[Subject]:
        """The contacts of the imported links, for when the group is complete."""
        return list(map(contact_of, self._imported_links))

    def unburies(self) -> bool:
        """Tell whether an import brought tombstones or salts: nobody can say whose states they change."""
        rows = self._imported_rows
        return self._erasure is None and (bool(self._salts) or any(row.subject.kind == "tombstone" for row in rows))

    def erase(self, act: Act, contact: Subject, now: int) -> tuple[int, int]:
        """Put an erasure into the group, which it must have to itself; count the entries and links that go.

        An address goes with the contact unless somebody else uses it, or used it. What stood on either survives on
        tombstones. Checks answer as before until all of it is in effect.
        """
        links = self.load(contact).links
        addresses = [Subject(contact.location_id, "address", name) for name in links]
        gone = [contact, *(each for each in addresses if self._store.contacts_of(each) == [contact])]
        salt = self._store.salts[0] if self._store.salts else os.urandom(SALT_BYTES)
        buried = {subject: tombstone(subject, salt) for subject in gone}
        self.before |= {subject: self.load(subject) for subject in gone}
        rows = [row for each in gone for row in self.load(each).suppressions.values()]
        # Without the links nobody will know what the person said elsewhere: what they still wish stays with them.
        seen = view(contact.location_id, contact.id, "", self.load)
        rows += [row._replace(subject=contact, lift_time=NEVER) for row in active_suppressions(seen) if wish(row)]
        rows = [row._replace(subject=buried[row.subject]) for row in rows]
        entries = self._store.erased_entries(gone, buried)
        self.take(act.key, content(act), Effects(tuple(rows)), now, act.actor)
        self.keep_salts((salt,))
        self._erasure = Erasure(contact, gone, entries)
        return len(entries), len(links)

    def changes(self) -> Changes:
        """Return what the group writes."""
        return Changes(
            self.records,
            [
                *(self.states[subject].suppressions[ground] for subject, ground in self._suppressions),
                *self._imported_rows,
            ],
            [
                *(self.states[contact].links[address] for contact, address in self._links),
                *self._imported_links,
            ],
            list(self.connections.values()),
            list(self.reviews.values()),
            list(self.phrases.values()),
            self._salts,
            self._erasure,
        )

    def suspects(self) -> set[Subject]:
        """List whom the filter must know after the commit. Raises StoreUnavailableError."""
        suspects = {subject for subject, _ in self._suppressions}
        suspects.update([row.subject for row in self._imported_rows])
        addresses = self._new_on | {row.subject for row in self._imported_rows if row.subject.kind == "address"}
        suspects.update(self._store.contacts_of_each(addresses))
        names = [link.address for link in self._imported_links]
        for contact, name in (*self._links, *zip(self._imported_contacts, names, strict=True)):
            if contact in suspects:
                continue
            address = Subject(contact.location_id, "address", name)
            if address in suspects or self._states.suspect(address):
                suspects.add(contact)
        return suspects

    def _near(self, event: Event) -> tuple[SubjectState, dict[str, SubjectState]]:
        """Return the states of an event's contact, and of each address that it names or the contact ever used."""
        known, location_id = self._known, event.location_id
        contact = known[location_id, "contact", event.contact_id] if event.contact_id else EMPTY
        addresses = {
            name: known[location_id, "address", name]
            for name, link in contact.links.items()
            if name == event.address or link.linked_time > NEVER
        }
        if event.address and event.address not in addresses:
            addresses[event.address] = known[location_id, "address", event.address]
        return contact, addresses

    def _apply(
        self, event: Event, effects: Effects, contact: SubjectState, addresses: dict[str, SubjectState]
    ) -> Answer:
        for link in effects.links:
            contact = self._link(link)
        known = merged = EMPTY
        if effects.suppressions:
            known = addresses[event.address] if event.address else contact
            merged = self._suppress(effects.suppressions[0].subject, effects.suppressions)
            if event.address:
                addresses[event.address] = merged
            else:
                contact = merged
        seen = look(contact, "" if event.contact_id else event.address, addresses.__getitem__)
        return weigh(effects, known, merged, seen, self.revision + 1, self._enlisted(event.location_id))

    def _link(self, link: Link) -> SubjectState:
        contact = contact_of(link)
        known = self._known[contact]
        merged = merge_links(known, (link,))
        self._change(contact, known, merged)
        self._links[contact, link.address] = None
        return merged

    def _suppress(self, subject: Subject, rows: tuple[Suppression, ...]) -> SubjectState:
        known = self._known[subject]
        if subject.kind == "address" and not known.suppressions:
            self._new_on.add(subject)
        merged = merge_suppressions(known, rows)
        self._change(subject, known, merged)
        for row in rows:
            self._suppressions[subject, (row.channel, row.cause)] = None
        return merged

    def _change(self, subject: Subject, known: SubjectState, state: SubjectState) -> None:
        self.before.setdefault(subject, known)
        self.states[subject] = self._known[subject] = state


def contact_of(link: Link) -> Subject:
    """Return the contact of a link."""
    return Subject(link.location_id, "contact", link.contact_id)


def _phrase(event: Event, detail: InboundMessage, occur_time: int, seq: int) -> Phrase:
    named = (event.location_id, event.contact_id, event.address)
    return Phrase(seq, *named, detail.channel, detail.body, occur_time, event.event_id)


class _Known(dict[tuple[str, str, str], SubjectState]):
    """Every state as the group sees it, by its subject or the parts of that; one that nobody asked for yet is read."""

    def __init__(self, states: States) -> None:
        super().__init__()
        self._states = states

    def __missing__(self, parts: tuple[str, str, str]) -> SubjectState:
        subject = Subject._make(parts)
        state = self[subject] = self._states.read(subject)
        return state
