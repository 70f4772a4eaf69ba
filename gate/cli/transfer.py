"""`sendgate import` and `sendgate export`: contacts from elsewhere, and a location's state as a file."""

import os
import sys
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import grpc
import rich_click as click
from google.protobuf.json_format import MessageToJson
from rich.progress import Progress, TextColumn
from sendgate.v1 import contact_pb2 as pb
from sendgate.v1 import contact_pb2_grpc as rpc

from gate.cli.client import (
    FAILED,
    connected,
    console,
    control_target_option,
    describe,
    errors,
    fail,
    json_option,
    location_option,
    print_json,
)
from gate.cli.entries import Entry, entries
from gate.cli.lines import UnreadableError, position, progress, violation
from gate.cli.tables import add, table

_STDIO: Final = "-"
_BATCH: Final = 500
_BATCH_BYTES: Final = 2 * 1024 * 1024
_STRIDE: Final = 100
"""Entries between two looks at how far one has come."""


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@location_option
@control_target_option
@json_option
def import_(file: str, location: str, target: str, *, as_json: bool) -> None:
    """Import contacts from another system, or the state that a gate exported. FILE is .csv, .jsonl, or - for stdin.

    For instance: `sendgate import contacts.csv --location acme-dental`

    CSV has a header with the columns contact_id and dnd (true or false, yes or no, on or off, 1 or 0), and may have
    dnd_time (as 2022-11-01T09:30:00Z), addresses (separated by ;) and location_id; other columns are not read.
    DND that was on becomes DND on all channels; off changes nothing.

    JSON lines hold one ImportEntry of the contract each, or what `sendgate export` wrote.

    An entry without a location gets --location. A bad line is told with its number and the field at fault, and
    skipped. An import never lifts anything, and importing a file twice does no harm.

    Exit code 0: every line was imported. 1: some were not, or the gate could not be reached.
    """
    source = _opened(file)
    try:
        read = entries(source, file, location)
    except UnreadableError as error:
        source.close()
        fail(f"{file}: line {error.line}: {error}")
    tally = _Tally()
    with connected(target, lasting=True) as connection, progress(source, "importing") as bar:

        def requests() -> Iterator[pb.ImportContactsRequest]:
            request = pb.ImportContactsRequest()
            size = 0
            for entry in read:
                if taken := tally.take(entry):
                    request.entries.append(taken)
                    size += taken.ByteSize()
                if len(request.entries) == _BATCH or size > _BATCH_BYTES:
                    yield request
                    request, size = pb.ImportContactsRequest(), 0
                    bar.update(bar.task_ids[0], completed=position(source))
            yield request

        try:
            response = rpc.ContactServiceStub(connection).ImportContacts(requests())
        except grpc.RpcError as error:
            fail(f"{target}: {describe(error)}; part of the file may be imported: import it again to have all of it")
    source.close()
    tally.refused(response)
    tally.report(response, as_json=as_json)
    sys.exit(FAILED if tally.bad or response.refused else 0)


class _Tally:
    """Tells bad lines as they come, and knows the line of each entry that was sent."""

    def __init__(self) -> None:
        self.bad = 0
        self._sent = 0
        # An entry's line is its index plus an offset that grows with each line skipped: kept where it changes.
        self._from = array("q", [0])
        self._offsets = array("q", [1])

    def take(self, entry: Entry) -> pb.ImportEntry | None:
        """Return what is to be sent of an entry."""
        if entry.request is None:
            self.bad += 1
            _tell(entry.line, entry.problem)
            return None
        if entry.line - self._sent != self._offsets[-1]:
            self._from.append(self._sent)
            self._offsets.append(entry.line - self._sent)
        self._sent += 1
        return entry.request

    def refused(self, response: pb.ImportContactsResponse) -> None:
        """Tell what the gate refused."""
        for each in response.errors:
            field, problem = violation(each.error)
            name = field.rpartition("legacy_contact.")[2]
            _tell(self._line(each.index), f"{name}: {problem}" if name else problem)
        untold = response.refused - len(response.errors)
        if untold > 0:
            errors.print(f"and {untold:,} more were refused")

    def report(self, response: pb.ImportContactsResponse, *, as_json: bool) -> None:
        counts = {
            "received": response.received,
            "imported": response.imported,
            "refused": response.refused,
            "bad_lines": self.bad,
        }
        if as_json:
            print_json(counts)
            return
        summary = table("contacts", "number")
        for name, number in counts.items():
            add(summary, name.replace("_", " "), f"{number:,}")
        console.print(summary)

    def _line(self, index: int) -> int:
        return index + self._offsets[bisect_right(self._from, index) - 1]


def _tell(line: int, problem: str) -> None:
    errors.print(f"line {line}: {problem}", markup=False)


@click.command()
@click.option(
    "--file",
    "file",
    default=_STDIO,
    show_default=True,
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Where to write; - for stdout. A file appears, or is replaced, once the export is complete.",
)
@location_option
@control_target_option
def export(file: str, location: str, target: str) -> None:
    """Write the whole state of a location, one JSON object a line, in a form that `sendgate import` takes.

    For instance: `sendgate export --location acme-dental --file acme-dental.jsonl`

    The file holds addresses: it is written for your user alone.

    Exit code 0: complete. 1: failed; no file was written.
    """
    request = pb.ExportContactsRequest(location_id=location)
    with connected(target, lasting=True) as connection:
        stream = rpc.ContactServiceStub(connection).ExportContacts(request)
        if file == _STDIO:
            _write(stream, sys.stdout.buffer)
            return
        with _replacing(Path(file)) as whole:
            written = _write(stream, whole)
    console.print(f"exported {written:,} entries to {file}", markup=False)


def _write(stream: Iterable[pb.ExportContactsResponse], to: BinaryIO) -> int:
    number = 0
    shown = errors.is_terminal and (to is not sys.stdout.buffer or not console.is_terminal)
    column = TextColumn("exporting: {task.completed:,.0f} entries")
    with Progress(column, console=errors, disable=not shown, transient=True) as bar:
        task = bar.add_task("exporting", total=None)
        for number, response in enumerate(stream, start=1):
            to.write(
                MessageToJson(response, preserving_proto_field_name=True, indent=None, ensure_ascii=False).encode()
            )
            to.write(b"\n")
            if number % _STRIDE == 0:
                bar.update(task, completed=number)
    to.flush()
    return number


def _opened(file: str) -> BinaryIO:
    """Open a file, or stdin as a file of our own; close it only when all was read.

    When a call fails, its sender may still wait for input in a thread of its own. It then holds a lock that closing
    the file needs, and for sys.stdin the interpreter's end as well.
    """
    return open(0 if file == _STDIO else file, "rb", closefd=file != _STDIO)


@contextmanager
def _replacing(file: Path) -> Iterator[BinaryIO]:
    """Write a file beside its place and move it there when it is complete and on disk."""
    place = file.resolve()
    if place.exists() and not place.is_file():
        fail(f"{file}: no regular file; name another one, or - for stdout")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
        try:
            with open(descriptor, "wb") as whole:  # noqa: PTH123
                yield whole
                whole.flush()
                os.fsync(whole.fileno())
            Path(name).replace(place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        fail(f"{file}: {error.strerror}")
