"""What the gate asks of its store: load a subject, look up an event, commit a group of events."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from gate.rules.interpret import Effects
from gate.rules.lattice import EMPTY, SubjectState
from gate.rules.model import Event, Link, Subject, Suppression
from gate.rules.outcome import Answer
from store import addresses, event_log, suppressions
from store.database import Database


class Store:
    """The gate's state and log on disk. Reads run in the calling thread, commits in the writer's.

    Every method raises StoreUnavailableError where the database fails.
    """

    def __init__(self, path: Path) -> None:
        self.database = Database(path)

    async def open(self) -> None:
        """Take the file and bring it up to date. Raises StartError."""
        await self.database.open()

    async def close(self) -> None:
        """Let the file go."""
        await self.database.close()

    def load(self, subject: Subject) -> SubjectState:
        """Read all that is known of a subject."""
        rows = suppressions.of_subject(self.database, subject)
        links = self.links_of(subject) if subject.kind == "contact" else []
        if not rows and not links:
            return EMPTY
        return SubjectState({(row.channel, row.cause): row for row in rows}, {row.address: row for row in links})

    def links_of(self, contact: Subject) -> list[Link]:
        """Read every address that a contact uses or ever used."""
        return addresses.of_contact(self.database, contact)

    def contacts_of(self, address: Subject) -> list[Subject]:
        """Read every contact that uses or ever used an address."""
        return addresses.contacts_of(self.database, address)

    def snapshot(self) -> AbstractContextManager[None]:
        """Let the writer's reads inside see one state; it commits only afterwards."""
        return self.database.snapshot()

    def find(self, event: Event) -> tuple[event_log.Content, Answer] | None:
        """Look up what was recorded under an event's key, and how it was answered."""
        return event_log.find(self.database, event)

    def last_seq(self) -> int:
        """Read the place of the last event in the log, 0 for none."""
        return event_log.last_seq(self.database)

    def replay(self) -> Iterator[Effects]:
        """Read the effects of every event in the order of the log."""
        return event_log.replay(self.database)

    @staticmethod
    def count_subjects(connection: sqlite3.Connection) -> int:
        """Count the subjects on which a suppression stands or stood, or a few more."""
        return suppressions.count(connection)

    @staticmethod
    def subjects(connection: sqlite3.Connection) -> Iterator[Subject]:
        """Read every subject on which a suppression stands or stood."""
        return suppressions.subjects(connection)

    @staticmethod
    def links(connection: sqlite3.Connection) -> Iterator[tuple[Subject, Subject]]:
        """Read every contact with each address that it uses or ever used."""
        return addresses.links(connection)

    async def probe(self) -> None:
        """Commit something that changes nothing, to learn whether writes are durable again."""
        await self.database.probe()

    async def commit(
        self,
        records: Iterable[event_log.Record],
        states: Iterable[Suppression],
        links: Iterable[Link],
    ) -> None:
        """Make a group of events and what they changed durable, all or nothing."""
        await self.database.write([event_log.append(records), suppressions.merge(states), addresses.merge(links)])
