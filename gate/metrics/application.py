"""What is answered to whoever asks for metrics: the metrics, at one path."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from gate.logs.lines import TASK_FAILED
from gate.logs.tell import tell

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""As in PEP 3333."""

PATH: Final = "/metrics"
_log: Final = logging.getLogger(__name__)


def only_metrics(metrics: Application) -> Application:
    """Answer at the one path, without a body where none is wanted, and collect for one client after the other."""
    turn = threading.Lock()

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return _say(environ, start, "404 Not Found", b"metrics are at /metrics\n")
        if environ["REQUEST_METHOD"] == "HEAD":
            start("200 OK", [])
            return []
        try:
            with turn:
                return metrics(environ, start)
        except Exception as error:
            tell(_log, TASK_FAILED, error)
            raise

    return answer


def _say(environ: Mapping[str, Any], start: Callable[..., Any], status: str, text: bytes) -> list[bytes]:
    start(status, [("Content-Type", "text/plain")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [text]
