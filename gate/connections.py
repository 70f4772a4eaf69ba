"""The locations' channels in memory, for every check asks; all of them fit."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from gate.rules.connection import Connection, ConnectionTimes, connections, join_connections
from gate.rules.judge import ALL_CHANNELS
from gate.rules.model import Channel

_ALL_CONNECTED: Final[Mapping[Channel, Connection]] = MappingProxyType(dict(connections(())))


class Connections:
    """What each location registered; one that registered nothing has all six channels."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[Channel, ConnectionTimes]] = {}
        self._states: dict[str, Mapping[Channel, Connection]] = {}
        self._enlisted: dict[str, frozenset[Channel]] = {}

    def of(self, location_id: str) -> Mapping[Channel, Connection]:
        """Return the state of all six channels of a location."""
        return self._states.get(location_id, _ALL_CONNECTED)

    def enlisted(self, location_id: str) -> frozenset[Channel]:
        """Return the channels that count for a contact's status: those whose integration exists and works."""
        return self._enlisted.get(location_id, ALL_CHANNELS)

    def times(self, location_id: str, channel: Channel) -> ConnectionTimes:
        """Return when a channel was last connected and disconnected."""
        return self._rows.get(location_id, {}).get(channel, ConnectionTimes(location_id, channel))

    def publish(self, rows: Iterable[ConnectionTimes]) -> None:
        """Show what a commit put into the store to every later check. Call it right after the commit."""
        for row in rows:
            known = self._rows.setdefault(row.location_id, {})
            known[row.channel] = join_connections(known[row.channel], row) if row.channel in known else row
            states = self._states[row.location_id] = connections(known.values())
            working = (channel for channel, state in states.items() if state is Connection.CONNECTED)
            self._enlisted[row.location_id] = frozenset(working)
