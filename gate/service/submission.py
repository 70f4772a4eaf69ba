"""What waits to be recorded, and for whom."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from gate.errors import GateError
from gate.rules.model import Event
from gate.service.draft import Draft

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


def fail(group: Iterable[Submission], error: GateError) -> None:
    """Answer all that wait with an error."""
    for submission in group:
        if not submission.answer.done():
            submission.answer.set_exception(error)
