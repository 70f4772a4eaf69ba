"""Which channels a location has: integrations as pairs of times, merged by taking the later ones."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from gate.rules.model import NEVER, Channel


class Connection(StrEnum):
    """The state of a channel's integration in a location."""

    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    NOT_CONNECTED = "NOT_CONNECTED"


class ConnectionTimes(NamedTuple):
    """When a channel was last connected and last disconnected; at the same time, disconnected counts."""

    location_id: str
    channel: Channel
    connected_time: int = NEVER
    disconnected_time: int = NEVER


def join_connections(one: ConnectionTimes, other: ConnectionTimes) -> ConnectionTimes:
    """Take the later of both times."""
    return one._replace(
        connected_time=max(one.connected_time, other.connected_time),
        disconnected_time=max(one.disconnected_time, other.disconnected_time),
    )


def connections(rows: Iterable[ConnectionTimes]) -> Mapping[Channel, Connection]:
    """Tell the state of all six channels from a location's rows.

    A location that never registered a channel has all six; once it registers one, the others are not connected.
    """
    known = {row.channel: row for row in rows}
    registered = any(row.connected_time > NEVER for row in known.values())
    return {channel: _connection(known.get(channel), registered=registered) for channel in Channel}


def _connection(row: ConnectionTimes | None, *, registered: bool) -> Connection:
    if registered and (row is None or row.connected_time == NEVER):
        return Connection.NOT_CONNECTED
    if row is not None and row.disconnected_time > NEVER and row.disconnected_time >= row.connected_time:
        return Connection.DISCONNECTED
    return Connection.CONNECTED
