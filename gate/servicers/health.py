"""grpc.health.v1: what an orchestrator learns of the gate."""

from typing import Final

from grpc_health.v1.health import aio
from grpc_health.v1.health_pb2 import HealthCheckResponse

CHECKS: Final = ("", "sendgate.v1.SendGateService")
"""Names that stand for "checks are answered": the whole server and the service."""

WRITES: Final = "sendgate.writes"
"""Name that stands for "events become durable". It alone turns when the disk refuses."""

_SERVING: Final = HealthCheckResponse.SERVING
_NOT_SERVING: Final = HealthCheckResponse.NOT_SERVING


class Health:
    """The health service's state. NOT_SERVING from the first byte until the gate is ready."""

    def __init__(self) -> None:
        self.servicer = aio.HealthServicer()

    async def starting(self) -> None:
        """Say that nothing is served yet; call it before the server starts."""
        for name in (*CHECKS, WRITES):
            await self.servicer.set(name, _NOT_SERVING)

    async def ready(self) -> None:
        """Say that checks are answered and events recorded."""
        for name in (*CHECKS, WRITES):
            await self.servicer.set(name, _SERVING)

    async def durable(self, *, durable: bool) -> None:
        """Say whether events become durable."""
        await self.servicer.set(WRITES, _SERVING if durable else _NOT_SERVING)

    async def draining(self) -> None:
        """Say that nothing is served any more, for good."""
        await self.servicer.enter_graceful_shutdown()
