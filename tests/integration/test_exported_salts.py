"""Salts of tombstones are the whole gate's: who gets them with an export, who does not, and why that loses nobody."""

from dataclasses import replace
from pathlib import Path

import pytest

from gate.errors import SaltsDeniedError
from gate.rules.acts import ImportState
from gate.rules.tombstone import SALT_BYTES
from gate.service.caller import LOCAL, Caller, Role
from gate.service.transfer import Imported, Transfer
from store.export import SALTS, Exported
from tests.integration import desk
from tests.integration.parts import HERE, NEW_NUMBER, OLD_NUMBER, Parts, reply, running

ELSEWHERE = "elsewhere"
HERE_ALONE = Caller("user", frozenset({Role.USER}), frozenset({HERE}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database file."""
    return tmp_path / "gate.db"


async def export(gate: Parts, by: Caller, location_id: str = HERE) -> list[Exported]:
    """Export a location."""
    return [part async for part in Transfer(gate.store, gate.recorder).export(location_id, lambda: by)]


async def erase_somebody_elsewhere(gate: Parts) -> None:
    """Make the gate have a salt, and another location a tombstone."""
    await gate.recorder.record([replace(reply("STOP", contact="bob", address=NEW_NUMBER), location_id=ELSEWHERE)])
    await desk.desk(gate).contacts.erase(ELSEWHERE, "bob", LOCAL)


async def test_nothing_of_an_erasure_elsewhere(path: Path) -> None:
    """An export is the same whether somebody was erased in another location or not, whoever asks for it."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        before = [await export(gate, by) for by in (HERE_ALONE, LOCAL)]

        await erase_somebody_elsewhere(gate)

        assert [await export(gate, by) for by in (HERE_ALONE, LOCAL)] == before
        assert [part.salts for part in await export(gate, LOCAL, ELSEWHERE) if part.salts] == [gate.store.salts]


async def test_a_limited_caller_is_refused_rather_than_given_half(path: Path) -> None:
    """Where somebody was erased, a caller of that location alone gets no part of an export: the salts would miss."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        await desk.erase("ann")(desk.desk(gate))
        parts = Transfer(gate.store, gate.recorder).export(HERE, lambda: HERE_ALONE)

        with pytest.raises(SaltsDeniedError, match="credential for all locations"):
            await anext(parts)


async def test_an_erasure_that_leaves_nothing_refuses_nobody(path: Path) -> None:
    """Who was erased without ever having been suppressed leaves no tombstone, so that an export needs no salt."""
    async with running(path) as gate:
        await desk.link("ann", OLD_NUMBER)(desk.desk(gate))
        await desk.erase("ann")(desk.desk(gate))

        assert await export(gate, HERE_ALONE) == []


async def test_more_salts_than_an_import_takes_at_once(path: Path) -> None:
    """An export has all of the gate's salts, in parts that an import takes."""
    salts = {bytes([number]) * SALT_BYTES for number in range(2 * SALTS + 1)}
    async with running(path) as gate:
        users = desk.desk(gate)
        for salt in salts:
            await desk.import_salt(salt)(users)
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        await desk.erase("ann")(users)

        parts = await export(gate, LOCAL)

        told = [part.salts for part in parts if part.salts]
        assert [len(some) for some in told] == [SALTS, SALTS, 1]
        assert {salt for some in told for salt in some} == salts


async def test_an_export_with_tombstones_silences_the_same_people(tmp_path: Path) -> None:
    """What a caller for all locations exports denies the erased in an empty gate, whatever is erased there."""
    async with running(tmp_path / "one.db") as one, running(tmp_path / "other.db") as other:
        await one.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        await desk.erase("ann")(desk.desk(one))
        await erase_somebody_elsewhere(other)
        entries = [
            Imported(str(place), HERE, "", ImportState(), part.suppressions, part.links, part.connections, part.salts)
            for place, part in enumerate(await export(one, LOCAL))
        ]

        await Transfer(other.store, other.recorder).take(entries, LOCAL)

        assert [other.allows("ann"), other.allows(address=OLD_NUMBER)] == [False, False]
        assert other.allows("dee")
