"""What a call's header block asks for: which method, until when, encoded how, with which metadata.

Clients send the same block again and again, so what one came to is remembered by its bytes. Where only the time
limit differs, the rest is remembered.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable
from typing import Final, TypeVar

import grpc

from gate.dataplane.fields import ENTRY_BYTES, Field, FieldReader, cut, text
from gate.dataplane.limits import Limits
from gate.dataplane.methods import Method, Methods
from gate.dataplane.replies import BINARY, Ending, ending, unencodable

Value = TypeVar("Value")

GZIP: Final = "gzip"
IDENTITY: Final = "identity"

_TIMEOUT: Final = b"grpc-timeout"
_TIMEOUT_NAMES: Final = (b"\x0cgrpc-timeout", b"\x89\x9a\xca\xc8\xb2\x4d\x49\x4f\x6a\x7f")
"""The name with its length as HPACK writes it, plain and in Huffman code."""
_LITERALS: Final = b"\x00\x10\x40"
"""What a field with a name of its own begins with."""
_LONGEST_TIMEOUT: Final = 32
"""More than a time limit takes, and less than a length that needs a second byte."""
_TIMEOUT_FORM: Final = re.compile(rb"([0-9]{1,8})([HMSmun])")
_UNITS: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_REQUIRED: Final = frozenset({b":method", b":scheme", b":path"})
_PSEUDO: Final = _REQUIRED | {b":authority"}
_OF_CONNECTIONS: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
_NOT_METADATA: Final = frozenset(
    {b"content-type", b"content-length", b"te", b"host", b"grpc-encoding", b"grpc-accept-encoding", _TIMEOUT}
)
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE: Final = re.compile(rb"[^\x00\r\n]*")
"""Spaces and tabs around it stay, though RFC 9113, section 8.2.1, forbids them: gRPC's clients send them, its servers
hand them on, and whoever sends a token with a space behind it is to be told of the token."""
_PSEUDO_VALUE: Final = re.compile(rb"(?:[^\x00\r\n\t ](?:[^\x00\r\n]*[^\x00\r\n\t ])?)?")
_CONTENT_TYPE: Final = re.compile(rb"application/grpc(?:\+proto)?(?:;.*)?", re.IGNORECASE)
_FORBIDDEN: Final = "a field value with a forbidden character"
_REMEMBERED: Final = 4_096
_LONGEST_REMEMBERED: Final = 1_024
_KEPT_FIELD_BYTES: Final = 192
"""What Python takes for a field of metadata, a pair of two objects, beside the bytes of its name and value."""
_LONGEST_QUOTED: Final = 100
"""Of what a client sent, in a message to it."""


class Head:
    """A request as far as its header block tells; not to be changed, since calls share it."""

    __slots__ = ("content_length", "encoding", "fault", "metadata", "method", "plain", "refusal", "size", "timeout")

    def __init__(self) -> None:
        self.method: Method | None = None
        self.timeout: float | None = None
        """Seconds, not negative."""
        self.encoding = IDENTITY
        self.metadata: tuple[tuple[str, str | bytes], ...] = ()
        self.size = 0
        """Bytes that the metadata takes."""
        self.content_length: int | None = None
        self.refusal: Ending | None = None
        """The answer, if the request cannot be served."""
        self.fault = ""
        """Why this is no HTTP request at all, if so; the stream is then reset."""

        self.plain = False
        """Whether a message in one piece can be answered without a further look, or a count of what is kept."""

    @property
    def served(self) -> Method:
        """The method of a request that was not refused."""
        assert self.method is not None  # noqa: S101  a request without one is refused
        return self.method

    def within(self, timeout: float | None, refusal: Ending | None) -> "Head":
        """Return the same request with a time limit, or with the refusal of an unreadable one."""
        head = Head()
        head.method = self.method
        head.timeout = timeout
        head.encoding = self.encoding
        head.metadata = self.metadata
        head.size = self.size
        head.content_length = self.content_length
        head.refusal = self.refusal or refusal
        head.fault = self.fault
        head.plain = self.plain and head.refusal is None
        return head


class Heads:
    """Reads header blocks; shared by all connections, bounded in memory."""

    def __init__(self, methods: Methods, limits: Limits) -> None:
        self._methods = methods
        self._most = limits.header_list_bytes
        self._plain = limits.plain_bytes
        self._reader = FieldReader()
        self._without_timeout: dict[bytes, Head] = {}
        self._before_timeout: dict[bytes, None] = {}
        self._last: tuple[bytes | None, Head] = (None, Head())
        """The one that was read last: one that is not plain is asked for twice."""
        self.known: dict[bytes, Head] = {}
        """By block, for clients whose HPACK table is empty."""

    def read(self, block: bytes) -> Head:
        """Read a block of a client whose HPACK table is empty. Raises FieldsError."""
        head = self.known.get(block)
        if head is None:
            last, head = self._last
            if block != last:
                head = self._read(block)
                self._last = (block, head)
            if head.size <= self._plain:
                _remember(self.known, block, head)
        return head

    def fields(self, block: bytes) -> list[Field]:
        """Read the fields of such a client's block that is no request's. Raises FieldsError."""
        return [self._reader.read(piece) for piece in cut(block)]

    def of(self, fields: Iterable[Field]) -> Head:
        """Read decoded fields."""
        rest: list[Field] = []
        timeouts: list[bytes] = []
        for field in fields:
            if field[0] == _TIMEOUT:
                timeouts.append(field[1])
            elif timeouts and field[0].startswith(b":"):
                return _malformed()
            else:
                rest.append(field)
        return _limited(self._head(rest), timeouts)

    def _read(self, block: bytes) -> Head:
        return self._read_known_but_timeout(block) or self._read_fields(block)

    def _read_known_but_timeout(self, block: bytes) -> Head | None:
        """Read a block that was seen before with another time limit, without taking it apart.

        What stands before the limit was seen as a row of whole fields, so that a field begins where it ends, and ends
        with one that no pseudo-header field may follow. The limit's name follows, then its length; and what is left
        without it was seen as a request's fields.
        """
        for name in _TIMEOUT_NAMES:
            place = block.find(name)
            if place > 0 and block[: place - 1] in self._before_timeout and block[place - 1] in _LITERALS:
                value = place + len(name)
                end = value + 1 + (block[value] & 0x7F) if value < len(block) else len(block) + 1
                head = self._without_timeout.get(block[: place - 1] + block[end:])
                if head is not None and end <= min(len(block), value + _LONGEST_TIMEOUT):
                    return _limited(head, [text(block, value)])
        return None

    def _read_fields(self, block: bytes) -> Head:
        pieces: list[bytes] = []
        timeouts: list[bytes] = []
        regular = False
        read = self._reader.read
        for piece in cut(block):
            name, value = read(piece)
            if name == _TIMEOUT:
                timeouts.append(value)
                if regular:
                    _remember(self._before_timeout, b"".join(pieces), None)
            elif timeouts and name.startswith(b":"):
                return _malformed()
            else:
                regular = not name.startswith(b":")
                pieces.append(piece)
        rest = b"".join(pieces)
        head = self._without_timeout.get(rest)
        if head is None:
            head = self._head([read(piece) for piece in pieces])
            if head.size <= self._plain:
                _remember(self._without_timeout, rest, head)
        return _limited(head, timeouts)

    def _head(self, fields: list[Field]) -> Head:
        head = Head()
        if sum(len(name) + len(value) + ENTRY_BYTES for name, value in fields) > self._most:
            message = f"metadata: more than {self._most:,} bytes of header fields; send less"
            head.refusal = ending(grpc.StatusCode.RESOURCE_EXHAUSTED, message)
            return head
        head.fault = _fault(fields)
        if not head.fault:
            self._fill(head, fields)
        return head

    def _fill(self, head: Head, fields: list[Field]) -> None:
        named = dict(fields)
        path = named[b":path"]
        method = head.method = self._methods.find(path)
        encoding = named.get(b"grpc-encoding", b"identity").decode("latin-1")
        if b"content-length" in named:
            head.content_length = int(named[b"content-length"])
        if named[b":method"] != b"POST":
            head.refusal = ending(grpc.StatusCode.INTERNAL, "gRPC calls are sent with POST", http_status=405)
        elif not _CONTENT_TYPE.fullmatch(named.get(b"content-type", b"")):
            message = "content-type: not application/grpc with protobuf messages"
            head.refusal = ending(grpc.StatusCode.INVALID_ARGUMENT, message, http_status=415)
        elif method is None:
            message = (
                f"{_quoted(path.decode('latin-1'))}: not served on the data address, which has the unary methods of "
                "sendgate.v1.SendGateService and grpc.health.v1.Health; everything else is on the control address"
            )
            head.refusal = ending(grpc.StatusCode.UNIMPLEMENTED, message)
        elif encoding not in {IDENTITY, GZIP}:
            head.refusal = unencodable(_quoted(encoding))
        else:
            head.encoding = encoding
            try:
                head.metadata = tuple(_metadata(fields))
            except ValueError as error:
                head.refusal = ending(grpc.StatusCode.INTERNAL, str(error))
            head.size = sum(len(name) + len(value) + _KEPT_FIELD_BYTES for name, value in head.metadata)
            passes = head.refusal is None and encoding == IDENTITY and not method.streams
            head.plain = passes and head.size <= self._plain


def _remember(known: dict[bytes, Value], block: bytes, value: Value) -> None:
    if len(block) <= _LONGEST_REMEMBERED:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[block] = value


def _quoted(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTED else text[:_LONGEST_QUOTED] + "..."


def _malformed() -> Head:
    head = Head()
    head.fault = "a pseudo-header field behind a regular one"
    return head


def _limited(head: Head, timeouts: list[bytes]) -> Head:
    if not timeouts:
        return head
    form = _TIMEOUT_FORM.fullmatch(timeouts[-1])
    if form is None:
        message = "grpc-timeout: not one to eight digits and a unit of H, M, S, m, u or n"
        return head.within(None, ending(grpc.StatusCode.INTERNAL, message))
    return head.within(int(form[1]) * _UNITS[form[2]], None)


def field_fault(name: bytes, value: bytes) -> str:
    """Tell what makes a regular field malformed (RFC 9113, section 8.2); empty means that nothing does."""
    if not _NAME.fullmatch(name) or name in _OF_CONNECTIONS:
        return "a field name that is not allowed in HTTP/2"
    if name == b"te" and value != b"trailers":
        return "te is not trailers"
    if name == b"content-length" and not (value.isdigit() and len(value) < 20):  # noqa: PLR2004  64 bits
        return "content-length is no number"
    return "" if _VALUE.fullmatch(value) else _FORBIDDEN


def _fault(fields: list[Field]) -> str:
    """Tell what makes a request malformed (RFC 9113, section 8.2 and 8.3); empty means that nothing does."""
    seen: set[bytes] = set()
    regular = False
    for name, value in fields:
        if name.startswith(b":"):
            if regular or name not in _PSEUDO or name in seen:
                return "a pseudo-header field that is unknown, repeated or behind a regular one"
            if not _PSEUDO_VALUE.fullmatch(value):
                return _FORBIDDEN
            seen.add(name)
        else:
            regular = True
            if fault := field_fault(name, value):
                return fault
    if not seen >= _REQUIRED or (b":path", b"") in fields:
        return "a request without :method, :scheme or :path"
    return ""


def _metadata(fields: list[Field]) -> Iterable[tuple[str, str | bytes]]:
    for octets, value in fields:
        if octets.startswith(b":") or octets in _NOT_METADATA:
            continue
        name = octets.decode()
        if not name.endswith(BINARY):
            yield name, value.decode("latin-1")
            continue
        for part in value.split(b","):
            try:
                yield name, b64decode(part.strip() + b"=" * (-len(part.strip()) % 4), validate=True)
            except binascii.Error:
                raise ValueError(f"{_quoted(name)}: not base64") from None
