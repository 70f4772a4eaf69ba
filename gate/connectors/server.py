"""Serve the webhooks over HTTP until told to stop."""

import asyncio
import logging
import signal
import socket
from typing import Final

import uvicorn

from gate.connectors.client import GateClient
from gate.connectors.config import Config
from gate.connectors.web import application
from gate.errors import SettingsError, StartError
from gate.identity.client import Access
from gate.logs.lines import STOPPED, WEBHOOKS_LISTENING
from gate.logs.tell import keep_telling_left_out, tell
from gate.settings import split_host_port

_GRACE_S: Final = 15
"""Seconds that requests in flight get to finish: longer than an event takes by default."""

_CONNECTIONS: Final = 1_000
"""Beyond these, requests are answered with 503: it bounds the memory that bodies take."""

_log: Final = logging.getLogger(__name__)


async def serve(config: Config, listen: str, target: str, event_timeout: float, access: Access) -> None:
    """Take webhooks on `listen` and record events at `target` until SIGTERM or SIGINT. Raises StartError.

    `event_timeout` is how many seconds the gate gets for each event.
    """
    listener = _bind(listen)
    host, port = listener.getsockname()[:2]
    tell(_log, WEBHOOKS_LISTENING, address=f"{host}:{port}", target=target)
    # Having stopped, uvicorn sends itself the signal again; that must not end the process with an error.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    async with GateClient(target, event_timeout, access) as gate:
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
        counting = asyncio.create_task(keep_telling_left_out())
        try:
            await server.serve([listener])
        finally:
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)
    tell(_log, STOPPED)


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
