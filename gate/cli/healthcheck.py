"""`sendgate healthcheck`: is the gate serving? For container health checks and scripts."""

import sys
from typing import Any, Final

import grpc
import rich_click as click
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gate.cli.client import FAILED, connected, fail, json_option, print_json, target_option

_TIMEOUT_S: Final = 2.0


@click.command()
@click.option(
    "--service",
    default="",
    metavar="NAME",
    help="What to ask about: empty or sendgate.v1.SendGateService for checks, sendgate.writes for durable events.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=_TIMEOUT_S,
    show_default=True,
    help="Seconds.",
)
@target_option
@json_option
def healthcheck(service: str, timeout: float, target: str, *, as_json: bool) -> None:
    """Ask the gate for its health. Exit code 0: SERVING. 1: anything else."""
    with connected(target) as connection:
        try:
            stub: Any = health_pb2_grpc.HealthStub(connection)  # its type stub has no methods
            response = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=timeout)
        except grpc.RpcError as error:
            if isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.NOT_FOUND:
                fail(f"--service: {service!r} is unknown to the gate; see sendgate healthcheck --help")
            raise
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
    if as_json:
        print_json({"service": service, "status": status})
    else:
        click.echo(status)
    sys.exit(0 if response.status == health_pb2.HealthCheckResponse.SERVING else FAILED)
