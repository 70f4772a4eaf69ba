"""The h2 library as the client: it accepts all that the gate sends, and every call gets its own answer."""

from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.dataplane_oracle import SCRIPTS, Ask, Conversation, Do, Reply, chunks, rearranged, whole
from tests.unit.dataplane_peer import (
    END_STREAM,
    Client,
    Frame,
    Kind,
    call_fields,
    frame,
    framed,
    headers,
    request,
    split,
)

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RIGHT_HEAD = [(b":status", b"200"), (b"content-type", b"application/grpc")]


def is_answered(ask: Ask, reply: Reply) -> bool:
    """Tell whether a call got what it asked for."""
    right = Reply(RIGHT_HEAD, framed(ask.message), [(b"grpc-status", b"0")], ended=True)
    return reply == right


@pytest.mark.parametrize("deliver", [whole, chunks, rearranged])
@given(script=SCRIPTS, seed=st.integers(0, 2**32))
@QUICK
def test_legal_conversations(
    deliver: Callable[[bytes, Random], Iterator[bytes]], script: list[Ask | Do], seed: int
) -> None:
    """Whatever a legal client does and however its bytes come, it hears legal HTTP/2 and the answers it asked for."""
    conversation = Conversation(Random(seed), deliver)  # noqa: S311  to repeat a failure

    conversation.play(script)

    for stream_id, ask in conversation.asked.items():
        if stream_id not in conversation.given_up:
            assert is_answered(ask, conversation.replies[stream_id])
    calls = {stream_id: head for stream_id, head, _ in conversation.gate.started}
    for stream_id, head in calls.items():
        metadata = [field for field in head.metadata if field[0] != "x-large"]
        assert metadata == conversation.asked[stream_id].metadata
    assert conversation.gate.connection.calls == 0
    assert not conversation.gate.connection.closed


def answered(client: Client) -> list[Frame]:
    """Read what a client was told, without the frames that give windows back."""
    return [each for each in split(client.connection.take()) if each.kind != Kind.WINDOW_UPDATE]


def recorded() -> bytes:
    """Record what a client sends that does a bit of everything."""
    conversation = Conversation(Random(1), rearranged)  # noqa: S311  always the same
    plain = Ask(b"one", 1, None, [("x-word", "value")], 0, None, later=False, trailers=False)
    conversation.play(
        [
            plain,
            Do("exchange", 0),
            plain,
            Ask(b"two" * 9, 3, 7, [], 0, 9, later=False, trailers=True),
            Do("ping", 7),
            plain,
            plain,
            Do("window", 40),
            Ask(b"three" * 30, 2, None, [], 0, None, later=False, trailers=False),
            plain,
        ]
    )
    return bytes(conversation.said)


def test_every_place_to_cut() -> None:
    """One conversation, cut in two at every byte, and into single bytes, gets the same answers."""
    octets = recorded()
    client = Client()
    client.connection.receive(octets)
    expected = answered(client)
    assert len(expected) >= 3 * 6
    assert not client.connection.closed

    for place in range(1, len(octets)):
        client = Client()
        client.connection.receive(octets[:place])
        client.connection.receive(octets[place:])
        assert answered(client) == expected
    client = Client()
    for place in range(len(octets)):
        client.connection.receive(octets[place : place + 1])
    assert answered(client) == expected


MESSAGES = st.lists(st.binary(max_size=300) | st.sampled_from([bytes(16_379), bytes(16_000)]), max_size=9)


@given(
    messages=MESSAGES, deadline=st.sampled_from([None, b"1S", b"x"]), path=st.sampled_from([b"/test.Words/Echo", b"/"])
)
@QUICK
def test_both_ways_agree(messages: list[bytes], deadline: bytes | None, path: bytes) -> None:
    """Calls answered at once, and the same calls taken frame by frame, are answered byte for byte the same."""
    fields = call_fields(path) if deadline is None else call_fields(path, grpc_timeout=deadline)
    calls = [
        (headers(at, fields), frame(Kind.DATA, END_STREAM, at, framed(message)))
        for at, message in zip(range(5, 999, 2), messages, strict=False)
    ]
    at_once, by_frame = (Client().greet().empty_table() for _ in range(2))
    for client in (at_once, by_frame):
        client.send(request(3))

    at_once.connection.receive(b"".join(head + data for head, data in calls))
    for call in calls:
        for octets in call:
            by_frame.connection.receive(octets)

    assert answered(at_once) == answered(by_frame)
    assert [call[2] for call in at_once.started] == [call[2] for call in by_frame.started]
