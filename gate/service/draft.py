"""A group of events worked out in memory, event by event, before it is committed as one."""

from collections.abc import Iterable

from gate.cache import States
from gate.errors import EventIdReusedError
from gate.rules.interpret import Effects, interpret
from gate.rules.judge import View, active_suppressions, latest_time, view
from gate.rules.lattice import EMPTY, Ground, SubjectState, merge_links, merge_suppressions
from gate.rules.model import Event, Link, Outcome, Subject, Suppression
from gate.rules.outcome import Answer, weigh
from gate.rules.rulebook import Rulebook
from store.event_log import Content, Record, content
from store.store import Store


class Draft:
    """What a group of events will write, and how each of them will be answered.

    Reads see the committed state with the group's own changes on top. Nobody else sees them before the commit.
    """

    def __init__(self, store: Store, states: States, rulebook: Rulebook, revision: int) -> None:
        self._store = store
        self._states = states
        self._rulebook = rulebook
        self._seen: dict[tuple[str, str, str], tuple[Content, Answer]] = {}
        self._read: dict[Subject, SubjectState] = {}
        self._suppressions: dict[tuple[Subject, Ground], None] = {}
        self._links: dict[tuple[Subject, str], None] = {}
        self._new_on: set[Subject] = set()
        self.revision = revision
        self.records: list[Record] = []
        self.states: dict[Subject, SubjectState] = {}

    def add(self, event: Event, now: int) -> Answer | EventIdReusedError:
        """Work out one event. Raises StoreUnavailableError."""
        key = (event.location_id, event.provider, event.event_id)
        told = content(event)
        known = self._seen.get(key) or self._store.find(event)
        if known is not None:
            first, answer = known
            return EventIdReusedError(event.event_id) if first != told else answer._replace(outcome=Outcome.DUPLICATE)
        occur_time = self._latest(event, now) if event.occur_time is None else event.occur_time
        effects = interpret(event, occur_time, self._rulebook)
        answer = self._apply(event, effects)
        self.revision = answer.revision
        self.records.append(Record(event, told, now, effects, answer))
        self._seen[key] = told, answer
        return answer

    def suppressions(self) -> Iterable[Suppression]:
        """List the rows that the group changed, as they will be."""
        return [self.states[subject].suppressions[ground] for subject, ground in self._suppressions]

    def links(self) -> Iterable[Link]:
        """List the links that the group changed, as they will be."""
        return [self.states[contact].links[address] for contact, address in self._links]

    def suspects(self) -> set[Subject]:
        """List whom the filter must know after the commit. Raises StoreUnavailableError."""
        suspects = {subject for subject, _ in self._suppressions}
        for subject in self._new_on:
            suspects.update(self._store.contacts_of(subject))
        for contact, name in self._links:
            address = Subject(contact.location_id, "address", name)
            if address in suspects or self._states.suspect(address):
                suspects.add(contact)
        return suspects

    def _latest(self, event: Event, now: int) -> int:
        """Date an event that states no time: now, and after all that is known of whom it bears on.

        Otherwise a STOP heard just now could be stale beside a START whose provider's clock runs ahead.
        """
        seen = view(event.location_id, event.contact_id, event.address, self._load)  # its link may not be known yet
        return max(now, latest_time(seen) + 1)

    def _apply(self, event: Event, effects: Effects) -> Answer:
        for link in effects.links:
            contact = Subject(link.location_id, "contact", link.contact_id)
            self.states[contact] = merge_links(self._load(contact), (link,))
            self._links[contact, link.address] = None
        before = active_suppressions(self._view(event))
        if not effects.suppressions:
            return weigh(effects, EMPTY, before, before, self.revision + 1)
        subject = event.subject
        known = self._load(subject)
        self.states[subject] = merge_suppressions(known, effects.suppressions)
        for row in effects.suppressions:
            self._suppressions[subject, (row.channel, row.cause)] = None
        if subject.kind == "address" and not known.suppressions:
            self._new_on.add(subject)
        after = active_suppressions(self._view(event))
        return weigh(effects, known, before, after, self.revision + 1)

    def _view(self, event: Event) -> View:
        address = "" if event.contact_id else event.address
        return view(event.location_id, event.contact_id, address, self._load)

    def _load(self, subject: Subject) -> SubjectState:
        state = self.states.get(subject)
        if state is None:
            state = self._read.get(subject)
            if state is None:
                state = self._read[subject] = self._states.read(subject)
        return state
