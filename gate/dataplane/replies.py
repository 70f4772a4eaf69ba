"""What the gate answers with, as header blocks: gRPC's statuses on HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md)."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import quote

import grpc

from gate.dataplane.fields import Field, block
from gate.dataplane.frames import DATA, END_HEADERS, END_STREAM, HEADERS, frame

Metadata = Iterable[tuple[str, str | bytes]]

BINARY: Final = "-bin"
ENCODINGS: Final = b"identity,gzip"
OK_STATUS: Final = 200
PUSHBACK: Final = ("grpc-retry-pushback-ms", "1000")
"""Tells a client that retries when to do so (gRFC A6)."""
MESSAGE_PREFIX_BYTES: Final = 5
"""In front of each message: a flag for compression and four bytes of length."""

_CONTENT_TYPE: Final = (b"content-type", b"application/grpc")
_UNESCAPED: Final = " !\"#$&'()*+,/:;<=>?@[\\]^`{|}"
"""What stays as it is in grpc-message beside letters, digits and `_.-~`: printable ASCII but for the per cent sign."""


class Ending(NamedTuple):
    """The end of a call that has no answer: a block of trailers, alone or after messages."""

    alone: bytes
    after_messages: bytes


class Reply(NamedTuple):
    """An answer with something to add: the payload of DATA, and the block of trailers."""

    payload: bytes
    trailers: bytes


def _status_line(http_status: int) -> bytes:
    # The first is an entry of the static table (RFC 7541, appendix A), the other a literal with a name from there.
    return b"\x88" if http_status == OK_STATUS else b"\x08\x03%d" % http_status


HEAD: Final = _status_line(OK_STATUS) + block([_CONTENT_TYPE])
"""The block in front of an answer's messages."""

OK: Final = block([(b"grpc-status", b"0")])
"""The block after them."""


DONE: Final = Ending(HEAD + OK, OK)
"""The end of a stream of messages."""


_BEFORE_ID: Final = 5
"""Where the stream's id begins in a frame's header."""
_HEAD_START: Final = frame(HEADERS, END_HEADERS, 0, HEAD)[:_BEFORE_ID]
_DATA_START: Final = bytes((DATA, 0))
"""Type and flags, between the length and the stream's id."""
_OK_START: Final = frame(HEADERS, END_HEADERS | END_STREAM, 0, OK)[:_BEFORE_ID]
SHORT: Final = 32
"""Bytes of an answer that is likely the same for many calls."""
_REMEMBERED: Final = 1_024

Pieces = tuple[bytes, bytes, bytes, bytes]
"""What is around the stream's id, which each of the three frames of an answer has in it."""


def answer_pieces(payload: bytes) -> Pieces:
    """Write the frames of a whole answer that fits into one frame of DATA."""
    return _HEAD_START, HEAD + len(payload).to_bytes(3) + _DATA_START, payload + _OK_START, OK


class ShortAnswers(dict[bytes, Pieces]):
    """Answers up to `SHORT`, by what they say; bounded in memory."""

    def __missing__(self, payload: bytes) -> Pieces:
        """Write an answer that was not given before."""
        if len(self) >= _REMEMBERED:
            self.clear()
        pieces = self[payload] = answer_pieces(payload)
        return pieces


def ending(code: grpc.StatusCode, message: str, metadata: Metadata = (), http_status: int = OK_STATUS) -> Ending:
    """Write a status that is the whole answer, or what follows messages."""
    fields = [(b"grpc-status", b"%d" % code.value[0]), (b"grpc-message", quote(message, safe=_UNESCAPED).encode())]
    fields.extend(metadata_fields(metadata))
    return Ending(_status_line(http_status) + block([_CONTENT_TYPE, *fields]), block(fields))


def ok(metadata: Metadata) -> bytes:
    """Write the trailers of a call that went well and has something to add."""
    return OK + block(metadata_fields(metadata))


def metadata_fields(metadata: Metadata) -> Iterable[Field]:
    """Write metadata; values under a name that ends in `-bin` may be any bytes."""
    for name, value in metadata:
        octets = value.encode() if isinstance(value, str) else value
        yield name.encode(), b64encode(octets).rstrip(b"=") if name.endswith(BINARY) else octets


def unencodable(encoding: str) -> Ending:
    """Refuse a compression that the gate does not read, and say which ones it does."""
    message = f"grpc-encoding: {encoding!r} is not supported; send identity or gzip"
    return ending(grpc.StatusCode.UNIMPLEMENTED, message, [("grpc-accept-encoding", ENCODINGS)])
