"""A decision that was worked out before is given again only while everything that it followed from is current."""

import asyncio
import random
from itertools import product
from pathlib import Path

import pytest

from gate.cache import MEMOS
from gate.rules.connection import Connection, ConnectionTimes
from gate.rules.judge import DenyReason
from gate.rules.lattice import EMPTY
from gate.rules.model import Cause, Channel, Link, Subject, Suppression
from tests.integration import desk
from tests.integration.held_store import HeldStore
from tests.integration.parts import HERE, NEW_NUMBER, NOON, OLD_NUMBER, SECOND, Parts, reply, running, sent

THIRD_NUMBER = "+12025550103"
ANN = Subject(HERE, "contact", "ann")
PEOPLE = ("", "ann", "bob", "cem")
NUMBERS = ("", OLD_NUMBER, NEW_NUMBER, THIRD_NUMBER)
CHANNELS = (Channel.SMS, Channel.WHATSAPP)
QUESTIONS = [
    (person, number, channel) for person, number, channel in product(PEOPLE, NUMBERS, CHANNELS) if person or number
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database that does not exist yet."""
    return tmp_path / "gate.db"


async def make_suspect(gate: Parts, person: str, *numbers: str) -> None:
    """Let a person stop and start again on each number, so that the filter knows them and nothing is suppressed."""
    for number in numbers:
        await gate.record(reply("STOP", contact=person, address=number, at=NOON - 3 * SECOND))
        await gate.record(reply("START", contact=person, address=number, at=NOON - 2 * SECOND))


async def test_a_decision_that_is_remembered_needs_no_disk(path: Path) -> None:
    """Asking again reads nothing, and an address of which nothing was ever suppressed is not read at all."""
    async with running(path) as gate:
        await make_suspect(gate, "ann", OLD_NUMBER)
        await gate.record(sent("ann", NEW_NUMBER))
    store = HeldStore(path)
    async with running(store) as gate:
        for _ in range(3):
            assert gate.allows("ann")

        assert dict(store.loads) == {ANN: 1, Subject(HERE, "address", OLD_NUMBER): 1}


@pytest.mark.parametrize("cache_size", [1, 2, 3, 1_000])
async def test_a_number_alone_changes_the_decision_on_its_contact(path: Path, cache_size: int) -> None:
    """What was decided on a contact is worked out anew when one of its numbers stops, and when it starts."""
    async with running(path, cache_size=cache_size) as gate:
        await make_suspect(gate, "ann", OLD_NUMBER, NEW_NUMBER)
        assert gate.allows("ann")
        assert gate.allows("ann", NEW_NUMBER)

        await gate.record(reply("STOP", address=NEW_NUMBER, at=NOON))
        assert not gate.allows("ann")
        assert not gate.allows("ann", NEW_NUMBER)

        await gate.record(reply("START", address=NEW_NUMBER, at=NOON + SECOND))
        assert gate.allows("ann")
        assert gate.allows("ann", NEW_NUMBER)


async def test_a_decision_ends_with_the_eviction_of_what_it_followed_from(path: Path) -> None:
    """A contact asked for again and again keeps no decision that followed from a state since evicted and changed."""
    async with running(path) as gate:
        await make_suspect(gate, "ann", OLD_NUMBER)
        await make_suspect(gate, "", NEW_NUMBER, THIRD_NUMBER)
    async with running(path, cache_size=3) as gate:
        assert gate.allows("ann")
        assert gate.allows("ann")
        assert gate.allows("", NEW_NUMBER)
        assert gate.allows("", THIRD_NUMBER)
        assert gate.states.recall(Subject(HERE, "address", OLD_NUMBER)) is None
        remembered = gate.states.recall(ANN)

        await gate.record(reply("STOP", address=OLD_NUMBER))

        assert gate.states.recall(ANN) is remembered
        assert not gate.allows("ann")


async def test_what_was_said_before_a_commit_ends_with_it(path: Path) -> None:
    """States from before a commit answer while it is under way, and are forgotten even if nothing is published."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann"))
    async with running(path) as gate:
        with gate.states.held({ANN: EMPTY}):
            assert gate.allows("ann")

        assert not gate.allows("ann")


async def test_imports_and_erasures_end_decisions(path: Path) -> None:
    """A decision gives way to what an import brings, for itself or under a tombstone, and to an erasure."""
    async with running(path) as gate:
        users = desk.desk(gate)
        await make_suspect(gate, "ann", OLD_NUMBER)
        await desk.import_legacy("ann", [NEW_NUMBER], NOON, dnd=False)(users)
        assert gate.allows("ann")

        stopped = Suppression(Subject(HERE, "address", NEW_NUMBER), Channel.SMS, Cause.OPT_OUT, NOON)
        await desk.import_crafted([stopped], (), (), buried=False)(users)
        assert not gate.allows("ann")

        await gate.record(reply("START", address=NEW_NUMBER, at=NOON + SECOND))
        assert gate.allows("ann")
        late = stopped._replace(set_time=NOON + 2 * SECOND)
        await desk.import_crafted([late], (), (), buried=True)(users)
        assert not gate.allows("ann")

        await desk.erase("ann")(users)
        assert not gate.allows("ann")


