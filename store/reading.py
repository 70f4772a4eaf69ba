"""Connections that can only read, and write nothing even where the file would let them."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote


class Scan(sqlite3.Connection):
    """A connection whose end is told."""

    on_close: Callable[[], None] | None = None

    def close(self) -> None:
        """Close, and tell it once."""
        super().close()
        told, self.on_close = self.on_close, None
        if told is not None:
            told()


def connect(path: Path, cache_kib: int, timeout_s: float, factory: type[sqlite3.Connection]) -> sqlite3.Connection:
    """Open a database that exists. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, timeout=timeout_s, factory=factory
    )
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    return connection
