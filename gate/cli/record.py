"""`sendgate record`: tell the gate what happened, from a file of events."""

import sys
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

import grpc
import rich_click as click
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
from gate.cli.lines import LineError, UnreadableError, numbered, parse, position, progress, violation

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
    with connected(target) as connection, progress(source, "recording") as bar:
        stub = rpc.SendGateServiceStub(connection)
        for lines in _batches(source, location, tally):
            request = pb.BatchRecordEventsRequest(events=[line.event for line in lines])
            try:
                response = stub.BatchRecordEvents(request, timeout=timeout)
            except grpc.RpcError as error:
                fail(f"{target}: {describe(error)}; recorded up to line {lines[0].number - 1}, run again to go on")
            for line, result in zip(lines, response.results, strict=True):
                tally.add(line, result)
            bar.update(bar.task_ids[0], completed=position(source))
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
            field, problem = violation(result.error)
            name = field.partition(".")[2]  # without the place that the event had in its batch
            self.refuse(line.number, f"{name}: {problem}" if name else problem)

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
    for line in _lines(source, location, tally):
        lines.append(line)
        size += line.event.ByteSize()
        if len(lines) == _BATCH or size > _BATCH_BYTES:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines


def _lines(source: BinaryIO, location: str, tally: _Tally) -> Iterator[_Line]:
    try:
        for number, text in numbered(source):
            if not text.strip():
                continue
            event = pb.Event()
            try:
                parse(text, event, "event")
            except LineError as error:
                tally.refuse(number, str(error))
                continue
            event.location_id = event.location_id or location
            yield _Line(number, event)
    except UnreadableError as error:
        tally.refuse(error.line, str(error))
