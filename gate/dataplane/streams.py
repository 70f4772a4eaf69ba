"""One open stream, and how answers go out on it: windows of the peer, per stream and for the connection."""

from typing import Final, Protocol

from gate.dataplane.frames import (
    DATA,
    DEFAULT_WINDOW,
    END_STREAM,
    MAX_FRAME,
    WINDOW_MAX,
    ConnectionFaultError,
    ErrorCode,
    StreamFaultError,
    frame,
    header_frames,
)
from gate.dataplane.heads import Head
from gate.dataplane.limits import Limits
from gate.dataplane.memory import Memory
from gate.dataplane.replies import HEAD, Ending, Reply, answer_pieces


class Call(Protocol):
    """What runs for a stream and answers later."""

    def cancel(self) -> None:
        """Stop: nobody waits for the answer any more."""

    def drained(self) -> None:
        """Go on: all that was sent until now is on its way."""


Outcome = bytes | Reply | Ending | Call
"""What a call came to: its answer as the payload of DATA, with or without more, its refusal, or that it runs."""


class Stream:
    """A call that is not over: its request as far as it is here, its answer as far as it is not sent."""

    __slots__ = (
        "begun",
        "body",
        "call",
        "cost",
        "ended",
        "head",
        "id",
        "outgoing",
        "seen",
        "send_window",
        "trailers",
        "unreturned",
    )

    def __init__(self, stream_id: int, head: Head, send_window: int, now: float) -> None:
        self.id = stream_id
        self.head = head
        self.call: Call | None = None
        self.body = bytearray()
        self.cost = 0
        """Bytes that it counts for beside its body, and beside its answer as far as that is not sent."""
        self.unreturned = 0
        """Bytes that the client was not yet allowed to send again."""
        self.ended = False
        """Whether the client has said all."""
        self.begun = False
        """Whether the head of the answer is sent."""
        self.send_window = send_window
        self.outgoing = bytearray()
        self.trailers: bytes | None = None
        self.seen = now
        """When it last made progress."""


class Sender:
    """Writes answers, as far as the peer's windows let it; the rest waits here, bounded."""

    def __init__(self, limits: Limits, memory: Memory) -> None:
        self.out: list[bytes] = []
        self.window = DEFAULT_WINDOW
        self.initial_window = DEFAULT_WINDOW
        self.max_frame = MAX_FRAME
        self._limits: Final = limits
        self._memory: Final = memory
        self._unsent = 0
        """Bytes of answers that wait, and what their streams cost: small answers hold more than they weigh."""
        self.now = 0.0
        """The time of the last tick."""
        self._starved: dict[int, Stream] = {}
        """Streams whose answers wait for the connection's window, and not for their own."""

    def whole(self, stream: Stream, payload: bytes) -> bool:
        """Send a whole answer at once, and its end; False if it has to go piece by piece."""
        sent = len(payload)
        if sent > min(self.window, stream.send_window, MAX_FRAME):
            return False
        self.window -= sent
        self.out.append(stream.id.to_bytes(4).join(answer_pieces(payload)))
        return True

    def begin(self, stream: Stream) -> None:
        """Send the head of an answer."""
        self.out.extend(header_frames(stream.id, HEAD, 0, self.max_frame))

    def push(self, stream: Stream, payload: bytes) -> None:
        """Send a message, now or when there is room. Raises ConnectionFaultError where too much waits."""
        if not stream.outgoing:
            self._unsent += stream.cost
        stream.outgoing += payload
        self._hold(len(payload))
        self._flush(stream)
        most = self._limits.answer_bytes if self._memory.short else self._limits.buffered_bytes
        if self._unsent > most:
            raise ConnectionFaultError(ErrorCode.ENHANCE_YOUR_CALM, "asks for answers that it does not take")

    def finish(self, stream: Stream, trailers: bytes) -> bool:
        """End a stream after its messages; tell whether that is done."""
        stream.trailers = trailers
        return self._flush(stream)

    def alone(self, stream_id: int, block: bytes) -> None:
        """Send an answer that is only a status."""
        self.out.extend(header_frames(stream_id, block, END_STREAM, self.max_frame))

    def forget(self, stream: Stream) -> None:
        """Drop what waits for a stream that is no more."""
        self._hold(-len(stream.outgoing))
        self._unsent -= stream.cost
        self._starved.pop(stream.id, None)

    def widen(self, increment: int) -> list[Stream]:
        """Take a WINDOW_UPDATE of the connection; return the streams that it let end."""
        if self.window + increment > WINDOW_MAX:
            raise ConnectionFaultError(ErrorCode.FLOW_CONTROL_ERROR, "a window of more than 2^31-1 bytes")
        self.window += increment
        ended = []
        # Only those are looked at that get something: a client may send such updates byte by byte.
        while self.window and self._starved:
            stream = next(iter(self._starved.values()))
            if self._flush(stream):
                ended.append(stream)
        return ended

    def widen_stream(self, stream: Stream, increment: int) -> bool:
        """Take a WINDOW_UPDATE of a stream; tell whether it let the stream end."""
        if stream.send_window + increment > WINDOW_MAX:
            raise StreamFaultError(ErrorCode.FLOW_CONTROL_ERROR, stream.id, "a window of more than 2^31-1 bytes")
        stream.send_window += increment
        return self._flush(stream)

    def resize(self, initial_window: int, streams: list[Stream]) -> list[Stream]:
        """Take a new SETTINGS_INITIAL_WINDOW_SIZE for all open streams; return those that it let end."""
        change = initial_window - self.initial_window
        self.initial_window = initial_window
        for stream in streams:
            stream.send_window += change
            if stream.send_window > WINDOW_MAX:
                raise ConnectionFaultError(ErrorCode.FLOW_CONTROL_ERROR, "a window of more than 2^31-1 bytes")
        return [stream for stream in streams if self._flush(stream)]

    def _hold(self, size: int) -> None:
        self._unsent += size
        self._memory.held += size

    def _flush(self, stream: Stream) -> bool:
        had_some = bool(stream.outgoing)
        while stream.outgoing and (room := min(self.window, stream.send_window, self.max_frame)) > 0:
            payload = bytes(stream.outgoing[:room])
            del stream.outgoing[:room]
            self._hold(-len(payload))
            self.window -= len(payload)
            stream.send_window -= len(payload)
            stream.seen = self.now
            self.out.append(frame(DATA, 0, stream.id, payload))
        if stream.outgoing and stream.send_window > 0:
            self._starved[stream.id] = stream
        else:
            self._starved.pop(stream.id, None)
        if stream.outgoing:
            return False
        if had_some:
            self._unsent -= stream.cost
        if stream.trailers is not None:
            self.out.extend(header_frames(stream.id, stream.trailers, END_STREAM, self.max_frame))
            return True
        if had_some and stream.call is not None:
            stream.call.drained()
        return False
