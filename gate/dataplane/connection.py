"""One client's connection: bytes in, calls answered, bytes out. No socket, no clock, no event loop.

Theory of operation
-------------------

`receive` takes what was read and walks over the frames in it. Nearly every call of a sender is two frames: HEADERS
with a block that was seen before, and DATA with the whole message and the end of the stream. For the first one the
block's bytes are looked up, and what they mean is kept under the stream's id. At the second the message is given to
`start`, and its answer is appended to `out` as three frames, two of which are constants. No stream comes into being.
`take` then returns all that is to be written: one read costs one write, however many calls were in it.

Everything else goes the long way, frame by frame, through the methods named after the frames, and has a `Stream`:
bodies in several frames, padding, compression, calls that wait for the disk or for a commit, answers for which the
peer's windows have no room, and all that is wrong. Both ways do the same; tests drive the same calls through both.

* A fault of the connection (RFC 9113, section 5.4.1) is raised as ConnectionFaultError wherever it is found, and
  becomes GOAWAY and the end of the connection here. A fault of a stream becomes RST_STREAM, and is charged to the
  client's patience, so that nobody makes us reset for ever (CVE-2025-8671).
* Memory has a bound for each connection: open streams and what they keep, bytes of unfinished requests, bytes of
  answers that are not taken, the header block that is open. What goes the short way is not refused for them. Nothing is
  kept of streams that are over, but for the last ones that the gate reset itself, whose late frames are no fault.
* Time comes with `tick`, once a second or so. It measures patience in seconds: a preface, a header block, a request
  or the taking of an answer that makes no progress ends.
* `drain` says GOAWAY twice (RFC 9113, section 6.8): first with the highest stream id, so that calls on their way are
  still answered, then, when a ping has gone round, with the last one that will be.
"""

from collections.abc import Callable
from struct import Struct
from typing import Final

from gate.dataplane import frames
from gate.dataplane.blocks import BlockReader
from gate.dataplane.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADER_BYTES,
    HEADERS,
    MAX_FRAME,
    PREFACE,
    SETTINGS,
    STREAM_MASK,
    ConnectionFaultError,
    ErrorCode,
    StreamFaultError,
)
from gate.dataplane.goodbye import Goodbye
from gate.dataplane.heads import Head, Heads
from gate.dataplane.limits import Limits
from gate.dataplane.memory import Memory
from gate.dataplane.patience import Patience
from gate.dataplane.replies import MESSAGE_PREFIX_BYTES, OK, SHORT, Ending, ShortAnswers, answer_pieces
from gate.dataplane.requests import Requests
from gate.dataplane.signals import Signals
from gate.dataplane.streams import Outcome, Sender

Start = Callable[["Connection", int, Head, bytes], Outcome]
"""Begins a call on a stream, with its message."""

_header: Final = frames.HEADER.unpack_from
_prefix: Final = Struct(">BI").unpack_from
"""Reads what is in front of a message: the flag for compression, and the length."""
_short_answers: Final = ShortAnswers()


