"""How a server of the library stops: calls in flight end first, and it waits for nothing that does not come."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import grpc

from gate.control.server import Server
from tests.integration.octets import DEADLINE_S, Client
from tests.unit.dataplane_peer import request, unread

GRACE_S: Final = 60.0
"""Far longer than a test may take."""

CALLS: Final = 50
CHECK: Final = b"/sendgate.v1.SendGateService/CheckSend"


@asynccontextmanager
async def served(place: Path, pause: asyncio.Event) -> AsyncIterator[tuple[Server, Client]]:
    """Serve a method that answers after a pause, with a client that the server has greeted."""

    async def answer(request: bytes, _: Any) -> bytes:
        await pause.wait()
        return request

    server = Server()
    methods = {"CheckSend": grpc.unary_unary_rpc_method_handler(answer, unread, unread)}
    server.methods.add_registered_method_handlers("sendgate.v1.SendGateService", methods)
    (bound,) = await server.listen([f"unix:{place}/control.sock"])
    client = Client(bound)
    await client.hear()
    yield server, client


async def stopped(server: Server) -> None:
    """Stop a server, which must not take as long as its grace."""
    async with asyncio.timeout(DEADLINE_S):
        await server.stop(GRACE_S)


async def test_a_client_that_answers_no_ping_holds_nothing_up(tmp_path: Path) -> None:
    """A client that was suspended, or whose machine is gone, does not keep a gate from its restart."""
    async with served(tmp_path, asyncio.Event()) as (server, client):
        await stopped(server)
        await client.rest()


async def test_calls_in_flight_are_answered_first(tmp_path: Path) -> None:
    """A call that was taken is waited for, and answered well."""
    pause = asyncio.Event()
    async with served(tmp_path, pause) as (server, client):
        client.send(request(1, path=CHECK))
        await asyncio.sleep(0.2)
        stopping = asyncio.create_task(stopped(server))
        await asyncio.sleep(0.5)
        assert not stopping.done()
        pause.set()
        await stopping
        assert (await client.rest())[1].trailers[b"grpc-status"] == b"0"


async def test_calls_that_come_as_it_stops_hold_nothing_up(tmp_path: Path) -> None:
    """Those that were taken are answered, and the others are ended instead of being waited for."""
    pause = asyncio.Event()
    pause.set()
    async with served(tmp_path, pause) as (server, client):
        client.send(b"".join(request(2 * number + 1, path=CHECK) for number in range(CALLS)))
        time.sleep(0.2)  # noqa: ASYNC251  the library has them from the socket, and the loop has heard nothing of it
        await stopped(server)
        found = await client.rest()
    assert len(found) == CALLS
    assert found[1].status == grpc.StatusCode.OK.value[0]
    assert {each.status for each in found.values()} <= {grpc.StatusCode.OK.value[0], grpc.StatusCode.CANCELLED.value[0]}
