"""Abuse of a real gate's data plane over a real socket: the right end for the abuser, and no harm to others."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import pytest
from grpc_health.v1 import health_pb2

from tests.e2e.server import DEADLINE_S, SERVING, Server, eventually, memory_mb
from tests.unit.dataplane_peer import (
    ACK,
    EMPTY_TABLE,
    END_HEADERS,
    END_STREAM,
    INITIAL_WINDOW,
    PREFACE,
    Answer,
    Code,
    Frame,
    Kind,
    answers,
    call_fields,
    frame,
    framed,
    literals,
    settings,
    split,
    whole,
    word,
)

# The library's transport is somebody else's to defend.
pytestmark = pytest.mark.parametrize("transport", ["native"], scope="module")

CHECK = b"/grpc.health.v1.Health/Check"
WATCH = b"/grpc.health.v1.Health/Watch"
GREETING = PREFACE + settings() + frame(Kind.SETTINGS, ACK, 0)
BLOCK = literals(call_fields(WATCH))
CANCEL = word(Code.CANCEL)
WIDEST = 2**31 - 1
MEMORY_MB = 64
"""How much larger the gate may become under attack: buffers of the sockets and of the connections."""


def opened(stream_id: int) -> bytes:
    """Begin a request and leave it open."""
    return frame(Kind.HEADERS, END_HEADERS, stream_id, BLOCK)


def running(stream_id: int) -> bytes:
    """Begin a call that does not end by itself."""
    return opened(stream_id) + frame(Kind.DATA, END_STREAM, stream_id, framed(b""))


def numbered(octets: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Make a flood that uses a new stream each time."""
    return lambda at: octets(2 * at + 1)


def after(first: bytes, octets: bytes) -> Callable[[int], bytes]:
    """Make a flood that begins with something else."""
    return lambda at: octets if at else first + octets


ATTACKS: dict[str, tuple[int, Callable[[int], bytes]]] = {
    "rapid reset (CVE-2023-44487)": (
        Code.ENHANCE_YOUR_CALM,
        numbered(lambda each: opened(each) + frame(Kind.RST_STREAM, 0, each, CANCEL)),
    ),
    "rapid reset of calls (CVE-2023-44487)": (
        Code.ENHANCE_YOUR_CALM,
        numbered(lambda each: running(each) + frame(Kind.RST_STREAM, 0, each, CANCEL)),
    ),
    "made to reset by an increment of 0 (CVE-2025-8671)": (
        Code.ENHANCE_YOUR_CALM,
        numbered(lambda each: running(each) + frame(Kind.WINDOW_UPDATE, 0, each, word(0))),
    ),
    "made to reset by a window too large (CVE-2025-8671)": (
        Code.ENHANCE_YOUR_CALM,
        numbered(lambda each: running(each) + frame(Kind.WINDOW_UPDATE, 0, each, word(WIDEST))),
    ),
    "made to reset by DATA after the end (CVE-2025-8671)": (
        Code.ENHANCE_YOUR_CALM,
        numbered(lambda each: running(each) + frame(Kind.DATA, 0, each, b"x")),
    ),
    "made to reset by HEADERS after the end (CVE-2025-8671)": (
        Code.ENHANCE_YOUR_CALM,
        numbered(lambda each: running(each) + frame(Kind.HEADERS, END_HEADERS | END_STREAM, each, BLOCK)),
    ),
    "made to reset by PRIORITY on itself (CVE-2025-8671)": (
        Code.PROTOCOL_ERROR,
        numbered(lambda each: running(each) + frame(Kind.PRIORITY, 0, each, word(each) + bytes(1))),
    ),
    "made to reset by PRIORITY of a wrong size (CVE-2025-8671)": (
        Code.FRAME_SIZE_ERROR,
        numbered(lambda each: running(each) + frame(Kind.PRIORITY, 0, each, bytes(4))),
    ),
    "CONTINUATION (CVE-2024-27316)": (
        Code.ENHANCE_YOUR_CALM,
        after(frame(Kind.HEADERS, 0, 1, BLOCK), frame(Kind.CONTINUATION, 0, 1)),
    ),
    "SETTINGS (CVE-2019-9515)": (Code.ENHANCE_YOUR_CALM, after(b"", settings())),
    "PING (CVE-2019-9512)": (Code.ENHANCE_YOUR_CALM, after(b"", frame(Kind.PING, 0, 0, bytes(8)))),
    "empty DATA (CVE-2019-9518)": (Code.ENHANCE_YOUR_CALM, after(opened(1), frame(Kind.DATA, 0, 1))),
    "WINDOW_UPDATE": (Code.ENHANCE_YOUR_CALM, after(b"", frame(Kind.WINDOW_UPDATE, 0, 0, word(1)))),
    "WINDOW_UPDATE of 0": (Code.PROTOCOL_ERROR, after(b"", frame(Kind.WINDOW_UPDATE, 0, 0, word(0)))),
    "an HPACK bomb": (
        Code.ENHANCE_YOUR_CALM,
        after(
            frame(Kind.HEADERS, END_HEADERS, 1, BLOCK + b"\x40\x01x\x7f\x81\x1e" + b"v" * 4_000 + b"\xbe" * 9_000), b""
        ),
    ),
}


