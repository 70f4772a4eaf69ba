"""ChannelService: a location's integrations."""

from sendgate.v1 import channel_pb2 as pb
from sendgate.v1 import channel_pb2_grpc as rpc

from gate.service.caller import Role
from gate.service.channels import Channels
from gate.servicers.identity import Identify, anybody
from gate.status import Context, answering
from gate.wire.channels import channel, channel_connections
from gate.wire.fields import location


class ChannelServicer(rpc.ChannelServiceServicer):
    """Serves location users and their tools."""

    def __init__(self, channels: Channels, caller: Identify = anybody) -> None:
        self._channels = channels
        self._caller = caller

    @answering
    async def ListChannels(self, request: pb.ListChannelsRequest, context: Context) -> pb.ListChannelsResponse:
        """Return all six channels."""
        by, location_id = self._caller(context), location(request.location_id)
        by.need(Role.USER, Role.SUPPORT, at=location_id)
        connections = self._channels.of(location_id)
        return pb.ListChannelsResponse(channels=channel_connections(connections))

    @answering
    async def ConnectChannel(self, request: pb.ConnectChannelRequest, context: Context) -> pb.ConnectChannelResponse:
        """Register a channel, or say that it works again."""
        by, location_id = self._caller(context), location(request.location_id)
        connections = await self._channels.connect(location_id, channel(request.channel), by)
        return pb.ConnectChannelResponse(channels=channel_connections(connections))

    @answering
    async def DisconnectChannel(
        self, request: pb.DisconnectChannelRequest, context: Context
    ) -> pb.DisconnectChannelResponse:
        """Say that a channel's integration has dropped."""
        by, location_id = self._caller(context), location(request.location_id)
        connections = await self._channels.disconnect(location_id, channel(request.channel), by)
        return pb.DisconnectChannelResponse(channels=channel_connections(connections))
