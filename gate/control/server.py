"""Start a grpc.aio server on a list of addresses, each of which must be free."""

import errno
import os
import socket
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import grpc
from grpc_reflection.v1alpha import reflection

from gate.errors import StartError
from gate.settings import UNIX, split_host_port

MAX_MESSAGE_BYTES: Final = 6 * 1024 * 1024
"""Room for 1,000 events with bodies of 4 KiB; more would hold up the event loop."""

_OPTIONS: Final = (
    # Otherwise a second process binds the same port without an error.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # Clients may ping every 10 s, without calls too; the library's default punishes them.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


def create() -> grpc.aio.Server:
    """Create a server; services are added before it is bound."""
    return grpc.aio.server(options=_OPTIONS)


def add_reflection(server: grpc.aio.Server, services: Iterable[str]) -> None:
    """Let clients ask which services there are."""
    reflection.enable_server_reflection((*services, reflection.SERVICE_NAME), server)


def bind(server: grpc.aio.Server, addresses: Iterable[str]) -> list[str]:
    """Bind every address and return them with the ports that were chosen for `:0`. Raises StartError."""
    bound = []
    for address in addresses:
        if address.startswith(UNIX):
            _free_socket_file(address)
        else:
            _check_port(address)
        try:
            port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise StartError(f"listen {address}: {error}") from error
        bound.append(address if address.startswith(UNIX) else f"{split_host_port(address)[0]}:{port}")
    return bound


def _check_port(address: str) -> None:
    """Find out whether a port is free before the library does, whose error is many lines long."""
    host, port = split_host_port(address)
    try:
        family, kind, _, _, target = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
            probe.listen()
    except OSError as error:
        raise StartError(f"listen {address}: {error.strerror}; name another address or stop what uses it") from error


def _free_socket_file(address: str) -> None:
    """Remove a socket file that nobody listens on any more; a live one is an error."""
    path = Path(address.removeprefix(UNIX))
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise StartError(f"listen {address}: a file is in the way that is no socket; name another path")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
    except FileNotFoundError:
        _check_directory(address, path)
    except OSError as error:
        if error.errno != errno.ECONNREFUSED:
            raise StartError(f"listen {address}: {error.strerror}") from error
        path.unlink(missing_ok=True)
    else:
        raise StartError(f"listen {address}: another server listens there; stop it or name another path")


def _check_directory(address: str, path: Path) -> None:
    if not os.access(path.parent, os.W_OK):
        raise StartError(f"listen {address}: {path.parent} is no writable directory; create it or name another path")
