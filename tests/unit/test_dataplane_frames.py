"""Frames by themselves: sizes, padding, the preface, and what is ignored (RFC 9113, sections 3.4, 4, 5.5 and 6.1)."""

import pytest

from gate.dataplane.limits import Limits
from tests.unit.dataplane_peer import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PADDED,
    PREFACE,
    PRIORITY,
    Client,
    Code,
    Kind,
    call_fields,
    frame,
    framed,
    headers,
    literals,
    request,
    settings,
    split,
    word,
)

HELLO = literals(call_fields())
IDLE = 9
PADDED_DATA = PADDED | END_STREAM


def test_the_gate_speaks_first() -> None:
    """SETTINGS and the larger window of the connection go out before anything is read (section 3.4)."""
    limits = Limits(streams=7, stream_window=70_000, connection_window=90_000, header_list_bytes=5_000)

    first, second = Client(limits).read()

    assert (first.kind, first.flags, first.stream_id) == (Kind.SETTINGS, 0, 0)
    assert first.payload == settings((1, 0), (3, 7), (4, 70_000), (6, 5_000))[9:]
    assert second == (Kind.WINDOW_UPDATE, 0, 0, word(90_000 - 65_535))


@pytest.mark.parametrize("size", range(1, len(PREFACE) + 1))
def test_a_preface_may_come_in_pieces(size: int) -> None:
    """The preface is read in whatever pieces it comes (section 3.4)."""
    client = Client()
    whole = PREFACE + settings()

    for place in range(0, len(whole), size):
        client.connection.receive(whole[place : place + size])

    assert not client.connection.closed
    assert client.read()[-1] == (Kind.SETTINGS, ACK, 0, b"")


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        PREFACE[:-1] + b"x",
        b"P" + b"x",
        settings(),
    ],
    ids=["HTTP/1.1", "TLS", "last byte", "second byte", "SETTINGS alone"],
)
def test_no_other_protocol_is_answered(octets: bytes) -> None:
    """What is no HTTP/2 preface ends the connection as soon as that is plain (section 3.4)."""
    assert Client().fault(octets) == Code.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "octets",
    [
        frame(Kind.SETTINGS, ACK, 0),
        frame(Kind.PING, 0, 0, bytes(8)),
        request(1),
        frame(Kind.WINDOW_UPDATE, 0, 0, word(1)),
        frame(99, 0, 0),
    ],
    ids=["acknowledgement", "PING", "request", "WINDOW_UPDATE", "unknown"],
)
def test_settings_come_first(octets: bytes) -> None:
    """A client whose first frame is not SETTINGS is refused (section 3.4)."""
    assert Client().fault(PREFACE, octets) == Code.PROTOCOL_ERROR


@pytest.mark.parametrize(
    ("code", "octets"),
    [
        (Code.FRAME_SIZE_ERROR, frame(Kind.DATA, 0, 1, bytes(16_385))),
        (Code.FRAME_SIZE_ERROR, frame(99, 0, 0, bytes(16_385))),
        (Code.FRAME_SIZE_ERROR, frame(Kind.DATA, 0, 1, bytes(16_385))[:9]),
        (Code.FRAME_SIZE_ERROR, frame(Kind.SETTINGS, 0, 0, bytes(5))),
        (Code.FRAME_SIZE_ERROR, frame(Kind.SETTINGS, ACK, 0, bytes(6))),
        (Code.PROTOCOL_ERROR, frame(Kind.SETTINGS, 0, 1)),
        (Code.FRAME_SIZE_ERROR, frame(Kind.PING, 0, 0, bytes(7))),
        (Code.FRAME_SIZE_ERROR, frame(Kind.PING, ACK, 0, bytes(9))),
        (Code.PROTOCOL_ERROR, frame(Kind.PING, 0, 1, bytes(8))),
        (Code.FRAME_SIZE_ERROR, frame(Kind.GOAWAY, 0, 0, bytes(7))),
        (Code.PROTOCOL_ERROR, frame(Kind.GOAWAY, 0, 1, bytes(8))),
        (Code.FRAME_SIZE_ERROR, frame(Kind.WINDOW_UPDATE, 0, 0, bytes(3))),
        (Code.FRAME_SIZE_ERROR, frame(Kind.WINDOW_UPDATE, 0, 1, bytes(5))),
        (Code.FRAME_SIZE_ERROR, frame(Kind.RST_STREAM, 0, 1, bytes(3))),
        (Code.PROTOCOL_ERROR, frame(Kind.RST_STREAM, 0, 0, bytes(4))),
        (Code.FRAME_SIZE_ERROR, frame(Kind.PRIORITY, 0, 1, bytes(4))),
        (Code.PROTOCOL_ERROR, frame(Kind.PRIORITY, 0, 0, bytes(5))),
        (Code.PROTOCOL_ERROR, frame(Kind.PUSH_PROMISE, END_HEADERS, 1, word(2) + HELLO)),
        (Code.PROTOCOL_ERROR, frame(Kind.DATA, 0, 0, b"x")),
        (Code.PROTOCOL_ERROR, frame(Kind.HEADERS, END_HEADERS, 0, HELLO)),
        (Code.PROTOCOL_ERROR, frame(Kind.HEADERS, END_HEADERS, 4, HELLO)),
        (Code.PROTOCOL_ERROR, frame(Kind.CONTINUATION, END_HEADERS, 1, HELLO)),
        (Code.PROTOCOL_ERROR, frame(Kind.CONTINUATION, END_HEADERS, 0, HELLO)),
        (Code.PROTOCOL_ERROR, frame(Kind.DATA, 0, IDLE, b"x")),
        (Code.PROTOCOL_ERROR, frame(Kind.RST_STREAM, 0, IDLE, word(8))),
        (Code.PROTOCOL_ERROR, frame(Kind.WINDOW_UPDATE, 0, IDLE, word(1))),
        (Code.PROTOCOL_ERROR, frame(Kind.DATA, 0, 2, b"x")),
        (Code.PROTOCOL_ERROR, frame(Kind.RST_STREAM, 0, 2, word(8))),
        (Code.PROTOCOL_ERROR, frame(Kind.WINDOW_UPDATE, 0, 2, word(1))),
        (Code.PROTOCOL_ERROR, frame(Kind.DATA, PADDED, 1, b"")),
        (Code.PROTOCOL_ERROR, frame(Kind.DATA, PADDED, 1, b"\x01")),
        (Code.PROTOCOL_ERROR, frame(Kind.DATA, PADDED, 1, b"\xff" + bytes(254))),
        (Code.PROTOCOL_ERROR, frame(Kind.HEADERS, END_HEADERS | PADDED, 3, b"\x01")),
        (Code.PROTOCOL_ERROR, frame(Kind.HEADERS, END_HEADERS | PADDED, 3, b"")),
        (Code.FRAME_SIZE_ERROR, frame(Kind.HEADERS, END_HEADERS | PRIORITY, 3, bytes(4))),
        (Code.FRAME_SIZE_ERROR, frame(Kind.HEADERS, END_HEADERS | PRIORITY | PADDED, 3, b"\x01" + bytes(5))),
    ],
)
def test_a_fault_of_the_connection(code: Code, octets: bytes) -> None:
    """A frame of a wrong size, on a wrong stream or with wrong padding ends the connection with RFC 9113's code."""
    client = Client().greet()
    client.send(headers(1, call_fields()))

    assert client.fault(octets) == code


