"""What was acknowledged is what every later check sees: the orders in which reads and writes may meet."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from gate.rules.model import Cause, Channel, Link, Subject, Suppression
from store import suppressions
from store.store import Changes
from tests.integration.held_store import HeldStore, hang_up
from tests.integration.parts import HERE, NOON, OLD_NUMBER, SECOND, Parts, reply, running

ANN = Subject(HERE, "contact", "ann")
STOPPED = Suppression(ANN, Channel.SMS, Cause.OPT_OUT, NOON)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database that does not exist yet."""
    return tmp_path / "gate.db"


@pytest.mark.parametrize("cache_size", [1, 1_000])
async def test_a_load_that_began_before_a_commit_does_not_overwrite_it(path: Path, cache_size: int) -> None:
    """A reader that holds an old state when a commit is published gives it up and reads again."""
    async with running(path) as gate:
        await gate.record(reply("START", contact="ann", at=NOON - SECOND))
    store = HeldStore(path)
    async with running(store, cache_size=cache_size) as gate:

        def commit_meanwhile() -> None:
            connection = sqlite3.connect(path)
            connection.executemany(*suppressions.merge([STOPPED]))
            connection.commit()
            connection.close()
            gate.states.publish({ANN: store.load(ANN)}, [ANN])
            gate.allows("bob")

        store.after_reading = commit_meanwhile

        assert not gate.allows("ann"), "the old state was used"
        assert not gate.allows("ann"), "the old state was kept"


async def test_a_load_is_repeated_when_any_commit_came_between(path: Path) -> None:
    """What was read before a commit is not kept, even where the commit was about somebody else."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann"))
    store = HeldStore(path)
    async with running(store) as gate:
        store.after_reading = lambda: gate.states.publish({}, [])

        assert not gate.allows("ann")
        assert store.loads[ANN] == 2

        assert not gate.allows("ann")
        assert store.loads[ANN] == 2


@pytest.mark.parametrize("cache_size", [1, 1_000])
@pytest.mark.parametrize("after_commit", [False, True], ids=["before the commit", "after the commit"])
async def test_checks_during_a_write_leave_nothing_stale(path: Path, cache_size: int, *, after_commit: bool) -> None:
    """Whatever checks read while a write is under way, once it is acknowledged they see it."""
    store = HeldStore(path)
    async with running(store, cache_size=cache_size) as gate:
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER, at=NOON - 2 * SECOND))
        await gate.record(reply("START", contact="ann", address=OLD_NUMBER, at=NOON - SECOND))
        store.hold(after_commit=after_commit)
        write = asyncio.create_task(gate.record(reply("STOP", address=OLD_NUMBER, at=NOON)))
        await store.reached.wait()
        for _ in range(3):
            gate.allows("ann")
            gate.allows(address=OLD_NUMBER)
            gate.allows("ann", OLD_NUMBER)
        assert not write.done()
        store.let_go()
        await write

        assert not gate.allows("ann")
        assert not gate.allows(address=OLD_NUMBER)
        assert not gate.allows("ann", OLD_NUMBER)


@pytest.mark.parametrize("after_commit", [False, True], ids=["before the commit", "after the commit"])
async def test_a_caller_that_hangs_up_leaves_no_stale_allow(path: Path, *, after_commit: bool) -> None:
    """A cancelled write runs to its end: it is on disk and in effect, or the check would still say yes."""
    store = HeldStore(path)
    async with running(store) as gate:
        await gate.record(reply("START", contact="ann", at=NOON - SECOND))
        assert gate.allows("ann")
        store.hold(after_commit=after_commit)
        call = asyncio.create_task(gate.recorder.record([reply("STOP", contact="ann")]))
        await store.reached.wait()
        await hang_up(call)
        store.let_go()
        await gate.record(reply("hello", contact="bob"))

        assert not gate.allows("ann")
        assert not gate.by_the_disk("ann", "", Channel.SMS).allowed


async def test_a_caller_that_hangs_up_while_queued_half_applies_nothing(path: Path) -> None:
    """A batch whose caller goes away before its turn is recorded as a whole."""
    store = HeldStore(path)
    async with running(store) as gate:
        store.hold(after_commit=False)
        first = asyncio.create_task(gate.record(reply("hello", contact="bob")))
        await store.reached.wait()
        batch = [reply("STOP", contact=contact) for contact in ("ann", "carl", "dora")]
        queued = asyncio.create_task(gate.recorder.record(batch))
        await asyncio.sleep(0)
        await hang_up(queued)
        store.let_go()
        await first
        await gate.record(reply("hello", contact="eve"))

        assert [gate.allows(contact) for contact in ("ann", "carl", "dora")] == [False] * 3


async def test_two_writers_on_one_contact_at_once(path: Path) -> None:
    """Two writes that wait for the same commit both count: neither starts from a state without the other."""
    store = HeldStore(path)
    async with running(store) as gate:
        store.hold(after_commit=True)
        stop = asyncio.create_task(gate.record(reply("STOP", contact="ann", channel=Channel.SMS)))
        await store.reached.wait()
        others = [
            asyncio.create_task(gate.record(reply("STOP", contact="ann", channel=channel)))
            for channel in (Channel.WHATSAPP, Channel.FACEBOOK)
        ]
        await asyncio.sleep(0)
        store.let_go()
        await asyncio.gather(stop, *others)

        closed = [channel for channel in Channel if not gate.allows("ann", channel=channel)]
        assert closed == [Channel.SMS, Channel.FACEBOOK, Channel.WHATSAPP]
        assert len(store.load(ANN).suppressions) == len(closed)


@pytest.mark.parametrize("cache_size", [1, 2, 1_000])
async def test_every_check_after_an_acknowledgement_sees_it(path: Path, cache_size: int) -> None:
    """With a cache of any size, each acknowledged STOP denies and each acknowledged START opens at once."""
    async with running(path, cache_size=cache_size) as gate:
        for turn in range(12):
            contact = f"c{turn % 3}"
            body = "STOP" if turn // 3 % 2 == 0 else "START"
            await gate.record(reply(body, contact=contact, address=f"+1202555010{turn % 3}", at=NOON + turn))

            assert gate.allows(contact) is (body == "START")
            assert gate.allows(address=f"+1202555010{turn % 3}") is (body == "START")


async def test_what_is_evicted_is_read_again(path: Path) -> None:
    """The cache keeps the states asked for last, in its bounds, and forgets nobody's wish."""
    store = HeldStore(path)
    async with running(path, cache_size=2) as gate:
        for name in "abcd":
            await gate.record(reply("STOP", contact=name))
    async with running(store, cache_size=2) as gate:
        assert [gate.allows(name) for name in "abba"] == [False] * 4
        assert loads(store) == {"a": 1, "b": 1}

        assert [gate.allows(name) for name in "cdab"] == [False] * 4
        assert loads(store) == {"a": 2, "b": 2, "c": 1, "d": 1}


async def test_a_commit_keeps_only_whom_checks_asked_for(path: Path) -> None:
    """Events of people whom nobody sends anything to take no memory; whoever was asked for stays, up to date."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann"))
        assert gate.states.entries == 0
        assert not gate.allows("ann")
        asked_for = gate.states.entries
        assert asked_for > 0

        await gate.recorder.record([reply("STOP", contact=f"c{number}") for number in range(100)])
        await gate.record(reply("START", contact="ann", at=NOON + SECOND))
        assert gate.states.entries == asked_for
        assert gate.states.recall(ANN) is not None
        assert gate.allows("ann")


def loads(store: HeldStore) -> dict[str, int]:
    """Tell how often each contact was read from the disk."""
    return {subject.id: times for subject, times in store.loads.items()}


async def link_rows(gate: Parts, *links: Link) -> None:
    """Put links into the database and show them, as the writer of a control plane does."""
    await gate.store.commit(Changes(links=links))
    for link in links:
        contact = Subject(HERE, "contact", link.contact_id)
        address = Subject(HERE, "address", link.address)
        suspects = [contact] if gate.states.suspect(address) else []
        gate.states.publish({contact: gate.store.load(contact)}, suspects)


async def link_first(gate: Parts) -> None:
    """Teach whose number it is before the number says STOP."""
    await gate.record(reply("hello", contact="ann", address=OLD_NUMBER, at=NOON - SECOND))
    await gate.record(reply("STOP", address=OLD_NUMBER))


async def suppression_first(gate: Parts) -> None:
    """Let the number say STOP before anybody knows whose it is."""
    await gate.record(reply("STOP", address=OLD_NUMBER))
    await gate.record(reply("hello", contact="ann", address=OLD_NUMBER))


async def both_in_one_event(gate: Parts) -> None:
    """Let the STOP itself teach whose number it is."""
    await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))


async def link_and_stop_in_one_batch(gate: Parts) -> None:
    """Link and STOP share a commit."""
    await gate.recorder.record([reply("hello", contact="ann", address=OLD_NUMBER), reply("STOP", address=OLD_NUMBER)])


async def stop_and_link_in_one_batch(gate: Parts) -> None:
    """STOP and link share a commit."""
    await gate.recorder.record([reply("STOP", address=OLD_NUMBER), reply("hello", contact="ann", address=OLD_NUMBER)])


async def unlinked_before_the_stop(gate: Parts) -> None:
    """Take the number from the contact before it says STOP; the wish is the person's all the same."""
    await link_rows(gate, Link(HERE, "ann", OLD_NUMBER, NOON - 2 * SECOND, NOON - SECOND))
    await gate.record(reply("STOP", address=OLD_NUMBER))


async def unlinked_after_the_stop(gate: Parts) -> None:
    """Take the number from the contact after it said STOP."""
    await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
    await link_rows(gate, Link(HERE, "ann", OLD_NUMBER, NOON, NOON + SECOND))


@pytest.mark.parametrize("cache_size", [1, 1_000])
@pytest.mark.parametrize(
    "history",
    [
        link_first,
        suppression_first,
        both_in_one_event,
        link_and_stop_in_one_batch,
        stop_and_link_in_one_batch,
        unlinked_before_the_stop,
        unlinked_after_the_stop,
    ],
)
async def test_the_filter_knows_whom_a_stopped_number_bears_on(path: Path, history: object, cache_size: int) -> None:
    """Who uses or used a suppressed number is found, at once and after a restart, in whatever order it was learnt."""
    assert callable(history)
    async with running(path, cache_size=cache_size) as gate:
        assert gate.allows("ann")
        await history(gate)
        assert not gate.allows("ann")
        assert gate.allows("bob")

    async with running(path, cache_size=cache_size) as gate:
        assert not gate.allows("ann")
        assert gate.allows("bob")
