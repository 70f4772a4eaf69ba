"""Opt-in reviews: evidence opens nothing, support's approval opens a channel as of the submission, and only once."""

from typing import Any

import grpc
import pytest
from sendgate.v1 import contact_pb2
from sendgate.v1 import opt_in_review_pb2 as review_pb
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.control import (
    EMAIL,
    NOON_S,
    OFF,
    ON,
    SMS,
    causes,
    check,
    complains,
    contacts,
    get,
    record,
    refused,
    remediation,
    reviews,
    says,
    set_dnd,
)
from tests.e2e.server import Server

pytestmark = pytest.mark.any_transport

LONG = "x" * 257
PENDING, APPROVED, REJECTED = (
    review_pb.OPT_IN_STATE_PENDING,
    review_pb.OPT_IN_STATE_APPROVED,
    review_pb.OPT_IN_STATE_REJECTED,
)


def evidence(**fields: Any) -> review_pb.SubmitOptInRequest:
    """Make evidence that is in order but for the given fields."""
    sound: dict[str, Any] = {
        "contact_id": "bad",
        "channel": SMS,
        "relationship_numbers": ["0-123", "0-456"],
        "recording_uri": "https://example.com/recordings/1",
    }
    return review_pb.SubmitOptInRequest(**sound | fields)


def submit(gate: Server, contact_id: str, **fields: Any) -> review_pb.OptInReview:
    """Share an opt-in."""
    return reviews(gate).SubmitOptIn(evidence(contact_id=contact_id, **fields)).review


def approve(gate: Server, review_id: str, note: str = "") -> review_pb.ApproveOptInResponse:
    """Approve a review."""
    return reviews(gate).ApproveOptIn(review_pb.ApproveOptInRequest(review_id=review_id, note=note))


def reject(gate: Server, review_id: str, note: str = "") -> review_pb.OptInReview:
    """Reject a review."""
    return reviews(gate).RejectOptIn(review_pb.RejectOptInRequest(review_id=review_id, note=note)).review


def found(gate: Server, review_id: str) -> review_pb.OptInReview:
    """Read a review."""
    return reviews(gate).GetOptIn(review_pb.GetOptInRequest(review_id=review_id)).review


def test_a_submission_opens_nothing(shared_gate: Server) -> None:
    """A review keeps what was submitted and waits; checks deny as before."""
    record(shared_gate, "ann", **says("STOP"))

    review = submit(shared_gate, "ann", note="called us")

    assert review == found(shared_gate, review.review_id)
    assert (review.state, review.location_id, review.contact_id) == (PENDING, "default", "ann")
    assert (review.channel, list(review.relationship_numbers)) == (SMS, ["0-123", "0-456"])
    assert (review.recording_uri, review.note) == ("https://example.com/recordings/1", "called us")
    assert (review.submitter, review.decider, review.decision_note) == ("local", "", "")
    assert review.submit_time.seconds > NOON_S
    assert not review.HasField("decide_time")
    assert not check(shared_gate, "ann").allowed


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"contact_id": ""}, "contact_id", "FIELD_REQUIRED"),
        ({"contact_id": LONG}, "contact_id", "FIELD_TOO_LONG"),
        ({"location_id": LONG}, "location_id", "FIELD_TOO_LONG"),
        ({"channel": 0}, "channel", "FIELD_REQUIRED"),
        ({"channel": 7}, "channel", "ENUM_UNKNOWN"),
        ({"relationship_numbers": []}, "relationship_numbers", "FIELD_REQUIRED"),
        ({"relationship_numbers": ["1"] * 21}, "relationship_numbers", "TOO_MANY_ITEMS"),
        ({"relationship_numbers": ["1", " "]}, "relationship_numbers[1]", "FIELD_REQUIRED"),
        ({"relationship_numbers": [LONG]}, "relationship_numbers[0]", "FIELD_TOO_LONG"),
        ({"recording_uri": ""}, "recording_uri", "FIELD_REQUIRED"),
        ({"recording_uri": "ftp://example.com/1"}, "recording_uri", "FIELD_INVALID"),
        ({"recording_uri": "https://"}, "recording_uri", "FIELD_INVALID"),
        ({"recording_uri": "https://[::1"}, "recording_uri", "FIELD_INVALID"),
        ({"recording_uri": "https://example.com/a b"}, "recording_uri", "FIELD_INVALID"),
        ({"recording_uri": "recording 1"}, "recording_uri", "FIELD_INVALID"),
        ({"recording_uri": f"https://example.com/{'x' * 2_048}"}, "recording_uri", "FIELD_TOO_LONG"),
        ({"note": "x" * 4_097}, "note", "FIELD_TOO_LONG"),
    ],
)
def test_bad_evidence(shared_gate: Server, fields: dict[str, Any], field: str, reason: str) -> None:
    """It is refused by the name of its field, and no review is kept."""
    refusal = refused(lambda: reviews(shared_gate).SubmitOptIn(evidence(**fields)))

    assert (refusal.code, refusal.fields, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, [field], reason)
    listed = reviews(shared_gate).ListOptIns(review_pb.ListOptInsRequest(page_size=1_000)).reviews
    assert "bad" not in {review.contact_id for review in listed}
    history = contacts(shared_gate).ListHistory(contact_pb2.ListHistoryRequest(contact_id="bad"))
    assert not history.entries