def test_a_large_data_frame_is_too_large_whichever_way_it_goes() -> None:
    """SETTINGS_MAX_FRAME_SIZE holds for a call that comes in one piece too (section 4.2)."""
    client = Client().greet().empty_table()
    client.send(request(3))

    assert client.fault(request(5, bytes(16_384 - 4))) == Code.FRAME_SIZE_ERROR


def test_the_largest_frame_is_taken() -> None:
    """A frame of 16,384 bytes is no fault (section 4.2)."""
    client = Client().greet()

    assert len(client.answer(request(1, bytes(16_384 - 5))).body) == 16_384


@pytest.mark.parametrize("size", [0, 1, 255])
def test_padding_is_taken_off(size: int) -> None:
    """HEADERS and DATA may be padded, which changes nothing about the call (sections 6.1 and 6.2)."""
    client = Client().greet()
    padding = bytes(size)

    answer = client.answer(
        frame(Kind.HEADERS, END_HEADERS | PADDED, 1, bytes((size,)) + HELLO + padding),
        frame(Kind.DATA, PADDED, 1, bytes((size,)) + padding),
        frame(Kind.DATA, PADDED_DATA, 1, bytes((size,)) + framed(b"word") + padding),
    )

    assert (answer.status, answer.body) == (0, framed(b"word"))


def test_padding_and_priority_may_come_together() -> None:
    """HEADERS may carry both, padding length first (section 6.2)."""
    payload = b"\x03" + word(0) + b"\x10" + HELLO + bytes(3)

    answer = (
        Client()
        .greet()
        .answer(
            frame(Kind.HEADERS, END_HEADERS | PADDED | PRIORITY, 1, payload),
            frame(Kind.DATA, END_STREAM, 1, framed(b"word")),
        )
    )

    assert answer.status == 0


@pytest.mark.parametrize("kind", [10, 16, 0x42, 0xFF])
def test_unknown_frames_are_ignored(kind: int) -> None:
    """Frame types of extensions are ignored, on any stream (section 5.5)."""
    client = Client().greet()
    strange = frame(kind, 0xFF, 0, b"strange") + frame(kind, 0, IDLE, b"")

    assert client.answer(strange, request(1), strange).status == 0


def test_unknown_flags_and_the_reserved_bit_are_ignored() -> None:
    """Flags without a meaning and the high bit of a stream's id are ignored (section 4.1)."""
    client = Client().greet().empty_table()
    high = 0x8000_0000

    answer = client.answer(
        frame(Kind.HEADERS, END_HEADERS | 0x40, 3 | high, HELLO),
        frame(Kind.DATA, END_STREAM | 0x42, 3 | high, framed(b"word")),
        stream_id=3,
    )

    assert answer.body == framed(b"word")


def test_whatever_the_gate_sends_has_whole_frames() -> None:
    """What is written after each read can be cut into frames."""
    client = Client().greet()

    client.connection.receive(b"".join(request(stream_id) for stream_id in range(1, 99, 2)))

    assert len(list(split(client.connection.take()))) == 3 * 49


def test_nothing_is_read_after_a_fault() -> None:
    """A connection that was ended answers nothing more, and its GOAWAY names the last stream (section 6.8)."""
    client = Client().greet()
    client.send(request(1), request(3))

    (goaway,) = client.send(frame(Kind.PING, 0, 0, b""), frame(Kind.PING, 0, 0, bytes(8)))

    assert goaway.payload[:8] == word(3) + word(Code.FRAME_SIZE_ERROR)
    assert client.send(request(5)) == []
