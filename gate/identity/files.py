"""Files with secrets: read only where others cannot, and replaced in one step."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gate.errors import SettingsError

Look = tuple[int, int, int, int]

_NONE: Final = (0, 0, 0, 0)


def look(path: Path) -> Look:
    """Tell one state of a file from another without reading it; a missing one has a state too."""
    try:
        found = path.stat()
    except OSError:
        return _NONE
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def read(path: Path) -> bytes:
    """Read a file. Raises SettingsError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None


def read_secret(path: Path) -> bytes:
    """Read a file that only its owner and group may read. Raises SettingsError."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & stat.S_IRWXO:
                raise SettingsError(
                    f"{path}: open to everybody on this machine (mode {stat.S_IMODE(mode):04o}); "
                    "it holds secrets: chmod o= it"
                )
            return file.read()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep others who replace a file of the same directory out meanwhile. Raises OSError."""
    directory = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def replace(path: Path, text: str) -> None:
    """Write a file in full or not at all: a new one for its owner alone. Raises OSError.

    One that is there keeps its owner, its group and whether they may read it.
    """
    place = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if place.exists():
                # Or the gate, which may run as that user or group, could not read it any more.
                before = place.stat()
                if (before.st_uid, before.st_gid) != (os.getuid(), os.getgid()):
                    os.fchown(descriptor, before.st_uid, before.st_gid)
                os.fchmod(descriptor, before.st_mode & (stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP))
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
