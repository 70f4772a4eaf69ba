"""A Bloom filter over the subjects that may be suppressed: "surely nothing" without the disk.

Most contacts of a campaign have no suppression and are asked about once, so a cache alone would miss on every
one of them. The filter never says "surely nothing" wrongly; it holds

* every subject on which a suppression stands or stood, and
* every contact that uses, or ever used, such an address.
"""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import compress, repeat
from typing import Final

from rbloom import Bloom

from gate.logs.lines import FILTER_PROGRESS, FILTER_READING
from gate.logs.tell import tell
from gate.rules.model import Subject
from gate.rules.tombstone import tombstone
from store.store import Store

Key = tuple[str, str, str]
"""A Subject, or a plain tuple of its three parts, which is equal to it and made in a fifth of the time."""

FALSE_POSITIVES: Final = 0.001
"""Share of unsuppressed subjects that cost a point read all the same, while the filter is within capacity."""

SHARDS: Final = 256
"""Bloom filters beside each other, of which a location has one.

One for all would be larger than a processor's cache, so that each of its ten bits would be waited for. A build and a
campaign's list keep to a location for a while, and so to a filter that stays in the cache.
"""

_SPARE: Final = 4_096
_REPORT: Final = 1_000_000
_log: Final = logging.getLogger(__name__)


class _Shard:
    """A Bloom filter that a further one, of twice its size, is put beside when it is full."""

    __slots__ = ("_room", "_size", "blooms")

    def __init__(self, size: int) -> None:
        self._size = self._room = size
        self.blooms: tuple[Bloom, ...] = (Bloom(size, FALSE_POSITIVES),)

    def __contains__(self, subject: Key) -> bool:
        return any(subject in bloom for bloom in self.blooms)

    def update(self, subjects: Iterable[Key], count: int) -> None:
        """Take further subjects in, of which there are at most so many."""
        if count > self._room:
            self._size = self._room = max(2 * self._size, count)
            self.blooms = (*self.blooms, Bloom(self._size, FALSE_POSITIVES))
        self._room -= count
        self.blooms[-1].update(subjects)


class Suspects:
    """Subjects of whom anything may be suppressed. None ever leaves."""

    def __init__(self, store: Store, expected: Mapping[str, int]) -> None:
        """Make room for about so many subjects of each location, and for some more."""
        self._store = store
        sizes = [_SPARE] * SHARDS
        for location_id, count in expected.items():
            sizes[_place(location_id)] += count
        self._shards = list(map(_Shard, sizes))
        self._burial_grounds: set[str] = set()
        """The locations that have tombstones. In all others nobody need be hashed to be found on one."""

    def has(self, subject: Key) -> bool:
        """Tell whether anything may be suppressed for a subject; False is certain."""
        for bloom in self._shards[hash(subject[0]) % SHARDS].blooms:
            if subject in bloom:
                return True
        return subject[0] in self._burial_grounds and self._buried(subject)

    def has_each(self, location_id: str, kind: str, ids: Sequence[str]) -> list[bool]:
        """Tell the same of many subjects of one kind in one location, in their order."""
        if location_id in self._burial_grounds:
            return [self.has((location_id, kind, each)) for each in ids]
        blooms = self._shards[_place(location_id)].blooms
        first = blooms[0]
        found = [(location_id, kind, each) in first for each in ids]
        for bloom in blooms[1:]:
            found = [known or (location_id, kind, each) in bloom for known, each in zip(found, ids, strict=True)]
        return found

    def update(self, subjects: Iterable[Subject]) -> None:
        """Take further subjects in."""
        for subject in subjects:
            shard = self._shards[_place(subject.location_id)]
            if subject not in shard:
                shard.update((subject,), 1)
            if subject.kind == "tombstone":
                self._burial_grounds.add(subject.location_id)

    def add(self, location_id: str, kind: str, ids: Sequence[str]) -> None:
        """Take in further subjects of one kind in one location."""
        self._shards[_place(location_id)].update(zip(repeat(location_id), repeat(kind), ids), len(ids))
        if kind == "tombstone":
            self._burial_grounds.add(location_id)

    def _buried(self, subject: Key) -> bool:
        erased = Subject._make(subject)
        shard = self._shards[_place(erased.location_id)]
        return any(tombstone(erased, salt) in shard for salt in self._store.salts)


def _place(location_id: str) -> int:
    return hash(location_id) % SHARDS


def build(store: Store, stop: threading.Event) -> Suspects:
    """Read the whole database into a filter; for a thread of its own, which may be told to `stop` half-way.

    Sized for twice the suppressions found in each location: most stand on an address that one contact uses.
    Raises sqlite3.Error.
    """
    with closing(store.database.connect_reader()) as connection:
        counts = dict(store.count_suppressions(connection))
        suspects = Suspects(store, {location_id: 2 * count for location_id, count in counts.items()})
        tell(_log, FILTER_READING, suppressions=sum(counts.values()))
        subjects = _Progress("suppressions", stop)
        for location_id, kind, ids in store.subjects(connection):
            suspects.add(location_id, kind, ids)
            if subjects.stopped(len(ids)):
                return suspects
        links = _Progress("links", stop)
        for location_id, contact_ids, addresses in store.links(connection):
            linked = compress(contact_ids, suspects.has_each(location_id, "address", addresses))
            suspects.add(location_id, "contact", list(linked))
            if links.stopped(len(contact_ids)):
                return suspects
    return suspects


class _Progress:
    """What was read so far, in the log now and then."""

    def __init__(self, what: str, stop: threading.Event) -> None:
        self._what = what
        self._stop = stop
        self._done = 0

    def stopped(self, more: int) -> bool:
        """Count what was read; tell whether to go on no further."""
        before, self._done = self._done, self._done + more
        if before // _REPORT < self._done // _REPORT:
            tell(_log, FILTER_PROGRESS, done=self._done, what=self._what)
        return self._stop.is_set()