@pytest.mark.parametrize(
    ("cause", "detail", "channel", "address"),
    [
        ("OPT_OUT", says("STOP"), SMS, "+12025550151"),
        ("OPT_OUT", says("STOP", pb.CHANNEL_WHATSAPP), pb.CHANNEL_WHATSAPP, "+12025550152"),
        ("CARRIER_BLOCKED", {"sms_failure": pb.SmsFailure(error_code="30004")}, SMS, "+12025550153"),
        ("COMPLAINT", complains(), EMAIL, "complaint@example.com"),
    ],
)
@pytest.mark.parametrize("at_the_address", [False, True])
def test_an_approval_opens_the_channel(
    shared_gate: Server, cause: str, detail: dict[str, Any], channel: int, address: str, *, at_the_address: bool
) -> None:
    """What no user may lift, a review lifts, on the contact and on the addresses that it uses."""
    contact = f"{cause} {channel} {at_the_address}"
    record(shared_gate, contact, address=address if at_the_address else "", **detail)
    assert refused(lambda: set_dnd(shared_gate, contact, OFF, channel, remediation=remediation())).obstacles
    review = submit(shared_gate, contact, channel=channel)

    answer = approve(shared_gate, review.review_id, "seen")

    assert answer.review == found(shared_gate, review.review_id)
    assert (answer.review.state, answer.review.decider, answer.review.decision_note) == (APPROVED, "local", "seen")
    assert answer.review.decide_time.ToNanoseconds() > answer.review.submit_time.ToNanoseconds()
    assert answer.contact == get(shared_gate, contact)
    assert answer.contact.status == pb.DND_STATUS_OFF
    assert check(shared_gate, contact, channel).allowed
    if at_the_address:
        assert check(shared_gate, contact, channel, address=address).allowed
        assert check(shared_gate, "", channel, address=address).allowed


def test_a_stop_after_the_submission_survives(shared_gate: Server) -> None:
    """The evidence is older than the wish; the answer's contact shows what remains."""
    record(shared_gate, "bob", at=0, **says("STOP"))
    review = submit(shared_gate, "bob")
    record(shared_gate, "bob", event_id="bob again", **says("STOP"))

    answer = approve(shared_gate, review.review_id)

    assert answer.review.state == APPROVED
    (left,) = answer.contact.channels[0].suppressions
    assert left.event_id == "bob again"
    assert not check(shared_gate, "bob").allowed


def test_a_stop_from_before_the_submission_stays_lifted(shared_gate: Server) -> None:
    """However late it is delivered, the approval has answered it."""
    review = submit(shared_gate, "cat")
    approve(shared_gate, review.review_id)

    outcome = record(shared_gate, "cat", at=0, **says("STOP")).outcome

    assert outcome == pb.OUTCOME_STALE
    assert check(shared_gate, "cat").allowed


def test_an_approval_leaves_the_rest(shared_gate: Server) -> None:
    """Other channels, and what is the user's to lift, stay as they are."""
    record(shared_gate, "dee", **says("STOP"))
    record(shared_gate, "dee", **says("STOP", pb.CHANNEL_WHATSAPP))
    set_dnd(shared_gate, "dee", ON, SMS)
    set_dnd(shared_gate, "dee", ON)

    contact = approve(shared_gate, submit(shared_gate, "dee").review_id).contact

    assert causes(contact.suppressions) == ["MANUAL"]
    assert causes(contact.channels[0].suppressions) == ["MANUAL"]
    assert causes(contact.channels[5].suppressions) == ["OPT_OUT"]


