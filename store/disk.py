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


def hold(path: Path) -> int:
    """Lock the file against a second gate: what one has in memory the other's writes would make wrong.

    Return the descriptor that holds the lock until it is closed. Raises StartError and OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Resolved as SQLite does it, so that a symbolic link is the same file.
    descriptor = os.open(f"{path.resolve()}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StartError(f"database {path}: another gate has it open; stop that one or name another file") from error
    return descriptor


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
