"""The one writing connection: each transaction is one hop to its thread, and few runs of statements there."""

import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, Self

import aiosqlite

Row = tuple[Any, ...]
Write = tuple[str, Sequence[Row]]
"""One statement and the rows to run it with."""

_BLOCKS: Final = (512, 256, 128, 64, 32, 16, 8, 4, 2)
"""Rows that one run of a statement takes, as long as so many are left: few runs, whatever the number of rows.

Within a run the interpreter is free for the event loop. Between runs the writer's thread has to queue for it, and while
the loop is busy that takes many times as long as the work on a row does.
"""

_STATEMENTS: Final = 512
"""Texts of statements that are kept: the database's own ones, with each number of rows."""

_CHECKPOINT_PAGES: Final = 4_000
"""Pages that many commits changed are copied once; the WAL stays at some 16 MiB."""

_FIRST_CHECKPOINT_ROWS: Final = 1_000
"""Rows that may have changed so many pages, if hardly two rows share one."""

_CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"


class Writer(aiosqlite.Connection):
    """A connection that runs a whole transaction at once in its thread.

    Whoever commits asks it to copy the WAL into the file, with `wal_autocheckpoint` at 0: SQLite's own checkpoints tell
    nobody when they fail, and make the commit wait.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connect, iter_chunk_size=64)
        self._rows = 0
        self._rows_of_a_checkpoint = _FIRST_CHECKPOINT_ROWS

    def __await__(self) -> Generator[Any, None, Self]:
        """Connect."""
        yield from super().__await__()
        return self

    async def transact(self, writes: Sequence[Write]) -> None:
        """Run statements and commit, or leave nothing of them. Raises sqlite3.Error."""
        await self._execute(self._transact, self._conn, writes)  # type: ignore[no-untyped-call]

    @property
    def due(self) -> bool:
        """Whether the WAL is so long that it should be copied."""
        return self._rows >= self._rows_of_a_checkpoint

    async def checkpoint(self) -> None:
        """Copy the WAL into the file, as far as nobody reads an older state. Raises sqlite3.Error."""
        await self._execute(self._checkpoint, self._conn)  # type: ignore[no-untyped-call]

    async def settle(self) -> bool:
        """Copy all that is in the WAL; tell whether nobody's reading was in the way. Raises sqlite3.Error."""
        async with self.execute("PRAGMA wal_checkpoint(FULL)") as cursor:
            row = await cursor.fetchone()
        assert row is not None  # noqa: S101  the pragma always has a row
        busy, pages, copied = row
        return not busy and bool(copied >= pages)

    def _transact(self, connection: sqlite3.Connection, writes: Sequence[Write]) -> None:
        _transact(connection, writes)
        self._rows += sum(len(rows) for _, rows in writes)

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
            for statement, blocks in _in_blocks(sql, rows):
                connection.executemany(statement, blocks)
        connection.commit()
    except BaseException:  # half a transaction must never be left for the next commit to complete
        connection.rollback()
        raise


def _in_blocks(sql: str, rows: Sequence[Row]) -> Iterator[Write]:
    """Give each run of a statement that takes one row as many as `_BLOCKS` allow.

    Each run takes and gives back locks, which costs as much as the work on a row does.
    """
    left = len(rows)
    if left > 1 and of_rows(sql, len(rows[0]), 1):
        done = 0
        for size in _BLOCKS:
            if size > left:
                continue
            whole = done + left - left % size
            blocks = [tuple(chain.from_iterable(rows[start : start + size])) for start in range(done, whole, size)]
            yield of_rows(sql, len(rows[0]), size), blocks
            done, left = whole, left % size
        rows = rows[done:]
    if rows:
        yield sql, rows


@lru_cache(maxsize=_STATEMENTS)
def of_rows(sql: str, columns: int, count: int) -> str:
    """Write a statement that takes one row, or one key of a query, for several; return nothing where it takes none."""
    row = f"({', '.join('?' * columns)})"
    return sql.replace(row, ", ".join([row] * count), 1) if row in sql else ""
