"""Messages that may be opt-outs: they wait for a person, who makes them one as of their time, or none."""

import time
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sendgate.v1 import opt_in_review_pb2 as review_pb
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.control import NOON_S, SMS, causes, check, record, refused, reviews, says
from tests.e2e.server import Server

WORDS = "please stop texting me"
PENDING, CONFIRMED, DISMISSED = (
    review_pb.PHRASE_STATE_PENDING,
    review_pb.PHRASE_STATE_CONFIRMED,
    review_pb.PHRASE_STATE_DISMISSED,
)


def listed(gate: Server, location_id: str, state: int = 0, **page: Any) -> list[review_pb.PossibleOptOut]:
    """List a location's messages."""
    fields: dict[str, Any] = {"location_id": location_id, "state": state} | page
    return list(reviews(gate).ListPossibleOptOuts(review_pb.ListPossibleOptOutsRequest(**fields)).possible_opt_outs)


def confirm(gate: Server, phrase_id: str) -> review_pb.PossibleOptOut:
    """Make a message an opt-out."""
    request = review_pb.ConfirmPossibleOptOutRequest(phrase_id=phrase_id)
    return reviews(gate).ConfirmPossibleOptOut(request).possible_opt_out


def dismiss(gate: Server, phrase_id: str) -> review_pb.PossibleOptOut:
    """Say that a message is none."""
    request = review_pb.DismissPossibleOptOutRequest(phrase_id=phrase_id)
    return reviews(gate).DismissPossibleOptOut(request).possible_opt_out


def test_a_possible_opt_out_waits(shared_gate: Server) -> None:
    """It is listed with all about it, and changes nothing; delivered twice it is listed once."""
    fields = {"event_id": "w1", "address": "+12025550161", "location_id": "wait"}
    for _ in range(2):
        record(shared_gate, "ann", at=7, **fields, **says(WORDS))

    (message,) = listed(shared_gate, "wait")

    assert (message.state, message.location_id, message.contact_id) == (PENDING, "wait", "ann")
    assert (message.address, message.channel, message.body) == ("+12025550161", SMS, WORDS)
    assert message.occur_time == Timestamp(seconds=NOON_S + 7)
    assert (message.HasField("decide_time"), message.decider) == (False, "")
    assert check(shared_gate, "ann", location_id="wait").allowed


@pytest.mark.parametrize(("contact", "address"), [("bob", ""), ("", "+12025550162"), ("bob", "+12025550162")])
def test_a_confirmed_one_is_an_opt_out_as_of_its_time(shared_gate: Server, contact: str, address: str) -> None:
    """It stands where a STOP would, on its channel, under the message's own id and time."""
    location = f"confirm {contact}{address}"
    record(shared_gate, contact, at=7, event_id="m1", address=address, location_id=location, **says(WORDS))
    (message,) = listed(shared_gate, location)

    confirmed = confirm(shared_gate, message.phrase_id)

    assert [confirmed] == listed(shared_gate, location, CONFIRMED)
    assert (confirmed.state, confirmed.decider, confirmed.HasField("decide_time")) == (CONFIRMED, "local", True)
    denied = check(shared_gate, contact, location_id=location, address=address)
    (row,) = denied.suppressions
    assert (causes([row]), row.event_id, row.address) == (["OPT_OUT"], "m1", address)
    assert row.set_time == Timestamp(seconds=NOON_S + 7)
    assert check(shared_gate, contact or "bob", pb.CHANNEL_CALL, location_id=location).allowed


def test_a_start_in_between_survives(shared_gate: Server) -> None:
    """Who wrote START after the message is open, whenever the message is confirmed; a START before it is not enough."""
    for contact, started in (("cat", 10), ("dee", 5)):
        record(shared_gate, contact, at=started, location_id="between", **says("START"))
        record(shared_gate, contact, at=7, location_id="between", **says(WORDS))
    for message in listed(shared_gate, "between"):
        confirm(shared_gate, message.phrase_id)

    assert check(shared_gate, "cat", location_id="between").allowed
    assert not check(shared_gate, "dee", location_id="between").allowed


def test_a_message_without_a_time_comes_after_all_that_was_known(shared_gate: Server) -> None:
    """A START whose provider's clock runs ahead does not outlive words that were heard after it."""
    ahead = int(time.time()) - NOON_S + 200
    record(shared_gate, "eve", at=ahead, location_id="ahead", **says("START"))
    record(shared_gate, "eve", location_id="ahead", **says(WORDS))
    (message,) = listed(shared_gate, "ahead")

    confirmed = confirm(shared_gate, message.phrase_id)

    assert confirmed.occur_time == message.occur_time
    assert not check(shared_gate, "eve", location_id="ahead").allowed


def test_a_dismissed_one_is_none(shared_gate: Server) -> None:
    """It leaves the list of those that wait, and nothing is suppressed."""
    record(shared_gate, "fay", location_id="dismiss", **says(WORDS))
    (message,) = listed(shared_gate, "dismiss", PENDING)

    dismissed = dismiss(shared_gate, message.phrase_id)

    assert (dismissed.state, dismissed.decider) == (DISMISSED, "local")
    assert listed(shared_gate, "dismiss", PENDING) == []
    assert listed(shared_gate, "dismiss", DISMISSED) == listed(shared_gate, "dismiss") == [dismissed]
    assert check(shared_gate, "fay", location_id="dismiss").allowed


@pytest.mark.parametrize("first", [confirm, dismiss])
@pytest.mark.parametrize("second", [confirm, dismiss])
def test_a_message_is_decided_once(shared_gate: Server, first: Any, second: Any) -> None:
    """A second decision of either kind is refused, and the first one stands."""
    location = f"once {first.__name__} {second.__name__}"
    record(shared_gate, "gus", location_id=location, **says(WORDS))
    (message,) = listed(shared_gate, location)
    decided = first(shared_gate, message.phrase_id)

    refusal = refused(lambda: second(shared_gate, message.phrase_id))

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_DECIDED")
    assert listed(shared_gate, location) == [decided]
    assert check(shared_gate, "gus", location_id=location).allowed is (first is dismiss)


def test_a_list_in_pages(shared_gate: Server) -> None:
    """Newest first; pages put together are the whole; an unknown state is refused."""
    for contact in "abc":
        record(shared_gate, contact, location_id="pages", **says(WORDS))
    stub = reviews(shared_gate)

    first = stub.ListPossibleOptOuts(review_pb.ListPossibleOptOutsRequest(location_id="pages", page_size=2))
    rest = listed(shared_gate, "pages", page_size=2, page_token=first.next_page_token)

    assert [each.contact_id for each in (*first.possible_opt_outs, *rest)] == ["c", "b", "a"]
    assert refused(listed, shared_gate, "pages", 4).fields == ["state"]


@pytest.mark.parametrize("decide", [confirm, dismiss])
def test_an_unknown_message(shared_gate: Server, decide: Any) -> None:
    """An id that was never given is NOT_FOUND, one of another kind of event too; an id is required."""
    stop = record(shared_gate, "hal", **says("STOP")).revision
    for unknown in ("none", "0", "-1", "9" * 18, "9" * 200, "²", stop):
        refusal = refused(decide, shared_gate, unknown)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    for bad in ("", "x" * 257):
        refusal = refused(decide, shared_gate, bad)
        assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["phrase_id"])
