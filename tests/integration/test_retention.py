"""Retention: old events go, what they did stays."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gate.connections import Connections
from gate.doctor import examine_database
from gate.errors import EventIdReusedError, StoreUnavailableError
from gate.rules.acts import ImportState
from gate.rules.model import Cause, Channel, Event, Outcome, Subject, Suppression
from gate.rules.outcome import Answer
from gate.rules.review import PhraseState
from gate.service import retention as module
from gate.service.caller import LOCAL
from gate.service.contacts import Contacts
from gate.service.retention import Retention
from gate.service.reviews import Evidence, Reviews
from gate.service.transfer import Imported, Transfer
from tests.integration.dataplane_client import eventually
from tests.integration.parts import HERE, NOON, OLD_NUMBER, Parts, disk_refusing_writes, reply, running, sent

DAY = 24 * 3_600 * 10**9
KEEP = 30 * DAY
LAST = "the newest"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Make a clock that shows noon."""
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the database."""
    return tmp_path / "gate.db"


async def sweep(gate: Parts, clock: Clock) -> int:
    """Let the retention period pass, and some more; record something then, and sweep."""
    clock.now += KEEP + 1
    await gate.record(reply("hello", contact=LAST, at=None, event_id=f"{LAST} {clock.now}"))
    return await Retention(gate.store, KEEP, clock).sweep()


def log(path: Path) -> list[tuple[str, str]]:
    """Read what is left in the log: whom each entry is about, and its kind."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT contact_id, kind FROM event ORDER BY seq").fetchall()


async def test_old_events_go_and_what_they_did_stays(path: Path, clock: Clock) -> None:
    """Suppressions, lifts and links are as before, at once and after a restart; the log and the history end there."""
    async with running(path, clock=clock) as gate:
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        await gate.record(reply("STOP", contact="bob"))
        await gate.record(reply("START", contact="bob", at=NOON + 1))
        await gate.record(sent("cleo", OLD_NUMBER))

        assert await sweep(gate, clock) == 4

        contacts = Contacts(gate.store, gate.states, gate.recorder, Connections())
        assert contacts.history(HERE, "ann", 2**62, 10) == []
    assert log(path) == [(LAST, "inbound_message")]
    async with running(path, clock=clock) as gate:
        assert [gate.allows(each) for each in ("ann", "bob", "cleo")] == [False, True, False]
        late = await gate.record(reply("STOP", contact="bob", event_id="late"))
        assert late.outcome is Outcome.STALE


async def test_what_is_not_old_stays(path: Path, clock: Clock) -> None:
    """An event goes once it was recorded longer ago than the period, however long ago it happened."""
    async with running(path, clock=clock) as gate:
        await gate.record(reply("STOP", contact="ann", at=NOON - 2 * KEEP))
        await gate.record(reply("STOP", contact=LAST))
        retention = Retention(gate.store, KEEP, clock)

        clock.now = NOON + KEEP
        assert await retention.sweep() == 0
        clock.now += 1
        assert await retention.sweep() == 1
    assert log(path) == [(LAST, "inbound_message")]


async def test_the_newest_event_stays(path: Path, clock: Clock) -> None:
    """The next event is numbered from it, after a restart too: no number is ever given twice."""
    async with running(path, clock=clock) as gate:
        await gate.record(reply("STOP", contact="ann"))
        last = await gate.record(reply("STOP", contact=LAST))
        clock.now += 2 * KEEP
        assert await Retention(gate.store, KEEP, clock).sweep() == 1
    async with running(path, clock=clock) as gate:
        assert (await gate.record(reply("STOP", contact="bob"))).revision == last.revision + 1


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (reply("STOP", contact="ann"), Outcome.STALE),
        (reply("START", contact="ann", at=NOON - 2), Outcome.STALE),
        (sent("ann", OLD_NUMBER), Outcome.NO_EFFECT),
    ],
)
async def test_a_dated_event_that_comes_again_changes_nothing(
    path: Path, clock: Clock, event: Event, outcome: Outcome
) -> None:
    """It is recorded anew, for nobody knows that it was; its effects are in the state already."""
    async with running(path, clock=clock) as gate:
        await gate.record(reply("hello", contact="ann"))
        await gate.record(event)
        await gate.record(reply("STOP", contact="ann", at=NOON + 1, event_id="later"))
        before = gate.store.load(Subject(HERE, "contact", "ann"))
        await sweep(gate, clock)

        assert (await gate.record(event)).outcome is outcome

        assert gate.store.load(Subject(HERE, "contact", "ann")) == before
        assert not gate.allows("ann")