async def test_integrations_are_asked_each_time(path: Path) -> None:
    """A remembered decision that nothing is suppressed does not outlast the channel's connection."""
    async with running(path) as gate:
        await make_suspect(gate, "ann", OLD_NUMBER)
        assert gate.allows("ann")

        gate.connections.publish([ConnectionTimes(HERE, Channel.SMS, 1, 2)])
        assert gate.connections.of(HERE)[Channel.SMS] is Connection.DISCONNECTED
        assert gate.checker.check(HERE, "ann", "", Channel.SMS).deny_reason is DenyReason.CHANNEL_DISCONNECTED
        assert not any(gate.checker.screen(HERE, ["ann", "zoe"], Channel.SMS))

        gate.connections.publish([ConnectionTimes(HERE, Channel.SMS, 3, 2)])
        assert gate.allows("ann")


async def test_few_decisions_are_kept_with_a_contact(path: Path) -> None:
    """Asking about a contact at ever new addresses takes no more memory than a few decisions."""
    async with running(path) as gate:
        await make_suspect(gate, "ann", OLD_NUMBER)
        for number in range(5 * MEMOS):
            assert gate.allows("ann", f"+1202555{number:04d}")

        remembered = gate.states.recall(ANN)
        assert remembered is not None
        assert 0 < len(remembered.memos) <= MEMOS


async def test_a_list_is_decided_as_its_contacts_are(path: Path) -> None:
    """ScreenContacts says of each contact what CheckSend says, also where contacts of the location were erased."""
    people = ["ann", "bob", "cem", "ann", "dee"]
    async with running(path) as gate:
        users = desk.desk(gate)
        await gate.record(reply("STOP", contact="ann"))
        await gate.record(reply("STOP", contact="bob", address=OLD_NUMBER))
        await gate.record(sent("cem", NEW_NUMBER))
        assert gate.checker.screen(HERE, people, Channel.SMS) == [False, False, True, False, True]

        await desk.erase("bob")(users)
    async with running(path) as gate:
        assert gate.checker.screen(HERE, people, Channel.SMS) == [False, False, True, False, True]
        assert gate.checker.screen(HERE, people, Channel.SMS) == [gate.allows(person) for person in people]
        assert gate.checker.screen("elsewhere", people, Channel.SMS) == [True] * len(people)


@pytest.mark.parametrize("cache_size", [1, 3, 1_000])
@pytest.mark.parametrize("seed", range(4))
async def test_what_is_remembered_is_what_would_be_worked_out(path: Path, cache_size: int, seed: int) -> None:
    """After any history, asked about between and during its commits, each decision is that of the disk alone."""
    chance = random.Random(seed)  # noqa: S311  a history, not a secret
    store = HeldStore(path)
    async with running(store, cache_size=cache_size) as gate:
        users = desk.desk(gate)
        for number in range(40):
            store.hold(after_commit=chance.random() < 0.5)
            write = asyncio.create_task(any_write(users, chance, number))
            reached = asyncio.create_task(store.reached.wait())
            await asyncio.wait((write, reached), return_when=asyncio.FIRST_COMPLETED)
            for question in chance.sample(QUESTIONS, k=8):
                gate.checker.check(HERE, *question)
            store.let_go()
            await write
            reached.cancel()

            for question in chance.sample(QUESTIONS, k=len(QUESTIONS)):
                assert gate.checker.check(HERE, *question) == gate.by_the_disk(*question)


async def any_write(users: desk.Desk, chance: random.Random, number: int) -> None:
    """Let something happen: mostly a reply, sometimes an act of a user or an import."""
    person, address = chance.choice([(person, number) for person, number, _ in QUESTIONS])
    somebody, somewhere = person or "ann", address or OLD_NUMBER
    at = NOON + chance.randint(-5, 5) * SECOND
    row = Suppression(Subject(HERE, "address", somewhere), chance.choice(CHANNELS), Cause.OPT_OUT, at)
    event = reply(
        chance.choice(["STOP", "START", "hello"]),
        contact=person,
        address=address,
        at=at,
        event_id=f"e{number}",
        channel=chance.choice(CHANNELS),
    )
    acts = [
        desk.link(somebody, somewhere),
        desk.unlink(somebody, somewhere),
        desk.switch(somebody, None, on=True, remediated=False),
        desk.import_legacy(somebody, [somewhere], at, dnd=chance.random() < 0.5),
        desk.import_crafted([row], [Link(HERE, somebody, somewhere, at)], (), buried=chance.random() < 0.5),
        desk.erase(somebody),
    ]
    if chance.random() < 0.6:
        await users.gate.record(event)
    else:
        await chance.choice(acts)(users)
