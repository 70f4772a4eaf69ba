"""The doctor: it finds what is wrong with a database and nothing else, and changes nothing."""
# ruff: noqa: ASYNC240  a test may read its few files in the event loop

import asyncio
import hashlib
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from gate import filter as suspects
from gate.connections import Connections
from gate.doctor import Check, examine_database
from gate.rules.acts import ImportState
from gate.rules.model import Cause, Channel, Link, Subject, Suppression
from gate.service.caller import LOCAL
from gate.service.channels import Channels
from gate.service.contacts import Contacts, DndChange
from gate.service.reviews import Evidence, Reviews
from gate.service.transfer import Imported, Transfer
from store.backup import backup
from store.store import Store
from tests.integration.parts import HERE, NEW_NUMBER, NOON, OLD_NUMBER, Parts, reply, running, sent

CHECKS: Final = ["files", "schema", "structure", "values", "filter", "replay"]


async def live(gate: Parts) -> None:
    """Let everything happen that is ever written to a log."""
    contacts = Contacts(gate.store, gate.states, gate.recorder, Connections())
    reviews = Reviews(gate.store, gate.recorder, contacts)
    for who, number in (("ann", OLD_NUMBER), ("bob", NEW_NUMBER), ("cleo", ""), ("bob", OLD_NUMBER)):
        await gate.record(reply("STOP", contact=who, address=number))
    await gate.record(reply("START", contact="cleo", at=NOON + 1))
    await gate.record(reply("START", contact="cleo", at=None, event_id="undated"))
    await gate.record(reply("please stop texting me", contact="dan", at=NOON + 2))
    await gate.record(reply("please stop now", contact="dan", at=NOON + 3))
    await gate.record(sent("eve", "+12025550103"))
    await contacts.set_dnd(DndChange(HERE, "eve", True, None, "", remediated=False), LOCAL)
    await contacts.set_dnd(DndChange(HERE, "eve", False, None, "", remediated=False), LOCAL)
    await contacts.unlink(HERE, "bob", OLD_NUMBER, LOCAL)
    await Channels(gate.recorder, Connections()).connect(HERE, Channel.SMS, LOCAL)
    review = await reviews.submit(Evidence(HERE, "bob", Channel.SMS, ("1",), "https://example.com/r", ""), LOCAL)
    await reviews.approve(review.review_id, "", LOCAL)
    confirmed, dismissed = reviews.phrases(HERE, None, 2**62, 10)
    await reviews.confirm(str(confirmed.seq), LOCAL)
    await reviews.dismiss(str(dismissed.seq), LOCAL)
    imported = Suppression(Subject("there", "address", OLD_NUMBER), Channel.SMS, Cause.LANDLINE, NOON, NOON - 1)
    links = (Link("there", "fay", OLD_NUMBER, NOON),)
    await Transfer(gate.store, gate.recorder).take(
        [Imported("i1", "there", "", ImportState(), (imported,), links)], LOCAL
    )
    await contacts.erase(HERE, "ann", LOCAL)
    await gate.record(sent("gil", OLD_NUMBER, at=NOON + 5))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database with everything in it, of a gate that has stopped."""
    path = tmp_path_factory.mktemp("made") / "gate.db"

    async def fill() -> None:
        async with running(path) as gate:
            await live(gate)

    asyncio.run(fill())
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """Copy it."""
    return Path(shutil.copy2(made, tmp_path / "gate.db"))


def examined(path: Path) -> dict[str, Check]:
    """Examine a database."""
    return {check.name: check for check in examine_database(path, lambda *_: None)}


def found(path: Path) -> list[str]:
    """Name the checks that found something."""
    return [check.name for check in examined(path).values() if check.findings]


def change(path: Path, *statements: str) -> None:
    """Write to the database as no gate does."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0
        connection.commit()


async def test_a_database_that_is_well(path: Path) -> None:
    """All checks are made, none finds anything, and the file is as it was."""
    before = hashlib.sha256(path.read_bytes()).digest()

    checks = examined(path)

    assert list(checks) == CHECKS
    assert [(check.findings, check.skipped) for check in checks.values()] == [((), "")] * len(CHECKS)
    assert hashlib.sha256(path.read_bytes()).digest() == before


