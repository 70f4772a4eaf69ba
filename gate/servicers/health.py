"""grpc.health.v1: what an orchestrator learns of the gate.

NOT_SERVING from the first byte until the gate is ready. A watcher that does not read holds up nobody.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2 as pb
from grpc_health.v1 import health_pb2_grpc as rpc

CHECKS: Final = ("", "sendgate.v1.SendGateService")
"""Names that stand for "checks are answered": the whole server and the service."""

WRITES: Final = "sendgate.writes"
"""Name that stands for "events become durable". It alone turns when the disk refuses."""

_Status: Final[Any] = pb.HealthCheckResponse
_ListResponse: Final[Any] = pb.HealthListResponse  # type: ignore[attr-defined]  # the type stubs are older than it
_Context = grpc.aio.ServicerContext[Any, Any]


class Health(rpc.HealthServicer):
    """Serves the state that it is told. Needs no credentials and touches nothing but memory."""

    def __init__(self) -> None:
        self._statuses: dict[str, int] = dict.fromkeys((*CHECKS, WRITES), _Status.NOT_SERVING)
        self._watchers: set[asyncio.Event] = set()
        self._draining = False
        self._closed = False

    def serves(self, name: str) -> bool:
        """Tell whether probes for a name are told SERVING."""
        return bool(self._statuses[name] == _Status.SERVING)

    def ready(self) -> None:
        """Say that checks are answered and events recorded."""
        self._turn((*CHECKS, WRITES), _Status.SERVING)

    def durable(self, durable: bool) -> None:
        """Say whether events become durable."""
        self._turn((WRITES,), _Status.SERVING if durable else _Status.NOT_SERVING)

    def drain(self) -> None:
        """Say that nothing is served any more, for good."""
        self._turn((*CHECKS, WRITES), _Status.NOT_SERVING)
        self._draining = True

    def close(self) -> None:
        """End the watchers' streams, which would otherwise hold up the server's stop."""
        self._closed = True
        self._wake()

    async def Check(self, request: pb.HealthCheckRequest, context: _Context) -> pb.HealthCheckResponse:
        """Answer once; NOT_FOUND for a name that the gate does not have."""
        status = self._statuses.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"service: {request.service!r} is unknown")
        return pb.HealthCheckResponse(status=status)

    async def List(self, request: Any, context: _Context) -> Any:
        """Answer once for every name."""
        told = {name: pb.HealthCheckResponse(status=status) for name, status in self._statuses.items()}
        return _ListResponse(statuses=told)

    async def Watch(self, request: pb.HealthCheckRequest, context: _Context) -> AsyncIterator[pb.HealthCheckResponse]:
        """Answer now and at every change; SERVICE_UNKNOWN for a name that the gate does not have."""
        name = request.service if request.service in self._statuses else None
        # It may be long, and a watcher stays.
        del request
        changed = asyncio.Event()
        self._watchers.add(changed)
        told = None
        try:
            while not self._closed:
                status = _Status.SERVICE_UNKNOWN if name is None else self._statuses[name]
                if status != told:
                    told = status
                    yield pb.HealthCheckResponse(status=status)
                else:
                    await changed.wait()
                    changed.clear()
        finally:
            self._watchers.discard(changed)

    def _turn(self, names: tuple[str, ...], status: int) -> None:
        if not self._draining:
            self._statuses.update(dict.fromkeys(names, status))
            self._wake()

    def _wake(self) -> None:
        for changed in self._watchers:
            changed.set()
