"""How much a client may still send: our windows, counted as it sends and given back before they are used up."""

from typing import Final

from gate.dataplane import frames
from gate.dataplane.frames import ConnectionFaultError, ErrorCode, StreamFaultError
from gate.dataplane.limits import Limits
from gate.dataplane.streams import Sender, Stream


class Intake:
    """One connection's windows (RFC 9113, section 5.2), its own and those of its streams."""

    __slots__ = ("_half", "_limits", "_sender", "_unreturned")

    def __init__(self, sender: Sender, limits: Limits) -> None:
        self._sender: Final = sender
        self._limits: Final = limits
        self._half: Final = limits.connection_window // 2
        self._unreturned = 0

    def fits(self, size: int) -> bool:
        """Count what came if that is all there is to do."""
        if self._unreturned + size > self._half:
            return False
        self._unreturned += size
        return True

    def take(self, size: int) -> None:
        """Count what came on the connection, and give it back once half is used. Raises ConnectionFaultError."""
        self._unreturned += size
        if self._unreturned > self._limits.connection_window:
            raise ConnectionFaultError(ErrorCode.FLOW_CONTROL_ERROR, "more data than the connection's window")
        if self._unreturned > self._half:
            self._sender.out.append(frames.window_update(0, self._unreturned))
            self._unreturned = 0

    def take_on(self, stream: Stream, size: int) -> None:
        """Count what came on a stream that goes on, and give it back likewise. Raises StreamFaultError."""
        stream.unreturned += size
        if stream.unreturned > self._limits.stream_window:
            raise StreamFaultError(ErrorCode.FLOW_CONTROL_ERROR, stream.id, "more data than the stream's window")
        if stream.unreturned > self._limits.stream_window // 2:
            self._sender.out.append(frames.window_update(stream.id, stream.unreturned))
            stream.unreturned = 0
