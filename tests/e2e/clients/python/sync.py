"""A client on grpcio's blocking interface; see the README beside it for what it is told and what it prints."""

import json
import sys
from contextlib import suppress
from threading import Event, Thread
from typing import Any

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


class Client:
    """Carries out each order in a thread of its own."""

    def __init__(self) -> None:
        self._channels: dict[str, grpc.Channel] = {}
        self._calls: dict[int, Any] = {}
        self._stops: dict[int, Event] = {}

    def take(self, order: Order) -> None:
        """Begin to carry out an order."""
        if order["do"] == "stop":
            self._stops[order["of"]].set()
            if order["of"] in self._calls:
                self._calls[order["of"]].cancel()
            return
        key = json.dumps(order["channel"])
        if key not in self._channels:
            self._channels[key] = grpc.insecure_channel(order["channel"]["target"], channel_options(order["channel"]))
        self._stops[order["id"]] = Event()
        work = {"call": self._call, "watch": self._watch, "loop": self._loop}[order["do"]]
        Thread(target=work, args=(order, method(self._channels[key], order)), daemon=True).start()

    def _call(self, order: Order, stub: Any) -> None:
        call = self._calls[order["id"]] = stub.future(request(order), **call_options(order))
        if call.code() is grpc.StatusCode.OK:
            tell_response(order, call.result())
        tell_end(order, call.code(), call.trailing_metadata(), call.details())

    def _watch(self, order: Order, stub: Any) -> None:
        call = self._calls[order["id"]] = stub(request(order), **call_options(order))
        # Iterating raises the call itself when it ends badly.
        with suppress(grpc.RpcError):
            for response in call:
                tell_response(order, response)
        tell_end(order, call.code(), call.trailing_metadata(), call.details())

    def _loop(self, order: Order, stub: Any) -> None:
        calls, last = 0, False
        while not last:
            last = self._stops[order["id"]].wait(0.005)
            call = stub.future(request(order), **call_options(order))
            if call.code() is not grpc.StatusCode.OK:
                break
            calls += 1
            if calls == 1:
                tell_response(order, call.result())
        tell_end(order, call.code(), call.trailing_metadata(), call.details(), calls=calls)

    def close(self) -> None:
        """Close all channels."""
        for channel in self._channels.values():
            channel.close()


if __name__ == "__main__":
    client = Client()
    for line in sys.stdin:
        client.take(json.loads(line))
    client.close()
