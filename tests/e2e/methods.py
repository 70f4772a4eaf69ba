"""Every method of the contract as a call, and the roles that may make it."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

from sendgate.v1 import channel_pb2, contact_pb2, opt_in_review_pb2
from sendgate.v1 import send_gate_pb2 as pb

from gate.service.caller import Role
from tests.e2e.identities import Calls

SMS: Final = pb.CHANNEL_SMS
_ids: Final = count()

ADMIN: Final = Role.ADMIN
SENDER: Final = {Role.SENDER, ADMIN}
CONNECTOR: Final = {Role.CONNECTOR, ADMIN}
USER: Final = {Role.USER, ADMIN}
SUPPORT: Final = {Role.SUPPORT, ADMIN}

Call = Callable[[Calls, str], Any]


def check(at: str, contact: str = "c1") -> pb.CheckSendRequest:
    """Make a check."""
    return pb.CheckSendRequest(location_id=at, contact_id=contact, channel=SMS)


def stop(at: str, contact: str = "c1", body: str = "STOP") -> pb.Event:
    """Make an opt-out."""
    message = pb.InboundMessage(channel=SMS, body=body)
    return pb.Event(event_id=f"e{next(_ids)}", location_id=at, contact_id=contact, inbound_message=message)


def legacy(at: str) -> contact_pb2.ImportContactsRequest:
    """Make an import of one contact."""
    contact = contact_pb2.LegacyContact(location_id=at, contact_id=f"imported {next(_ids)}", dnd=True)
    return contact_pb2.ImportContactsRequest(entries=[contact_pb2.ImportEntry(legacy_contact=contact)])


def evidence(at: str) -> opt_in_review_pb2.SubmitOptInRequest:
    """Make the evidence of an opt-in."""
    return opt_in_review_pb2.SubmitOptInRequest(
        location_id=at,
        contact_id="c1",
        channel=SMS,
        relationship_numbers=["0-1"],
        recording_uri="https://example.com/r",
    )


def named(kind: Any, at: str, **fields: Any) -> Any:
    """Make a request about a contact."""
    return kind(location_id=at, contact_id="c1", **fields)


SEND_GATE: Final[Mapping[str, tuple[set[Role], Call]]] = {
    "CheckSend": (SENDER, lambda to, at: to.gate.CheckSend(check(at))),
    "BatchCheckSend": (SENDER, lambda to, at: to.gate.BatchCheckSend(pb.BatchCheckSendRequest(checks=[check(at)]))),
    "ScreenContacts": (
        SENDER,
        lambda to, at: to.gate.ScreenContacts(
            pb.ScreenContactsRequest(location_id=at, channel=SMS, contact_ids=["c1"])
        ),
    ),
    "RecordEvent": (CONNECTOR, lambda to, at: to.gate.RecordEvent(pb.RecordEventRequest(event=stop(at)))),
    "BatchRecordEvents": (
        CONNECTOR,
        lambda to, at: to.gate.BatchRecordEvents(pb.BatchRecordEventsRequest(events=[stop(at)])),
    ),
}
CONTROL: Final[Mapping[str, tuple[set[Role], Call]]] = {
    "GetContact": (USER | SUPPORT, lambda to, at: to.contacts.GetContact(named(contact_pb2.GetContactRequest, at))),
    "SetDnd": (
        USER,
        lambda to, at: to.contacts.SetDnd(
            named(contact_pb2.SetDndRequest, at, setting=contact_pb2.DND_SETTING_ON, channels=[SMS])
        ),
    ),
    "LinkAddress": (
        USER,
        lambda to, at: to.contacts.LinkAddress(named(contact_pb2.LinkAddressRequest, at, address="a@example.com")),
    ),
    "UnlinkAddress": (
        USER,
        lambda to, at: to.contacts.UnlinkAddress(named(contact_pb2.UnlinkAddressRequest, at, address="a@example.com")),
    ),
    "ListHistory": (USER | SUPPORT, lambda to, at: to.contacts.ListHistory(named(contact_pb2.ListHistoryRequest, at))),
    "EraseContact": (
        USER,
        lambda to, at: to.contacts.EraseContact(
            contact_pb2.EraseContactRequest(location_id=at, contact_id="nobody there")
        ),
    ),
    "ImportContacts": (USER, lambda to, at: to.contacts.ImportContacts(iter([legacy(at)]))),
    "ExportContacts": (
        USER,
        lambda to, at: list(to.contacts.ExportContacts(contact_pb2.ExportContactsRequest(location_id=at))),
    ),
    "ListChannels": (
        USER | SUPPORT,
        lambda to, at: to.channels.ListChannels(channel_pb2.ListChannelsRequest(location_id=at)),
    ),
    "ConnectChannel": (
        USER,
        lambda to, at: to.channels.ConnectChannel(channel_pb2.ConnectChannelRequest(location_id=at, channel=SMS)),
    ),
    "DisconnectChannel": (
        USER,
        lambda to, at: to.channels.DisconnectChannel(channel_pb2.DisconnectChannelRequest(location_id=at, channel=SMS)),
    ),
    "SubmitOptIn": (USER, lambda to, at: to.reviews.SubmitOptIn(evidence(at))),
    "ListOptIns": (
        USER | SUPPORT,
        lambda to, at: to.reviews.ListOptIns(opt_in_review_pb2.ListOptInsRequest(location_id=at)),
    ),
    "ListPossibleOptOuts": (
        USER | SUPPORT,
        lambda to, at: to.reviews.ListPossibleOptOuts(opt_in_review_pb2.ListPossibleOptOutsRequest(location_id=at)),
    ),
}
BY_ID: Final[Mapping[str, tuple[set[Role], Call]]] = {
    "GetOptIn": (
        USER | SUPPORT,
        lambda to, which: to.reviews.GetOptIn(opt_in_review_pb2.GetOptInRequest(review_id=which)),
    ),
    "ApproveOptIn": (
        SUPPORT,
        lambda to, which: to.reviews.ApproveOptIn(opt_in_review_pb2.ApproveOptInRequest(review_id=which)),
    ),
    "RejectOptIn": (
        SUPPORT,
        lambda to, which: to.reviews.RejectOptIn(opt_in_review_pb2.RejectOptInRequest(review_id=which)),
    ),
    "ConfirmPossibleOptOut": (
        USER | SUPPORT,
        lambda to, which: to.reviews.ConfirmPossibleOptOut(
            opt_in_review_pb2.ConfirmPossibleOptOutRequest(phrase_id=which)
        ),
    ),
    "DismissPossibleOptOut": (
        USER | SUPPORT,
        lambda to, which: to.reviews.DismissPossibleOptOut(
            opt_in_review_pb2.DismissPossibleOptOutRequest(phrase_id=which)
        ),
    ),
}
METHODS: Final = {**SEND_GATE, **CONTROL, **BY_ID}
