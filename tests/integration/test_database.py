"""The database file: who may open it, how durable it is, and what a failing write leaves behind."""
# ruff: noqa: ASYNC240  a test may read its few files in the event loop

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gate.errors import StartError, StoreUnavailableError
from store import migrate as module
from store.database import Database, Write
from store.schema import APPLICATION_ID, MIGRATIONS
from tests.integration.parts import disk_refusing_writes

LINK = "INSERT INTO link VALUES (?, ?, ?, ?, ?)"
ROWS = "SELECT count(*) FROM link"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database that does not exist yet."""
    return tmp_path / "gate.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    """Open a new database."""
    opened = Database(path)
    await opened.open()
    yield opened
    await opened.close()


def pragma(path: Path, name: str) -> object:
    """Ask the file itself, over a connection of the test's own."""
    with sqlite3.connect(path) as connection:
        value = connection.execute(f"PRAGMA {name}").fetchone()[0]
    connection.close()
    return value


async def test_the_file_is_in_wal_mode_and_commits_reach_the_disk(database: Database) -> None:
    """The journal is a WAL, and the writing connection syncs at every commit."""
    writer = database._writer  # noqa: SLF001  how durable a connection is, only it can tell
    assert writer is not None
    async with writer.execute("PRAGMA synchronous") as cursor:
        synchronous = await cursor.fetchone()

    assert pragma(database.path, "journal_mode") == "wal"
    assert synchronous == (2,)


async def test_the_reading_connection_cannot_write(database: Database) -> None:
    """A statement that writes is refused on the readers' side."""
    with pytest.raises(StoreUnavailableError, match="readonly"):
        database.read(LINK, ("l", "c", "a", 1, -1))


async def test_a_new_database_is_marked_as_a_gate_s_and_of_this_version(database: Database) -> None:
    """The file's header says whose it is and which migrations ran."""
    assert pragma(database.path, "application_id") == APPLICATION_ID
    assert pragma(database.path, "user_version") == len(MIGRATIONS)


async def test_opening_again_keeps_everything(path: Path) -> None:
    """Migrations that ran are not run again."""
    for times_opened in (1, 2, 3):
        database = Database(path)
        await database.open()
        await database.write([(LINK, [("l", "c", f"a{times_opened}", 1, -1)])])

        assert database.read(ROWS) == [(times_opened,)]
        await database.close()


async def test_each_migration_has_its_own_transaction(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that fails half-way is undone as a whole; those before it stay, and the next start goes on there."""
    broken = (*MIGRATIONS, ("CREATE TABLE first (a)",), ("CREATE TABLE second (a)", "CREATE TABLE second (a)"))
    monkeypatch.setattr(module, "MIGRATIONS", broken)
    with pytest.raises(StartError, match="second"):
        await Database(path).open()

    assert pragma(path, "user_version") == len(MIGRATIONS) + 1
    assert tables(path) >= {"event", "first"}
    assert "second" not in tables(path)

    monkeypatch.setattr(module, "MIGRATIONS", (*broken[:-1], ("CREATE TABLE second (a)",)))
    database = Database(path)
    await database.open()
    await database.close()
    assert pragma(path, "user_version") == len(MIGRATIONS) + 2
    assert "second" in tables(path)


def tables(path: Path) -> set[str]:
    """Name the file's tables."""
    connection = sqlite3.connect(path)
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    connection.close()
    return names


async def test_a_database_from_a_newer_gate_is_refused(path: Path) -> None:
    """The message names both versions and the way out, and the file is left as it was."""
    newer = len(MIGRATIONS) + 1
    make(path, f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {newer}", "CREATE TABLE event (a)")
    before = path.read_bytes()

    with pytest.raises(StartError, match=rf"version {newer}, this gate knows {len(MIGRATIONS)}; run the newer gate"):
        await Database(path).open()
    assert path.read_bytes() == before


async def test_somebody_else_s_database_is_refused_untouched(path: Path) -> None:
    """A SQLite file of another application is neither migrated nor changed in any byte."""
    make(path, "CREATE TABLE recipes (title TEXT)")
    before = path.read_bytes()

    with pytest.raises(StartError, match="not a gate's database"):
        await Database(path).open()
    assert path.read_bytes() == before


def make(path: Path, *statements: str) -> None:
    """Write a database that no gate made."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """The message is SQLite's own word on it, in one line."""
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StartError, match="not a database") as refused:
        await Database(path).open()
    assert "\n" not in str(refused.value)


async def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """The message names the setting."""
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="SENDGATE_DATABASE must name a file in a writable directory"):
        await Database(tmp_path / "file" / "gate.db").open()


async def test_a_second_gate_on_the_same_file_is_refused(database: Database, tmp_path: Path) -> None:
    """What one gate holds in memory, another's writes would make wrong; a symbolic link is the same file."""
    alias = tmp_path / "alias.db"
    alias.symlink_to(database.path)
    for path in (database.path, alias):
        with pytest.raises(StartError, match="another gate has it open"):
            await Database(path).open()


