"""The frames that steer a connection: SETTINGS, PING, WINDOW_UPDATE, RST_STREAM, GOAWAY; PRIORITY is ignored."""

from typing import TYPE_CHECKING, Final

from gate.dataplane import frames
from gate.dataplane.blocks import BlockReader
from gate.dataplane.frames import ConnectionFaultError, ErrorCode, StreamFaultError
from gate.dataplane.limits import Limits
from gate.dataplane.patience import Patience
from gate.dataplane.requests import Requests
from gate.dataplane.streams import Sender

if TYPE_CHECKING:
    from gate.dataplane.connection import Connection


class Signals:
    """Takes the client's word on windows, sizes, liveness, and what it gives up."""

    def __init__(
        self,
        connection: "Connection",
        sender: Sender,
        blocks: BlockReader,
        requests: Requests,
        patience: Patience,
        limits: Limits,
    ) -> None:
        self._connection: Final = connection
        self._sender: Final = sender
        self._blocks: Final = blocks
        self._requests: Final = requests
        self._patience: Final = patience
        self._limits: Final = limits
        self._window = frames.DEFAULT_WINDOW
        self.introduced = False
        """Whether the client's first SETTINGS are here."""

    def introduce(self) -> None:
        """Say what we take."""
        limits = self._limits
        values = {
            frames.HEADER_TABLE_SIZE: 0,
            frames.MAX_CONCURRENT_STREAMS: limits.streams,
            frames.INITIAL_WINDOW_SIZE: limits.stream_window,
            frames.MAX_HEADER_LIST_SIZE: limits.header_list_bytes,
        }
        self._sender.out.append(frames.settings(values))
        self._sender.out.append(frames.window_update(0, limits.connection_window - frames.DEFAULT_WINDOW))

    def settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        """Take SETTINGS: what the client takes, or that it took ours."""
        _on_connection("SETTINGS", stream_id)
        if flags & frames.ACK:
            if payload:
                raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, "a SETTINGS acknowledgement with a payload")
            self._patience.charge("SETTINGS")
            self._blocks.acknowledge()
            return
        if len(payload) % frames.SETTING.size:
            raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of an odd size")
        if self.introduced:
            self._patience.charge("SETTINGS")
        self.introduced = True
        for number, value in frames.SETTING.iter_unpack(payload):
            self._set(number, value)
        # Before anything that the new window lets go: the client takes it for sent within the old one otherwise.
        self._sender.out.append(frames.SETTINGS_ACK)
        # Once for the frame, however often it says so: every open stream is gone over (CVE-2020-11080).
        for stream in self._sender.resize(self._window, list(self._requests.streams.values())):
            self._requests.over(stream)

    def _set(self, number: int, value: int) -> None:
        match number:
            case frames.ENABLE_PUSH if value > 1:
                raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH other than 0 and 1")
            case frames.INITIAL_WINDOW_SIZE:
                if value > frames.WINDOW_MAX:
                    raise ConnectionFaultError(ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE too large")
                self._window = value
            case frames.MAX_FRAME_SIZE:
                if not frames.MAX_FRAME <= value <= frames.MAX_FRAME_MAX:
                    raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE out of bounds")
                self._sender.max_frame = value
            case _:
                # The others bind whoever sends headers that refer to a table, pushes, or opens streams: not us.
                pass

    def ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        """Answer PING, unless it is an answer."""
        _on_connection("PING", stream_id)
        if len(payload) != frames.PING_BYTES:
            raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, "PING of other than 8 bytes")
        self._patience.charge("PING")
        if flags & frames.ACK:
            self._connection.goodbye.echo(payload)
        else:
            self._sender.out.append(frames.ping(payload, frames.ACK))

    def window_update(self, _: int, stream_id: int, payload: bytes) -> None:
        """Take WINDOW_UPDATE: there is room for more of an answer."""
        if len(payload) != 4:  # noqa: PLR2004  an increment
            raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE of other than 4 bytes")
        increment = int.from_bytes(payload) & frames.STREAM_MASK
        sent = len(self._sender.out)
        if not stream_id:
            if not increment:
                raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
            for ended in self._sender.widen(increment):
                self._requests.over(ended)
        else:
            self._requests.expect_used("WINDOW_UPDATE", stream_id)
            if not increment:
                raise StreamFaultError(ErrorCode.PROTOCOL_ERROR, stream_id, "WINDOW_UPDATE of nothing")
            # On a stream that is over it may just have been late.
            if (stream := self._requests.streams.get(stream_id)) and self._sender.widen_stream(stream, increment):
                self._requests.over(stream)
        if len(self._sender.out) == sent:
            # Nothing waited for it; it may be one byte each.
            self._patience.charge("WINDOW_UPDATE")

    def rst_stream(self, _: int, stream_id: int, payload: bytes) -> None:
        """Take RST_STREAM: the client no longer wants an answer."""
        if len(payload) != 4:  # noqa: PLR2004  an error code
            raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM of other than 4 bytes")
        self._requests.expect_used("RST_STREAM", stream_id)
        self._patience.charge("RST_STREAM")
        if stream := self._requests.streams.get(stream_id):
            self._requests.drop(stream)

    def goaway(self, _: int, stream_id: int, payload: bytes) -> None:
        """Take GOAWAY: the client will hang up; what it still asks is answered."""
        _on_connection("GOAWAY", stream_id)
        if len(payload) < frames.GOAWAY_BYTES:
            raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY of less than 8 bytes")
        self._patience.charge("GOAWAY")

    def priority(self, _: int, stream_id: int, payload: bytes) -> None:
        """Check the form of PRIORITY, and ignore it (RFC 9113, section 5.3.2)."""
        if not stream_id:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "PRIORITY on the connection")
        if len(payload) != frames.PRIORITY_BYTES:
            # On the connection: a stream that is idle cannot be reset.
            raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of other than 5 bytes")
        frames.check_priority(stream_id, payload)
        self._patience.charge("PRIORITY")


def _on_connection(what: str, stream_id: int) -> None:
    if stream_id:
        raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, f"{what} on stream {stream_id}")
