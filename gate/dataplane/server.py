"""The asyncio shell around connections: sockets, one write per read, time, and the way out."""

import asyncio
import logging
import random
import socket
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Final, cast

from gate.dataplane.calls import Calls
from gate.dataplane.connection import Connection
from gate.dataplane.context import Peer
from gate.dataplane.frames import ConnectionFaultError, ErrorCode
from gate.dataplane.handshakes import Handshakes
from gate.dataplane.heads import Heads
from gate.dataplane.limits import Limits
from gate.dataplane.memory import Memory
from gate.dataplane.methods import Methods
from gate.identity.door import Door
from gate.identity.tls import ALPN, auth_context
from gate.listen import listening_socket
from gate.logs.lines import CALLS_SHED, CONNECTION_FAULT, CONNECTION_REFUSED
from gate.logs.tell import tell
from gate.traffic import Traffic, kind

_TICK_S: Final = 1.0
_LINGER_S: Final = 1.0
"""How long a client that is hung up on may take to read why."""

_BUFFER: Final = memoryview(bytearray(64 * 1024))
"""What is read at once: some 600 calls, so that a busy connection leaves the others their turn."""

_AGE_SPREAD: Final = 0.1
_BACKLOG: Final = 1_024
_log: Final = logging.getLogger(__name__)


class Server:
    """Serves methods on addresses."""

    def __init__(self, limits: Limits = Limits(), door: Door = Door()) -> None:  # noqa: B008  they are immutable
        self.methods = Methods()
        self._limits = limits
        self._door = door
        self._heads = Heads(self.methods, limits)
        self._memory = Memory(limits.all_buffered_bytes)
        self._links: set[_Link] = set()
        self._listeners: list[asyncio.Server] = []
        self._handshakes = None if door.tls is None else Handshakes(door.tls.asyncio_context(), limits)
        self._accepted: Counter[str] = Counter(tcp=0, unix=0)
        self._faults: Counter[str] = Counter({code.name: 0 for code in ErrorCode})
        self._answered = 0
        """Calls on connections that are over."""
        self._calls = 0
        """Calls that were over when last asked."""
        self._ticking: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    async def listen(self, addresses: Iterable[str]) -> list[str]:
        """Answer on every address; return them with the ports that were chosen for `:0`. Raises StartError."""
        bound = []
        for address in addresses:
            sock, name = listening_socket(address, _BACKLOG, self._door.unix_mode)
            await self._take(sock)
            bound.append(name)
        self._tick()
        return bound

    def traffic(self) -> Traffic:
        """Tell what is going on, from any thread."""
        # One that comes just now has no connection yet.
        links = [link for link in list(self._links) if hasattr(link, "connection")]
        # One that goes just now is in neither sum; what counts up must never fall.
        self._calls = max(self._calls, self._answered + sum(link.connection.answered for link in links))
        open_now = Counter(kind(link.peer) for link in links)
        return Traffic(
            {each: open_now[each] for each in self._accepted},
            sum(link.connection.calls for link in links),
            self._calls,
            dict(self._accepted),
            dict(self._faults),
            self._memory.shed.counts(),
        )

    def admit(self, transport: asyncio.Transport) -> Peer | None:
        """Tell who has connected; None for one who may not."""
        peer = _peer(transport)
        session = transport.get_extra_info("ssl_object")
        if session is not None:
            if session.selected_alpn_protocol() == ALPN:
                return Peer(peer.name, auth_context(session))
            # It would take what we say for something else.
            tell(_log, CONNECTION_REFUSED, peer=peer.name, why="it did not ask for HTTP/2 (ALPN)")
            return None
        sock = transport.get_extra_info("socket")
        return peer if sock.family != socket.AF_UNIX or self._door.admits(sock) else None

    async def stop(self, grace: float) -> None:
        """Take no more connections, let calls in flight end within `grace` seconds, and hang up."""
        for listener in self._listeners:
            listener.close()
        if self._handshakes is not None:
            await self._handshakes.close()
        for link in list(self._links):
            link.connection.drain()
        if self._links:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), grace)
            except TimeoutError:
                for link in list(self._links):
                    link.abort()
        if self._ticking is not None:
            self._ticking.cancel()
        # One more turn of the loop, in which the transports are closed.
        await asyncio.sleep(0)

    def connection(self, link: "_Link", peer: Peer, now: float) -> Connection:
        """Begin a connection; of those too many a few may still ask for health, the others are told and ended."""
        beyond = len(self._links) - self._limits.connections
        self._accepted[kind(peer.name)] += 1
        calls = Calls(peer, spare_of=self._memory.shed if beyond >= 0 else None)
        connection = Connection(calls.start, self._heads, self._limits, now, self._memory)
        self._links.add(link)
        if beyond >= self._limits.spare_connections:
            connection.fail(ConnectionFaultError(ErrorCode.ENHANCE_YOUR_CALM, "too many connections; try another gate"))
        return connection

    def lost(self, link: "_Link") -> None:
        """Forget a connection."""
        self._links.discard(link)
        self._answered += link.connection.answered
        if not self._links:
            self._empty.set()

    def failed(self, peer: str, fault: ConnectionFaultError) -> None:
        """Note that a client is hung up on."""
        self._faults[fault.code.name] += 1
        tell(_log, CONNECTION_FAULT, peer=peer, code=fault.code.name, why=fault.why)

    async def _take(self, sock: socket.socket) -> None:
        unix = sock.family == socket.AF_UNIX
        make = partial(_Link, self, ages=not unix)
        if unix or self._handshakes is None:
            loop = asyncio.get_running_loop()
            self._listeners.append(await loop.create_server(make, sock=sock, backlog=_BACKLOG))
        else:
            self._handshakes.listen(sock, make)

    def age(self) -> float:
        """Choose how many seconds a connection may last."""
        return self._limits.age_seconds * random.uniform(1 - _AGE_SPREAD, 1 + _AGE_SPREAD)  # noqa: S311  no secret

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._ticking = loop.call_later(_TICK_S, self._tick)
        for link in list(self._links):
            link.tick(loop.time(), self._limits)
        for each, count in self._memory.shed.news(loop.time()):
            tell(_log, CALLS_SHED, kind=each, count=count)


