"""What a user does never lifts what is not the user's to lift, in whatever order it is done."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import PreconditionError
from gate.rules.causes import CAUSES, Remover
from gate.rules.connection import ConnectionTimes
from gate.rules.lattice import EMPTY, linked, merge_links, merge_suppressions
from gate.rules.model import (
    NEVER,
    Cause,
    Channel,
    Detail,
    EmailComplaint,
    Event,
    InboundMessage,
    Link,
    SmsFailure,
    Subject,
    Suppression,
    Verdict,
)
from gate.rules.tombstone import tombstone
from tests.integration import desk
from tests.integration.parts import HERE, NEW_NUMBER, NOON, OLD_NUMBER, SECOND, Parts, reply, running

EMAIL: Final = "ann@example.com"
USER_ID: Final = "10150000000001"
PEOPLE: Final = ("ann", "bob")
ADDRESSES: Final = (OLD_NUMBER, NEW_NUMBER, EMAIL, USER_ID)


class Wish(NamedTuple):
    """What no user may lift: at an address (empty: Ann's, whichever it was), on a channel."""

    cause: Cause
    address: str
    channel: Channel
    detail: Detail


WISHES: Final = (
    Wish(Cause.OPT_OUT, OLD_NUMBER, Channel.SMS, InboundMessage(Channel.SMS, "STOP")),
    Wish(Cause.OPT_OUT, OLD_NUMBER, Channel.WHATSAPP, InboundMessage(Channel.WHATSAPP, "no more", Verdict.STOP)),
    Wish(Cause.OPT_OUT, USER_ID, Channel.FACEBOOK, InboundMessage(Channel.FACEBOOK, "Unsubscribe")),
    Wish(Cause.OPT_OUT, "", Channel.SMS, InboundMessage(Channel.SMS, "STOP")),
    Wish(Cause.OPT_OUT, OLD_NUMBER, Channel.SMS, SmsFailure("21610")),
    Wish(Cause.CARRIER_BLOCKED, OLD_NUMBER, Channel.SMS, SmsFailure("30004")),
    Wish(Cause.COMPLAINT, EMAIL, Channel.EMAIL, EmailComplaint()),
)

people = st.sampled_from(PEOPLE)
offsets = st.integers(-2, 2).map(lambda seconds: NOON + seconds * SECOND)
later = offsets | st.just(NOON + 60 * SECOND)
long_ago = st.just(NOON - 60 * SECOND)


class Near(NamedTuple):
    """The addresses and channels of a story: those of the wish, and one other of each."""

    addresses: tuple[str, str]
    channels: tuple[Channel, Channel]


def near(wish: Wish) -> Near:
    """Keep users close to the wish, where they could do harm."""
    return Near((wish.address or OLD_NUMBER, NEW_NUMBER), (wish.channel, Channel.CALL))


def crafted(there: Near, times: st.SearchStrategy[int]) -> st.SearchStrategy[desk.Act]:
    """Draw imports of rows that set, lift, link, unlink, connect and drop, at these times or never."""
    times = st.just(NEVER) | times
    addresses, channels = st.sampled_from(there.addresses), st.sampled_from(there.channels)
    subjects = st.builds(Subject, st.just(HERE), st.just("contact"), people) | st.builds(
        Subject, st.just(HERE), st.just("address"), addresses
    )
    rows = st.builds(
        Suppression, subjects, channels, st.sampled_from(Cause), times, times, st.just(""), st.just("crafted")
    )
    links = st.builds(Link, st.just(HERE), people, addresses, times, times)
    connections = st.builds(ConnectionTimes, st.just(HERE), channels, times, times)
    return st.builds(
        desk.import_crafted,
        st.lists(rows, min_size=1, max_size=3),
        st.lists(links, max_size=2),
        st.lists(connections, max_size=1),
        buried=st.booleans(),
    )


def acts(there: Near, times: st.SearchStrategy[int]) -> list[st.SearchStrategy[desk.Act]]:
    """List what users do; what they import is of these times."""
    addresses, channels = st.sampled_from(there.addresses), st.sampled_from(there.channels)
    scopes = st.sampled_from([None, there.channels, there.channels[:1]])
    return [
        st.builds(desk.switch, people, scopes, on=st.booleans(), remediated=st.booleans()),
        st.builds(desk.link, people, addresses),
        st.builds(desk.unlink, people, addresses),
        st.builds(desk.erase, people),
        st.builds(desk.submit, people, channels),
        st.builds(desk.connect, channels) | st.builds(desk.disconnect, channels),
        st.builds(desk.import_legacy, people, st.lists(addresses, max_size=2), times, dnd=st.booleans()),
        crafted(there, times),
    ]


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


def test_every_cause_that_no_user_may_lift_is_among_the_wishes() -> None:
    """The property below is asked of each cause whose row does not name users."""
    assert {wish.cause for wish in WISHES} == {
        cause for cause, rule in CAUSES.items() if Remover.USER not in rule.removers
    }


class Story(NamedTuple):
    """What users do before and after a person said to stop, who may be known by name."""

    wish: Wish
    person: str
    before: list[desk.Act]
    after: list[desk.Act]


def stories(wish: Wish) -> st.SearchStrategy[Story]:
    """Draw what users do around a wish."""
    exports = st.builds(desk.import_export, later, forged=st.booleans())
    return st.builds(
        Story,
        st.just(wish),
        st.sampled_from(("ann", "")) if wish.address else st.just("ann"),
        st.lists(st.one_of(acts(near(wish), long_ago)), max_size=3),
        st.lists(st.one_of([*acts(near(wish), later), exports]), max_size=10),
    )


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(WISHES).flatmap(stories), offsets, starts)
def test_no_act_of_a_user_opens_an_address(story: Story, at: int, replies: list[Event]) -> None:
    """Whatever users do, the address stays closed, alone, with anybody, and once restarted; the log tells it all."""
    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder, "gate.db"), story, at, replies if story.wish.address else []))


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: f"{wish.cause} on {wish.channel}")
async def test_nor_do_those_that_are_meant_to(wish: Wish, tmp_path: Path) -> None:
    """Whoever links, switches off, remediates, imports lifts, unlinks and erases, in this order, opens nothing."""
    address, channels = wish.address or OLD_NUMBER, near(wish).channels
    off = [desk.switch("ann", scope, on=False, remediated=True) for scope in (channels, channels[:1], None)]
    forged = desk.import_export(NOON + 60 * SECOND, forged=True)
    link, unlink = desk.link("ann", address), desk.unlink("ann", address)
    after = [link, *off, forged, *off, unlink, *off, desk.erase("ann"), *off, forged, link, *off]

    await play(tmp_path / "gate.db", Story(wish, "ann", [], after), NOON, [])


