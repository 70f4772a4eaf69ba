"""`sendgate channel`: which integrations a location has, and which of them work."""

import rich_click as click
from sendgate.v1 import channel_pb2 as pb
from sendgate.v1 import channel_pb2_grpc as rpc

from gate.cli.client import (
    CHANNELS,
    Group,
    channel_choice,
    connected,
    console,
    control_options,
    location_option,
    print_json,
)
from gate.cli.tables import add, channel_name, connection_name, table

Listing = pb.ListChannelsResponse | pb.ConnectChannelResponse | pb.DisconnectChannelResponse


@click.group(cls=Group)
def channel() -> None:
    """See a location's channels, and say that one works or has dropped.

    A location that never connected a channel has all six. Once it connects one, the others are not connected, and
    nothing may be sent on them.
    """


@channel.command("list")
@location_option
@control_options
def list_(location: str, target: str, timeout: float, *, as_json: bool) -> None:
    """List all six channels of a location.

    For instance: `sendgate channel list --location acme-dental`

    Exit code 0: listed. 1: failed.
    """
    with connected(target) as connection:
        request = pb.ListChannelsRequest(location_id=location)
        response = rpc.ChannelServiceStub(connection).ListChannels(request, timeout=timeout)
    _print(response, as_json=as_json)


@channel.command()
@click.argument("channel", type=channel_choice)
@location_option
@control_options
def connect(channel: str, location: str, target: str, timeout: float, *, as_json: bool) -> None:
    """Say that a channel is connected, for the first time or again.

    The DND state from before a drop holds again. For instance: `sendgate channel connect sms`

    Exit code 0: connected. 1: failed.
    """
    with connected(target) as connection:
        request = pb.ConnectChannelRequest(location_id=location, channel=CHANNELS[channel])
        response = rpc.ChannelServiceStub(connection).ConnectChannel(request, timeout=timeout)
    _print(response, as_json=as_json)


@channel.command()
@click.argument("channel", type=channel_choice)
@location_option
@control_options
def disconnect(channel: str, location: str, target: str, timeout: float, *, as_json: bool) -> None:
    """Say that a channel's integration has dropped: sends on it are denied until it is connected again.

    It keeps its DND state, and still takes events and switches. For instance: `sendgate channel disconnect sms`

    Exit code 0: disconnected. 1: failed, or the location has other channels and not this one.
    """
    with connected(target) as connection:
        request = pb.DisconnectChannelRequest(location_id=location, channel=CHANNELS[channel])
        response = rpc.ChannelServiceStub(connection).DisconnectChannel(request, timeout=timeout)
    _print(response, as_json=as_json)


def _print(response: Listing, *, as_json: bool) -> None:
    if as_json:
        print_json(response)
        return
    listing = table("channel", "connection")
    for each in response.channels:
        add(listing, channel_name(each.channel), connection_name(each.connection))
    console.print(listing)
