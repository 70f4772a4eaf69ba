"""A location's whole state, read in parts from one snapshot by a thread of its own."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final, NamedTuple

from gate.errors import StoreUnavailableError
from gate.rules.connection import ConnectionTimes
from gate.rules.model import Channel, Link, Suppression
from store import suppressions
from store.database import Database

PART: Final = 1_000
"""Rows in one part."""

SALTS: Final = 16
"""Salts in one part."""

_LINKS: Final = "SELECT location_id, contact_id, address, linked_time, unlinked_time FROM link WHERE location_id = ?"
_CONNECTIONS: Final = """
    SELECT location_id, channel, connected_time, disconnected_time FROM connection WHERE location_id = ?
"""
# Of no use but with tombstones, and nobody else's to learn of: that there are any tells that somebody was erased.
_SALTS: Final = """
    SELECT salt FROM salt
    WHERE EXISTS (SELECT 1 FROM suppression WHERE location_id = ? AND subject_kind = 'tombstone')
"""


class Exported(NamedTuple):
    """A part of a location's state."""

    location_id: str
    suppressions: tuple[Suppression, ...] = ()
    links: tuple[Link, ...] = ()
    connections: tuple[ConnectionTimes, ...] = ()
    salts: tuple[bytes, ...] = ()


async def parts(database: Database, location_id: str) -> AsyncGenerator[Exported, None]:
    """Read a location's state. Raises StoreUnavailableError."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="export") as thread:
        connection = await loop.run_in_executor(thread, database.connect_reader)
        try:
            reading = _read(connection, location_id)
            while (part := await loop.run_in_executor(thread, next, reading, None)) is not None:
                yield part
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"the database cannot be read ({error}); begin the export again") from error
        finally:
            await loop.run_in_executor(thread, connection.close)


def _read(connection: sqlite3.Connection, location_id: str) -> Iterator[Exported]:
    connection.execute("BEGIN")
    of = (location_id,)
    registered = [
        ConnectionTimes(location, Channel(channel), *times)
        for location, channel, *times in connection.execute(_CONNECTIONS, of)
    ]
    salts = connection.execute(_SALTS, of)
    while some := tuple(salt for (salt,) in islice(salts, SALTS)):
        yield Exported(location_id, salts=some)
    if registered:
        yield Exported(location_id, connections=tuple(registered))
    rows = suppressions.of_location(connection, location_id)
    while part := tuple(islice(rows, PART)):
        yield Exported(location_id, suppressions=part)
    links = map(Link._make, connection.execute(_LINKS, of))
    while linked := tuple(islice(links, PART)):
        yield Exported(location_id, links=linked)
