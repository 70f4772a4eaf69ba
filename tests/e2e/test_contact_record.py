"""The contact record: what it shows, who may switch what, addresses, and history."""

from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from sendgate.v1 import channel_pb2, contact_pb2
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.control import (
    ALL_SIX,
    EMAIL,
    OFF,
    ON,
    SMS,
    causes,
    channels,
    check,
    complains,
    contacts,
    fails,
    get,
    record,
    refused,
    remediation,
    says,
    set_dnd,
)
from tests.e2e.server import Server

pytestmark = pytest.mark.any_transport

LONG = "x" * 257
FAILED, INVALID = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT


def shape(contact: contact_pb2.Contact) -> list[list[str]]:
    """Name the causes of all channels at once, then those of each channel."""
    return [causes(contact.suppressions), *(causes(each.suppressions) for each in contact.channels)]


def test_somebody_unknown(shared_gate: Server) -> None:
    """A contact that was never heard of has six channels in order, connected and open, and nothing else."""
    contact = get(shared_gate, "nobody")

    assert (contact.location_id, contact.contact_id, contact.status) == ("default", "nobody", pb.DND_STATUS_OFF)
    assert [each.channel for each in contact.channels] == ALL_SIX
    assert {each.connection for each in contact.channels} == {channel_pb2.CONNECTION_CONNECTED}
    assert not any(each.dnd for each in contact.channels)
    assert (shape(contact), list(contact.addresses)) == ([[]] * 7, [])


def test_a_record_in_full(shared_gate: Server) -> None:
    """All-channels suppressions stand apart from those of a channel, which name their address and their event."""
    record(shared_gate, "ann", event_id="ann 1", address="+12025550101", **says("STOP"))
    record(shared_gate, "ann", address="Ann@Example.com", **fails("bounce"))
    contact = set_dnd(shared_gate, "ann", ON, note="moved")

    assert contact == get(shared_gate, "ann")
    assert shape(contact) == [["MANUAL"], ["OPT_OUT"], ["BOUNCE"], [], [], [], []]
    assert [each.dnd for each in contact.channels] == [True] * 6
    (stop,) = contact.channels[0].suppressions
    assert (stop.address, stop.event_id, stop.channel, stop.all_channels) == ("+12025550101", "ann 1", SMS, False)
    assert (stop.permanence, list(stop.removers)) == (
        pb.PERMANENCE_PERMANENT,
        [pb.REMOVER_CONTACT, pb.REMOVER_SUPPORT],
    )
    (everywhere,) = contact.suppressions
    assert (everywhere.channel, everywhere.all_channels, everywhere.address) == (0, True, "")
    assert list(contact.addresses) == ["+12025550101", "ann@example.com"]


def test_switches_of_one_several_and_all(shared_gate: Server) -> None:
    """Each is switched by itself; checks follow; the status sums up, and all at once is not the sum of the six."""
    asked: list[tuple[int, Sequence[int], int, Sequence[int]]] = [
        (ON, [SMS], pb.DND_STATUS_PARTIAL, [SMS]),
        (ON, [EMAIL, pb.CHANNEL_GMB, EMAIL], pb.DND_STATUS_PARTIAL, [SMS, EMAIL, pb.CHANNEL_GMB]),
        (OFF, [SMS, EMAIL], pb.DND_STATUS_PARTIAL, [pb.CHANNEL_GMB]),
        (ON, [], pb.DND_STATUS_ON, ALL_SIX),
        (OFF, [pb.CHANNEL_GMB], pb.DND_STATUS_ON, ALL_SIX),
        (OFF, [], pb.DND_STATUS_OFF, []),
        (ON, ALL_SIX, pb.DND_STATUS_ON, ALL_SIX),
        (OFF, [], pb.DND_STATUS_ON, ALL_SIX),
        (OFF, ALL_SIX, pb.DND_STATUS_OFF, []),
    ]
    for setting, named, status, closed in asked:
        contact = set_dnd(shared_gate, "bob", setting, *named)
        assert contact.status == status
        assert [each.channel for each in contact.channels if each.dnd] == closed
        assert [each for each in ALL_SIX if not check(shared_gate, "bob", each).allowed] == closed


