"""How many lines of one kind are written: a burst, then one now and then, and the number of those left out."""

from collections import Counter
from collections.abc import Callable
from typing import Final

BURST: Final = 10
"""Lines of a kind that are written one after the other."""

EVERY_S: Final = 10.0
"""Seconds that give one more. A flood of one kind writes some 17,000 short lines a day, not a disk full."""


class Throttle:
    """A leaky bucket for each kind of line. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float], burst: int = BURST, every: float = EVERY_S) -> None:
        self._clock = clock
        self._burst = burst
        self._every = every
        self._written: dict[str, tuple[float, float]] = {}
        """How full a bucket was, and when."""
        self._left_out: Counter[str] = Counter()
        self._told_until: dict[str, float] = {}

    def admits(self, kind: str) -> bool:
        """Tell whether to write one more; one that is not written is counted."""
        now = self._clock()
        level, since = self._written.get(kind, (0.0, now))
        level = max(0.0, level - (now - since) / self._every)
        admitted = level + 1 <= self._burst
        self._written[kind] = (level + 1 if admitted else level, now)
        if not admitted:
            if not self._left_out[kind]:
                self._told_until[kind] = now
            self._left_out[kind] += 1
        return admitted

    def left_out(self, *, all_of_it: bool = False) -> list[tuple[str, int, float]]:
        """Take out how many lines were left out of each kind, and in how many seconds.

        Only of kinds of which that is due, or of all.
        """
        now = self._clock()
        due = [kind for kind in self._left_out if all_of_it or now - self._told_until[kind] >= self._every]
        return [(kind, self._left_out.pop(kind), now - self._told_until.pop(kind)) for kind in due]
