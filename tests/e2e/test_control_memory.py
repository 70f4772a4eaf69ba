"""Requests that never come to an end, where the library serves: their memory has a bound, and others are served."""

import socket
from collections import Counter
from collections.abc import Iterator
from typing import Final

import grpc
import pytest
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.faults.calls import health, record, reply
from tests.e2e.server import DEADLINE_S, SERVING, Server, eventually, memory_mb
from tests.unit.dataplane_peer import (
    ACK,
    INITIAL_WINDOW,
    PREFACE,
    Answer,
    Frame,
    Kind,
    answers,
    call_fields,
    frame,
    headers,
    settings,
    split,
    whole,
    word,
)

pytestmark = pytest.mark.any_transport

CALLS: Final = 160
MESSAGE_BYTES: Final = 6 * 1024 * 1024 - 1_024
PART_BYTES: Final = MESSAGE_BYTES - 1
"""What comes of each message: 960 MB in all."""

FRAME_BYTES: Final = 16_384
MOST_MB: Final = 640
"""What is kept for good, 240 and 256 MiB, and what comes until somebody looks."""

CHECK: Final = b"/sendgate.v1.SendGateService/CheckSend"


class Hoarder:
    """A client of bytes that begins large requests, as far as the windows allow, and ends none."""

    def __init__(self, gate: Server) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(DEADLINE_S)
        self._socket.connect(gate.control.removeprefix("unix:"))
        self._heard = b""
        self._answers: list[Frame] = []
        self._window = 65_535
        self._first_window = 65_535
        self._windows: Counter[int] = Counter()
        self._left = {2 * number + 1: PART_BYTES for number in range(CALLS)}
        self._socket.sendall(PREFACE + settings())
        self._hear()
        self._socket.sendall(frame(Kind.SETTINGS, ACK, 0))
        for stream_id in self._left:
            self._socket.sendall(headers(stream_id, call_fields(CHECK)))

    def hoard(self) -> Iterator[int]:
        """Send what the windows allow, again and again, until all is sent or all calls are ended."""
        while any(self._left.values()):
            for stream_id in [each for each, left in self._left.items() if left]:
                window = self._first_window + self._windows[stream_id]
                size = min(FRAME_BYTES, window, self._window, self._left[stream_id])
                if size > 0:
                    self._send(stream_id, size)
            self._hear()
            yield len(self.answers())

    def answers(self) -> dict[int, Answer]:
        """Return how calls were answered."""
        return answers(self._answers)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _send(self, stream_id: int, size: int) -> None:
        first = self._left[stream_id] == PART_BYTES
        part = (b"\0" + word(MESSAGE_BYTES) + bytes(size))[:size] if first else bytes(size)
        self._socket.sendall(frame(Kind.DATA, 0, stream_id, part))
        self._left[stream_id] -= size
        self._windows[stream_id] -= size
        self._window -= size

    def _hear(self) -> None:
        """Hear what came, and wait a moment for the first of it."""
        self._socket.settimeout(0.05)
        try:
            self._heard += self._socket.recv(1 << 20)
        except TimeoutError:
            return
        finally:
            self._socket.settimeout(DEADLINE_S)
        end = whole(self._heard)
        for each in split(self._heard[:end]):
            self._take(each)
        self._heard = self._heard[end:]

    def _take(self, heard: Frame) -> None:
        if heard.kind == Kind.WINDOW_UPDATE:
            if heard.stream_id:
                self._windows[heard.stream_id] += int.from_bytes(heard.payload)
            else:
                self._window += int.from_bytes(heard.payload)
        elif heard.kind == Kind.SETTINGS and not heard.flags & ACK:
            for at in range(0, len(heard.payload), 6):
                if int.from_bytes(heard.payload[at : at + 2]) == INITIAL_WINDOW:
                    self._first_window = int.from_bytes(heard.payload[at + 2 : at + 6])
        else:
            self._answers.append(heard)
            if heard.kind in {Kind.HEADERS, Kind.RST_STREAM}:
                self._left[heard.stream_id] = 0


def test_requests_that_do_not_end(gate: Server) -> None:
    """Beyond a quarter of a gigabyte the calls end with RESOURCE_EXHAUSTED, and their memory is free again."""
    before = most = memory_mb(gate)
    hoarder = Hoarder(gate)
    for _ in hoarder.hoard():
        most = max(most, memory_mb(gate))
        assert health(gate) == SERVING
    eventually(lambda: memory_mb(gate) < 2 * before, "the memory is free again")
    assert record(gate, reply("ann")) == pb.OUTCOME_APPLIED
    assert most < MOST_MB
    assert len(hoarder.answers()) == CALLS
    assert {each.status for each in hoarder.answers().values()} == {grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]}
    hoarder.close()
