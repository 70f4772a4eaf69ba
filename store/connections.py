"""Which channels the locations registered, and when each was last connected and disconnected."""

from collections.abc import Iterable
from typing import Final

from gate.rules.connection import ConnectionTimes
from gate.rules.model import Channel
from store.database import Database, Write

_MERGE: Final = """
    INSERT INTO connection VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        connected_time = max(connected_time, excluded.connected_time),
        disconnected_time = max(disconnected_time, excluded.disconnected_time)
"""
_ALL: Final = "SELECT location_id, channel, connected_time, disconnected_time FROM connection"


def merge(rows: Iterable[ConnectionTimes]) -> Write:
    """Raise each connection's two times to at least the given ones."""
    return _MERGE, [(row.location_id, row.channel.value, *row[2:]) for row in rows]


def read_all(database: Database) -> list[ConnectionTimes]:
    """Read the connections of all locations."""
    return [
        ConnectionTimes(location_id, Channel(channel), *times) for location_id, channel, *times in database.read(_ALL)
    ]
