"""Frames that steer a connection: SETTINGS, PING, PRIORITY, RST_STREAM, WINDOW_UPDATE (RFC 9113, section 6)."""

import pytest

from tests.unit.dataplane_peer import (
    ACK,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW,
    LATER,
    MAX_FRAME,
    MAX_LIST,
    MAX_STREAMS,
    PRIORITY,
    Client,
    Code,
    Kind,
    answers,
    call_fields,
    frame,
    framed,
    headers,
    literals,
    request,
    settings,
    word,
)

ACKNOWLEDGED = (Kind.SETTINGS, ACK, 0, b"")
WIDEST = 2**31 - 1


@pytest.mark.parametrize(
    "values",
    [
        [],
        [(HEADER_TABLE_SIZE, 0)],
        [(HEADER_TABLE_SIZE, 2**32 - 1)],
        [(ENABLE_PUSH, 0)],
        [(ENABLE_PUSH, 1)],
        [(MAX_STREAMS, 0)],
        [(INITIAL_WINDOW, 0)],
        [(INITIAL_WINDOW, WIDEST)],
        [(MAX_FRAME, 16_384)],
        [(MAX_FRAME, 2**24 - 1)],
        [(MAX_LIST, 0)],
        [(0, 1), (7, 1), (8, 1), (0x4321, 2**32 - 1)],
        [(INITIAL_WINDOW, 1), (INITIAL_WINDOW, 70_000), (MAX_FRAME, 20_000), (MAX_FRAME, 16_384)],
    ],
)
def test_settings_are_acknowledged(values: list[tuple[int, int]]) -> None:
    """Every allowed value is acknowledged, unknown settings are ignored (section 6.5.2)."""
    client = Client().greet()

    assert client.send(settings(*values)) == [ACKNOWLEDGED]
    assert client.answer(request(1)).ended or (INITIAL_WINDOW, 0) in values


@pytest.mark.parametrize(
    ("code", "number", "value"),
    [
        (Code.PROTOCOL_ERROR, ENABLE_PUSH, 2),
        (Code.FLOW_CONTROL_ERROR, INITIAL_WINDOW, 2**31),
        (Code.FLOW_CONTROL_ERROR, INITIAL_WINDOW, 2**32 - 1),
        (Code.PROTOCOL_ERROR, MAX_FRAME, 16_383),
        (Code.PROTOCOL_ERROR, MAX_FRAME, 2**24),
        (Code.PROTOCOL_ERROR, MAX_FRAME, 0),
    ],
)
def test_settings_out_of_bounds(code: Code, number: int, value: int) -> None:
    """A value out of its bounds ends the connection, wherever it stands in the frame (section 6.5.2)."""
    assert Client().greet().fault(settings((number, value))) == code
    assert Client().greet().fault(settings((MAX_LIST, 1), (number, value), (MAX_LIST, 1))) == code


def test_a_larger_frame_size_is_used() -> None:
    """An answer's DATA frames become as large as the client takes (section 4.2)."""
    client = Client().greet((MAX_FRAME, 20_000), (INITIAL_WINDOW, 100_000))
    message = bytes(30_000)

    frames = client.send(*_in_pieces(1, framed(message)))

    assert [len(each.payload) for each in frames if each.kind == Kind.DATA] == [20_000, 10_005]


def _in_pieces(stream_id: int, body: bytes) -> list[bytes]:
    """Write a call with a body of several frames."""
    pieces = [body[place : place + 16_384] for place in range(0, len(body), 16_384)]
    last = len(pieces) - 1
    data = [frame(Kind.DATA, END_STREAM if at == last else 0, stream_id, piece) for at, piece in enumerate(pieces)]
    return [headers(stream_id, call_fields()), *data]


def test_a_ping_is_answered() -> None:
    """PING comes back with the same eight bytes; an answer to a ping is not answered (section 6.7)."""
    client = Client().greet()

    assert client.send(frame(Kind.PING, 0, 0, b"01234567")) == [(Kind.PING, ACK, 0, b"01234567")]
    assert client.send(frame(Kind.PING, ACK, 0, b"01234567")) == []


@pytest.mark.parametrize("stream_id", [1, 3, 2, 99])
def test_priority_is_ignored(stream_id: int) -> None:
    """PRIORITY changes nothing, on an open, a closed, an idle or the server's stream (section 5.3.2)."""
    client = Client().greet()
    client.send(request(1), headers(3, call_fields()))

    assert client.send(frame(Kind.PRIORITY, 0, stream_id, word(0x8000_0007) + b"\xff")) == []
    assert client.answer(frame(Kind.DATA, END_STREAM, 3, framed(b"")), stream_id=3).status == 0


