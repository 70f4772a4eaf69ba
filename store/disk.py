"""The file itself: who may have it open, who has, and what its disk must show before it is trusted again."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from gate.errors import StartError

_ROOM: Final = 1024 * 1024
"""Bytes that must be free: on a full disk there is mostly still room for the few of a trial."""

_IN_USE: Final = 128
"""The byte of the WAL's index that each program locks which has the database open.

https://github.com/sqlite/sqlite/blob/version-3.40.1/src/os_unix.c, UNIX_SHM_DMS
"""


class Place:
    """A database's file and its WAL, while this process has them: locked, and told from others of their names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._locks: list[int] = []
        self._resolved = path
        self._known: tuple[tuple[int, int] | None, ...] = ()

    def take(self) -> None:
        """Lock the place and the file, before SQLite opens it. Raises StartError and OSError."""
        self._locks.append(hold(self._path))
        self._locks.append(hold_file(self._path))
        self._resolved = self._path.resolve()

    def know(self) -> None:
        """Remember which files they are, now that SQLite has them open."""
        self._known = identity(self._resolved)

    @property
    def moved(self) -> bool:
        """Whether others stand in their place, or none."""
        return identity(self._resolved) != self._known

    def leave(self) -> None:
        """Let others have the file, once SQLite has closed it."""
        while self._locks:
            os.close(self._locks.pop())


def hold(path: Path) -> int:
    """Lock a database's place against a second gate: what one has in memory the other's writes would make wrong.

    Return the descriptor that holds the lock until it is closed. Raises StartError and OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Resolved as SQLite does it, so that a symbolic link is the same file.
    return _locked(f"{path.resolve()}.lock", path)


def hold_file(path: Path) -> int:
    """Lock the file itself, which may have further names; make one where there is none.

    To be called before SQLite opens it, and closed after SQLite has closed it: to close a descriptor of a file takes
    SQLite's own locks from it. Raises StartError, also where only the WAL of a file is there, and OSError.
    """
    wal = Path(f"{path.resolve()}-wal")
    if not _size(path) and _size(wal):
        raise StartError(
            f"database {path}: there is nothing in it, but there is in its WAL, {wal}: put the file back, or the "
            f"latest backup in its place with `sendgate restore BACKUP --database {path}`; to begin with nothing, "
            "remove the WAL"
        )
    # It holds addresses and messages: made by us it is for our user alone, and so are SQLite's files beside it.
    return _locked(path, path)


def identity(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Tell a database's file, its links resolved, and its WAL from others that may come to have their names."""
    return tuple(_inode(f"{path}{end}") for end in ("", "-wal"))


def _locked(file: Path | str, path: Path) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StartError(f"database {path}: another gate has it open; stop that one or name another file") from error
    return descriptor


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  a commit waits for it
    except OSError:
        return None
    return found.st_dev, found.st_ino


def try_disk(path: Path) -> None:
    """Write a file beside a database, synchronise it and remove it. Raises OSError."""
    trial = Path(f"{path}.trial")
    descriptor = os.open(trial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _ROOM)
        os.write(descriptor, bytes(4096))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        trial.unlink()


def open_elsewhere(path: Path) -> bool:
    """Tell whether another program has a database open, of which this one has no connection open.

    To close a descriptor of the index would take this program's own locks from it.
    """
    with suppress(FileNotFoundError), Path(f"{path}-shm").open("r+b") as index:
        try:
            fcntl.lockf(index, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _IN_USE)
        except OSError:
            return True
    return False