async def test_a_start_without_a_time_that_comes_again_is_refused(path: Path, clock: Clock) -> None:
    """Recorded anew it would lift what was set since: its key stays, without whom it was about."""
    start = reply("START", contact="ann", at=None, event_id="undated")
    async with running(path, clock=clock) as gate:
        await gate.record(reply("STOP", contact="ann"))
        await gate.record(start)
        await gate.record(reply("STOP", contact="ann", at=None, event_id="again"))
        await sweep(gate, clock)

        (answer,) = await gate.recorder.record([start])

        assert isinstance(answer, EventIdReusedError)
        assert not gate.allows("ann")
        clock.now += KEEP
        await sweep(gate, clock)
        assert isinstance((await gate.recorder.record([start]))[0], EventIdReusedError)
    assert log(path) == [("", "expired"), (LAST, "inbound_message")]
    assert "ann" not in kept_texts(path)


def kept_texts(path: Path) -> str:
    """Read all that the log still says but for the newest entry."""
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT * FROM event WHERE contact_id <> ?", (LAST,)).fetchall())


async def test_a_log_of_which_something_is_gone_is_well(path: Path, clock: Clock) -> None:
    """The state knows more than the log then, even where no place in the log is empty."""
    async with running(path, clock=clock) as gate:
        await gate.record(reply("START", contact="ann", at=None, event_id="undated"))
        assert await sweep(gate, clock) == 1

    assert log(path) == [("", "expired"), (LAST, "inbound_message")]
    assert not [check for check in examine_database(path, lambda *_: None) if check.findings]


async def test_what_a_person_has_to_decide_on_stays(path: Path, clock: Clock) -> None:
    """A possible opt-out outlasts the period until it is decided; the next sweep takes it."""
    async with running(path, clock=clock) as gate:
        reviews = Reviews(gate.store, gate.recorder, Contacts(gate.store, gate.states, gate.recorder, Connections()))
        await gate.record(reply("please stop texting me", contact="ann"))
        await gate.record(reply("STOP", contact="bob"))
        assert await sweep(gate, clock) == 1
        (phrase,) = reviews.phrases(HERE, PhraseState.PENDING, 2**62, 10)
        assert phrase.body == "please stop texting me"

        await reviews.confirm(str(phrase.seq), LOCAL)
        assert await sweep(gate, clock) == 3

        assert reviews.phrases(HERE, None, 2**62, 10) == []
        assert not gate.allows("ann")
        assert gate.store.database.read("SELECT * FROM phrase") == []


async def test_reviews_stay(path: Path, clock: Clock) -> None:
    """Evidence is no event: it can be decided on at any time."""
    async with running(path, clock=clock) as gate:
        reviews = Reviews(gate.store, gate.recorder, Contacts(gate.store, gate.states, gate.recorder, Connections()))
        await gate.record(reply("STOP", contact="ann"))
        clock.now += 1
        review = await reviews.submit(Evidence(HERE, "ann", Channel.SMS, ("1",), "https://example.com/r", ""), LOCAL)
        await sweep(gate, clock)

        await reviews.approve(review.review_id, "", LOCAL)

        assert gate.allows("ann")


