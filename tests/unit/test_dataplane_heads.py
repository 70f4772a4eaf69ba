"""Requests by their fields: what is malformed, and which answer one gets that is no call (RFC 9113, section 8)."""

import pytest

from gate.dataplane.heads import Heads
from gate.dataplane.limits import Limits
from tests.unit.dataplane_peer import (
    ECHO,
    END_HEADERS,
    END_STREAM,
    Client,
    Code,
    Fields,
    Kind,
    answers,
    call_fields,
    frame,
    framed,
    headers,
    methods,
    request,
)

GET = (b":method", b"GET")
BODY = frame(Kind.DATA, END_STREAM, 3, framed(b"word"))
MALFORMED: list[tuple[str, Fields]] = [
    ("no method", call_fields(method=None)),
    ("no scheme", call_fields(scheme=None)),
    ("no path", call_fields(path=b"", extra=())[0:2]),
    ("an empty path", call_fields(b"")),
    ("two methods", [(b":method", b"POST"), *call_fields()]),
    ("two paths", [(b":path", ECHO), *call_fields()]),
    ("two authorities", [(b":authority", b"gate"), *call_fields()]),
    ("an unknown pseudo-header field", [(b":protocol", b"grpc"), *call_fields()]),
    ("a response's pseudo-header field", [(b":status", b"200"), *call_fields()]),
    ("a pseudo-header field behind another", [*call_fields(method=None), (b":method", b"POST")]),
    ("a time limit before the pseudo-header fields", [(b"grpc-timeout", b"1S"), *call_fields()]),
    ("CONNECT", [(b":method", b"CONNECT"), (b":authority", b"gate")]),
    ("no field at all", []),
    ("a name in capitals", call_fields(extra=[(b"X-Word", b"1")])),
    ("an empty name", call_fields(extra=[(b"", b"1")])),
    ("a space in a name", call_fields(extra=[(b"x word", b"1")])),
    ("a colon in a name", call_fields(extra=[(b"x:word", b"1")])),
    ("a control character in a name", call_fields(extra=[(b"x\x7f", b"1")])),
    ("a byte past ASCII in a name", call_fields(extra=[(b"x\xe4", b"1")])),
    ("a NUL in a value", call_fields(extra=[(b"x", b"1\x002")])),
    ("a carriage return in a value", call_fields(extra=[(b"x", b"1\r2")])),
    ("a line feed in a value", call_fields(extra=[(b"x", b"1\n2")])),
    ("a line feed at the end", call_fields(extra=[(b"x", b"1\n")])),
    ("a line feed in the path", call_fields(ECHO + b"\n")),
    ("a space behind the authority", call_fields(authority=b"gate ")),
    ("Connection", call_fields(extra=[(b"connection", b"close")])),
    ("Keep-Alive", call_fields(extra=[(b"keep-alive", b"1")])),
    ("Proxy-Connection", call_fields(extra=[(b"proxy-connection", b"close")])),
    ("Transfer-Encoding", call_fields(extra=[(b"transfer-encoding", b"chunked")])),
    ("Upgrade", call_fields(extra=[(b"upgrade", b"h2c")])),
    ("te: gzip", call_fields(te=b"gzip")),
    ("te: trailers and more", call_fields(te=b"trailers, gzip")),
    ("content-length: words", call_fields(content_length=b"nine")),
    ("content-length: negative", call_fields(content_length=b"-9")),
    ("content-length: empty", call_fields(content_length=b"")),
    ("content-length: too large", call_fields(content_length=b"9" * 20)),
    ("content-length: thousands of digits", call_fields(content_length=b"9" * 5_000)),
    ("content-length: too little", call_fields(content_length=b"8")),
    ("content-length: too much", call_fields(content_length=b"10")),
]


