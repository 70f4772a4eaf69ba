"""A gate without a network: the parts that remember and decide, on a real database; and events to feed it."""

import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from gate.cache import States
from gate.connections import Connections
from gate.rules.judge import Decision, active_suppressions, decide, view
from gate.rules.model import Channel, Event, InboundMessage, SmsFailure
from gate.rules.outcome import Answer
from gate.service.check import Checker
from gate.service.record import Recorder
from gate.tables import load_rulebook
from store.store import Store

NOON: Final = 1_772_452_800 * 10**9
SECOND: Final = 10**9
HERE: Final = "default"
OLD_NUMBER: Final = "+12025550101"
NEW_NUMBER: Final = "+12025550102"
RULEBOOK: Final = load_rulebook()
"""Read once: it takes longer than to open a store."""


def reply(
    body: str,
    *,
    contact: str = "",
    address: str = "",
    at: int | None = NOON,
    event_id: str = "",
    channel: Channel = Channel.SMS,
) -> Event:
    """Make an inbound message; without an id of its own it gets one from all that it says."""
    return Event(
        event_id or f"{body}|{contact}|{address}|{at}|{channel}",
        HERE,
        contact,
        address,
        at,
        "twilio",
        InboundMessage(channel, body),
    )


def sent(contact: str, address: str, *, at: int = NOON) -> Event:
    """Make an event that has no effect but to teach that the contact uses the address."""
    return Event(f"sent|{contact}|{address}|{at}", HERE, contact, address, at, "twilio", SmsFailure("", "delivered"))


class Parts(NamedTuple):
    """The parts of one running gate."""

    store: Store
    states: States
    recorder: Recorder
    checker: Checker
    connections: Connections

    async def record(self, event: Event) -> Answer:
        """Record one event that is expected to be taken."""
        (answer,) = await self.recorder.record([event])
        assert isinstance(answer, Answer)
        return answer

    def allows(self, contact: str = "", address: str = "", channel: Channel = Channel.SMS) -> bool:
        """Check one send as a caller would."""
        return self.checker.check(HERE, contact, address, channel).allowed

    def by_the_disk(self, contact: str, address: str, channel: Channel) -> Decision:
        """Decide from the database alone, without cache and filter."""
        return decide(active_suppressions(view(HERE, contact, address, self.store.load)), channel)


@asynccontextmanager
async def running(
    store: Store | Path,
    *,
    cache_size: int = 1_000,
    clock: Callable[[], int] = lambda: NOON,
    on_durable: Callable[[bool], None] = lambda _: None,
    most_waiting: int = 20_000,
) -> AsyncIterator[Parts]:
    """Open all parts and close them as a gate does."""
    store = Store(store) if isinstance(store, Path) else store
    await store.open()
    states, connections = States(store, cache_size), Connections()
    recorder = Recorder(store, states, connections, RULEBOOK, clock, on_durable, most_waiting)
    try:
        await states.open()
        recorder.open()
        yield Parts(store, states, recorder, Checker(states, connections), connections)
    finally:
        await recorder.close()
        await store.close()


@contextmanager
def disk_refusing_writes() -> Iterator[None]:
    """Let every write to a file of this process fail, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
