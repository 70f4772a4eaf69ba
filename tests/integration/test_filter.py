"""The filter is built from all that is on disk, and never takes one subject for another's absence."""

import threading
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest

from gate import filter as suspects
from gate.rules.model import Cause, Channel, Link, Subject, Suppression
from gate.rules.tombstone import SALT_BYTES, tombstone
from store import scan
from store.store import Changes, Store
from tests.integration.parts import NOON

LOCATIONS = ["default", "shop", "shop 2"]
IDS = ["a", "b", "c" * 256, "d,e", ",", "f\x00g", "\x00", "Zoë", "日本", "'; --", "z"]
ROWS = [
    Suppression(subject, channel, Cause.OPT_OUT, NOON)
    for location, each, channel in product(LOCATIONS, IDS, (Channel.SMS, Channel.EMAIL))
    for subject in (Subject(location, "contact", each), Subject(location, "address", each))
    if (location, subject.kind) != ("shop", "address")
]
LINKS = [
    Link(location, f"user {each}", address, NOON)
    for location, each, address in product(LOCATIONS, IDS, ("a", "d,e", "unsuppressed"))
]


async def store_at(path: Path) -> Store:
    """Open a database with all the rows."""
    store = Store(path)
    await store.open()
    await store.commit(Changes(suppressions=ROWS, links=LINKS))
    return store


@pytest.mark.parametrize("block", [1, 2, 3, 1_000])
async def test_a_scan_reads_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Whatever the ids are made of and wherever a block ends, every subject and every link is read."""
    monkeypatch.setattr(scan, "BLOCK", block)
    store = await store_at(tmp_path / "gate.db")
    try:
        with closing(store.database.connect_reader()) as connection:
            found = {(at, kind, each) for at, kind, ids in store.subjects(connection) for each in ids}
            links = [
                (location, *pair)
                for location, *columns in store.links(connection)
                for pair in zip(*columns, strict=True)
            ]
    finally:
        await store.close()

    assert found == {row.subject for row in ROWS}
    assert sorted(links) == sorted((link.location_id, link.contact_id, link.address) for link in LINKS)


async def test_the_filter_holds_whom_a_suppression_bears_on(tmp_path: Path) -> None:
    """It holds subjects with a suppression and the contacts of such addresses, however asked, and few else."""
    store = await store_at(tmp_path / "gate.db")
    try:
        built = suspects.build(store, threading.Event())
    finally:
        await store.close()

    assert all(built.has(row.subject) for row in ROWS)
    users = [f"user {each}" for each in IDS]
    assert built.has_each("default", "contact", users) == [True] * len(users)
    assert sum(built.has_each("shop", "contact", users)) <= 1, "nothing stands on addresses there"
    strangers = [f"stranger {number}" for number in range(10_000)]
    assert sum(built.has_each("default", "contact", strangers)) < 100
    assert not built.has(("default", "address", "user a"))


async def test_who_is_buried_is_suspected_in_that_location_alone(tmp_path: Path) -> None:
    """A tombstone that comes later is found under the name that it stands for, and costs other locations nothing."""
    salt = bytes(range(SALT_BYTES))
    erased = Subject("shop", "contact", "erased")
    store = await store_at(tmp_path / "gate.db")
    try:
        await store.commit(Changes(salts=[salt]))
        built = suspects.build(store, threading.Event())
        assert not built.has(erased)

        built.update([tombstone(erased, salt)])
    finally:
        await store.close()

    assert built.has(erased)
    assert built.has_each("shop", "contact", ["somebody", "erased"]) == [False, True]
    assert not built.has(("default", "contact", "erased"))


def test_a_filter_that_grows_stays_a_filter(tmp_path: Path) -> None:
    """Whatever comes after the start is found, and makes no suspects of the others."""
    built = suspects.Suspects(Store(tmp_path / "gate.db"), {"shop": 10})
    everybody = [f"c{number}" for number in range(50_000)]
    for start in range(0, len(everybody), 1_000):
        built.add("shop", "contact", everybody[start : start + 1_000])
    several = [Subject("shop 2", "contact", each) for each in everybody[:5_000]]
    for _ in range(3):
        built.update(several)

    assert all(built.has_each("shop", "contact", everybody))
    assert all(map(built.has, several))
    strangers = [f"stranger {number}" for number in range(10_000)]
    assert sum(built.has_each("shop", "contact", strangers)) < 200
    assert built.has_each("shop", "contact", strangers) == [built.has(("shop", "contact", each)) for each in strangers]


async def test_building_stops_when_told_to(tmp_path: Path) -> None:
    """A gate that is told to stop while it starts does not read the rest of its database."""
    stop = threading.Event()
    stop.set()
    store = await store_at(tmp_path / "gate.db")
    try:
        built = suspects.build(store, stop)
    finally:
        await store.close()

    assert not all(built.has(row.subject) for row in ROWS)
