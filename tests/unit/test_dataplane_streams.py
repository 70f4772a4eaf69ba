"""Streams: their ids and states, header blocks over several frames (RFC 9113, sections 5.1, 6.2 and 6.10)."""

import pytest

from gate.dataplane.limits import Limits
from tests.unit.dataplane_peer import (
    END_HEADERS,
    END_STREAM,
    LATER,
    PADDED,
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
    word,
)

BLOCK = literals(call_fields())
DONE = frame(Kind.DATA, END_STREAM, 1, framed(b"word"))
RESET = frame(Kind.RST_STREAM, 0, 1, word(Code.CANCEL))
EMPTY = frame(Kind.DATA, END_STREAM, 1)
MORE = frame(Kind.DATA, 0, 1, b"more")
TRAILERS = headers(1, [(b"x-end", b"1")], END_HEADERS | END_STREAM)
MALFORMED = headers(1, [(b"Bad", b"")])


@pytest.mark.parametrize("place", range(len(BLOCK) + 1))
def test_a_block_may_be_split_anywhere(place: int) -> None:
    """HEADERS and two CONTINUATION frames may share a block at any byte, with an empty one among them."""
    client = Client().greet()

    answer = client.answer(
        frame(Kind.HEADERS, PADDED | PRIORITY, 1, b"\x02" + word(0) + b"\0" + BLOCK[:place] + bytes(2)),
        frame(Kind.CONTINUATION, 0, 1),
        frame(Kind.CONTINUATION, END_HEADERS, 1, BLOCK[place:]),
        DONE,
    )

    assert (answer.status, answer.body) == (0, framed(b"word"))


@pytest.mark.parametrize(
    "between",
    [
        frame(Kind.PING, 0, 0, bytes(8)),
        frame(Kind.SETTINGS, 0, 0),
        frame(Kind.WINDOW_UPDATE, 0, 0, word(1)),
        frame(Kind.PRIORITY, 0, 1, bytes(4) + b"\0"),
        frame(Kind.RST_STREAM, 0, 1, word(8)),
        frame(Kind.GOAWAY, 0, 0, bytes(8)),
        frame(Kind.DATA, END_STREAM, 1),
        frame(Kind.HEADERS, END_HEADERS, 1, BLOCK),
        request(3),
        frame(99, 0, 0),
        frame(Kind.CONTINUATION, END_HEADERS, 3, BLOCK),
        frame(Kind.CONTINUATION, END_HEADERS, 0, BLOCK),
    ],
)
def test_nothing_comes_between_the_frames_of_a_block(between: bytes) -> None:
    """A block is one thing: any other frame in its middle ends the connection, also from a client without a table."""
    assert Client().greet().fault(frame(Kind.HEADERS, 0, 1, BLOCK[:5]), between) == Code.PROTOCOL_ERROR
    client = Client().greet().empty_table()
    client.send(request(3))
    assert client.fault(frame(Kind.HEADERS, 0, 5, BLOCK[:5]), request(7)) == Code.PROTOCOL_ERROR


def test_a_block_that_ended_has_no_more_frames() -> None:
    """CONTINUATION after END_HEADERS ends the connection (section 6.10)."""
    assert Client().greet().fault(headers(1, call_fields()), frame(9, 4, 1)) == Code.PROTOCOL_ERROR


def test_trailers_end_a_request() -> None:
    """A request may end with a second block (section 8.1)."""
    client = Client().greet()

    answer = client.answer(headers(1, call_fields()), frame(Kind.DATA, 0, 1, framed(b"word")), TRAILERS)

    assert (answer.status, answer.body) == (0, framed(b"word"))


@pytest.mark.parametrize(
    "octets",
    [
        headers(1, [(b"x-end", b"1")]),
        headers(1, call_fields(), END_HEADERS | END_STREAM),
        headers(1, [(b":status", b"200")], END_HEADERS | END_STREAM),
    ],
    ids=["no END_STREAM", "a second request", "a pseudo-header"],
)
def test_malformed_trailers(octets: bytes) -> None:
    """Trailers that end nothing, or have pseudo-headers, reset the stream (section 8.1)."""
    found = answers(Client().greet().send(headers(1, call_fields()), octets, request(3)))

    assert (found[1].reset, found[3].status) == (Code.PROTOCOL_ERROR, 0)


@pytest.mark.parametrize("name", [b"connection", b"Upper", b"sp ace", b""])
def test_malformed_names_in_trailers(name: bytes) -> None:
    """Field names are checked in trailers as in requests (section 8.2)."""
    octets = headers(1, [(name, b"1")], END_HEADERS | END_STREAM)

    found = answers(Client().greet().send(headers(1, call_fields()), octets, request(3)))

    assert (found[1].reset, found[3].status) == (Code.PROTOCOL_ERROR, 0)


