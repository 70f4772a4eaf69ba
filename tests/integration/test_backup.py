"""Backups: one state of a database, as one whole file or not at all, and back into its place."""
# ruff: noqa: ASYNC240  a test may read its few files in the event loop

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from store import backup as module
from store import copy
from store.backup import backup, restore
from store.copy import CopyError
from store.schema import APPLICATION_ID, MIGRATIONS
from tests.integration.parts import NOON, Parts, disk_refusing_writes, reply, running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the database."""
    return tmp_path / "data" / "gate.db"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name the backup."""
    return tmp_path / "backup.db"


@pytest.fixture
async def gate(path: Path) -> AsyncIterator[Parts]:
    """Run a gate that has recorded two events."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann"))
        await gate.record(reply("STOP", contact="bob", at=NOON + 1))
        yield gate


def told(*_: object) -> None:
    """Take note of progress, or not."""


def contacts(file: Path) -> list[str]:
    """Read whose events a database holds, over a connection that writes nothing."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return [contact for (contact,) in connection.execute("SELECT contact_id FROM event ORDER BY seq")]


def pragma(file: Path, name: str, value: int) -> None:
    """Write to a file's header."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA {name} = {value}")
        connection.commit()


async def stopped(path: Path, *names: str) -> None:
    """Run a gate in which these contacts say STOP, to its end."""
    async with running(path) as gate:
        for name in names:
            await gate.record(reply("STOP", contact=name))


async def test_a_backup_of_a_running_gate_is_one_whole_file(gate: Parts, path: Path, file: Path) -> None:
    """It holds what was acknowledged, needs no other file, is for its user alone, and can be opened by a gate."""
    extent = backup(path, file, told)

    assert extent == (2, NOON)
    assert names(file.parent) == ["backup.db", "data"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert contacts(file) == ["ann", "bob"]
    assert names(file.parent) == ["backup.db", "data"]
    async with running(file) as other:
        assert not other.allows("ann")
    assert not gate.allows("bob")


def names(directory: Path) -> list[str]:
    """List a directory."""
    return sorted(each.name for each in directory.iterdir())


async def test_a_backup_is_one_state_and_holds_up_nobody(
    gate: Parts, path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed while pages are copied is not in it, and does not make it begin again."""
    monkeypatch.setattr(copy, "_STEP_PAGES", 1)
    steps = []

    def tell(what: str, done: int, total: int) -> None:
        steps.append((what, done, total))
        assert len(steps) < 1_000, "it begins again and again"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("INSERT INTO link VALUES ('l', ?, 'a', 1, -1)", (f"c{len(steps)}",))
            connection.commit()

    backup(path, file, tell)

    copied = [done for what, done, _ in steps if what == "copying"]
    assert copied == list(range(1, len(copied) + 1))
    assert len(copied) > 5
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM link").fetchone() == (0,)
    assert len(gate.store.database.read("SELECT 1 FROM link")) == len(steps)


async def test_a_file_is_replaced_only_on_request(path: Path, file: Path) -> None:
    """Without --force an existing file is refused and stays as it was."""
    await stopped(path, "ann")
    file.write_bytes(b"precious")

    with pytest.raises(CopyError, match="--force"):
        backup(path, file, told)
    assert file.read_bytes() == b"precious"

    backup(path, file, told, force=True)
    assert contacts(file) == ["ann"]


@pytest.mark.parametrize("end", ["", "-wal", ".lock"])
async def test_the_database_is_not_its_own_backup(gate: Parts, path: Path, end: str) -> None:
    """Neither the database nor a file that belongs to it is written over, whatever it is called."""
    link = path.with_name("link")
    link.symlink_to(f"{path}{end}")
    for file in (Path(f"{path}{end}"), link):
        with pytest.raises(CopyError, match="the database itself"):
            backup(path, file, told, force=True)
    assert not gate.allows("ann")


async def test_a_full_disk_leaves_no_backup(path: Path, file: Path) -> None:
    """Where the copy cannot be written the old backup stays, and nothing is left beside it."""
    await stopped(path, "ann")
    file.write_bytes(b"precious")

    with disk_refusing_writes(), pytest.raises(CopyError, match="nothing was written"):
        backup(path, file, told, force=True)

    assert file.read_bytes() == b"precious"
    assert names(file.parent) == ["backup.db", "data"]


def foreign(file: Path) -> None:
    """Make a database of another program."""
    pragma(file, "application_id", 1)


def newer(file: Path) -> None:
    """Make the database of a newer gate."""
    pragma(file, "application_id", APPLICATION_ID)
    pragma(file, "user_version", 99)


def text(file: Path) -> None:
    """Make a file that is no database."""
    file.write_bytes(b"no database" * 100)


def empty(file: Path) -> None:
    """Make a gate's database, by its header, that has no tables."""
    pragma(file, "application_id", APPLICATION_ID)


def unopened(file: Path) -> None:
    """Make a database that SQLite cannot open: of root too, for where its WAL should be is a directory."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    Path(f"{file}-wal").mkdir()


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (None, "no such file"),
        (text, "not a database"),
        (foreign, "not a gate's"),
        (newer, "version 99"),
        (empty, "no such table"),
        (unopened, "unable to open"),
    ],
)
async def test_what_is_no_backup(path: Path, file: Path, make: Callable[[Path], None] | None, problem: str) -> None:
    """A file that is no gate's database, or one of a newer gate, is neither backed up nor restored, and is named."""
    await stopped(path, "ann")
    if make:
        make(file)

    with pytest.raises(CopyError, match=f"^{file}: .*{problem}"):
        restore(file, path, told)
    with pytest.raises(CopyError, match=f"^{file}: .*{problem}"):
        backup(file, file.with_name("other"), told)

    assert contacts(path) == ["ann"]
    assert not file.with_name("other").exists()


