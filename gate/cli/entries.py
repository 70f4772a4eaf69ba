"""Reads the entries of an import from CSV or JSON lines, one at a time, whatever the file's size."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import PurePath
from typing import BinaryIO, Final, NamedTuple, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from sendgate.v1 import contact_pb2 as pb

from gate.cli.lines import LineError, UnreadableError, numbered, parse

COLUMNS: Final = ("contact_id", "dnd", "dnd_time", "addresses", "location_id")
_REQUIRED: Final = COLUMNS[:2]
_SETTINGS: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_WHOLE_SECOND: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)

Lines = Iterator[tuple[int, bytes]]
Row = Sequence[str] | csv.Error
T = TypeVar("T")


class Entry(NamedTuple):
    """What one line, or one row of several lines, came to: what is sent of it, or what is wrong with it."""

    line: int
    request: pb.ImportEntry | None = None
    problem: str = ""


def entries(source: BinaryIO, name: str, location: str) -> Iterator[Entry]:
    """Read a file; the suffix of its name decides on the form, else its first character.

    A CSV header is read at once. Raises UnreadableError where there is none.
    """
    lines = numbered(source)
    suffix = PurePath(name).suffix.lower()
    if suffix not in {".csv", ".jsonl"}:
        first = next(lines, (1, b""))
        lines = chain([first], lines)
        suffix = ".jsonl" if first[1].lstrip()[:1] in {b"", b"{"} else ".csv"
    if suffix == ".jsonl":
        return _entries(((number, text) for number, text in lines if text.strip()), partial(_from_json, location))
    rows = _rows(lines)
    return _entries(rows, partial(_from_row, location, _header(rows)))


def _entries(items: Iterator[tuple[int, T]], read: Callable[[T], pb.ImportEntry]) -> Iterator[Entry]:
    try:
        for number, item in items:
            try:
                yield Entry(number, read(item))
            except LineError as error:
                yield Entry(number, problem=str(error))
    except UnreadableError as error:
        yield Entry(error.line, problem=str(error))


def _from_json(location: str, text: bytes) -> pb.ImportEntry:
    request = pb.ImportEntry()
    parse(text, request, "entry")
    match request.WhichOneof("entry"):
        case "legacy_contact":
            request.legacy_contact.location_id = request.legacy_contact.location_id or location
        case "state":
            request.state.location_id = request.state.location_id or location
        case _:
            raise LineError("entry: required; write a legacy_contact, or a state as export writes it")
    return request


def _rows(lines: Lines) -> Iterator[tuple[int, Row]]:
    """Split lines into rows, each with the number of its first line."""
    reader = csv.reader((text.decode("utf-8", "surrogateescape") for _, text in lines), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except csv.Error as error:
            yield number, error
        except StopIteration:
            return
        else:
            if row:
                yield number, row


def _header(rows: Iterator[tuple[int, Row]]) -> Sequence[str]:
    number, row = next(rows, (1, ()))
    if isinstance(row, csv.Error):
        raise UnreadableError(number, f"header: {row}")
    names = [name.strip().lower() for name in row]
    for name in _REQUIRED:
        if name not in names:
            raise UnreadableError(number, f"header: the column {name} is missing; the columns are {', '.join(COLUMNS)}")
    for name in COLUMNS:
        if names.count(name) > 1:
            raise UnreadableError(number, f"header: the column {name} stands there more than once")
    return names


def _from_row(location: str, header: Sequence[str], row: Row) -> pb.ImportEntry:
    if isinstance(row, csv.Error):
        raise LineError(f"row: {row}; quote a cell in full or not at all")
    if len(row) > len(header):
        raise LineError(f"row: {len(row)} cells under {len(header)} columns; quote cells that hold a comma")
    cells = dict(zip(header, row, strict=False))
    request = pb.ImportEntry()
    contact = request.legacy_contact  # filled in place, which takes half the time
    contact.location_id = _id(cells, "location_id") or location
    contact.contact_id = _id(cells, "contact_id")
    contact.dnd = _setting(cells.get("dnd", ""))
    if time := _time(cells.get("dnd_time", "")):
        contact.dnd_time.CopyFrom(time)
    if addresses := _text(cells, "addresses"):
        contact.addresses.extend(address.strip() for address in addresses.split(";") if address.strip())
    if not contact.contact_id:
        raise LineError("contact_id: required")
    return request


def _text(cells: dict[str, str], column: str) -> str:
    text = cells.get(column, "")
    if not text.isascii() and any("\udc80" <= each <= "\udcff" for each in text):
        raise LineError(f"{column}: not UTF-8; save the file as UTF-8")
    return text


def _id(cells: dict[str, str], column: str) -> str:
    """Read an id as it stands: with white space around it, it would be another one than the one that is asked about."""
    text = _text(cells, column)
    if text != text.strip():
        raise LineError(f"{column}: {text!r} has white space around it; remove that")
    return text


def _setting(text: str) -> bool:
    setting = _SETTINGS.get(text)
    if setting is None:
        setting = _SETTINGS.get(text.strip().lower())
    if setting is None:
        problem = f"{text!r} is none of" if text.strip() else "required:"
        raise LineError(f"dnd: {problem} {', '.join(_SETTINGS)}")
    return setting


def _time(text: str) -> Timestamp | None:
    text = text.strip()
    if not text:
        return None
    time = Timestamp()
    try:
        if _WHOLE_SECOND.fullmatch(text):  # as most are, in a tenth of the library's time
            return Timestamp(seconds=int(datetime.fromisoformat(text).timestamp()))
        time.FromJsonString(text)
    except ValueError as error:
        raise LineError(f"dnd_time: {text!r} is no time like 2022-11-01T09:30:00Z") from error
    return time
