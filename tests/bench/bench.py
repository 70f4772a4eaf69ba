"""What every part of a run shares: how long, on which cores, with which tools, in which directory."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import database
from tests.bench.load import Loop

WARM_UP_S: Final = 0.3
CACHE_SIZE: Final = 500_000
"""Room for the 100,000 hot contacts and the two addresses of each."""


@dataclass(frozen=True)
class Bench:
    """A run. `seconds` is the length of a cell; `suppressions` and `many` are the sizes of the databases."""

    build: Path
    rounds: int
    seconds: float
    suppressions: int
    many: int
    campaign: int
    say: Callable[[str], None]
    server_core: frozenset[int]
    load_core: frozenset[int]
    loop: Loop

    @property
    def requests(self) -> Path:
        """Where requests are written."""
        return self.build / "requests"

    def database(self, suppressions: int | None = None) -> Path:
        """Return the database that checks are measured on; they do not write to it."""
        return database.filled(self.build, suppressions or self.suppressions, self.say)

    def scratch_database(self, name: str) -> Path:
        """Return a copy of the database to write to."""
        return database.copy(self.database(), self.build / name)
