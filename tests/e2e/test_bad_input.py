"""Bad input: refused by name, with the reason for programs, and without any trace."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.code_pb2 import INVALID_ARGUMENT
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from sendgate.v1 import error_reason_pb2
from sendgate.v1 import send_gate_pb2 as pb

from gate.errors import Reason
from tests.e2e.server import Server

LONG: Final = "x" * 257
LONG_IN_BYTES: Final = "ä" * 129
REQUIRED: Final = "ERROR_REASON_FIELD_REQUIRED"
TOO_LONG: Final = "ERROR_REASON_FIELD_TOO_LONG"
UNKNOWN: Final = "ERROR_REASON_ENUM_UNKNOWN"
ADDRESS: Final = "ERROR_REASON_ADDRESS_INVALID"
TIME: Final = "ERROR_REASON_TIME_INVALID"
TOO_MANY: Final = "ERROR_REASON_TOO_MANY_ITEMS"

Refusal = tuple[dict[str, Any], str, str]

CHECKS: Final[list[Refusal]] = [
    ({"contact_id": ""}, "contact_id", REQUIRED),
    ({"channel": 0}, "channel", REQUIRED),
    ({"channel": 9}, "channel", UNKNOWN),
    ({"channel": -1}, "channel", UNKNOWN),
    ({"location_id": LONG}, "location_id", TOO_LONG),
    ({"contact_id": LONG}, "contact_id", TOO_LONG),
    ({"contact_id": LONG_IN_BYTES}, "contact_id", TOO_LONG),
    ({"address": "1" * 257}, "address", TOO_LONG),
    ({"address": "jane@example.com"}, "address", ADDRESS),
    ({"address": "12"}, "address", ADDRESS),
    ({"address": "   "}, "address", ADDRESS),
    ({"address": "+12025550101", "channel": pb.CHANNEL_EMAIL}, "address", ADDRESS),
    ({"address": "jane@@example.com", "channel": pb.CHANNEL_EMAIL}, "address", ADDRESS),
]


def inbound(**fields: Any) -> pb.InboundMessage:
    """Make an opt-out by text message but for the given fields."""
    sound: dict[str, Any] = {"channel": pb.CHANNEL_SMS, "body": "STOP"}
    return pb.InboundMessage(**sound | fields)


EVENTS: Final[list[Refusal]] = [
    ({"event_id": ""}, "event_id", REQUIRED),
    ({"event_id": LONG}, "event_id", TOO_LONG),
    ({"location_id": LONG}, "location_id", TOO_LONG),
    ({"contact_id": LONG}, "contact_id", TOO_LONG),
    ({"contact_id": ""}, "contact_id", REQUIRED),
    ({"provider": LONG_IN_BYTES}, "provider", TOO_LONG),
    ({"address": "1" * 257}, "address", TOO_LONG),
    ({"address": "nobody"}, "address", ADDRESS),
    ({"inbound_message": None}, "detail", REQUIRED),
    ({"inbound_message": inbound(channel=0)}, "inbound_message.channel", REQUIRED),
    ({"inbound_message": inbound(channel=7)}, "inbound_message.channel", UNKNOWN),
    ({"inbound_message": inbound(body="x" * 4_097)}, "inbound_message.body", TOO_LONG),
    ({"inbound_message": inbound(body="ä" * 2_049)}, "inbound_message.body", TOO_LONG),
    ({"inbound_message": inbound(opt_out_type=4)}, "inbound_message.opt_out_type", UNKNOWN),
    ({"sms_failure": pb.SmsFailure(error_code=LONG)}, "sms_failure.error_code", TOO_LONG),
    ({"sms_failure": pb.SmsFailure(message_status=LONG)}, "sms_failure.message_status", TOO_LONG),
    (
        {"email_failure": pb.EmailFailure(severity=3)},  # type: ignore[arg-type]
        "email_failure.severity",
        UNKNOWN,
    ),
    ({"email_failure": pb.EmailFailure(reason=LONG)}, "email_failure.reason", TOO_LONG),
    ({"email_failure": pb.EmailFailure(code=LONG)}, "email_failure.code", TOO_LONG),
    ({"email_unsubscribe": pb.EmailUnsubscribe(tag=LONG)}, "email_unsubscribe.tag", TOO_LONG),
    ({"email_complaint": pb.EmailComplaint(), "address": "+12025550101"}, "address", ADDRESS),
    ({"occur_time": Timestamp(seconds=int(time.time()) + 3_600)}, "occur_time", TIME),
    ({"occur_time": Timestamp(seconds=-1)}, "occur_time", TIME),
    ({"occur_time": Timestamp(nanos=-1)}, "occur_time", TIME),
    ({"occur_time": Timestamp(nanos=10**9)}, "occur_time", TIME),
    ({"occur_time": Timestamp(seconds=2**62)}, "occur_time", TIME),
]


def check(**fields: Any) -> pb.CheckSendRequest:
    """Make a check that is in order but for the given fields."""
    sound: dict[str, Any] = {"contact_id": "bad", "channel": pb.CHANNEL_SMS}
    return pb.CheckSendRequest(**sound | fields)


def event(**fields: Any) -> pb.Event:
    """Make an opt-out that is in order but for the given fields."""
    detail = {} if fields.keys() & {"sms_failure", "email_failure", "email_unsubscribe", "email_complaint"} else STOP
    return pb.Event(**{"event_id": "bad", "contact_id": "bad"} | detail | fields)


STOP: Final = {"inbound_message": inbound()}


@pytest.fixture(autouse=True)
def _nothing_changes(shared_gate: Server) -> Iterator[None]:
    """See after each test that it left no event and suppressed nobody."""
    before = logged(shared_gate)
    yield
    assert logged(shared_gate) == before
    for channel in pb.Channel.values()[1:]:
        assert shared_gate.stub().CheckSend(check(channel=channel)).allowed


def logged(gate: Server) -> int:
    """Count the events in the log, over a connection of the test's own."""
    connection = sqlite3.connect(gate.database)
    events = int(connection.execute("SELECT count(*) FROM event").fetchone()[0])
    connection.close()
    return events


