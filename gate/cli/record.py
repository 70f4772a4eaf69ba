"""`sendgate record`: tell the gate what happened, from a file of events."""

import sys
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

import grpc
import rich_click as click
from google.protobuf.json_format import Parse, ParseError
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from gate.cli.client import (
    FAILED,
    connected,
    console,
    describe,
    errors,
    fail,
    json_option,
    location_option,
    print_json,
    short,
    target_option,
    timeout_option,
)

_BATCH: Final = 500
_BATCH_BYTES: Final = 2 * 1024 * 1024


class _Line(NamedTuple):
    number: int
    event: pb.Event


@click.command()
@click.option(
    "--file",
    "source",
    required=True,
    type=click.File("rb"),
    help="Events, one JSON object a line; - for stdin.",
)
@location_option
@target_option
@timeout_option
@json_option
def record(source: BinaryIO, location: str, target: str, timeout: float, *, as_json: bool) -> None:
    """Record events from a file, in its order.

    Each line is an Event of the contract as protobuf JSON, for instance

    {"event_id": "SM1", "contact_id": "c1", "address": "+12025550101", "provider": "twilio",
    "inbound_message": {"channel": "CHANNEL_SMS", "body": "STOP"}}

    An event without a location gets --location. A bad line is reported with its number and the field at fault,
    and skipped. Recording a file twice does no harm: events that were recorded before count as duplicates.

    Exit code 0: every line was recorded. 1: there were bad lines, or the gate could not be reached.
    """
    tally = _Tally()
    with connected(target) as connection, _progress(source) as progress:
        stub = rpc.SendGateServiceStub(connection)
        for lines in _batches(source, location, tally):
            request = pb.BatchRecordEventsRequest(events=[line.event for line in lines])
            try:
                response = stub.BatchRecordEvents(request, timeout=timeout)
            except grpc.RpcError as error:
                fail(f"{target}: {describe(error)}; recorded up to line {lines[0].number - 1}, run again to go on")
            for line, result in zip(lines, response.results, strict=True):
                tally.add(line, result)
            progress.update(progress.task_ids[0], completed=_position(source))
    tally.report(as_json=as_json)
    sys.exit(FAILED if tally.bad else 0)


class _Tally:
    """Counts what became of the lines and reports the bad ones as they come."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.bad = 0

    def add(self, line: _Line, result: pb.BatchRecordEventsResult) -> None:
        if result.HasField("response"):
            self.outcomes[pb.Outcome.Name(result.response.outcome)] += 1
        else:
            self.refuse(line.number, _problem(result.error))

    def refuse(self, number: int, problem: str) -> None:
        self.bad += 1
        errors.print(f"line {number}: {problem}", markup=False)

    def report(self, *, as_json: bool) -> None:
        if as_json:
            print_json({"outcomes": dict(self.outcomes), "bad_lines": self.bad})
            return
        table = Table("outcome", "events")
        for name in pb.Outcome.keys()[1:]:
            table.add_row(short(name, "OUTCOME_"), f"{self.outcomes[name]:,}")
        table.add_row("bad lines", f"{self.bad:,}", style="red" if self.bad else "")
        console.print(table)


def _batches(source: BinaryIO, location: str, tally: _Tally) -> Iterator[list[_Line]]:
    lines: list[_Line] = []
    size = 0
    for number, text in enumerate(source, start=1):
        if not text.strip():
            continue
        event = pb.Event()
        try:
            Parse(text, event)
        except (ParseError, UnicodeDecodeError) as error:
            problem = " ".join(str(error).split())  # the library's word on it may take several lines
            tally.refuse(number, f"event: not an Event in protobuf JSON: {problem}")
            continue
        event.location_id = event.location_id or location
        lines.append(_Line(number, event))
        size += len(text)
        if len(lines) == _BATCH or size > _BATCH_BYTES:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines


def _problem(error: Status) -> str:
    """Tell which field is at fault, without the place that the event had in its batch."""
    violation = BadRequest()
    for detail in error.details:
        if detail.Unpack(violation):
            field = violation.field_violations[0]
            return f"{field.field.partition('.')[2]}: {field.description}"
    return str(error.message)


def _progress(source: BinaryIO) -> Progress:
    """Make a bar over the file's bytes, on a terminal only."""
    total = _size(source)
    bar = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn()) if total else (TextColumn("..."),)
    progress = Progress(TextColumn("recording"), *bar, console=errors, disable=not errors.is_terminal, transient=True)
    progress.add_task("recording", total=total)
    return progress


def _size(source: BinaryIO) -> int | None:
    if not source.seekable():
        return None
    size = source.seek(0, 2)
    source.seek(0)
    return size


def _position(source: BinaryIO) -> int | None:
    return source.tell() if source.seekable() else None
