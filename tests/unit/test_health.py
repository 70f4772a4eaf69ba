"""Health as a servicer: what a watcher makes it keep."""

from sys import getrefcount
from typing import Any

from grpc_health.v1 import health_pb2 as pb

from gate.servicers.health import Health

NO_CONTEXT: Any = None


async def test_a_watcher_keeps_nothing_of_its_request() -> None:
    """A watcher may stay for good, and the name that it asks for may be megabytes: the request goes at once."""
    request = pb.HealthCheckRequest(service="nobody" * 1_000)
    references = getrefcount(request)

    watched = Health().Watch(request, NO_CONTEXT)
    answer = await anext(watched)

    assert answer.status == pb.HealthCheckResponse.SERVICE_UNKNOWN
    assert getrefcount(request) == references
