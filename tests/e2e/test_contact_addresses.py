"""The addresses of a contact and its history: what follows a person, what stays behind, and what is remembered."""

import json
from typing import Any

import grpc
import pytest
from sendgate.v1 import contact_pb2
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.control import EMAIL, OFF, ON, SMS, causes, check, contacts, fails, get, record, refused, says, set_dnd
from tests.e2e.server import Server

pytestmark = pytest.mark.any_transport

LONG = "x" * 257


def link(gate: Server, contact_id: str, address: str) -> contact_pb2.Contact:
    """Say that a contact uses an address."""
    return contacts(gate).LinkAddress(contact_pb2.LinkAddressRequest(contact_id=contact_id, address=address)).contact


def unlink(gate: Server, contact_id: str, address: str) -> contact_pb2.Contact:
    """Say that a contact no longer uses an address."""
    request = contact_pb2.UnlinkAddressRequest(contact_id=contact_id, address=address)
    return contacts(gate).UnlinkAddress(request).contact


def history(gate: Server, contact_id: str, **page: Any) -> contact_pb2.ListHistoryResponse:
    """Read a page of a contact's history."""
    return contacts(gate).ListHistory(contact_pb2.ListHistoryRequest(contact_id=contact_id, **page))


def test_addresses_are_shown_in_normal_form(shared_gate: Server) -> None:
    """However an address is written, it is one, and known once."""
    for written in ("(202) 555-0121", "+1 202 555 0121", "sms:+12025550121", " Hal+Tag@Example.COM ", "psid-9"):
        contact = link(shared_gate, "hal", written)

    assert list(contact.addresses) == ["+12025550121", "hal+tag@example.com", "psid-9"]
    assert list(unlink(shared_gate, "hal", "2025550121").addresses) == ["hal+tag@example.com", "psid-9"]
    assert list(unlink(shared_gate, "hal", "stranger@example.com").addresses) == ["hal+tag@example.com", "psid-9"]
    assert link(shared_gate, "hal", "+12025550121").addresses[0] == "+12025550121"


@pytest.mark.parametrize("user_id", ["conv@google", "4152001234", "+49x", "whatsapp:zz"])
def test_what_a_record_shows_can_be_unlinked(shared_gate: Server, user_id: str) -> None:
    """A channel's own user id that looks like something else is unlinked under the name that the record shows."""
    contact_id = f"gil {user_id}"
    message = pb.InboundMessage(channel=pb.CHANNEL_GMB, body="hello")
    record(shared_gate, contact_id, address=user_id, inbound_message=message)
    (shown,) = get(shared_gate, contact_id).addresses

    assert list(unlink(shared_gate, contact_id, shown).addresses) == []


def test_facts_stay_behind(shared_gate: Server) -> None:
    """A bounce counts for whoever uses the address, and for nobody who has left it; the address keeps it."""
    record(shared_gate, address="ivy@example.com", **fails("bounce"))
    assert check(shared_gate, "ivy", EMAIL).allowed

    assert causes(link(shared_gate, "ivy", "ivy@example.com").channels[1].suppressions) == ["BOUNCE"]
    assert not check(shared_gate, "ivy", EMAIL).allowed

    assert unlink(shared_gate, "ivy", "ivy@example.com").status == pb.DND_STATUS_OFF
    assert check(shared_gate, "ivy", EMAIL).allowed
    assert not check(shared_gate, "ivy", EMAIL, address="ivy@example.com").allowed


def test_wishes_follow_the_person(shared_gate: Server) -> None:
    """Who stopped on an old number is not written to on the new one; START from the new one opens both."""
    old, new = "+12025550131", "+12025550132"
    record(shared_gate, "jo", address=old, **says("STOP"))
    unlink(shared_gate, "jo", old)

    contact = link(shared_gate, "jo", new)

    assert [each.address for each in contact.channels[0].suppressions] == [old]
    assert refused(lambda: set_dnd(shared_gate, "jo", OFF, SMS)).obstacles[0][:2] == ("OPT_OUT", f"SMS at {old}")
    assert not check(shared_gate, "jo", address=new).allowed
    record(shared_gate, "jo", address=new, **says("START"))
    assert get(shared_gate, "jo").status == pb.DND_STATUS_OFF
    assert not check(shared_gate, address=old).allowed


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"contact_id": ""}, "contact_id", "FIELD_REQUIRED"),
        ({"contact_id": LONG}, "contact_id", "FIELD_TOO_LONG"),
        ({"location_id": LONG}, "location_id", "FIELD_TOO_LONG"),
        ({"address": ""}, "address", "FIELD_REQUIRED"),
        ({"address": "   "}, "address", "FIELD_REQUIRED"),
        ({"address": LONG}, "address", "FIELD_TOO_LONG"),
        ({"address": "jane@@example.com"}, "address", "ADDRESS_INVALID"),
        ({"address": "+12"}, "address", "ADDRESS_INVALID"),
        ({"address": "sms:jane"}, "address", "ADDRESS_INVALID"),
    ],
)
def test_a_bad_address(shared_gate: Server, fields: dict[str, str], field: str, reason: str) -> None:
    """Link and unlink refuse it alike, by the name of its field, and nothing is changed."""
    request = {"contact_id": "bad", "address": "a@example.com"} | fields
    stub = contacts(shared_gate)

    for refusal in (
        refused(lambda: stub.LinkAddress(contact_pb2.LinkAddressRequest(**request))),
        refused(lambda: stub.UnlinkAddress(contact_pb2.UnlinkAddressRequest(**request))),
    ):
        assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
        assert refusal.reason == reason
    assert not get(shared_gate, "bad").addresses
    assert not history(shared_gate, "bad").entries


