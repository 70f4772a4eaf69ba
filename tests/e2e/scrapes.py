"""Clients of the metrics of a gate with TLS, which are no Prometheus."""

import http.client
import json
import re
import ssl
from typing import Final, NamedTuple

from tests.e2e.certificates import Issued
from tests.e2e.identities import Identities
from tests.e2e.server import DEADLINE_S, Server

HERE: Final = {"metrics_listen": "127.0.0.1:0", "log_format": "json"}
BEYOND: Final = HERE | {"metrics_listen": "0.0.0.0:0"}
"""Settings for metrics on loopback, and for all to reach."""


class Answer(NamedTuple):
    """What a request is answered with."""

    status: int
    challenge: str | None
    body: bytes


def address(gate: Server) -> tuple[str, int]:
    """Tell where the metrics are reached."""
    (port,) = re.findall(r'metrics listen on [\d.]+:(\d+)"', gate.log)
    return "127.0.0.1", int(port)


def context(identities: Identities, shown: Issued | None = None, *protocols: str) -> ssl.SSLContext:
    """Make what a client connects with that trusts the gate's authority."""
    made = ssl.create_default_context(cadata=identities.authority.certificate.decode())
    if shown is not None:
        made.load_cert_chain(*shown.write(identities.directory, "client"))
    if protocols:
        made.set_alpn_protocols(protocols)
    return made


def ask(gate: Server, tls: ssl.SSLContext | None, *tokens: str, method: str = "GET", path: str = "/metrics") -> Answer:
    """Make a request, over HTTPS if there is a context for it, with tokens if there are any."""
    if tls is None:
        connection = http.client.HTTPConnection(*address(gate), timeout=DEADLINE_S)
    else:
        connection = http.client.HTTPSConnection(*address(gate), timeout=DEADLINE_S, context=tls)
    try:
        connection.putrequest(method, path)
        for token in tokens:
            connection.putheader("Authorization", f"Bearer {token}")
        connection.endheaders()
        response = connection.getresponse()
        return Answer(response.status, response.getheader("WWW-Authenticate"), response.read())
    finally:
        connection.close()


def unanswered(gate: Server, tls: ssl.SSLContext | None) -> bool:
    """Tell whether a request ends without any answer."""
    try:
        ask(gate, tls)
    except (OSError, http.client.HTTPException):
        return True
    return False


def quiet(gate: Server) -> bool:
    """Tell whether each line of the log is one of the gate's own, and none tells of a defect."""
    return not {"task_failed", "foreign"} & {json.loads(line)["event"] for line in gate.log.splitlines()}
