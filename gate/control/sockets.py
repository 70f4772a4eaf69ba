"""What the library knows of its clients: channelz, asked in this process and served to nobody."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from grpc_channelz.v1 import channelz_pb2 as pb
from grpc_channelz.v1.channelz import ChannelzServicer

from gate.traffic import TCP, UNIX, Traffic

ENABLED: Final = ("grpc.enable_channelz", 1)
"""The option with which a server has itself counted."""

PENDING: Final = "pending"
"""Calls that were shed because too many waited to be taken."""

_ask: Final[Any] = ChannelzServicer


def newest_server() -> int:
    """Return the id of the server that was made last."""
    last = 0
    while True:
        told = _ask.GetServers(pb.GetServersRequest(start_server_id=last + 1), None)
        last = max((each.ref.server_id for each in told.server), default=last)
        if told.end:
            return last


def traffic(server_id: int, dropped: int) -> Traffic:
    """Tell what goes on at a server, from any thread. Who ever connected and why anybody was hung up on, it forgets.

    Calls that it drops because too many wait to be taken it counts as begun and never as over. They are what is missing
    between those and the streams that are open: asked for in this order never more than there were, and not less than
    `dropped`, what was told of them before.
    """
    begun = _calls(server_id).calls_started
    connections = Counter({TCP: 0, UNIX: 0})
    streams = 0
    for socket_id, name in list(_sockets(server_id)):
        connections[UNIX if "unix:" in name else TCP] += 1
        streams += _streams(socket_id)
    calls = _calls(server_id)
    over = calls.calls_succeeded + calls.calls_failed
    dropped = max(dropped, begun - over - streams)
    return Traffic(dict(connections), streams, over + dropped, shed={PENDING: dropped})


def _calls(server_id: int) -> Any:
    return _ask.GetServer(pb.GetServerRequest(server_id=server_id), None).server.data


def _streams(socket_id: int) -> int:
    try:
        told = _ask.GetSocket(pb.GetSocketRequest(socket_id=socket_id), None).socket.data
    except AttributeError:  # it was closed since, which is said to a context, and there is none
        return 0
    return max(0, int(told.streams_started - told.streams_succeeded - told.streams_failed))


def _sockets(server_id: int) -> Iterator[tuple[int, str]]:
    last = 0
    while True:
        told = _ask.GetServerSockets(pb.GetServerSocketsRequest(server_id=server_id, start_socket_id=last + 1), None)
        for each in told.socket_ref:
            last = max(last, each.socket_id)
            yield each.socket_id, each.name
        if told.end:
            return
