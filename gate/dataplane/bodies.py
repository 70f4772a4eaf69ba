"""A request's body to its message: gRPC's length prefix, compression, and exactly one message."""

import zlib
from typing import Final

import grpc

from gate import status
from gate.dataplane.heads import GZIP
from gate.dataplane.replies import MESSAGE_PREFIX_BYTES, PUSHBACK, Ending, ending

_GZIP_WINDOW: Final = 31
"""zlib's word for the gzip format with the largest window."""

NO_MESSAGE: Final = ending(*status.NO_MESSAGE)
MORE_MESSAGES: Final = ending(grpc.StatusCode.UNIMPLEMENTED, "more than one message; send exactly one")
CUT_OFF: Final = ending(grpc.StatusCode.INTERNAL, "the message is shorter than its length says")
BAD_FLAG: Final = ending(grpc.StatusCode.INTERNAL, "the flag in front of a message is neither 0 nor 1")
NOT_ENCODED: Final = ending(grpc.StatusCode.INTERNAL, "a message marked as compressed, without grpc-encoding: gzip")
TOO_MUCH: Final = ending(
    grpc.StatusCode.RESOURCE_EXHAUSTED, "too many bytes of unfinished requests; send fewer at once", [PUSHBACK]
)
BAD_GZIP: Final = ending(grpc.StatusCode.INTERNAL, "the message is no gzip")


def too_large(size: int, most: int) -> Ending:
    """Refuse a message."""
    return ending(grpc.StatusCode.RESOURCE_EXHAUSTED, f"a message of {size:,} bytes; at most {most:,} are taken")


def has_message(body: bytearray) -> bool:
    """Tell whether the first message of a body is whole."""
    if len(body) < MESSAGE_PREFIX_BYTES:
        return False
    return len(body) >= MESSAGE_PREFIX_BYTES + int.from_bytes(body[1:MESSAGE_PREFIX_BYTES])


def too_early(body: bytearray, most: int) -> Ending | None:
    """Refuse a body while it is coming, as soon as it can only be wrong."""
    if len(body) < MESSAGE_PREFIX_BYTES:
        return None
    size = int.from_bytes(body[1:MESSAGE_PREFIX_BYTES])
    if size > most:
        return too_large(size, most)
    return MORE_MESSAGES if len(body) > MESSAGE_PREFIX_BYTES + size else None


def message(body: bytes | bytearray, encoding: str, most: int) -> bytes | Ending:
    """Take the message out of a whole body of at most `most` bytes, or say why there is none."""
    if not body:
        return NO_MESSAGE
    if len(body) < MESSAGE_PREFIX_BYTES:
        return CUT_OFF
    size = int.from_bytes(body[1:MESSAGE_PREFIX_BYTES])
    if size != len(body) - MESSAGE_PREFIX_BYTES:
        return too_early(bytearray(body), most) or CUT_OFF
    payload = bytes(body[MESSAGE_PREFIX_BYTES:])
    if body[0] == 0:
        return payload
    if body[0] != 1:
        return BAD_FLAG
    return _inflated(payload, most) if encoding == GZIP else NOT_ENCODED


def _inflated(payload: bytes, most: int) -> bytes | Ending:
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        inflated = inflater.decompress(payload, most + 1)
    except zlib.error:
        return BAD_GZIP
    if len(inflated) > most:
        return too_large(len(inflated), most)
    return inflated if inflater.eof and not inflater.unused_data else BAD_GZIP
