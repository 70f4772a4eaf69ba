"""The client's side of a data plane connection, written from the RFCs alone: frames, header blocks and answers."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple, Self

import grpc
import hpack
from hpack.hpack import encode_integer

from gate.dataplane.connection import Connection, Start
from gate.dataplane.heads import Head, Heads
from gate.dataplane.limits import Limits
from gate.dataplane.memory import Memory
from gate.dataplane.methods import Methods
from gate.dataplane.streams import Outcome

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ECHO: Final = b"/test.Words/Echo"
LATER: Final = b"/test.Words/Later"
WATCH: Final = b"/test.Words/Watch"
Fields = Iterable[tuple[bytes, bytes]]


class Kind(IntEnum):
    """Frame types (RFC 9113, section 6)."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Code(IntEnum):
    """Error codes (RFC 9113, section 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITY: Final = 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME, MAX_LIST = range(1, 7)
EMPTY_TABLE: Final = b"\x20"
"""HPACK: the client's table shrinks to nothing (RFC 7541, section 6.3)."""


class Frame(NamedTuple):
    """A frame as it was received."""

    kind: int
    flags: int
    stream_id: int
    payload: bytes


@dataclass
class Answer:
    """What came back on one stream."""

    head: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[bytes, bytes] = field(default_factory=dict)
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        """The call's gRPC status."""
        return int((self.trailers or self.head)[b"grpc-status"])

    @property
    def message(self) -> bytes:
        """What the status says, as it was sent."""
        return (self.trailers or self.head)[b"grpc-message"]


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """Write a frame, right or wrong."""
    return len(payload).to_bytes(3) + struct.pack(">BBI", kind, flags, stream_id) + payload


def settings(*values: tuple[int, int]) -> bytes:
    """Write SETTINGS."""
    return frame(Kind.SETTINGS, 0, 0, b"".join(struct.pack(">HI", *each) for each in values))


def word(value: int) -> bytes:
    """Write four bytes: an error code or a window's increment."""
    return value.to_bytes(4)


def split(octets: bytes) -> Iterator[Frame]:
    """Read whole frames."""
    while octets:
        size = int.from_bytes(octets[:3])
        kind, flags, stream_id = struct.unpack_from(">BBI", octets, 3)
        payload, octets = octets[9 : 9 + size], octets[9 + size :]
        assert len(payload) == size
        yield Frame(kind, flags, stream_id, payload)


def whole(octets: bytes) -> int:
    """Tell how many of these bytes are whole frames."""
    end = 0
    while end + 9 <= len(octets) and end + 9 + int.from_bytes(octets[end : end + 3]) <= len(octets):
        end += 9 + int.from_bytes(octets[end : end + 3])
    return end


def literals(fields: Fields) -> bytes:
    """Write a header block of literals that no table remembers."""
    return b"".join(b"\x00" + _string(name) + _string(value) for name, value in fields)


def _string(octets: bytes) -> bytes:
    return bytes(encode_integer(len(octets), 7)) + octets


def call_fields(path: bytes = ECHO, extra: Fields = (), **replaced: bytes | None) -> list[tuple[bytes, bytes]]:
    """List a gRPC request's fields; those of a keyword are replaced (`_` stands for `-`), or left out with None."""
    usual = {b":method": b"POST", b":scheme": b"http", b":path": path, b":authority": b"gate"}
    usual |= {b"content-type": b"application/grpc", b"te": b"trailers"}
    for name, value in replaced.items():
        plain = name.replace("_", "-").encode()
        known = next((each for each in usual if each.lstrip(b":") == plain), plain)
        if value is None:
            usual.pop(known)
        else:
            usual[known] = value
    return [*usual.items(), *extra]


def framed(message: bytes, flag: int = 0) -> bytes:
    """Write gRPC's prefix and a message."""
    return bytes((flag,)) + word(len(message)) + message


def headers(stream_id: int, fields: Fields, flags: int = END_HEADERS, before: bytes = b"") -> bytes:
    """Write a HEADERS frame."""
    return frame(Kind.HEADERS, flags, stream_id, before + literals(fields))


def request(stream_id: int, message: bytes = b"hello", path: bytes = ECHO) -> bytes:
    """Write a call in two frames."""
    return headers(stream_id, call_fields(path)) + frame(Kind.DATA, END_STREAM, stream_id, framed(message))