class _Link(asyncio.BufferedProtocol):
    """One socket and its connection.

    Reads go into a buffer that all links share: asyncio's own 256 KiB for each read would cost more than a call.
    """

    connection: Connection
    peer: str
    _transport: asyncio.Transport

    def __init__(self, server: Server, *, ages: bool) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._drains_at = self._loop.time() + server.age() if ages else float("inf")
        self._ends_at = float("inf")
        self._flushing = False
        self._stuck_since: float | None = None
        self._hung_up = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)
        peer = self._server.admit(self._transport)
        if peer is None:
            # Nothing of what it still sends comes here, nor that it is gone.
            self._transport.set_protocol(asyncio.Protocol())
            self._transport.abort()
            return
        self.peer = peer.name
        self.connection = self._server.connection(self, peer, self._loop.time())
        self.connection.on_output = self._flush_soon
        self._flush()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where to read to; `buffer_updated` takes it from there before anybody else reads."""
        del sizehint
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Answer what came, in one write."""
        self._flushing = True
        self.connection.receive(_BUFFER[:nbytes].tobytes())
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop what still runs for this client."""
        del exc
        self.connection.close()
        self._server.lost(self)

    def pause_writing(self) -> None:
        """Read no more from a client that does not read: its answers would pile up."""
        self._stuck_since = self._loop.time()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        self._stuck_since = None
        if not self._hung_up:
            self._transport.resume_reading()

    def tick(self, now: float, limits: Limits) -> None:
        """Let time pass."""
        if now >= self._drains_at:
            self._drains_at = float("inf")
            self.connection.drain()
        if self.connection.goodbye.said and self._ends_at == float("inf"):
            self._ends_at = now + limits.age_grace_seconds
        stuck = self._stuck_since is not None and now - self._stuck_since > limits.request_seconds
        if stuck or now >= self._ends_at:
            self.abort()
        else:
            self.connection.tick(now)

    def abort(self) -> None:
        """Hang up without a further word."""
        self._transport.abort()

    def _flush_soon(self) -> None:
        """Write in the next turn of the loop, with whatever else comes up until then."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        octets = self.connection.take()
        if octets:
            self._transport.write(octets)
        if self.connection.closed and not self._hung_up:
            self._hang_up()

    def _hang_up(self) -> None:
        """Close so that the client can read the reason: a socket closed with unread bytes takes back what was sent."""
        self._hung_up = True
        if self.connection.fault is not None:
            self._server.failed(self.peer, self.connection.fault)
        if self._transport.is_closing():
            return
        if self.connection.fault is not None:
            # One that ends in good order closes its side as soon as it has read that we did; this one may flood us.
            self._transport.pause_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            # TLS has no half of a close.
            self._transport.close()
        self._loop.call_later(_LINGER_S, self._transport.abort)


def _peer(transport: asyncio.Transport) -> Peer:
    sock: socket.socket = transport.get_extra_info("socket")
    if sock.family == socket.AF_UNIX:
        return Peer("unix:")
    host, port = transport.get_extra_info("peername")[:2]
    return Peer(f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}")
