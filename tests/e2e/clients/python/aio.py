"""A client on grpcio's asyncio interface; see the README beside it for what it is told and what it prints."""

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any, Final

import grpc

from tests.e2e.clients.python.orders import (
    Order,
    call_options,
    channel_options,
    method,
    request,
    tell_end,
    tell_response,
)

LINE_BYTES: Final = 16 * 1024 * 1024
"""Room for an order with a batch of large events."""


class Client:
    """Carries out each order in a task of its own."""

    def __init__(self) -> None:
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._calls: dict[int, Any] = {}
        self._stops: dict[int, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, order: Order) -> None:
        """Begin to carry out an order."""
        if order["do"] == "stop":
            self._stops[order["of"]].set()
            if order["of"] in self._calls:
                self._calls[order["of"]].cancel()
            return
        key = json.dumps(order["channel"])
        if key not in self._channels:
            target, options = order["channel"]["target"], channel_options(order["channel"])
            self._channels[key] = grpc.aio.insecure_channel(target, options)
        self._stops[order["id"]] = asyncio.Event()
        work = {"call": self._call, "watch": self._watch, "loop": self._loop}[order["do"]]
        task = asyncio.create_task(work(order, method(self._channels[key], order)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, order: Order, stub: Any) -> None:
        call = self._calls[order["id"]] = stub(request(order), **call_options(order))
        if await call.code() is grpc.StatusCode.OK:
            tell_response(order, await call)
        await self._end(order, call)

    async def _watch(self, order: Order, stub: Any) -> None:
        call = self._calls[order["id"]] = stub(request(order), **call_options(order))
        with suppress(grpc.aio.AioRpcError, asyncio.CancelledError):
            async for response in call:
                tell_response(order, response)
        await self._end(order, call)

    async def _loop(self, order: Order, stub: Any) -> None:
        calls, last = 0, False
        while not last:
            await asyncio.sleep(0.005)
            last = self._stops[order["id"]].is_set()
            call = stub(request(order), **call_options(order))
            if await call.code() is not grpc.StatusCode.OK:
                break
            calls += 1
            if calls == 1:
                tell_response(order, await call)
        await self._end(order, call, calls=calls)

    async def _end(self, order: Order, call: Any, **more: Any) -> None:
        tell_end(order, await call.code(), await call.trailing_metadata(), await call.details(), **more)

    async def close(self) -> None:
        """Close all channels."""
        for channel in self._channels.values():
            await channel.close()


async def main() -> None:
    """Carry out the orders on stdin until it ends."""
    client = Client()
    lines = asyncio.StreamReader(limit=LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        client.take(json.loads(line))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
