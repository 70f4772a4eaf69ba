"""The store: merging takes maxima exactly as the lattice does, and the log can rebuild the state."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from functools import reduce
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.rules.interpret import Effects
from gate.rules.lattice import EMPTY, SubjectState, join_links, join_suppressions, merge_links, merge_suppressions
from gate.rules.model import (
    NEVER,
    Cause,
    Channel,
    Detail,
    DndStatus,
    EmailComplaint,
    EmailFailure,
    EmailUnsubscribe,
    Event,
    InboundMessage,
    Link,
    Outcome,
    Severity,
    SmsFailure,
    Subject,
    Suppression,
    Verdict,
)
from gate.rules.outcome import Answer
from store import addresses, suppressions
from store.event_log import Record, content, key
from store.store import Changes, Store
from tests.integration.parts import HERE, NEW_NUMBER, NOON, OLD_NUMBER, SECOND, running

ANN = Subject(HERE, "contact", "ann")
BOB = Subject(HERE, "contact", "bob")
NUMBER = Subject(HERE, "address", OLD_NUMBER)

times = st.integers(NEVER, 3) | st.just(NOON)
words = st.sampled_from(["", "a", "b", "ä", "Z", "\U0001f600", "￼"])
rows = st.builds(
    Suppression,
    st.just(NUMBER),
    st.sampled_from([None, Channel.SMS]),
    st.sampled_from([Cause.OPT_OUT, Cause.LANDLINE]),
    times,
    times,
    words,
    words,
)
links = st.builds(Link, st.just(HERE), st.just("ann"), st.sampled_from([OLD_NUMBER, NEW_NUMBER]), times, times)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Open a new store."""
    opened = Store(tmp_path / "gate.db")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    """Open a database with the gate's schema for many short transactions that are all rolled back."""
    path = tmp_path_factory.mktemp("store") / "gate.db"
    store = Store(path)

    async def create() -> None:
        await store.open()
        await store.close()

    asyncio.run(create())
    return sqlite3.connect(path, isolation_level=None)


@given(given_rows=st.lists(rows, max_size=8))
@settings(deadline=None)
def test_merging_suppressions_takes_maxima_as_the_lattice_does(
    scratch: sqlite3.Connection, given_rows: list[Suppression]
) -> None:
    """SQL and Python agree on every sequence of rows, details and ties included."""
    scratch.execute("BEGIN")
    scratch.executemany(*suppressions.merge(given_rows))
    stored = scratch.execute(
        "SELECT channel, cause, set_time, lift_time, provider_code, event_id FROM suppression"
    ).fetchall()
    scratch.execute("ROLLBACK")

    expected: dict[tuple[object, ...], Suppression] = {}
    for row in given_rows:
        known = expected.get(row[:3])
        expected[row[:3]] = row if known is None else join_suppressions(known, row)
    assert sorted(stored) == sorted((row.channel or "ALL", *row[2:]) for row in expected.values())


@given(given_links=st.lists(links, max_size=8))
@settings(deadline=None)
def test_merging_links_takes_maxima_as_the_lattice_does(scratch: sqlite3.Connection, given_links: list[Link]) -> None:
    """SQL and Python agree on every sequence of links."""
    scratch.execute("BEGIN")
    scratch.executemany(*addresses.merge(given_links))
    stored = scratch.execute("SELECT * FROM link").fetchall()
    scratch.execute("ROLLBACK")

    by_address: dict[str, list[Link]] = {}
    for link in given_links:
        by_address.setdefault(link.address, []).append(link)
    assert sorted(stored) == sorted(tuple(joined(each)) for each in by_address.values())


def joined(same: list[Link]) -> Link:
    """Join links of one contact and address."""
    return reduce(join_links, same)


async def test_a_subject_is_loaded_with_all_that_is_known_of_it(store: Store) -> None:
    """A contact comes with its links, an address without; an unknown subject is empty."""
    row = Suppression(ANN, None, Cause.MANUAL, NOON, NEVER, "code", "event")
    on_number = Suppression(NUMBER, Channel.SMS, Cause.OPT_OUT, NOON, NOON + 1)
    link = Link(HERE, "ann", OLD_NUMBER, NOON, NEVER)

    await store.commit(Changes(suppressions=[row, on_number], links=[link]))

    assert store.load(ANN) == SubjectState({(None, Cause.MANUAL): row}, {OLD_NUMBER: link})
    assert store.load(NUMBER) == SubjectState({(Channel.SMS, Cause.OPT_OUT): on_number}, {})
    assert store.load(BOB) == EMPTY


async def test_subjects_are_told_apart_by_all_their_parts(store: Store) -> None:
    """Location, kind and id are separate parts of the key: no two subjects share one."""
    subjects = [Subject("l", "contact", "x"), Subject("l", "address", "x"), Subject("lx", "contact", ""), ANN]

    await store.commit(Changes(suppressions=[Suppression(subjects[0], Channel.SMS, Cause.MANUAL, NOON)]))

    assert [bool(store.load(subject).suppressions) for subject in subjects] == [True, False, False, False]


