"""Databases to measure on: people whose ids say how they are suppressed, and fresh copies of one file."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from gate.rules.model import Cause, Channel, Link, Subject, Suppression
from store import addresses, suppressions
from store.database import Database, Write

KINDS: Final = 10
"""The last digit of a person's number tells what is suppressed: see `_suppression`."""

LOCATIONS: Final = 50
BY_PHONE: Final = range(6)
BY_EMAIL: Final = range(6, 9)

_EPOCH: Final = 1_767_225_600 * 10**9
_SECOND: Final = 10**9
_CHUNK: Final = 100_000
_PHONE_CAUSES: Final = (
    Cause.OPT_OUT,
    Cause.OPT_OUT,
    Cause.UNREACHABLE,
    Cause.UNKNOWN_NUMBER,
    Cause.LANDLINE,
    Cause.CARRIER_BLOCKED,
)
_EMAIL_CAUSES: Final = (Cause.BOUNCE, Cause.UNSUBSCRIBED, Cause.GENERIC_FAILURE)


class Person(NamedTuple):
    """One contact of one of fifty locations, with a number and a mailbox."""

    location_id: str
    contact_id: str
    phone: str
    email: str


def person(number: int) -> Person:
    """Make a person. Ids are scattered as random ones are, and no two people share one."""
    return Person(
        f"location-{number % LOCATIONS:02d}",
        scattered(number),
        f"+1{2_000_000_000 + number * 2_654_435_761 % 8_000_000_000}",
        f"person.{number:07d}@example.{('com', 'net', 'org')[number % 3]}",
    )


def scattered(number: int) -> str:
    """Write a number as an id of twenty digits without any visible order."""
    return f"{number * 0x9E3779B97F4A7C15F39D % 2**80:020x}"


def filled(directory: Path, count: int, say: Callable[[str], None]) -> Path:
    """Return a database with `count` suppressions, made once and kept: 10,000,000 take some minutes and gigabytes."""
    path = directory / f"suppressions-{count}.db"
    if not path.exists():
        say(f"making a database of {count:,} suppressions, once, in {path}")
        unfinished = path.with_suffix(".part")
        fill(unfinished, count)
        unfinished.rename(path)
    asyncio.run(_create(path))  # migrates one that an earlier run left
    discard(path, beside_only=True)
    return path


def fill(path: Path, count: int) -> None:
    """Create a database with `count` suppressions, one a person, and the links of these people.

    Rows are sorted before they are inserted, and the index is made last: at random places the trees would be
    read and written over and over.
    """
    discard(path)
    staging = path.with_suffix(".staging")
    discard(staging)
    asyncio.run(_create(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")  # the gate turns its own on when it opens the file
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{1024 * 1024}")
        connection.execute("ATTACH ? AS staging", (str(staging),))
        connection.execute("PRAGMA staging.journal_mode = OFF")
        for table in ("suppression", "link"):
            connection.execute(f"CREATE TABLE staging.{table} AS SELECT * FROM main.{table} WHERE 0")  # noqa: S608
        for first in range(0, count, _CHUNK):
            numbers = range(first, min(first + _CHUNK, count))
            connection.execute("BEGIN IMMEDIATE")
            _stage(connection, "suppression", suppressions.merge(map(_suppression, numbers)))
            _stage(connection, "link", addresses.merge(link for number in numbers for link in _links(number)))
            connection.execute("COMMIT")
        for table in ("suppression", "link"):
            _move(connection, table)
        connection.execute("DETACH staging")
    discard(staging)
    discard(path, beside_only=True)
    _flush(path)


def _stage(connection: sqlite3.Connection, table: str, write: Write) -> None:
    _, rows = write
    places = ", ".join("?" * len(rows[0]))
    connection.executemany(f"INSERT INTO staging.{table} VALUES ({places})", rows)  # noqa: S608


def _move(connection: sqlite3.Connection, table: str) -> None:
    """Insert what is staged in the order of the table's key, and only then into its other indices."""
    columns = connection.execute(f"PRAGMA main.table_info({table})").fetchall()
    order = ", ".join(column[1] for column in sorted(columns, key=lambda column: column[5]) if column[5])
    indices = connection.execute(
        "SELECT name, sql FROM main.sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", (table,)
    ).fetchall()
    for name, _ in indices:
        connection.execute(f"DROP INDEX main.{name}")
    connection.execute(f"INSERT INTO main.{table} SELECT * FROM staging.{table} ORDER BY {order}")  # noqa: S608
    for _, sql in indices:
        connection.execute(sql)


def copy(source: Path, target: Path) -> Path:
    """Copy a closed database and wait until the disk has it, so that no write-back disturbs what is measured."""
    discard(target)
    shutil.copyfile(source, target)
    _flush(target)
    return target


def discard(path: Path, *, beside_only: bool = False) -> None:
    """Remove a closed database and what SQLite and the gate keep beside it, or only that."""
    for suffix in (*(() if beside_only else ("",)), "-wal", "-shm", ".lock"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


async def _create(path: Path) -> None:
    database = Database(path)
    try:
        await database.open()
    finally:
        await database.close()


def _suppression(number: int) -> Suppression:
    """Suppress a person's phone number (0 to 5), email address (6 to 8) or contact (9)."""
    location_id, contact_id, phone, email = person(number)
    time, kind = _EPOCH + number * _SECOND, number % KINDS
    if kind in BY_PHONE:
        subject, channel = Subject(location_id, "address", phone), Channel.SMS
        cause = _PHONE_CAUSES[kind]
    elif kind in BY_EMAIL:
        subject, channel = Subject(location_id, "address", email), Channel.EMAIL
        cause = _EMAIL_CAUSES[kind - BY_EMAIL.start]
    else:
        return Suppression(Subject(location_id, "contact", contact_id), Channel.SMS, Cause.MANUAL, time)
    return Suppression(subject, channel, cause, time, event_id=f"SM{scattered(number)}")


def _links(number: int) -> Iterable[Link]:
    location_id, contact_id, phone, email = person(number)
    yield Link(location_id, contact_id, phone, linked_time=_EPOCH)
    if number % KINDS in BY_EMAIL:
        yield Link(location_id, contact_id, email, linked_time=_EPOCH)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
