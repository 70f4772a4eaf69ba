"""One SQLite file: who may open it, its schema, the one writing connection and the reading one."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiosqlite

from gate.errors import StartError, StoreUnavailableError
from store.schema import APPLICATION_ID, MIGRATIONS

Row = tuple[Any, ...]
Write = tuple[str, Sequence[Row]]
"""One statement and the rows to run it with."""

_BUSY_TIMEOUT_S: Final = 5.0
_CACHE_KIB: Final = 65_536  # for each of the two connections that stay open
_SCAN_CACHE_KIB: Final = 2_048
_CHECKPOINT_PAGES: Final = 4_000  # pages that many commits changed are copied once; the WAL stays at some 16 MiB

BLOCK: Final = 32
"""Rows that one run of a statement takes at most."""


class Database:
    """A database file in WAL mode, held by this process alone.

    Writes go through one aiosqlite connection, one transaction at a time. Reads are point reads on a connection
    of the event loop's own thread: some 6 microseconds on a warm file, against 90 for a hop to another thread.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._writer: aiosqlite.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """Take the file, bring its schema up to date. Raises StartError with one line for the operator."""
        try:
            self._lock = _take(self.path)
            # IMMEDIATE: every transaction takes the write lock when it begins, so that the busy timeout holds.
            self._writer = await aiosqlite.connect(self.path, isolation_level="IMMEDIATE", timeout=_BUSY_TIMEOUT_S)
            version = await self._version(self._writer)
            await self._writer.execute("PRAGMA journal_mode = WAL")
            await self._writer.execute("PRAGMA synchronous = FULL")
            # What is deleted is overwritten: an erased person must not be found in a free page.
            await self._writer.execute("PRAGMA secure_delete = ON")
            await self._writer.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            await self._writer.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            await self._migrate(self._writer, version)
            self._reader = self.connect_reader(_CACHE_KIB)
            self._reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except (sqlite3.Error, OSError) as error:
            await self.close()
            raise StartError(
                f"database {self.path}: {error}; SENDGATE_DATABASE must name a file in a writable directory"
            ) from error
        except StartError:
            await self.close()
            raise

    async def close(self) -> None:
        """Let the file go. Closing twice is harmless."""
        if self._reader is not None:
            self._reader.close()
        if self._writer is not None:
            await self._writer.close()
        if self._lock is not None:
            os.close(self._lock)
        self._reader = self._writer = self._lock = None

    def connect_reader(self, cache_kib: int = _SCAN_CACHE_KIB) -> sqlite3.Connection:
        """Open a further connection that can only read, for the calling thread; a scan needs little cache."""
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode=ro", uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S
        )
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        return connection

    def read(self, sql: str, parameters: Row = ()) -> list[Row]:
        """Run a query in the calling thread. Raises StoreUnavailableError."""
        if self._reader is None:
            raise StoreUnavailableError("the database is closed; do not send until it answers again")
        try:
            return self._reader.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailableError(
                f"the database cannot be read ({error}); do not send until it answers again"
            ) from error

    def read_each(self, sql: str, keys: Sequence[Row]) -> Iterator[Row]:
        """Run a query for each key, many at a time: `sql` takes one from `VALUES (?, ...)`.

        Raises StoreUnavailableError.
        """
        for statement, blocks in _in_blocks(sql, keys):
            for block in blocks:
                yield from self.read(statement, block)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let the reads inside see one state, and save each of them taking and giving back a lock.

        For the writer's own reads: nothing is committed meanwhile. Raises StoreUnavailableError.
        """
        self.read("BEGIN")
        try:
            yield
        finally:
            self.read("COMMIT")

    async def write(self, writes: Iterable[Write]) -> None:
        """Run all statements in one transaction and make it durable. Raises StoreUnavailableError.

        A caller that is cancelled does not stop the transaction: it runs to its end.
        """
        await asyncio.shield(self._transaction([blocks for write in writes for blocks in _in_blocks(*write)]))

    async def probe(self) -> None:
        """Commit something that changes nothing, to learn whether writes are durable again."""
        async with self._writing:
            try:
                await self._connection().execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
            except sqlite3.Error as error:
                raise _unavailable(error) from error

    async def _transaction(self, writes: Sequence[Write]) -> None:
        async with self._writing:
            connection = self._connection()
            try:
                for sql, rows in writes:  # the first statement begins the transaction
                    await connection.executemany(sql, rows)
                await connection.commit()
            except sqlite3.Error as error:
                await self._roll_back(connection)
                raise _unavailable(error) from error
            except BaseException:  # half a transaction must never be left for the next commit to complete
                await self._roll_back(connection)
                raise

    @staticmethod
    async def _roll_back(connection: aiosqlite.Connection) -> None:
        try:
            await connection.rollback()
        except sqlite3.Error as error:
            raise _unavailable(error) from error

    def _connection(self) -> aiosqlite.Connection:
        if self._writer is None:
            raise StoreUnavailableError("the database is closed; record the event again later")
        return self._writer

    async def _version(self, connection: aiosqlite.Connection) -> int:
        """Read how many migrations ran. Raises StartError, before anything is written to a file not ours."""
        version = await _pragma(connection, "user_version")
        application = await _pragma(connection, "application_id")
        tables = await _one(connection, "SELECT count(*) FROM sqlite_schema")
        if tables and application != APPLICATION_ID:
            raise StartError(f"database {self.path}: this is not a gate's database; name another file")
        if version > len(MIGRATIONS):
            raise StartError(
                f"database {self.path}: its schema has version {version}, this gate knows {len(MIGRATIONS)}; "
                "run the newer gate that made it, or restore a backup from before"
            )
        return version

    @staticmethod
    async def _migrate(connection: aiosqlite.Connection, version: int) -> None:
        for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
            await connection.execute("BEGIN IMMEDIATE")
            for statement in statements:
                await connection.execute(statement)
            await connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            await connection.execute(f"PRAGMA user_version = {number}")
            await connection.commit()


def _take(path: Path) -> int:
    """Lock the file against a second gate: what one has in memory the other's writes would make wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Resolved as SQLite does it, so that a symbolic link is the same file.
    descriptor = os.open(f"{path.resolve()}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StartError(f"database {path}: another gate has it open; stop that one or name another file") from error
    # It holds addresses and messages: made by us it is for our user alone, and so are SQLite's files beside it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return descriptor


def _in_blocks(sql: str, rows: Sequence[Row]) -> Iterator[Write]:
    """Give each run of a statement `BLOCK` rows where it took one, and what is left over one by one.

    Each run takes and gives back locks, which costs as much as the work on a row does.
    """
    row = f"({', '.join('?' * len(rows[0]))})" if rows else ""
    whole = len(rows) - len(rows) % BLOCK if row in sql else 0
    if whole:
        starts = range(0, whole, BLOCK)
        blocks = [tuple(chain.from_iterable(rows[start : start + BLOCK])) for start in starts]
        yield sql.replace(row, ", ".join([row] * BLOCK), 1), blocks
    if whole < len(rows):
        yield sql, rows[whole:]


async def _pragma(connection: aiosqlite.Connection, name: str) -> int:
    return await _one(connection, f"PRAGMA {name}")


async def _one(connection: aiosqlite.Connection, sql: str) -> int:
    async with connection.execute(sql) as cursor:
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101  a pragma and a count always have a row
    return int(row[0])


def _unavailable(error: sqlite3.Error) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"the database cannot be written ({error}); nothing was recorded, record the event again later"
    )
