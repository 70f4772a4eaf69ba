"""Flow control both ways, of streams and of the connection (RFC 9113, sections 5.2 and 6.9)."""

import pytest

from gate.dataplane.limits import Limits
from gate.dataplane.replies import DONE
from tests.unit.dataplane_peer import (
    END_STREAM,
    INITIAL_WINDOW,
    LATER,
    Answer,
    Client,
    Code,
    Frame,
    Kind,
    answers,
    call_fields,
    frame,
    framed,
    headers,
    request,
    settings,
    word,
)


def widen(stream_id: int, size: int) -> bytes:
    """Write WINDOW_UPDATE."""
    return frame(Kind.WINDOW_UPDATE, 0, stream_id, word(size))


def sent(frames: list[Frame]) -> int:
    """Count the bytes of all answers."""
    return sum(len(each.payload) for each in frames if each.kind == Kind.DATA)


def data(size: int, stream_id: int = 1, flags: int = 0) -> bytes:
    """Write DATA of zeros."""
    return frame(Kind.DATA, flags, stream_id, bytes(size))


def returned(frames: list[Frame], stream_id: int) -> int:
    """Count what the gate lets a client send again."""
    updates = [each for each in frames if each.kind == Kind.WINDOW_UPDATE and each.stream_id == stream_id]
    return sum(int.from_bytes(each.payload) for each in updates)


@pytest.mark.parametrize("table", [True, False], ids=["long way", "fast path"])
def test_an_answer_waits_for_its_stream(*, table: bool) -> None:
    """With a window of 0 only the answer's head is sent, then exactly as many bytes as each update allows."""
    client = Client().greet((INITIAL_WINDOW, 0))
    if not table:
        client.empty_table()

    (head,) = client.send(request(3, b"0123456789"))
    three = client.send(widen(3, 3))
    rest = client.send(widen(3, 1_000))

    assert (head.kind, sent(three), sent(rest)) == (Kind.HEADERS, 3, 12)
    whole = answers([head, *three, *rest])[3]
    assert (whole.body, whole.status, whole.ended) == (framed(b"0123456789"), 0, True)


def test_no_window_is_needed_for_a_status() -> None:
    """An answer that is only a status is not held up by a window of 0."""
    client = Client().greet((INITIAL_WINDOW, 0))

    assert client.answer(request(1, path=b"/none")).status == 12


@pytest.mark.parametrize("table", [True, False], ids=["long way", "fast path"])
def test_answers_wait_for_the_connection(*, table: bool) -> None:
    """All streams share the connection's window, which is 65,535 bytes whatever SETTINGS say (section 6.9.2)."""
    client = Client().greet((INITIAL_WINDOW, 2**20))
    if not table:
        client.empty_table().send(widen(0, 5))
    message = bytes(16_379)

    frames = client.send(*(request(stream_id, message) for stream_id in (3, 5, 7, 9, 11)))
    more = client.send(widen(0, 10))
    rest = client.send(widen(0, 10**6))

    assert (sent(frames), sent(more), sent(rest)) == (65_535, 10, 5 * 16_384 - 65_545)
    assert [answer.status for answer in answers([*frames, *more, *rest]).values()] == [0] * 5
    assert client.connection.calls == 0


def test_a_blocked_stream_does_not_hold_up_others() -> None:
    """A stream without a window waits alone; the connection's window is everybody's."""
    client = Client().greet((INITIAL_WINDOW, 0))
    client.send(request(1, b"one"), request(3, b"three"))

    found = answers(client.send(widen(3, 100)))

    assert list(found) == [3]
    assert answers(client.send(widen(0, 100), widen(1, 100)))[1].ended


def test_a_window_may_become_negative() -> None:
    """After SETTINGS shrink a window that is in use, nothing is sent until it is positive again (section 6.9.2)."""
    client = Client().greet((INITIAL_WINDOW, 10))
    assert sent(client.send(request(1, bytes(15)))) == 10

    client.send(settings((INITIAL_WINDOW, 4)))

    assert sent(client.send(widen(1, 6))) == 0
    assert sent(client.send(widen(1, 1))) == 1
    assert sent(client.send(settings((INITIAL_WINDOW, 7)))) == 3
    assert sent(client.send(settings((INITIAL_WINDOW, 100)))) == 6
    assert client.connection.calls == 0


def test_settings_are_acknowledged_before_they_are_used() -> None:
    """What a larger window lets go follows the acknowledgement: before it, the smaller one is in force (6.5.3)."""
    client = Client().greet((INITIAL_WINDOW, 0))
    client.send(request(1))

    kinds = [each.kind for each in client.send(settings((INITIAL_WINDOW, 100)))]

    assert kinds == [Kind.SETTINGS, Kind.DATA, Kind.HEADERS]


def test_settings_do_not_change_the_connections_window() -> None:
    """SETTINGS_INITIAL_WINDOW_SIZE is about streams only (section 6.9.2)."""
    client = Client().greet((INITIAL_WINDOW, 2**20))
    client.send(*(request(stream_id, bytes(16_379)) for stream_id in (1, 3, 5, 7)))

    assert sent(client.send(settings((INITIAL_WINDOW, 2**21)))) == 0
    assert sent(client.send(widen(0, 1))) == 1


