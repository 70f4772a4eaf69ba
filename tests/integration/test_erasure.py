"""An erased person is gone from the file; what they asked for is not."""

from pathlib import Path

import pytest

from gate.connections import Connections
from gate.rules.acts import ImportState
from gate.rules.lattice import EMPTY, SubjectState, merge_suppressions
from gate.rules.model import Channel, EmailFailure, Event, Severity, Subject
from gate.service.caller import LOCAL
from gate.service.contacts import Contacts
from gate.service.transfer import Imported, Transfer
from tests.integration.parts import HERE, NEW_NUMBER, NOON, OLD_NUMBER, SECOND, Parts, reply, running, sent

WORDS = "please stop texting me, this is Rosebud"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database file."""
    return tmp_path / "gate.db"


def contacts(gate: Parts) -> Contacts:
    """Make the use case on a running gate."""
    return Contacts(gate.store, gate.states, gate.recorder, Connections())


async def erase(gate: Parts, contact: str) -> tuple[int, int]:
    """Erase a contact."""
    return await contacts(gate).erase(HERE, contact, LOCAL)


async def test_what_was_stopped_stays_stopped(path: Path) -> None:
    """The address and the contact are denied as before, at once and after a restart; others are not."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        await gate.record(reply("STOP", contact="ann", at=NOON + 1, channel=Channel.WHATSAPP))
        assert await erase(gate, "ann") == (2, 1)
        assert not gate.allows(address=OLD_NUMBER)
        assert not gate.allows("bob", OLD_NUMBER)
        assert not gate.allows("ann", channel=Channel.WHATSAPP)

    async with running(path, cache_size=1) as gate:
        assert not gate.allows(address=OLD_NUMBER)
        assert not gate.allows("ann", channel=Channel.WHATSAPP)
        assert gate.allows(address=NEW_NUMBER)
        assert gate.allows("ann", channel=Channel.EMAIL)


async def test_a_contact_that_uses_the_address_later(path: Path) -> None:
    """The filter knows of a link to an address that only a tombstone stands for, live and after a restart."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        await erase(gate, "ann")
        await gate.record(sent("bob", OLD_NUMBER, at=NOON + 1))
        assert not gate.allows("bob")

    async with running(path) as gate:
        assert not gate.allows("bob")


async def test_a_wish_follows_the_person_beyond_the_erasure(path: Path) -> None:
    """Who stopped on one number is not written to on another, though nobody knows of the first any more."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        await erase(gate, "ann")
        assert not gate.allows("ann")
        assert not gate.allows("ann", NEW_NUMBER)

        await gate.record(reply("START", contact="ann", address=NEW_NUMBER, at=NOON + SECOND))
        assert gate.allows("ann", NEW_NUMBER)
        assert not gate.allows("ann", OLD_NUMBER)


async def test_start_still_opens_an_erased_number(path: Path) -> None:
    """A START after the erasure lifts; a START from before the STOP does not."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        await erase(gate, "ann")
        await gate.record(reply("START", address=OLD_NUMBER, at=NOON - SECOND))
        assert not gate.allows(address=OLD_NUMBER)
        await gate.record(reply("START", address=OLD_NUMBER, at=NOON + SECOND))
        assert gate.allows(address=OLD_NUMBER)

    async with running(path) as gate:
        assert gate.allows(address=OLD_NUMBER)


async def test_nothing_in_the_tables_names_the_person(path: Path) -> None:
    """Neither the words, nor the number, nor the contact stands in any row."""
    async with running(path) as gate:
        await gate.record(reply(WORDS, contact="ann", address=OLD_NUMBER, event_id="e1"))
        await gate.record(reply("STOP", address=OLD_NUMBER, at=NOON + 1, event_id="e2"))
        await erase(gate, "ann")
        tables = ("event", "suppression", "link", "phrase", "review")
        rows = [repr(row) for table in tables for row in gate.store.database.read(f"SELECT * FROM {table}")]  # noqa: S608

        assert rows
        for told in ("Rosebud", OLD_NUMBER, "ann"):
            assert not [row for row in rows if told in row]
        assert gate.store.history(HERE, "ann", 2**62, 10) == []


async def test_a_shared_address_stays_its_other_users(path: Path) -> None:
    """The number of somebody else too keeps its rows and its link."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        await gate.record(sent("bob", OLD_NUMBER, at=NOON + 1))
        await erase(gate, "ann")

        assert contacts(gate).get(HERE, "bob").addresses == (OLD_NUMBER,)
        assert gate.store.load(Subject(HERE, "address", OLD_NUMBER)).suppressions
        assert not gate.allows("bob")


