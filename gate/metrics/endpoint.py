"""Where Prometheus asks: one thread that answers one request after the other, so that nobody can make it many."""

import io
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final, TextIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from gate.listen import listening_socket
from gate.logs.lines import TASK_FAILED
from gate.logs.tell import tell

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_BACKLOG: Final = 16
_PATIENCE_S: Final = 2.0
"""How long a client may take for its request, and for its answer, while others wait."""

_POLL_S: Final = 0.1
"""How often the thread looks whether it is to end."""

_log: Final = logging.getLogger(__name__)


class Endpoint:
    """Serves what a collector tells, over HTTP, at /metrics."""

    def __init__(self, collector: Collector) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(collector)
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None

    def listen(self, address: str) -> str:
        """Answer on an address; return it with the port that was chosen for `:0`. Raises StartError."""
        sock, bound = listening_socket(address, _BACKLOG)
        self._server = _Server(sock, only_metrics(make_wsgi_app(self._registry)))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), name="metrics", daemon=True)
        self._thread.start()
        return bound

    def close(self) -> None:
        """Answer no more. It may take a moment: not for the event loop's thread."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(_PATIENCE_S)


def only_metrics(metrics: Application) -> Application:
    """Answer at the one path, and without a body where none is wanted."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/metrics":
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"metrics are at /metrics\n"]
        if environ["REQUEST_METHOD"] == "HEAD":
            start("200 OK", [])
            return []
        try:
            return metrics(environ, start)
        except Exception as error:
            tell(_log, TASK_FAILED, error)
            raise

    return answer


class _Server(WSGIServer):
    """The standard library's server on a socket that listens already."""

    def __init__(self, sock: socket.socket, application: Any) -> None:
        host, port = sock.getsockname()[:2]
        super().__init__((host, port), _Request, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        # What binding would set, without asking the DNS for this machine's name.
        self.server_name, self.server_port = host, port
        self.setup_environ()
        self.set_app(application)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer one request, and hang up on whoever takes too long for it: each single byte would be in time."""
        hang_up = threading.Timer(_PATIENCE_S, _hang_up, (request,))
        hang_up.daemon = True
        hang_up.start()
        try:
            super().process_request(request, client_address)
        finally:
            hang_up.cancel()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  the library's form
        """Say nothing of clients that hang up or say nothing; the rest is a defect."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            tell(_log, TASK_FAILED, error)


def _hang_up(client: socket.socket) -> None:
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)


class _Request(WSGIRequestHandler):
    timeout = _PATIENCE_S

    def get_stderr(self) -> TextIO:
        """Keep what the library would print to itself."""
        return io.StringIO()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Log nothing: scrapes are many, and all alike."""