def test_messages_of_a_stream_wait_in_order() -> None:
    """A call with several messages is told to go on when what it sent is on its way."""
    client = Client().greet((INITIAL_WINDOW, 8))
    client.send(request(1, path=LATER))

    client.connection.send(1, framed(b"one"))
    assert client.later[1].drains == 1
    client.connection.send(1, framed(b"two"))
    first = client.read()
    client.connection.end(1, DONE)
    assert (client.later[1].drains, sent(first), client.read()) == (1, 8, [])

    second = client.send(widen(1, 8))
    assert answers([*first, *second])[1] == Answer(
        {b":status": b"200", b"content-type": b"application/grpc"}, framed(b"one") + framed(b"two"),
        {b"grpc-status": b"0"}, ended=True,
    )  # fmt: skip


def test_a_large_request_gets_its_windows_back() -> None:
    """A request of 5 MB gets through with a client that keeps to every window."""
    client = Client().greet()
    body = framed(bytes(5_000_000))
    connection = client.limits.connection_window
    stream = client.limits.stream_window
    client.send(headers(1, call_fields(LATER)))
    place = 0

    while place < len(body):
        size = min(16_384, len(body) - place, connection, stream)
        assert size > 0
        flags = END_STREAM if place + size == len(body) else 0
        frames = client.send(frame(Kind.DATA, flags, 1, body[place : place + size]))
        place += size
        connection += returned(frames, 0) - size
        stream += returned(frames, 1) - size

    assert len(client.started[0][2]) == 5_000_000


def test_small_calls_get_the_connections_window_back() -> None:
    """Calls that come in one piece count against the connection's window like all others."""
    client = Client(Limits(connection_window=65_536)).greet().empty_table()
    frames = client.send(*(request(stream_id, bytes(995)) for stream_id in range(3, 203, 2)))

    assert len(answers(frames)) == 100
    assert 100_000 - 32_768 - 1_005 <= returned(frames, 0) <= 100_005


def test_padding_counts() -> None:
    """Flow control counts padding and its length, and gives them back (section 6.9.1)."""
    client = Client(Limits(stream_window=100, connection_window=65_536)).greet()

    frames = client.send(headers(1, call_fields()), frame(Kind.DATA, 0x8, 1, b"\x32" + bytes(50)))

    assert returned(frames, 1) == 51


def test_more_than_a_streams_window() -> None:
    """A client that sends more than a stream's window is told so, on that stream (section 6.9.1)."""
    client = Client(Limits(stream_window=1_000)).greet()
    body = framed(bytes(2_000))
    found = answers(client.send(headers(1, call_fields()), frame(Kind.DATA, 0, 1, body[:1_001]), request(3)))

    assert (found[1].reset, found[3].status) == (Code.FLOW_CONTROL_ERROR, 0)


def test_data_of_streams_that_are_over_counts() -> None:
    """What comes for a stream that the gate reset is dropped, and the connection's window is given back for it."""
    client = Client(Limits(connection_window=65_536)).greet()
    client.send(headers(1, [(b"bad name", b"")]))

    frames = client.send(data(16_384), data(16_384), data(1))

    assert {each.kind for each in frames} == {Kind.WINDOW_UPDATE}
    assert returned(frames, 0) == 32_769


def test_too_many_unfinished_bytes() -> None:
    """Bytes of unfinished requests are bounded for each connection: the call that is too much is refused."""
    client = Client(Limits(buffered_bytes=20_000, stream_bytes=0)).greet()
    begun = framed(bytes(100_000))[:16_384]

    found = answers(
        client.send(*(headers(each, call_fields()) + frame(Kind.DATA, 0, each, begun) for each in (1, 3)), request(5))
    )

    assert (found[3].status, found[3].reset, found[5].status) == (8, Code.NO_ERROR, 0)
    assert b"unfinished" in found[3].message
    assert client.connection.calls == 1


def test_finished_requests_make_room() -> None:
    """What was finished, reset or refused no longer counts against the bytes of unfinished requests."""
    client = Client(Limits(buffered_bytes=20_000, stream_bytes=0)).greet()
    begun = framed(bytes(16_379))

    for stream_id in range(1, 31, 6):
        client.send(headers(stream_id, call_fields()) + frame(Kind.DATA, 0, stream_id, begun))
        client.send(frame(Kind.DATA, END_STREAM, stream_id, b""))
        client.send(headers(stream_id + 2, call_fields()) + frame(Kind.DATA, 0, stream_id + 2, begun))
        client.send(frame(Kind.RST_STREAM, 0, stream_id + 2, word(8)))
        client.send(headers(stream_id + 4, call_fields()) + frame(Kind.DATA, 0, stream_id + 4, begun))
        assert answers(client.send(data(1, stream_id + 4)))[stream_id + 4].status == 12

    assert len(client.started) == 5