async def test_the_log_rebuilds_the_state_after_an_erasure(path: Path) -> None:
    """Replaying what is left of the log gives the suppressions that are in the table."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        bounce = EmailFailure(Severity.PERMANENT, "bounce")
        await gate.record(Event("b", HERE, "ann", "ann@example.com", NOON, "mailgun", bounce))
        await gate.record(reply("STOP", contact="bob", address=NEW_NUMBER))
        await erase(gate, "ann")
        replayed: dict[Subject, SubjectState] = {}
        for effects in gate.store.replay():
            for row in effects.suppressions:
                replayed[row.subject] = merge_suppressions(replayed.get(row.subject, EMPTY), (row,))
        kept = gate.store.database.read("SELECT DISTINCT location_id, subject_kind, subject_id FROM suppression")

        assert {Subject._make(row) for row in kept} == set(replayed)
        for subject, state in replayed.items():
            assert gate.store.load(subject).suppressions == state.suppressions


async def test_a_state_moves_to_an_empty_gate(tmp_path: Path) -> None:
    """An export gives an empty gate the same answers, of erased people too; importing it twice changes nothing."""
    async with running(tmp_path / "one.db") as one, running(tmp_path / "other.db") as other:
        await one.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        await erase(one, "ann")
        await one.record(reply("STOP", contact="bob", address=NEW_NUMBER))
        await one.record(reply("START", contact="bob", address=NEW_NUMBER, at=NOON + 1))
        await one.record(reply("STOP", contact="cem", at=NOON + 1))
        parts = [part async for part in Transfer(one.store, one.recorder).export(HERE, lambda: LOCAL)]
        entries = [
            Imported(str(place), HERE, "", ImportState(), part.suppressions, part.links, part.connections, part.salts)
            for place, part in enumerate(parts)
        ]

        assert await Transfer(other.store, other.recorder).take(entries, LOCAL) == len(entries)
        assert await Transfer(other.store, other.recorder).take(entries, LOCAL) == 0

        for contact in ("", "ann", "bob", "cem", "dee"):
            for address in ("", OLD_NUMBER, NEW_NUMBER):
                if contact or address:
                    assert other.allows(contact, address) == one.allows(contact, address)
        assert not other.allows(address=OLD_NUMBER)


async def test_an_import_beside_events_lifts_nothing(path: Path) -> None:
    """Where a location has more than imports, lifts and unlinks of an import are left out."""
    async with running(path) as gate:
        await gate.record(reply("STOP", contact="ann", address=OLD_NUMBER))
        state = gate.store.load(Subject(HERE, "address", OLD_NUMBER))
        rows = tuple(row._replace(lift_time=NOON + SECOND) for row in state.suppressions.values())
        links = tuple(
            link._replace(unlinked_time=NOON + SECOND)
            for link in gate.store.load(Subject(HERE, "contact", "ann")).links.values()
        )

        await Transfer(gate.store, gate.recorder).take([Imported("x", HERE, "", ImportState(), rows, links)], LOCAL)

        assert not gate.allows("ann")
        assert not gate.allows(address=OLD_NUMBER)
        assert contacts(gate).get(HERE, "ann").addresses == (OLD_NUMBER,)
