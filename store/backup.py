"""Back up a gate's database while it runs, and put a backup in a database's place."""

import os
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from gate.errors import StartError
from store.copy import CopyError, Tell, blaming, copied, reading, sync
from store.damage import damaged
from store.disk import hold

_WAL_FILES: Final = ("-wal", "-shm")
_BESIDE: Final = (".lock", ".trial", "-journal")
"""Names beside a database's that mean something to the gate or to SQLite, which takes a journal for its own."""


class Extent(NamedTuple):
    """How far a database goes: the number of its newest event, and when that was recorded, ns since 1970."""

    events: int
    record_time: int


class Restored(NamedTuple):
    """What a restore did: the state that is there now, the one that was, and where that is kept."""

    extent: Extent
    before: Extent | None
    kept: Path | None


def backup(database: Path, file: Path, tell: Tell, *, force: bool = False) -> Extent:
    """Copy a database to a file; whatever was acknowledged before is in it. Raises CopyError.

    The gate goes on writing meanwhile. It is one state that is copied, read in one transaction, so that SQLite
    keeps in the WAL what is written beside it until the copy is done.
    """
    if file.exists() and not file.is_file():
        raise CopyError(f"{file}: no regular file; name another one")
    if file.exists() and not force:
        raise CopyError(f"{file}: there is such a file; name another one, or replace it with --force")
    if file.resolve() in {Path(f"{database.resolve()}{end}") for end in ("", *_BESIDE, *_WAL_FILES)}:
        raise CopyError(f"{file}: this is the database itself, or a name that it needs; name another file")
    try:
        with reading(database) as source:
            with blaming(database):
                extent = _extent(source)
            with copied(database, source, file.resolve(), "quick_check(1)", tell):
                pass
    except (OSError, sqlite3.Error) as error:
        raise _failed(database, file, error) from error
    return extent


def restore(file: Path, database: Path, tell: Tell) -> Restored:
    """Put a backup in a database's place, of which no gate may run. Raises CopyError.

    The database that was there is kept under a dated name. Whenever this breaks off, either the old or the new
    database is in its place, as a whole.
    """
    place = database.resolve()
    if file.resolve() == place:
        raise CopyError(f"{file}: this is the database itself; name a backup")
    if not file.is_file():
        raise CopyError(f"{file}: no {'regular' if file.exists() else 'such'} file; name a backup")
    if place.is_dir():
        raise CopyError(f"{database}: a directory; name the database's file in it")
    try:
        lock = hold(place)
    except StartError as error:
        raise CopyError(str(error)) from error
    except OSError as error:
        raise CopyError(f"{database}: {error}") from error
    try:
        with reading(file) as source:
            with blaming(file):
                extent = _extent(source)
            with copied(file, source, place, "integrity_check(1)", tell):
                before = _settled(place)
                kept = _kept(place)
                for end in _WAL_FILES:
                    Path(f"{place}{end}").unlink(missing_ok=True)
                sync(place.parent)
    except (OSError, sqlite3.Error) as error:
        raise _failed(file, database, error) from error
    finally:
        os.close(lock)
    return Restored(extent, before, kept)


def _failed(source: Path, target: Path, error: Exception) -> CopyError:
    if damaged(error):
        return CopyError(f"{source}: damaged ({error}); {target} was not written: see `sendgate doctor`")
    why = (error.strerror or error) if isinstance(error, OSError) else error
    return CopyError(f"{target}: {why}; it was not written")


def _settled(place: Path) -> Extent | None:
    """Bring what is in the old database's WAL into its file, so that the one is all of it. Raises CopyError."""
    if not place.exists():
        return None
    connection = sqlite3.connect(place, isolation_level=None, timeout=1)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        return _extent(connection)
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise CopyError(f"{place}: another program has it open, such as Litestream; stop that first") from error
        return None  # damaged: that is why it is replaced
    finally:
        connection.close()


def _kept(place: Path) -> Path | None:
    """Give the old database, and what is left of its WAL, a second name."""
    if not place.exists():
        return None
    kept = Path(f"{place}.before-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    kept.hardlink_to(place)
    with suppress(FileNotFoundError):
        Path(f"{kept}-wal").hardlink_to(f"{place}-wal")
    return kept


def _extent(connection: sqlite3.Connection) -> Extent:
    row = connection.execute("SELECT seq, record_time FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    return Extent(*row) if row else Extent(0, 0)
