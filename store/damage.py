"""What is wrong when SQLite fails on a gate's file, and the way out of it, for the operator."""

import errno
import sqlite3
from pathlib import Path
from typing import Final

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_REFUSED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_PRIMARY: Final = 0xFF
"""Extended result codes carry the primary one in their lowest byte; https://www.sqlite.org/rescode.html"""


def damaged(error: Exception) -> bool:
    """Tell whether an error says that the file's content is not what SQLite wrote."""
    return (getattr(error, "sqlite_errorcode", 0) & _PRIMARY) in _DAMAGE


def failed(error: sqlite3.Error) -> bool:
    """Tell whether an error says that the disk failed, so that what was written before may be lost as well."""
    return (error.sqlite_errorcode & _PRIMARY) == sqlite3.SQLITE_IOERR


def unusable(path: Path, error: Exception) -> str:
    """Say in one line why a database cannot be opened and what to do."""
    if damaged(error):
        return damage(path, str(error))
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code == sqlite3.SQLITE_READONLY or getattr(error, "errno", None) in _REFUSED:
        return (
            f"database {path}: {error}; the gate writes this file and makes others beside it: mount the volume "
            "writable, and give the gate's user the file and its directory"
        )
    return f"database {path}: {error}; SENDGATE_DATABASE must name a file in a writable directory"


def damage(path: Path, problem: str) -> str:
    """Say that a database is damaged, and the way out."""
    return (
        f"database {path}: damaged ({problem}); see how far with `sendgate doctor --database {path}`, then put the "
        f"latest backup in its place with `sendgate restore BACKUP --database {path}`"
    )