@pytest.mark.parametrize("fields", [case[1] for case in MALFORMED], ids=[case[0] for case in MALFORMED])
@pytest.mark.parametrize("table", [True, False], ids=["with a table", "without"])
def test_a_malformed_request_is_reset(*, fields: Fields, table: bool) -> None:
    """Each rule of sections 8.2 and 8.3 resets the stream; no call begins, and the next request is served."""
    client = Client().greet()
    client.send(request(1)) if table else client.empty_table()
    client.started.clear()

    for stream_id in (3, 5):
        body = frame(Kind.DATA, END_STREAM, stream_id, framed(b"word"))
        found = answers(client.send(headers(stream_id, fields), body))
        assert (found[stream_id].reset, found[stream_id].head) == (Code.PROTOCOL_ERROR, {})

    assert client.started == []
    assert client.answer(request(7), stream_id=7).status == 0


@pytest.mark.parametrize(
    "fields",
    [
        call_fields(),
        call_fields(te=None),
        call_fields(authority=None),
        call_fields(authority=None, extra=[(b"host", b"gate")]),
        call_fields(scheme=b"https"),
        call_fields(content_length=b"9"),
        call_fields(extra=[(b"x!#$%&'*+-.^_`|~09az", b"inner space\tand tab"), (b"empty", b"")]),
        call_fields(extra=[(b"x-latin", b"\xff\x80")]),
        call_fields(extra=[(b"x", b" 1"), (b"x", b"1 "), (b"x", b"\t1\t"), (b"x", b" ")]),
        call_fields(extra=[(b"cookie", b"a=1"), (b"cookie", b"b=2")]),
    ],
)
def test_what_is_not_malformed(fields: Fields) -> None:
    """A request that keeps to the rules is served, whatever else its fields say; spaces around metadata too."""
    assert Client().greet().answer(headers(3, fields), BODY, stream_id=3).body == framed(b"word")


@pytest.mark.parametrize(
    ("fields", "http", "status"),
    [
        (call_fields(method=b"GET"), 405, 13),
        (call_fields(method=b"post"), 405, 13),
        (call_fields(content_type=None), 415, 3),
        (call_fields(content_type=b"application/json"), 415, 3),
        (call_fields(content_type=b"application/grpc-web"), 415, 3),
        (call_fields(content_type=b"application/grpc-web+proto"), 415, 3),
        (call_fields(content_type=b"application/grpc+json"), 415, 3),
        (call_fields(content_type=b"application/grpcproto"), 415, 3),
        (call_fields(b"/test.Words/Nothing"), 200, 12),
        (call_fields(b"/test.Words/Echo/"), 200, 12),
        (call_fields(b"/test.words/echo"), 200, 12),
        (call_fields(b"*"), 200, 12),
    ],
)
def test_a_request_that_is_no_call(fields: Fields, http: int, status: int) -> None:
    """Another method, content type or path is answered by HTTP's status and gRPC's, however its body comes."""
    whole = Client().greet().answer(headers(3, fields), BODY, stream_id=3)
    client = Client().greet()
    pieces = client.answer(headers(3, fields), frame(Kind.DATA, 0, 3, framed(b"word")), stream_id=3)
    alone = Client().greet().answer(headers(3, fields, END_HEADERS | END_STREAM), stream_id=3)

    for answer in (whole, pieces, alone):
        assert (int(answer.head[b":status"]), answer.status, answer.ended) == (http, status, True)
        assert answer.head[b"content-type"] == b"application/grpc"
    assert (whole.reset, pieces.reset, alone.reset) == (None, Code.NO_ERROR, None)
    assert client.connection.calls == 0


@pytest.mark.parametrize("body", [b'{"a": 1}', b"\0", b"x" * 9])
def test_a_body_that_is_no_grpc_does_not_change_the_refusal(body: bytes) -> None:
    """A request of another content type is told so, whatever its body would mean as gRPC."""
    client = Client().greet()
    head = headers(1, call_fields(content_type=b"application/json"))

    frames = client.send(head, frame(Kind.DATA, 0, 1, body), frame(Kind.DATA, END_STREAM, 1))

    assert answers(frames)[1].head[b":status"] == b"415"


