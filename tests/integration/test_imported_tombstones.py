"""Tombstones that come by an import stand for people whom nobody can name: what they say counts at once."""

from pathlib import Path

import pytest

from gate.rules.connection import ConnectionTimes
from gate.rules.model import Cause, Channel, Link, Subject, Suppression
from gate.rules.tombstone import SALT_BYTES, tombstone
from tests.integration import desk
from tests.integration.parts import HERE, NEW_NUMBER, NOON, OLD_NUMBER, SECOND, Parts, reply, running

STOPPED = Suppression(Subject(HERE, "address", OLD_NUMBER), Channel.SMS, Cause.OPT_OUT, NOON + SECOND)
NO_CHANNELS: tuple[ConnectionTimes, ...] = ()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database file."""
    return tmp_path / "gate.db"


async def unbury(gate: Parts) -> None:
    """Import the tombstone of the old number, with its salt."""
    await desk.import_crafted([STOPPED], (), NO_CHANNELS, buried=True)(desk.desk(gate))


async def test_an_address_that_was_asked_about_before(path: Path) -> None:
    """What memory holds of an address gives way to an imported tombstone of it."""
    async with running(path) as gate:
        await gate.record(reply("STOP", address=OLD_NUMBER, at=NOON - SECOND))
        await gate.record(reply("START", address=OLD_NUMBER))
        assert gate.allows(address=OLD_NUMBER)

        await unbury(gate)

        assert not gate.allows(address=OLD_NUMBER)


async def test_a_contact_that_uses_the_address_already(path: Path) -> None:
    """The filter learns of contacts that use an address for which only an imported tombstone stands."""
    async with running(path) as gate:
        await desk.link("bob", OLD_NUMBER)(desk.desk(gate))
        assert gate.allows("bob")

        await unbury(gate)

        assert not gate.allows("bob")
        assert gate.allows("cem", NEW_NUMBER)


async def test_a_salt_that_comes_after_its_tombstones(path: Path) -> None:
    """Tombstones count as soon as the salt is known with which they were made."""
    salt = bytes(range(SALT_BYTES))
    async with running(path) as gate:
        users = desk.desk(gate)
        await gate.record(reply("STOP", address=OLD_NUMBER, at=NOON - SECOND))
        await gate.record(reply("START", address=OLD_NUMBER))
        row = STOPPED._replace(subject=tombstone(STOPPED.subject, salt))
        await desk.import_crafted([row], (), NO_CHANNELS, buried=False)(users)
        assert gate.allows(address=OLD_NUMBER)

        await desk.import_salt(salt)(users)

        assert not gate.allows(address=OLD_NUMBER)


async def test_an_imported_state_does_not_name_the_erased(path: Path) -> None:
    """What an import said of an erased contact goes from the log; what it said of others stays."""
    async with running(path) as gate:
        users = desk.desk(gate)
        links = [Link(HERE, "ann", OLD_NUMBER, NOON), Link(HERE, "bob", NEW_NUMBER, NOON)]
        await desk.import_crafted([STOPPED], links, NO_CHANNELS, buried=False)(users)
        await desk.erase("ann")(users)

        rows = [repr(row) for row in gate.store.database.read("SELECT * FROM event")]
        assert not [row for row in rows if "ann" in row or OLD_NUMBER in row]
        assert [link for effects in gate.store.replay() for link in effects.links] == links[1:]
        assert not gate.allows("", OLD_NUMBER)