def test_status_counts_enlisted_channels(shared_gate: Server) -> None:
    """ON is every channel that the location has and that works; what stands on others is PARTIAL."""
    for channel in (SMS, EMAIL, pb.CHANNEL_CALL):
        request = channel_pb2.ConnectChannelRequest(location_id="two", channel=channel)
        channels(shared_gate).ConnectChannel(request)
    dropped = channel_pb2.DisconnectChannelRequest(location_id="two", channel=pb.CHANNEL_CALL)
    channels(shared_gate).DisconnectChannel(dropped)

    def status(setting: int, *named: int) -> str:
        return pb.DndStatus.Name(set_dnd(shared_gate, "cy", setting, *named, location_id="two").status)

    assert status(ON, pb.CHANNEL_CALL) == "DND_STATUS_PARTIAL"
    assert status(ON, SMS) == "DND_STATUS_PARTIAL"
    assert status(ON, EMAIL) == "DND_STATUS_ON"
    assert status(OFF, pb.CHANNEL_CALL) == "DND_STATUS_ON"
    assert status(OFF, SMS) == "DND_STATUS_PARTIAL"
    assert status(OFF, EMAIL) == "DND_STATUS_OFF"


def test_a_refusal_names_everything_and_lifts_nothing(shared_gate: Server) -> None:
    """One cause that is not the user's refuses the whole switch; each is named with its place and its way out."""
    record(shared_gate, "dee", **says("STOP"))
    record(shared_gate, "dee", address="dee@example.com", **fails("bounce"))
    record(shared_gate, "dee", address="dee@example.com", **complains())
    before = set_dnd(shared_gate, "dee", ON, SMS, EMAIL, pb.CHANNEL_CALL)

    refusal = refused(lambda: set_dnd(shared_gate, "dee", OFF, SMS, EMAIL, pb.CHANNEL_CALL))

    assert (refusal.code, refusal.reason) == (FAILED, "NOT_LIFTABLE_BY_USER")
    assert [obstacle[:2] for obstacle in refusal.obstacles] == [
        ("OPT_OUT", "SMS"),
        ("BOUNCE", "EMAIL at dee@example.com"),
        ("COMPLAINT", "EMAIL at dee@example.com"),
    ]
    stop, bounce, complaint = (way_out for _, _, way_out in refusal.obstacles)
    assert "START on SMS" in stop
    assert "opt-in review" in stop
    assert "suppression list" in bounce
    assert "opt-in review" in complaint
    assert "START" not in complaint
    assert get(shared_gate, "dee") == before
    assert set_dnd(shared_gate, "dee", OFF, pb.CHANNEL_CALL).channels[2].dnd is False


@pytest.mark.parametrize("reason", ["bounce", "suppress-bounce", "suppress-complaint", "suppress-unsubscribe"])
def test_remediation(shared_gate: Server, reason: str) -> None:
    """Both steps must be stated, and then the switch lifts."""
    contact = f"remedy {reason}"
    record(shared_gate, contact, address=f"{reason}@example.com", **fails(reason))

    for stated in (None, remediation(validated=False), remediation(cleared=False)):
        refusal = refused(set_dnd, shared_gate, contact, OFF, EMAIL, remediation=stated)
        assert (refusal.code, refusal.reason) == (FAILED, "REMEDIATION_REQUIRED")
        assert [obstacle[0] for obstacle in refusal.obstacles] == [reason.upper().replace("-", "_")]
        assert not check(shared_gate, contact, EMAIL).allowed
    assert set_dnd(shared_gate, contact, OFF, EMAIL, remediation=remediation()).status == pb.DND_STATUS_OFF
    assert check(shared_gate, contact, EMAIL, address=f"{reason}@example.com").allowed