def test_priority_on_itself() -> None:
    """A stream that depends on itself is a fault, which ends the connection where the stream may be idle."""
    assert Client().greet().fault(frame(Kind.PRIORITY, 0, 1, word(1) + b"\0")) == Code.PROTOCOL_ERROR


@pytest.mark.parametrize("flags", [END_STREAM, END_STREAM | END_HEADERS], ids=["with CONTINUATION", "one frame"])
def test_headers_that_depend_on_themselves(flags: int) -> None:
    """A request's stream that depends on itself is the same fault, before its block is read."""
    client = Client().greet()

    octets = frame(Kind.HEADERS, flags | PRIORITY, 1, word(1) + bytes(1) + literals(call_fields(LATER)))

    assert client.fault(octets) == Code.PROTOCOL_ERROR
    assert client.started == []


def test_a_reset_cancels_the_call() -> None:
    """RST_STREAM stops the call, and nothing more is sent on its stream (section 6.4)."""
    client = Client().greet()
    client.send(request(1, path=LATER))

    frames = client.send(frame(Kind.RST_STREAM, 0, 1, word(Code.CANCEL)))
    client.connection.answer(1, framed(b"too late"))

    assert client.later[1].cancelled
    assert (frames, client.read(), client.connection.calls) == ([], [], 0)


@pytest.mark.parametrize("code", [0, 8, 0xDEAD_BEEF])
def test_a_reset_of_what_is_over_is_ignored(code: int) -> None:
    """RST_STREAM may cross the answer on its way (section 5.1)."""
    client = Client().greet()
    client.send(request(1))

    assert client.send(frame(Kind.RST_STREAM, 0, 1, word(code))) == []


@pytest.mark.parametrize(
    ("code", "increments"),
    [(Code.PROTOCOL_ERROR, [0]), (Code.FLOW_CONTROL_ERROR, [WIDEST]), (Code.FLOW_CONTROL_ERROR, [2**30, 2**30])],
)
def test_a_wrong_increment_of_the_connection(code: Code, increments: list[int]) -> None:
    """An increment of 0, or past 2^31-1 bytes, on stream 0 ends the connection (section 6.9)."""
    updates = [frame(Kind.WINDOW_UPDATE, 0, 0, word(each)) for each in increments]

    assert Client().greet().fault(*updates) == code


@pytest.mark.parametrize(
    ("code", "increment"), [(Code.PROTOCOL_ERROR, 0), (Code.PROTOCOL_ERROR, 2**31), (Code.FLOW_CONTROL_ERROR, WIDEST)]
)
def test_a_wrong_increment_of_a_stream(code: Code, increment: int) -> None:
    """On a stream it ends that stream and its call, and the others do not notice (section 6.9)."""
    client = Client().greet()
    client.send(request(1, path=LATER))

    found = answers(client.send(frame(Kind.WINDOW_UPDATE, 0, 1, word(increment)), request(3)))

    assert (found[1].reset, found[3].status) == (code, 0)
    assert client.later[1].cancelled


def test_a_window_grows_to_its_bound() -> None:
    """A window of exactly 2^31-1 bytes is allowed (section 6.9.1)."""
    client = Client().greet((INITIAL_WINDOW, WIDEST))
    widest = word(WIDEST - 65_535)

    assert client.send(headers(1, call_fields()), frame(Kind.WINDOW_UPDATE, 0, 0, widest)) == []
    assert answers(client.send(frame(Kind.WINDOW_UPDATE, 0, 1, word(1))))[1].reset == Code.FLOW_CONTROL_ERROR


def test_an_increment_of_what_is_over_is_ignored() -> None:
    """WINDOW_UPDATE may cross the end of its stream (section 6.9)."""
    client = Client().greet()
    client.send(request(1))

    assert client.send(frame(Kind.WINDOW_UPDATE, 0, 1, word(WIDEST))) == []


def test_new_settings_may_overflow_a_stream() -> None:
    """SETTINGS_INITIAL_WINDOW_SIZE that takes an open stream past 2^31-1 bytes ends the connection (section 6.9.2)."""
    client = Client().greet()
    client.send(request(1, path=LATER), frame(Kind.WINDOW_UPDATE, 0, 1, word(1)))

    assert client.fault(settings((INITIAL_WINDOW, WIDEST))) == Code.FLOW_CONTROL_ERROR
    assert client.later[1].cancelled
