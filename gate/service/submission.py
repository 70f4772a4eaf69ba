"""What waits to be recorded, and for whom."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from gate.errors import GateError
from gate.rules.model import Event
from gate.service.draft import Draft

GROUP: Final = 500
"""Events after which a group takes no further ones: bounds a commit's length."""

PER_CALL: Final = 4
"""Events of the room for each call that may wait: a call takes some 2.5 KB beside its events."""

Act = Callable[[Draft, int], Any]
"""An act of a person, worked out on a draft at a time. Raises GateError before it changes the draft, or not at all."""


class Submission(NamedTuple):
    """Events of one caller, or an act, and whom to answer."""

    work: Sequence[Event] | Act
    answer: asyncio.Future[Any]
    alone: bool
    """Whether it has a commit of its own."""
    weight: int
    """How many events and acts it is."""

    @property
    def events(self) -> Sequence[Event]:
        """Return the events to be recorded; none where it is an act."""
        return () if callable(self.work) else self.work


class Queue:
    """Submissions in their order: at most so many events and acts, in a quarter as many calls."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._submissions: deque[Submission] = deque()
        self.weight = 0
        """How many events and acts wait."""

    def __bool__(self) -> bool:
        """Tell whether anything waits."""
        return bool(self._submissions)

    def fits(self, weight: int, share: int = 1) -> bool:
        """Tell whether there is room for one more of such a weight in this share of the whole: half of it for 2."""
        most = self._most // share
        return self.weight + weight <= most and len(self._submissions) < most // PER_CALL

    def append(self, submission: Submission) -> None:
        """Add one, whether it fits or not."""
        self._submissions.append(submission)
        self.weight += submission.weight

    def take_group(self) -> list[Submission]:
        """Take what is to be in the next commit; there must be something."""
        waiting = self._submissions
        group = [waiting.popleft()]
        weight = group[0].weight
        while waiting and not group[0].alone and not waiting[0].alone and weight + waiting[0].weight <= GROUP:
            group.append(waiting.popleft())
            weight += group[-1].weight
        self.weight -= weight
        return group

    def fail(self, error: GateError) -> None:
        """Answer all that wait with an error."""
        fail(self._submissions, error)
        self._submissions.clear()
        self.weight = 0


def fail(group: Iterable[Submission], error: GateError) -> None:
    """Answer all that wait with an error."""
    for submission in group:
        if not submission.answer.done():
            submission.answer.set_exception(error)
