"""The address of the metrics, to clients that are no Prometheus."""

import http.client
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.server import DEADLINE_S, Server, eventually

pytestmark = pytest.mark.any_transport

PATIENCE_S: Final = 2.0


@pytest.fixture
def gate(serve: StartServer) -> Server:
    """Start a gate that tells metrics."""
    return serve(metrics_listen="127.0.0.1:0", log_format="json")


def address(gate: Server) -> tuple[str, int]:
    """Tell where the metrics are."""
    host, _, port = gate.log.partition("metrics listen on ")[2].partition('"')[0].partition(":")
    return host, int(port)


def ask(gate: Server, method: str, path: str) -> tuple[int, bytes]:
    """Make a request and return what it is answered with."""
    connection = http.client.HTTPConnection(*address(gate), timeout=DEADLINE_S)
    connection.request(method, path)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def test_paths_and_methods(gate: Server) -> None:
    """The metrics are at one path, and HEAD has no body."""
    status, body = ask(gate, "GET", "/metrics")
    assert status == 200
    assert b"sendgate_" in body
    assert ask(gate, "HEAD", "/metrics") == (200, b"")
    assert ask(gate, "GET", "/")[0] == ask(gate, "GET", "/metric")[0] == 404


def test_a_client_that_takes_its_time(gate: Server) -> None:
    """One that sends a byte now and then holds up a scrape for no longer than it may, and the gate's end neither."""
    with socket.create_connection(address(gate), timeout=DEADLINE_S) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        began = time.monotonic()
        gate.terminate()
        while time.monotonic() < began + 2 * PATIENCE_S and gate.process is not None and gate.process.poll() is None:
            try:
                slow.sendall(b"x")
            except OSError:
                break
            time.sleep(0.1)
        assert gate.wait() == 0
        assert time.monotonic() < began + 4 * PATIENCE_S


def test_clients_that_hang_up(gate: Server, tmp_path: Path) -> None:
    """They are not worth a line each, least of all one that is no JSON."""
    assert tmp_path.exists()
    for _ in range(50):
        with socket.create_connection(address(gate), timeout=DEADLINE_S) as hasty:
            hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            hasty.sendall(b"GET /metrics HTTP/1.1\r\n")
    eventually(lambda: ask(gate, "GET", "/metrics")[0] == 200, "the metrics are told")
    assert all(line.startswith("{") for line in gate.log.splitlines())
    assert "Traceback" not in gate.log


def test_clients_that_say_no_more(gate: Server) -> None:
    """A few of them are not noticed, and many hold up a scrape for no longer than a single one may take."""
    for number, most_s in ((3, PATIENCE_S / 2), (12, 2 * PATIENCE_S)):
        with ExitStack() as connected:
            for _ in range(number):
                silent = connected.enter_context(socket.create_connection(address(gate), timeout=DEADLINE_S))
                silent.sendall(b"GET /metrics")
            began = time.monotonic()
            assert ask(gate, "GET", "/metrics")[0] == 200
            assert time.monotonic() < began + most_s
