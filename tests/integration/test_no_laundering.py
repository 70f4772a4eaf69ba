"""What a user does never lifts what is not the user's to lift, in whatever order it is done."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from gate.connections import Connections
from gate.errors import PreconditionError
from gate.rules.lattice import EMPTY, merge_links, merge_suppressions
from gate.rules.model import Channel, Detail, EmailComplaint, Event, InboundMessage, SmsFailure, Subject
from gate.service.caller import LOCAL
from gate.service.contacts import Contacts, DndChange
from gate.service.reviews import Evidence, Reviews
from tests.integration.parts import HERE, NEW_NUMBER, NOON, OLD_NUMBER, SECOND, Parts, reply, running

EMAIL: Final = "ann@example.com"
PEOPLE: Final = ("ann", "bob")
ADDRESSES: Final = (OLD_NUMBER, NEW_NUMBER, EMAIL)

Act = Callable[["Desk"], Awaitable[object]]


class Desk(NamedTuple):
    """Where users work."""

    contacts: Contacts
    reviews: Reviews


class Wish(NamedTuple):
    """What no user may lift: at an address, on a channel."""

    address: str
    channel: Channel
    detail: Detail


WISHES: Final = (
    Wish(OLD_NUMBER, Channel.SMS, InboundMessage(Channel.SMS, "STOP")),
    Wish(OLD_NUMBER, Channel.WHATSAPP, InboundMessage(Channel.WHATSAPP, "STOP")),
    Wish(OLD_NUMBER, Channel.SMS, SmsFailure("30004")),
    Wish(EMAIL, Channel.EMAIL, EmailComplaint()),
)


def switch(person: str, channels: tuple[Channel, ...] | None, *, on: bool, remediated: bool) -> Act:
    """Make a user switch DND."""
    change = DndChange(HERE, person, on, channels, "", remediated)
    return lambda desk: desk.contacts.set_dnd(change, LOCAL)


def link(person: str, address: str) -> Act:
    """Make a user link an address."""
    return lambda desk: desk.contacts.link(HERE, person, address, LOCAL)


def unlink(person: str, address: str) -> Act:
    """Make a user unlink an address."""
    return lambda desk: desk.contacts.unlink(HERE, person, address, LOCAL)


def submit(person: str, channel: Channel) -> Act:
    """Make a user share an opt-in, on which nobody decides."""
    evidence = Evidence(HERE, person, channel, ("0-123",), "https://example.com/1", "")
    return lambda desk: desk.reviews.submit(evidence, LOCAL)


people = st.sampled_from(PEOPLE)
addresses = st.sampled_from(ADDRESSES)
channels = st.sampled_from([Channel.SMS, Channel.WHATSAPP, Channel.EMAIL])
scopes = st.none() | st.lists(channels, min_size=1, max_size=3, unique=True).map(tuple)
acts = st.lists(
    st.one_of(
        st.builds(switch, people, scopes, on=st.booleans(), remediated=st.booleans()),
        st.builds(link, people, addresses),
        st.builds(unlink, people, addresses),
        st.builds(submit, people, channels),
    ),
    max_size=14,
)
offsets = st.integers(-2, 2).map(lambda seconds: NOON + seconds * SECOND)
starts = st.lists(
    st.builds(
        reply,
        st.just("START"),
        contact=st.sampled_from(("", *PEOPLE)),
        address=st.just(NEW_NUMBER),
        at=offsets,
        channel=st.sampled_from([Channel.SMS, Channel.WHATSAPP]),
    ),
    max_size=2,
    unique_by=lambda event: event.event_id,
)
"""Opt-ins from another number that may be the same person's: they do not speak for the address."""


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(WISHES), st.sampled_from(("", *PEOPLE)), offsets, starts, acts)
def test_no_act_of_a_user_opens_an_address(
    wish: Wish, person: str, at: int, replies: list[Event], done: list[Act]
) -> None:
    """Whatever users switch and link, the address stays closed, alone and with anybody; the log tells it all."""
    event = Event("wish", HERE, person, wish.address, at, "provider", wish.detail)

    async def story(folder: Path) -> None:
        async with running(folder / "gate.db") as gate:
            connections = Connections()
            contacts = Contacts(gate.store, gate.states, gate.recorder, connections)
            desk = Desk(contacts, Reviews(gate.store, gate.recorder, contacts))
            for each in (*replies, event):
                await gate.record(each)
            for act in (None, *done):
                with suppress(PreconditionError):
                    await (act(desk) if act else asyncio.sleep(0))
                for other in ("", *PEOPLE, "somebody else"):
                    assert not gate.allows(other, wish.address, wish.channel)
                    assert not gate.by_the_disk(other, wish.address, wish.channel).allowed
            assert_replayed(gate)

    with TemporaryDirectory() as folder:
        asyncio.run(story(Path(folder)))


def assert_replayed(gate: Parts) -> None:
    """Compare what the gate knows of everybody, in memory and on disk, with what the log comes to."""
    effects = list(gate.store.replay())
    rows = [row for each in effects for row in each.suppressions]
    links = [each for effect in effects for each in effect.links]
    for kind, names in (("contact", PEOPLE), ("address", ADDRESSES)):
        for name in names:
            subject = Subject(HERE, "contact" if kind == "contact" else "address", name)
            state = merge_suppressions(EMPTY, [row for row in rows if row.subject == subject])
            if kind == "contact":
                state = merge_links(state, [each for each in links if each.contact_id == name])
            assert gate.store.load(subject) == gate.states.load(subject) == state
