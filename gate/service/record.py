"""Record what happened: events that come at the same time share one commit, and none is answered before it.

The order on a write is commit, then cache and filter, then acknowledge. One task does all of it, so there are
no two writers, and a caller that hangs up neither undoes nor half-applies anything.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from gate.cache import States
from gate.errors import EventIdReusedError, GateError, NotReadyError, StoreUnavailableError
from gate.rules.model import Event
from gate.rules.outcome import Answer
from gate.rules.rulebook import Rulebook
from gate.service.draft import Draft
from store.store import Store

Answers = list[Answer | EventIdReusedError]

GROUP: Final = 2_000
"""Events after which a group takes no further ones: bounds a commit's length."""

_SLICE_S: Final = 0.001
"""Time for working out events between two turns of the event loop: checks wait for no more than that."""

_PROBE_PAUSE_S: Final = 1.0
_log: Final = logging.getLogger(__name__)


class _Submission(NamedTuple):
    events: Sequence[Event]
    answers: asyncio.Future[Answers]


class Recorder:
    """Applies events, durably and in the order in which they were submitted.

    `clock` gives nanoseconds since 1970. `on_durable` is told when commits begin to fail and when they succeed
    again.
    """

    def __init__(
        self,
        store: Store,
        states: States,
        rulebook: Rulebook,
        clock: Callable[[], int],
        on_durable: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._states = states
        self._rulebook = rulebook
        self._clock = clock
        self._on_durable = on_durable
        self._queue: deque[_Submission] = deque()
        self._submitted = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._revision = 0

    def open(self) -> None:
        """Begin to take events. The store must be open."""
        self._revision = self._store.last_seq()
        self._writer = asyncio.create_task(self._write_groups(), name="recorder")

    async def close(self) -> None:
        """Take no more events, and finish those that were taken."""
        writer, self._writer = self._writer, None
        if writer is not None:
            self._submitted.set()
            await writer

    async def record(self, events: Sequence[Event]) -> Answers:
        """Record events in one commit and return what each came to, once they are durable and in effect.

        Raises NotReadyError, and StoreUnavailableError when nothing was recorded.
        """
        if self._writer is None:
            raise NotReadyError
        if not events:
            return []
        answers: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
        self._queue.append(_Submission(events, answers))
        self._submitted.set()
        return await answers

    async def _write_groups(self) -> None:
        while self._writer is not None or self._queue:
            await self._submitted.wait()
            self._submitted.clear()
            while self._queue:
                await self._write_group(self._take_group())

    def _take_group(self) -> list[_Submission]:
        group: list[_Submission] = []
        events = 0
        while self._queue and (not group or events + len(self._queue[0].events) <= GROUP):
            group.append(self._queue.popleft())
            events += len(group[-1].events)
        return group

    async def _write_group(self, group: list[_Submission]) -> None:
        try:
            answers = await self._commit(group)
        except StoreUnavailableError as error:
            _log.error("%s", error)
            _fail(group, error)
            await self._wait_for_the_store()
        except Exception:  # one defect must not end the writer
            _log.exception("a group of events failed; nothing of it was recorded")
            _fail(group, GateError("the gate failed to record the event; nothing was recorded"))
        else:
            for submission, answer in zip(group, answers, strict=True):
                if not submission.answers.done():
                    submission.answers.set_result(answer)

    async def _commit(self, group: list[_Submission]) -> list[Answers]:
        draft = Draft(self._store, self._states, self._rulebook, self._revision)
        with self._store.snapshot():
            answers = await self._work_out(draft, group)
            suspects = draft.suspects()
        await self._store.commit(draft.records, draft.suppressions(), draft.links())
        self._states.publish(draft.states, suspects)
        self._revision = draft.revision
        return answers

    async def _work_out(self, draft: Draft, group: Sequence[_Submission]) -> list[Answers]:
        answers: list[Answers] = []
        turn = time.monotonic() + _SLICE_S
        for submission in group:
            answers.append([])
            for event in submission.events:
                answers[-1].append(draft.add(event, self._clock()))
                if time.monotonic() > turn:
                    await asyncio.sleep(0)
                    turn = time.monotonic() + _SLICE_S
        return answers

    async def _wait_for_the_store(self) -> None:
        """Refuse events at once while the disk refuses them, and try it until it takes writes again."""
        self._on_durable(False)
        while self._writer is not None:
            try:
                await self._store.probe()
            except StoreUnavailableError as error:
                self._refuse_all(error)
                await asyncio.sleep(_PROBE_PAUSE_S)
            else:
                self._on_durable(True)
                return

    def _refuse_all(self, error: StoreUnavailableError) -> None:
        _fail(self._queue, error)
        self._queue.clear()


def _fail(group: Sequence[_Submission] | deque[_Submission], error: GateError) -> None:
    for submission in group:
        if not submission.answers.done():
            submission.answers.set_exception(error)
