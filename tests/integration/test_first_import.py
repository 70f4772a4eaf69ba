"""The first import into a location brings a state whole; once it is finished, imports only add."""

from pathlib import Path

import pytest

from gate.rules.acts import ImportState
from gate.rules.model import Cause, Channel, Subject, Suppression
from gate.service.caller import LOCAL
from gate.service.transfer import Imported, Transfer
from tests.integration.parts import HERE, NOON, OLD_NUMBER, SECOND, Parts, running

STOPPED = Suppression(Subject(HERE, "address", OLD_NUMBER), Channel.SMS, Cause.OPT_OUT, NOON)
LIFTS = [
    STOPPED._replace(lift_time=NOON + SECOND),
    STOPPED._replace(subject=Subject(HERE, "contact", "ann"), set_time=-1, lift_time=NOON + SECOND),
]


def entry(name: str, *rows: Suppression) -> Imported:
    """Make an entry of rows."""
    return Imported(name, HERE, "", ImportState(), rows, ())


def transfer(gate: Parts) -> Transfer:
    """Make the use case."""
    return Transfer(gate.store, gate.recorder)


@pytest.mark.parametrize("lift", LIFTS, ids=["of the address", "of the contact"])
async def test_a_second_import_lifts_nothing(tmp_path: Path, lift: Suppression) -> None:
    """What a finished import said to stop stays, although nothing else was ever recorded there."""
    async with running(tmp_path / "gate.db") as gate:
        await transfer(gate).take([entry("first", STOPPED)], LOCAL)
        await transfer(gate).finish([HERE], LOCAL)

        await transfer(gate).take([entry("second", lift)], LOCAL)

        assert not gate.allows(address=OLD_NUMBER)
        assert not gate.allows("ann", OLD_NUMBER)


async def test_an_import_that_broke_off_goes_on(tmp_path: Path) -> None:
    """Until it is finished, an import that is repeated is still the first one, after a restart too."""
    async with running(tmp_path / "gate.db") as gate:
        await transfer(gate).take([entry("one", STOPPED)], LOCAL)
    async with running(tmp_path / "gate.db") as gate:
        assert await transfer(gate).take([entry("one", STOPPED), entry("two", LIFTS[0])], LOCAL) == 1
        await transfer(gate).finish([HERE], LOCAL)

        assert gate.allows(address=OLD_NUMBER)
        assert await transfer(gate).take([entry("two", LIFTS[0])], LOCAL) == 0


async def test_finishing_twice_says_it_once(tmp_path: Path) -> None:
    """A location's log has one word that its first import is over, and none where there was no such import."""
    async with running(tmp_path / "gate.db") as gate:
        await transfer(gate).take([entry("one", STOPPED)], LOCAL)

        for _ in range(2):
            await transfer(gate).finish([HERE], LOCAL)

        assert gate.store.last_seq() == 2
