"""gRPC on HTTP/2: statuses, compression and messages (grpc/doc/PROTOCOL-HTTP2.md)."""

import gzip
import zlib
from base64 import b64decode
from urllib.parse import unquote

import grpc
import hpack
import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.dataplane.limits import Limits
from gate.dataplane.replies import Reply, ending, ok
from tests.unit.dataplane_peer import (
    END_HEADERS,
    END_STREAM,
    LATER,
    Client,
    Code,
    Kind,
    answers,
    ask,
    call_fields,
    frame,
    framed,
    headers,
    request,
)

SMALL = Limits(message_bytes=1_000)


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
@hypothesis.settings(deadline=None)
def test_messages_of_a_status_are_escaped(text: str) -> None:
    """`grpc-message` is printable ASCII, percent-encoded, and decodes to what was said."""
    client = Client(start=lambda *_: ending(grpc.StatusCode.ABORTED, text)).greet()

    message = client.answer(request(1)).message

    assert all(0x20 <= each <= 0x7E for each in message)
    assert unquote(message.decode()) == text


def test_only_what_must_be_escaped_is() -> None:
    """The protocol escapes the per cent sign and what is not printable ASCII, and nothing else."""
    printable = "".join(map(chr, range(0x20, 0x7F)))
    client = Client(start=lambda *_: ending(grpc.StatusCode.ABORTED, printable + "\nü")).greet()

    assert client.answer(request(1)).message.decode() == printable.replace("%", "%25") + "%0A%C3%BC"


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_statuses(code: grpc.StatusCode) -> None:
    """Every status is sent by its number, alone with the answer's head."""
    answer = Client(start=lambda *_: ending(code, "")).greet().answer(request(1))

    assert (answer.status, answer.ended, answer.trailers, answer.body) == (code.value[0], True, {}, b"")
    assert answer.head[b":status"] == b"200"


def test_a_long_status_takes_several_frames() -> None:
    """A header block larger than a frame goes on in CONTINUATION (RFC 9113, section 6.10)."""
    client = Client(start=lambda *_: ending(grpc.StatusCode.ABORTED, "long" * 10_000)).greet()

    frames = client.send(request(1))

    shape = [(each.kind, each.flags, len(each.payload) == 16_384) for each in frames]
    assert shape == [(Kind.HEADERS, END_STREAM, True), (Kind.CONTINUATION, 0, True), (Kind.CONTINUATION, 4, False)]
    fields = dict(hpack.Decoder(10**6).decode(b"".join(each.payload for each in frames), raw=True))
    assert fields[b"grpc-message"] == b"long" * 10_000


def test_status_details() -> None:
    """Trailing metadata follows a status; binary values are base64, which need not be padded."""
    details: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", b"\x08\x03\xff\xfe"), ("x-word", "plain")]
    client = Client(start=lambda *_: ending(grpc.StatusCode.INVALID_ARGUMENT, "no", details)).greet()

    head = client.answer(request(1)).head

    encoded = head[b"grpc-status-details-bin"]
    assert b64decode(encoded + b"=" * (-len(encoded) % 4)) == b"\x08\x03\xff\xfe"
    assert head[b"x-word"] == b"plain"


def test_trailing_metadata_of_an_answer() -> None:
    """An answer may have trailing metadata too."""
    client = Client(start=lambda *_: Reply(framed(b"word"), ok([("x-word", "1"), ("y-bin", b"\0")]))).greet()

    answer = client.answer(request(1))

    assert (answer.body, answer.status) == (framed(b"word"), 0)
    assert (answer.trailers[b"x-word"], answer.trailers[b"y-bin"]) == (b"1", b"AA")


def test_a_compressed_request() -> None:
    """A message with the flag is inflated; one without it is taken as it is, on the same call's terms."""
    client = Client().greet()
    fields = call_fields(grpc_encoding=b"gzip")

    whole = ask(fields, framed(gzip.compress(b"word" * 999, mtime=0), 1), client)

    assert whole.body == framed(b"word" * 999)
    assert ask(fields, framed(b"as it is")).body == framed(b"as it is")
    assert b"grpc-encoding" not in whole.head