async def play(path: Path, story: Story, at: int, replies: Sequence[Event]) -> None:
    """Let it happen on a gate, and ask the gate after each act and after a restart."""
    wish = story.wish
    async with running(path) as gate:
        users = desk.desk(gate)
        for act in story.before:
            await attempt(users, act)
        for each in (*replies, Event("wish", HERE, story.person, wish.address, at, "provider", wish.detail)):
            await gate.record(each)
        assert_closed(gate, wish)
        for act in story.after:
            await attempt(users, act)
            assert_closed(gate, wish)
        assert_replayed(gate)
    async with running(path, cache_size=1) as gate:
        assert_closed(gate, wish)
        assert_replayed(gate)


async def attempt(users: desk.Desk, act: desk.Act) -> None:
    """Let a user do it, or be refused."""
    with suppress(PreconditionError):
        await act(users)


def assert_closed(gate: Parts, wish: Wish) -> None:
    """Ask about the address in every way, of memory and of the disk: the wish itself is named as a reason."""
    for contact, address in questions(gate, wish):
        for decision in (
            gate.checker.check(HERE, contact, address, wish.channel),
            gate.by_the_disk(contact, address, wish.channel),
        ):
            assert not decision.allowed
            assert wish.cause in {row.cause for row in decision.suppressions}


def questions(gate: Parts, wish: Wish) -> Iterator[tuple[str, str]]:
    """List the contacts and addresses of sends that would reach the address."""
    if not wish.address:
        yield from (("ann", address) for address in ("", *ADDRESSES))
        return
    yield from ((contact, wish.address) for contact in ("", *PEOPLE, "somebody else"))
    for contact in PEOPLE:
        links = gate.store.load(Subject(HERE, "contact", contact)).links
        if wish.address in links and linked(links[wish.address]):
            yield contact, ""


def assert_replayed(gate: Parts) -> None:
    """Compare what the gate knows of everybody, in memory and on disk, with what the log comes to."""
    effects = list(gate.store.replay())
    rows = [row for each in effects for row in each.suppressions]
    links = [each for effect in effects for each in effect.links]
    for subject in named():
        known_as = {subject, *(tombstone(subject, salt) for salt in gate.store.salts)}
        told = [row._replace(subject=subject) for row in rows if row.subject in known_as]
        state = merge_suppressions(EMPTY, told)
        if subject.kind == "contact":
            state = merge_links(state, [each for each in links if each.contact_id == subject.id])
        assert gate.store.load(subject) == gate.states.load(subject) == state


def named() -> Sequence[Subject]:
    """List everybody of whom the story tells."""
    return [
        *(Subject(HERE, "contact", person) for person in PEOPLE),
        *(Subject(HERE, "address", address) for address in ADDRESSES),
    ]
