"""The promise of the lattice: what happened decides, never the order or the number of times it was heard.

Random histories are told to the rules and to a naive oracle that keeps them as lists and reads the three judging
rules literally. There are few distinct times, so that ties are common.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import product
from typing import Literal, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from gate.rules.interpret import Effects, interpret
from gate.rules.judge import Decision, active_suppressions, decide, view
from gate.rules.lattice import EMPTY, SubjectState, merge_links, merge_suppressions
from gate.rules.model import (
    Cause,
    Channel,
    Detail,
    EmailComplaint,
    EmailFailure,
    EmailUnsubscribe,
    Event,
    InboundMessage,
    Link,
    Severity,
    SmsFailure,
    Subject,
    Suppression,
    Verdict,
)
from gate.tables import load_rulebook

RULEBOOK = load_rulebook()
CONTACTS, ADDRESSES = ("c1", "c2"), ("a1", "a2", "a3")
QUESTIONS = [
    (contact, address, channel)
    for contact, address in product(("", *CONTACTS), ("", *ADDRESSES))
    if contact or address
    for channel in (Channel.SMS, Channel.EMAIL, Channel.WHATSAPP)
]
FACTS = {"UNREACHABLE", "LANDLINE", "BOUNCE", "GENERIC_FAILURE"}
BY_REPLY = ("OPT_OUT", "CARRIER_BLOCKED", "UNREACHABLE", "UNKNOWN_NUMBER", "LANDLINE")

States = dict[Subject, SubjectState]


class Meaning(NamedTuple):
    """What the specification says of something: it sets or lifts causes on a channel (empty: on all)."""

    act: Literal["set", "lift", "unlink", "nothing"]
    channel: str = ""
    causes: tuple[str, ...] = ()


class Happening(NamedTuple):
    """An event of a provider, or an act of a person (without detail), and what the specification says of it."""

    contact: str
    address: str
    time: int
    event_id: str
    detail: Detail | None
    meaning: Meaning

    def effects(self) -> Effects:
        """Return the effects, an event's as the rules have them."""
        if self.detail is not None:
            event = Event(self.event_id, "shop", self.contact, self.address, self.time, "provider", self.detail)
            return interpret(event, self.time, RULEBOOK)
        if self.meaning.act == "unlink":
            return Effects((), (Link("shop", self.contact, self.address, unlinked_time=self.time),))
        subject = Subject("shop", "contact", self.contact)
        channel = Channel(self.meaning.channel) if self.meaning.channel else None
        row = Suppression(subject, channel, Cause(self.meaning.causes[0]))
        set_it = self.meaning.act == "set"
        return Effects((row._replace(set_time=self.time) if set_it else row._replace(lift_time=self.time),))

    def stands_on(self) -> tuple[str, str]:
        """Return whom it is about."""
        return ("address", self.address) if self.address and self.detail else ("contact", self.contact)


