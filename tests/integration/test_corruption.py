"""A damaged file: refused at the start with the way out, or an error where it is met; never a wrong answer."""
# ruff: noqa: ASYNC240  a test may read its few files in the event loop

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from gate.cache import States
from gate.connections import Connections
from gate.errors import GateError, StartError, StoreUnavailableError
from gate.rules.model import Channel
from gate.service.check import Checker
from store import verify as module
from store.database import Database
from store.store import Store
from store.verify import verify
from tests.integration.parts import HERE, NOON, reply, running, sent

STOPPED: Final = 300
"""Contacts that said STOP: enough for trees with inner pages."""

ANSWERED_FROM: Final = ["suppression", "link", "link_by_address", "connection", "salt"]
OTHERS: Final = [
    "event",
    "event_key",
    "event_by_contact",
    "event_by_address",
    "review",
    "review_by_location",
    "sqlite_autoindex_review_1",
    "phrase",
    "phrase_by_location",
]


class Whole:
    """A database's bytes, and the pages of each of its trees."""

    def __init__(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            (self.page_size,) = connection.execute("PRAGMA page_size").fetchone()
            trees = connection.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0").fetchall()
        self.content = path.read_bytes()
        self.trees = {name: list(self._pages(root)) for name, root in trees}

    def _pages(self, number: int) -> Iterator[int]:
        """Walk a tree; see https://www.sqlite.org/fileformat2.html#b_tree_pages."""
        yield number
        page = self.content[(number - 1) * self.page_size : number * self.page_size]
        if page[0] in {2, 5}:  # an inner page
            for cell in range(int.from_bytes(page[3:5])):
                at = int.from_bytes(page[12 + 2 * cell : 14 + 2 * cell])
                yield from self._pages(int.from_bytes(page[at : at + 4]))
            yield from self._pages(int.from_bytes(page[8:12]))

    def damaged(self, number: int, damage: bytes) -> bytes:
        """Put something else in a page's place, from its beginning."""
        start = (number - 1) * self.page_size
        return self.content[:start] + damage + self.content[start + len(damage) :]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Make a database in which people stopped, on contacts and on addresses that others use."""
    path = tmp_path_factory.mktemp("whole") / "gate.db"

    async def fill() -> None:
        async with running(path) as gate:
            numbers = [f"+1202555{number:04}" for number in range(STOPPED)]
            await gate.recorder.record([reply("STOP", address=number) for number in numbers])
            await gate.recorder.record([sent(f"c{each}", number) for each, number in enumerate(numbers)])

    asyncio.run(fill())
    return Whole(path)


@pytest.fixture
def damages(whole: Whole) -> list[bytes]:
    """Make a page of zeros, as a disk that lost it gives, and one of chance."""
    noise = random.Random(7)  # noqa: S311  any bytes will do
    return [bytes(whole.page_size), noise.randbytes(whole.page_size)]


async def allowed(path: Path) -> int | None:
    """Start on a file and count who is allowed, though all were stopped; None where the start is refused.

    Who gets an error instead of an answer is not allowed.
    """
    store, connections = Store(path), Connections()
    states = States(store, 1_000)
    try:
        await store.open()
        connections.publish(store.connections())
        await verify(store.database)
        await states.open()
        checker = Checker(states, connections)
        return sum(map(partial(_allows, checker), (f"c{number}" for number in range(STOPPED))))
    except (StartError, StoreUnavailableError):
        return None
    finally:
        await store.close()


def _allows(checker: Checker, contact: str) -> bool:
    try:
        return checker.check(HERE, contact, "", Channel.SMS).allowed
    except GateError:
        return False


async def outcomes(whole: Whole, tree: str, damages: list[bytes], path: Path) -> set[int | None]:
    """Damage a tree's root, and a leaf if it has any, in every way, and start on each file."""
    seen = set()
    for number in {whole.trees[tree][0], whole.trees[tree][-1]}:
        for damage in damages:
            shutil.rmtree(path.parent, ignore_errors=True)
            path.parent.mkdir()
            path.write_bytes(whole.damaged(number, damage))
            seen.add(await allowed(path))
    return seen


def test_every_tree_is_tried(whole: Whole) -> None:
    """A table or index that is added is damaged too."""
    assert set(whole.trees) == {*ANSWERED_FROM, *OTHERS}
    assert len(whole.trees["suppression"]) > 3


@pytest.mark.parametrize("tree", [*ANSWERED_FROM, *OTHERS])
async def test_a_damaged_page_of_a_small_file(whole: Whole, damages: list[bytes], tree: str, tmp_path: Path) -> None:
    """Wherever it is, the start is refused."""
    assert await outcomes(whole, tree, damages, tmp_path / "damaged" / "gate.db") == {None}


@pytest.mark.parametrize("tree", ANSWERED_FROM)
async def test_a_damaged_page_of_a_large_file(
    whole: Whole, damages: list[bytes], tree: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In what checks are answered from, the start is refused as well."""
    monkeypatch.setattr(module, "WHOLE", 0)
    assert await outcomes(whole, tree, damages, tmp_path / "damaged" / "gate.db") == {None}


@pytest.mark.parametrize(
    ("tree", "size"), [("suppression", 0), ("suppression", 2**30), ("link", 2**30), ("link_by_address", 2**30)]
)
async def test_rows_out_of_order(
    whole: Whole, tree: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page is a page, but who is looked up is not where they have to be: the start is refused.

    Of a large file this is said of suppressions only.
    """
    monkeypatch.setattr(module, "WHOLE", size)
    path = tmp_path / "gate.db"
    leaf = whole.trees[tree][1]
    head = whole.content[(leaf - 1) * whole.page_size :][:12]
    assert head[0] == 10, "a leaf of an index"
    path.write_bytes(whole.damaged(leaf, head[:8] + head[10:12] + head[8:10]))
    assert await allowed(path) is None


async def test_a_damaged_log_of_a_large_file(whole: Whole, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Checks are answered; events are refused without effect, and the operator is told the way out, once."""
    path = tmp_path / "gate.db"
    path.write_bytes(whole.damaged(whole.trees["event_key"][0], bytes(whole.page_size)))
    async with running(path) as gate:
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                await gate.record(reply("STOP", contact="new", at=NOON))
        assert gate.allows("new")
        assert not gate.allows("c1")

    assert ["sendgate restore" in record.message for record in caplog.records].count(True) == 1


async def test_a_page_that_is_damaged_while_the_gate_runs(whole: Whole, tmp_path: Path) -> None:
    """What cannot be read any more is an error, not an answer; nothing is recorded that a backup would undo."""
    path = tmp_path / "gate.db"
    path.write_bytes(whole.content)
    async with running(path, cache_size=1) as gate:
        assert not gate.allows("c1")
        for number in whole.trees["suppression"]:
            with path.open("r+b") as file:
                file.seek((number - 1) * whole.page_size)
                file.write(bytes(whole.page_size))
        gate.store.database.read("PRAGMA shrink_memory")
        for number in range(STOPPED):
            with pytest.raises(StoreUnavailableError):
                gate.allows(f"c{number}")
        with pytest.raises(StoreUnavailableError):
            await gate.record(reply("hello", contact="new", at=NOON))


async def test_an_index_that_lost_an_entry(whole: Whole, tmp_path: Path) -> None:
    """In a small file each index is compared with its table: contacts of a number would be missed otherwise."""
    path = tmp_path / "gate.db"
    content = bytearray(whole.content)
    for number in whole.trees["link_by_address"][1:2]:
        start = (number - 1) * whole.page_size
        at = content.index(b"+1202555", start, start + whole.page_size)
        content[at + 1] ^= 1
    path.write_bytes(content)
    assert await allowed(path) is None


async def opened(database: Database) -> None:
    """Open a database as a start does."""
    await database.open()
    await verify(database)


@pytest.mark.parametrize("content", [b"", b"x" * 5000], ids=["cut", "text"])
async def test_the_way_out_is_named(whole: Whole, tmp_path: Path, content: bytes) -> None:
    """A file that is cut off, or is none, is refused with the commands that help."""
    path = tmp_path / "gate.db"
    path.write_bytes(content or whole.content[: len(whole.content) // 2])
    database = Database(path)
    with pytest.raises(StartError) as refusal:
        await opened(database)
    await database.close()
    assert f"sendgate doctor --database {path}" in str(refusal.value)
    assert f"sendgate restore BACKUP --database {path}" in str(refusal.value)
