"""What open streams hold: counted while they are open, given back however they end, and no more of it than fits."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.dataplane.calls import TOO_LATE
from gate.dataplane.limits import Limits
from gate.dataplane.memory import Memory
from tests.unit.dataplane_peer import (
    END_HEADERS,
    END_STREAM,
    INITIAL_WINDOW,
    LATER,
    WATCH,
    Answer,
    Client,
    Code,
    Fields,
    Kind,
    answers,
    call_fields,
    frame,
    framed,
    headers,
    request,
    word,
)

LIMITS = Limits(stream_bytes=1_000, open_bytes=5_000, plain_bytes=2_000, answer_bytes=4_000, request_seconds=60.0)
MUCH = [(b"x-much", b"m" * 3_000)]
COST = 1_000 + len(b"x-much") + 3_000 + 192
"""Of a stream with that."""
MANY = [(b"x", b"")] * 15
"""Less to send, but as much to keep."""


def watch(stream_id: int, extra: Fields = (), path: bytes = WATCH) -> bytes:
    """Ask for what stays open."""
    return headers(stream_id, call_fields(path, extra)) + frame(Kind.DATA, END_STREAM, stream_id, framed(b"who"))


def reset(stream_id: int) -> bytes:
    """Give a call up."""
    return frame(Kind.RST_STREAM, 0, stream_id, word(Code.CANCEL))


def crowd(memory: Memory) -> tuple[Client, int]:
    """Connect a client whose streams take half of what there is; return it with the id of its next one."""
    client = Client(LIMITS, memory=memory).greet().empty_table()
    for stream_id in range(3, 101, 2):
        if client.send(watch(stream_id)):
            memory.shed.memory = 0
            return client, stream_id + 2
    raise AssertionError("there is room without end")


def is_crowded_out(answer: Answer) -> bool:
    """Tell whether a call was refused for want of room, to be tried again."""
    return (answer.status, answer.head.get(b"grpc-retry-pushback-ms")) == (8, b"1000") and b"open" in answer.message


def in_pieces(client: Client) -> None:
    """Answer with a message, and end after it."""
    client.connection.send(3, framed(b"one"))
    client.connection.end(3, TOO_LATE)


ENDS: dict[str, Callable[[Client], object]] = {
    "answered": lambda client: client.connection.answer(3, framed(b"you")),
    "answered in pieces": in_pieces,
    "refused": lambda client: client.connection.end(3, TOO_LATE),
    "given up": lambda client: client.send(reset(3)),
    "broken": lambda client: client.send(frame(Kind.DATA, END_STREAM, 3, b"x")),
    "the connection broken": lambda client: client.send(frame(Kind.PING, 0, 3, bytes(8))),
    "the connection closed": lambda client: client.connection.close(),
}


@pytest.mark.parametrize("path", [LATER, WATCH])
@pytest.mark.parametrize("extra", [[], MUCH], ids=["little metadata", "much metadata"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_every_end_gives_back_what_a_stream_took(end: Callable[[Client], object], extra: Fields, path: bytes) -> None:
    """A call that waits is counted, with its metadata as it is kept, until it is over, however that comes."""
    memory = Memory(10**9)
    client = Client(LIMITS, memory=memory).greet().empty_table()
    client.send(watch(3, extra, path))
    assert memory.held == (COST if extra else 1_000)

    end(client)

    assert (memory.held, client.connection.calls) == (0, 0)


@pytest.mark.parametrize("extra", [[], MUCH], ids=["little metadata", "much metadata"])
def test_requests_that_are_not_finished(extra: Fields) -> None:
    """What a request that never ends took is given back when its time is over; so is that of a refused one."""
    memory = Memory(10**9)
    client = Client(LIMITS, memory=memory).greet().empty_table()
    client.send(headers(3, call_fields(extra=extra)), headers(5, call_fields(b"/none", extra)))
    assert memory.held == (COST if extra else 0) + 1_000

    client.connection.tick(1.0)
    assert memory.held == (COST if extra else 1_000)
    client.connection.tick(61.5)

    assert (memory.held, client.connection.calls) == (0, 0)


@pytest.mark.parametrize(("extra", "cost"), [(MUCH, COST), (MANY, 1_000 + 15 * 193)], ids=["large", "many"])
def test_a_request_on_the_short_way_is_not_counted(extra: Fields, cost: int) -> None:
    """A request whose message is still to come is counted only where its metadata is much, or once it takes long."""
    memory = Memory(10**9)
    client = Client(LIMITS, memory=memory).greet().empty_table()

    client.send(headers(3, call_fields()))
    assert memory.held == 0
    client.send(headers(5, call_fields(extra=extra)))
    assert memory.held == cost
    client.connection.tick(1.0)
    assert memory.held == cost + 1_000

    found = answers(client.send(*(frame(Kind.DATA, END_STREAM, each, framed(b"word")) for each in (3, 5))))
    assert [found[each].body for each in (3, 5)] == [framed(b"word")] * 2
    assert memory.held == 0


def test_streams_of_all() -> None:
    """When streams take half of what there is, further ones are refused, and each connection still has some."""
    memory = Memory(20_000)
    hoarder, after = crowd(memory)
    other = Client(LIMITS, memory=memory).greet().empty_table()

    assert is_crowded_out(hoarder.answer(watch(after), stream_id=after))
    assert is_crowded_out(hoarder.answer(watch(after + 2, MUCH, LATER), stream_id=after + 2))
    assert memory.shed.memory == 2

    assert other.send(watch(3, MUCH)) == []
    assert is_crowded_out(other.answer(watch(5, MUCH), stream_id=5))
    for client, stream_id in ((hoarder, after + 4), (other, 7)):
        assert client.answer(request(stream_id), stream_id=stream_id).body == framed(b"hello")
    assert not any(each.cancelled for client in (hoarder, other) for each in client.later.values())

    hoarder.connection.close()
    assert other.send(watch(9, MUCH)) == []
    other.connection.close()
    assert memory.held == 0


def test_calls_on_the_short_way_run_on() -> None:
    """Where there is no room for more streams, a unary call in two plain frames is begun, counted and answered."""
    memory = Memory(20_000)
    client, after = crowd(memory)
    held = memory.held

    client.send(watch(after, path=LATER))
    assert memory.held == held + 1_000
    client.connection.tick(1.0)
    client.connection.tick(2.0)
    client.connection.answer(after, framed(b"you"))

    assert answers(client.read())[after].body == framed(b"you")
    assert memory.held == held


def test_streams_of_a_connection() -> None:
    """A connection whose streams take more than its share is refused further ones, and others are not."""
    memory = Memory(10**9)
    limits = Limits(stream_bytes=1_000, open_bytes=5_000, buffered_bytes=10_000)
    client, other = (Client(limits, memory=memory).greet().empty_table() for _ in range(2))

    found = answers(client.send(*(watch(stream_id) for stream_id in range(3, 27, 2))))

    assert list(found) == [23, 25]
    assert is_crowded_out(found[23])
    assert memory.shed.memory == 2
    assert other.send(*(watch(stream_id) for stream_id in range(3, 23, 2))) == []


def test_requests_that_only_began_make_room() -> None:
    """Where there is no room for more streams, requests of which nothing came in a second are refused, others not."""
    memory = Memory(20_000)
    client, after = crowd(memory)
    client.send(
        headers(after, call_fields()),
        headers(after + 2, call_fields()),
        headers(after + 4, call_fields()) + frame(Kind.DATA, 0, after + 4, framed(b"word")[:3]),
    )

    client.connection.tick(1.0)
    client.connection.tick(2.0)

    found = answers(client.read())
    assert list(found) == [after, after + 2]
    assert all(is_crowded_out(each) and each.reset == Code.NO_ERROR for each in found.values())
    rest = frame(Kind.DATA, END_STREAM, after + 4, framed(b"word")[3:])
    assert client.answer(rest, stream_id=after + 4).body == framed(b"word")


def test_a_request_with_a_fault_is_told_so() -> None:
    """Where there is no room, a request that can only be refused is refused for that: it need not come again."""
    memory = Memory(20_000)
    client, after = crowd(memory)
    memory.held += 1

    answer = client.answer(headers(after, call_fields(b"/none"), END_HEADERS | END_STREAM), stream_id=after)

    assert (answer.status, answer.reset, memory.shed.memory) == (12, None, 0)


def test_small_answers_that_are_not_taken() -> None:
    """An answer that is left lying counts with its stream: where all hold too much, few of them end the connection."""
    memory = Memory(10**9)
    client = Client(LIMITS, memory=memory).greet((INITIAL_WINDOW, 0)).empty_table()
    for stream_id in range(3, 23, 2):
        assert client.fault(request(stream_id)) is None
    client.send(*(reset(stream_id) for stream_id in range(1, 13, 2)))
    client.send(*(frame(Kind.WINDOW_UPDATE, 0, stream_id, word(99)) for stream_id in range(13, 23, 2)))
    assert memory.held == 0

    memory.held = 2 * 10**9
    faults = [client.fault(request(stream_id)) for stream_id in range(23, 31, 2)]

    assert faults == [None, None, None, Code.ENHANCE_YOUR_CALM]
    assert memory.held == 2 * 10**9


STEPS: dict[str, Callable[[Client, int], object]] = {
    "call": lambda client, at: client.send(request(at)),
    "watch": lambda client, at: client.send(watch(at)),
    "watch with much": lambda client, at: client.send(watch(at, MUCH)),
    "later": lambda client, at: client.send(watch(at, path=LATER)),
    "begin": lambda client, at: client.send(headers(at, call_fields())),
    "begin with much": lambda client, at: client.send(headers(at, call_fields(extra=MUCH))),
    "begin what is refused": lambda client, at: client.send(headers(at, call_fields(b"/none"))),
    "piece": lambda client, at: client.send(frame(Kind.DATA, 0, at, framed(bytes(900))[:300])),
    "end": lambda client, at: client.send(frame(Kind.DATA, END_STREAM, at, framed(b"word"))),
    "trailers": lambda client, at: client.send(headers(at, [(b"x-end", b"1")], END_HEADERS | END_STREAM)),
    "give up": lambda client, at: client.send(reset(at)),
    "answer": lambda client, at: client.connection.answer(at, framed(bytes(500))),
    "message": lambda client, at: client.connection.send(at, framed(bytes(90))),
    "refuse": lambda client, at: client.connection.end(at, TOO_LATE),
    "widen": lambda client, at: client.send(frame(Kind.WINDOW_UPDATE, 0, at, word(99))),
    "widen all": lambda client, _: client.send(frame(Kind.WINDOW_UPDATE, 0, 0, word(99))),
    "second": lambda client, _: client.connection.tick(client.connection.now + 1),
    "minute": lambda client, _: client.connection.tick(client.connection.now + 61),
}
BEGINNINGS = tuple(STEPS)[:7]


@given(
    steps=st.lists(st.tuples(st.sampled_from(list(STEPS)), st.integers(1, 8)), max_size=60),
    window=st.sampled_from([0, 20, 65_535]),
)
@settings(max_examples=300, deadline=None)
def test_nothing_is_counted_after_the_end(steps: list[tuple[str, int]], window: int) -> None:
    """Whatever happens on a connection, all that was counted for it is given back by its end."""
    memory = Memory(30_000)
    client = Client(LIMITS, memory=memory).greet((INITIAL_WINDOW, window)).empty_table()
    after = 3
    for step, back in steps:
        STEPS[step](client, after if step in BEGINNINGS else max(3, after - 2 * back))
        after += 2 * (step in BEGINNINGS)
        assert memory.held == 0 or client.connection.calls > 0

    client.connection.close()

    assert (memory.held, client.connection.calls) == (0, 0)
