"""Files with one entry a line: reading them, telling what is wrong with a line, and how far one has come."""

from collections.abc import Iterator
from itertools import count
from typing import BinaryIO, Final

from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from gate.cli.client import errors

LONGEST: Final = 16 * 1024 * 1024
"""Bytes of a line; no entry that the gate takes is nearly as long."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class LineError(Exception):
    """A line that is no entry. The message names the field at fault."""


class UnreadableError(Exception):
    """The file cannot be read from a line on."""

    def __init__(self, line: int, problem: object) -> None:
        super().__init__(f"{problem}; nothing was read from here on")
        self.line = line


def numbered(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Read lines with their numbers, from 1. Raises UnreadableError."""
    for number in count(1):
        try:
            line = source.readline(LONGEST + 1)
        except OSError as error:
            raise UnreadableError(number, error.strerror) from error
        if len(line) > LONGEST:
            raise UnreadableError(number, f"longer than {LONGEST:,} bytes")
        if not line:
            return
        yield number, line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line


def parse(text: bytes, message: Message, field: str) -> None:
    """Read a message from protobuf JSON. Raises LineError."""
    try:
        Parse(text, message)
    except (ParseError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())  # the library's word on it may take several lines
        name = message.DESCRIPTOR.name
        article = "an" if name[0] in "AEIO" else "a"
        raise LineError(f"{field}: not {article} {name} in protobuf JSON: {problem}") from error


def violation(error: Status) -> tuple[str, str]:
    """Tell which field is at fault, empty for none, and what is wrong with it."""
    request = BadRequest()
    for detail in error.details:
        if detail.Unpack(request) and request.field_violations:
            return request.field_violations[0].field, request.field_violations[0].description
    return "", str(error.message)


def progress(source: BinaryIO, what: str) -> Progress:
    """Make a bar over the file's bytes, on a terminal only."""
    total = _size(source)
    bar: tuple[ProgressColumn, ...] = (TextColumn("..."),)
    if total:
        bar = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    shown = Progress(TextColumn(what), *bar, console=errors, disable=not errors.is_terminal, transient=True)
    shown.add_task(what, total=total)
    return shown


def position(source: BinaryIO) -> int | None:
    """Tell how many bytes were read, where that can be known."""
    return source.tell() if source.seekable() else None


def _size(source: BinaryIO) -> int | None:
    if not source.seekable():
        return None
    here = source.tell()
    size = source.seek(0, 2)
    source.seek(here)
    return size
