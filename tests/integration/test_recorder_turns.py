"""Recording beside checks: who waits for what, and for how long."""

import asyncio
from pathlib import Path

import pytest

from gate.rules.model import Channel, Outcome
from gate.rules.outcome import Answer
from gate.service.record import ANSWERS
from store.store import Changes, Store
from tests.integration.held_store import HeldStore
from tests.integration.parts import reply, running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database that does not exist yet."""
    return tmp_path / "gate.db"


class _TurnsAtCommit(Store):
    """Notes how many turns the event loop had when the commit began."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.turns = 0
        self.turns_at_commit = 0

    async def commit(self, changes: Changes) -> None:
        """Commit after taking the note."""
        self.turns_at_commit = self.turns
        await super().commit(changes)


async def test_a_long_batch_lets_checks_in_between(path: Path) -> None:
    """While 1,000 events are worked out, other tasks have their turn again and again."""
    store = _TurnsAtCommit(path)
    async with running(store) as gate:

        async def count_turns() -> None:
            while True:
                await asyncio.sleep(0)
                store.turns += 1

        counting = asyncio.create_task(count_turns())
        batch = [reply("STOP", contact=f"c{n}", channel=Channel.SMS) for n in range(1_000)]
        answers = await gate.recorder.record(batch)
        counting.cancel()

    assert {answer.outcome for answer in answers if isinstance(answer, Answer)} == {Outcome.APPLIED}
    assert store.turns_at_commit > 5


async def test_many_answers_let_checks_in_between(path: Path) -> None:
    """Of 200 callers whose events share a commit, few go on in one turn of the event loop."""
    store = HeldStore(path)
    gone_on, most = 0, 0
    async with running(store) as gate:

        async def call(number: int) -> None:
            nonlocal gone_on
            await gate.record(reply("STOP", contact=f"c{number}"))
            gone_on += 1

        async def count_by_turn() -> None:
            nonlocal most
            while True:
                before = gone_on
                await asyncio.sleep(0)
                most = max(most, gone_on - before)

        counting = asyncio.create_task(count_by_turn())
        await asyncio.gather(*map(call, range(200)))
        counting.cancel()

    assert store.commits == 1
    assert (gone_on, most) == (200, ANSWERS)


class _HeldCheckpoint(Store):
    """Copies what is in the WAL only when a test lets it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    async def checkpoint(self) -> None:
        """Wait, then do it."""
        self.reached.set()
        await self.go.wait()
        await super().checkpoint()


async def test_an_answer_does_not_wait_until_the_wal_is_copied(path: Path) -> None:
    """What is durable is acknowledged before a checkpoint, which the next commit waits for."""
    store = _HeldCheckpoint(path)
    async with running(store) as gate:
        try:
            async with asyncio.timeout(5):
                await gate.record(reply("STOP", contact="ann"))
                await store.reached.wait()
            assert (store.last_seq(), gate.allows("ann")) == (1, False)
            later = asyncio.create_task(gate.record(reply("STOP", contact="bob")))
            await asyncio.sleep(0)
            assert not later.done()
        finally:
            store.go.set()
        await later
        assert store.last_seq() == 2
