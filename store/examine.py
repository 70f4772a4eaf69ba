"""Look at a database without changing it: its schema, its structure, its values. For a doctor, not for the gate."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gate.rules.model import Cause, Channel
from gate.rules.review import PhraseState, ReviewState
from store.event_log import KINDS
from store.retention import EXPIRED
from store.schema import APPLICATION_ID, MIGRATIONS

_BUSY_TIMEOUT_S: Final = 5.0
_CACHE_KIB: Final = 65_536
_PROBLEMS: Final = 20
"""Of the problems in the file's structure so many are told."""

_CHANNELS: Final = tuple(channel.value for channel in Channel)
_NEVER_OR_LATER: Final = "{0} >= -1"
_TIME: Final = "{0} >= 0"

_RULES: Final[tuple[tuple[str, str, str, tuple[str, ...]], ...]] = (
    ("suppression", "set_time", _NEVER_OR_LATER, ()),
    ("suppression", "lift_time", _NEVER_OR_LATER, ()),
    ("suppression", "subject_kind", "", ("contact", "address", "tombstone")),
    ("suppression", "channel", "", ("ALL", *_CHANNELS)),
    ("suppression", "cause", "", tuple(cause.value for cause in Cause)),
    ("link", "linked_time", _NEVER_OR_LATER, ()),
    ("link", "unlinked_time", _NEVER_OR_LATER, ()),
    ("connection", "connected_time", _NEVER_OR_LATER, ()),
    ("connection", "disconnected_time", _NEVER_OR_LATER, ()),
    ("connection", "channel", "", _CHANNELS),
    ("event", "seq", "{0} > 0", ()),
    ("event", "occur_time", "{0} IS NULL OR {0} >= 0", ()),
    ("event", "record_time", _TIME, ()),
    ("event", "kind", "", (*KINDS.values(), EXPIRED)),
    ("review", "channel", "", _CHANNELS),
    ("review", "state", "", tuple(state.value for state in ReviewState)),
    ("review", "submit_time", _TIME, ()),
    ("review", "decide_time", _NEVER_OR_LATER, ()),
    ("phrase", "channel", "", _CHANNELS),
    ("phrase", "state", "", tuple(state.value for state in PhraseState)),
    ("phrase", "occur_time", _TIME, ()),
    ("phrase", "decide_time", _NEVER_OR_LATER, ()),
    ("phrase", "seq", "{0} IN (SELECT seq FROM event)", ()),
)
"""Table, column, what its values must fulfil, or the values that it may have."""


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a database, that of a running gate too, so that nothing can be changed. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S
    )
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return connection


def schema(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Compare the schema's version with this program's; yield problems with what to do. Raises sqlite3.Error."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        yield "this is not a gate's database", "name the gate's file with --database"
    elif version > len(MIGRATIONS):
        yield (
            f"its schema has version {version}, this program knows {len(MIGRATIONS)}",
            "use the `sendgate` of the gate that made it",
        )
    elif version < len(MIGRATIONS):
        yield (
            f"its schema has version {version}, this program's is {len(MIGRATIONS)}",
            "back it up, then start a gate of this version on it: that brings the schema up to date",
        )


def structure(connection: sqlite3.Connection) -> list[str]:
    """Check the whole file, and each index against its table. Raises sqlite3.Error."""
    found = [" ".join(str(line).split()) for (line,) in connection.execute(f"PRAGMA integrity_check({_PROBLEMS})")]
    return [] if found == ["ok"] else found


def values(connection: sqlite3.Connection) -> Iterator[str]:
    """Find values that no gate writes. Raises sqlite3.Error."""
    for table, column, condition, known in _RULES:
        holds = condition.format(column) or f"{column} IN ({', '.join('?' * len(known))})"
        sql = f"SELECT count(*) FROM {table} WHERE NOT ({holds})"  # noqa: S608  names and rules of this module
        (wrong,) = connection.execute(sql, known).fetchone()
        if wrong:
            yield f"{table}.{column}: {wrong:,} rows have a value that no gate writes"
