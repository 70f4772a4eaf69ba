"""What a connection needs before anything is said on it: TLS over TCP, a right user behind a Unix socket."""

import logging
import socket
import struct
from typing import Final, NamedTuple

from gate.identity.denials import DENIED, USER
from gate.identity.tls import Tls
from gate.logs.lines import CONNECTION_REFUSED
from gate.logs.tell import tell

_CREDENTIALS: Final = struct.Struct("=iII")
"""The process, the user and the group (unix(7), struct ucred)."""

_log: Final = logging.getLogger(__name__)


class Door(NamedTuple):
    """How clients come in."""

    tls: Tls | None = None
    unix_mode: int = 0o600
    unix_peers: frozenset[int] | None = None
    """The users who may connect to Unix sockets; None: all whom the mode lets."""

    def admits(self, sock: socket.socket) -> bool:
        """Tell whether the user behind a connection to a Unix socket may come in, as the kernel knows them."""
        if self.unix_peers is None or (user := peer_user(sock)) in self.unix_peers:
            return True
        DENIED[USER] += 1
        tell(_log, CONNECTION_REFUSED, peer="unix:", why=f"user {user} is not among SENDGATE_UNIX_PEERS")
        return False


def peer_user(sock: socket.socket) -> int:
    """Ask the kernel who was behind the other end when it connected."""
    told = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(told)
    return int(user)
