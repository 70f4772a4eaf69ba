"""Checks on the wire: what a request may hold, and what a denial says, whichever way its message was made."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sendgate.v1 import send_gate_pb2 as pb

from gate.errors import InvalidFieldError, Reason
from gate.rules.causes import CAUSES
from gate.rules.connection import Connection
from gate.rules.judge import ALLOWED, Decision, DenyReason, by_connection, decide
from gate.rules.model import NEVER, Cause, Channel, Subject, Suppression
from gate.wire import checks
from gate.wire.address import address_reader

NUMBER = "+12025550101"
READ = address_reader("US")
NOON = 1_772_452_800
ON_NUMBER = Subject("default", "address", NUMBER)
ON_CONTACT = Subject("default", "contact", "ann")


@pytest.mark.parametrize("channel", [None, *Channel])
@pytest.mark.parametrize("cause", Cause)
def test_a_suppression_says_what_its_cause_decides(channel: Channel | None, cause: Cause) -> None:
    """Each channel and cause is written with the cause's permanence and removers, and nothing of another row."""
    rule = CAUSES[cause]
    row = Suppression(ON_NUMBER, channel, cause, NOON * 10**9 + 7, NEVER, "30003", "e1")

    assert checks.suppression(row) == pb.Suppression(
        channel=pb.Channel.Value(f"CHANNEL_{channel or 'UNSPECIFIED'}"),
        all_channels=channel is None,
        cause=pb.Cause.Value(f"CAUSE_{cause}"),
        permanence=pb.Permanence.Value(f"PERMANENCE_{rule.permanence}"),
        removers=[pb.Remover.Value(f"REMOVER_{remover}") for remover in rule.removers],
        set_time=Timestamp(seconds=NOON, nanos=7),
        address=NUMBER,
        provider_code="30003",
        event_id="e1",
    )


def test_a_suppression_on_a_contact_names_no_address() -> None:
    """The address is empty where the row stands on the contact, and a time of 0 is a time."""
    message = checks.suppression(Suppression(ON_CONTACT, Channel.SMS, Cause.MANUAL, 0))

    assert message.address == ""
    assert message.HasField("set_time")
    assert message.set_time == Timestamp()


def test_denials_that_differ_in_anything_are_told_apart() -> None:
    """However many denials were written, each says what its own rows are; one asked for again says the same."""
    rows = [
        Suppression(subject, channel, cause, time, NEVER, code, event)
        for subject in (ON_NUMBER, ON_CONTACT, ON_NUMBER._replace(id="+12025550102"))
        for channel in (None, Channel.SMS)
        for cause in (Cause.OPT_OUT, Cause.MANUAL)
        for time in (NOON, NOON + 1)
        for code in ("", "30004")
        for event in ("e1", "e2")
    ]
    decisions = [decide(some, Channel.SMS) for first in rows for some in ([first], [first, rows[0]])]

    for decision in (*decisions, *decisions):
        response = checks.check_response(decision)
        assert not response.allowed
        assert response.deny_reason == pb.DenyReason.Value(f"DENY_REASON_{decision.deny_reason}")
        assert list(response.suppressions) == [checks.suppression(row) for row in decision.suppressions]
        assert pb.CheckSendResponse.FromString(checks.written(decision)) == response


def test_no_denial_is_written_as_one_before_it() -> None:
    """Each says its own, also when so many came before that they are not kept, and where they are no more."""
    for number in range(20_000):
        row = Suppression(ON_CONTACT, None, Cause.MANUAL, NOON, event_id=str(number))

        octets = checks.written(Decision(DenyReason.DND_ALL_CHANNELS, (row,)))

        assert octets.endswith(str(number).encode())


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (ALLOWED, pb.CheckSendResponse(allowed=True)),
        (Decision(None, ()), pb.CheckSendResponse(allowed=True)),
        (
            by_connection(Connection.DISCONNECTED),
            pb.CheckSendResponse(deny_reason=pb.DENY_REASON_CHANNEL_DISCONNECTED),
        ),
        (Decision(DenyReason.DND_CHANNEL, ()), pb.CheckSendResponse(deny_reason=pb.DENY_REASON_DND_CHANNEL)),
    ],
)
def test_decisions_without_suppressions(decision: Decision, expected: pb.CheckSendResponse) -> None:
    """Only a decision without a reason to deny is written as allowed."""
    assert checks.check_response(decision) == expected
    assert pb.CheckSendResponse.FromString(checks.written(decision)) == expected


@pytest.mark.parametrize("text", ["x" * 64, "x" * 65, "x" * 256, "é" * 128, "😀" * 64])
def test_ids_of_256_bytes_are_read(text: str) -> None:
    """Whatever its characters, an id of at most 256 bytes is taken as it is."""
    request = pb.CheckSendRequest(location_id=text, contact_id=text, channel=pb.CHANNEL_SMS)
    listed = pb.ScreenContactsRequest(location_id=text, contact_ids=["a", text], channel=pb.CHANNEL_SMS)

    assert checks.check(request, READ) == (text, text, "", Channel.SMS)
    assert checks.screen(listed) == (text, ["a", text], Channel.SMS)


@pytest.mark.parametrize("text", ["x" * 257, "é" * 129, "😀" * 65])
@pytest.mark.parametrize("field", ["location_id", "contact_id"])
def test_ids_of_more_bytes_are_refused(field: str, text: str) -> None:
    """An id of more than 256 bytes is refused by name, in a check and in a list."""
    location_id, contact_id = (text, "a") if field == "location_id" else ("", text)
    with pytest.raises(InvalidFieldError) as of_check:
        checks.check(pb.CheckSendRequest(location_id=location_id, contact_id=contact_id, channel=pb.CHANNEL_SMS), READ)
    with pytest.raises(InvalidFieldError) as of_list:
        checks.screen(
            pb.ScreenContactsRequest(
                channel=pb.CHANNEL_SMS,
                location_id=location_id,
                contact_ids=["a", contact_id],
            )
        )

    assert (of_check.value.reason, of_check.value.field) == (Reason.FIELD_TOO_LONG, field)
    listed = "contact_ids[1]" if field == "contact_id" else field
    assert (of_list.value.reason, of_list.value.field) == (Reason.FIELD_TOO_LONG, listed)


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (pb.CheckSendRequest(contact_id="a"), Reason.FIELD_REQUIRED, "channel"),
        (pb.CheckSendRequest(contact_id="a", channel=9), Reason.ENUM_UNKNOWN, "channel"),  # type: ignore[arg-type]
        (pb.CheckSendRequest(channel=pb.CHANNEL_SMS), Reason.FIELD_REQUIRED, "contact_id"),
        (pb.CheckSendRequest(channel=pb.CHANNEL_SMS, address="x"), Reason.ADDRESS_INVALID, "address"),
    ],
)
def test_checks_that_ask_nothing_are_refused(request_: pb.CheckSendRequest, reason: Reason, field: str) -> None:
    """A check without a known channel, or without contact and address, is refused by the field at fault."""
    with pytest.raises(InvalidFieldError) as refused:
        checks.check(request_, READ)

    assert (refused.value.reason, refused.value.field) == (reason, field)


def test_an_empty_id_in_a_list_is_refused() -> None:
    """One empty id refuses the list and is named by its place; an empty list is none."""
    with pytest.raises(InvalidFieldError, match=r"contact_ids\[2\]"):
        checks.screen(pb.ScreenContactsRequest(channel=pb.CHANNEL_SMS, contact_ids=["a", "b", ""]))

    assert checks.screen(pb.ScreenContactsRequest(channel=pb.CHANNEL_SMS)) == ("default", [], Channel.SMS)
