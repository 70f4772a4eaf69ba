"""How many calls may be open on a server of the library: a real one, with methods that answer when they are told to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from gate.control import room
from gate.control.server import Server
from gate.status import SHED
from tests.integration.dataplane_client import eventually

HEALTH = "grpc.health.v1.Health"
GATE = "sendgate.v1.SendGateService"
BOUNDS = {"WATCHES": 2, "CALLS": 4, "CHECKS": 6, "PROBES": 7}
IMPORT = f"/{GATE}/ImportContacts"
METHODS = {"WATCHES": f"/{HEALTH}/Watch", "CALLS": f"/{GATE}/RecordEvent", "CHECKS": f"/{GATE}/CheckSend"}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the bounds small."""
    for name, most in BOUNDS.items():
        monkeypatch.setattr(room, name, most)


class Desk:
    """Answers nothing before it is told to."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()
        self.begun = self.ended = 0

    async def wait(self, request: bytes, _: Any) -> bytes:
        """Answer with the request."""
        self.begun += 1
        try:
            await self.answer.wait()
        finally:
            self.ended += 1
        return request

    async def at_once(self, request: bytes, _: Any) -> bytes:
        """Likewise, now."""
        return request


@asynccontextmanager
async def served(place: Path) -> AsyncIterator[tuple[Desk, grpc.aio.Channel]]:
    """Serve a desk, with a client."""
    server, desk = Server(), Desk()
    made: Callable[..., Any] = grpc.unary_unary_rpc_method_handler
    waiting = {name: made(desk.wait, bytes, bytes) for name in ("RecordEvent", "CheckSend", "ImportContacts")}
    server.methods.add_registered_method_handlers(GATE, waiting)
    server.methods.add_registered_method_handlers(
        HEALTH, {"Watch": made(desk.wait, bytes, bytes), "Check": made(desk.at_once, bytes, bytes)}
    )
    (bound,) = await server.listen([f"unix:{place}/control.sock"])
    async with grpc.aio.insecure_channel(bound) as client:
        yield desk, client
    await server.stop(0)


def call(client: grpc.aio.Channel, path: str) -> asyncio.Future[bytes]:
    """Begin a call."""
    return asyncio.ensure_future(ended(client, path))


async def ended(client: grpc.aio.Channel, path: str) -> bytes:
    """Make a call."""
    method: Any = client.unary_unary(path)
    answer: bytes = await method(b"asked", timeout=10)
    return answer


async def test_each_kind_of_call_has_its_room(tmp_path: Path) -> None:
    """Watches are refused first, then events, then checks; after all of them health is still answered."""
    shed = SHED["calls"]
    async with served(tmp_path) as (desk, client):
        calls = []
        for name, path in METHODS.items():
            while desk.begun < BOUNDS[name]:
                calls.append(call(client, path))
                await eventually(lambda: desk.begun == len(calls), "it is open")
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await ended(client, path)
            assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "too many calls are open" in str(failure.value.details())
            assert int(dict(failure.value.trailing_metadata() or ())["grpc-retry-pushback-ms"]) > 0
        assert await ended(client, f"/{HEALTH}/Check") == b"asked"
        assert len(calls) == BOUNDS["CHECKS"]

        desk.answer.set()
        assert await asyncio.gather(*calls) == [b"asked"] * len(calls)
        assert await ended(client, METHODS["WATCHES"]) == b"asked"
    assert SHED["calls"] == shed + len(METHODS)


async def test_imports_have_less_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports and exports are refused while checks and events are not."""
    monkeypatch.setattr(room, "STREAMS", 1)
    async with served(tmp_path) as (desk, client):
        for _ in range(2):
            desk.answer.clear()
            imported = call(client, IMPORT)
            await eventually(lambda: desk.begun > desk.ended, "it is open")
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await ended(client, IMPORT)
            assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            check = call(client, METHODS["CHECKS"])
            desk.answer.set()
            assert [await imported, await check] == [b"asked", b"asked"]


async def test_a_call_that_was_given_up_is_not_open(tmp_path: Path) -> None:
    """What a client cancels makes room."""
    async with served(tmp_path) as (desk, client):
        for _ in range(3 * BOUNDS["WATCHES"]):
            begun = desk.begun
            watch = call(client, METHODS["WATCHES"])
            await eventually(lambda begun=begun: desk.begun > begun, "it is open")
            watch.cancel()
            await eventually(lambda: desk.ended == desk.begun, "it is over")


async def test_a_refused_call_need_not_send_its_request(tmp_path: Path) -> None:
    """Nothing of it is read."""
    async with served(tmp_path) as (desk, client):
        calls = [call(client, METHODS["WATCHES"]) for _ in range(BOUNDS["WATCHES"])]
        await eventually(lambda: desk.begun == BOUNDS["WATCHES"], "all are open")
        unsaid: Any = client.stream_unary(METHODS["WATCHES"])
        stream = unsaid(timeout=10)
        assert await stream.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        desk.answer.set()
        await asyncio.gather(*calls)


async def test_an_unknown_method(tmp_path: Path) -> None:
    """It is UNIMPLEMENTED."""
    async with served(tmp_path) as (_, client):
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await ended(client, f"/{GATE}/Nothing")
        assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED
