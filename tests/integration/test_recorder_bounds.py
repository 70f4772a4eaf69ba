"""What waits for a commit is bounded, and what a failing disk refuses is refused at once."""

import asyncio
from pathlib import Path

import pytest

from gate.errors import QueueFullError, StoreUnavailableError
from gate.rules.model import Event
from gate.service.submission import PER_CALL
from tests.integration.held_store import HeldStore, hang_up
from tests.integration.parts import disk_refusing_writes, reply, running

MOST = 200
BATCH = 20


def batch(name: str, events: int = BATCH) -> list[Event]:
    """Make events of as many contacts that change nothing."""
    return [reply("hello", contact=f"{name}-{number}") for number in range(events)]


async def test_the_queue_is_full_and_then_empty_again(tmp_path: Path) -> None:
    """So many events wait and no more, acts included; once they are recorded there is as much room as before."""
    store = HeldStore(tmp_path / "gate.db")
    async with running(store, most_waiting=MOST) as gate:
        for turn in range(2):
            store.hold(after_commit=False)
            first = asyncio.create_task(gate.record(reply("hello", contact=f"first {turn}")))
            await store.reached.wait()
            waiting = [asyncio.create_task(gate.recorder.record(batch(f"{turn} {n}"))) for n in range(MOST // BATCH)]
            await asyncio.sleep(0)
            assert gate.recorder.waiting == MOST

            with pytest.raises(QueueFullError):
                await gate.recorder.record(batch("late", 1))
            with pytest.raises(QueueFullError):
                await gate.recorder.act(lambda _, __: None)

            store.let_go()
            await asyncio.gather(first, *waiting)
            assert gate.recorder.waiting == 0
        assert await gate.recorder.record(batch("late", 1))


async def test_the_queue_is_full_of_calls(tmp_path: Path) -> None:
    """Each call takes memory beside its events: a quarter as many wait and no more."""
    store = HeldStore(tmp_path / "gate.db")
    async with running(store, most_waiting=MOST) as gate:
        store.hold(after_commit=False)
        first = asyncio.create_task(gate.record(reply("hello", contact="first")))
        await store.reached.wait()
        waiting = [asyncio.create_task(gate.record(reply("hello", contact=f"c{n}"))) for n in range(MOST // PER_CALL)]
        await asyncio.sleep(0)

        with pytest.raises(QueueFullError):
            await gate.recorder.record(batch("late", 1))
        imported = asyncio.create_task(gate.recorder.take(lambda _, __: None))

        store.let_go()
        await asyncio.gather(first, *waiting, imported)
        assert gate.recorder.waiting == 0


async def test_a_caller_that_hangs_up_still_stands_in_the_queue(tmp_path: Path) -> None:
    """Its events are recorded, so they count until then, and not longer."""
    store = HeldStore(tmp_path / "gate.db")
    async with running(store) as gate:
        store.hold(after_commit=False)
        first = asyncio.create_task(gate.record(reply("hello", contact="first")))
        await store.reached.wait()
        gone = asyncio.create_task(gate.recorder.record(batch("gone")))
        await asyncio.sleep(0)
        await hang_up(gone)
        assert gate.recorder.waiting == BATCH
        store.let_go()
        await first
        await gate.record(reply("hello", contact="last"))
        assert gate.recorder.waiting == 0
        assert store.last_seq() == BATCH + 2


async def test_a_refusing_disk_refuses_at_once(tmp_path: Path) -> None:
    """While it refuses, an event waits for nothing; what waited when it began is refused too, and nothing is kept."""
    store = HeldStore(tmp_path / "gate.db")
    told: list[bool] = []
    durable = asyncio.Event()

    def tell(state: bool) -> None:
        told.append(state)
        if state:
            durable.set()

    async with running(store, on_durable=tell) as gate:
        with disk_refusing_writes():
            store.hold(after_commit=False)
            first = asyncio.create_task(gate.record(reply("STOP", contact="ann")))
            await store.reached.wait()
            second = asyncio.create_task(gate.record(reply("STOP", contact="bob")))
            await asyncio.sleep(0)
            store.let_go()
            for refused in (first, second):
                with pytest.raises(StoreUnavailableError):
                    await refused
            with pytest.raises(StoreUnavailableError):
                gate.recorder.act(lambda _, __: None).send(None)
            assert gate.recorder.waiting == 0
            assert told == [False]
        await asyncio.wait_for(durable.wait(), 10)
        assert [gate.allows("ann"), gate.allows("bob")] == [True, True]
        await gate.record(reply("STOP", contact="ann"))
        assert not gate.allows("ann")
