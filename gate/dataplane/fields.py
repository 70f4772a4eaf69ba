"""Header blocks to fields and back: HPACK (RFC 7541), decoded by the `hpack` library and remembered.

The gate announces SETTINGS_HEADER_TABLE_SIZE 0. From the moment that a client has shrunk its table, the same bytes
always mean the same fields, so that a block is cut into its fields here and each is decoded once, with the library's
static table and Huffman code. Until then a client may use its table, and the library decodes every block in its
connection's own context.

What the gate itself sends is written as literals that no table remembers: its blocks are constants, valid at any
time on any connection.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from hpack.exceptions import HPACKError
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

Field = tuple[bytes, bytes]
Value = TypeVar("Value")

ENTRY_BYTES: Final = 32
"""What a field counts for in a header list beside its name and value (RFC 9113, section 6.5.2)."""

_INDEXED: Final = 0x80
_INCREMENTAL: Final = 0x40
_SIZE_UPDATE: Final = 0x20
_HUFFMAN: Final = 0x80
_INDEX_PREFIX: Final = 0x3F
_PLAIN_PREFIX: Final = 0x0F
_REMEMBERED: Final = 8_192
_LONGEST_REMEMBERED: Final = 256
_INTEGER_BYTES: Final = 5


class FieldsError(ValueError):
    """A header block is no HPACK, or refers to what is not there."""


class FieldReader:
    """Decodes fields of clients whose table is empty; shared by all connections, bounded in memory."""

    def __init__(self) -> None:
        self._known: dict[bytes, Field] = {}
        self._names: dict[bytes, bytes] = {}

    def read(self, piece: bytes) -> Field:
        """Decode one field's representation, as `cut` gives it. Raises FieldsError."""
        field = self._known.get(piece)
        if field is None:
            field = self._decode(piece)
            _remember(self._known, piece, field)
        return field

    def _decode(self, piece: bytes) -> Field:
        first = piece[0]
        if first & _INDEXED:
            return _entry(_skip_integer(piece, 0, 0x7F)[0])
        place = _skip_name(piece, 0)
        written = piece[:place]
        name = self._names.get(written)
        if name is None:
            name = _name(written)
            _remember(self._names, written, name)
        return name, text(piece, place)


def _remember(known: dict[bytes, Value], key: bytes, value: Value) -> None:
    if len(key) <= _LONGEST_REMEMBERED:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[key] = value


def _name(written: bytes) -> bytes:
    prefix = _INDEX_PREFIX if written[0] & _INCREMENTAL else _PLAIN_PREFIX
    index, place = _skip_integer(written, 0, prefix)
    return _entry(index)[0] if index else text(written, place)


def _entry(index: int) -> Field:
    """Look up the static table (RFC 7541, appendix A); with an empty dynamic one there is nothing behind it."""
    if not 0 < index <= len(HeaderTable.STATIC_TABLE):
        raise FieldsError(f"index {index}, where nothing is")
    return HeaderTable.STATIC_TABLE[index - 1]


def text(piece: bytes, place: int) -> bytes:
    """Read a string (RFC 7541, section 5.2) that was found to be whole. Raises FieldsError."""
    size, start = _skip_integer(piece, place, 0x7F)
    octets = piece[start : start + size]
    if not piece[place] & _HUFFMAN:
        return octets
    try:
        return decode_huffman(octets)
    except HPACKError as error:
        raise FieldsError(str(error)) from error


def cut(block: bytes) -> Iterator[bytes]:
    """Cut a block into its fields' representations. Raises FieldsError, also for a change of the table's size."""
    place, end = 0, len(block)
    while place < end:
        first = block[place]
        if first & _INDEXED:
            after = _skip_integer(block, place, 0x7F)[1]
        elif first & 0xE0 == _SIZE_UPDATE:
            raise FieldsError("a change of the table's size that is not allowed, or not at the start of a block")
        else:
            after = _skip_string(block, _skip_name(block, place))
        if after > end:
            raise FieldsError("a block that ends in the middle of a field")
        yield block[place:after]
        place = after


def leading_size_updates(block: bytes) -> tuple[list[int], int]:
    """Return the table sizes that a block begins with, and where its fields begin. Raises FieldsError."""
    sizes = []
    place = 0
    while place < len(block) and block[place] & 0xE0 == _SIZE_UPDATE:
        size, place = _skip_integer(block, place, 0x1F)
        sizes.append(size)
    return sizes, place


def _skip_name(block: bytes, place: int) -> int:
    """Return where the name of a literal field ends, and its value begins."""
    index, after = _skip_integer(block, place, _INDEX_PREFIX if block[place] & _INCREMENTAL else _PLAIN_PREFIX)
    return after if index else _skip_string(block, after)


def _skip_string(block: bytes, place: int) -> int:
    size, place = _skip_integer(block, place, 0x7F)
    return place + size


def _skip_integer(block: bytes, place: int, prefix: int) -> tuple[int, int]:
    """Read an integer with a prefix (RFC 7541, section 5.1); return it and where it ends."""
    try:
        value = block[place] & prefix
        place += 1
        if value < prefix:
            return value, place
        for shift in range(0, 7 * _INTEGER_BYTES, 7):
            byte = block[place]
            place += 1
            value += (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004  the bit that says that another byte follows
                return value, place
    except IndexError:
        raise FieldsError("a block that ends in the middle of a number") from None
    raise FieldsError("a number that is too large")


def literal(name: bytes, value: bytes) -> bytes:
    """Write a field as a literal that is not remembered (RFC 7541, section 6.2.2)."""
    return b"\x00" + _string(name) + _string(value)


def block(fields: Iterable[Field]) -> bytes:
    """Write fields as a block."""
    return b"".join(literal(name, value) for name, value in fields)


def _string(text: bytes) -> bytes:
    size = len(text)
    if size < 0x7F:  # noqa: PLR2004  the prefix of seven bits
        return bytes((size,)) + text
    size -= 0x7F
    octets = bytearray(b"\x7f")
    while size >= 0x80:  # noqa: PLR2004  seven bits a byte
        octets.append(size & 0x7F | 0x80)
        size >>= 7
    octets.append(size)
    return bytes(octets) + text
