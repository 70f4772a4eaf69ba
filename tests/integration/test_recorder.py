"""Recording: shared commits, idempotency, and what happens when the disk refuses."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from gate.errors import EventIdReusedError, NotReadyError, StoreUnavailableError
from gate.rules.model import Outcome
from gate.rules.outcome import Answer
from gate.service.submission import GROUP
from tests.integration.held_store import HeldStore
from tests.integration.parts import NEW_NUMBER, NOON, OLD_NUMBER, SECOND, disk_refusing_writes, reply, running

STOP = reply("STOP", contact="ann", event_id="e1")
OTHER_CONTENT = reply("START", contact="ann", event_id="e1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database that does not exist yet."""
    return tmp_path / "gate.db"


def logged(path: Path) -> int:
    """Count the events in the log, over a connection of the test's own."""
    connection = sqlite3.connect(path)
    events = int(connection.execute("SELECT count(*) FROM event").fetchone()[0])
    connection.close()
    return events


async def test_events_that_come_together_share_a_commit(path: Path) -> None:
    """What is queued while a commit runs goes into the next one, all of it; each caller gets its own answer."""
    store = HeldStore(path)
    async with running(store) as gate:
        store.hold(after_commit=False)
        first = asyncio.create_task(gate.record(reply("STOP", contact="c0")))
        await store.reached.wait()
        others = [asyncio.create_task(gate.record(reply("STOP", contact=f"c{n}"))) for n in range(1, 200)]
        await asyncio.sleep(0)
        assert logged(path) == 0
        store.let_go()
        answers = await asyncio.gather(first, *others)

    assert store.commits == 2
    assert logged(path) == len(answers)
    assert [answer.set[0].subject.id for answer in answers] == [f"c{n}" for n in range(200)]


async def test_a_commit_is_bounded(path: Path) -> None:
    """Batches that would make a commit too long go into the next; no batch is torn apart."""
    store = HeldStore(path)
    async with running(store) as gate:
        half = GROUP // 2
        batches = [[reply("hello", contact=f"{b}-{n}") for n in range(half)] for b in range(3)]
        await asyncio.gather(*(gate.recorder.record(batch) for batch in batches))

    assert store.commits == 2


async def test_nothing_is_acknowledged_before_it_is_on_disk(path: Path) -> None:
    """While the commit waits nobody has an answer and nothing is in effect; with the answer it is in the file."""
    store = HeldStore(path)
    async with running(store) as gate:
        store.hold(after_commit=False)
        call = asyncio.create_task(gate.record(STOP))
        await store.reached.wait()
        assert (call.done(), logged(path), gate.allows("ann")) == (False, 0, True)

        store.let_go()
        await call
        assert (logged(path), gate.allows("ann")) == (1, False)


@pytest.mark.parametrize("occur_time", [NOON, None])
async def test_the_same_event_answers_as_the_first_time(path: Path, occur_time: int | None) -> None:
    """A redelivery is DUPLICATE with the first answer: in one batch, later, and after a restart."""
    event = reply("STOP", contact="ann", event_id="e1", at=occur_time)
    async with running(path) as gate:
        first, within = await gate.recorder.record([event, event])
        assert isinstance(first, Answer)
        await gate.record(reply("START", contact="ann", at=NOON + SECOND))
        later = await gate.record(event)
        together = await asyncio.gather(gate.record(event), gate.record(event))
        assert gate.allows("ann")
    async with running(path, clock=lambda: NOON + 60 * SECOND) as gate:
        after_restart = await gate.record(event)
        assert gate.allows("ann")

    assert first.outcome is Outcome.APPLIED
    again = first._replace(outcome=Outcome.DUPLICATE)
    assert [within, later, *together, after_restart] == [again] * 5
    assert logged(path) == 2


async def test_an_id_with_other_content_is_refused(path: Path) -> None:
    """Another event under a recorded id is refused by itself: in one batch, later, and after a restart."""
    async with running(path) as gate:
        _, within, beside = await gate.recorder.record([STOP, OTHER_CONTENT, reply("STOP", contact="bob")])
        (later,) = await gate.recorder.record([OTHER_CONTENT])
    async with running(path) as gate:
        (after_restart,) = await gate.recorder.record([OTHER_CONTENT])
        assert not gate.allows("ann")
        assert not gate.allows("bob")

    assert [type(each) for each in (within, later, after_restart)] == [EventIdReusedError] * 3
    assert isinstance(beside, Answer)
    assert logged(path) == 2


