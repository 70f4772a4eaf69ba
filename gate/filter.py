"""A Bloom filter over the subjects that may be suppressed: "surely nothing" without the disk.

Most contacts of a campaign have no suppression and are asked about once, so a cache alone would miss on every
one of them. The filter never says "surely nothing" wrongly; it holds

* every subject on which a suppression stands or stood, and
* every contact that uses, or ever used, such an address.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Final

from rbloom import Bloom

from gate.rules.model import Subject
from gate.rules.tombstone import tombstone
from store.store import Store

FALSE_POSITIVES: Final = 0.001
"""Share of unsuppressed subjects that cost a point read all the same, while the filter is within capacity."""

_SPARE: Final = 1_000_000
_CHUNK: Final = 250_000
_log: Final = logging.getLogger(__name__)


def build(store: Store, stop: threading.Event) -> Bloom:
    """Read the whole database into a filter; for a thread of its own, which may be told to `stop` half-way.

    Sized for twice the subjects found and a million more. Beyond that only the false positives grow, and the
    next start sizes it anew. Raises sqlite3.Error.
    """
    with closing(store.database.connect_reader()) as connection:
        total = store.count_subjects(connection)
        suspects = Bloom(2 * total + _SPARE, FALSE_POSITIVES)
        _log.info("filter: reading %s subjects", f"{total:,}")
        _fill(suspects, store.subjects(connection), "subjects", stop)
        linked = (
            contact
            for contact, address in store.links(connection)
            if address in suspects or any(tombstone(address, salt) in suspects for salt in store.salts)
        )
        _fill(suspects, linked, "contacts of suppressed addresses", stop)
    return suspects


def _fill(suspects: Bloom, subjects: Iterator[Subject], what: str, stop: threading.Event) -> None:
    done = 0
    while not stop.is_set() and (chunk := list(islice(subjects, _CHUNK))):
        suspects.update(chunk)
        done += len(chunk)
        _log.info("filter: %s %s read", f"{done:,}", what)
