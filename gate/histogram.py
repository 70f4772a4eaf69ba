"""A histogram in plain numbers, for what is measured where no library is to be touched."""

from bisect import bisect_left
from collections.abc import Iterator


class Histogram:
    """Counts values by upper bounds, of which the last is infinity and need not be given."""

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, *bounds: float) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        """The sum of all values."""

    def observe(self, value: float) -> None:
        """Count a value; one that is equal to a bound is below it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts)

    def buckets(self) -> Iterator[tuple[str, int]]:
        """Yield each bound as Prometheus writes it, with how many values are not above it."""
        below = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), list(self._counts), strict=True):
            below += count
            yield bound, below