@pytest.mark.parametrize("at", [NOON - SECOND, None], ids=["another time", "no time"])
async def test_the_time_belongs_to_the_content(path: Path, at: int | None) -> None:
    """The same id with another time, or without one where there was one, is another event."""
    async with running(path) as gate:
        await gate.record(STOP)
        (answer,) = await gate.recorder.record([reply("STOP", contact="ann", event_id="e1", at=at)])

    assert isinstance(answer, EventIdReusedError)


@pytest.mark.parametrize(
    "start",
    [
        reply("START", contact="ann", address=OLD_NUMBER, at=NOON + 240 * SECOND),
        reply("START", address=OLD_NUMBER, at=NOON + 240 * SECOND),
    ],
    ids=["by the contact", "by the number alone"],
)
@pytest.mark.parametrize("contact", ["ann", ""])
async def test_an_undated_stop_is_later_than_all_that_was_heard(path: Path, start: object, contact: str) -> None:
    """A STOP heard just now is not stale beside a START whose provider's clock runs ahead."""
    async with running(path) as gate:
        await gate.record(start)  # type: ignore[arg-type]
        answer = await gate.record(reply("STOP", contact=contact, address=OLD_NUMBER, at=None))

        assert answer.outcome is Outcome.APPLIED
        assert not gate.allows(address=OLD_NUMBER)
        assert not gate.allows("ann", OLD_NUMBER)


async def test_an_undated_stop_on_one_number_beats_an_early_start_on_another(path: Path) -> None:
    """The wish is the person's: START from the other number, dated ahead, does not outweigh the STOP of now."""
    async with running(path) as gate:
        await gate.record(reply("hello", contact="ann", address=OLD_NUMBER, at=NOON - SECOND))
        await gate.record(reply("START", contact="ann", address=NEW_NUMBER, at=NOON + 240 * SECOND))
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER, at=None))

        assert not gate.allows("ann")
        assert not gate.allows("ann", NEW_NUMBER)


async def test_a_refusing_disk_fails_everybody_and_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All callers of a failed commit are told, nothing is in effect, checks go on; then the gate recovers by itself."""
    monkeypatch.setattr("gate.service.record._PROBE_PAUSE_S", 0.01)
    durable: list[bool] = []
    back = asyncio.Event()

    def on_durable(state: bool) -> None:
        durable.append(state)
        if state:
            back.set()

    async with running(path, on_durable=on_durable) as gate:
        await gate.record(reply("STOP", contact="carl"))
        with disk_refusing_writes():
            answers = await asyncio.gather(
                *(gate.recorder.record([reply("STOP", contact=name)]) for name in ("ann", "bob")),
                return_exceptions=True,
            )
            assert [type(answer) for answer in answers] == [StoreUnavailableError] * 2
            with pytest.raises(StoreUnavailableError):
                await gate.record(reply("STOP", contact="ann"))
            assert durable == [False]
            assert [gate.allows(name) for name in ("ann", "bob", "carl")] == [True, True, False]
            assert logged(path) == 1
        await asyncio.wait_for(back.wait(), 5)

        assert (await gate.record(reply("STOP", contact="ann"))).outcome is Outcome.APPLIED
        assert not gate.allows("ann")
        assert durable == [False, True]


async def test_closing_finishes_what_was_taken(path: Path) -> None:
    """Events taken before the close are recorded and answered; later ones are refused."""
    store = HeldStore(path)
    async with running(store) as gate:
        store.hold(after_commit=False)
        running_call = asyncio.create_task(gate.record(STOP))
        await store.reached.wait()
        queued = asyncio.create_task(gate.record(reply("STOP", contact="bob")))
        await asyncio.sleep(0)
        closing = asyncio.create_task(gate.recorder.close())
        await asyncio.sleep(0)
        with pytest.raises(NotReadyError):
            await gate.record(reply("STOP", contact="carl"))
        store.let_go()
        await closing

        assert {(await running_call).outcome, (await queued).outcome} == {Outcome.APPLIED}
    assert logged(path) == 2


async def test_a_recorder_that_is_not_open_takes_nothing(path: Path) -> None:
    """Events are refused once the gate has closed, and closing twice is harmless."""
    async with running(path) as gate:
        await gate.recorder.close()
        await gate.recorder.close()
        with pytest.raises(NotReadyError):
            await gate.record(STOP)


async def test_no_events_need_no_commit(path: Path) -> None:
    """An empty batch is answered at once."""
    store = HeldStore(path)
    async with running(store) as gate:
        assert await gate.recorder.record([]) == []
    assert store.commits == 0


async def test_the_revision_counts_recorded_events_across_restarts(path: Path) -> None:
    """A later event has a greater revision, also after a restart."""
    async with running(path) as gate:
        first = await gate.record(STOP)
    async with running(path) as gate:
        second = await gate.record(reply("STOP", contact="bob"))

    assert first.revision < second.revision
