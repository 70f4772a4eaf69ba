"""A client of bytes on a Unix socket, which answers no ping and takes no more than it asks for."""

import asyncio
import socket
from typing import Final

from tests.unit.dataplane_peer import ACK, PREFACE, Answer, Kind, answers, frame, settings, split

DEADLINE_S: Final = 10.0


class Client:
    """A client with settings of its own."""

    def __init__(self, address: str, *values: tuple[int, int]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(DEADLINE_S)
        self._socket.connect(address.removeprefix("unix:"))
        self._heard = b""
        self.send(PREFACE + settings(*values) + frame(Kind.SETTINGS, ACK, 0))

    def send(self, octets: bytes) -> None:
        """Send that."""
        self._socket.sendall(octets)

    async def hear(self) -> None:
        """Hear something."""
        self._heard += await asyncio.to_thread(self._socket.recv, 65_536)

    async def rest(self) -> dict[int, Answer]:
        """Hear everything until the server hangs up, and tell how each stream was answered."""
        with self._socket:
            while part := await asyncio.to_thread(self._socket.recv, 65_536):
                self._heard += part
        return answers(split(self._heard))

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
