"""A campaign's list: its suspects are read together, and answered as if each had been asked about alone."""

import asyncio
import random
import sqlite3
from itertools import product
from pathlib import Path

import pytest

from gate.rules.lattice import EMPTY
from gate.rules.model import Cause, Channel, Kind, Link, Subject, Suppression
from gate.rules.tombstone import SALT_BYTES, tombstone
from store import suppressions
from store.database import AMONG
from store.store import Changes, Store
from tests.integration.held_store import HeldStore
from tests.integration.parts import HERE, NOON, OLD_NUMBER, SECOND, Parts, reply, running

ANN = Subject(HERE, "contact", "ann")
STOPPED = Suppression(ANN, Channel.SMS, Cause.OPT_OUT, NOON)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database that does not exist yet."""
    return tmp_path / "gate.db"


def screen(gate: Parts, *people: str) -> list[bool]:
    """Ask about a list as a campaign does."""
    return gate.checker.screen(HERE, people, Channel.SMS)


@pytest.mark.parametrize("buried", [False, True])
async def test_reading_together_is_reading_one_by_one(path: Path, *, buried: bool) -> None:
    """Whatever ids are made of, however many and how often each, all of their rows and links are found, no others."""
    ids = ["a", "b\x00c", "\x00", "Zoë", "d,e", "'; --", *(f"c{number}" for number in range(2 * AMONG))]
    kinds: list[Kind] = ["contact", "address"]
    rows = [
        Suppression(Subject(location, kind, each), channel, cause, NOON, provider_code=f"{location}{each}")
        for location, kind, each, channel, cause in product(
            [HERE, "shop"], kinds, ids[::2], [None, Channel.SMS], [Cause.OPT_OUT, Cause.MANUAL]
        )
    ]
    links = [
        Link(location, each, address, NOON)
        for location, each, address in product([HERE, "shop"], ids[::3], ["a", "other"])
    ]
    store, salt = Store(path), bytes(range(SALT_BYTES))
    await store.open()
    try:
        await store.commit(Changes(suppressions=rows, links=links))
        if buried:
            grave = tombstone(Subject(HERE, "contact", "c1"), salt)
            await store.commit(Changes(suppressions=[STOPPED._replace(subject=grave)], salts=[salt]))
        for count in (0, 1, AMONG - 1, AMONG, AMONG + 1, len(ids)):
            for location, kind in product([HERE, "nowhere"], kinds):
                asked = [*ids[:count], *ids[:2]]
                alone = {subject: store.load(subject) for subject in (Subject(location, kind, each) for each in asked)}
                assert store.load_each(location, kind, asked) == alone
        assert bool(store.load_each(HERE, "contact", ["c1"])[Subject(HERE, "contact", "c1")].suppressions) is buried
    finally:
        await store.close()


async def test_a_list_is_read_with_few_queries(path: Path) -> None:
    """The first time the suspects of a list and their addresses are read together, the second time not at all."""
    people = [f"c{number}" for number in range(600)]
    async with running(path) as gate:
        stops = [reply("STOP", contact=each, address=f"+1202555{place:04}") for place, each in enumerate(people[::2])]
        await gate.recorder.record(stops)
    store = HeldStore(path)
    async with running(store) as gate:
        for _ in range(2):
            assert screen(gate, *people) == [place % 2 == 1 for place in range(len(people))]

        assert not store.loads
        assert sum(store.lists) == len(people)
        assert len([read for read in store.lists if read]) <= 2 * len(people) / 100


@pytest.mark.parametrize("cache_size", [1, 2, 1_000])
async def test_a_list_that_was_read_before_a_commit_does_not_overwrite_it(path: Path, cache_size: int) -> None:
    """Who stops while a list is read is not allowed any more, neither in it nor after it."""
    async with running(path) as gate:
        await gate.record(reply("START", contact="ann", at=NOON - SECOND))
        await gate.record(reply("START", contact="bob", at=NOON - SECOND))
    store = HeldStore(path)
    async with running(store, cache_size=cache_size) as gate:

        def commit_meanwhile() -> None:
            connection = sqlite3.connect(path)
            connection.executemany(*suppressions.merge([STOPPED]))
            connection.commit()
            connection.close()
            gate.states.publish({ANN: store.load(ANN)}, [ANN])

        store.after_reading = commit_meanwhile

        assert screen(gate, "bob", "ann") == [True, False]
        assert screen(gate, "bob", "ann") == [True, False]
        assert not gate.allows("ann")


async def test_a_list_is_answered_from_before_a_commit_until_it_is_published(path: Path) -> None:
    """States that are held while a commit is under way stand for what the disk has already, in lists too."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann"))
    async with running(path) as gate:
        with gate.states.held({ANN: EMPTY}):
            assert screen(gate, "ann") == [True]

        assert screen(gate, "ann") == [False]


@pytest.mark.parametrize("cache_size", [1, 3, 1_000])
@pytest.mark.parametrize("seed", range(3))
async def test_lists_during_writes_leave_nothing_stale(path: Path, cache_size: int, seed: int) -> None:
    """Lists that are asked for during commits and after them are answered as the disk says once these are durable."""
    chance = random.Random(seed)  # noqa: S311  a history, not a secret
    people, numbers = ["ann", "bob", "cem"], [OLD_NUMBER, "+12025550102"]
    store = HeldStore(path)
    async with running(store, cache_size=cache_size) as gate:
        for turn in range(30):
            person, number = chance.choice(["", *people]), chance.choice(numbers)
            event = reply(
                chance.choice(["STOP", "START"]),
                contact=person,
                address=number if not person else chance.choice(["", number]),
                at=NOON + chance.randint(-5, 5) * SECOND,
                event_id=f"e{turn}",
            )
            store.hold(after_commit=chance.random() < 0.5)
            write = asyncio.create_task(gate.record(event))
            await store.reached.wait()
            screen(gate, *chance.sample(people, k=2))
            store.let_go()
            await write

            alone = [gate.by_the_disk(each, "", Channel.SMS).allowed for each in people]
            assert screen(gate, *people) == alone
