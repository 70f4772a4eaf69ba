"""Record what happened: events that come at the same time share one commit, and none is answered before it.

The order on a write is commit, then cache and filter, then acknowledge. One task does all of it, so there are
no two writers, and a caller that hangs up neither undoes nor half-applies anything.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, islice
from typing import Any, Final, TypeVar

from gate.cache import States
from gate.connections import Connections
from gate.errors import EventIdReusedError, GateError, NotReadyError, QueueFullError, StoreUnavailableError
from gate.histogram import Histogram
from gate.logs.lines import GROUP_FAILED, WRITES_ACCEPTED, WRITES_REFUSED
from gate.logs.tell import tell
from gate.rules.model import Event
from gate.rules.outcome import Answer
from gate.rules.rulebook import Rulebook
from gate.service.draft import Draft
from gate.service.submission import Act, Queue, Submission, fail
from store.database import BLOCK
from store.store import Store

Answers = list[Answer | EventIdReusedError]
Result = TypeVar("Result")

_SLICE_S: Final = 0.001
"""Time for working out events between two turns of the event loop: checks wait for no more than that."""

ANSWERS: Final = 16
"""Callers that are answered between two turns of the event loop; each then takes as long as a check or two."""

_PROBE_PAUSE_S: Final = 1.0
_UNSOUND: Final = "the disk failed to keep what was written before; nothing was recorded, record the event again later"
_log: Final = logging.getLogger(__name__)


class Recorder:
    """Applies events, durably and in the order in which they were submitted.

    `clock` gives nanoseconds since 1970. `on_durable` is told when commits begin to fail and when they succeed again.
    Beyond `most_waiting` events and acts, in a quarter as many calls, that wait for a commit further ones are refused.
    """

    def __init__(
        self,
        store: Store,
        states: States,
        connections: Connections,
        rulebook: Rulebook,
        clock: Callable[[], int],
        on_durable: Callable[[bool], None] = lambda _: None,
        most_waiting: int = 4_000,
    ) -> None:
        self._store = store
        self._states = states
        self._connections = connections
        self._rulebook = rulebook
        self._clock = clock
        self._on_durable = on_durable
        self._queue = Queue(most_waiting)
        self._submitted = asyncio.Event()
        self._freed = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._revision = 0
        self._refusal = ""
        """Why nothing is taken, while the store fails."""
        self.commit_events = Histogram(1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)
        """Log entries in each commit."""
        self.commit_seconds = Histogram(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
        self.outcomes: Counter[str] = Counter()
        """Events, by what they came to; those refused for their id as `EVENT_ID_REUSED`."""

    def open(self) -> None:
        """Begin to take events. The store must be open."""
        self._revision = self._store.last_seq()
        self._writer = asyncio.create_task(self._write_groups(), name="recorder")

    def need_open(self) -> None:
        """Go on only while events are taken. Raises NotReadyError."""
        if self._writer is None:
            raise NotReadyError

    def need_room(self, weight: int) -> None:
        """Go on only if so many events would be taken now: what is refused anyway need not be read before.

        Raises NotReadyError, QueueFullError and StoreUnavailableError.
        """
        self.need_open()
        if self._refusal:
            raise StoreUnavailableError(self._refusal)
        if not self._queue.fits(weight):
            raise QueueFullError

    @property
    def waiting(self) -> int:
        """How many events and acts wait for a commit, beside those in the one that runs. From any thread."""
        return self._queue.weight

    def doubt(self) -> None:
        """See to the store, which somebody else found failing, before an event does: the first one would be refused."""
        self._submitted.set()

    async def close(self) -> None:
        """Take no more events, and finish those that were taken."""
        writer, self._writer = self._writer, None
        if writer is not None:
            self._submitted.set()
            self._freed.set()
            await writer

    async def record(self, events: Sequence[Event]) -> Answers:
        """Record events in one commit and return what each came to, once they are durable and in effect.

        Raises NotReadyError, and QueueFullError and StoreUnavailableError when nothing was recorded.
        """
        if not events:
            self.need_open()
            return []
        answers: Answers = await self._submit(events, len(events))
        return answers

    async def act(self, work: Callable[[Draft, int], Result]) -> Result:
        """Work out an act of a person among the events, in their order, and return its result once it is durable.

        Raises what `work` refuses with, and as `record` does.
        """
        result: Result = await self._submit(work)
        return result

    async def take(self, work: Callable[[Draft, int], Result], entries: int = 1) -> Result:
        """Work out an act, or an import of so many entries, in a commit of its own. Raises as `act` does.

        It waits for room instead of being refused, and leaves half of the room to events.
        """
        while self._queue and not self._queue.fits(entries, 2) and self._writer is not None:
            self._freed.clear()
            await self._freed.wait()
        result: Result = await self._submit(work, entries, alone=True)
        return result

    async def _submit(self, work: Sequence[Event] | Act, weight: int = 1, *, alone: bool = False) -> Any:
        self.need_room(weight)
        submission = Submission(work, asyncio.get_running_loop().create_future(), alone, weight)
        self._queue.append(submission)
        self._submitted.set()
        return await submission.answer

    async def _write_groups(self) -> None:
        while self._writer is not None or self._queue:
            await self._submitted.wait()
            self._submitted.clear()
            if not self._store.sound:
                await self._wait_for_the_store(StoreUnavailableError(_UNSOUND))
            while self._queue:
                group = self._queue.take_group()
                self._freed.set()
                await self._write_group(group)

    async def _write_group(self, group: list[Submission]) -> None:
        try:
            answers = await self._commit(group)
        except StoreUnavailableError as error:
            fail(group, error)
            await self._wait_for_the_store(error)
        except Exception as error:  # one defect must not end the writer
            tell(_log, GROUP_FAILED, error)
            fail(group, GateError("the gate failed to record the event; nothing was recorded"))
        else:
            await self._answer(group, answers)
            await self._store.checkpoint()
            if not self._store.sound:
                await self._wait_for_the_store(StoreUnavailableError(_UNSOUND))

    async def _answer(self, group: Sequence[Submission], answers: Sequence[Any]) -> None:
        """Answer what is durable, a few callers in each turn of the event loop: checks wait for no more than these."""
        for number, (submission, answer) in enumerate(zip(group, answers, strict=True), 1):
            for each in answer if submission.events else ():
                self.outcomes[each.reason if isinstance(each, EventIdReusedError) else each.outcome] += 1
            if not submission.answer.done():
                if isinstance(answer, GateError):
                    submission.answer.set_exception(answer)
                else:
                    submission.answer.set_result(answer)
            if number % ANSWERS == 0:
                await asyncio.sleep(0)

    async def _commit(self, group: list[Submission]) -> list[Any]:
        draft = Draft(self._store, self._states, self._connections, self._rulebook, self._revision)
        with self._store.snapshot():
            answers = await self._work_out(draft, group)
            suspects = draft.suspects()
        if not draft.records:
            return answers  # nothing but duplicates and refusals
        changes = draft.changes()
        with self._states.held(draft.before):
            began = time.monotonic()
            await self._store.commit(changes)
            self.commit_seconds.observe(time.monotonic() - began)
            self.commit_events.observe(len(draft.records))
            self._states.publish(draft.states, suspects, draft.taken())
            self._connections.publish(changes.connections)
        if draft.unburies():
            await self._states.open()
        self._revision = draft.revision
        return answers

    async def _work_out(self, draft: Draft, group: Sequence[Submission]) -> list[Any]:
        """Work out a group in the order in which it was submitted; an act that is refused changes nothing."""
        answers: list[Any] = []
        for is_act, each in groupby(group, key=lambda submission: callable(submission.work)):
            run = list(each)
            answers += self._enact(draft, run) if is_act else await self._record(draft, run)
        return answers

    def _enact(self, draft: Draft, run: Iterable[Submission]) -> list[Any]:
        answers: list[Any] = []
        for submission in run:
            try:
                answers.append(submission.work(draft, self._clock()) if callable(submission.work) else None)
            except StoreUnavailableError:
                raise
            except GateError as refusal:
                answers.append(refusal)
        return answers

    async def _record(self, draft: Draft, run: Sequence[Submission]) -> list[Answers]:
        events = [event for submission in run for event in submission.events]
        answers: Answers = []
        turn = time.monotonic() + _SLICE_S
        for start in range(0, len(events), BLOCK):
            for answer in draft.add(events[start : start + BLOCK], self._clock()):
                answers.append(answer)
                if time.monotonic() > turn:
                    await asyncio.sleep(0)
                    turn = time.monotonic() + _SLICE_S
        remaining = iter(answers)
        return [list(islice(remaining, len(submission.events))) for submission in run]

    async def _wait_for_the_store(self, problem: StoreUnavailableError) -> None:
        """Refuse events at once while the disk refuses them, and try it until it takes writes again."""
        tell(_log, WRITES_REFUSED, problem=problem)
        self._on_durable(False)
        began = time.monotonic()
        outdated = False
        while self._writer is not None:
            self._refuse_all(problem)
            try:
                outdated |= await self._store.probe()
                if outdated:
                    await self._recall()
            except StoreUnavailableError as error:
                if str(error) != str(problem):
                    tell(_log, WRITES_REFUSED, problem=error)
                problem = error
                self._refuse_all(problem)
                await asyncio.sleep(_PROBE_PAUSE_S)
            else:
                self._refusal = ""
                self._on_durable(True)
                tell(_log, WRITES_ACCEPTED, seconds=time.monotonic() - began)
                return

    async def _recall(self) -> None:
        """Read anew what was in memory: an event that was refused when the disk failed may be in the file after all."""
        self._revision = self._store.last_seq()
        self._connections.publish(self._store.connections())
        await self._states.open()

    def _refuse_all(self, problem: StoreUnavailableError) -> None:
        self._refusal = str(problem)
        self._queue.fail(problem)
        self._freed.set()