def assert_refused(status: Status, field: str, reason: str) -> None:
    """Compare a refusal: the code, one ErrorInfo, and a BadRequest that names the field."""
    info, bad = ErrorInfo(), BadRequest()
    assert status.code == INVALID_ARGUMENT
    assert [detail.Unpack(info) for detail in status.details].count(True) == 1
    assert [detail.Unpack(bad) for detail in status.details].count(True) == 1
    assert (info.domain, info.reason, info.metadata["field"]) == ("sendgate", reason, field)
    assert [violation.field for violation in bad.field_violations] == [field]
    assert status.message == f"{field}: {bad.field_violations[0].description}"


def refused(call: Callable[[], Message]) -> Status:
    """Make a call that must fail and return its status with details."""
    with pytest.raises(grpc.RpcError) as failure:
        call()
    error = failure.value
    assert isinstance(error, grpc.Call)
    details = dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
    status = Status.FromString(details if isinstance(details, bytes) else details.encode())
    assert (error.code().value[0], error.details()) == (status.code, status.message)
    return status


@pytest.mark.parametrize(("fields", "field", "reason"), CHECKS)
def test_a_bad_check(shared_gate: Server, fields: dict[str, Any], field: str, reason: str) -> None:
    """CheckSend refuses it and names the field; nobody may send on it."""
    assert_refused(refused(lambda: shared_gate.stub().CheckSend(check(**fields))), field, reason)


def test_bad_checks_in_a_batch(shared_gate: Server) -> None:
    """Each bad check is refused as it would be alone, at its own place, and those between are answered."""
    checks = [each for fields, _, _ in CHECKS for each in (check(**fields), check())]
    results = shared_gate.stub().BatchCheckSend(pb.BatchCheckSendRequest(checks=checks)).results

    for place, (_, field, reason) in enumerate(CHECKS):
        assert_refused(results[2 * place].error, f"checks[{2 * place}].{field}", reason)
        assert results[2 * place + 1].response.allowed


@pytest.mark.parametrize(("fields", "field", "reason"), EVENTS)
def test_a_bad_event(shared_gate: Server, fields: dict[str, Any], field: str, reason: str) -> None:
    """RecordEvent refuses it, names the field and records nothing."""
    request = pb.RecordEventRequest(event=event(**fields))
    assert_refused(refused(lambda: shared_gate.stub().RecordEvent(request)), f"event.{field}", reason)


