"""What tables for people say."""

import pytest
from msgspec import json

from gate.cli.tables import detail_words
from gate.rules import acts
from gate.rules.model import Channel, InboundMessage, SmsFailure
from tests.integration.parts import NOON


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        (InboundMessage(Channel.SMS, "[b]STOP, please[/b]"), "channel: SMS, body: [b]STOP, please[/b]"),
        (SmsFailure("", "delivered"), "message status: delivered"),
        (
            acts.SetDnd(on=True, channels=(Channel.CALL, Channel.SMS), note="asked by phone"),
            "on: yes, channels: CALL SMS, note: asked by phone, remediated: no",
        ),
        (acts.SetDnd(on=False, channels=None, remediated=True), "on: no, remediated: yes"),
        (
            acts.ApproveOptIn("1f", Channel.EMAIL, NOON),
            "review id: 1f, channel: EMAIL, submit time: 2026-03-02 12:00:00",
        ),
        (acts.LinkAddress(), ""),
    ],
)
def test_the_detail_of_an_entry_is_told_in_words(detail: object, words: str) -> None:
    """An entry of the history is told without JSON and what is empty; lists, times and flags are spelled out."""
    assert detail_words(json.encode(detail).decode()) == words


def test_an_entry_without_detail() -> None:
    """Nothing is told of nothing."""
    assert detail_words("") == ""
