"""One SQLite file: who may open it, its schema, the one writing connection and the reading one."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

from gate.errors import StartError, StoreUnavailableError
from gate.logs.lines import DAMAGED
from gate.logs.tell import tell
from store import writer
from store.damage import damage, damaged, failed, unusable
from store.disk import Place, open_elsewhere, try_disk
from store.migrate import migrate, version_of
from store.reading import Scan, connect
from store.schema import MIGRATIONS
from store.writer import Writer, of_rows

Row = writer.Row
Write = writer.Write

_BUSY_TIMEOUT_S: Final = 5.0
_WRITER_CACHE_KIB: Final = 8_192
_SPILL_PAGES: Final = 12_000  # what a transaction that changes more may have; a multiple of 256 would mean no bound
_READER_CACHE_KIB: Final = 16_384
_SCAN_CACHE_KIB: Final = 2_048

_log: Final = logging.getLogger(__name__)

BLOCK: Final = 32
"""Events that are worked out together: one query takes all that they ask of a table."""

_KEYS: Final = (1, 2, 4, 8, 16, 32, 64)
"""Keys that one query has room for: up to those of a block's contacts and addresses."""

AMONG: Final = 64
"""Ids of one part of a table that one query takes."""


class Database:
    """A database file in WAL mode, held by this process alone.

    Writes go through one aiosqlite connection, one transaction at a time. Reads are point reads on a connection
    of the event loop's own thread: some 6 microseconds on a warm file, against 90 for a hop to another thread.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._place = Place(path)
        self._writer: Writer | None = None
        self._reader: sqlite3.Connection | None = None
        self._scans = 0
        self._counting = threading.Lock()
        self._writing = asyncio.Lock()
        self._sound = True
        self._damage = ""
        self._moved = False
        self.when_damaged: Callable[[], None] = lambda: None
        """Is called once, when the file turns out to be damaged."""

    @property
    def sound(self) -> bool:
        """Whether all that was written is where it should be, as far as is known; if not, nothing more is written."""
        return self._sound and not self._moved and not self._damage

    async def open(self) -> None:
        """Take the file, bring its schema up to date. Raises StartError with one line for the operator."""
        try:
            self._place.take()
            version = await self._open_writer()
            await migrate(self._connection(), version)
            self._open_reader()
            self._place.know()
        except (sqlite3.Error, OSError) as error:
            await self.close()
            raise StartError(unusable(self.path, error)) from error
        except StartError:
            await self.close()
            raise

    async def close(self) -> None:
        """Let the file go. Closing twice is harmless."""
        if self._sound:
            self._close_reader()
        # Whoever closes a file last, and may write, copies the WAL into it and deletes the WAL.
        await self._close_writer()
        self._close_reader()
        self._place.leave()

    async def _open_writer(self) -> int:
        """Open the writing connection; return how many migrations ran. Raises sqlite3.Error and StartError."""
        # IMMEDIATE: every transaction takes the write lock when it begins, so that the busy timeout holds.
        begin = partial(sqlite3.connect, self.path, isolation_level="IMMEDIATE", timeout=_BUSY_TIMEOUT_S)
        self._writer = await Writer(begin)
        version = await version_of(self._writer, self.path)
        await self._writer.execute("PRAGMA journal_mode = WAL")
        await self._writer.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten: an erased person must not be found in a free page.
        await self._writer.execute("PRAGMA secure_delete = ON")
        await self._writer.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
        # Else a page that does not fit goes to the WAL each time that one transaction changes it.
        await self._writer.execute(f"PRAGMA cache_spill = {_SPILL_PAGES}")
        await self._writer.execute("PRAGMA wal_autocheckpoint = 0")
        return version

    def _open_reader(self) -> None:
        self._reader = connect(self.path, _READER_CACHE_KIB, _BUSY_TIMEOUT_S, sqlite3.Connection)
        self._reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()

    async def _close_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def connect_reader(self) -> sqlite3.Connection:
        """Open a further connection that can only read, for a scan by the calling thread, which must close it."""
        scan = connect(self.path, _SCAN_CACHE_KIB, _BUSY_TIMEOUT_S, Scan)
        assert isinstance(scan, Scan)  # noqa: S101  the factory's product
        self._count_scans(1)
        scan.on_close = partial(self._count_scans, -1)
        return scan

    def _count_scans(self, more: int) -> None:
        with self._counting:
            self._scans += more

    def read(self, sql: str, parameters: Row = ()) -> list[Row]:
        """Run a query in the calling thread. Raises StoreUnavailableError."""
        if self._reader is None:
            raise StoreUnavailableError("the database is closed; do not send until it answers again")
        try:
            return self._reader.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            self._tell(error)
            raise StoreUnavailableError(
                f"the database cannot be read ({error}); do not send until it answers again"
            ) from error

    def read_each(self, sql: str, keys: Sequence[Row]) -> Iterator[Row]:
        """Run a query for each key, many at a time: `sql` takes one from `VALUES (?, ...)`.

        Raises StoreUnavailableError.
        """
        for start in range(0, len(keys), _KEYS[-1]):
            block = keys[start : start + _KEYS[-1]]
            room = next(each for each in _KEYS if each >= len(block))
            nobody = (None,) * len(block[0]) * (room - len(block))  # equal to nothing, so that nothing is found
            yield from self.read(of_rows(sql, len(block[0]), room), (*chain.from_iterable(block), *nobody))

    def read_among(self, sql: str, part: Row, ids: list[str]) -> Iterator[Row]:
        """Run a query for ids of one part of a table, many at a time: `sql` takes the part, and one id by `IN (?)`.

        Raises StoreUnavailableError.
        """
        statement = sql.replace("IN (?)", f"IN ({', '.join('?' * AMONG)})")
        for start in range(0, len(ids), AMONG):
            block = ids[start : start + AMONG]
            twice = block[-1:] * (AMONG - len(block))  # which is as good as once, and needs no statement of its own
            yield from self.read(statement, (*part, *block, *twice))

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
        await asyncio.shield(self._write(writes))

    async def _write(self, writes: Iterable[Write]) -> None:
        await self.commit(writes)
        await self.checkpoint()

    async def commit(self, writes: Iterable[Write]) -> None:
        """Do as `write` does, for a task that nobody cancels and that asks for a `checkpoint` afterwards.

        It saves a lone event a third of the loop's turns.
        """
        async with self._writing:
            if not self.sound:
                raise StoreUnavailableError("the database failed; nothing was recorded, record the event again later")
            try:
                await self._connection().transact([write for write in writes if write[1]])
            except sqlite3.Error as error:
                self._sound = not failed(error)
                self._tell(error)
                raise _unavailable(error) from error
            self._need_file()

    async def checkpoint(self) -> None:
        """Copy the WAL into the file if it has grown long; where that fails, nothing more is written.

        What was committed is durable without it, and is to be acknowledged before.
        """
        async with self._writing:
            if not self._sound or self._writer is None or not self._writer.due:
                return
            try:
                await self._writer.checkpoint()
            except sqlite3.Error as error:
                self._sound = False
                self._tell(error)

    async def probe(self) -> bool:
        """Learn whether writes are durable again, by one that changes nothing. Raises StoreUnavailableError.

        Return whether what was refused may be in it after all: the file was opened anew, or was away for a while.
        """
        async with self._writing:
            away = self._moved
            self._need_file()
            try:
                await asyncio.to_thread(try_disk, self.path)
                anew = not self._sound
                if anew:
                    await self._open_anew()
                await self._connection().execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
                if anew:
                    if not await self._connection().settle():
                        raise StoreUnavailableError("the database is being read; it is put in order after that")
                    self._place.know()
                self._sound = True
            except (sqlite3.Error, OSError, StartError) as error:
                raise _unavailable(error) from error
        return anew or away

    async def _open_anew(self) -> None:
        """Let SQLite forget which pages it copied into the file, so that it copies all that are in the WAL again.

        It believes that they are on the disk, and after a synchronisation that failed nobody knows: the system may have
        dropped them, and says so once (docs/decisions/0024). What SQLite knows is in the WAL's index; the first
        connection to a file that nobody has open builds it from the WAL.
        """
        if self._scans:
            raise StoreUnavailableError("an export is reading the database; it is put in order after that")
        await self._close_writer()
        # From here to the reader's opening nothing waits: no check comes between.
        self._close_reader()
        elsewhere = open_elsewhere(self.path)
        self._open_reader()
        if elsewhere:
            raise StoreUnavailableError(
                f"database {self.path}: another program has it open, such as Litestream, so that it cannot be put in "
                "order after the disk failed; stop that program"
            )
        await self._open_writer()

    def _need_file(self) -> None:
        """Go on only with the file that was opened, and while it is not known to be damaged.

        What is written into one that was removed or replaced, its WAL included, would be gone with this process; what
        is written into a damaged one is gone when a backup takes its place. Raises StoreUnavailableError.
        """
        self._moved = self._place.moved
        if self._damage:
            raise StoreUnavailableError("the database is damaged; nothing is recorded until a backup is in its place")
        if self._moved:
            raise StoreUnavailableError(
                f"database {self.path}: it or its WAL was moved, removed or replaced; nothing is recorded until it is "
                "put back, or the gate is stopped and a backup restored"
            )

    def _tell(self, error: sqlite3.Error) -> None:
        """Tell the operator of damage, once, and write nothing more: a backup will take the file's place."""
        if damaged(error) and not self._damage:
            self._damage = damage(self.path, str(error))
            tell(_log, DAMAGED, problem=self._damage)
            self.when_damaged()

    def _connection(self) -> Writer:
        if self._writer is None:
            raise StoreUnavailableError("the database is closed; record the event again later")
        return self._writer


def _unavailable(error: Exception) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"the database cannot be written ({error}); nothing was recorded, record the event again later"
    )
