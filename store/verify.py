"""Before a gate answers: is what it answers from whole? SQLite keeps no checksums, so that it has to be looked at."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from typing import Final

from gate.errors import StartError
from store.damage import damage, unusable
from store.database import Database

WHOLE: Final = 256 * 1024 * 1024
"""Bytes up to which a file is looked at as a whole, with each index compared with its table: a second or two."""

_WHAT_CHECKS_READ: Final = (
    "integrity_check('suppression')",  # finds rows out of order too, which would not be found when asked for
    "quick_check('link')",  # without comparing its index, which would take five times as long as all the rest
    "quick_check('connection')",
    "quick_check('salt')",
)
"""What is looked at in a larger file. The rest is read when it is needed, and a failure then is UNAVAILABLE."""

_STEPS: Final = 100_000
"""Instructions of SQLite's between two looks at whether to stop."""


async def verify(database: Database) -> None:
    """Look at the file in a thread of its own. Raises StartError where it is damaged.

    Some 0.5 s for a million rows of a large file. SQLite does it beside Python, so that with a second core it costs no
    time: the filter's reading takes longer.
    """
    stop = threading.Event()
    try:
        await asyncio.to_thread(_verify, database, stop)
    finally:
        stop.set()


def _verify(database: Database, stop: threading.Event) -> None:
    whole = database.path.stat().st_size <= WHOLE
    checks = ("integrity_check(1)",) if whole else _WHAT_CHECKS_READ
    with closing(database.connect_reader()) as connection:
        connection.set_progress_handler(stop.is_set, _STEPS)
        for check in checks:
            try:
                (verdict,) = connection.execute(f"PRAGMA {check}").fetchone()
            except sqlite3.Error as error:
                if stop.is_set():
                    return
                raise StartError(unusable(database.path, error)) from error
            if verdict != "ok":
                raise StartError(damage(database.path, " ".join(str(verdict).split())))
