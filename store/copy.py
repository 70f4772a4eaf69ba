"""Copy a database by SQLite's online backup into a file that appears whole or not at all."""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from store.damage import damaged
from store.schema import APPLICATION_ID, MIGRATIONS

Tell = Callable[[str, int, int], None]
"""Told of progress: what is being done, how much of it is done, and of how much; 0 where that is not known."""

_STEP_PAGES: Final = 2_560  # 10 MiB
_BUSY_TIMEOUT_S: Final = 5.0


class CopyError(Exception):
    """Nothing was written. The message is one line for the operator."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database, that of a running gate too, and hold on to its state of now. Raises CopyError."""
    if not path.is_file():
        raise CopyError(f"{path}: there is no such file")
    with blaming(path):
        connection = _connected(path)
    with closing(connection):
        with blaming(path):
            connection.execute("BEGIN")
            _refuse_foreign(path, connection)
        yield connection


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Let what fails inside name the file that is read, not the one to be written. Raises CopyError."""
    try:
        yield
    except sqlite3.Error as error:
        why = f"damaged ({error}); see `sendgate doctor`" if damaged(error) else f"cannot be read: {error}"
        raise CopyError(f"{path}: {why}; nothing was written") from error


@contextmanager
def copied(path: Path, source: sqlite3.Connection, place: Path, check: str, tell: Tell) -> Iterator[Path]:
    """Copy a database to a file beside its `place`, and move it there when the context is left without an error.

    `path` is the database's, for what is wrong with it. The copy is one file without a WAL, for its user alone,
    checked by the pragma `check` and on disk. Raises CopyError, sqlite3.Error and OSError.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent)
    os.close(descriptor)
    part = Path(name)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as target:
            target.execute("PRAGMA synchronous = OFF")  # all of it is synced at the end
            source.backup(
                target, pages=_STEP_PAGES, progress=lambda _, left, total: tell("copying", total - left, total)
            )
            target.execute("PRAGMA journal_mode = DELETE")  # the copy says WAL, as its source does
            tell("checking", 0, 0)
            verdict = target.execute(f"PRAGMA {check}").fetchone()[0]
        if verdict != "ok":
            raise CopyError(f"{path}: damaged, and so is its copy: {' '.join(str(verdict).split())}")
        sync(part)
        yield part
        part.replace(place)
        sync(place.parent)
    finally:
        for left_over in (part, Path(f"{part}-journal")):
            left_over.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Bring a file, or a directory's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connected(path: Path) -> sqlite3.Connection:
    # A backup may lie where nothing can be written. Without a WAL nobody writes to it, for a gate always has one.
    mode = "ro" if Path(f"{path}-wal").exists() or os.access(path.parent, os.W_OK) else "ro&immutable=1"
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S
    )


def _refuse_foreign(path: Path, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise CopyError(f"{path}: this is not a gate's database")
    if version > len(MIGRATIONS):
        raise CopyError(
            f"{path}: its schema has version {version}, this program knows {len(MIGRATIONS)}; "
            "use the newer program that made it"
        )
