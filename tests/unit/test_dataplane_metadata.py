"""What a call says beside its message: time limits and metadata (grpc/doc/PROTOCOL-HTTP2.md)."""

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.dataplane.heads import Head, Heads
from gate.dataplane.limits import Limits
from tests.unit.dataplane_peer import (
    Client,
    Kind,
    ask,
    call_fields,
    frame,
    framed,
    headers,
    literals,
    methods,
    request,
)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (b"1H", 3_600.0),
        (b"2M", 120.0),
        (b"3S", 3.0),
        (b"4m", 0.004),
        (b"5u", 0.000_005),
        (b"6n", 0.000_000_006),
        (b"0S", 0.0),
        (b"007S", 7.0),
        (b"99999999H", 99_999_999 * 3_600.0),
    ],
)
def test_time_limits(written: bytes, seconds: float) -> None:
    """A time limit is one to eight digits and a unit, with or without a table, and again from memory."""
    fields = call_fields(grpc_timeout=written)
    fast = Client().greet().empty_table()
    for client in (Client().greet(), fast, fast):
        client.send(*(headers(each, fields) + frame(Kind.DATA, 1, each, framed(b"")) for each in (3, 5)))

        assert [head.timeout for _, head, _ in client.started] == [pytest.approx(seconds)] * len(client.started)
        assert len(client.started) >= 2


@pytest.mark.parametrize(
    "written", [b"", b"1", b"S", b"1s", b"1h", b"-1S", b"+1S", b"1.5S", b"123456789S", b"1SS", b"1 S"]
)
def test_a_time_limit_that_is_none(written: bytes) -> None:
    """An unreadable time limit is refused, with or without a table, and named."""
    for client in (Client().greet(), Client().greet().empty_table()):
        answer = ask(call_fields(grpc_timeout=written), framed(b"word"), client)

        assert (answer.status, client.started) == (13, [])
        assert answer.message.startswith(b"grpc-timeout: ")


def test_a_time_limit_does_not_hide_another_refusal() -> None:
    """Of two faults of a request the other one is told, and the next request is judged anew."""
    client = Client().greet().empty_table()

    answer = ask(call_fields(b"/none", grpc_timeout=b"x"), framed(b""), client)

    assert answer.status == 12
    assert client.answer(request(5), stream_id=5).status == 0


@pytest.mark.parametrize(
    ("field", "metadata"),
    [
        ((b"x-word", b"plain"), [("x-word", "plain")]),
        ((b"x-word", b"a, b"), [("x-word", "a, b")]),
        ((b"x-bin", b"AAEC"), [("x-bin", b"\0\1\2")]),
        ((b"x-bin", b"AA=="), [("x-bin", b"\0")]),
        ((b"x-bin", b"AA"), [("x-bin", b"\0")]),
        ((b"x-bin", b"AAE"), [("x-bin", b"\0\1")]),
        ((b"x-bin", b""), [("x-bin", b"")]),
        ((b"x-bin", b"AA,AQ==, Ag"), [("x-bin", b"\0"), ("x-bin", b"\1"), ("x-bin", b"\2")]),
        ((b"x-bin", b"+/8"), [("x-bin", b"\xfb\xff")]),
        ((b"user-agent", b"grpc-go/1.0"), [("user-agent", "grpc-go/1.0")]),
        ((b"authorization", b"Bearer x"), [("authorization", "Bearer x")]),
        ((b"grpc-accept-encoding", b"gzip"), []),
        ((b"host", b"gate"), []),
    ],
)
def test_metadata(field: tuple[bytes, bytes], metadata: list[tuple[str, str | bytes]]) -> None:
    """Fields of the caller are metadata; `-bin` is base64, padded or not, and may be several by commas."""
    client = Client().greet()

    assert ask(call_fields(extra=[field]), framed(b""), client).status == 0
    assert list(client.started[0][1].metadata) == metadata


def test_metadata_keeps_its_order() -> None:
    """Two values of one name stay two, in their order; gRPC's own fields and the connection's are left out."""
    client = Client().greet()
    extra = [(b"b", b"1"), (b"a", b"2"), (b"b", b"3"), (b"grpc-timeout", b"9S"), (b"content-length", b"9")]

    ask(call_fields(extra=extra), framed(b"word"), client)

    assert list(client.started[0][1].metadata) == [("b", "1"), ("a", "2"), ("b", "3")]


@pytest.mark.parametrize("value", [b"A", b"AAAAA", b"A-_A", b"AA=A", b"!", b"AA,!"])
def test_metadata_that_is_not_base64(value: bytes) -> None:
    """A `-bin` value that is no base64 is refused with its name."""
    answer = ask(call_fields(extra=[(b"x-bin", value)]), framed(b""))

    assert (answer.status, answer.message) == (13, b"x-bin: not base64")


LIMIT = (b"grpc-timeout", b"1S")
TIMEOUTS = st.sampled_from([b"1S", b"20m", b"x", b""]).map(lambda value: (b"grpc-timeout", value))
OTHERS = st.sampled_from([(b"x-word", b"1"), (b":path", b"/none"), (b"te", b"gzip"), (b"x-bin", b"!")])
LISTS = st.lists(TIMEOUTS | OTHERS | st.sampled_from(call_fields()), max_size=4)


def seen(head: Head) -> tuple[object, ...]:
    """Return all that a header block comes to."""
    return (head.method, head.timeout, head.metadata, head.refusal, bool(head.fault), head.plain, head.content_length)


@given(lists=st.lists(st.tuples(LISTS, LISTS), min_size=2, max_size=6))
@hypothesis.example(lists=[([], []), ([LIMIT, LIMIT], []), ([LIMIT], [])])
@hypothesis.settings(deadline=None)
def test_memory_changes_nothing(lists: list[tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]]) -> None:
    """A block comes to the same whether anything like it was read before or not, wherever its time limit stands."""
    served = methods()
    remembering = Heads(served, Limits())

    for before, after in lists:
        fields = [*before, *call_fields(), *after]
        fresh = Heads(served, Limits()).of(fields)
        for _ in range(2):
            assert seen(remembering.read(literals(fields))) == seen(fresh)


def test_a_time_limit_among_pseudo_header_fields() -> None:
    """It is malformed there, whatever was read before: what stands before and behind it may each be right elsewhere."""
    heads = Heads(methods(), Limits())
    *pseudo, authority = call_fields()[:4]
    regular = call_fields()[4:]
    assert not heads.read(literals([*pseudo, LIMIT, *regular])).fault
    assert not heads.read(literals([*pseudo, authority, *regular])).fault

    assert heads.read(literals([*pseudo, LIMIT, authority, *regular])).fault