def test_only_a_review_lifts_a_complaint(shared_gate: Server) -> None:
    """Neither the person's START on email nor a user with both steps done does."""
    record(shared_gate, "eve", **complains())
    record(shared_gate, "eve", **says("START", EMAIL))
    assert refused(lambda: set_dnd(shared_gate, "eve", OFF, EMAIL, remediation=remediation())).reason
    assert causes(check(shared_gate, "eve", EMAIL).suppressions) == ["COMPLAINT"]

    approve(shared_gate, submit(shared_gate, "eve", channel=EMAIL).review_id)

    assert check(shared_gate, "eve", EMAIL).allowed


def test_a_rejection_lifts_nothing(shared_gate: Server) -> None:
    """The review says who declined and why; checks deny as before."""
    record(shared_gate, "fay", **says("STOP"))

    review = reject(shared_gate, submit(shared_gate, "fay").review_id, "no permission shown")

    assert review == found(shared_gate, review.review_id)
    assert (review.state, review.decider, review.decision_note) == (REJECTED, "local", "no permission shown")
    assert review.HasField("decide_time")
    assert not check(shared_gate, "fay").allowed


@pytest.mark.parametrize("first", [approve, reject])
@pytest.mark.parametrize("second", [approve, reject])
def test_a_review_is_decided_once(shared_gate: Server, first: Any, second: Any) -> None:
    """A second decision of either kind is refused, and the first one stands."""
    contact = f"gus {first.__name__} {second.__name__}"
    record(shared_gate, contact, **says("STOP"))
    review_id = submit(shared_gate, contact).review_id
    first(shared_gate, review_id, "first")
    decided, allowed = found(shared_gate, review_id), check(shared_gate, contact).allowed

    refusal = refused(lambda: second(shared_gate, review_id, "second"))

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_DECIDED")
    assert found(shared_gate, review_id) == decided
    assert check(shared_gate, contact).allowed is allowed is (first is approve)


def test_reviews_survive_a_restart(serve: StartServer) -> None:
    """What waits and what was decided is as it was, and can be decided as before."""
    gate = serve()
    for name in ("ann", "bob"):
        record(gate, name, **says("STOP"))
    waiting, declined = submit(gate, "ann", note="called"), reject(gate, submit(gate, "bob").review_id, "no")

    gate.restart()

    assert [found(gate, each.review_id) for each in (waiting, declined)] == [waiting, declined]
    assert approve(gate, waiting.review_id).contact.status == pb.DND_STATUS_OFF
    assert refused(approve, gate, declined.review_id).reason == "ALREADY_DECIDED"
    assert [check(gate, name).allowed for name in ("ann", "bob")] == [True, False]


def test_a_list_by_state_in_pages(shared_gate: Server) -> None:
    """Newest first, of one location, narrowed by state; pages put together are the whole."""
    ids = [submit(shared_gate, name, location_id="spa").review_id for name in "abcde"]
    approve(shared_gate, ids[1])
    reject(shared_gate, ids[3])

    def listed(state: int = 0, **page: Any) -> tuple[list[str], str]:
        request = review_pb.ListOptInsRequest(location_id="spa", **{"state": state} | page)
        answer = reviews(shared_gate).ListOptIns(request)
        return [review.review_id for review in answer.reviews], answer.next_page_token

    assert listed() == (ids[::-1], "")
    assert listed(PENDING) == ([ids[4], ids[2], ids[0]], "")
    assert listed(APPROVED) == ([ids[1]], "")
    assert listed(REJECTED) == ([ids[3]], "")
    first, token = listed(PENDING, page_size=2)
    assert (first, listed(PENDING, page_size=2, page_token=token)) == ([ids[4], ids[2]], ([ids[0]], ""))
    assert refused(lambda: reviews(shared_gate).ListOptIns(review_pb.ListOptInsRequest(state=4))).fields == ["state"]  # type: ignore[arg-type]


def test_an_unknown_review(shared_gate: Server) -> None:
    """Reading or deciding it is NOT_FOUND; an id is required."""
    for call in (found, approve, reject):
        refusal = refused(call, shared_gate, "none")
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        for bad in ("", LONG):
            refusal = refused(call, shared_gate, bad)
            assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["review_id"])
