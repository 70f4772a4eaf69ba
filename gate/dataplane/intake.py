"""How much a client may still send: our windows, given back before they are used up, and room for what it holds."""

from typing import Final

import grpc

from gate.dataplane import bodies, frames
from gate.dataplane.frames import ConnectionFaultError, ErrorCode, StreamFaultError
from gate.dataplane.limits import Limits
from gate.dataplane.memory import Memory
from gate.dataplane.replies import PUSHBACK, Ending, ending
from gate.dataplane.streams import Sender, Stream

CROWDED: Final = ending(
    grpc.StatusCode.RESOURCE_EXHAUSTED, "open calls take too many bytes; end some, or send less metadata", [PUSHBACK]
)


class Intake:
    """One connection's windows (RFC 9113, section 5.2), its bodies that are not whole, and its open streams."""

    __slots__ = ("_buffered", "_limits", "_memory", "_open", "_sender", "half", "unreturned")

    def __init__(self, sender: Sender, limits: Limits, memory: Memory) -> None:
        self._sender: Final = sender
        self._limits: Final = limits
        self._memory: Final = memory
        self._buffered = 0
        """Bytes of unfinished requests and open streams."""
        self._open = 0
        """Bytes of open streams alone."""
        self.half: Final = limits.connection_window // 2
        """Bytes after which the window is given back."""
        self.unreturned = 0
        """Bytes that the client was not yet allowed to send again."""

    def take(self, size: int) -> None:
        """Count what came on the connection, and give it back once half is used. Raises ConnectionFaultError."""
        self.unreturned += size
        if self.unreturned > self._limits.connection_window:
            raise ConnectionFaultError(ErrorCode.FLOW_CONTROL_ERROR, "more data than the connection's window")
        if self.unreturned > self.half:
            self._sender.out.append(frames.window_update(0, self.unreturned))
            self.unreturned = 0

    def take_on(self, stream: Stream, size: int) -> None:
        """Count what came on a stream that goes on, and give it back likewise. Raises StreamFaultError."""
        stream.unreturned += size
        if stream.unreturned > self._limits.stream_window:
            raise StreamFaultError(ErrorCode.FLOW_CONTROL_ERROR, stream.id, "more data than the stream's window")
        if stream.unreturned > self._limits.stream_window // 2:
            self._sender.out.append(frames.window_update(stream.id, stream.unreturned))
            stream.unreturned = 0

    def hold(self, size: int) -> None:
        """Count bytes of unfinished requests."""
        self._buffered += size
        self._memory.held += size

    def charge(self, stream: Stream) -> None:
        """Count what a new stream takes, until it is over."""
        stream.cost = stream.head.size + self._limits.stream_bytes
        self._open += stream.cost
        self.hold(stream.cost)

    def release(self, stream: Stream) -> None:
        """Count no more what a stream took. It is over."""
        self._open -= stream.cost
        self.hold(-stream.cost - len(stream.body))

    @property
    def crowded(self) -> bool:
        """Whether there is no room for more streams; on each connection there always is for some."""
        if self._open <= self._limits.open_bytes:
            return False
        return self._buffered > self._limits.buffered_bytes or self._memory.crowded

    def unacceptable(self, stream: Stream) -> Ending | None:
        """Tell why a request that is still coming is refused, if it is.

        One that will be refused whatever comes is heard until it has said a message: a client that streams its
        requests waits for an answer then, and until then may still break the protocol, which it is told first.
        """
        if self._buffered > self._limits.buffered_bytes or self._memory.short:
            self._memory.shed.memory += 1
            return bodies.TOO_MUCH
        refusal = bodies.too_early(stream.body, self._limits.message_bytes)
        if stream.head.refusal is not None and (refusal or bodies.has_message(stream.body)):
            return stream.head.refusal
        return refusal
