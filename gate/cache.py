"""A bounded cache of subjects' states in front of the store, and the filter in front of both.

It holds states, not answers. All of it runs in the event loop's thread: a load is a point read that nothing
interrupts, and a commit is published in one step.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from cachetools import LRUCache
from rbloom import Bloom

from gate import filter as suppressed
from gate.errors import NotReadyError, StoreUnavailableError
from gate.rules.lattice import EMPTY, SubjectState
from gate.rules.model import Subject
from gate.rules.tombstone import tombstone
from store.store import Store

_NO_SUPPRESSIONS: Final = EMPTY.suppressions


class States:
    """What the gate knows of each subject, in memory where it can be."""

    def __init__(self, store: Store, size: int) -> None:
        self._store = store
        self._cache: LRUCache[Subject, SubjectState] = LRUCache(size)
        self._suspects: Bloom | None = None
        self._commits = 0
        self._held: Mapping[Subject, SubjectState] = {}

    async def open(self) -> None:
        """Build the filter, in a thread so that health probes are answered. Raises StoreUnavailableError."""
        stop = threading.Event()
        try:
            self._suspects = await asyncio.to_thread(suppressed.build, self._store, stop)
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"the database cannot be read: {error}") from error
        finally:
            stop.set()

    def suspect(self, subject: Subject) -> bool:
        """Tell whether anything may be suppressed for a subject; False is certain. Raises NotReadyError."""
        if self._suspects is None:
            raise NotReadyError
        return subject in self._suspects or any(
            tombstone(subject, salt) in self._suspects for salt in self._store.salts
        )

    def load(self, subject: Subject) -> SubjectState:
        """Return a subject's state, from memory or by a point read that is then remembered.

        A state that was read before a commit is never kept after it: the read is repeated instead.
        """
        try:
            return self._cache[subject]
        except KeyError:
            state = self._held.get(subject)
        while state is None:
            commits = self._commits
            read = self._store.load(subject)
            if commits == self._commits:
                self._cache[subject] = state = read
        return state

    def read(self, subject: Subject) -> SubjectState:
        """Return a subject's state for the writer, which asks about everybody once: nothing is remembered."""
        return self.read_each([subject])[subject]

    def read_each(self, subjects: Iterable[Subject]) -> dict[Subject, SubjectState]:
        """Return subjects' states as `read` does, with few queries."""
        states: dict[Subject, SubjectState] = {}
        linked: list[Subject] = []
        for subject in subjects:
            state = self._cache.get(subject)
            if state is None and self.suspect(subject):
                state = self._store.load(subject)
            elif state is None and subject.kind == "contact":
                linked.append(subject)
            states[subject] = state or EMPTY
        if linked:
            for subject, links in self._store.links_of_each(linked).items():
                states[subject] = SubjectState(_NO_SUPPRESSIONS, {link.address: link for link in links})
        return states

    @contextmanager
    def held(self, before: Mapping[Subject, SubjectState]) -> Iterator[None]:
        """Answer with these states from before a commit until it is published, not with half of what it brings."""
        self._held = before
        try:
            yield
        finally:
            self._held = {}

    def publish(
        self, states: Mapping[Subject, SubjectState], suspects: Iterable[Subject], unknown: Iterable[Subject] = ()
    ) -> None:
        """Show what a commit put into the store to every later check. Call it right after the commit.

        `unknown` are subjects whose states changed too, and are to be read anew.
        """
        if self._suspects is None:
            raise NotReadyError
        self._commits += 1
        self._held = {}
        self._suspects.update(suspects)
        self._cache.update(states)
        for subject in unknown:
            self._cache.pop(subject, None)
