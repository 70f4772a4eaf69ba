"""A day of provider traffic: the gate's answers against those that were worked out apart from its code."""

import json
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf.json_format import MessageToDict, Parse
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.server import Server, command

DAY: Final = Path(__file__).parents[1] / "data"
EVENTS: Final = DAY / "events.jsonl"
_BATCH: Final = 1_000
_STATED: Final = ("channel", "cause", "address", "set_time", "provider_code", "permanence", "removers")


@pytest.fixture(scope="module")
def expected() -> Any:
    """Read what the gate must answer."""
    return json.loads((DAY / "expected.json").read_text("utf-8"))


def recorded_by_command(gate: Server) -> dict[str, Any]:
    """Record the day as an operator would."""
    done = command("record", "--file", str(EVENTS), "--target", gate.data, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def questions(expected: Any) -> Iterator[tuple[pb.CheckSendRequest, Any]]:
    """List every check of the day beside its answer."""
    for who in (*expected["contacts"], *expected["addresses"], *expected["pairs"]):
        for channel, answer in who["channels"].items():
            request = pb.CheckSendRequest(
                location_id=who["location_id"],
                contact_id=who.get("contact_id", ""),
                address=who.get("address", ""),
                channel=pb.Channel.Value(channel),
            )
            yield request, answer


def assert_answers(gate: Server, expected: Any) -> None:
    """Ask everything and compare every answer."""
    asked = list(questions(expected))
    assert len(asked) > 3_000
    for start in range(0, len(asked), _BATCH):
        part = asked[start : start + _BATCH]
        results = gate.stub().BatchCheckSend(pb.BatchCheckSendRequest(checks=[request for request, _ in part])).results
        for (request, answer), result in zip(part, results, strict=True):
            assert as_expected_json(result.response) == answer, request


def as_expected_json(response: pb.CheckSendResponse) -> dict[str, Any]:
    """Write a decision as expected.json does."""
    written = MessageToDict(response, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    rows = [{name: row[name] for name in _STATED} for row in written["suppressions"]]
    return {"allowed": written["allowed"], "suppressions": sorted(rows, key=itemgetter("cause", "address"))}


def test_a_day_recorded_once_twice_and_across_a_restart(serve: StartServer, expected: Any) -> None:
    """After the day every check has the expected answer; recording it again or restarting the gate changes none."""
    gate = serve()
    first = recorded_by_command(gate)
    assert first == {"outcomes": expected["outcome_counts"], "bad_lines": 0}
    assert_answers(gate, expected)

    again = recorded_by_command(gate)
    assert again == {"outcomes": {"OUTCOME_DUPLICATE": len(expected["outcomes"])}, "bad_lines": 0}
    assert_answers(gate, expected)

    gate.restart()
    assert_answers(gate, expected)


@pytest.mark.parametrize("cache_size", ["1", "200000"])
def test_each_event_of_the_day_comes_to_what_it_must(serve: StartServer, expected: Any, cache_size: str) -> None:
    """Each event's own outcome is the expected one, with a cache of any size."""
    gate = serve(cache_size=cache_size)
    events = [Parse(line, pb.Event()) for line in EVENTS.read_text("utf-8").splitlines()]
    outcomes = []
    for start in range(0, len(events), _BATCH):
        request = pb.BatchRecordEventsRequest(events=events[start : start + _BATCH])
        results = gate.stub().BatchRecordEvents(request, timeout=10).results
        outcomes += [pb.Outcome.Name(result.response.outcome) for result in results]

    assert outcomes == expected["outcomes"]
    assert_answers(gate, expected)
