"""Delete events that are older than the operator wants to keep, little by little, beside all that is recorded.

By a clock that is far ahead every event is old, and nothing recovers by forgetting. So one that may be is not believed
for a day, in which somebody can see to it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from gate.errors import StoreUnavailableError
from gate.logs import lines
from gate.logs.tell import tell
from store import retention
from store.store import Store

_CHUNK: Final = 200
"""Entries deleted in one commit: some 10 ms, for which an event waits at most."""

_PAUSE_S: Final = 0.05
"""Between two chunks, so that most of the time the disk is the events' own."""

_SWEEP_PAUSE_S: Final = 3_600.0

_HOUR: Final = 3_600 * 10**9
_DAY: Final = 24 * _HOUR
_JUMP: Final = 300 * 10**9
"""What clocks may differ by between two sweeps, ns: far more than they are slewed by in an hour."""

_log: Final = logging.getLogger(__name__)


class Retention:
    """Keeps the log's entries for `keep` nanoseconds, 0 for ever; `clock` gives nanoseconds since 1970.

    `on_failed_disk` is told when the disk failed under a deletion, for then nobody may write until it was seen to.
    `steady` gives nanoseconds since any moment, by a clock that nobody sets.
    """

    def __init__(
        self,
        store: Store,
        keep: int,
        clock: Callable[[], int],
        on_failed_disk: Callable[[], None] = lambda: None,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._store = store
        self._keep = keep
        self._clock = clock
        self._on_failed_disk = on_failed_disk
        self._steady = steady
        self._looked: tuple[int, int] | None = None
        """What both clocks said when they were last looked at."""
        self._waits_until: int | None = None
        """By the steady clock."""

    async def run(self) -> None:
        """Sweep once an hour until cancelled."""
        while self._keep:
            try:
                gone = await self.turn(_PAUSE_S)
                if gone:
                    tell(_log, lines.RETENTION_RUN, events=gone)
            except StoreUnavailableError as error:
                tell(_log, lines.RETENTION_PUT_OFF, problem=error)
            except Exception as error:  # a defect here must not end what nobody waits for
                tell(_log, lines.RETENTION_FAILED, error)
            await asyncio.sleep(_SWEEP_PAUSE_S)

    async def turn(self, pause: float = 0) -> int:
        """Sweep, unless the clock is not to be believed, and count what went. Raises StoreUnavailableError."""
        now, steady = self._clock(), self._steady()
        doubt = self._doubt(now, steady)
        self._looked = now, steady
        if doubt:
            self._waits_until = steady + _DAY
            tell(_log, lines.RETENTION_WAITS, doubt=doubt)
        if self._waits_until is not None and steady < self._waits_until:
            return 0
        return await self.sweep(pause)

    def _doubt(self, now: int, steady: int) -> str:
        """Tell what speaks against the clock; empty means that nothing does. Raises StoreUnavailableError.

        It may have been set while the gate ran, or be wrong since before. A gate that was off for long cannot be told
        from that, and loses nothing by waiting.
        """
        if self._looked is None:
            newest = retention.newest_time(self._store.database)
            silent = 0 if newest is None else now - newest
            return (
                f"the newest event is {silent / _HOUR:,.1f} hours old, if the clock is right" if silent > _DAY else ""
            )
        before, steady_before = self._looked
        moved = (now - before) - (steady - steady_before)
        return f"the clock was set by {moved / _HOUR:+,.1f} hours" if abs(moved) > _JUMP else ""

    async def sweep(self, pause: float = 0) -> int:
        """Delete what is too old now, and count it. Raises StoreUnavailableError."""
        before_time = self._clock() - self._keep
        gone, after = 0, 0
        while True:
            found = retention.oldest(self._store.database, after, before_time, _CHUNK)
            if found.entries:
                await self._delete(found.entries)
                gone += len(found.entries)
            if found.last is None:
                return gone
            after = found.last
            await asyncio.sleep(pause)

    async def _delete(self, entries: Sequence[retention.Old]) -> None:
        try:
            await self._store.database.write(retention.expire(self._store.database, entries))
        finally:
            # Not every failure is an error of this write: what is durable may have failed to be copied behind it.
            if not self._store.sound:
                self._on_failed_disk()
