"""A load generator for one unary method: HTTP/2 frames on a Unix socket, and nothing else.

It must cost a fraction of what it measures. A gRPC library's client costs as much as its server, so that the
slower of the two would be measured. Header blocks are literals, hence the same bytes for every call (RFC 7541,
section 6.2.2); what the server answers is taken apart by frames (RFC 9113, section 4.1), not decoded.
"""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_ACK: Final = 1
_END_STREAM: Final = 1
_END_HEADERS: Final = 4
_FRAME_HEADER: Final = 9
_WINDOW: Final = (2**31 - 1 - 65_535).to_bytes(4)
_ALLOWED: Final = b"\x08\x01"
"""How a CheckSendResponse begins whose first field, `allowed`, is set."""


class Load(NamedTuple):
    """What a closed loop of calls came to."""

    seconds: float
    latencies_ns: list[int]
    allowed: int

    @property
    def calls(self) -> int:
        """Count the calls."""
        return len(self.latencies_ns)


class Connection:
    """One connection to a server. Leaving the context closes it."""

    def __init__(self, path: Path, method: str) -> None:
        self._block = b"\x83\x86" + b"".join(
            (
                b"\x04" + _text(method),
                b"\x01" + _text("localhost"),
                b"\x00" + _text("te") + _text("trailers"),
                b"\x0f\x10" + _text("application/grpc"),
            )
        )
        self._stream = 1
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._socket.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b"") + _frame(_WINDOW_UPDATE, 0, 0, _WINDOW))

    def drive(self, messages: Iterator[bytes], in_flight: int, seconds: float) -> Load:
        """Keep `in_flight` calls going for a time; each answer is followed by the next call at once."""
        began = time.perf_counter_ns()
        end = began + int(seconds * 1e9)
        sent: dict[int, int] = {}
        latencies: list[int] = []
        allowed = 0
        received = b""
        out = [self._call(next(messages), sent, began) for _ in range(in_flight)]
        while sent:
            self._socket.sendall(b"".join(out))
            out.clear()
            chunk = self._socket.recv(65_536)
            if not chunk:
                raise ConnectionError("the server hung up")
            received += chunk
            now = time.perf_counter_ns()
            at = 0
            while len(received) - at >= _FRAME_HEADER:
                start = at + _FRAME_HEADER
                past = start + int.from_bytes(received[at : at + 3])
                if past > len(received):
                    break
                kind, flags = received[at + 3], received[at + 4]
                if kind == _DATA:
                    allowed += received[start + 5 : start + 7] == _ALLOWED
                elif kind == _HEADERS and flags & _END_STREAM:
                    latencies.append(now - sent.pop(int.from_bytes(received[at + 5 : start])))
                    if now < end:
                        out.append(self._call(next(messages), sent, now))
                elif kind != _HEADERS:
                    out.append(_reply(kind, flags, received[start:past]))
                at = past
            received = received[at:]
        if out:
            self._socket.sendall(b"".join(out))
        return Load((time.perf_counter_ns() - began) / 1e9, latencies, allowed)

    def _call(self, message: bytes, sent: dict[int, int], now: int) -> bytes:
        stream, self._stream = self._stream, self._stream + 2
        sent[stream] = now
        body = b"\x00" + len(message).to_bytes(4) + message
        return _frame(_HEADERS, _END_HEADERS, stream, self._block) + _frame(_DATA, _END_STREAM, stream, body)

    def __enter__(self) -> Self:
        """Do nothing more."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._socket.close()


def _reply(kind: int, flags: int, payload: bytes) -> bytes:
    """Answer what the protocol wants answered."""
    if kind in {_RST_STREAM, _GOAWAY}:
        raise ConnectionError(f"the server gave up: frame {kind}, {payload!r}")
    if kind == _SETTINGS and not flags & _ACK:
        return _frame(_SETTINGS, _ACK, 0, b"")
    if kind == _PING and not flags & _ACK:
        return _frame(_PING, _ACK, 0, payload)
    return b""


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def _text(text: str) -> bytes:
    return len(text).to_bytes(1) + text.encode()
