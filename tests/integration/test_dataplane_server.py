"""The shell around connections: addresses, age, the way out, and clients that do not read or do not talk."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from gate.dataplane.limits import Limits
from gate.errors import StartError
from tests.integration.dataplane_client import Client, eventually, goaways, served, tick, where
from tests.unit.dataplane_peer import (
    ACK,
    Kind,
    answers,
    frame,
    framed,
)

PLANES = pytest.mark.parametrize("plane", ["tcp", "unix"])
HIGHEST = 2**31 - 1


class Slow:
    """A method that waits for the test."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.began = 0
        self.cancelled = 0

    async def method(self, request: bytes, _: Any) -> bytes:
        """Wait."""
        self.began += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return request


@PLANES
async def test_calls_are_answered(plane: str, tmp_path: Path) -> None:
    """A call on either kind of address is answered."""
    async with served(where(plane, tmp_path)) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, "Echo", b"word")

        assert (await client.answer(1)).body == framed(b"word")
        client.close()


@PLANES
async def test_age(plane: str, tmp_path: Path) -> None:
    """A TCP connection is drained when it is old, so that callers spread; one on a Unix socket never is."""
    limits = Limits(age_seconds=100.0, age_grace_seconds=10.0)
    slow = Slow()
    async with served(where(plane, tmp_path), limits, Slow=slow.method) as (server, bound):
        client = await Client.connect(bound)
        client.ask(1, "Slow")
        await eventually(lambda: slow.began, "began")
        now = asyncio.get_running_loop().time()
        tick(server, now + 89)
        tick(server, now + 111)

        if plane == "unix":
            client.ask(3, "Echo")
            await client.answer(3)
            assert goaways(client.heard) == []
        else:
            assert goaways([await client.until(Kind.GOAWAY)]) == [(HIGHEST, 0)]
            slow.go.set()
            assert (await client.answer(1)).status == 0
            tick(server, now + 113)
            assert goaways(await client.rest())[-1] == (1, 0)
        client.close()


async def test_age_has_jitter() -> None:
    """Connections that began together do not end together, but within a tenth of the age."""
    async with served("127.0.0.1:0", Limits(age_seconds=100.0)) as (server, _):
        ages = {server.age() for _ in range(200)}

        assert len(ages) > 100
        assert 90 <= min(ages) < 95
        assert 105 < max(ages) <= 110


async def test_an_old_connection_with_endless_calls_is_cut() -> None:
    """A call that does not end within the grace does not keep an old connection for ever."""
    slow = Slow()
    limits = Limits(age_seconds=100.0, age_grace_seconds=10.0)
    async with served("127.0.0.1:0", limits, Slow=slow.method) as (server, bound):
        client = await Client.connect(bound)
        client.ask(1, "Slow")
        await eventually(lambda: slow.began, "began")
        now = asyncio.get_running_loop().time()

        tick(server, now + 111)
        tick(server, now + 122)

        await eventually(lambda: slow.cancelled, "cancelled")
        client.close()


@PLANES
async def test_stop_lets_calls_end(plane: str, tmp_path: Path) -> None:
    """On stop, new connections are refused, calls in flight are answered within the grace, and GOAWAY is said."""
    slow = Slow()
    async with served(where(plane, tmp_path), Slow=slow.method) as (server, bound):
        client = await Client.connect(bound)
        client.ask(1, "Slow", b"word")
        await eventually(lambda: slow.began, "began")

        stopping = asyncio.create_task(server.stop(5.0))
        ping = await client.until(Kind.PING)
        client.send(frame(Kind.PING, ACK, 0, ping.payload))
        with pytest.raises(OSError, match="onnect"):
            await Client.connect(bound)
        slow.go.set()
        frames = await client.rest()

        assert answers(frames)[1].body == framed(b"word")
        assert goaways(frames) == [(HIGHEST, 0), (1, 0)]
        client.close()
        await stopping


async def test_stop_does_not_wait_for_ever(tmp_path: Path) -> None:
    """What is not done within the grace is cancelled, and the client is hung up on."""
    slow = Slow()
    async with served(where("unix", tmp_path), Slow=slow.method) as (server, bound):
        client = await Client.connect(bound)
        client.ask(1, "Slow")
        await eventually(lambda: slow.began, "began")

        await server.stop(0.05)
        await eventually(lambda: slow.cancelled, "cancelled")

        assert not server._links  # noqa: SLF001  what is kept
        client.close()


async def test_a_port_in_use() -> None:
    """A port that somebody listens on is not shared."""
    async with served("127.0.0.1:0") as (_, bound):
        with pytest.raises(StartError, match=r"in use; name another address"):
            async with served(bound):
                pass


async def test_a_socket_in_use(tmp_path: Path) -> None:
    """A Unix socket that somebody listens on is not taken over."""
    address = where("unix", tmp_path)
    async with served(address):
        with pytest.raises(StartError, match="another server listens there"):
            async with served(address):
                pass


async def test_a_stale_socket_file(tmp_path: Path) -> None:
    """A socket file that nobody listens on any more is replaced."""
    address = where("unix", tmp_path)
    path = Path(address.removeprefix("unix:"))
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    async with served(address) as (_, bound):
        client = await Client.connect(bound)
        client.ask(1, "Echo")
        assert (await client.answer(1)).status == 0
        client.close()


async def test_a_file_that_is_no_socket(tmp_path: Path) -> None:
    """A file of another kind is left alone."""
    (tmp_path / "data.sock").write_text("precious", "utf-8")

    with pytest.raises(StartError, match="no socket"):
        async with served(where("unix", tmp_path)):
            pass

    assert (tmp_path / "data.sock").read_text("utf-8") == "precious"
