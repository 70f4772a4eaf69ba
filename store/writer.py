"""The one writing connection: each transaction is one hop to its thread, and few runs of statements there."""

import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain
from typing import Any, Final, Self

import aiosqlite

Row = tuple[Any, ...]
Write = tuple[str, Sequence[Row]]
"""One statement and the rows to run it with."""

_BLOCKS: Final = (500, 50, 5)
"""Rows that one run of a statement takes, as long as so many are left; the last ones go one by one.

Within a run the interpreter is free for the event loop. Between runs the writer's thread has to queue for it, and while
the loop is busy that takes many times as long as the work on a row does.
"""


_CHECKPOINT_PAGES: Final = 4_000
"""Pages that many commits changed are copied once; the WAL stays at some 16 MiB."""

_CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"


class Writer(aiosqlite.Connection):
    """A connection that runs a whole transaction at once in its thread.

    It copies what is in the WAL into the file itself, with `wal_autocheckpoint` at 0: SQLite's own checkpoints tell
    nobody when they fail.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connect, iter_chunk_size=64)
        self.failed: sqlite3.Error | None = None
        """Why what is durable in the WAL could not be copied; no commit is at fault."""
        self._rows = 0
        self._rows_of_a_checkpoint = _CHECKPOINT_PAGES // 4

    def __await__(self) -> Generator[Any, None, Self]:
        """Connect."""
        yield from super().__await__()
        return self

    async def transact(self, writes: Sequence[Write]) -> None:
        """Run statements and commit, or leave nothing of them. Raises sqlite3.Error."""
        await self._execute(self._transact, self._conn, writes)  # type: ignore[no-untyped-call]

    def _transact(self, connection: sqlite3.Connection, writes: Sequence[Write]) -> None:
        _transact(connection, writes)
        self._rows += sum(len(rows) for _, rows in writes)
        if self._rows >= self._rows_of_a_checkpoint:
            try:
                self._checkpoint(connection)
            except sqlite3.Error as error:
                self.failed = error

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        """Copy the WAL, and reckon after how many rows it will be as long again."""
        busy, pages, copied = connection.execute(_CHECKPOINT).fetchone()
        if busy or copied < pages:  # somebody else copies, or reads an older state: again soon, not with every commit
            self._rows_of_a_checkpoint = self._rows + self._rows // 8 + 1
        else:
            self._rows_of_a_checkpoint = max(self._rows * _CHECKPOINT_PAGES // max(pages, 1), 1)
            self._rows = 0


def _transact(connection: sqlite3.Connection, writes: Sequence[Write]) -> None:
    try:
        for sql, rows in writes:  # the first statement begins the transaction
            for statement, blocks in in_blocks(sql, rows, _BLOCKS):
                connection.executemany(statement, blocks)
        connection.commit()
    except BaseException:  # half a transaction must never be left for the next commit to complete
        connection.rollback()
        raise


def in_blocks(sql: str, rows: Sequence[Row], sizes: Sequence[int]) -> Iterator[Write]:
    """Give each run of a statement that takes one row as many as the sizes allow, the greatest first.

    Each run takes and gives back locks, which costs as much as the work on a row does.
    """
    row = f"({', '.join('?' * len(rows[0]))})" if rows else ""
    done = 0
    for size in sizes if row in sql else ():
        whole = len(rows) - (len(rows) - done) % size
        if done < whole:
            blocks = [tuple(chain.from_iterable(rows[start : start + size])) for start in range(done, whole, size)]
            yield sql.replace(row, ", ".join([row] * size), 1), blocks
            done = whole
    if done < len(rows):
        yield sql, rows[done:]