async def test_a_closed_database_is_free_for_the_next_gate(database: Database) -> None:
    """Closing lets go of the lock; closing twice is harmless; a closed one neither reads nor writes."""
    await database.close()
    await database.close()
    second = Database(database.path)
    await second.open()
    await second.close()

    with pytest.raises(StoreUnavailableError, match="closed"):
        database.read(ROWS)
    with pytest.raises(StoreUnavailableError, match="closed"):
        await database.write([(LINK, [("l", "c", "a", 1, -1)])])


@pytest.mark.parametrize("after", [[], [(LINK, [("l", "c", "after", 1, -1)])]], ids=["last", "in the middle"])
@pytest.mark.parametrize(
    ("sql", "row"),
    [
        pytest.param(LINK, ("l", "c", "good", 1, -1), id="a broken constraint"),
        pytest.param("INSERT INTO nowhere VALUES (?)", (1,), id="an unknown table"),
        pytest.param(LINK, ("l", "c", "a", 2**64, -1), id="a value that SQLite cannot hold"),
    ],
)
async def test_a_failed_write_rolls_everything_back(
    database: Database, sql: str, row: tuple[object, ...], after: list[Write]
) -> None:
    """Nothing of a write is kept when one statement of it fails, whichever it is; the next write works."""
    good: Write = (LINK, [("l", "c", "good", 1, -1)])
    with pytest.raises((StoreUnavailableError, OverflowError)):
        await database.write([good, (sql, [row]), *after])
    assert database.read(ROWS) == [(0,)]

    await database.write([(LINK, [("l", "c", "later", 1, -1)])])
    assert database.read("SELECT address FROM link") == [("later",)]


async def test_a_probe_fails_while_the_disk_refuses_and_succeeds_after(database: Database) -> None:
    """A probe commits for real: it learns whether a write would be durable."""
    with disk_refusing_writes(), pytest.raises(StoreUnavailableError):
        await database.probe()
    await database.probe()


async def test_a_write_on_a_full_disk_leaves_nothing(database: Database) -> None:
    """A write that the disk refused is not there when the disk has room again."""
    with disk_refusing_writes(), pytest.raises(StoreUnavailableError, match="nothing was recorded"):
        await database.write([(LINK, [("l", "c", "a", 1, -1)])])
    assert database.read(ROWS) == [(0,)]
    assert not database.sound
    await database.probe()
    assert database.sound
    await database.write([(LINK, [("l", "c", "a", 1, -1)])])
    assert database.read(ROWS) == [(1,)]


async def test_the_files_are_for_their_owner_alone(database: Database, path: Path) -> None:
    """A database that the gate makes, and what stands beside it, can be read by nobody else."""
    await database.write([("INSERT INTO salt VALUES (?)", [(b"salt",)])])

    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}

    assert modes == dict.fromkeys((path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}.lock"), 0o600)


@pytest.mark.parametrize("count", [1, 2, 3, 54, 511, 512, 513, 1_023, 1_234])
async def test_rows_in_any_number_are_written_in_their_order(database: Database, count: int) -> None:
    """Rows go to the database in blocks of several sizes; none is left out, none comes twice, the last ones too."""
    rows = [(number, f"phrase {number}") for number in range(count)]

    await database.write([("INSERT INTO phrase VALUES (?, ?, 'SMS', 0, 'PENDING', -1, '')", rows)])
    await database.write([("INSERT INTO salt VALUES (?)", [(str(row).encode(),) for row in rows])])

    assert database.read("SELECT seq, location_id FROM phrase ORDER BY seq") == rows
    assert database.read("SELECT count(*) FROM salt") == [(count,)]


async def test_a_write_waits_for_its_thread_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many statements a transaction has, the event loop is woken once, when it is durable."""
    loop, woken = asyncio.get_running_loop(), 0
    wake = loop.call_soon_threadsafe

    def count(*arguments: Any, **options: Any) -> asyncio.Handle:
        nonlocal woken
        woken += 1
        return wake(*arguments, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", count)
    links = [("l", "c", f"a{number}", 1, -1) for number in range(700)]
    await database.write([(LINK, links), ("INSERT INTO salt VALUES (?)", [(b"salt",)])])

    assert woken == 1


async def test_a_write_of_many_rows_that_fails_in_the_middle_leaves_none(database: Database) -> None:
    """Rows go to the database in blocks; one bad row among hundreds takes the others back."""
    rows: list[tuple[str | None, ...]] = [("here", f"ann{number}", "address") for number in range(700)]
    sql = "INSERT INTO link VALUES (?, ?, ?, 1, -1)"

    with pytest.raises(StoreUnavailableError):
        await database.write([(sql, [*rows, ("here", None, "address")])])
    assert database.read("SELECT count(*) FROM link") == [(0,)]

    await database.write([(sql, rows)])
    assert database.read("SELECT count(*) FROM link") == [(700,)]
