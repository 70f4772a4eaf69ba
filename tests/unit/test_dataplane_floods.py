"""Abuse of a connection: every flood of cheap frames, every stall and every bomb ends it, with the right code."""

from collections.abc import Callable

import pytest

from gate.dataplane.heads import Heads
from gate.dataplane.limits import Limits
from tests.unit.dataplane_peer import (
    ACK,
    EMPTY_TABLE,
    END_HEADERS,
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
    literals,
    methods,
    request,
    settings,
    word,
)

LIMITS = Limits(idle_frames=100, idle_frames_per_second=10, idle_frames_per_call=5, streams=50)
BLOCK = literals(call_fields(LATER))
CANCEL = word(Code.CANCEL)
ENOUGH = 400


def opened(stream_id: int) -> bytes:
    """Begin a request and leave it open."""
    return frame(Kind.HEADERS, END_HEADERS, stream_id, BLOCK)


def running(stream_id: int) -> bytes:
    """Send a request whose answer takes its time."""
    return opened(stream_id) + frame(Kind.DATA, END_STREAM, stream_id, framed(b""))


def numbered(octets: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Make a flood that uses a new stream each time."""
    return lambda at: octets(2 * at + 3)


FLOODS: dict[str, Callable[[int], bytes]] = {
    "rapid reset of open requests (CVE-2023-44487)": numbered(
        lambda each: opened(each) + frame(Kind.RST_STREAM, 0, each, CANCEL)
    ),
    "rapid reset of running calls (CVE-2023-44487)": numbered(
        lambda each: running(each) + frame(Kind.RST_STREAM, 0, each, CANCEL)
    ),
    "resets of what is over": lambda _: frame(Kind.RST_STREAM, 0, 1, CANCEL),
    "made to reset by an increment of 0 (CVE-2025-8671)": numbered(
        lambda each: running(each) + frame(Kind.WINDOW_UPDATE, 0, each, word(0))
    ),
    "made to reset by a window too large (CVE-2025-8671)": numbered(
        lambda each: running(each) + frame(Kind.WINDOW_UPDATE, 0, each, word(2**31 - 1))
    ),
    "made to reset by DATA after the end (CVE-2025-8671)": numbered(
        lambda each: running(each) + frame(Kind.DATA, 0, each, b"x")
    ),
    "made to reset by HEADERS after the end (CVE-2025-8671)": numbered(
        lambda each: running(each) + frame(Kind.HEADERS, END_HEADERS | END_STREAM, each, BLOCK)
    ),
    "made to reset by another content-length (CVE-2025-8671)": numbered(
        lambda each: headers(each, call_fields(content_length=b"1"), END_HEADERS | END_STREAM)
    ),
    "made to reset by malformed requests (CVE-2025-8671)": numbered(lambda each: headers(each, [(b"BAD", b"")])),
    "made to reset by bad trailers (CVE-2025-8671)": numbered(lambda each: opened(each) + opened(each)),
    "made to refuse streams": numbered(opened),
    "empty DATA of what is over": lambda _: frame(Kind.DATA, 0, 1),
    "empty DATA (CVE-2019-9518)": lambda at: (b"" if at else opened(3)) + frame(Kind.DATA, 0, 3),
    "DATA of padding": lambda at: (b"" if at else opened(3)) + frame(Kind.DATA, 8, 3, b"\x05" + bytes(5)),
    "empty DATA of what the gate reset": lambda at: (b"" if at else headers(3, [])) + frame(Kind.DATA, 0, 3),
    "SETTINGS (CVE-2019-9515)": lambda _: settings(),
    "SETTINGS with a window": lambda at: settings((INITIAL_WINDOW, at)),
    "acknowledgements": lambda _: frame(Kind.SETTINGS, ACK, 0),
    "PING (CVE-2019-9512)": lambda _: frame(Kind.PING, 0, 0, bytes(8)),
    "answers to no PING": lambda _: frame(Kind.PING, ACK, 0, bytes(8)),
    "PRIORITY": lambda at: frame(Kind.PRIORITY, 0, 2 * at + 3, bytes(5)),
    "GOAWAY": lambda _: frame(Kind.GOAWAY, 0, 0, bytes(8)),
    "unknown frames": lambda at: frame(0x20 + at % 9, 0, 0, b"x"),
    "WINDOW_UPDATE of the connection": lambda _: frame(Kind.WINDOW_UPDATE, 0, 0, word(1)),
    "WINDOW_UPDATE of a stream": lambda at: (b"" if at else running(3)) + frame(Kind.WINDOW_UPDATE, 0, 3, word(1)),
    "WINDOW_UPDATE of what is over": lambda _: frame(Kind.WINDOW_UPDATE, 0, 1, word(1)),
    "WINDOW_UPDATE elsewhere while an answer waits": lambda at: (
        (b"" if at else settings((INITIAL_WINDOW, 0)) + request(3)) + frame(Kind.WINDOW_UPDATE, 0, 0, word(1))
    ),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_ends_the_connection(flood: Callable[[int], bytes]) -> None:
    """Cheap frames without an answered call between them run out of patience, and every call is cancelled."""
    client = Client(LIMITS).greet()
    client.send(request(1))
    ended = []

    for at in range(ENOUGH):
        frames = client.send(flood(at))
        assert client.connection.calls <= LIMITS.streams
        if client.connection.closed:
            ended = frames
            break

    assert [int.from_bytes(each.payload[4:8]) for each in ended if each.kind == Kind.GOAWAY] == [Code.ENHANCE_YOUR_CALM]
    assert at >= LIMITS.idle_frames // 2 - 1
    assert all(call.cancelled for call in client.later.values())
    assert client.connection.calls == 0


@pytest.mark.parametrize("code", [Code.PROTOCOL_ERROR, Code.FRAME_SIZE_ERROR])
def test_priority_cannot_make_the_gate_reset(code: Code) -> None:
    """PRIORITY on itself or of a wrong length ends the connection at once (CVE-2025-8671)."""
    client = Client(LIMITS).greet()
    client.send(running(1))
    payload = word(1) + b"\0" if code == Code.PROTOCOL_ERROR else bytes(4)

    assert client.fault(frame(Kind.PRIORITY, 0, 1, payload)) == code
    assert client.later[1].cancelled


def test_time_gives_patience_back() -> None:
    """As many cheap frames as the limit says are taken each second, for ever; one more each second is too much."""
    client = Client(LIMITS).greet()
    ping = frame(Kind.PING, 0, 0, bytes(8))
    client.send(*[ping] * 99)
    for second in range(1, 50):
        client.connection.tick(float(second))
        client.send(*[ping] * 10)
    assert not client.connection.closed

    assert client.fault(ping) == Code.ENHANCE_YOUR_CALM


def test_calls_give_patience_back() -> None:
    """A client that cancels, pings and updates windows beside its calls is never told to be calm."""
    client = Client(LIMITS).greet().empty_table()

    for stream_id in range(3, 4_003, 4):
        client.send(
            request(stream_id), running(stream_id + 2), frame(Kind.RST_STREAM, 0, stream_id + 2, CANCEL),
            frame(Kind.PING, 0, 0, bytes(8)), frame(Kind.WINDOW_UPDATE, 0, 0, word(1)), settings(),
        )  # fmt: skip

    assert not client.connection.closed
    assert client.fault(*[settings()] * 101) == Code.ENHANCE_YOUR_CALM


def test_patience_is_not_saved_up() -> None:
    """Neither calls nor time save up more patience than the limit."""
    client = Client(LIMITS).greet()
    client.send(*(request(stream_id) for stream_id in range(1, 999, 2)))
    client.connection.tick(1_000.0)

    assert client.fault(*[settings()] * 101) == Code.ENHANCE_YOUR_CALM


def test_a_large_settings_frame_costs_little() -> None:
    """However often one SETTINGS frame changes the window (CVE-2020-11080), open streams are gone over once."""
    client = Client(Limits(streams=1_000)).greet()
    client.send(*(opened(stream_id) for stream_id in range(1, 2_001, 2)))
    resized: list[int] = []
    sender = client.connection._sender  # noqa: SLF001  the work is what this is about
    resize = sender.resize
    sender.resize = lambda *each: resized.append(1) or resize(*each)  # type: ignore[method-assign,func-returns-value]

    client.send(settings(*[(INITIAL_WINDOW, size) for size in range(2_730)]))

    assert (len(resized), sender.initial_window) == (1, 2_729)


def test_an_update_of_the_connection_costs_little() -> None:
    """Of a thousand answers that wait for their streams' windows, none is looked at when the connection's grows."""
    client = Client(Limits(streams=1_000)).greet((INITIAL_WINDOW, 0)).empty_table()
    client.send(*(request(stream_id) for stream_id in range(3, 2_001, 2)))
    looked_at: list[int] = []
    sender = client.connection._sender  # noqa: SLF001  the work is what this is about
    flush = sender._flush  # noqa: SLF001
    sender._flush = lambda stream: looked_at.append(stream.id) or flush(stream)  # type: ignore[method-assign,func-returns-value]  # noqa: SLF001

    client.send(*[frame(Kind.WINDOW_UPDATE, 0, 0, word(1))] * 50)

    assert (client.connection.calls, looked_at) == (1_000, [])


@pytest.mark.parametrize("fragment", [b"", b"\x00" * 2_000], ids=["empty", "large"])
def test_a_continuation_flood(fragment: bytes) -> None:
    """A header block over too many frames, or of too many bytes, ends the connection (CVE-2024-27316)."""
    limits = Limits(header_block_bytes=16_384, continuations=16)
    client = Client(limits).greet()
    client.send(frame(Kind.HEADERS, 0, 1, BLOCK))
    for _ in range(7 if fragment else 16):
        assert client.send(frame(Kind.CONTINUATION, 0, 1, fragment)) == []

    assert client.fault(*[frame(Kind.CONTINUATION, 0, 1, fragment)] * 2) == Code.ENHANCE_YOUR_CALM


def test_a_header_list_that_is_too_large() -> None:
    """Of a client that uses a table, a list past the limit is refused, and one too long to be read ends all."""
    client = Client(Limits(header_list_bytes=2_000, header_block_bytes=4_000)).greet()
    fields = [(b"x", b"v" * 100)]

    assert client.answer(headers(1, call_fields(extra=fields * 16), END_HEADERS | END_STREAM)).status == 8
    assert client.fault(headers(3, call_fields(extra=fields * 32))) == Code.ENHANCE_YOUR_CALM


def test_an_hpack_bomb() -> None:
    """A small block that refers to a large entry again and again ends the connection before it is unfolded."""
    client = Client().greet()
    entry = b"\x40\x01x\x7f\x81\x1e" + b"v" * 4_000

    assert client.fault(frame(1, 4, 1, BLOCK + entry + b"\xbe" * 9_000)) == 11


def test_a_bomb_of_static_fields() -> None:
    """Of a client without a table, a block of thousands of short fields is refused, and not remembered."""
    heads = Heads(methods(), Limits())
    client = Client(heads=heads).greet().empty_table()
    remembered = set(heads.known)

    answer = client.answer(frame(Kind.HEADERS, END_HEADERS | END_STREAM, 3, BLOCK + b"\x90" * 16_000), stream_id=3)

    assert answer.status == 8
    assert set(heads.known) == remembered


def test_what_is_remembered_of_streams_is_bounded() -> None:
    """Of a hundred thousand streams that were reset or skipped, few are remembered, and the connection goes on."""
    limits = Limits(idle_frames=10**6)
    client = Client(limits).greet()
    client.send(frame(Kind.HEADERS, END_HEADERS, 1, EMPTY_TABLE))

    for stream_id in range(5, 20_005, 4):
        client.connection.receive(frame(Kind.HEADERS, END_HEADERS, stream_id, b""))
        client.connection.take()

    past = client.connection._requests._past  # noqa: SLF001  what is kept is what this is about
    assert (len(past._given_up), len(past._skipped)) == (1_024, 1_024)  # noqa: SLF001
    assert client.answer(request(20_005), stream_id=20_005).status == 0


def test_frames_after_the_last_word_change_nothing() -> None:
    """After GOAWAY for a flood, more of it costs neither output nor calls."""
    client = Client(LIMITS).greet()
    client.send(*[settings()] * 101)

    assert client.send(running(1), request(3), *[settings()] * 10) == []
    assert answers(client.read()) == {}
    assert client.started == []
