"""What the gate asks of its store: load a subject, look up an event, commit a group of events."""

import sqlite3
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from gate.rules.connection import ConnectionTimes
from gate.rules.interpret import Effects
from gate.rules.lattice import EMPTY, Ground, SubjectState, merge_suppressions
from gate.rules.model import Event, Kind, Link, Subject, Suppression
from gate.rules.outcome import Answer
from gate.rules.review import Phrase, PhraseState, Review, ReviewState
from gate.rules.tombstone import tombstone
from store import addresses, connections, erasure, event_log, export, history, reviews, suppressions
from store.database import Database


class Changes(NamedTuple):
    """What a group of events and acts changed: rows as they will be, of which the later times are kept."""

    records: Sequence[event_log.Record] = ()
    suppressions: Sequence[Suppression] = ()
    links: Sequence[Link] = ()
    connections: Sequence[ConnectionTimes] = ()
    reviews: Sequence[Review] = ()
    phrases: Sequence[Phrase] = ()
    salts: Sequence[bytes] = ()
    erased: erasure.Erasure | None = None


class Store:
    """The gate's state and log on disk. Reads run in the calling thread, commits in the writer's.

    Every method raises StoreUnavailableError where the database fails.
    """

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self.salts: tuple[bytes, ...] = ()
        """With what erased subjects were hashed. None, and nothing to pay for, until the first erasure."""

    async def open(self) -> None:
        """Take the file and bring it up to date. Raises StartError."""
        await self.database.open()
        self.salts = erasure.salts(self.database)

    async def close(self) -> None:
        """Let the file go."""
        await self.database.close()

    def load(self, subject: Subject) -> SubjectState:
        """Read all that is known of a subject."""
        rows = suppressions.of_subject(self.database, subject)
        for salt in self.salts:
            buried = suppressions.of_subject(self.database, tombstone(subject, salt))
            rows += [row._replace(subject=subject) for row in buried]
        links = self.links_of(subject) if subject.kind == "contact" else []
        if not rows and not links:
            return EMPTY
        return merge_suppressions(SubjectState({}, {row.address: row for row in links}), rows)

    def load_each(self, location_id: str, kind: Kind, ids: list[str]) -> dict[Subject, SubjectState]:
        """Read all that is known of subjects of one kind in one location, with few queries."""
        subjects = [Subject(location_id, kind, each) for each in ids]
        if self.salts:
            return {subject: self.load(subject) for subject in subjects}
        rows: defaultdict[str, dict[Ground, Suppression]] = defaultdict(dict)
        for row in suppressions.of_subjects(self.database, location_id, kind, ids):
            rows[row.subject.id][row.channel, row.cause] = row
        links: defaultdict[str, dict[str, Link]] = defaultdict(dict)
        for link in addresses.among_contacts(self.database, location_id, ids) if kind == "contact" else ():
            links[link.contact_id][link.address] = link
        unsuppressed, unlinked = EMPTY
        return {
            subject: SubjectState(rows.get(subject.id, unsuppressed), links.get(subject.id, unlinked))
            for subject in subjects
        }

    def links_of(self, contact: Subject) -> list[Link]:
        """Read every address that a contact uses or ever used."""
        return addresses.of_contact(self.database, contact)

    def suppressions_of_each(self, subjects: Sequence[Subject]) -> dict[Subject, dict[Ground, Suppression]]:
        """Read all that stands or stood on subjects of any kind; on whom nothing does is left out."""
        found = suppressions.of_each(self.database, subjects)
        for salt in self.salts:
            graves = {tombstone(subject, salt): subject for subject in subjects}
            for grave, rows in suppressions.of_each(self.database, list(graves)).items():
                subject = graves[grave]
                state = SubjectState(found.get(subject, {}), {})
                buried = [row._replace(subject=subject) for row in rows.values()]
                found[subject] = dict(merge_suppressions(state, buried).suppressions)
        return found

    def links_of_each(self, contacts: Sequence[Subject]) -> dict[Subject, dict[str, Link]]:
        """Read every address that the contacts use or ever used; who has none is left out."""
        return addresses.of_contacts(self.database, contacts)

    def contacts_of(self, address: Subject) -> list[Subject]:
        """Read every contact that uses or ever used an address."""
        return self.contacts_of_each([address])

    def contacts_of_each(self, numbers: Iterable[Subject]) -> list[Subject]:
        """Read every contact that uses or ever used one of the addresses."""
        return addresses.contacts_of(self.database, numbers)

    def snapshot(self) -> AbstractContextManager[None]:
        """Let the writer's reads inside see one state; it commits only afterwards."""
        return self.database.snapshot()

    def find(self, event: Event) -> tuple[event_log.Content, Answer] | None:
        """Look up what was recorded under an event's key, and how it was answered."""
        key = event_log.key(event)
        return self.find_each([key]).get(key)

    def find_each(self, keys: Sequence[event_log.Key]) -> dict[event_log.Key, tuple[event_log.Content, Answer]]:
        """Look up what was recorded under the keys; one that is unknown is left out."""
        return event_log.find(self.database, keys)

    def last_seq(self) -> int:
        """Read the place of the last event in the log, 0 for none."""
        return event_log.last_seq(self.database)

    def replay(self) -> Iterator[Effects]:
        """Read the effects of every event in the order of the log."""
        return event_log.replay(self.database)

    @staticmethod
    def count_suppressions(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
        """Count the suppressions that stand or stood in each location."""
        return suppressions.counts(connection)

    @staticmethod
    def subjects(connection: sqlite3.Connection) -> Iterator[tuple[str, str, list[str]]]:
        """Read every subject on which a suppression stands or stood: by location and kind, ids."""
        return suppressions.subjects(connection)

    @staticmethod
    def links(connection: sqlite3.Connection) -> Iterator[tuple[str, list[str], list[str]]]:
        """Read every contact with each address that it uses or ever used: by location, contacts and addresses."""
        return addresses.links(connection)

    @property
    def sound(self) -> bool:
        """Whether writes are taken; if not, `probe` tells when they are again."""
        return self.database.sound

    async def probe(self) -> bool:
        """Commit something that changes nothing, to learn whether writes are durable again.

        Return whether what was read before must be read again: what was refused may be in the file after all.
        """
        anew = await self.database.probe()
        if anew:
            self.salts = erasure.salts(self.database)
        return anew

    def recorded(self, keys: Sequence[event_log.Key]) -> set[event_log.Key]:
        """Tell which of the keys were recorded."""
        return event_log.recorded(self.database, keys)

    def only_imports(self, location_id: str) -> bool:
        """Tell whether nothing but imports was ever recorded in a location."""
        return event_log.only_imports(self.database, location_id)

    def export(self, location_id: str) -> AsyncGenerator[export.Exported, None]:
        """Read a location's whole state, in parts, as it is when the first one is read."""
        return export.parts(self.database, location_id)

    def connections(self) -> list[ConnectionTimes]:
        """Read the channels of all locations."""
        return connections.read_all(self.database)

    def review(self, review_id: str) -> Review | None:
        """Read one opt-in review."""
        return reviews.review(self.database, review_id)

    def reviews(self, location_id: str, state: ReviewState | None, before: int, size: int) -> list[tuple[int, Review]]:
        """Read a location's opt-in reviews with their places, newest first, from below a place."""
        return reviews.reviews(self.database, location_id, state, before, size)

    def phrase(self, seq: int) -> Phrase | None:
        """Read one possible opt-out by its place in the log."""
        return reviews.phrase(self.database, seq)

    def phrases(self, location_id: str, state: PhraseState | None, before: int, size: int) -> list[Phrase]:
        """Read a location's possible opt-outs, newest first, from below a place in the log."""
        return reviews.phrases(self.database, location_id, state, before, size)

    def erased_entries(self, subjects: Sequence[Subject], buried: Mapping[Subject, Subject]) -> list[erasure.Blank]:
        """Read what the log says of subjects, as it will be without them."""
        return erasure.blanks(self.database, subjects, buried)

    def history(self, location_id: str, contact_id: str, before: int, size: int) -> list[history.Entry]:
        """Read what happened to a contact and its addresses, newest first, from below a place in the log."""
        return history.page(self.database, location_id, contact_id, before, size)

    async def commit(self, changes: Changes) -> None:
        """Make a group of events and what they changed durable, all or nothing; then ask for a `checkpoint`.

        For a task that nobody cancels.
        """
        await self.database.commit(
            [
                event_log.append(changes.records),
                suppressions.merge(changes.suppressions),
                addresses.merge(changes.links),
                connections.merge(changes.connections),
                reviews.put_reviews(changes.reviews),
                reviews.put_phrases(changes.phrases),
                erasure.put_salts(changes.salts),
                *(erasure.writes(changes.erased) if changes.erased else ()),
            ]
        )
        self.salts = tuple(dict.fromkeys((*self.salts, *changes.salts)))

    async def checkpoint(self) -> None:
        """Put what was committed in its place in the file, if there is much of it; see `sound` afterwards."""
        await self.database.checkpoint()