async def test_beside_a_running_gate(path: Path) -> None:
    """The gate may run, and goes on recording."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="hal"))

        assert found(path) == []

        await gate.record(reply("STOP", contact="ida"))
        assert not gate.allows("ida")


async def test_after_all_who_shared_a_number_were_erased(tmp_path: Path) -> None:
    """The number goes with the last of them, from what was left of the first one too, and the log says what it did."""
    path = tmp_path / "gate.db"
    async with running(path) as gate:
        contacts = Contacts(gate.store, gate.states, gate.recorder, Connections())
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER, event_id="e1"))
        await gate.record(reply("hello", contact="bob", address=OLD_NUMBER, event_id="e2"))
        await contacts.erase(HERE, "ann", LOCAL)
        assert OLD_NUMBER.encode() in path.with_name("gate.db-wal").read_bytes()
        await contacts.erase(HERE, "bob", LOCAL)
        assert not gate.allows(address=OLD_NUMBER)

    assert found(path) == []
    assert OLD_NUMBER.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("statement", "checks"),
    [
        ("DELETE FROM suppression WHERE subject_kind = 'address'", ["replay"]),
        ("DELETE FROM suppression WHERE subject_kind = 'tombstone'", ["replay"]),
        ("UPDATE suppression SET set_time = set_time - 1 WHERE set_time > 0", ["replay"]),
        ("UPDATE suppression SET lift_time = set_time + 1 WHERE subject_id = 'cleo'", ["replay"]),
        ("UPDATE suppression SET event_id = 'other' WHERE subject_id = 'cleo'", ["replay"]),
        ("INSERT INTO suppression VALUES ('l', 'contact', 'c', 'SMS', 'OPT_OUT', 1, -1, '', '')", ["replay"]),
        ("DELETE FROM link WHERE contact_id = 'bob'", ["replay"]),
        ("UPDATE link SET unlinked_time = linked_time + 1 WHERE contact_id = 'eve'", ["replay"]),
        ("DELETE FROM connection", ["replay"]),
        ("UPDATE connection SET disconnected_time = connected_time", ["replay"]),
        ("UPDATE event SET effects = '[[' WHERE seq = 1", ["replay"]),
        ("UPDATE suppression SET cause = 'OPT_OUU' WHERE cause = 'OPT_OUT'", ["values", "replay"]),
        ("UPDATE suppression SET channel = 'SMT' WHERE subject_id = 'cleo'", ["values", "replay"]),
        ("UPDATE suppression SET lift_time = -2 WHERE lift_time = -1", ["values", "replay"]),
        ("UPDATE event SET occur_time = -5 WHERE seq = 1", ["values"]),
        ("UPDATE event SET kind = 'gossip' WHERE seq = 1", ["values"]),
        ("UPDATE review SET state = 'APPROVE'", ["values"]),
        ("UPDATE phrase SET seq = seq + 1000", ["values"]),
        ("DELETE FROM event WHERE seq = 1", []),
        (
            "UPDATE suppression SET set_time = set_time + 1 WHERE subject_id = 'eve'; DELETE FROM event WHERE seq = 1",
            [],
        ),
        ("PRAGMA user_version = 1", ["schema"]),
        ("PRAGMA user_version = 99", ["schema"]),
        ("PRAGMA application_id = 1", ["schema"]),
    ],
)
async def test_what_no_gate_writes(path: Path, statement: str, checks: list[str]) -> None:
    """Each check finds what it is there for; a log from which old events were deleted is no finding."""
    change(path, *statement.split("; "))

    assert found(path) == checks
    assert all(finding.remedy for check in examined(path).values() for finding in check.findings)


async def test_whose_suppressions_are_lost_is_counted(path: Path) -> None:
    """The finding says how many rows are short, and that sends may be allowed wrongly."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("DELETE FROM suppression WHERE subject_id IN ('cleo', 'eve')").rowcount
        connection.commit()

    (finding,) = examined(path)["replay"].findings

    assert finding.problem.startswith(f"suppression: {rows} rows have less")


async def test_a_missing_index_entry(path: Path) -> None:
    """An index that has lost an entry is damage."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = sql || ' WHERE contact_id = ''''' WHERE name = 'link_by_address'"
        )
        connection.commit()
    change(path, "DELETE FROM link WHERE contact_id = 'bob'")

    assert "structure" in found(path)


async def test_a_byte_that_the_disk_has_changed(path: Path) -> None:
    """A suppression that stands on somebody else than the log says is found, though the file is well-formed."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="zoe"))
    content = bytearray(path.read_bytes())
    content[content.index(b"contactzoe") + len("contactzo")] ^= 1
    path.write_bytes(content)

    assert found(path) == ["replay"]


@pytest.mark.parametrize(
    "unseen",
    ["DELETE FROM suppression WHERE subject_kind = 'contact'", "DELETE FROM suppression", "DELETE FROM link"],
)
async def test_a_filter_that_misses_somebody(path: Path, monkeypatch: pytest.MonkeyPatch, unseen: str) -> None:
    """Whoever may be suppressed is asked for, contacts of suppressed addresses too."""
    less = path.with_name("less.db")
    backup(path, less, lambda *_: None)
    change(less, unseen)
    without = suspects.build(Store(less), threading.Event())
    monkeypatch.setattr(suspects, "build", lambda *_: without)

    assert found(path) == ["filter"]


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there is told, and no check pretends to have been made."""
    checks = examined(tmp_path / "gate.db")

    assert [check.name for check in checks.values() if check.findings] == ["files"]
    assert all(check.skipped for name, check in checks.items() if name != "files")
    assert not (tmp_path / "gate.db").exists()


async def test_who_may_read_the_file(path: Path) -> None:
    """It holds addresses and messages."""
    path.chmod(0o644)

    assert found(path) == ["files"]


async def test_what_a_restore_left(path: Path) -> None:
    """The remains of a restore that was killed take room and hold addresses."""
    path.with_name(".gate.db.x.part").touch()

    assert found(path) == ["files"]


@pytest.mark.parametrize("content", [b"", b"no database" * 1000], ids=["empty", "text"])
def test_something_else(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is told as such."""
    path = tmp_path / "gate.db"
    path.write_bytes(content)
    path.chmod(0o600)

    assert found(path) == ["schema"]