def test_no_event(shared_gate: Server) -> None:
    """A request without its event lacks the event's id."""
    status = refused(lambda: shared_gate.stub().RecordEvent(pb.RecordEventRequest()))
    assert_refused(status, "event", REQUIRED)


def test_a_batch_of_bad_events(shared_gate: Server) -> None:
    """Each is refused as it would be alone, at its own place."""
    request = pb.BatchRecordEventsRequest(events=[event(**fields) for fields, _, _ in EVENTS])
    results = shared_gate.stub().BatchRecordEvents(request).results

    for place, (_, field, reason) in enumerate(EVENTS):
        assert_refused(results[place].error, f"events[{place}].{field}", reason)


def test_bad_events_do_not_spoil_a_batch(serve: Callable[[], Server]) -> None:
    """The good events between bad ones are recorded, and they alone."""
    gate = serve()
    good = [event(event_id=f"good{n}", contact_id=f"good{n}") for n in range(2)]
    request = pb.BatchRecordEventsRequest(events=[good[0], event(event_id=""), good[1], event(address="nobody")])
    results = gate.stub().BatchRecordEvents(request).results

    assert [result.WhichOneof("result") for result in results] == ["response", "error", "response", "error"]
    assert [gate.stub().CheckSend(check(contact_id=f"good{n}")).allowed for n in range(2)] == [False, False]
    assert logged(gate) == len(good)


@pytest.mark.parametrize(
    ("request_", "field", "reason"),
    [
        (pb.ScreenContactsRequest(contact_ids=["a"]), "channel", REQUIRED),
        (pb.ScreenContactsRequest(contact_ids=["a"], channel=99), "channel", UNKNOWN),  # type: ignore[arg-type]
        (pb.ScreenContactsRequest(contact_ids=["a", ""], channel=pb.CHANNEL_SMS), "contact_ids[1]", REQUIRED),
        (pb.ScreenContactsRequest(contact_ids=[LONG], channel=pb.CHANNEL_SMS), "contact_ids[0]", TOO_LONG),
        (pb.ScreenContactsRequest(contact_ids=["ä" * 129], channel=pb.CHANNEL_SMS), "contact_ids[0]", TOO_LONG),
        (pb.ScreenContactsRequest(location_id=LONG, channel=pb.CHANNEL_SMS), "location_id", TOO_LONG),
        (pb.ScreenContactsRequest(contact_ids=["a"] * 10_001, channel=pb.CHANNEL_SMS), "contact_ids", TOO_MANY),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_campaign_list(shared_gate: Server, request_: pb.ScreenContactsRequest, field: str, reason: str) -> None:
    """One bad id refuses the whole list."""
    assert_refused(refused(lambda: shared_gate.stub().ScreenContacts(request_)), field, reason)


def test_over_long_batches(shared_gate: Server) -> None:
    """1,001 items are refused as a whole; 1,000 checks are answered, and 10,000 contacts screened."""
    stub = shared_gate.stub()
    too_many_checks = pb.BatchCheckSendRequest(checks=[check()] * 1_001)
    too_many_events = pb.BatchRecordEventsRequest(events=[event()] * 1_001)
    assert_refused(refused(lambda: stub.BatchCheckSend(too_many_checks)), "checks", TOO_MANY)
    assert_refused(refused(lambda: stub.BatchRecordEvents(too_many_events)), "events", TOO_MANY)

    assert len(stub.BatchCheckSend(pb.BatchCheckSendRequest(checks=[check()] * 1_000)).results) == 1_000
    screen = pb.ScreenContactsRequest(contact_ids=["a"] * 10_000, channel=pb.CHANNEL_SMS)
    assert list(stub.ScreenContacts(screen).allowed) == [True] * 10_000


def test_empty_lists_have_empty_answers(shared_gate: Server) -> None:
    """Nothing asked, nothing answered."""
    stub = shared_gate.stub()
    assert not stub.BatchCheckSend(pb.BatchCheckSendRequest()).results
    assert not stub.BatchRecordEvents(pb.BatchRecordEventsRequest()).results
    assert not stub.ScreenContacts(pb.ScreenContactsRequest(channel=pb.CHANNEL_SMS)).allowed


def test_reasons_are_those_of_the_contract() -> None:
    """The reasons in the code are the names in error_reason.proto, each way."""
    names = {f"ERROR_REASON_{reason}" for reason in Reason}
    assert names == set(error_reason_pb2.ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}
