"""Metrics over HTTPS, to clients in earnest and to others."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.identities import Identities
from tests.e2e.scrapes import HERE, address, ask, context, quiet, unanswered
from tests.e2e.server import DEADLINE_S, Server

pytestmark = pytest.mark.any_transport

HELLO: Final = b"\x16\x03\x01\x40\x00\x01"
"""How a handshake begins that says that more will come."""

PATIENCE_S: Final = 2.0


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    """Write the files of a gate."""
    return Identities(tmp_path)


@contextmanager
def clients(gate: Server, number: int, said: bytes) -> Iterator[None]:
    """Keep so many clients connected that say this and no more."""
    with ExitStack() as connected:
        for _ in range(number):
            connected.enter_context(socket.create_connection(address(gate), DEADLINE_S)).sendall(said)
        yield


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_https_instead_of_http(serve: StartServer, identities: Identities, newest: ssl.TLSVersion) -> None:
    """With certificates there is no answer in the clear, and no word about whoever tries; here nobody is asked who."""
    gate = serve(**HERE, **identities.settings)
    tls = context(identities)
    tls.maximum_version = newest

    for _ in range(3):
        assert unanswered(gate, None)
        assert unanswered(gate, ssl.create_default_context())
        answer = ask(gate, tls)
        assert answer.status == 200
        assert b"sendgate_serving 1.0" in answer.body
    assert ask(gate, tls, "no token").status == 200
    assert quiet(gate)


def test_http_1_is_agreed_on(serve: StartServer, identities: Identities) -> None:
    """Whoever offers HTTP/2 too gets HTTP/1.1, which is all that is spoken here; whoever does not ask is answered."""
    gate = serve(**HERE, **identities.settings)
    agreed = {}
    for offered in (("h2", "http/1.1"), ("http/1.1",), ("h2",), ()):
        tls = context(identities, None, *offered)
        with (
            socket.create_connection(address(gate), DEADLINE_S) as plain,
            tls.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
        ):
            agreed[offered] = sock.selected_alpn_protocol()
            sock.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert sock.recv(12) == b"HTTP/1.0 200"

    assert agreed == {("h2", "http/1.1"): "http/1.1", ("http/1.1",): "http/1.1", ("h2",): None, (): None}


def test_an_answer_ends_as_tls_ends(serve: StartServer, identities: Identities) -> None:
    """The end of an answer is said over TLS, so that nobody can cut it short unnoticed."""
    gate = serve(**HERE, **identities.settings)
    with (
        socket.create_connection(address(gate), DEADLINE_S) as plain,
        context(identities).wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as sock,
    ):
        sock.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        with sock.makefile("rb") as answer:
            assert answer.read().endswith(b"\n")


def test_clients_that_hang_up(serve: StartServer, identities: Identities) -> None:
    """Whenever they do so, there is not a word about them."""
    gate = serve(**HERE, **identities.settings)
    for said in [b"", HELLO, b"GET /metrics HTTP/1.1\r\n\r\n"] * 20:
        with socket.create_connection(address(gate), DEADLINE_S) as hasty:
            hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            hasty.sendall(said)
    for said in (b"", b"GET", b"GET /metrics HTTP/1.1\r\nX: ", b"GET /metrics HTTP/1.1\r\n\r\n"):
        with (
            socket.create_connection(address(gate), DEADLINE_S) as plain,
            context(identities).wrap_socket(plain, server_hostname="127.0.0.1") as sock,
        ):
            sock.sendall(said)
    assert ask(gate, context(identities)).status == 200
    assert quiet(gate)


@pytest.mark.parametrize("said", [b"", HELLO])
def test_clients_that_say_no_more(serve: StartServer, identities: Identities, said: bytes) -> None:
    """A few of them are not noticed, and many hold up a scrape for no longer than a single one may take."""
    gate = serve(**HERE, **identities.settings)
    tls = context(identities)
    began = time.monotonic()
    with clients(gate, 3, said):
        assert ask(gate, tls).status == 200
        assert time.monotonic() < began + PATIENCE_S / 2
    with clients(gate, 12, said):
        began = time.monotonic()
        assert ask(gate, tls).status == 200
        assert time.monotonic() < began + 2 * PATIENCE_S
    assert quiet(gate)


@pytest.mark.parametrize("shaken", [False, True])
def test_a_client_that_takes_its_time(serve: StartServer, identities: Identities, *, shaken: bool) -> None:
    """One byte now and then is not enough, of the handshake or of the request: the client is hung up on in time."""
    gate = serve(**HERE, **identities.settings)
    with ExitStack() as closing:
        slow = closing.enter_context(socket.create_connection(address(gate), DEADLINE_S))
        began = time.monotonic()
        if shaken:
            slow = closing.enter_context(context(identities).wrap_socket(slow, server_hostname="127.0.0.1"))
        slow.sendall(b"GET /metrics HTTP/1.1\r\nX: " if shaken else HELLO)
        slow.settimeout(0.1)
        while time.monotonic() < began + DEADLINE_S:
            try:
                slow.sendall(b"\0")
                assert slow.recv(1) == b""
                break
            except TimeoutError:
                continue
            except OSError:
                break
    assert PATIENCE_S - 0.2 < time.monotonic() - began < 2 * PATIENCE_S
    assert quiet(gate)


@pytest.mark.parametrize("said", [b"", HELLO])
def test_the_end_is_held_up_by_nobody(serve: StartServer, identities: Identities, said: bytes) -> None:
    """A gate ends promptly while clients are connected to the metrics that say nothing."""
    gate = serve(**HERE, **identities.settings)
    with clients(gate, 12, said):
        began = time.monotonic()
        gate.terminate()
        assert gate.wait() == 0
        assert time.monotonic() < began + 2 * PATIENCE_S
    assert quiet(gate)
