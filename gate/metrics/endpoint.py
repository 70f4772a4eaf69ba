"""Where Prometheus asks: one thread that answers one request after the other, so that nobody can make it many."""

import socket
import threading
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from gate.listen import listening_socket

_BACKLOG: Final = 16
_PATIENCE_S: Final = 2.0
"""How long a client may say nothing while others wait."""


_POLL_S: Final = 0.1
"""How often the thread looks whether it is to end."""


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
        self._server = _Server(sock, make_wsgi_app(self._registry))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), name="metrics", daemon=True)
        self._thread.start()
        return bound

    def close(self) -> None:
        """Answer no more. It may take a moment: not for the event loop's thread."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(_PATIENCE_S)


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


class _Request(WSGIRequestHandler):
    timeout = _PATIENCE_S

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Log nothing: scrapes are many, and all alike."""
