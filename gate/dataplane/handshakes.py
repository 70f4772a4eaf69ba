"""Take connections over TLS: a handshake counts from the accept on, and only so many are under way at once.

asyncio's own servers begin as many as come and tell of none until it is over, while each takes a quarter of a megabyte.
Here further ones wait in the system's queue. Those that do nothing are given up, the sooner the more there are, so that
clients in earnest get their turn.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from gate.dataplane.limits import Limits

_LINGER_S: Final = 1.0
"""How long a client may take to say goodbye to TLS."""

_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE_S: Final = 1.0
"""Until connections are taken again, where the system had no room for one."""


class Handshakes:
    """Sets up connections over TLS, on any number of addresses. `context` is for all of them."""

    def __init__(self, context: ssl.SSLContext, limits: Limits) -> None:
        self._context = context
        self._limits = limits
        self._places = asyncio.Semaphore(limits.handshakes)
        self._under_way: set[asyncio.Task[None]] = set()
        self._listening: dict[asyncio.Task[None], socket.socket] = {}

    def __len__(self) -> int:
        """Count the handshakes that are under way."""
        return len(self._under_way)

    def listen(self, sock: socket.socket, make: Callable[[], asyncio.BaseProtocol]) -> None:
        """Take connections of a listening socket, each with a protocol of its own."""
        sock.setblocking(False)
        self._listening[asyncio.create_task(self._accept(sock, make), name="accept")] = sock

    async def close(self) -> None:
        """Take no more connections, and give up what is under way."""
        tasks = [*self._listening, *self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for sock in self._listening.values():
            sock.close()
        self._listening.clear()

    async def _accept(self, listening: socket.socket, make: Callable[[], asyncio.BaseProtocol]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno in _NO_ROOM:
                    loop.call_exception_handler({"message": "no room for a connection", "exception": error})
                    await asyncio.sleep(_PAUSE_S)
                # Otherwise its client has gone already.
                continue
            try:
                await self._places.acquire()
            except asyncio.CancelledError:
                sock.close()
                raise
            hurried = len(self._under_way) >= self._limits.handshakes // 2
            seconds = self._limits.hurried_seconds if hurried else self._limits.handshake_seconds
            task = loop.create_task(self._shake_hands(sock, make, seconds))
            self._under_way.add(task)
            task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._places.release()

    async def _shake_hands(self, sock: socket.socket, make: Callable[[], asyncio.BaseProtocol], seconds: float) -> None:
        # Whoever fails here has nobody to be told, and asyncio has closed the socket.
        with suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                make,
                sock,
                ssl=self._context,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=_LINGER_S,
            )