def bomb(size: int) -> bytes:
    """Compress zeros."""
    return gzip.compress(bytes(size), mtime=0)


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        (b"gzip", framed(b"", 1), 13),
        (b"gzip", framed(b"no gzip at all", 1), 13),
        (b"gzip", framed(zlib.compress(b"zlib's own format"), 1), 13),
        (b"gzip", framed(gzip.compress(b"word", mtime=0)[:-1], 1), 13),
        (b"gzip", framed(gzip.compress(b"word", mtime=0)[:12], 1), 13),
        (b"gzip", framed(gzip.compress(b"word", mtime=0) + b"more", 1), 13),
        (b"gzip", framed(gzip.compress(b"word", mtime=0)[:-8] + bytes(8), 1), 13),
        (b"gzip", framed(bomb(1_001), 1), 8),
        (b"gzip", framed(bomb(500_000), 1), 8),
        (b"gzip", framed(bomb(1_000), 1), 0),
        (b"identity", framed(bomb(9), 1), 13),
        (None, framed(bomb(9), 1), 13),
        (b"snappy", framed(b"word"), 12),
        (b"deflate", framed(b"word", 1), 12),
        (b"gzip, identity", framed(b"word"), 12),
        (b"", framed(b"word"), 12),
    ],
)
def test_compression(encoding: bytes | None, body: bytes, status: int) -> None:
    """Only gzip and identity are read, whole, to at most the size of a message; otherwise the status says why."""
    fields = call_fields() if encoding is None else call_fields(grpc_encoding=encoding)
    client = Client(SMALL).greet()

    answer = ask(fields, body, client)

    assert answer.status == status
    if status == 12:
        assert answer.head[b"grpc-accept-encoding"] == b"identity,gzip"
        assert b"send identity or gzip" in answer.message


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 12, b"without a message"),
        (b"\0", 13, b"shorter"),
        (b"\0\0\0\0", 13, b"shorter"),
        (framed(b"word")[:-1], 13, b"shorter"),
        (framed(b""), 0, b""),
        (framed(b"word") + b"\0", 12, b"more than one"),
        (framed(b"one") + framed(b"two"), 12, b"more than one"),
        (framed(b"word", 2), 13, b"flag"),
        (framed(b"word", 0xFF), 13, b"flag"),
        (framed(bytes(1_000)), 0, b""),
        (framed(bytes(1_001)), 8, b"1,001 bytes; at most 1,000"),
        (b"\0\xff\xff\xff\xff", 8, b"4,294,967,295 bytes"),
    ],
)
@pytest.mark.parametrize("table", [True, False], ids=["long way", "fast path"])
def test_bodies(*, body: bytes, status: int, said: bytes, table: bool) -> None:
    """A body is exactly one message, and no larger than the limit, whichever way it is read."""
    client = Client(SMALL).greet()
    if not table:
        client.empty_table()

    answer = ask(call_fields(), body, client)

    assert answer.status == status
    assert said in (answer.message if status else b"")


@pytest.mark.parametrize("wrong", [framed(bytes(1_001))[:5], framed(b"one") + b"\0"], ids=["too large", "a second"])
def test_a_wrong_body_is_refused_early(wrong: bytes) -> None:
    """A client that has much to say is refused as soon as it can only be wrong, and need not go on."""
    client = Client(SMALL).greet()

    frames = client.send(headers(1, call_fields()), frame(Kind.DATA, 0, 1, wrong))

    answer = answers(frames)[1]
    assert answer.ended
    assert (answer.status in {8, 12}, answer.reset) == (True, Code.NO_ERROR)
    assert client.send(frame(Kind.DATA, 0, 1, bytes(99)), frame(Kind.DATA, END_STREAM, 1, bytes(99))) == []
    assert client.answer(request(3), stream_id=3).status == 0


def test_content_length_is_that_of_the_body() -> None:
    """A right content-length changes nothing, padding and the number of frames included."""
    client = Client().greet().empty_table()
    padded = frame(Kind.DATA, 0x8, 3, b"\x04" + framed(b"word")[:5] + bytes(4))

    frames = client.send(
        headers(3, call_fields(content_length=b"9")),
        padded,
        frame(Kind.DATA, END_STREAM, 3, b"word"),
    )

    assert answers(frames)[3].body == framed(b"word")


def test_a_head_without_a_body() -> None:
    """A call that ends with its header block has no message."""
    client = Client().greet()

    assert client.answer(headers(1, call_fields(LATER), END_HEADERS | END_STREAM)).status == 12
    assert client.started == []


def test_a_bomb_is_not_unpacked() -> None:
    """Of a compressed message no more is unpacked than tells that it is too large."""
    answer = ask(call_fields(grpc_encoding=b"gzip"), framed(bomb(500_000), 1), Client(SMALL).greet())

    assert answer.message == b"a message of 1,001 bytes; at most 1,000 are taken"