async def test_both_ways_along_a_link(store: Store) -> None:
    """A link is found from the contact and from the address, unlinked ones too, in its own location alone."""
    await store.commit(
        Changes(
            links=[
                Link(HERE, "ann", OLD_NUMBER, 1, 2),
                Link(HERE, "bob", OLD_NUMBER, 1),
                Link(HERE, "bob", NEW_NUMBER, 1),
                Link("elsewhere", "eve", OLD_NUMBER, 1),
            ]
        )
    )

    assert set(store.contacts_of(NUMBER)) == {ANN, BOB}
    assert {link.address for link in store.links_of(BOB)} == {OLD_NUMBER, NEW_NUMBER}
    assert store.links_of(ANN) == [Link(HERE, "ann", OLD_NUMBER, 1, 2)]


DETAILS: list[Detail] = [
    InboundMessage(Channel.WHATSAPP, 'STOP "now" \u0000 \U0001f600', Verdict.HELP),
    SmsFailure("30003", "undelivered"),
    EmailFailure(Severity.PERMANENT, "bounce", "550"),
    EmailUnsubscribe("news"),
    EmailComplaint(),
]


@pytest.mark.parametrize("occur_time", [None, NOON])
@pytest.mark.parametrize("detail", DETAILS, ids=lambda detail: type(detail).__name__)
async def test_the_log_gives_back_what_it_was_given(store: Store, detail: Detail, occur_time: int | None) -> None:
    """An event is found under its key with its content and its answer, and its effects are replayed."""
    event = Event("e1", HERE, "ann", OLD_NUMBER, occur_time, "twilio", detail)
    everywhere = Suppression(NUMBER, None, Cause.MANUAL, 5, 6, "code", "e0")
    row = Suppression(NUMBER, Channel.SMS, Cause.OPT_OUT, NOON, NEVER, "21610", "e1")
    effects = Effects((row, everywhere), (Link(HERE, "ann", OLD_NUMBER, NOON),))
    answer = Answer(Outcome.APPLIED, (row,), (everywhere,), DndStatus.PARTIAL, 7)

    await store.commit(Changes([Record(key(event), content(event), NOON, effects, answer)]))

    assert store.find(event) == (content(event), answer)
    assert list(store.replay()) == [effects]
    assert store.last_seq() == answer.revision


async def test_an_event_is_known_by_location_provider_and_id(store: Store) -> None:
    """The same id at another provider or location is another event."""
    event = Event("e1", HERE, "ann", "", NOON, "twilio", EmailComplaint())
    answer = Answer(Outcome.NO_EFFECT, (), (), DndStatus.OFF, 1)
    await store.commit(Changes([Record(key(event), content(event), NOON, Effects(), answer)]))

    others = [
        Event("e1", HERE, "ann", "", NOON, "mailgun", EmailComplaint()),
        Event("e1", "elsewhere", "ann", "", NOON, "twilio", EmailComplaint()),
        Event("e2", HERE, "ann", "", NOON, "twilio", EmailComplaint()),
    ]

    assert [store.find(other) for other in others] == [None, None, None]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_replaying_the_log_rebuilds_the_state(tmp_path: Path, seed: int) -> None:
    """After any history the state tables hold what the merged effects of the log come to, in whatever order."""
    chance = random.Random(seed)  # noqa: S311  a history, not a secret
    async with running(tmp_path / "gate.db") as gate:
        numbers = count()
        for _ in range(10):
            await gate.recorder.record([any_event(chance, next(numbers)) for _ in range(chance.randint(1, 40))])

        state: dict[Subject, SubjectState] = {}
        for effects in chance.sample(list(gate.store.replay()), k=next(numbers)):
            for row in effects.suppressions:
                state[row.subject] = merge_suppressions(state.get(row.subject, EMPTY), [row])
            for link in effects.links:
                contact = Subject(link.location_id, "contact", link.contact_id)
                state[contact] = merge_links(state.get(contact, EMPTY), [link])
        stored = {subject: gate.store.load(subject) for subject in state}
        connection = gate.store.database.connect_reader()
        known = {(at, kind, each) for at, kind, ids in gate.store.subjects(connection) for each in ids}
        known |= {(at, "contact", contact) for at, contacts, _ in gate.store.links(connection) for contact in contacts}
        connection.close()

    assert stored == state
    assert known == set(state)


def any_event(chance: random.Random, number: int) -> Event:
    """Make an event that may set, lift, link or do nothing, dated or not."""
    details: list[Detail] = [
        InboundMessage(Channel.SMS, chance.choice(["STOP", "START", "hello", "please stop texting me"])),
        InboundMessage(Channel.WHATSAPP, chance.choice(["STOP", "START"])),
        SmsFailure(chance.choice(["30003", "30004", "30005", "30006", "30007"])),
        EmailUnsubscribe(),
        EmailComplaint(),
        EmailFailure(Severity.PERMANENT, chance.choice(["bounce", "generic", "odd"])),
    ]
    contact, address = chance.choice([("ann", ""), ("", OLD_NUMBER), ("ann", OLD_NUMBER), ("bob", NEW_NUMBER)])
    occur_time = chance.choice([None, NOON + chance.randint(-60, 60) * SECOND])
    return Event(f"e{number}", HERE, contact, address, occur_time, "twilio", chance.choice(details))