async def test_damage_is_neither_backed_up_nor_restored(path: Path, file: Path) -> None:
    """A copy is checked before it takes its place."""
    await stopped(path, "ann")
    backup(path, file, told)
    damaged = bytearray(file.read_bytes())
    damaged[4096 * 3 : 4096 * 4] = bytes(4096)
    file.write_bytes(damaged)

    with pytest.raises(CopyError, match=f"^{file}: damaged"):
        restore(file, path, told)
    with pytest.raises(CopyError, match=f"^{file}: damaged"):
        backup(file, file.with_name("other"), told)

    assert contacts(path) == ["ann"]
    assert not file.with_name("other").exists()


async def test_a_backup_into_no_directory(gate: Parts, file: Path) -> None:
    """The error is one line that names the file as it was given, and no name that nobody has heard of."""
    await gate.record(reply("STOP", contact="ann"))
    elsewhere = file.parent / "nowhere" / "backup.db"

    with pytest.raises(CopyError) as failure:
        backup(gate.store.database.path, elsewhere, told)

    assert str(failure.value) == f"{elsewhere}: No such file or directory; it was not written"


async def test_a_restore_keeps_what_was_there(path: Path, file: Path) -> None:
    """The backup's state is in force; the other one is kept as a whole under another name."""
    await stopped(path, "ann")
    backup(path, file, told)
    await stopped(path, "bob")

    done = restore(file, path, told)

    assert (done.extent.events, done.before and done.before.events) == (1, 2)
    assert done.kept is not None
    assert contacts(done.kept) == ["ann", "bob"]
    assert path.stat().st_mode & 0o777 == 0o600
    async with running(path) as gate:
        assert not gate.allows("ann")
        assert gate.allows("bob")
    async with running(done.kept) as gate:
        assert not gate.allows("bob")


async def test_the_wal_of_a_killed_gate_goes_with_its_database(path: Path, file: Path, tmp_path: Path) -> None:
    """What a kill left in the WAL is in the database that is kept, and not applied to the restored one."""
    await stopped(path, "ann")
    backup(path, file, told)
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="bob"))
        left = {each.name: each.read_bytes() for each in path.parent.glob("gate.db*")}
    killed = tmp_path / "killed"
    killed.mkdir()
    for name, content in left.items():
        (killed / name).write_bytes(content)
    assert left["gate.db-wal"]

    done = restore(file, killed / "gate.db", told)

    assert done.kept is not None
    assert contacts(done.kept) == ["ann", "bob"]
    assert contacts(killed / "gate.db") == ["ann"]


async def test_a_restore_into_an_empty_place(path: Path, file: Path, tmp_path: Path) -> None:
    """Where there is no database yet, nothing is kept and the directory is made."""
    await stopped(path, "ann")
    backup(path, file, told)

    done = restore(file, tmp_path / "new" / "gate.db", told)

    assert (done.before, done.kept) == (None, None)
    assert contacts(tmp_path / "new" / "gate.db") == ["ann"]


async def test_a_restore_in_place_of_damage(path: Path, file: Path) -> None:
    """A database that cannot be read is replaced, and kept as it is."""
    await stopped(path, "ann")
    backup(path, file, told)
    path.write_bytes(b"damaged" * 1000)

    done = restore(file, path, told)

    assert done.before is None
    assert done.kept is not None
    assert done.kept.read_bytes() == b"damaged" * 1000
    assert contacts(path) == ["ann"]


async def test_a_restore_under_a_running_gate_is_refused(gate: Parts, path: Path, file: Path) -> None:
    """What it has in memory would be wrong."""
    backup(path, file, told)
    with pytest.raises(CopyError, match="another gate has it open"):
        restore(file, path, told)
    assert not gate.allows("ann")


async def test_a_restore_beside_another_program_is_refused(path: Path, file: Path) -> None:
    """Litestream and shells would go on with a file that has no name any more."""
    await stopped(path, "ann")
    backup(path, file, told)
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM event").fetchall()
        with pytest.raises(CopyError, match="another program has it open"):
            restore(file, path, told)
    assert contacts(path) == ["ann"]
    assert not [name for name in names(path.parent) if "before" in name or "part" in name]


async def test_a_restore_on_a_full_disk_changes_nothing(path: Path, file: Path) -> None:
    """The database that was there stays."""
    await stopped(path, "ann")
    backup(path, file, told)
    await stopped(path, "bob")

    with disk_refusing_writes(), pytest.raises(CopyError, match="not written"):
        restore(file, path, told)

    assert contacts(path) == ["ann", "bob"]


async def test_a_restore_that_breaks_off_leaves_one_whole_database(
    path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended just before the new file takes its place, the old one is there with all that it held."""
    await stopped(path, "ann")
    backup(path, file, told)
    await stopped(path, "bob")

    def ended(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "sync", ended)
    with pytest.raises(KeyboardInterrupt):
        restore(file, path, told)

    assert contacts(path) == ["ann", "bob"]


async def test_a_backup_of_an_older_schema_is_restored(path: Path, file: Path) -> None:
    """The next start brings it up to date."""
    with closing(sqlite3.connect(file)) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
    pragma(file, "application_id", APPLICATION_ID)
    pragma(file, "user_version", 1)

    restore(file, path, told)

    await stopped(path, "ann")
    assert contacts(path) == ["ann"]
