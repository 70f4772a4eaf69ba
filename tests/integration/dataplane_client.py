"""The data plane's server on an event loop of the test's own, with methods that do what a test needs."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import grpc

from gate.dataplane.limits import Limits
from gate.dataplane.server import Server
from gate.identity.door import Door
from tests.unit.dataplane_peer import (
    ACK,
    EMPTY_TABLE,
    END_HEADERS,
    END_STREAM,
    PREFACE,
    Answer,
    Frame,
    Kind,
    answers,
    call_fields,
    frame,
    framed,
    literals,
    settings,
    split,
    unread,
)

DEADLINE_S = 10.0
"""How long anything may take before the test is given up; everything is far quicker."""


async def echo(request: bytes, _: Any) -> bytes:
    """Answer at once."""
    return request


@asynccontextmanager
async def served(
    address: str, limits: Limits | None = None, grace: float = 0.0, door: Door | None = None, **methods: Any
) -> AsyncIterator[Any]:
    """Serve methods of `test.Words` on an address; yield the server and where it listens."""
    server = Server(limits or Limits(), door or Door())
    serving = {"Echo": grpc.unary_unary_rpc_method_handler(echo, unread, unread)}
    for name, behaviour in methods.items():
        kind = grpc.unary_stream_rpc_method_handler if name == "Stream" else grpc.unary_unary_rpc_method_handler
        serving[name] = kind(behaviour, unread, unread)
    server.methods.add_registered_method_handlers("test.Words", serving)
    (bound,) = await server.listen([address])
    try:
        yield server, bound
    finally:
        await server.stop(grace)


async def eventually(condition: Any, what: str) -> None:
    """Let the loop turn until a condition holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110  what it waits for is told to nobody
            await asyncio.sleep(0.001)
    assert condition(), what


def where(plane: str, directory: Path) -> str:
    """Choose an address."""
    return "127.0.0.1:0" if plane == "tcp" else f"unix:{directory}/data.sock"


def goaways(frames: list[Frame]) -> list[tuple[int, int]]:
    """Return each GOAWAY's last stream and code."""
    payloads = [each.payload for each in frames if each.kind == Kind.GOAWAY]
    return [(int.from_bytes(each[:4]), int.from_bytes(each[4:8])) for each in payloads]


def tick(server: Any, now: float) -> None:
    """Let a server's connections see a later time than there is."""
    for link in list(server._links):  # noqa: SLF001  time is injected here
        link.tick(now, server._limits)  # noqa: SLF001


class Client:
    """A client of frames on a real socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.heard: list[Frame] = []

    @classmethod
    async def connect(cls, address: str, *values: tuple[int, int], tls: ssl.SSLContext | None = None) -> Self:
        """Connect and greet."""
        if address.startswith("unix:"):
            client = cls(*await asyncio.open_unix_connection(address.removeprefix("unix:")))
        else:
            host, port = address.rsplit(":", 1)
            client = cls(*await asyncio.open_connection(host, int(port), ssl=tls))
        client.send(PREFACE, settings(*values), frame(Kind.SETTINGS, ACK, 0))
        return client

    def send(self, *octets: bytes) -> None:
        """Send bytes."""
        self._writer.write(b"".join(octets))

    def ask(self, stream_id: int, name: str, message: bytes = b"", **fields: bytes | None) -> None:
        """Send a call."""
        block = EMPTY_TABLE + literals(call_fields(f"/test.Words/{name}".encode(), (), **fields))
        head = frame(Kind.HEADERS, END_HEADERS, stream_id, block)
        self.send(head, frame(Kind.DATA, END_STREAM, stream_id, framed(message)))

    async def until(self, kind: Kind, stream_id: int | None = None, *, ends: bool = False) -> Frame:
        """Read to the next frame of a kind, on a stream if one is given."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                read = await self._frame()
                wanted = read.kind == kind and stream_id in {None, read.stream_id}
                if wanted and (not ends or read.flags & END_STREAM):
                    return read

    async def over(self, stream_id: int) -> Answer:
        """Read until a call is answered or reset."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                read = await self._frame()
                if read.stream_id == stream_id and (read.kind == Kind.RST_STREAM or read.flags & END_STREAM):
                    return answers(self.heard)[stream_id]

    async def answer(self, stream_id: int) -> Answer:
        """Read a call's answer to its end."""
        await self.until(Kind.HEADERS, stream_id, ends=True)
        return answers(self.heard)[stream_id]

    async def _frame(self) -> Frame:
        head = await self._reader.readexactly(9)
        (read,) = split(head + await self._reader.readexactly(int.from_bytes(head[:3])))
        self.heard.append(read)
        return read

    async def rest(self) -> list[Frame]:
        """Read until the server hangs up."""
        async with asyncio.timeout(DEADLINE_S):
            octets = await self._reader.read()
        heard, self.heard = self.heard, []
        return [*heard, *split(octets)]

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    def socket(self) -> socket.socket:
        """Return the socket."""
        found: socket.socket = self._writer.get_extra_info("socket")
        return found
