"""Channels: a location's connections to messages."""

from collections.abc import Mapping

from sendgate.v1 import channel_pb2 as pb

from gate.rules.connection import Connection
from gate.rules.model import Channel
from gate.wire.enums import CHANNEL_NUMBERS, CHANNELS, CONNECTION_NUMBERS
from gate.wire.fields import enum_value


def channel(number: int) -> Channel:
    """Read which channel is meant. Raises InvalidFieldError."""
    return enum_value("channel", number, CHANNELS, "Channel")


def channel_connections(connections: Mapping[Channel, Connection]) -> list[pb.ChannelConnection]:
    """Write all six channels."""
    return [
        pb.ChannelConnection(channel=CHANNEL_NUMBERS[channel], connection=CONNECTION_NUMBERS[connections[channel]])
        for channel in Channel
    ]