@pytest.mark.parametrize(
    ("cause", "detail", "channel"),
    [
        ("UNREACHABLE", {"sms_failure": pb.SmsFailure(error_code="30003")}, SMS),
        ("UNKNOWN_NUMBER", {"sms_failure": pb.SmsFailure(error_code="30005")}, SMS),
        ("LANDLINE", {"sms_failure": pb.SmsFailure(error_code="30006")}, SMS),
        ("GENERIC_FAILURE", fails("generic"), EMAIL),
        ("UNSUBSCRIBED", {"email_unsubscribe": pb.EmailUnsubscribe()}, EMAIL),
    ],
)
def test_what_is_the_users_to_lift(shared_gate: Server, cause: str, detail: dict[str, Any], channel: int) -> None:
    """A temporary suppression is lifted without more ado, and can come back by a new event."""
    record(shared_gate, cause, **detail)
    assert causes(check(shared_gate, cause, channel).suppressions) == [cause]

    assert set_dnd(shared_gate, cause, OFF, channel).status == pb.DND_STATUS_OFF
    assert check(shared_gate, cause, channel).allowed

    record(shared_gate, cause, **detail)
    assert not check(shared_gate, cause, channel).allowed


@pytest.mark.parametrize(
    ("detail", "channel", "cause"),
    [
        (says("STOP"), SMS, "OPT_OUT"),
        ({"sms_failure": pb.SmsFailure(error_code="30004")}, SMS, "CARRIER_BLOCKED"),
        (complains(), EMAIL, "COMPLAINT"),
    ],
)
@pytest.mark.parametrize("scope", [[], ["channel"]], ids=["all", "channel"])
def test_manual_launders_nothing(
    shared_gate: Server, detail: dict[str, Any], channel: int, cause: str, scope: list[str]
) -> None:
    """Setting and clearing MANUAL, on the channel or on all, leaves what the user may not lift."""
    contact = f"{cause} {scope}"
    record(shared_gate, contact, **detail)
    named = [channel] if scope else []

    set_dnd(shared_gate, contact, ON, *named)
    if scope:
        assert refused(lambda: set_dnd(shared_gate, contact, OFF, *named, remediation=remediation())).code is FAILED
    else:
        assert shape(set_dnd(shared_gate, contact, OFF))[0] == []

    assert cause in causes(check(shared_gate, contact, channel).suppressions)


def test_a_start_does_not_lift_manual(shared_gate: Server) -> None:
    """A reply lifts the opt-out, and the user's own switches stay."""
    set_dnd(shared_gate, "gil", ON, SMS)
    set_dnd(shared_gate, "gil", ON)
    record(shared_gate, "gil", **says("STOP"))

    record(shared_gate, "gil", **says("START"))

    assert shape(get(shared_gate, "gil"))[:2] == [["MANUAL"], ["MANUAL"]]


REFUSALS: list[tuple[dict[str, Any], str, str]] = [
    ({"contact_id": ""}, "contact_id", "FIELD_REQUIRED"),
    ({"contact_id": LONG}, "contact_id", "FIELD_TOO_LONG"),
    ({"location_id": LONG}, "location_id", "FIELD_TOO_LONG"),
    ({"setting": 0}, "setting", "FIELD_REQUIRED"),
    ({"setting": 3}, "setting", "ENUM_UNKNOWN"),
    ({"channels": []}, "channels", "FIELD_REQUIRED"),
    ({"all_channels": True}, "channels", "FIELD_INVALID"),
    ({"channels": [SMS, 0]}, "channels[1]", "FIELD_REQUIRED"),
    ({"channels": [SMS, 7]}, "channels[1]", "ENUM_UNKNOWN"),
    ({"note": "x" * 4_097}, "note", "FIELD_TOO_LONG"),
]


@pytest.mark.parametrize(("fields", "field", "reason"), REFUSALS)
def test_a_bad_switch(shared_gate: Server, fields: dict[str, Any], field: str, reason: str) -> None:
    """It is refused by the name of its field, and nothing is changed."""
    sound: dict[str, Any] = {"contact_id": "bad", "setting": ON, "channels": [SMS]}
    request = contact_pb2.SetDndRequest(**sound | fields)

    refusal = refused(lambda: contacts(shared_gate).SetDnd(request))

    assert (refusal.code, refusal.fields, refusal.reason) == (INVALID, [field], reason)
    assert get(shared_gate, "bad").status == pb.DND_STATUS_OFF
    assert check(shared_gate, "bad").allowed
