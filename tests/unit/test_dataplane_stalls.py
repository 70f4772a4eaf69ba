"""Clients that take their time: each stall has its end, and what it holds up is bounded."""

from gate.dataplane.limits import Limits
from tests.unit.dataplane_peer import (
    END_HEADERS,
    END_STREAM,
    INITIAL_WINDOW,
    LATER,
    PREFACE,
    Client,
    Code,
    Kind,
    call_fields,
    frame,
    framed,
    literals,
    request,
    settings,
    word,
)

BLOCK = literals(call_fields(LATER))
CANCEL = word(Code.CANCEL)


def opened(stream_id: int) -> bytes:
    """Begin a request and leave it open."""
    return frame(Kind.HEADERS, END_HEADERS, stream_id, BLOCK)


def running(stream_id: int) -> bytes:
    """Send a request whose answer takes its time."""
    return opened(stream_id) + frame(Kind.DATA, END_STREAM, stream_id, framed(b""))


def test_a_slow_preface() -> None:
    """A client that does not say preface and SETTINGS in time is hung up on, whatever part it has said."""
    for octets in (b"", PREFACE[:9], PREFACE, PREFACE + settings()[:5]):
        client = Client(Limits(preface_seconds=10.0))
        client.send(octets)
        client.connection.tick(10.0)
        assert not client.connection.closed
        client.connection.tick(10.5)

        assert client.connection.closed
        assert client.read()[-1].kind == Kind.GOAWAY


def test_a_slow_header_block() -> None:
    """A header block that is not done in time ends the connection, however often a frame of it comes."""
    client = Client(Limits(header_seconds=10.0)).greet()
    client.connection.tick(5.0)
    client.send(frame(Kind.HEADERS, 0, 1, BLOCK[:3]))
    for second in range(6, 16):
        client.send(frame(Kind.CONTINUATION, 0, 1, BLOCK[second : second + 1]))
        client.connection.tick(float(second))
    assert not client.connection.closed

    client.connection.tick(15.5)

    assert int.from_bytes(client.read()[-1].payload[4:8]) == Code.ENHANCE_YOUR_CALM


def test_a_slow_body() -> None:
    """A request that makes no progress is reset after its time; one that makes some is not."""
    client = Client(Limits(request_seconds=60.0)).greet()
    client.send(opened(1), opened(3))
    client.connection.tick(50.0)
    client.send(frame(Kind.DATA, 0, 3, b"\0"))

    client.connection.tick(61.0)

    assert client.read() == [(Kind.RST_STREAM, 0, 1, CANCEL)]
    assert client.connection.calls == 1


def test_a_call_that_runs_may_take_its_time() -> None:
    """A call that the gate itself is slow with is not reset."""
    client = Client(Limits(request_seconds=60.0)).greet()
    client.send(running(1))

    client.connection.tick(1_000.0)

    assert (client.read(), client.later[1].cancelled) == ([], False)


def test_an_answer_that_is_not_taken() -> None:
    """A window of zero holds an answer for its time, then the call is cancelled and its bytes are let go."""
    client = Client(Limits(request_seconds=60.0)).greet((INITIAL_WINDOW, 0))
    client.send(request(1, bytes(9_000)))
    client.connection.tick(60.0)
    assert client.connection.calls == 1

    client.connection.tick(60.5)

    assert client.read() == [(Kind.RST_STREAM, 0, 1, CANCEL)]
    assert client.connection.calls == 0


def test_an_answer_that_is_taken_slowly() -> None:
    """An answer of which some is taken now and then makes progress."""
    client = Client(Limits(request_seconds=60.0)).greet((INITIAL_WINDOW, 0))
    client.send(request(1, bytes(20)))

    for at in range(1, 26):
        client.connection.tick(at * 50.0)
        frames = client.send(frame(Kind.WINDOW_UPDATE, 0, 1, word(1)))

    assert frames[-1].flags & END_STREAM
    assert client.connection.calls == 0


def test_answers_that_are_not_taken_are_bounded() -> None:
    """A client that asks and asks and takes nothing is hung up on, long before memory is short."""
    client = Client(Limits(buffered_bytes=100_000, stream_bytes=0)).greet((INITIAL_WINDOW, 0)).empty_table()

    asked = [client.fault(request(stream_id, bytes(9_000))) for stream_id in range(3, 27, 2)]

    assert asked[:11] == [None] * 11
    assert asked[11] == Code.ENHANCE_YOUR_CALM
    assert client.connection.calls == 0


def test_a_late_answer_that_is_too_much_ends_the_connection() -> None:
    """The bound holds for calls that answer later too, and the others are cancelled."""
    client = Client(Limits(buffered_bytes=1_000)).greet((INITIAL_WINDOW, 0))
    client.send(running(1), running(3))

    client.connection.answer(1, framed(bytes(2_000)))

    assert int.from_bytes(client.read()[-1].payload[4:8]) == Code.ENHANCE_YOUR_CALM
    assert (client.connection.closed, client.later[3].cancelled) == (True, True)
