"""HTTP/2 frames as bytes: constants of the protocol, and how the frames that the gate sends are written.

Names, numbers and layouts are those of RFC 9113, sections 4, 6 and 7.
"""

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client says first."""

HEADER_BYTES: Final = 9
HEADER: Final = Struct(">BHBBI")
"""A frame's header: length (its high byte, the rest), type, flags, stream id with a reserved high bit."""

STREAM_MASK: Final = 0x7FFF_FFFF
WINDOW_MAX: Final = 0x7FFF_FFFF
DEFAULT_WINDOW: Final = 65_535
MAX_FRAME: Final = 16_384
"""The largest payload that the gate takes: the protocol's default, which it does not raise."""
MAX_FRAME_MAX: Final = 0xFF_FFFF

DATA: Final = 0
HEADERS: Final = 1
PRIORITY: Final = 2
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
HAS_PRIORITY: Final = 0x20

HEADER_TABLE_SIZE: Final = 1
ENABLE_PUSH: Final = 2
MAX_CONCURRENT_STREAMS: Final = 3
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5
MAX_HEADER_LIST_SIZE: Final = 6

PING_BYTES: Final = 8
PRIORITY_BYTES: Final = 5
GOAWAY_BYTES: Final = 8
SETTING: Final = Struct(">HI")
_TWO_WORDS: Final = Struct(">II")


class ErrorCode(IntEnum):
    """Why a stream or a connection ends (RFC 9113, section 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11


class ConnectionFaultError(Exception):
    """The peer broke the protocol for the whole connection: it is told why, and hung up on."""

    def __init__(self, code: ErrorCode, why: str) -> None:
        super().__init__(f"{code.name}: {why}")
        self.code = code
        self.why = why


class StreamFaultError(Exception):
    """The peer broke the protocol on one stream: that one is reset, the others do not notice."""

    def __init__(self, code: ErrorCode, stream_id: int, why: str) -> None:
        super().__init__(f"stream {stream_id}: {code.name}: {why}")
        self.code = code
        self.stream_id = stream_id


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """Write a frame."""
    size = len(payload)
    return HEADER.pack(size >> 16, size & 0xFFFF, kind, flags, stream_id) + payload


def unpadded(flags: int, payload: bytes) -> bytes:
    """Take the padding off a payload. Raises ConnectionFaultError."""
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "more padding than payload")
    return payload[1 : len(payload) - payload[0]]


def without_priority(flags: int, stream_id: int, fragment: bytes) -> bytes:
    """Take the priority off a HEADERS payload, and ignore it. Raises ConnectionFaultError."""
    if not flags & HAS_PRIORITY:
        return fragment
    if len(fragment) < PRIORITY_BYTES:
        raise ConnectionFaultError(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for its priority")
    check_priority(stream_id, fragment)
    return fragment[PRIORITY_BYTES:]


def check_priority(stream_id: int, priority: bytes) -> None:
    """Refuse a stream that depends on itself (RFC 7540, section 5.3.1). Raises ConnectionFaultError.

    On the connection, since an idle stream cannot be reset.
    """
    if int.from_bytes(priority[:4]) & STREAM_MASK == stream_id:
        raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, f"stream {stream_id} depends on itself")


def settings(values: dict[int, int]) -> bytes:
    """Write a SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(SETTING.pack(*each) for each in values.items()))


def rst_stream(stream_id: int, code: ErrorCode) -> bytes:
    """Write a RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream_id, code.to_bytes(4, "big"))


def window_update(stream_id: int, increment: int) -> bytes:
    """Write a WINDOW_UPDATE frame; stream 0 is the connection."""
    return frame(WINDOW_UPDATE, 0, stream_id, increment.to_bytes(4, "big"))


def ping(opaque: bytes, flags: int = 0) -> bytes:
    """Write a PING frame, or the answer to one."""
    return frame(PING, flags, 0, opaque)


def goaway(last_stream_id: int, code: ErrorCode, why: str = "") -> bytes:
    """Write a GOAWAY frame, with a reason for whoever reads a trace."""
    return frame(GOAWAY, 0, 0, _TWO_WORDS.pack(last_stream_id, code) + why.encode())


def header_frames(stream_id: int, block: bytes, flags: int, size: int) -> Iterator[bytes]:
    """Write a header block as HEADERS and as many CONTINUATION frames as a frame size asks for."""
    kind = HEADERS
    while len(block) > size:
        yield frame(kind, flags, stream_id, block[:size])
        block, kind, flags = block[size:], CONTINUATION, 0
    yield frame(kind, flags | END_HEADERS, stream_id, block)


SETTINGS_ACK: Final = frame(SETTINGS, ACK, 0)
