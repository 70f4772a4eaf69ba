"""A real store that stops where a test needs it to, so that interleavings are forced and not waited for."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gate.rules.lattice import SubjectState
from gate.rules.model import Kind, Subject
from store.store import Changes, Store


class HeldStore(Store):
    """Commits for real; while held, each commit waits just before or just after it for `let_go`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.commits = 0
        self.loads: Counter[Subject] = Counter()
        self.lists: list[int] = []
        """How many subjects were read together, each time."""
        self.after_reading: Callable[[], None] | None = None
        self.reached = asyncio.Event()
        self._go = asyncio.Event()
        self._go.set()
        self._held_after = False

    def hold(self, *, after_commit: bool) -> None:
        """Let the next commit wait: after it is on disk, or before."""
        self._held_after = after_commit
        self.reached.clear()
        self._go.clear()

    def let_go(self) -> None:
        """Let the waiting commit and all later ones run."""
        self._go.set()

    def load(self, subject: Subject) -> SubjectState:
        """Read a subject, then do what a test wants to happen before the reader gets it."""
        self.loads[subject] += 1
        state = super().load(subject)
        self._meanwhile()
        return state

    def load_each(self, location_id: str, kind: Kind, ids: list[str]) -> dict[Subject, SubjectState]:
        """Read subjects, then do what a test wants to happen before the reader gets them."""
        self.lists.append(len(ids))
        states = super().load_each(location_id, kind, ids)
        self._meanwhile()
        return states

    async def commit(self, changes: Changes) -> None:
        """Commit, and wait on the side of it that the test wants."""
        self.commits += 1
        if self._held_after:
            await super().commit(changes)
            await self._wait()
        else:
            await self._wait()
            await super().commit(changes)

    def _meanwhile(self) -> None:
        meanwhile, self.after_reading = self.after_reading, None
        if meanwhile is not None:
            meanwhile()

    async def _wait(self) -> None:
        self.reached.set()
        await self._go.wait()


async def hang_up(call: asyncio.Task[object]) -> None:
    """Cancel a call as a caller that goes away does, and see it end."""
    call.cancel()
    with suppress(asyncio.CancelledError):
        await call
