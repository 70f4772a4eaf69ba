"""The two sides of a recording benchmark: the use case on a real store, and plain `sqlite3` with what it wrote."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from gate.cache import States
from gate.connections import Connections
from gate.rules.model import Event
from gate.service.record import Recorder
from gate.tables import load_rulebook
from store.database import Database, Write
from store.store import Store

CACHE_SIZE: Final = 200_000

Result = TypeVar("Result")
Submission = Sequence[Event]
Group = list[Write]


class Run(NamedTuple):
    """What a closed loop of submissions came to."""

    seconds: float
    latencies_s: list[float]


class _KeepingDatabase(Database):
    """Keeps what it is given to write."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.groups: list[Group] = []

    async def write(self, writes: Iterable[Write]) -> None:
        """Keep a group, and write it."""
        group: Group = [(sql, list(rows)) for sql, rows in writes if rows]
        self.groups.append(group)
        await super().write(group)


class KeepingStore(Store):
    """A store that keeps what it writes, for the other side to write."""

    def __init__(self, path: Path) -> None:
        self.database = self.kept = _KeepingDatabase(path)


async def with_recorder(store: Store, use: Callable[[Recorder], Awaitable[Result]]) -> Result:
    """Open the use case on a store, use it, and close both."""
    states = States(store, CACHE_SIZE)
    recorder = Recorder(store, states, Connections(), load_rulebook(), time.time_ns)
    await store.open()
    try:
        await states.open()
        recorder.open()
        return await use(recorder)
    finally:
        await recorder.close()
        await store.close()


async def closed_loop(
    recorder: Recorder, submissions: Iterator[Submission], in_flight: int, seconds: float = float("inf")
) -> Run:
    """Keep `in_flight` callers recording until the submissions or the time run out."""
    latencies: list[float] = []
    began = time.perf_counter()

    async def caller() -> None:
        for submission in submissions:
            asked = time.perf_counter()
            await recorder.record(submission)
            now = time.perf_counter()
            latencies.append(now - asked)
            if now - began > seconds:
                return

    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return Run(time.perf_counter() - began, latencies)


def raw_seconds(path: Path, warm_up: Iterable[Group], groups: Iterable[Group]) -> float:
    """Write the same rows without a gate and return the seconds that the groups after the warm-up took."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _commit(connection, warm_up)
        began = time.perf_counter()
        _commit(connection, groups)
        return time.perf_counter() - began


def _commit(connection: sqlite3.Connection, groups: Iterable[Group]) -> None:
    for group in groups:
        connection.execute("BEGIN IMMEDIATE")
        for sql, rows in group:
            connection.executemany(sql, rows)
        connection.execute("COMMIT")