def test_a_refusal_that_nobody_waits_for() -> None:
    """A client that sends neither message nor end is refused when time has passed."""
    client = Client().greet()
    assert client.send(headers(1, call_fields(b"/none"))) == []

    client.connection.tick(1.0)

    answer = answers(client.read())[1]
    assert (answer.status, answer.reset) == (12, Code.NO_ERROR)


@pytest.mark.parametrize("kind", [b"application/grpc+proto", b"application/grpc;charset=utf-8", b"Application/GRPC"])
def test_content_types_of_grpc(kind: bytes) -> None:
    """`application/grpc`, with `+proto` or parameters, is gRPC."""
    answer = Client().greet().answer(headers(3, call_fields(content_type=kind)), BODY, stream_id=3)

    assert (answer.status, answer.head[b":status"]) == (0, b"200")


def test_an_unknown_method_is_named() -> None:
    """The refusal of an unknown method says its path and where other methods are."""
    answer = Client().greet().answer(request(1, path=b"/sendgate.v1.ContactService/GetContact"))

    assert answer.message.startswith(b"/sendgate.v1.ContactService/GetContact: not served on the data address")
    assert b"control address" in answer.message


@pytest.mark.parametrize(
    "fields",
    [
        call_fields(b"/" + b"\xff" * 9_000),
        call_fields(grpc_encoding=b"\xff" * 9_000),
        call_fields(extra=[(b"x" * 9_000 + b"-bin", b"!")]),
    ],
    ids=["path", "grpc-encoding", "a name"],
)
def test_what_is_long_is_named_in_part(fields: Fields) -> None:
    """A refusal repeats no more than the start of what a client sent, so that it takes and keeps little."""
    answer = Client().greet().answer(headers(1, fields, END_HEADERS | END_STREAM))

    assert len(answer.message) < 1_000
    assert b"..." in answer.message


def test_a_header_list_that_is_too_large_is_refused() -> None:
    """Of a client without a table, a list past SETTINGS_MAX_HEADER_LIST_SIZE is refused with a status."""
    client = Client(Limits(header_list_bytes=1_000)).greet().empty_table()
    usual = sum(len(name) + len(value) + 32 for name, value in call_fields())
    room = 1_000 - usual - 15 * 36

    def sized(size: int) -> Fields:
        return call_fields(extra=[*[(b"more", b"")] * 15, (b"m", b"v" * (size - 33))])

    just = client.answer(headers(3, sized(room)), BODY, stream_id=3)
    found = answers(client.send(headers(5, sized(room + 1)), frame(Kind.DATA, END_STREAM, 5, framed(b"")), request(7)))

    assert (just.status, found[5].status, found[7].status) == (0, 8, 0)
    assert b"metadata" in found[5].message


def test_what_is_remembered_is_bounded() -> None:
    """However many different blocks are read, only so many are remembered."""
    heads = Heads(methods(), Limits())
    block = headers(1, call_fields())[9:]

    for number in range(10_000):
        name = b"%d" % number
        assert heads.read(block + b"\x00\x01n" + bytes((len(name),)) + name).plain

    assert 0 < len(heads.known) <= 4_096


@pytest.mark.parametrize("end", [b"", b"\x00\x0cgrpc-timeout\x021S"], ids=["no time limit", "a time limit"])
def test_what_keeps_much_is_not_remembered(end: bytes) -> None:
    """A short block of many fields is read anew each time, rather than kept for good."""
    heads = Heads(methods(), Limits())
    block = headers(1, call_fields())[9:] + b"\x90" * 40

    assert [len(heads.read(block + end).metadata) for _ in range(2)] == [40, 40]

    assert not heads.known
    assert not heads._without_timeout  # noqa: SLF001


def test_a_block_of_nothing() -> None:
    """No field at all is no request, though no block was read before."""
    assert Heads(methods(), Limits()).read(b"").fault