def test_history_tells_it_all(shared_gate: Server) -> None:
    """Newest first: who did what when, what it changed, and also what was told of an address alone."""
    number = "+12025550141"
    record(shared_gate, address=number, event_id="kay 1", provider="twilio", at=0, **says("STOP"))
    link(shared_gate, "kay", number)
    set_dnd(shared_gate, "kay", ON, EMAIL, note="asked by phone")
    record(shared_gate, "kay", event_id="kay 2", provider="mailgun", at=60, **fails("generic"))
    record(shared_gate, address=number, event_id="kay 3", provider="twilio", at=120, **says("START"))

    start, failure, switch, linked, stop = history(shared_gate, "kay").entries

    assert [entry.kind for entry in (start, failure, switch, linked, stop)] == [
        "inbound_message",
        "email_failure",
        "set_dnd",
        "link_address",
        "inbound_message",
    ]
    assert [entry.actor for entry in (start, failure, switch, linked, stop)] == [
        "twilio",
        "mailgun",
        "local",
        "local",
        "twilio",
    ]
    assert [entry.event_id for entry in (start, failure, stop)] == ["kay 3", "kay 2", "kay 1"]
    assert [entry.address for entry in (start, failure, switch, linked, stop)] == [number, "", "", number, number]
    assert [causes(entry.set) for entry in (start, failure, switch, linked, stop)] == [
        [],
        ["GENERIC_FAILURE"],
        ["MANUAL"],
        ["OPT_OUT"],
        ["OPT_OUT"],
    ]
    assert causes(start.lifted) == ["OPT_OUT"]
    assert start.occur_time.seconds - stop.occur_time.seconds == 120
    assert start.record_time.seconds > stop.occur_time.seconds
    assert switch.occur_time == switch.set[0].set_time
    assert switch.set[0].event_id == switch.event_id != ""
    assert json.loads(switch.detail)["note"] == "asked by phone"
    assert [int(entry.revision) for entry in (stop, linked, switch, failure, start)] == sorted(
        int(entry.revision) for entry in (stop, linked, switch, failure, start)
    )


def test_history_pages(shared_gate: Server) -> None:
    """Pages of any size put together are the whole, though more happens meanwhile; the last one has no token."""
    for _ in range(5):
        set_dnd(shared_gate, "lou", ON, SMS)
    whole = list(history(shared_gate, "lou").entries)
    assert len(whole) == 5

    found: list[contact_pb2.HistoryEntry] = []
    token = ""
    for expected in (2, 2, 1):
        page = history(shared_gate, "lou", page_size=2, page_token=token)
        set_dnd(shared_gate, "lou", OFF, SMS)
        assert len(page.entries) == expected
        found += page.entries
        token = page.next_page_token
    assert (found, token) == (whole, "")
    assert not history(shared_gate, "lou", page_size=8).next_page_token


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ({"page_size": -1}, "page_size"),
        ({"page_size": 1_001}, "page_size"),
        ({"page_token": "x"}, "page_token"),
        ({"page_token": "-1"}, "page_token"),
        ({"page_token": "٣"}, "page_token"),
        ({"page_token": "9" * 19}, "page_token"),
        ({"page_token": "9" * 5_000}, "page_token"),
    ],
)
def test_a_bad_page(shared_gate: Server, page: dict[str, Any], field: str) -> None:
    """A size or a token that no page gave is refused by its name."""
    refusal = refused(lambda: history(shared_gate, "lou", **page))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
    assert refusal.reason == "FIELD_INVALID"
