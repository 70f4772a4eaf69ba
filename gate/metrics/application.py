"""What is answered to whoever asks for metrics: the metrics at one path, and where it is asked who they are, not all.

Metrics count over all locations, so that a credential for some of them opens nothing here.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from gate.errors import UnauthenticatedError
from gate.identity import denials
from gate.logs.lines import TASK_FAILED
from gate.logs.tell import tell
from gate.servicers.identity import Identify
from gate.status import Context

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""As in PEP 3333."""

PATH: Final = "/metrics"
SCRAPE: Final = "sendgate.scrape"
"""Where a request's environment has its `Scrape`. The headers there may be variables of the gate's own environment."""

_FORBIDDEN: Final = frozenset({denials.ROLE, denials.LOCATION})
"""Why somebody is refused who is known."""

_log: Final = logging.getLogger(__name__)


class Scrape(NamedTuple):
    """A request, as much like a call's context as it takes to tell who calls."""

    authorization: Sequence[str]
    """What such headers say."""
    client: Mapping[str, Any]
    """What the connection tells, as grpc's auth_context."""
    address: str
    """As gRPC writes it."""

    def invocation_metadata(self) -> list[tuple[str, str]]:
        """Return what the client says of itself."""
        return [("authorization", each) for each in self.authorization]

    def auth_context(self) -> Mapping[str, Any]:
        """Return what the connection says of it."""
        return self.client


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


def only_known(answers: Application, who: Identify, denied: Callable[[str, str], object]) -> Application:
    """Answer those whose credential is for all locations; `denied` is told the address of each other, and why."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        scrape: Scrape = environ[SCRAPE]
        why = _why_not(who, scrape)
        if why is None:
            return answers(environ, start)
        denied(scrape.address, why)
        if why in _FORBIDDEN:
            text = b"metrics count over all locations; show a credential with a role in all of them\n"
            return _say(environ, start, "403 Forbidden", text)
        text = b"no credential that the gate knows; send Authorization: Bearer TOKEN, or show a client certificate\n"
        return _say(environ, start, "401 Unauthorized", text, ("WWW-Authenticate", "Bearer"))

    return answer


def _why_not(who: Identify, scrape: Scrape) -> str | None:
    try:
        caller = who(cast("Context", scrape))
    except UnauthenticatedError as error:
        return error.why
    if not caller.roles:
        return denials.ROLE
    return None if caller.locations is None else denials.LOCATION


def _say(
    environ: Mapping[str, Any], start: Callable[..., Any], status: str, text: bytes, *headers: tuple[str, str]
) -> list[bytes]:
    start(status, [("Content-Type", "text/plain"), *headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [text]