STATES = [
    # While the call runs, the client has said all: half-closed (remote).
    ("running", headers(1, call_fields(LATER)) + DONE, EMPTY, "stream", Code.STREAM_CLOSED),
    ("running", headers(1, call_fields(LATER)) + DONE, MORE, "stream", Code.STREAM_CLOSED),
    ("running", headers(1, call_fields(LATER)) + DONE, TRAILERS, "stream", Code.STREAM_CLOSED),
    ("running", headers(1, call_fields(LATER)) + DONE, headers(1, call_fields()), "stream", Code.STREAM_CLOSED),
    # Both sides have said all: closed.
    ("answered", headers(1, call_fields()) + DONE, MORE, "stream", Code.STREAM_CLOSED),
    ("answered", headers(1, call_fields()) + DONE, TRAILERS, "connection", Code.STREAM_CLOSED),
    ("answered", headers(1, call_fields()) + DONE, headers(1, call_fields()), "connection", Code.STREAM_CLOSED),
    # The client gave up: closed.
    ("reset", headers(1, call_fields()) + RESET, MORE, "stream", Code.STREAM_CLOSED),
    ("reset", headers(1, call_fields()) + RESET, TRAILERS, "connection", Code.STREAM_CLOSED),
    ("reset", headers(1, call_fields()) + RESET, RESET, "nothing", None),
    # The gate gave up: what was on its way is no fault.
    ("malformed", MALFORMED, MORE, "nothing", None),
    ("malformed", MALFORMED, EMPTY, "nothing", None),
    ("malformed", MALFORMED, TRAILERS, "nothing", None),
    ("malformed", MALFORMED, RESET, "nothing", None),
    ("malformed", MALFORMED, frame(Kind.WINDOW_UPDATE, 0, 1, word(9)), "nothing", None),
    ("malformed", MALFORMED, frame(Kind.PRIORITY, 0, 1, bytes(5)), "nothing", None),
]


@pytest.mark.parametrize(
    ("before", "octets", "whose", "code"), [case[1:] for case in STATES], ids=[f"{at}" for at in range(len(STATES))]
)
def test_frames_in_a_state_that_does_not_take_them(before: bytes, octets: bytes, whose: str, code: int | None) -> None:
    """Each state of a stream takes its frames and answers others as section 5.1 says, without harm to other streams."""
    client = Client().greet()
    client.send(before)

    frames = client.send(octets)

    if whose == "connection":
        assert [each.kind for each in frames] == [Kind.GOAWAY]
        assert int.from_bytes(frames[0].payload[4:8]) == code
    else:
        expected = [] if code is None else [(Kind.RST_STREAM, 0, 1, word(code))]
        assert frames == expected
        assert client.answer(request(3), stream_id=3).status == 0
    assert client.connection.calls == 0


@pytest.mark.parametrize("later", [1, 3, 5, 7])
@pytest.mark.parametrize("table", [True, False], ids=["long way", "fast path"])
def test_ids_only_rise(later: int, *, table: bool) -> None:
    """A stream whose id is not above all others is over, or was skipped: the connection ends (section 5.1.1)."""
    client = Client().greet()
    if not table:
        client.empty_table()
    client.send(request(3), request(7))

    code = Code.PROTOCOL_ERROR if later == 5 or (later == 1 and table) else Code.STREAM_CLOSED
    assert client.fault(headers(later, call_fields())) == code


def test_ids_may_skip_some() -> None:
    """A client need not use every id (section 5.1.1), the highest of all included."""
    client = Client().greet().empty_table()

    found = answers(client.send(request(3), request(2_001), request(2_003), request(2**31 - 1)))

    assert {stream_id: answer.status for stream_id, answer in found.items()} == dict.fromkeys(
        (3, 2_001, 2_003, 2**31 - 1), 0
    )


def test_skipped_streams_are_over() -> None:
    """Ids below the last one are closed, never to be used: DATA there is no fault of an idle stream (section 5.1.1)."""
    client = Client().greet()
    client.send(request(9))

    assert client.send(frame(Kind.RST_STREAM, 0, 5, word(8)), frame(Kind.WINDOW_UPDATE, 0, 5, word(8))) == []


def test_one_stream_too_many_is_refused() -> None:
    """A stream past SETTINGS_MAX_CONCURRENT_STREAMS is refused, and there is room again when one ends (5.1.2)."""
    client = Client(Limits(streams=2)).greet().empty_table()
    client.send(request(3, path=LATER), headers(5, call_fields()))

    found = answers(client.send(request(7)))
    assert (found[7].reset, found[7].head) == (Code.REFUSED_STREAM, {})

    client.connection.answer(3, framed(b""))
    client.read()
    assert client.answer(request(9), stream_id=9).status == 0
    assert client.connection.calls == 1


def test_a_client_may_say_goaway() -> None:
    """After a client's GOAWAY its calls are still answered, those that it makes later included (section 6.8)."""
    client = Client().greet()
    client.send(request(1, path=LATER))

    frames = client.send(frame(Kind.GOAWAY, 0, 0, word(0) + word(0) + b"debug"), request(3))
    client.connection.answer(1, framed(b"late"))

    found = answers([*frames, *client.read()])
    assert (found[1].body, found[3].status) == (framed(b"late"), 0)
