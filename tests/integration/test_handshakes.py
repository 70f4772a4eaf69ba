"""Handshakes of TLS: how many are under way at once, and what becomes of those that lead to nothing."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from gate.dataplane.handshakes import Handshakes
from gate.dataplane.limits import Limits
from gate.identity.door import Door
from gate.identity.tls import ALPN, Tls, TlsFiles
from gate.listen import listening_socket
from tests.e2e.certificates import Authority
from tests.integration.dataplane_client import DEADLINE_S, Client, eventually, served
from tests.unit.dataplane_peer import framed

FOR_EVER_S = 10 * DEADLINE_S
Connect = Callable[[str], socket.socket]


class Sides(NamedTuple):
    """What both sides of a connection need."""

    tls: Tls
    client: ssl.SSLContext


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    """Make a certificate, and a client that trusts it."""
    authority = Authority()
    certificate, key = authority.issue("ip:127.0.0.1").write(tmp_path, "gate")
    client = ssl.create_default_context(cadata=authority.certificate.decode())
    client.set_alpn_protocols([ALPN])
    return Sides(Tls(TlsFiles(certificate, key, None)), client)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connect without a word."""
    with ExitStack() as stack:

        def connect(address: str) -> socket.socket:
            host, port = address.rsplit(":", 1)
            return stack.enter_context(socket.create_connection((host, int(port)), DEADLINE_S))

        yield connect


@asynccontextmanager
async def listening(sides: Sides, limits: Limits) -> AsyncIterator[tuple[Handshakes, str]]:
    """Take connections with protocols that do nothing."""
    handshakes = Handshakes(sides.tls.asyncio_context(), limits)
    sock, bound = listening_socket("127.0.0.1:0", 100)
    handshakes.listen(sock, asyncio.Protocol)
    try:
        yield handshakes, bound
    finally:
        await handshakes.close()


async def ended(sock: socket.socket) -> bool:
    """Wait until the other side has hung up."""
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(DEADLINE_S):
        try:
            return await loop.sock_recv(sock, 1) == b""
        except ConnectionResetError:
            return True


async def test_no_more_than_so_many_are_under_way(sides: Sides, connect: Connect) -> None:
    """Of clients that connect and say nothing only so many are taken; the others wait until those are given up."""
    limits = Limits(handshakes=4, handshake_seconds=FOR_EVER_S, hurried_seconds=0.05)
    async with listening(sides, limits) as (handshakes, bound):
        silent = [connect(bound) for _ in range(20)]
        most = 0

        async def count() -> None:
            nonlocal most
            while True:
                most = max(most, len(handshakes))
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        try:
            assert all([await ended(each) for each in silent[2:]])
        finally:
            counting.cancel()
        assert most == 4
        await eventually(lambda: len(handshakes) == 2, "only the patient ones under way")


async def test_a_client_in_earnest_is_answered_beside_silent_ones(sides: Sides, connect: Connect) -> None:
    """However many half-open handshakes came before it, a client gets its turn and its answer."""
    limits = Limits(handshakes=4, handshake_seconds=FOR_EVER_S, hurried_seconds=0.05)
    async with served("127.0.0.1:0", limits, door=Door(sides.tls)) as (_, bound):
        for _ in range(20):
            connect(bound)

        client = await Client.connect(bound, tls=sides.client)
        client.ask(1, "Echo", b"word")

        assert (await client.answer(1)).body == framed(b"word")
        client.close()


async def test_patience_where_there_is_room(sides: Sides, connect: Connect) -> None:
    """As long as few handshakes are under way, a slow one has all of its time."""
    limits = Limits(handshakes=4, handshake_seconds=FOR_EVER_S, hurried_seconds=0.001)
    async with listening(sides, limits) as (handshakes, bound):
        slow = connect(bound)
        await eventually(lambda: len(handshakes) == 1, "begun")
        client = await Client.connect(bound, tls=sides.client)
        client.close()
        await eventually(lambda: len(handshakes) == 1, "the other one over")

        slow.setblocking(False)
        with pytest.raises(BlockingIOError):
            slow.recv(1)
        slow.close()
        await eventually(lambda: len(handshakes) == 0, "given up by its client")


async def test_a_failed_handshake_gives_its_place_back(sides: Sides, connect: Connect) -> None:
    """Clients that speak no TLS, or go away, do not use up the places."""
    limits = Limits(handshakes=1, handshake_seconds=FOR_EVER_S, hurried_seconds=FOR_EVER_S)
    async with served("127.0.0.1:0", limits, door=Door(sides.tls)) as (_, bound):
        for _ in range(3):
            connect(bound).close()
            sock = connect(bound)
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            sock.shutdown(socket.SHUT_WR)
        client = await Client.connect(bound, tls=sides.client)
        client.ask(1, "Echo", b"word")

        assert (await client.answer(1)).status == 0
        client.close()


async def test_the_end_gives_up_what_is_under_way(sides: Sides, connect: Connect) -> None:
    """Whoever is in the middle of a handshake when the gate stops is hung up on, and nobody else is let in."""
    async with listening(sides, Limits(handshakes=2, handshake_seconds=FOR_EVER_S)) as (handshakes, bound):
        silent = connect(bound)
        await eventually(lambda: len(handshakes) == 1, "begun")

    assert await ended(silent)
    with pytest.raises(ConnectionRefusedError):
        connect(bound)
