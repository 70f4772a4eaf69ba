"""What all connections hold together: bounded, given back, and nobody is punished for another's hoard."""

from gate.dataplane.limits import Limits
from gate.dataplane.memory import Memory
from tests.unit.dataplane_peer import (
    END_STREAM,
    INITIAL_WINDOW,
    LATER,
    Client,
    Code,
    Kind,
    answers,
    call_fields,
    frame,
    framed,
    headers,
    request,
    word,
)

LIMITS = Limits(answer_bytes=2_000, stream_bytes=0)
BEGUN = headers(1, call_fields()) + frame(Kind.DATA, 0, 1, framed(bytes(20_000))[:9_000])


def test_unfinished_requests_of_all() -> None:
    """When all hold too much, the next piece of a request is refused; whole calls are served, and memory comes back."""
    memory = Memory(10_000)
    hoarder, other = (Client(LIMITS, memory=memory).greet() for _ in range(2))
    hoarder.send(BEGUN)
    assert memory.held == 9_000

    refused = other.answer(BEGUN)
    assert (refused.status, refused.reset) == (8, Code.NO_ERROR)
    assert other.answer(request(3), stream_id=3).status == 0
    hoarder.connection.close()

    assert memory.held == 0
    other.send(headers(5, call_fields()), frame(Kind.DATA, 0, 5, framed(bytes(8_000))))
    assert other.answer(frame(Kind.DATA, END_STREAM, 5), stream_id=5).status == 0
    assert memory.held == 0


def test_answers_that_are_not_taken_of_all() -> None:
    """When all hold too much, the connection that leaves more lying than its share is hung up on, and no other."""
    memory = Memory(10_000)
    hoarder, small = (Client(LIMITS, memory=memory).greet((INITIAL_WINDOW, 0)) for _ in range(2))
    assert small.fault(request(1, bytes(1_000))) is None
    assert hoarder.fault(request(1, bytes(8_000))) is None

    assert hoarder.fault(request(3, bytes(8_000))) == Code.ENHANCE_YOUR_CALM

    assert memory.held == 1_005
    assert answers(small.send(frame(Kind.WINDOW_UPDATE, 0, 1, word(9_999))))[1].ended
    assert memory.held == 0


def test_every_end_gives_memory_back() -> None:
    """Whether a request or an answer is reset, refused, out of time or taken, nothing of it is still counted."""
    memory = Memory(10**9)
    limits = Limits(request_seconds=60.0, message_bytes=10_000, stream_bytes=0)
    client = Client(limits, memory=memory).greet((INITIAL_WINDOW, 0))
    piece = framed(bytes(9_000))[:5_000]
    for stream_id in (1, 3, 5, 7, 9):
        client.send(headers(stream_id, call_fields(LATER)), frame(Kind.DATA, 0, stream_id, piece))
    client.send(request(11, bytes(3_000)), request(13, bytes(3_000)))
    assert memory.held == 5 * 5_000 + 2 * 3_005

    client.send(frame(Kind.RST_STREAM, 0, 1, word(Code.CANCEL)), frame(Kind.RST_STREAM, 0, 11, word(Code.CANCEL)))
    client.send(frame(Kind.DATA, 0, 3, bytes(5_000)))
    client.send(headers(5, [(b"BAD", b"")], 0x5))
    client.send(frame(Kind.DATA, END_STREAM, 7, bytes(4_005)), frame(Kind.RST_STREAM, 0, 7, word(Code.CANCEL)))
    assert memory.held == 5_000 + 3_005
    client.connection.tick(60.5)

    assert (memory.held, client.connection.calls) == (0, 0)
