"""The command line of reviews and of channels."""

import pytest

from tests.e2e.commands import answer, bounced, done, record, rows, run, says
from tests.e2e.server import Server, command

pytestmark = pytest.mark.any_transport


@pytest.fixture(scope="module")
def gate(shared_gate: Server) -> Server:
    """Start one gate for the module; each test has contacts of its own."""
    return shared_gate


EVIDENCE = ("--channel", "sms", "--number", "0-123", "--number", "0-456", "--recording", "https://example.com/r/1")


def test_a_review_is_approved(gate: Server) -> None:
    """An approved review opens the channel, and the command says that nothing remains."""
    record(gate, says("ida", "STOP", occur_time="2026-03-02T08:00:00Z"))
    submit = ("review", "submit", "--contact", "ida", *EVIDENCE, "--location", "")
    review = answer(gate, *submit)["review"]

    shown = done(gate, "review", "show", review["review_id"])
    approved = done(gate, "review", "approve", review["review_id"], "--note", "seen")

    for word in ("pending", "ida", "0-123", "0-456", "https://example.com/r/1"):
        assert word in shown
    assert ["state", "approved"] in rows(approved)
    assert ["decision note", "seen"] in rows(approved)
    assert approved.splitlines()[-1] == "no suppression remains on sms"
    again = run(gate, "review", "approve", review["review_id"])
    assert again.returncode == 1
    assert "FAILED_PRECONDITION" in again.stderr


def test_an_approval_tells_what_remains(gate: Server) -> None:
    """A suppression that a review does not lift is listed after the approval, and those of other channels are not."""
    record(gate, says("jon", "STOP", occur_time="2026-03-02T08:00:00Z"), bounced("jon", "jon@example.com"))
    done(gate, "contact", "dnd", "on", "jon", "--channel", "sms")
    review = answer(gate, "review", "submit", "--contact", "jon", *EVIDENCE)["review"]

    approved = done(gate, "review", "approve", review["review_id"])

    assert "sms stays in DND:" in approved
    assert [row[:2] for row in rows(approved) if len(row) == 8] == [["sms", "manual"]]


def test_reviews_are_listed_by_state(gate: Server) -> None:
    """A list holds a location's reviews, newest first, narrowed by state."""
    submit = ("review", "submit", *EVIDENCE, "--location", "spa", "--contact")
    kim, lee = (answer(gate, *submit, name)["review"]["review_id"] for name in ("kim", "lee"))
    done(gate, "review", "reject", kim)

    def listed(*arguments: str) -> list[list[str]]:
        return [row[:3] for row in rows(done(gate, "review", "list", "--location", "spa", *arguments))]

    assert listed() == [[lee, "pending", "lee"], [kim, "rejected", "kim"]]
    assert listed("--state", "pending") == [[lee, "pending", "lee"]]
    assert listed("--state", "approved") == []


def test_possible_opt_outs_are_decided(gate: Server) -> None:
    """A message that may be an opt-out waits; confirmed it is one, dismissed it is none."""
    record(
        gate,
        says("moe", "please stop texting me", location_id="inn"),
        says("ned", "please stop texting me", location_id="inn"),
    )
    waiting = ("review", "phrases", "--location", "inn", "--state", "pending")
    ned, moe = (row[0] for row in rows(done(gate, *waiting)))

    confirmed = rows(done(gate, "review", "confirm", moe))
    dismissed = rows(done(gate, "review", "dismiss", ned))

    assert [row[1:3] for row in (*confirmed, *dismissed)] == [["confirmed", "moe"], ["dismissed", "ned"]]
    assert rows(done(gate, *waiting)) == []
    check = ("check", "--channel", "sms", "--location", "inn", "--target", gate.data, "--contact")
    assert [command(*check, name).returncode for name in ("moe", "ned")] == [3, 0]


def test_channels(gate: Server) -> None:
    """A location has all channels until it connects one; one that drops is shown as disconnected."""
    listed = ("channel", "list", "--location", "shop")
    before = rows(done(gate, *listed))
    done(gate, "channel", "connect", "sms", "--location", "shop")
    done(gate, "channel", "connect", "email", "--location", "shop")
    done(gate, "channel", "disconnect", "sms", "--location", "shop")

    assert [row[1] for row in before] == ["connected"] * 6
    assert rows(done(gate, *listed))[:3] == [
        ["sms", "disconnected"],
        ["email", "connected"],
        ["call", "not connected"],
    ]
    assert answer(gate, *listed)["channels"][0] == {
        "channel": "CHANNEL_SMS",
        "connection": "CONNECTION_DISCONNECTED",
    }