async def test_an_import_lifts_nothing_where_events_were(path: Path, clock: Clock) -> None:
    """That a location is no empty one is remembered when all of its events are gone."""
    lift = Suppression(Subject("there", "contact", "ann"), Channel.SMS, Cause.OPT_OUT, NOON, NOON + DAY)
    entry = Imported("i1", "there", "", ImportState(), (lift,), ())
    async with running(path, clock=clock) as gate:
        stop = reply("STOP", contact="ann")
        for number in range(3):
            await gate.record(Event(f"e{number}", "there", "ann", "", NOON, "twilio", stop.detail))
        await sweep(gate, clock)
        assert [kind for _, kind in log(path)] == ["expired", "inbound_message"]

        await Transfer(gate.store, gate.recorder).take([entry], LOCAL)

        assert not gate.checker.check("there", "ann", "", Channel.SMS).allowed


async def test_many_events_go_in_small_commits(path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are recorded between two of them, and none is forgotten or taken too much."""
    monkeypatch.setattr(module, "_CHUNK", 7)
    async with running(path, clock=clock) as gate:
        await gate.recorder.record([reply("STOP", contact=f"c{number}") for number in range(50)])
        await gate.recorder.record([reply("please stop texting me", contact=f"phrase{number}") for number in range(9)])
        await gate.recorder.record([reply("STOP", contact=f"d{number}") for number in range(20)])
        clock.now += KEEP + 1
        await gate.record(reply("STOP", contact=LAST))
        sweeping = asyncio.create_task(Retention(gate.store, KEEP, clock).sweep())
        between = 0
        while not sweeping.done():
            await gate.record(reply("STOP", contact=f"now{between}"))
            between += 1
            assert between < 1_000, "the sweep does not end"

        assert between > 1
        assert await sweeping == 70
        assert not any(gate.allows(f"{kind}{number}") for kind in "cd" for number in range(20))
    assert [contact for contact, _ in log(path)] == [
        *(f"phrase{number}" for number in range(9)),
        LAST,
        *(f"now{number}" for number in range(between)),
    ]


async def test_a_refusing_disk_deletes_nothing(path: Path, clock: Clock) -> None:
    """A sweep that fails is repeated later."""
    async with running(path, clock=clock) as gate:
        await gate.record(reply("STOP", contact="ann"))
        clock.now += KEEP + 1
        await gate.record(reply("STOP", contact=LAST))
        retention = Retention(gate.store, KEEP, clock)
        with disk_refusing_writes(), pytest.raises(StoreUnavailableError):
            await retention.sweep()
        assert len(log(path)) == 2
        await gate.store.probe()
        assert await retention.sweep() == 1


async def test_a_sweep_on_a_refusing_disk_costs_no_event(path: Path, clock: Clock) -> None:
    """When the disk fails under a sweep the gate says so and sees to it: once it works, the next event is taken."""
    durable: list[bool] = []
    async with running(path, clock=clock, on_durable=durable.append) as gate:
        await gate.record(reply("STOP", contact="ann"))
        clock.now += KEEP + 1
        await gate.record(reply("STOP", contact=LAST))
        retention = Retention(gate.store, KEEP, clock, gate.recorder.doubt)
        with disk_refusing_writes():
            with pytest.raises(StoreUnavailableError):
                await retention.sweep()
            await eventually(lambda: durable == [False], "the disk's failure was seen")

        await eventually(lambda: durable == [False, True], "the disk was tried again")
        await gate.record(reply("STOP", contact="bob"))
        assert await retention.sweep() == 1


async def test_nothing_goes_without_a_period(path: Path, clock: Clock) -> None:
    """By default the log is kept for ever: the job ends at once."""
    async with running(path, clock=clock) as gate:
        await gate.record(reply("STOP", contact="ann"))
        clock.now += 1000 * KEEP
        await Retention(gate.store, 0, clock).run()
    assert len(log(path)) == 1


async def test_the_answer_to_a_redelivery_within_the_period(path: Path, clock: Clock) -> None:
    """What is still in the log is recognised as ever."""
    async with running(path, clock=clock) as gate:
        await gate.record(reply("STOP", contact="old"))
        await sweep(gate, clock)
        first = await gate.record(reply("STOP", contact="ann"))
        (again,) = await gate.recorder.record([reply("STOP", contact="ann")])
        assert isinstance(again, Answer)
        assert again == first._replace(outcome=Outcome.DUPLICATE)
