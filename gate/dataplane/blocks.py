"""One connection's header blocks: put together from frames, then read in the client's HPACK context."""

from collections.abc import Iterable
from typing import Final

from hpack import Decoder
from hpack.exceptions import HPACKError, OversizedHeaderListError

from gate.dataplane.fields import Field, FieldsError, leading_size_updates
from gate.dataplane.frames import ConnectionFaultError, ErrorCode
from gate.dataplane.heads import Head, Heads
from gate.dataplane.limits import Limits


class OpenBlock:
    """A header block whose last frame has not come; nothing else may come on the connection meanwhile."""

    def __init__(self, stream_id: int, *, ends_stream: bool, began: float, fragment: bytes, limits: Limits) -> None:
        self.stream_id = stream_id
        self.ends_stream = ends_stream
        self.began = began
        self._limits = limits
        self._fragments = bytearray(fragment)
        self._frames = 0

    def add(self, fragment: bytes) -> None:
        """Take a CONTINUATION. Raises ConnectionFaultError: a flood of them (CVE-2024-27316) ends the connection."""
        self._fragments += fragment
        self._frames += 1
        if len(self._fragments) > self._limits.header_block_bytes or self._frames > self._limits.continuations:
            raise ConnectionFaultError(ErrorCode.ENHANCE_YOUR_CALM, "a header block that is too long")

    def whole(self) -> bytes:
        """Return the block."""
        return bytes(self._fragments)


class BlockReader:
    """Reads blocks with the library's table until the client has shrunk it to nothing, then without any.

    A client shrinks its table with the first block after it acknowledged our SETTINGS. One that does not is against
    RFC 9113, section 4.3.1, but does no harm: it only pays for a table of its own.
    """

    def __init__(self, heads: Heads, limits: Limits) -> None:
        self._heads: Final = heads
        self._decoder: Decoder | None = Decoder(max_header_list_size=limits.header_block_bytes)
        self._acknowledged = False

    @property
    def stateless(self) -> bool:
        """Whether the same bytes mean the same fields from now on."""
        return self._decoder is None

    def acknowledge(self) -> None:
        """Note that the client has taken our SETTINGS."""
        self._acknowledged = True

    def read(self, block: bytes) -> Head:
        """Read a request's block. Raises ConnectionFaultError."""
        try:
            block = self._without_updates(block)
            return self._heads.read(block) if self._decoder is None else self._heads.of(self._decode(block))
        except FieldsError as error:
            raise ConnectionFaultError(ErrorCode.COMPRESSION_ERROR, str(error)) from None

    def try_read(self, block: bytes) -> Head | None:
        """Read a request's block, once blocks are stateless; None if that takes more than looking at it."""
        try:
            return self._heads.read(block)
        except FieldsError:
            return None

    def read_fields(self, block: bytes) -> Iterable[Field]:
        """Read a block of trailers. Raises ConnectionFaultError."""
        try:
            block = self._without_updates(block)
            return self._heads.fields(block) if self._decoder is None else self._decode(block)
        except FieldsError as error:
            raise ConnectionFaultError(ErrorCode.COMPRESSION_ERROR, str(error)) from None

    def _without_updates(self, block: bytes) -> bytes:
        if not self._acknowledged:
            return block
        sizes, place = leading_size_updates(block)
        if any(sizes):
            raise FieldsError("a table larger than SETTINGS_HEADER_TABLE_SIZE")
        if sizes:
            self._decoder = None
        return block[place:]

    def _decode(self, block: bytes) -> list[Field]:
        assert self._decoder is not None  # noqa: S101  asked only until it is given up
        try:
            return [(bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)]
        except OversizedHeaderListError:
            # The rest of the block was not read, so that the table is not the client's any more.
            raise ConnectionFaultError(ErrorCode.ENHANCE_YOUR_CALM, "a header list that is too long") from None
        except (HPACKError, ValueError) as error:
            raise FieldsError(str(error)) from error
