"""Delete events that are older than the operator wants to keep, little by little, beside all that is recorded."""

import asyncio
import logging
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
_log: Final = logging.getLogger(__name__)


class Retention:
    """Keeps the log's entries for `keep` nanoseconds, 0 for ever; `clock` gives nanoseconds since 1970.

    `on_failed_disk` is told when the disk failed under a deletion, for then nobody may write until it was seen to.
    """

    def __init__(
        self, store: Store, keep: int, clock: Callable[[], int], on_failed_disk: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._keep = keep
        self._clock = clock
        self._on_failed_disk = on_failed_disk

    async def run(self) -> None:
        """Sweep once an hour until cancelled."""
        while self._keep:
            try:
                gone = await self.sweep(_PAUSE_S)
                if gone:
                    tell(_log, lines.RETENTION_RUN, events=gone)
            except StoreUnavailableError as error:
                tell(_log, lines.RETENTION_PUT_OFF, problem=error)
            except Exception as error:  # a defect here must not end what nobody waits for
                tell(_log, lines.RETENTION_FAILED, error)
            await asyncio.sleep(_SWEEP_PAUSE_S)

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
