"""A bounded cache of subjects' states in front of the store, and the filter in front of both.

It holds states, and beside each what was worked out from it, for as long as that is current. All of it runs in
the event loop's thread: a load is a point read that nothing interrupts, and a commit is published in one step.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from gate import filter as suppressed
from gate.errors import NotReadyError, StoreUnavailableError
from gate.filter import Key
from gate.logs.lines import FILTER_BUILT
from gate.logs.tell import tell
from gate.rules.judge import Decision
from gate.rules.lattice import EMPTY, SubjectState
from gate.rules.model import Channel, Kind, Subject
from store.store import Store

Question = Channel | tuple[str, Channel]
"""What was asked of a subject: the channel, of a contact at an address the address as well."""

MEMOS: Final = 8
"""Decisions kept with one state at most: one question for each channel, and some that name an address."""

_log: Final = logging.getLogger(__name__)


class Known:
    """What is remembered of one subject: its state, and the decisions that were worked out from it.

    It is current from when the cache takes it until the cache gives it up, because a commit changed the subject or
    because too many others were asked for since. It never becomes current again, and its state is gone: reading
    that is an error, never an answer.
    """

    __slots__ = ("current", "memos", "state")

    def __init__(self, state: SubjectState) -> None:
        self.state = state
        self.current = True
        self.memos: Mapping[Question, Memo] = _NO_MEMOS

    def remember(self, question: Question, decision: Decision, others: Iterable["Known"]) -> None:
        """Keep a decision that follows from this state and those of others, and from nothing else."""
        kept = self.memos if len(self.memos) < MEMOS else _NO_MEMOS
        self.memos = {**kept, question: (decision, tuple(others))}

    def expire(self) -> None:
        """Be current no more."""
        self.current = False
        self.memos = _NO_MEMOS
        del self.state


Memo = tuple[Decision, tuple[Known, ...]]
"""A decision, and what it follows from beside the state that it is kept with. It holds while all are current."""

_NO_MEMOS: Final[Mapping[Question, Memo]] = MappingProxyType({})


class States:
    """What the gate knows of each subject, in memory where it can be: the `size` subjects that were asked for last."""

    def __init__(self, store: Store, size: int) -> None:
        self._store = store
        self._size = size
        self._cache: OrderedDict[Key, Known] = OrderedDict()
        self._suspects: suppressed.Suspects | None = None
        self._commits = 0
        self._held: Mapping[Subject, SubjectState] = {}
        self.hits = self.misses = 0
        """States that checks found in memory, and those that they had read."""
        self.suspect: Callable[[Key], bool] = _not_ready
        """Tells whether anything may be suppressed for a subject; False is certain. Raises NotReadyError."""

    async def open(self) -> None:
        """Build the filter, in a thread so that health probes are answered, and forget whatever was remembered.

        While nothing is written; for the start, and for when a commit changed states without saying whose.
        Raises StoreUnavailableError.
        """
        stop = threading.Event()
        began = time.monotonic()
        try:
            self._suspects = await asyncio.to_thread(suppressed.build, self._store, stop)
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"the database cannot be read: {error}") from error
        finally:
            stop.set()
        self.suspect = self._suspects.has
        tell(_log, FILTER_BUILT, seconds=time.monotonic() - began)
        self._commits += 1
        for known in self._cache.values():
            known.expire()
        self._cache.clear()

    @property
    def entries(self) -> int:
        """How many subjects are in memory."""
        return len(self._cache)

    def suspect_each(self, location_id: str, contact_ids: Sequence[str]) -> list[bool]:
        """Tell of each of a location's contacts whether anything may be suppressed. Raises NotReadyError."""
        if self._suspects is None:
            raise NotReadyError
        return self._suspects.has_each(location_id, "contact", contact_ids)

    def recall(self, subject: Key) -> Known | None:
        """Return what is remembered of a subject, and do not forget it so soon."""
        known = self._cache.get(subject)
        if known is not None:
            self._cache.move_to_end(subject)
        return known

    def known(self, subject: Subject) -> Known:
        """Return what is known of a subject, from memory or by a point read that is then remembered.

        Of an address outside the filter nothing is known, and nothing need be read. A state that was read before
        a commit is never kept after it: the read is repeated instead.
        """
        known = self.recall(subject)
        if known is not None:
            self.hits += 1
            return known
        state = self._held.get(subject)
        if state is None and subject.kind == "address" and not self.suspect(subject):
            state = EMPTY
        while state is None:
            self.misses += 1
            commits = self._commits
            read = self._store.load(subject)
            if commits == self._commits:
                state = read
        return self._keep(subject, state)

    def fetch(self, location_id: str, contact_ids: Sequence[str]) -> None:
        """Read what `known` will be asked for about a location's contacts and their addresses, with few queries.

        Not all of it may be there to be found: what a small cache has no room for, and what was read before a
        commit, is read again when it is asked for.
        """
        contacts = self._fetch(location_id, "contact", contact_ids)
        linked = dict.fromkeys(address for state in contacts.values() for address in state.links)
        self._fetch(location_id, "address", [each for each in linked if self.suspect((location_id, "address", each))])

    def _fetch(self, location_id: str, kind: Kind, ids: Sequence[str]) -> Mapping[Subject, SubjectState]:
        absent = [each for each in ids if (location_id, kind, each) not in self._cache]
        commits = self._commits
        read = self._store.load_each(location_id, kind, absent)
        self.misses += len(read)
        if commits == self._commits:
            for subject, state in read.items():
                if subject not in self._held:
                    self._keep(subject, state)
        return read

    def load(self, subject: Subject) -> SubjectState:
        """Return a subject's state as `known` does."""
        return self.known(subject).state

    def read(self, subject: Subject) -> SubjectState:
        """Return a subject's state for the writer, which asks about everybody once: nothing is remembered."""
        return self.read_each([subject])[subject]

    def read_each(self, subjects: Iterable[Subject]) -> dict[Subject, SubjectState]:
        """Return subjects' states as `read` does, with few queries."""
        states = dict.fromkeys(subjects, EMPTY)
        unknown: list[Subject] = []
        for subject in states:
            known = self._cache.get(subject)
            if known is None:
                unknown.append(subject)
            else:
                states[subject] = known.state
        links = self._store.links_of_each([subject for subject in unknown if subject.kind == "contact"])
        rows = self._store.suppressions_of_each(list(filter(self.suspect, unknown)))
        unsuppressed, unlinked = EMPTY
        for subject, used in links.items():
            states[subject] = SubjectState(unsuppressed, used)
        for subject, told in rows.items():
            states[subject] = SubjectState(told, links.get(subject, unlinked))
        return states

    @contextmanager
    def held(self, before: Mapping[Subject, SubjectState]) -> Iterator[None]:
        """Answer with these states from before a commit until it is published, not with half of what it brings."""
        self._held = before
        try:
            yield
        finally:
            self._give_up_held()

    def publish(
        self, states: Mapping[Subject, SubjectState], suspects: Iterable[Subject], unknown: Iterable[Subject] = ()
    ) -> None:
        """Show what a commit put into the store to every later check. Call it right after the commit.

        Only what checks asked for is kept: those whom a flood of events is about would fill the memory.
        `unknown` are subjects whose states changed too, and are to be read anew.
        """
        if self._suspects is None:
            raise NotReadyError
        self._commits += 1
        self._suspects.update(suspects)
        asked = [subject for subject in states if subject in self._cache]
        self._give_up_held()
        for subject in unknown:
            self._forget(subject)
        for subject in asked:
            self._keep(subject, states[subject])

    def _keep(self, subject: Subject, state: SubjectState) -> Known:
        self._forget(subject)
        known = self._cache[subject] = Known(state)
        if len(self._cache) > self._size:
            _, oldest = self._cache.popitem(last=False)
            oldest.expire()
        return known

    def _give_up_held(self) -> None:
        for subject in self._held:
            self._forget(subject)
        self._held = {}

    def _forget(self, subject: Subject) -> None:
        known = self._cache.pop(subject, None)
        if known is not None:
            known.expire()


def _not_ready(_: Key) -> bool:
    raise NotReadyError
