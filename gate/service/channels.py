"""A location's channels: which integrations it has, and which of them work."""

from collections.abc import Mapping

from gate.connections import Connections
from gate.errors import PreconditionError, Reason
from gate.rules import acts
from gate.rules.connection import Connection, ConnectionTimes
from gate.rules.interpret import Effects
from gate.rules.model import Channel
from gate.service.act import new_act
from gate.service.caller import Caller, Role
from gate.service.draft import Draft
from gate.service.record import Recorder


class Channels:
    """Reads and changes channels. Changes raise NotReadyError and StoreUnavailableError."""

    def __init__(self, recorder: Recorder, connections: Connections) -> None:
        self._recorder = recorder
        self._connections = connections

    def of(self, location_id: str) -> Mapping[Channel, Connection]:
        """Return the state of all six channels. Raises NotReadyError."""
        self._recorder.need_open()
        return self._connections.of(location_id)

    async def connect(self, location_id: str, channel: Channel, by: Caller) -> Mapping[Channel, Connection]:
        """Register a channel, or say that it works again."""
        by.need(Role.USER, at=location_id)

        def connect(draft: Draft, now: int) -> None:
            known = self._times(draft, location_id, channel)
            time = max(now, known.disconnected_time + 1)
            act = new_act(by, time, acts.ConnectChannel(channel), location_id)
            draft.enact(act, Effects(connections=(known._replace(connected_time=time),)), now)

        await self._recorder.act(connect)
        return self.of(location_id)

    async def disconnect(self, location_id: str, channel: Channel, by: Caller) -> Mapping[Channel, Connection]:
        """Say that a channel's integration has dropped. Raises PreconditionError where there was none."""
        by.need(Role.USER, at=location_id)
        if self.of(location_id)[channel] is Connection.NOT_CONNECTED:
            raise PreconditionError(
                Reason.CHANNEL_NOT_CONNECTED,
                f"{channel}: not among the channels that the location has registered; there is nothing to disconnect",
            )

        def disconnect(draft: Draft, now: int) -> None:
            known = self._times(draft, location_id, channel)
            time = max(now, known.connected_time)
            act = new_act(by, time, acts.DisconnectChannel(channel), location_id)
            draft.enact(act, Effects(connections=(known._replace(disconnected_time=time),)), now)

        await self._recorder.act(disconnect)
        return self.of(location_id)

    def _times(self, draft: Draft, location_id: str, channel: Channel) -> ConnectionTimes:
        return draft.connections.get((location_id, channel)) or self._connections.times(location_id, channel)
