"""Answers that nobody takes, where the library serves: what they may take has a bound, and small ones are given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from gate.control import reading
from gate.control.server import Server
from tests.integration.octets import DEADLINE_S, Client
from tests.unit.dataplane_peer import INITIAL_WINDOW, request, unread

SERVICE: Final = "sendgate.v1.ContactService"
LONG: Final = 64 * 1024
_PUSHBACK: Final = "grpc-retry-pushback-ms"


@pytest.fixture(autouse=True)
def room_for_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the bound small."""
    monkeypatch.setattr(reading, "MOST_BYTES", 3 * LONG)


@asynccontextmanager
async def served(place: Path) -> AsyncIterator[str]:
    """Serve a question and an act that are answered as long as they are asked to; yield the address."""

    async def answer(message: bytes, _: Any) -> bytes:
        return bytes(int(message))

    server = Server()
    handler = grpc.unary_unary_rpc_method_handler(answer, unread, unread)
    server.methods.add_registered_method_handlers(SERVICE, {"ListHistory": handler, "SetDnd": handler})
    (bound,) = await server.listen([f"unix:{place}/control.sock"])
    yield bound
    await server.stop(0)


async def ask(address: str, method: str, size: int) -> int:
    """Call, and return the answer's size."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(f"/{SERVICE}/{method}")
        return len(await call(str(size).encode(), timeout=DEADLINE_S))


async def refused(address: str) -> bool:
    """Tell whether a long answer is refused."""
    try:
        await ask(address, "ListHistory", LONG)
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and _PUSHBACK in dict(error.trailing_metadata() or ())
    return False


async def until(address: str, *, refuses: bool) -> None:
    """Ask until long answers are refused, or are not any more."""
    async with asyncio.timeout(DEADLINE_S):
        while await refused(address) != refuses:  # noqa: ASYNC110  what it waits for is told to nobody
            await asyncio.sleep(0.01)


async def test_answers_that_nobody_takes(tmp_path: Path) -> None:
    """Three long ones lie there: a fourth is refused, but not a short one, nor what tells that something was done."""
    async with served(tmp_path) as address:
        assert not await refused(address)
        deaf = Client(address, (INITIAL_WINDOW, 0))
        for number in range(3):
            deaf.send(request(2 * number + 1, str(LONG).encode(), f"/{SERVICE}/ListHistory".encode()))
        await until(address, refuses=True)
        assert await ask(address, "ListHistory", 100) == 100
        assert await ask(address, "SetDnd", LONG) == LONG

        deaf.close()
        await until(address, refuses=False)
