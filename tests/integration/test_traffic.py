"""What the data plane's transport counts of its clients, and what it tells of those whom it refuses."""

import asyncio
import logging
import os
import socket
from pathlib import Path

import pytest

from gate.dataplane.limits import Limits
from gate.dataplane.memory import Shed
from gate.identity.denials import DENIED, USER
from gate.identity.door import Door
from gate.traffic import Traffic
from tests.integration.dataplane_client import Client, eventually, served, where
from tests.unit.dataplane_peer import END_HEADERS, Code, Kind, call_fields, frame, framed, headers

RESOURCE_EXHAUSTED = 8
NOBODY = {"tcp": 0, "unix": 0}
NO_SHED = {"connections": 0, "memory": 0, "streams": 0}


async def never(_: bytes, __: object) -> bytes:
    """Answer never."""
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_connections_and_calls_are_counted(tmp_path: Path, kind: str) -> None:
    """Connections by kind of address, open and ever; calls that run, and those that are over on any connection."""
    async with served(where(kind, tmp_path), Slow=never) as (server, bound):
        for place in range(2):
            client = await Client.connect(bound)
            client.ask(1, "Echo")
            await client.answer(1)
            client.ask(3, "Slow")
            await eventually(lambda: server.traffic().streams == 1, "one call runs")
            assert server.traffic().connections == NOBODY | {kind: 1}
            assert server.traffic().accepted == NOBODY | {kind: place + 1}
            client.close()
            await eventually(lambda: server.traffic().streams == 0, "none runs any more")
        await eventually(lambda: server.traffic().connections == NOBODY, "all gone")
        told: Traffic = server.traffic()

    assert told.calls == 2
    assert not any(told.faults.values())
    assert told.shed == NO_SHED


async def test_calls_on_spare_connections_are_shed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A call on a connection beyond those that are served counts as shed, and the next tick tells it."""
    caplog.set_level(logging.WARNING)
    async with served(where("unix", tmp_path), Limits(connections=0, spare_connections=1)) as (server, bound):
        client = await Client.connect(bound)
        client.ask(1, "Echo")
        assert (await client.answer(1)).status == RESOURCE_EXHAUSTED

        assert server.traffic().shed == NO_SHED | {"connections": 1}
        await eventually(lambda: caplog.messages, "told")
        client.close()

    assert caplog.messages == ["1 calls were refused, too much of: connections"]


async def test_streams_beyond_the_limit_are_shed(tmp_path: Path) -> None:
    """A call beyond those that a connection may have at once counts as shed."""
    async with served(where("unix", tmp_path), Limits(streams=1), Slow=never) as (server, bound):
        client = await Client.connect(bound)
        client.ask(1, "Slow")
        client.ask(3, "Slow")
        assert int.from_bytes((await client.until(Kind.RST_STREAM, 3)).payload) == Code.REFUSED_STREAM

        assert server.traffic().shed == NO_SHED | {"streams": 1}
        client.close()


async def test_bytes_beyond_the_limit_are_shed(tmp_path: Path) -> None:
    """A request that finds too many bytes of others held counts as shed."""
    async with served(where("unix", tmp_path), Limits(all_buffered_bytes=1_000)) as (server, bound):
        client = await Client.connect(bound)
        client.send(
            headers(1, call_fields(b"/test.Words/Echo"), END_HEADERS),
            frame(Kind.DATA, 0, 1, framed(bytes(9_000))[:2_000]),
        )
        assert (await client.answer(1)).status == RESOURCE_EXHAUSTED

        assert server.traffic().shed == NO_SHED | {"memory": 1}
        client.close()


def test_shed_calls_are_told_at_most_every_ten_seconds() -> None:
    """Of each kind all that came since the last time are told, and never twice."""
    shed = Shed()
    shed.memory = 3
    assert list(shed.news(100.0)) == [("memory", 3)]
    shed.memory += 5
    shed.streams = 1
    assert list(shed.news(109.0)) == [("streams", 1)]
    assert list(shed.news(110.0)) == [("memory", 5)]
    assert list(shed.news(200.0)) == []


def test_a_user_who_may_not_connect(caplog: pytest.LogCaptureFixture) -> None:
    """One behind a Unix socket who is not on the list counts as a failed authentication, and is told."""
    before = DENIED[USER]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert Door(unix_peers=frozenset({os.getuid()})).admits(ours)
        assert DENIED[USER] == before
        assert not Door(unix_peers=frozenset({os.getuid() + 1})).admits(ours)

    assert DENIED[USER] == before + 1
    assert f"user {os.getuid()} is not among SENDGATE_UNIX_PEERS" in caplog.text
