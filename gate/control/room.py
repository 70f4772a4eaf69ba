"""How many calls may be open on a server of the library, which has no bound over all connections that knows them apart.

It asks here for the method of each call before it reads the request, in the call's own task. A call beyond the bound
is answered without a request being read; what the requests and answers of the others may take is bounded in `reading`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

import grpc

from gate.control.reading import Reading
from gate.errors import TooManyCallsError
from gate.status import end

_HEALTH: Final = "/grpc.health.v1.Health/"
_GATE: Final = "/sendgate.v1.SendGateService/"
_CHECKS: Final = ("CheckSend", "BatchCheckSend", "ScreenContacts")
_STREAMS: Final = ("ImportContacts", "ExportContacts")

WATCHES: Final = 2_048
"""Calls that may be open when one more watch of the health begins: those stay for as long as their clients like."""

CALLS: Final = 8_192
"""Likewise for what is neither about the health nor a check: more than a full queue of single events takes."""

CHECKS: Final = CALLS * 3 // 2
PROBES: Final = CHECKS + 256
"""Likewise for checks, and for questions after the health. Each answers at once what it is told."""

STREAMS: Final = 64
"""Imports and exports that may be open: each may have a message of megabytes under way."""


class Room(grpc.GenericRpcHandler):
    """Counts open calls; takes `add_*Servicer_to_server`'s registration in the server's place."""

    def __init__(self) -> None:
        self._methods: dict[str, tuple[Any, int, bool]] = {}
        self.reading = Reading()
        self._open = 0
        self._streams = 0
        self._emptied = asyncio.Event()

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        """Ignore the older form of what `add_registered_method_handlers` gets."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Add the methods of a service."""
        for name, handler in handlers.items():
            path = f"/{service}/{name}"
            self._methods[path] = (self.reading.reading(name, handler), _most(path), name in _STREAMS)

    def service(self, handler_call_details: Any) -> Any:
        """Return the method of a call, what refuses the call if there is no room for it, or None if there is none."""
        found = self._methods.get(handler_call_details.method)
        if found is None:
            return None
        handler, most, stream = found
        if self._open >= most or (stream and self._streams >= STREAMS):
            return _refusal(handler_call_details.method)
        self._open += 1
        self._streams += stream
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        task.add_done_callback(self._stream_over if stream else self._over)
        return handler

    async def wait_until_empty(self) -> None:
        """Wait until no call is open."""
        while self._open:
            self._emptied.clear()
            await self._emptied.wait()

    def _stream_over(self, task: object) -> None:
        self._streams -= 1
        self._over(task)

    def _over(self, _: object) -> None:
        self._open -= 1
        if not self._open:
            self._emptied.set()


def _most(path: str) -> int:
    if path.startswith(_HEALTH):
        return WATCHES if path.endswith("Watch") else PROBES
    return CHECKS if path in {_GATE + name for name in _CHECKS} else CALLS


def _refusal(path: str) -> Any:
    # Of streams, since nothing is read for those before the method asks for it.
    async def refuse(_: object, context: Any) -> None:
        await end(context, path.rpartition("/")[2], TooManyCallsError())

    made: Callable[..., Any] = grpc.stream_stream_rpc_method_handler
    return made(refuse)
