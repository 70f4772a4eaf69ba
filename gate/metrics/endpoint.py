"""Where Prometheus asks: a few clients at once and one collection after the other, so that nobody can make it many."""

import asyncio
import io
import logging
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from socketserver import ThreadingMixIn
from typing import Any, Final, TextIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from gate.identity.denials import deny
from gate.identity.tls import Tls, auth_context
from gate.listen import listening_socket
from gate.logs.lines import TASK_FAILED
from gate.logs.tell import tell
from gate.metrics.application import PATH, SCRAPE, Application, Scrape, only_known, only_metrics
from gate.servicers.identity import Identify
from gate.settings import on_loopback

_BACKLOG: Final = 16
_PLACES: Final = 4
"""How many clients may be at it at once."""

_PATIENCE_S: Final = 2.0
"""How long one may take for all of it: TLS, its request and its answer."""

_HURRIED_S: Final = 0.5
"""How long while others wait for a place."""

_POLL_S: Final = 0.1
"""How often it is looked who takes too long, and whether all is to end."""

_log: Final = logging.getLogger(__name__)


class Endpoint:
    """Serves what a collector tells at /metrics: over HTTPS with `tls`, and beyond loopback to those `who` knows."""

    def __init__(self, collector: Collector, tls: Tls | None = None, who: Identify | None = None) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(collector)
        self._tls = tls
        self._who = who
        self._server: _Server | None = None

    def listen(self, address: str) -> str:
        """Answer on an address; return it with the port that was chosen for `:0`. Raises StartError."""
        sock, bound = listening_socket(address, _BACKLOG)
        answers = only_metrics(make_wsgi_app(self._registry))
        if self._who is not None and not on_loopback(address):
            answers = only_known(answers, self._who, partial(_deny, asyncio.get_running_loop()))
        server = _Server(sock, answers, self._tls)
        threading.Thread(target=server.serve_forever, args=(_POLL_S,), name="metrics", daemon=True).start()
        self._server = server
        return bound

    def close(self) -> None:
        """Answer no more. It may take a moment: not for the event loop's thread."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.let_all_end()


def _deny(loop: asyncio.AbstractEventLoop, peer: str, why: str) -> None:
    """Count and tell it in the event loop, where calls are refused too."""
    loop.call_soon_threadsafe(deny, PATH, peer, why)


class _Server(ThreadingMixIn, WSGIServer):
    """The standard library's server on a socket that listens already, with a thread for each of a few clients."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, sock: socket.socket, application: Application, tls: Tls | None) -> None:
        host, port = sock.getsockname()[:2]
        super().__init__((host, port), _Request, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        # What binding would set, without asking the DNS for this machine's name.
        self.server_name, self.server_port = host, port
        self.setup_environ()
        self.set_app(application)
        self._tls = tls
        self._places = threading.Semaphore(_PLACES)
        self._since: dict[socket.socket, float] = {}
        """Since when each client is at it."""
        self._lock = threading.Lock()
        """Held by whoever uses that: a client that is hung up on must not be closed meanwhile."""

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection; over TLS nothing is said on it yet, or one client would hold up the others."""
        client, address = self.socket.accept()
        if self._tls is not None:
            context = self._tls.http_context
            client = context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        return client, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a client in a thread of its own, as soon as there is a place."""
        self._take_place()
        with self._lock:
            self._since[request] = time.monotonic()
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer one request."""
        if isinstance(request, ssl.SSLSocket):
            request.settimeout(_PATIENCE_S)
            request.do_handshake()
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Say goodbye, without waiting for the client's, and leave the place to others."""
        with self._lock:
            self._since.pop(request, None)
        try:
            if isinstance(request, ssl.SSLSocket):
                request.settimeout(0)
                with suppress(OSError, ValueError):
                    request.unwrap()
            super().shutdown_request(request)
        finally:
            self._places.release()

    def service_actions(self) -> None:
        """Hang up on whoever takes too long: each single byte would be in time."""
        self._hang_up(_PATIENCE_S)

    def let_all_end(self) -> None:
        """Wait for the clients that are left, who have to hurry."""
        for _ in range(_PLACES):
            self._take_place()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  the library's form
        """Say nothing of clients that hang up, say nothing or fail at TLS; the rest is a defect."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            tell(_log, TASK_FAILED, error)

    def _take_place(self) -> None:
        while not self._places.acquire(timeout=_POLL_S):
            self._hang_up(_HURRIED_S)

    def _hang_up(self, patience: float) -> None:
        now = time.monotonic()
        with self._lock:
            for client, since in self._since.items():
                if now - since >= patience:
                    with suppress(OSError):
                        # Not the method of a socket with TLS: without it, the rest would be said in the clear.
                        socket.socket.shutdown(client, socket.SHUT_RDWR)


class _Request(WSGIRequestHandler):
    timeout = _PATIENCE_S

    def setup(self) -> None:
        """Ask who connected, which nobody can tell any more of a client that hung up in its request."""
        super().setup()
        self._told = auth_context(self.connection) if isinstance(self.connection, ssl.SSLSocket) else {}

    def get_environ(self) -> dict[str, Any]:
        """Tell the application who asks, too."""
        host, port = self.client_address[:2]
        scrape = Scrape(
            self.headers.get_all("Authorization", ()),
            self._told,
            f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}",
        )
        return super().get_environ() | {SCRAPE: scrape}

    def get_stderr(self) -> TextIO:
        """Keep what the library would print to itself."""
        return io.StringIO()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Log nothing: scrapes are many, and all alike."""
