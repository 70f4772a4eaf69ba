"""Clients on real sockets that are gone at once, speak something else, do not read, or are too many."""

import asyncio
import logging
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from gate.dataplane.limits import Limits
from tests.integration.dataplane_client import Client, eventually, goaways, served, tick, where
from tests.unit.dataplane_peer import (
    ACK,
    INITIAL_WINDOW,
    PREFACE,
    Code,
    Kind,
    frame,
    settings,
    word,
)

WIDEST = 2**31 - 1


async def test_a_client_that_is_gone_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """A client that resets its connection before it is accepted leaves no trace, neither in the log nor in memory."""
    caplog.set_level(logging.WARNING)
    async with served("127.0.0.1:0") as (server, bound):
        host, port = bound.split(":")
        for _ in range(5):
            with socket.create_connection((host, int(port))) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client = await Client.connect(bound)
        client.ask(1, "Echo")
        await client.answer(1)

        await eventually(lambda: len(server._links) == 1, "forgotten")  # noqa: SLF001  what is kept
        assert caplog.records == []
        client.close()


async def test_another_protocol_is_told(tmp_path: Path) -> None:
    """A client of HTTP/1.1 gets a GOAWAY and the end of the connection."""
    async with served(where("unix", tmp_path)) as (_, bound):
        reader, writer = await asyncio.open_unix_connection(bound.removeprefix("unix:"))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")

        octets = await asyncio.wait_for(reader.read(), 5)

        assert b"no HTTP/2 with prior knowledge" in octets
        writer.close()


async def test_a_client_that_does_not_read(tmp_path: Path) -> None:
    """Nothing more is read from a client that takes no answers, others are served, and in time it is hung up on."""
    limits = Limits(request_seconds=60.0)
    asked: list[int] = []

    async def big(_: bytes, __: Any) -> bytes:
        asked.append(1)
        return bytes(16_000)

    async with served(where("unix", tmp_path), limits, Big=big) as (server, bound):
        deaf = socket.socket(socket.AF_UNIX)
        deaf.setblocking(False)
        deaf.connect(bound.removeprefix("unix:"))
        greedy = settings((INITIAL_WINDOW, WIDEST)) + frame(Kind.SETTINGS, ACK, 0)
        greedy += frame(Kind.WINDOW_UPDATE, 0, 0, word(WIDEST - 65_535))
        from_now_on = await _flood(deaf, PREFACE + greedy, asked)

        other = await Client.connect(bound)
        other.ask(1, "Echo")
        assert (await other.answer(1)).status == 0
        assert len(asked) == from_now_on < 5_000
        unsent = sum(link._transport.get_write_buffer_size() for link in server._links)  # noqa: SLF001
        assert unsent < 64 * 1024 * 1024
        now = asyncio.get_running_loop().time()
        tick(server, now + 61)
        await eventually(lambda: len(server._links) == 1, "hung up")  # noqa: SLF001
        deaf.close()
        other.close()


async def _flood(sock: socket.socket, greeting: bytes, asked: list[int]) -> int:
    """Ask and ask without reading, until no more is taken; return how many calls were begun."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, greeting)
    client = _Asker()
    try:
        async with asyncio.timeout(1.0):
            while True:
                await loop.sock_sendall(sock, client.more())
    except TimeoutError:
        return len(asked)


class _Asker:
    def __init__(self) -> None:
        self._next = 1

    def more(self) -> bytes:
        """Write a hundred calls."""
        octets: list[bytes] = []
        recorder = Client.__new__(Client)
        recorder.send = lambda *each: octets.extend(each)  # type: ignore[method-assign]
        for stream_id in range(self._next, self._next + 200, 2):
            recorder.ask(stream_id, "Big")
        self._next += 200
        return b"".join(octets)


async def test_too_many_connections(tmp_path: Path) -> None:
    """A connection past the limit and its reserve is told to be calm, and there is room again when another ends."""
    limits = Limits(connections=1, spare_connections=0)
    async with served(where("unix", tmp_path), limits) as (server, bound):
        first = await Client.connect(bound)
        first.ask(1, "Echo")
        await first.answer(1)

        second = await Client.connect(bound)
        assert goaways(await second.rest()) == [(0, Code.ENHANCE_YOUR_CALM)]
        second.close()
        first.ask(3, "Echo")
        assert (await first.answer(3)).status == 0
        first.close()
        await eventually(lambda: not server._links, "all gone")  # noqa: SLF001

        third = await Client.connect(bound)
        third.ask(1, "Echo")
        assert (await third.answer(1)).status == 0
        third.close()