def answers(frames: Iterable[Frame], decoder: hpack.Decoder | None = None) -> dict[int, Answer]:
    """Gather answers by stream."""
    decoder = decoder or hpack.Decoder()
    found: dict[int, Answer] = {}
    for kind, flags, stream_id, payload in frames:
        if kind in {Kind.HEADERS, Kind.DATA, Kind.RST_STREAM}:
            answer = found.setdefault(stream_id, Answer())
            if kind == Kind.HEADERS:
                fields = {bytes(name): bytes(value) for name, value in decoder.decode(payload, raw=True)}
                if answer.head:
                    answer.trailers = fields
                else:
                    answer.head = fields
            elif kind == Kind.DATA:
                answer.body += payload
            else:
                answer.reset = int.from_bytes(payload)
            answer.ended |= kind != Kind.RST_STREAM and bool(flags & END_STREAM)
    return found


def unread(message: bytes) -> bytes:
    """Leave a message as it is: what a method of the tests reads and writes."""
    return message


def methods() -> Methods:
    """Register methods that the core can find; what they do is up to `start`."""
    served = Methods()
    handler: Any = grpc.unary_unary_rpc_method_handler(unread)
    watch: Any = grpc.unary_stream_rpc_method_handler(unread)
    served.add_registered_method_handlers("test.Words", {"Echo": handler, "Later": handler, "Watch": watch})
    return served


class Later:
    """A call that waits until the test answers it."""

    def __init__(self) -> None:
        self.cancelled = False
        self.drains = 0

    def cancel(self) -> None:
        """Note that nobody waits any more."""
        self.cancelled = True

    def drained(self) -> None:
        """Note that what was sent is on its way."""
        self.drains += 1


class Client:
    """A client of one connection, whose calls are echoed, or wait in `later`."""

    def __init__(
        self,
        limits: Limits | None = None,
        start: Start | None = None,
        heads: Heads | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.later: dict[int, Later] = {}
        self.started: list[tuple[int, Head, bytes]] = []
        heads = heads or Heads(methods(), self.limits)
        self.connection = Connection(start or self._start, heads, self.limits, 0.0, memory)

    def _start(self, connection: Connection, stream_id: int, head: Head, message: bytes) -> Outcome:
        assert connection is self.connection
        assert head.method is not None
        self.started.append((stream_id, head, message))
        if head.method.path.encode() in {LATER, WATCH}:
            self.later[stream_id] = Later()
            return self.later[stream_id]
        return framed(message)

    def send(self, *octets: bytes) -> list[Frame]:
        """Send bytes in one piece, and read what comes back."""
        self.connection.receive(b"".join(octets))
        return self.read()

    def read(self) -> list[Frame]:
        """Read what is there."""
        return list(split(self.connection.take()))

    def greet(self, *values: tuple[int, int], acknowledge: bool = True) -> Self:
        """Send preface and SETTINGS, and acknowledge those of the gate."""
        self.send(PREFACE, settings(*values), frame(Kind.SETTINGS, ACK, 0) if acknowledge else b"")
        return self

    def empty_table(self) -> Self:
        """Make a first call, on stream 1, which empties the table: the same bytes always mean the same from now on."""
        self.send(
            headers(1, call_fields(), before=EMPTY_TABLE),
            frame(Kind.DATA, END_STREAM, 1, framed(b"")),
        )
        self.started.clear()
        return self

    def answer(self, *octets: bytes, stream_id: int = 1) -> Answer:
        """Send bytes, and return the answer on one stream."""
        return answers(self.send(*octets))[stream_id]

    def fault(self, *octets: bytes) -> int | None:
        """Send bytes, and return the error code of GOAWAY if there is one; the connection is then over."""
        return fault(self.send(*octets), closed=self.connection.closed)


def fault(frames: Iterable[Frame], *, closed: bool) -> int | None:
    """Return the code that a connection was ended with."""
    goaways = [each for each in frames if each.kind == Kind.GOAWAY]
    assert bool(goaways) == closed
    return int.from_bytes(goaways[-1].payload[4:8]) if goaways else None


def ask(fields: Fields, body: bytes, client: Client | None = None) -> Answer:
    """Send one call on a new connection, in pieces of at most 600 bytes, and return its answer."""
    client = client or Client().greet()
    pieces = [body[place : place + 600] for place in range(0, len(body), 600)] or [b""]
    last = len(pieces) - 1
    data = [frame(Kind.DATA, END_STREAM * (at == last), 3, piece) for at, piece in enumerate(pieces)]
    return client.answer(headers(3, fields), *data, stream_id=3)