class Connection:
    """The protocol's state of one connection."""

    def __init__(self, start: Start, heads: Heads, limits: Limits, now: float, memory: Memory | None = None) -> None:
        memory = memory or Memory(limits.all_buffered_bytes)
        self.start: Final = start
        self._limits: Final = limits
        self._patience: Final = Patience(limits)
        self._sender: Final = Sender(limits, memory)
        blocks = BlockReader(heads, limits)
        self._requests: Final = Requests(self, self._sender, blocks, heads.known, self._patience, limits, memory)
        self._signals: Final = Signals(self, self._sender, blocks, self._requests, self._patience, limits)
        self._takers: Final = (
            self._requests.data,
            self._requests.headers,
            self._signals.priority,
            self._signals.rst_stream,
            self._signals.settings,
            _no_push,
            self._signals.ping,
            self._signals.goaway,
            self._signals.window_update,
            self._requests.continuation,
        )
        self._unread = b""
        self._greeted = False
        self._born = self._busy = self.now = now
        """In seconds; `now` is the time of the last tick."""
        self._answered = 0
        self.goodbye: Final = Goodbye(self, self._sender, self._requests)
        self.fault: ConnectionFaultError | None = None
        """What the client did, if it is hung up on for that."""
        self.closed = False
        """Whether to hang up once everything is written."""
        self.on_output: Callable[[], None] = lambda: None
        """Called when there is something to `take` that no `receive` asked for."""
        self._signals.introduce()

    @property
    def calls(self) -> int:
        """How many streams are open."""
        return len(self._requests.streams) + len(self._requests.begun)

    @property
    def answered(self) -> int:
        """How many calls are over."""
        return self._patience.answered

    def take(self) -> bytes:
        """Return what is to be written, and forget it."""
        out = self._sender.out
        if not out:
            return b""
        octets = b"".join(out)
        out.clear()
        return octets

    def receive(self, octets: bytes) -> None:
        """Take what the client sent. Nothing is raised: faults are answered."""
        if self.closed:
            return
        if self._unread:
            octets = self._unread + octets
        try:
            place = self._walk(octets, 0 if self._greeted else self._greet(octets))
        except ConnectionFaultError as fault:
            self.fail(fault)
        else:
            self._unread = b"" if self.closed else octets[place:]

    def _greet(self, octets: bytes) -> int:
        """Read the preface, or as much of it as there is."""
        if not PREFACE.startswith(octets[: len(PREFACE)]):
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "no HTTP/2 with prior knowledge")
        if len(octets) < len(PREFACE):
            return 0
        self._greeted = True
        return len(PREFACE)

    def _walk(self, octets: bytes, place: int) -> int:
        """Take all whole frames; return where the first incomplete one begins."""
        if not self._greeted:
            return 0
        end = len(octets)
        requests = self._requests
        begun = requests.begun
        while place + HEADER_BYTES <= end and not self.closed:
            high, low, kind, flags, stream_id = _header(octets, place)
            payload = place + HEADER_BYTES
            place = payload + (high << 16 | low)
            if place - payload > MAX_FRAME:
                raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, "a frame larger than SETTINGS_MAX_FRAME_SIZE")
            if place > end:
                return payload - HEADER_BYTES
            if requests.plain:
                if kind == DATA:
                    if (
                        flags == END_STREAM
                        and (head := begun.get(stream_id)) is not None
                        and self._answer_at_once(stream_id, head, octets, payload, place)
                    ):
                        continue
                elif kind == HEADERS and flags == END_HEADERS and requests.begin(stream_id, octets[payload:place]):
                    continue
            self._take(kind, flags, stream_id & STREAM_MASK, octets[payload:place])
        return place

    def _answer_at_once(self, stream_id: int, head: Head, octets: bytes, payload: int, after: int) -> bool:
        """Answer a call whose whole message is here; False if it has to go the long way.

        Windows are looked at here and not by those who keep them: it is the hot path.
        """
        requests = self._requests
        size = after - payload
        if (
            size < MESSAGE_PREFIX_BYTES
            or _prefix(octets, payload) != (0, size - MESSAGE_PREFIX_BYTES)
            or (head.content_length is not None and head.content_length != size)
            or (unreturned := requests.intake.unreturned + size) > requests.intake.half
        ):
            return False
        requests.intake.unreturned = unreturned
        del requests.begun[stream_id]
        answer = self.start(self, stream_id, head, octets[payload + MESSAGE_PREFIX_BYTES : after])
        sender = self._sender
        if (
            type(answer) is bytes
            and (sent := len(answer)) <= MAX_FRAME
            and sent <= sender.window
            and sent <= sender.initial_window
        ):
            sender.window -= sent
            pieces = _short_answers[answer] if sent <= SHORT else answer_pieces(answer)
            sender.out.append(stream_id.to_bytes(4).join(pieces))
            self._patience.answered += 1
        else:
            requests.proceed(stream_id, head, answer)
        return True

    def _take(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        """Take one frame, the long way."""
        if self._requests.open_block is not None and kind != CONTINUATION:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "a frame in the middle of a header block")
        if not self._signals.introduced and (kind != SETTINGS or flags & ACK):
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        if kind >= len(self._takers):
            # Extensions are ignored (RFC 9113, section 5.5).
            self._patience.charge(f"of unknown type {kind}")
            return
        if stream_id in self._requests.begun:
            self._requests.take_up(stream_id)
        try:
            self._takers[kind](flags, stream_id, payload)
        except StreamFaultError as fault:
            self._requests.reset(fault)

    def answer(self, stream_id: int, payload: bytes, trailers: bytes = OK) -> None:
        """Send a call's message and its end."""
        self._requests.reply(stream_id, payload, trailers)
        self.on_output()

    def send(self, stream_id: int, payload: bytes) -> None:
        """Send one of several messages; the call's `drained` says when it is on its way."""
        self._requests.reply(stream_id, payload, None)
        self.on_output()

    def end(self, stream_id: int, ending: Ending) -> None:
        """End a call with a status, with or without messages before it."""
        self._requests.end(stream_id, ending)
        self.on_output()

    def fail(self, fault: ConnectionFaultError) -> None:
        """Tell the client what it did, and end everything."""
        if not self.closed:
            self.fault = fault
            self._sender.out.append(frames.goaway(self._requests.last_taken, fault.code, fault.why))
            self.close()

    def close(self) -> None:
        """Stop all calls: the client is gone, or is hung up on."""
        self.closed = True
        self._unread = b""
        self._requests.clear()

    def drain(self) -> None:
        """Begin to end the connection: calls that are on their way are still answered."""
        if not self.closed:
            self.goodbye.begin()
            self.on_output()

    def idle(self) -> None:
        """Hang up if a drain has nothing left to wait for."""
        if self._requests.final and not self.calls:
            self.closed = True

    def tick(self, now: float) -> None:
        """Let time pass, to `now` in seconds; once a second or so."""
        if self.closed:
            return
        self._patience.pass_seconds(now - self.now)
        self.now = self._sender.now = now
        try:
            self._check_patience(now)
        except ConnectionFaultError as fault:
            self.fail(fault)
        self.on_output()

    def _check_patience(self, now: float) -> None:
        limits = self._limits
        if not self._signals.introduced and now - self._born > limits.preface_seconds:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "no preface and SETTINGS in time")
        self._requests.expire(now)
        if self.calls or self._patience.answered != self._answered:
            self._answered = self._patience.answered
            self._busy = now
        elif now - self._busy > limits.idle_seconds:
            self.drain()
        self.goodbye.tick(now)


def _no_push(_: int, __: int, ___: bytes) -> None:
    """PUSH_PROMISE: only servers push."""
    raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE from a client")
