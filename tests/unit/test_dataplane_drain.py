"""The way out of a connection: GOAWAY twice, and what is still answered in between (RFC 9113, section 6.8)."""

from gate.dataplane.limits import Limits
from tests.unit.dataplane_peer import (
    ACK,
    LATER,
    PREFACE,
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
)

HIGHEST = 2**31 - 1


def goaways(frames: list[Frame]) -> list[tuple[int, int]]:
    """Return each GOAWAY's last stream and code."""
    payloads = [each.payload for each in frames if each.kind == Kind.GOAWAY]
    return [(int.from_bytes(each[:4]), int.from_bytes(each[4:8])) for each in payloads]


def draining(client: Client) -> tuple[list[Frame], bytes]:
    """Begin a drain; return what the client gets, and its answer to the ping."""
    client.connection.drain()
    frames = client.read()
    (ping,) = [each for each in frames if each.kind == Kind.PING]
    return frames, frame(Kind.PING, ACK, 0, ping.payload)


def test_calls_on_their_way_are_answered() -> None:
    """Between the two GOAWAYs calls are answered; after the second they are ignored, and those that run may end."""
    client = Client().greet().empty_table()
    client.send(request(3, path=LATER))

    first, pong = draining(client)
    meanwhile = client.send(request(5))
    second = client.send(pong, request(7), headers(9, call_fields()), frame(Kind.DATA, 0, 9, b"x"))

    assert (goaways(first), goaways(meanwhile), goaways(second)) == ([(HIGHEST, 0)], [], [(5, 0)])
    assert answers(meanwhile)[5].status == 0
    assert answers(second) == {}
    assert not client.connection.closed
    client.connection.answer(3, framed(b"late"))
    assert answers(client.read())[3].body == framed(b"late")
    assert client.connection.closed
    assert [stream_id for stream_id, _, _ in client.started] == [3, 5]


def test_ignored_streams_still_change_the_table() -> None:
    """A block of a stream that is ignored is read: the client's table changed with it (section 6.8)."""
    client = Client().greet()
    client.send(headers(1, call_fields()))
    _, pong = draining(client)

    remembered = b"\x40\x01x\x01y"
    client.send(pong, headers(3, call_fields(), before=b"") + frame(Kind.HEADERS, 4, 5, remembered))
    frames = client.send(frame(Kind.HEADERS, 0x5, 1, b"\xbe"))

    assert goaways(frames) == []
    assert answers(frames)[1].ended


def test_a_connection_without_calls_ends_with_the_ping() -> None:
    """A drain waits only for the ping's round trip when nothing runs."""
    client = Client().greet()
    _, pong = draining(client)
    assert not client.connection.closed

    frames = client.send(pong, frame(Kind.PING, 0, 0, bytes(8)), request(1))

    assert (goaways(frames), len(frames)) == ([(0, 0)], 1)
    assert client.connection.closed
    assert client.send(request(1)) == []


def test_a_client_that_does_not_answer_pings() -> None:
    """A drain waits a little more than a second for its ping, then says the last word."""
    client = Client().greet()
    client.connection.tick(10.0)
    draining(client)

    client.connection.tick(11.0)
    assert client.read() == []
    client.connection.tick(11.5)

    assert goaways(client.read()) == [(0, 0)]
    assert client.connection.closed


def test_other_pings_do_not_end_a_drain() -> None:
    """Only the answer to the drain's own ping counts, and only during a drain."""
    client = Client().greet()
    client.send(frame(Kind.PING, ACK, 0, b"goodbye!"))
    draining(client)

    assert client.send(frame(Kind.PING, ACK, 0, b"whatever"), frame(Kind.PING, 0, 0, b"goodbye!"))[0].kind == Kind.PING
    assert not client.connection.closed


def test_a_drain_is_said_once() -> None:
    """A second drain, or one of a connection that is over, says nothing."""
    client = Client().greet()
    _, pong = draining(client)
    client.connection.drain()
    assert client.read() == []
    client.send(pong)

    client.connection.drain()

    assert client.read() == []


def test_a_drain_may_come_before_the_preface() -> None:
    """A client that was not even heard gets its GOAWAYs, and its first calls are answered if they come in time."""
    client = Client()
    first, pong = draining(client)

    frames = client.send(PREFACE, settings(), request(1), pong)

    assert (goaways(first), goaways(frames)) == ([(HIGHEST, 0)], [(1, 0)])
    assert answers(frames)[1].status == 0


def test_faults_are_still_faults() -> None:
    """A client that breaks the protocol during a drain is told so, with the last stream that was answered."""
    client = Client().greet()
    client.send(request(1), request(3, path=LATER))
    _, pong = draining(client)
    client.send(pong, request(5))

    assert goaways(client.send(frame(Kind.PING, 0, 0))) == [(3, Code.FRAME_SIZE_ERROR)]
    assert client.later[3].cancelled


def test_an_idle_connection_is_drained() -> None:
    """A connection without a call for the time of the limit is drained; pings do not count, calls do."""
    client = Client(Limits(idle_seconds=30.0)).greet()
    client.connection.tick(20.0)
    client.send(request(1))
    client.connection.tick(25.0)
    client.send(frame(Kind.PING, 0, 0, bytes(8)))

    client.connection.tick(55.0)
    assert client.read() == []
    client.connection.tick(56.0)

    assert goaways(client.read()) == [(HIGHEST, 0)]


def test_output_that_nobody_asked_for_is_announced() -> None:
    """Whoever writes to the socket is told of answers that come later, and of a drain."""
    client = Client().greet()
    told: list[int] = []
    client.connection.on_output = lambda: told.append(len(told))
    client.send(request(1, path=LATER))

    client.connection.answer(1, framed(b""))
    client.connection.drain()

    assert told == [0, 1]


def test_a_lost_connection_cancels_its_calls() -> None:
    """When the socket is gone, calls are stopped and what they still say is dropped."""
    client = Client().greet()
    client.send(request(1, path=LATER), request(3, path=LATER))

    client.connection.close()
    client.connection.answer(3, framed(b"late"))

    assert [each.cancelled for each in client.later.values()] == [True, True]
    assert (client.connection.calls, client.read()) == (0, [])