DETAILS: list[tuple[Detail, Meaning]] = [
    (InboundMessage(Channel.SMS, "STOP"), Meaning("set", "SMS", ("OPT_OUT",))),
    (InboundMessage(Channel.SMS, "Start"), Meaning("lift", "SMS", BY_REPLY)),
    (InboundMessage(Channel.SMS, "STOP", Verdict.START), Meaning("lift", "SMS", BY_REPLY)),
    (InboundMessage(Channel.WHATSAPP, "hello", Verdict.STOP), Meaning("set", "WHATSAPP", ("OPT_OUT",))),
    (InboundMessage(Channel.WHATSAPP, "start", Verdict.HELP), Meaning("lift", "WHATSAPP", BY_REPLY)),
    (InboundMessage(Channel.SMS, "do not stop now"), Meaning("nothing")),
    (SmsFailure("30003"), Meaning("set", "SMS", ("UNREACHABLE",))),
    (SmsFailure("30004"), Meaning("set", "SMS", ("CARRIER_BLOCKED",))),
    (SmsFailure("30006", "undelivered"), Meaning("set", "SMS", ("LANDLINE",))),
    (SmsFailure("30006", "delivered"), Meaning("nothing")),
    (EmailFailure(Severity.PERMANENT, "bounce", "550"), Meaning("set", "EMAIL", ("BOUNCE",))),
    (EmailFailure(Severity.PERMANENT), Meaning("set", "EMAIL", ("GENERIC_FAILURE",))),
    (EmailFailure(Severity.TEMPORARY, "bounce"), Meaning("nothing")),
    (EmailUnsubscribe(), Meaning("set", "EMAIL", ("UNSUBSCRIBED",))),
    (EmailComplaint(), Meaning("set", "EMAIL", ("COMPLAINT",))),
]
ACTS: list[tuple[None, Meaning]] = [
    (None, Meaning("set", "", ("MANUAL",))),
    (None, Meaning("lift", "", ("MANUAL",))),
    (None, Meaning("set", "SMS", ("MANUAL",))),
    (None, Meaning("lift", "SMS", ("OPT_OUT",))),
    (None, Meaning("lift", "EMAIL", ("COMPLAINT",))),
    (None, Meaning("lift", "EMAIL", ("BOUNCE",))),
    (None, Meaning("unlink")),
]


def happening(
    named: tuple[str, str], time: int, event_id: str, what: tuple[Detail, Meaning] | tuple[None, Meaning]
) -> Happening:
    """Return what happened. An act names a contact, and an address only where it unlinks one."""
    contact, address = named
    if what[0] is None:
        contact = contact or CONTACTS[0]
        address = (address or ADDRESSES[0]) if what[1].act == "unlink" else ""
    return Happening(contact, address, time, event_id, *what)


histories = st.lists(
    st.builds(
        happening,
        st.sampled_from([pair for pair in product(("", *CONTACTS), ("", *ADDRESSES)) if any(pair)]),
        st.integers(0, 4),
        st.sampled_from("abc"),
        st.sampled_from([*DETAILS, *DETAILS, *ACTS]),
    ),
    max_size=16,
)


def fold(effects: Iterable[Effects]) -> States:
    """Return the states that the effects lead to, merged one by one."""
    states: States = {}
    for one in effects:
        for row in one.suppressions:
            states[row.subject] = merge_suppressions(states.get(row.subject, EMPTY), [row])
        for link in one.links:
            contact = Subject(link.location_id, "contact", link.contact_id)
            states[contact] = merge_links(states.get(contact, EMPTY), [link])
    return states


def tell(history: Iterable[Happening]) -> States:
    """Return the states after a history."""
    return fold(happened.effects() for happened in history)


def judge(states: States, contact: str, address: str) -> tuple[Suppression, ...]:
    """Return the active suppressions."""
    return active_suppressions(view("shop", contact, address, lambda subject: states.get(subject, EMPTY)))


def decisions(states: States) -> list[Decision]:
    """Return the answer to each question."""
    return [decide(judge(states, contact, address), channel) for contact, address, channel in QUESTIONS]


@settings(deadline=None)
@given(histories, st.data())
def test_order_and_repetition_do_not_matter(history: list[Happening], data: st.DataObject) -> None:
    """Any permutation with any repetition leads to the same states and the same decisions."""
    repeated = data.draw(st.lists(st.sampled_from(history), max_size=8)) if history else []
    states = tell(history)

    otherwise = tell(data.draw(st.permutations(history + repeated)))

    assert otherwise == states
    assert decisions(otherwise) == decisions(states)


@settings(deadline=None)
@given(histories, st.data())
def test_replaying_effects_rebuilds_the_state(history: list[Happening], data: st.DataObject) -> None:
    """The logged effects alone, in any order and merged at once, lead to the state that the events led to."""
    log = data.draw(st.permutations([happened.effects() for happened in history]))
    rows = [row for effects in log for row in effects.suppressions]
    links = [link for effects in log for link in effects.links]

    states = tell(history)

    for subject in (Subject("shop", "contact", name) for name in CONTACTS):
        own = [link for link in links if link.contact_id == subject.id]
        merged = merge_links(merge_suppressions(EMPTY, [row for row in rows if row.subject == subject]), own)
        assert merged == states.get(subject, EMPTY)
    for subject in (Subject("shop", "address", name) for name in ADDRESSES):
        merged = merge_suppressions(EMPTY, [row for row in rows if row.subject == subject])
        assert merged == states.get(subject, EMPTY)


