"""Unix sockets of a server that does not tell who connects: each connection is checked here, then handed through.

The library takes connections itself and keeps their sockets to itself. So it listens on a socket in a directory that
only the gate's own user can enter, and this passes on what those say who may connect.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

from gate.identity.door import Door
from gate.listen import listening_socket
from gate.settings import UNIX

_BACKLOG: Final = 128
_PIECE: Final = 64 * 1024


class Relay:
    """Sockets in front of a server's own ones."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._directory = Path(tempfile.mkdtemp(prefix="sendgate-"))
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()

    async def listen(self, address: str, bind: Callable[[str], object]) -> None:
        """Listen on a Unix socket, for a server that is bound behind it. Raises StartError."""
        inner = self._directory / str(len(self._servers))
        sock, _ = listening_socket(address, _BACKLOG, self._door.unix_mode)
        bind(f"{UNIX}{inner}")

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = cast("asyncio.Task[None]", asyncio.current_task())
            self._open.add(task)
            try:
                await self._pass_on(reader, writer, inner)
            finally:
                self._open.discard(task)
                writer.transport.abort()

        self._servers.append(await asyncio.start_unix_server(pass_on, sock=sock, backlog=_BACKLOG))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, inner: Path) -> None:
        if not self._door.admits(writer.get_extra_info("socket")):
            return
        with suppress(OSError):
            behind_reader, behind_writer = await asyncio.open_unix_connection(str(inner))
            try:
                await asyncio.gather(_copy(reader, behind_writer), _copy(behind_reader, writer))
            finally:
                behind_writer.transport.abort()

    async def close(self) -> None:
        """Take no more connections, and let those go that the server has ended."""
        for server in self._servers:
            server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        shutil.rmtree(self._directory, ignore_errors=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    writer.write_eof()
