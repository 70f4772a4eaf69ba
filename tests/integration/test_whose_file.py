"""The gate writes into the one file that it opened, alone, and recovers nothing by forgetting."""
# ruff: noqa: ASYNC240  a test may touch its few files in the event loop

import asyncio
import shutil
from pathlib import Path

import pytest

from gate.errors import QueueFullError, StartError, StoreUnavailableError
from store.database import Database
from tests.integration.held_store import HeldStore
from tests.integration.parts import NOON, reply, running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database that does not exist yet."""
    return tmp_path / "gate.db"


async def test_one_file_with_two_names(path: Path) -> None:
    """A second gate is refused by whatever name it opens the file, and where somebody removed the lock beside it."""
    async with running(path):
        path.with_name("other.db").hardlink_to(path)
        with pytest.raises(StartError, match="another gate has it open"):
            await Database(path.with_name("other.db")).open()
        path.with_name("gate.db.lock").unlink()
        with pytest.raises(StartError, match="another gate has it open"):
            await Database(path).open()


@pytest.mark.parametrize("end", ["", "-wal"])
async def test_a_file_that_is_taken_away(path: Path, end: str) -> None:
    """What would be gone with the process is not acknowledged; checks go on, and events too once it is back."""
    away = path.with_name("away")
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann"))
        Path(f"{path}{end}").rename(away)
        with pytest.raises(StoreUnavailableError, match="moved, removed or replaced"):
            await gate.record(reply("STOP", contact="bob"))
        assert not gate.allows("ann")
        shutil.copy(away, f"{path}{end}")
        with pytest.raises(StoreUnavailableError):
            await gate.record(reply("STOP", contact="eve"))

        away.rename(f"{path}{end}")
        async with asyncio.timeout(10):
            while not await recorded(gate.record(reply("STOP", contact="bob", at=NOON + 1))):  # noqa: ASYNC110  no event tells
                await asyncio.sleep(0.05)
        assert not gate.allows("bob")
    async with running(path) as gate:
        assert not gate.allows("ann")
        assert not gate.allows("bob")


async def recorded(recording: object) -> bool:
    """Tell whether an event was taken."""
    try:
        await recording  # type: ignore[misc]
    except StoreUnavailableError:
        return False
    return True


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
async def test_a_wal_without_its_file(path: Path, left: str) -> None:
    """What is in the WAL alone was acknowledged: the gate does not begin anew beside it."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann"))
        wal = path.with_name("gate.db-wal").read_bytes()
    path.unlink()
    path.with_name("gate.db-wal").write_bytes(wal)
    if left == "an empty file":
        path.touch()

    with pytest.raises(StartError, match="sendgate restore"):
        await Database(path).open()

    assert path.with_name("gate.db-wal").read_bytes() == wal
    assert path.exists() is (left == "an empty file")


async def test_imports_wait_for_room_and_leave_some(path: Path) -> None:
    """An import is not refused for want of room, however many there are, and events find half of it free."""
    store = HeldStore(path)
    async with running(store, most_waiting=100) as gate:
        store.hold(after_commit=False)
        first = asyncio.create_task(gate.record(reply("hello", contact="first")))
        await store.reached.wait()
        imports = [asyncio.create_task(gate.recorder.take(lambda _, __: None, 40)) for _ in range(9)]
        await asyncio.sleep(0)
        assert gate.recorder.waiting == 40
        batch = [reply("hello", contact=f"c{number}") for number in range(60)]
        events = asyncio.create_task(gate.recorder.record(batch))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await gate.record(reply("hello", contact="late"))

        store.let_go()
        await asyncio.gather(first, *imports, events)
        assert gate.recorder.waiting == 0
