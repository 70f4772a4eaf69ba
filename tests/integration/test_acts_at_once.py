"""Acts of people that share a commit with each other and with events: each sees what came before it."""

import asyncio
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from gate.connections import Connections
from gate.errors import PreconditionError, Reason
from gate.rules.model import Channel
from gate.rules.review import PhraseState, ReviewState
from gate.service.caller import LOCAL
from gate.service.contacts import Contacts, DndChange
from gate.service.reviews import Evidence, Reviews
from tests.integration.parts import HERE, NEW_NUMBER, NOON, SECOND, Parts, reply, running

EVIDENCE = Evidence(HERE, "ann", Channel.SMS, ("0-123",), "https://example.com/1", "")
OFF = DndChange(HERE, "ann", on=False, channels=(Channel.SMS,), note="", remediated=False)
ON = OFF._replace(on=True)


class Desk(NamedTuple):
    """A running gate and the use cases of people."""

    gate: Parts
    contacts: Contacts
    reviews: Reviews


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Open a gate whose writer takes whatever is asked for at once as one group."""
    async with running(tmp_path / "gate.db") as gate:
        contacts = Contacts(gate.store, gate.states, gate.recorder, Connections())
        yield Desk(gate, contacts, Reviews(gate.store, gate.recorder, contacts))


async def test_the_first_decision_on_a_review_is_taken(desk: Desk) -> None:
    """The second one in the same commit is told that it was decided."""
    review = await desk.reviews.submit(EVIDENCE, LOCAL)

    rejected, late = await asyncio.gather(
        desk.reviews.reject(review.review_id, "no", LOCAL),
        desk.reviews.approve(review.review_id, "yes", LOCAL),
        return_exceptions=True,
    )

    assert isinstance(late, PreconditionError)
    assert late.reason is Reason.ALREADY_DECIDED
    assert desk.reviews.get(review.review_id, LOCAL) == rejected
    assert desk.reviews.get(review.review_id, LOCAL).state is ReviewState.REJECTED


async def test_the_first_decision_on_a_message_is_taken(desk: Desk) -> None:
    """The second one in the same commit is told that it was decided, and suppresses nothing."""
    answer = await desk.gate.record(reply("please stop texting me", contact="ann"))

    _, late = await asyncio.gather(
        desk.reviews.dismiss(str(answer.revision), LOCAL),
        desk.reviews.confirm(str(answer.revision), LOCAL),
        return_exceptions=True,
    )

    assert isinstance(late, PreconditionError)
    assert [phrase.state for phrase in desk.reviews.phrases(HERE, None, 99, 9)] == [PhraseState.DISMISSED]
    assert desk.gate.allows("ann")


async def test_a_switch_sees_the_opt_out_before_it(desk: Desk) -> None:
    """A STOP that is taken first refuses a switch in the same commit, though nothing stands on the disk yet."""
    _, refusal, _ = await asyncio.gather(
        desk.gate.record(reply("STOP", contact="ann")),
        desk.contacts.set_dnd(OFF, LOCAL),
        desk.gate.record(reply("hello", contact="bob")),
        return_exceptions=True,
    )

    assert isinstance(refusal, PreconditionError)
    assert not desk.gate.allows("ann")


async def test_a_switch_sees_the_link_before_it(desk: Desk) -> None:
    """An address that is linked first has its say on a switch in the same commit."""
    await desk.gate.record(reply("STOP", address=NEW_NUMBER, at=NOON - SECOND))

    _, refusal = await asyncio.gather(
        desk.contacts.link(HERE, "ann", NEW_NUMBER, LOCAL),
        desk.contacts.set_dnd(OFF, LOCAL),
        return_exceptions=True,
    )

    assert isinstance(refusal, PreconditionError)
    assert not desk.gate.allows("ann")


@pytest.mark.parametrize("order", list(product((ON, OFF), repeat=3)))
async def test_the_last_switch_holds(desk: Desk, order: tuple[DndChange, ...]) -> None:
    """Switches at the same instant and in one commit take effect in the order in which they came."""
    await asyncio.gather(*(desk.contacts.set_dnd(change, LOCAL) for change in order))

    assert desk.gate.allows("ann") is not order[-1].on
    assert desk.gate.by_the_disk("ann", "", Channel.SMS).allowed is not order[-1].on


async def test_the_last_word_on_a_link_holds(desk: Desk) -> None:
    """Links and unlinks at the same instant take effect in the order in which they came."""
    for acts in ("lu", "lul", "ulu", "llu", "uul"):
        calls = (desk.contacts.link if act == "l" else desk.contacts.unlink for act in acts)
        await asyncio.gather(*(call(HERE, acts, NEW_NUMBER, LOCAL) for call in calls))
        assert desk.contacts.get(HERE, acts).addresses == ((NEW_NUMBER,) if acts[-1] == "l" else ())