class Abuser:
    """A client of bytes, which reads while it writes unless it is deaf."""

    def __init__(self, gate: Server, *, deaf: bool = False) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(DEADLINE_S)
        self._socket.connect(gate.data.removeprefix("unix:"))
        self._writer = self._socket.dup()
        self._heard = b""
        self._reader = threading.Thread(target=self._read)
        if not deaf:
            self._reader.start()

    def __enter__(self) -> Self:
        """Be connected."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._reader.ident is not None:
            self._reader.join(DEADLINE_S)
        self._writer.close()
        self._socket.close()

    def _read(self) -> None:
        with suppress(OSError):
            while part := self._socket.recv(1 << 20):
                self._heard += part

    def send(self, octets: bytes) -> None:
        """Send as much as the gate takes before it hangs up."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(octets)

    def flood(self, octets: Callable[[int], bytes], start: int) -> None:
        """Send the next few hundred of a flood, unless the gate hangs up."""
        rest = b"".join(octets(at) for at in range(start, start + 300))
        self._writer.settimeout(0.05)
        with suppress(BrokenPipeError, ConnectionResetError):
            while rest and self._reader.is_alive():
                with suppress(TimeoutError):
                    rest = rest[self._writer.send(rest) :]

    def press(self, octets: bytes, seconds: float) -> int:
        """Send the same again and again until nothing goes any more for a while; return the bytes that went."""
        self._socket.settimeout(seconds)
        gone = 0
        with suppress(OSError):
            while gone < 512 * 1024 * 1024:
                gone += self._socket.send(octets)
        return gone

    def rest(self) -> list[Frame]:
        """Read until the gate hangs up."""
        self._reader.join(DEADLINE_S)
        assert not self._reader.is_alive()
        return _whole(self._heard)

    def answer(self, stream_id: int) -> Answer:
        """Read until a stream has ended."""
        eventually(lambda: self._ended(stream_id), f"an answer on stream {stream_id}")
        return answers(_whole(self._heard))[stream_id]

    def _ended(self, stream_id: int) -> bool:
        found = answers(_whole(self._heard)).get(stream_id)
        return found is not None and (found.ended or found.reset is not None)


def _whole(octets: bytes) -> list[Frame]:
    return list(split(octets[: whole(octets)]))


def still_served(gate: Server) -> bool:
    """Ask on another connection."""
    request = health_pb2.HealthCheckRequest()
    return bool(gate.health().Check(request, timeout=DEADLINE_S).status == SERVING)


@pytest.mark.parametrize(("code", "octets"), ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_ends_the_attackers_connection(
    shared_gate: Server, code: int, octets: Callable[[int], bytes]
) -> None:
    """The attacker gets GOAWAY with the right code and the end; another connection is served meanwhile and after."""
    with Abuser(shared_gate) as abuser:
        abuser.send(GREETING)
        # Of a slow gate time makes more patient: it takes more of them.
        for start in range(0, 9_000, 300):
            abuser.flood(octets, start)
            assert start != 300 or still_served(shared_gate)
        (goaway,) = [each for each in abuser.rest() if each.kind == Kind.GOAWAY]

    assert int.from_bytes(goaway.payload[4:8]) == code
    assert still_served(shared_gate)


def test_too_many_streams(shared_gate: Server) -> None:
    """The stream past the limit is refused, and those before it go on."""
    with Abuser(shared_gate) as abuser:
        abuser.send(GREETING + b"".join(opened(at) for at in range(1, 2_003, 2)))
        assert abuser.answer(2_001).reset == Code.REFUSED_STREAM

        abuser.send(frame(Kind.DATA, END_STREAM, 1, framed(b"\xff")))
        assert abuser.answer(1).ended
    assert still_served(shared_gate)


def test_a_header_list_that_is_too_large(shared_gate: Server) -> None:
    """It is refused with a status, and the connection goes on."""
    block = EMPTY_TABLE + literals(call_fields(CHECK)) + b"\x90" * 9_000
    with Abuser(shared_gate) as abuser:
        abuser.send(GREETING + frame(Kind.HEADERS, END_HEADERS | END_STREAM, 1, block))
        assert abuser.answer(1).status == 8

        abuser.send(frame(Kind.HEADERS, END_HEADERS, 3, literals(call_fields(CHECK))))
        abuser.send(frame(Kind.DATA, END_STREAM, 3, framed(b"")))
        assert abuser.answer(3).status == 0


def test_a_message_that_is_too_large(shared_gate: Server) -> None:
    """It is refused by its length, before it is sent."""
    with Abuser(shared_gate) as abuser:
        abuser.send(GREETING + frame(Kind.HEADERS, END_HEADERS, 1, literals(call_fields(CHECK))))
        abuser.send(frame(Kind.DATA, 0, 1, b"\0\x7f\xff\xff\xff"))

        answer = abuser.answer(1)

    assert (answer.status, answer.ended) == (8, True)


@pytest.mark.parametrize("window", [0, WIDEST], ids=["no window", "every window"])
def test_a_client_that_does_not_read(shared_gate: Server, window: int) -> None:
    """A client that asks without reading its answers is stopped; the gate's memory is bounded and others are served."""
    before = memory_mb(shared_gate)
    fields = literals(call_fields(CHECK))
    calls = b"".join(
        frame(Kind.HEADERS, END_HEADERS, at, fields) + frame(Kind.DATA, END_STREAM, at, framed(b""))
        for at in range(1, 20_001, 2)
    )
    with Abuser(shared_gate, deaf=True) as abuser:
        abuser.send(PREFACE + settings((INITIAL_WINDOW, window)) + frame(Kind.SETTINGS, ACK, 0))
        abuser.send(frame(Kind.WINDOW_UPDATE, 0, 0, word(WIDEST - 65_535)))
        gone = abuser.press(calls, 0.5)

        assert still_served(shared_gate)
        assert memory_mb(shared_gate) - before < MEMORY_MB
    assert gone < 64 * 1024 * 1024
    assert still_served(shared_gate)
