"""Where Prometheus asks: a few clients at once and one collection after the other, so that nobody can make it many."""

import io
import logging
import socket
import sys
import threading
import time
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any, Final, TextIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from gate.listen import listening_socket
from gate.logs.lines import TASK_FAILED
from gate.logs.tell import tell
from gate.metrics.application import Application, only_metrics

_BACKLOG: Final = 16
_PLACES: Final = 4
"""How many clients may be at it at once."""

_PATIENCE_S: Final = 2.0
"""How long one may take for its request and its answer."""

_HURRIED_S: Final = 0.5
"""How long while others wait for a place."""

_POLL_S: Final = 0.1
"""How often it is looked who takes too long, and whether all is to end."""

_log: Final = logging.getLogger(__name__)


class Endpoint:
    """Serves what a collector tells, over HTTP, at /metrics."""

    def __init__(self, collector: Collector) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(collector)
        self._server: _Server | None = None

    def listen(self, address: str) -> str:
        """Answer on an address; return it with the port that was chosen for `:0`. Raises StartError."""
        sock, bound = listening_socket(address, _BACKLOG)
        server = _Server(sock, only_metrics(make_wsgi_app(self._registry)))
        threading.Thread(target=server.serve_forever, args=(_POLL_S,), name="metrics", daemon=True).start()
        self._server = server
        return bound

    def close(self) -> None:
        """Answer no more. It may take a moment: not for the event loop's thread."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.let_all_end()


class _Server(ThreadingMixIn, WSGIServer):
    """The standard library's server on a socket that listens already, with a thread for each of a few clients."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, sock: socket.socket, application: Application) -> None:
        host, port = sock.getsockname()[:2]
        super().__init__((host, port), _Request, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        # What binding would set, without asking the DNS for this machine's name.
        self.server_name, self.server_port = host, port
        self.setup_environ()
        self.set_app(application)
        self._places = threading.Semaphore(_PLACES)
        self._since: dict[socket.socket, float] = {}
        """Since when each client is at it."""
        self._lock = threading.Lock()
        """Held by whoever uses that: a client that is hung up on must not be closed meanwhile."""

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a client in a thread of its own, as soon as there is a place."""
        self._take_place()
        with self._lock:
            self._since[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Leave the place to others."""
        with self._lock:
            self._since.pop(request, None)
        try:
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
        """Say nothing of clients that hang up or say nothing; the rest is a defect."""
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
                        client.shutdown(socket.SHUT_RDWR)


class _Request(WSGIRequestHandler):
    timeout = _PATIENCE_S

    def get_stderr(self) -> TextIO:
        """Keep what the library would print to itself."""
        return io.StringIO()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Log nothing: scrapes are many, and all alike."""
