"""What the library knows of its clients: channelz, asked in this process and served to nobody."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from grpc_channelz.v1 import channelz_pb2 as pb
from grpc_channelz.v1.channelz import ChannelzServicer

from gate.traffic import TCP, UNIX, Traffic

ENABLED: Final = ("grpc.enable_channelz", 1)
"""The option with which a server has itself counted."""

_ask: Final[Any] = ChannelzServicer


def newest_server() -> int:
    """Return the id of the server that was made last."""
    last = 0
    while True:
        told = _ask.GetServers(pb.GetServersRequest(start_server_id=last + 1), None)
        last = max((each.ref.server_id for each in told.server), default=last)
        if told.end:
            return last


def traffic(server_id: int) -> Traffic:
    """Tell what goes on at a server, from any thread. Who ever connected and why anybody was hung up on, it forgets."""
    calls = _ask.GetServer(pb.GetServerRequest(server_id=server_id), None).server.data
    over = calls.calls_succeeded + calls.calls_failed
    connections = Counter({TCP: 0, UNIX: 0})
    connections.update(UNIX if "unix:" in name else TCP for name in _sockets(server_id))
    return Traffic(dict(connections), max(0, calls.calls_started - over), over)


def _sockets(server_id: int) -> Iterator[str]:
    last = 0
    while True:
        told = _ask.GetServerSockets(pb.GetServerSocketsRequest(server_id=server_id, start_socket_id=last + 1), None)
        for each in told.socket_ref:
            last = max(last, each.socket_id)
            yield each.name
        if told.end:
            return
