"""A grpc.aio server on a list of addresses, each of which must be free."""

import asyncio
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from gate.control import sockets
from gate.control.relay import Relay
from gate.control.room import Room
from gate.errors import StartError
from gate.identity.door import Door
from gate.listen import need_free, socket_mode
from gate.settings import UNIX, split_host_port
from gate.traffic import Traffic

MAX_MESSAGE_BYTES: Final = 6 * 1024 * 1024
"""Room for 1,000 events with bodies of 4 KiB; more would hold up the event loop."""

_OPTIONS: Final = (
    # Otherwise a second process binds the same port without an error.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # Clients may ping every 10 s, without calls too; the library's default punishes them. Half of it, since pings may
    # come closer together than they were sent.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Of each connection; the library's default is no bound at all. Calls that gave up count until they are cleared
    # away, and beyond the bound new ones fail: there is room for those that waited for a restart.
    ("grpc.max_concurrent_streams", 10_000),
    # Calls that wait to be taken, of all connections. Beyond the first bound the library cancels some, beyond the
    # second all; its defaults of 1,000 and 3,000 are less than what waits for a restart. More than this would take
    # longer than the 2 seconds in which a gate is to be itself again after a flood.
    ("grpc.server.max_pending_requests", 4_000),
    ("grpc.server.max_pending_requests_hard_limit", 6_000),
    # Of a body, before its call is taken. The library's default is 64 KiB, and more as it thinks fit.
    ("grpc.http2.lookahead_bytes", 2_048),
    ("grpc.http2.bdp_probe", 0),
    # On each address; the library's default is no bound.
    ("grpc.max_allowed_incoming_connections", 4_096),
    ("grpc.server_handshake_timeout_ms", 10_000),
)


_LAST_S: Final = 0.25
"""How long clients may take to hear that a server stops when no call of theirs is open: a ping there and back."""


class Server:
    """A server; services are added to its `methods` before it listens. A `counted` one can tell its traffic."""

    def __init__(self, door: Door = Door(), *, counted: bool = False) -> None:  # noqa: B008  it is immutable
        self._door = door
        self._relay: Relay | None = None
        self.methods: Any = Room()
        options = (*_OPTIONS, sockets.ENABLED) if counted else _OPTIONS
        self._server = grpc.aio.server(handlers=[self.methods], options=options)
        self._bounding: asyncio.Task[None] | None = None
        self._id = sockets.newest_server() if counted else None
        self._dropped = 0

    def add_reflection(self, services: Iterable[str]) -> None:
        """Let clients ask which services there are."""
        servicer = reflection.aio.ReflectionServicer((*services, reflection.SERVICE_NAME))
        add: Any = reflection_pb2_grpc.add_ServerReflectionServicer_to_server
        add(servicer, self.methods)

    async def listen(self, addresses: Iterable[str]) -> list[str]:
        """Answer on every address; return them with the ports that were chosen for `:0`. Raises StartError."""
        bound = [await self._listen(address) for address in addresses]
        await self._server.start()
        self._bounding = asyncio.create_task(self.methods.reading.keep_bounded())
        return bound

    def traffic(self) -> Traffic:
        """Tell what is going on, from any thread."""
        if self._id is None:
            return Traffic({}, 0, 0)
        told = sockets.traffic(self._id, self._dropped)
        self._dropped = told.shed[sockets.PENDING]
        return told

    async def stop(self, grace: float) -> None:
        """Take no more calls, and let those in flight end within `grace` seconds.

        The library may wait longer than that for nothing: for a call that came in the moment in which it stopped, which
        nobody has taken, and for a client that does not answer its ping. Such calls end CANCELLED.
        """
        stopping = asyncio.create_task(self._server.stop(grace))
        empty = asyncio.create_task(self._empty())
        await asyncio.wait((stopping, empty), return_when=asyncio.FIRST_COMPLETED)
        empty.cancel()
        if not stopping.done():
            await self._server.stop(None)
        await stopping
        if self._bounding is not None:
            self._bounding.cancel()
        if self._relay is not None:
            await self._relay.close()

    async def _empty(self) -> None:
        await self.methods.wait_until_empty()
        await asyncio.sleep(_LAST_S)

    async def _listen(self, address: str) -> str:
        if not address.startswith(UNIX) or self._door.unix_peers is None:
            need_free(address)
            return self._bind(address)
        self._relay = self._relay or Relay(self._door)
        await self._relay.listen(address, self._bind)
        return address

    def _bind(self, address: str) -> str:
        unix = address.startswith(UNIX)
        try:
            with socket_mode(Path(address.removeprefix(UNIX)), self._door.unix_mode) if unix else nullcontext():
                if unix or self._door.tls is None:
                    port = self._server.add_insecure_port(address)
                else:
                    port = self._server.add_secure_port(address, self._door.tls.grpc_credentials())
        except RuntimeError as error:
            raise StartError(f"listen {address}: {error}") from error
        return address if unix else f"{split_host_port(address)[0]}:{port}"
