"""Serve the webhooks over HTTP until told to stop."""

import logging
import signal
import socket
from typing import Final

import uvicorn

from gate.connectors.client import GateClient
from gate.connectors.config import Config
from gate.connectors.web import application
from gate.errors import SettingsError, StartError
from gate.settings import split_host_port

_GRACE_S: Final = 15
"""Seconds that requests in flight get to finish: longer than an event takes by default."""

_CONNECTIONS: Final = 1_000
"""Beyond these, requests are answered with 503: it bounds the memory that bodies take."""

_log: Final = logging.getLogger(__name__)


async def serve(config: Config, listen: str, target: str, event_timeout: float) -> None:
    """Take webhooks on `listen` and record events at `target` until SIGTERM or SIGINT. Raises StartError.

    `event_timeout` is how many seconds the gate gets for each event.
    """
    listener = _bind(listen)
    _log.info("webhooks listen on %s:%d, gate at %s", *listener.getsockname()[:2], target)
    # Having stopped, uvicorn sends itself the signal again; that must not end the process with an error.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    async with GateClient(target, event_timeout) as gate:
        server = uvicorn.Server(
            uvicorn.Config(
                application(config, gate.record),
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=_CONNECTIONS,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        await server.serve([listener])
    _log.info("stopped")


def _bind(listen: str) -> socket.socket:
    try:
        host, port = split_host_port(listen)
    except ValueError:
        raise SettingsError(f"listen {listen}: not host:port") from None
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family, backlog=2_048)
    except OSError as error:
        raise StartError(f"listen {listen}: {error.strerror}; name another address or stop what uses it") from error
