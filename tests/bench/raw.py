"""Plain `sqlite3` with the rows that a gate wrote: what the file itself costs, whatever is in front of it."""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from store import addresses, event_log, suppressions

_STATEMENTS: Final = (event_log.append([])[0], suppressions.merge([])[0], addresses.merge([])[0])
_SETTINGS: Final = ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536", "wal_autocheckpoint = 4000")
"""How durable, with as much memory as the gate's own writer has, and copying as seldom into the database."""

Group = tuple[Sequence[Any], ...]
"""The rows of one commit: of the log, the suppressions and the links."""


def seconds(target: Path, schema: Iterable[str], groups: Iterable[Group]) -> float:
    """Write groups of rows to a file, of which `schema` is made before, and return what the writing took."""
    spent = 0.0
    with closing(sqlite3.connect(target, isolation_level=None)) as writer:
        for setting in _SETTINGS:
            writer.execute(f"PRAGMA {setting}")
        for statement in schema:
            writer.execute(statement)
        for group in groups:
            began = time.perf_counter()
            writer.execute("BEGIN IMMEDIATE")
            for statement, rows in zip(_STATEMENTS, group, strict=True):
                writer.executemany(statement, rows)
            writer.execute("COMMIT")
            spent += time.perf_counter() - began
    return spent
