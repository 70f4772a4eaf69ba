"""What a method sees of its call, and methods that answer with a stream."""

import time
from pathlib import Path
from typing import Any

import pytest

from gate.dataplane.limits import Limits
from tests.integration.dataplane_client import Client, eventually, goaways, served
from tests.unit.dataplane_peer import INITIAL_WINDOW, Code, Kind, frame, framed, word


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Choose a Unix socket."""
    return f"unix:{tmp_path}/data.sock"


async def test_a_stream_waits_for_its_client(address: str) -> None:
    """Each message of a stream is made when the one before is on its way, and resetting it ends the method."""
    made: list[int] = []
    ended: list[bool] = []

    async def count(_: bytes, __: Any) -> Any:
        try:
            for number in range(5):
                made.append(number)
                yield b"%d" % number
        finally:
            ended.append(True)

    async with served(address, Stream=count) as (_, bound):
        client = await Client.connect(bound, (INITIAL_WINDOW, 8))
        client.ask(1, "Stream")
        await client.until(Kind.DATA, 1)
        client.ask(3, "Echo")
        await client.answer(3)
        assert made == [0, 1]

        client.send(frame(Kind.WINDOW_UPDATE, 0, 1, word(8)))
        await eventually(lambda: made == [0, 1, 2], "the third")
        client.send(frame(Kind.RST_STREAM, 0, 1, word(Code.CANCEL)))
        await eventually(lambda: ended, "ended")
        client.close()


async def test_a_stream_ends(address: str) -> None:
    """A stream's messages come in order, and its end has a status."""

    async def count(_: bytes, __: Any) -> Any:
        for number in range(5):
            yield b"%d" % number

    async with served(address, Stream=count) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, "Stream")

        answer = await client.answer(1)

        assert (answer.body, answer.status) == (b"".join(framed(b"%d" % number) for number in range(5)), 0)
        client.close()


async def test_what_a_method_sees() -> None:
    """A method sees the caller's metadata and address."""
    seen: list[Any] = []

    async def look(request: bytes, context: Any) -> bytes:
        seen.extend((dict(context.invocation_metadata())["x-word"], context.peer(), context.auth_context()))
        return request

    async with served("127.0.0.1:0", Look=look) as (_, bound):
        client = await Client.connect(bound)
        began = time.monotonic()
        client.ask(1, "Look", x_word=b"value")
        await client.answer(1)

        assert seen == ["value", f"ipv4:127.0.0.1:{client.socket().getsockname()[1]}", {}]
        assert time.monotonic() - began < 5
        client.close()


async def test_a_stream_that_nobody_takes(address: str) -> None:
    """A stream whose messages pile up past the bound ends with its connection, and the method is told."""
    ended: list[bool] = []

    async def pour(_: bytes, __: Any) -> Any:
        try:
            while True:
                yield bytes(2_000)
        finally:
            ended.append(True)

    async with served(address, Limits(buffered_bytes=1_000), Stream=pour) as (_, bound):
        client = await Client.connect(bound, (INITIAL_WINDOW, 0))
        client.ask(1, "Stream")

        assert goaways(await client.rest()) == [(1, Code.ENHANCE_YOUR_CALM)]
        await eventually(lambda: ended, "ended")
        client.close()
