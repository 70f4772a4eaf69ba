"""What a group of events reads together: as many keys as there are, of any kind, and never over what it changed."""

from pathlib import Path

from gate.rules.acts import Act, EraseContact
from gate.rules.lattice import EMPTY
from gate.rules.model import DndStatus, Subject
from gate.rules.outcome import Answer
from store.database import BLOCK
from tests.integration.parts import HERE, NEW_NUMBER, NOON, OLD_NUMBER, reply, running, sent


async def test_states_that_are_read_together_are_as_if_read_alone(tmp_path: Path) -> None:
    """However many are asked for, of both kinds, suppressed, erased or unknown: each gets its own state."""
    numbers = [f"+1202555{number:04d}" for number in range(200, 300)]
    events = [reply("STOP", contact=f"c{place}", address=number) for place, number in enumerate(numbers[:70])]
    events += [reply("STOP", contact="c7", event_id="own"), sent("c7", OLD_NUMBER)]
    async with running(tmp_path / "gate.db", cache_size=1) as gate:
        await gate.recorder.record(events)
        act = Act("erasure", HERE, "c3", "", NOON, "support", EraseContact())
        await gate.recorder.take(lambda draft, now: draft.erase(act, Subject(HERE, "contact", "c3"), now))
        subjects = [Subject(HERE, "address", number) for number in numbers]
        subjects += [Subject(HERE, "contact", f"c{place}") for place in range(len(numbers))]
        subjects.append(Subject("elsewhere", "address", numbers[0]))

        alone = {subject: gate.store.load(subject) for subject in subjects}

        for count in (0, 1, 2, 3, 64, 65, len(subjects)):
            some = subjects[:count]
            assert gate.states.read_each(some) == {subject: alone[subject] for subject in some}
        assert alone[Subject(HERE, "contact", "c3")].suppressions
        assert alone[subjects[-1]] == EMPTY


async def test_a_group_sees_its_own_stop_on_a_number_of_a_contact_that_comes_later(tmp_path: Path) -> None:
    """What the group did to a number counts for a contact that uses it, though that is read only afterwards."""
    crowd = [reply("hello", contact=f"c{place}") for place in range(BLOCK)]
    async with running(tmp_path / "gate.db", cache_size=1) as gate:
        await gate.record(sent("ann", OLD_NUMBER))
        await gate.record(sent("bob", NEW_NUMBER))

        *_, answer = await gate.recorder.record(
            [reply("STOP", address=OLD_NUMBER), *crowd, reply("hello", contact="ann")]
        )

        assert isinstance(answer, Answer)
        assert answer.status is DndStatus.PARTIAL
