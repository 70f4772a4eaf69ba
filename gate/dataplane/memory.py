"""How many bytes all connections together make the gate hold: unfinished requests, open streams, untaken answers.

And how many calls were refused because there was too much of something.
"""

from collections.abc import Iterator
from typing import Final

KINDS: Final = ("connections", "memory", "streams")
_PAUSE_S: Final = 10.0
"""Between two times that the operator is told of the same kind."""


class Shed:
    """Counts those calls since the start. Where much is refused little may be done for it."""

    __slots__ = ("_told", *KINDS)

    def __init__(self) -> None:
        self._told = dict.fromkeys(KINDS, (0, float("-inf")))
        self.connections = 0
        """On connections beyond those that are served."""
        self.memory = 0
        """While too many bytes of unfinished requests and open streams were held."""
        self.streams = 0
        """Beyond the streams that a connection may have."""

    def counts(self) -> dict[str, int]:
        """Return how many there were of each kind."""
        return {kind: getattr(self, kind) for kind in KINDS}

    def news(self, now: float) -> Iterator[tuple[str, int]]:
        """Yield each kind of which the operator is to be told by now, in seconds, with how many more there were."""
        for kind, count in self.counts().items():
            told, when = self._told[kind]
            if count > told and now - when >= _PAUSE_S:
                self._told[kind] = (count, now)
                yield kind, count - told


class Memory:
    """A count with a bound; each connection has bounds of its own beside it."""

    __slots__ = ("_most", "held", "shed")

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0
        self.shed = Shed()

    @property
    def short(self) -> bool:
        """Whether there is more than there should be."""
        return self.held > self._most

    @property
    def crowded(self) -> bool:
        """Whether half of it is used up: what may stay for good leaves the rest to what ends by itself."""
        return self.held > self._most // 2