@settings(deadline=None)
@given(histories, histories, histories)
def test_two_gates_that_exchange_their_states_agree(
    one: list[Happening], both: list[Happening], other: list[Happening]
) -> None:
    """Merging the states of gates that heard different parts gives the state of one that heard everything."""
    first, second = tell([*one, *both]), tell([*both, *other])

    exchanged = fold(
        Effects(tuple(state.suppressions.values()), tuple(state.links.values()))
        for state in (*first.values(), *second.values())
    )

    assert exchanged == tell([*one, *both, *other])


class Oracle:
    """The judging rules read literally, over everything that happened."""

    def __init__(self, history: list[Happening]) -> None:
        self.times = defaultdict[tuple[str, tuple[str, str], str, str], list[int]](list)
        """When a cause was set or lifted on a subject and a channel."""
        self.uses = defaultdict[tuple[str, str, bool], list[int]](list)
        """When a contact and an address were heard of together, and when they were unlinked."""
        for it in history:
            for cause in it.meaning.causes:
                self.times[it.meaning.act, it.stands_on(), it.meaning.channel, cause].append(it.time)
            self.uses[it.contact, it.address, it.meaning.act == "unlink"].append(it.time)

    def addresses(self, contact: str, *, ever: bool) -> list[str]:
        """Return the addresses that a contact uses, or ever used."""
        found = []
        for address in ADDRESSES if contact else ():
            linked, unlinked = self.uses[contact, address, False], self.uses[contact, address, True]
            if linked and (ever or not unlinked or max(linked) >= max(unlinked)):
                found.append(address)
        return found

    def holds(self, contact: str, address: str, channel: str, cause: str) -> bool:
        """Return whether a cause puts the channel (empty: all channels at once) in DND."""
        own = ("contact", contact)
        considered = [("address", a) for a in ([address] if address else self.addresses(contact, ever=False))]
        person = [own, *(("address", a) for a in self.addresses(contact, ever=True))] if contact else []

        def latest(act: str, subjects: Iterable[tuple[str, str]]) -> int:
            return max((time for s in subjects for time in self.times[act, s, channel, cause]), default=-1)

        def not_before(sets: int, lifts: int) -> bool:
            return sets != -1 and sets >= lifts

        if cause in FACTS:
            return any(
                not_before(latest("set", [s]), latest("lift", [s])) for s in [*considered, *([own] if contact else [])]
            )
        return not_before(latest("set", person), latest("lift", person)) or any(
            not_before(latest("set", [s]), latest("lift", [s, own] if contact else [s])) for s in considered
        )


CAUSES = sorted({cause for _, meaning in (*DETAILS, *ACTS) for cause in meaning.causes} - {"UNKNOWN_NUMBER"})


@settings(deadline=None, max_examples=150)
@given(histories)
def test_judging_agrees_with_the_rules_read_literally(history: list[Happening]) -> None:
    """For every contact, address and channel the gate denies for the causes, and the reason, that the rules name."""
    oracle, states = Oracle(history), tell(history)

    for contact, address, channel in QUESTIONS:
        decision = decide(judge(states, contact, address), channel)

        expected = {(on, why) for on in ("", channel) for why in CAUSES if oracle.holds(contact, address, on, why)}
        everywhere = any(not on for on, _ in expected)
        assert {(row.channel or "", row.cause) for row in decision.suppressions} == expected
        assert decision.allowed is not bool(expected)
        assert decision.deny_reason == (None if not expected else "DND_ALL_CHANNELS" if everywhere else "DND_CHANNEL")
