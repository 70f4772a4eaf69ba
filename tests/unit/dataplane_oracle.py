"""Conversations with the h2 library: scripts of legal clients, and their bytes cut and rearranged as HTTP/2 allows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import h2.config
import h2.connection
import h2.errors
import h2.events
from hypothesis import strategies as st

from gate.dataplane.limits import Limits
from tests.unit.dataplane_peer import (
    ECHO,
    END_HEADERS,
    LATER,
    PADDED,
    PREFACE,
    PRIORITY,
    Client,
    Kind,
    call_fields,
    frame,
    framed,
    split,
)

LIMITS: Final = Limits(header_block_bytes=200_000, header_list_bytes=200_000, continuations=10_000, idle_frames=10**6)
_TOKEN = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=12).map(lambda text: f"x-{text}")
_VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)
_SIZES = st.one_of(st.integers(0, 200), st.sampled_from([16_378, 16_379, 16_380, 30_000]))


@dataclass(frozen=True)
class Ask:
    """A call: its message, and how it is sent."""

    message: bytes
    pieces: int
    padding: int | None
    metadata: list[tuple[str, str]]
    large: int
    weight: int | None
    later: bool
    trailers: bool


@dataclass(frozen=True)
class Do:
    """Anything else that a client may do at any time."""

    what: str
    number: int


ASKS = st.builds(
    Ask,
    message=st.builds(lambda size, octet: bytes([octet]) * size, _SIZES, st.integers(0, 255)),
    pieces=st.integers(1, 5),
    padding=st.none() | st.integers(0, 255),
    metadata=st.lists(st.tuples(_TOKEN.filter(lambda name: not name.endswith("-bin")), _VALUE), max_size=4),
    large=st.sampled_from([0] * 9 + [5_000, 20_000]),
    weight=st.none() | st.integers(1, 256),
    later=st.booleans(),
    trailers=st.booleans(),
)
DOINGS = st.builds(
    Do,
    st.sampled_from(["ping", "window", "widen", "reset", "prioritize", "finish", "exchange"]),
    st.sampled_from([0, 1, 2, 3, 5_000, 70_000]),
)
SCRIPTS = st.lists(ASKS | DOINGS, max_size=10)


@dataclass
class Reply:
    """What a client was told on a stream."""

    head: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None


class Conversation:
    """A legal client, by the h2 library, which raises if the gate says anything that HTTP/2 does not allow."""

    def __init__(self, random: Random, deliver: Callable[[bytes, Random], Iterator[bytes]]) -> None:
        self.random = random
        self.deliver = deliver
        self.gate = Client(LIMITS)
        self.peer = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding=None, validate_inbound_headers=True)
        )
        self.peer.initiate_connection()
        self.asked: dict[int, Ask] = {}
        self.given_up: set[int] = set()
        self.replies: dict[int, Reply] = {}
        self.said = bytearray()
        """All that the client sent."""

    def play(self, script: list[Ask | Do]) -> None:
        """Do everything, and let all calls come to their end."""
        for step in script:
            if isinstance(step, Ask):
                self._ask(step)
            else:
                self._do(step)
        self.exchange()
        self.peer.update_settings({4: 2**20})
        self.peer.increment_flow_control_window(2**20)
        self.finish()

    def finish(self) -> None:
        """Answer all calls that wait."""
        self.exchange()
        for stream_id in list(self.gate.later):
            self._answer(stream_id)
        self.exchange()

    def exchange(self) -> None:
        """Let both sides hear each other until neither has more to say."""
        while octets := self.peer.data_to_send():
            self.said += octets
            for chunk in self.deliver(octets, self.random):
                self.gate.connection.receive(chunk)
            self._hear(self.gate.connection.take())
        self._hear(self.gate.connection.take())

    def _hear(self, octets: bytes) -> None:
        # One by one: of all that it gets at once, h2 judges the size by the settings at its beginning.
        for each in split(octets):
            for event in self.peer.receive_data(frame(*each)):
                self._note(event)

    def _note(self, event: Any) -> None:
        reply = self.replies.setdefault(getattr(event, "stream_id", None) or 0, Reply())
        if isinstance(event, h2.events.ResponseReceived):
            reply.head = [(bytes(name), bytes(value)) for name, value in event.headers]
        elif isinstance(event, h2.events.DataReceived):
            reply.body += event.data
            self.peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            reply.trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
        elif isinstance(event, h2.events.StreamEnded):
            reply.ended = True
        elif isinstance(event, h2.events.StreamReset):
            reply.reset = int(event.error_code)
        else:
            assert not isinstance(event, h2.events.ConnectionTerminated)

    def _ask(self, ask: Ask) -> None:
        stream_id = self.peer.get_next_available_stream_id()
        path = LATER if ask.later else ECHO
        large = [(b"x-large", b"v" * ask.large)] if ask.large else []
        self.asked[stream_id] = ask
        self.peer.send_headers(
            stream_id,
            [*call_fields(path), *((name.encode(), value.encode()) for name, value in ask.metadata), *large],
            # h2 fails to split a block that also has a priority.
            priority_weight=None if ask.large else ask.weight,
        )
        body = framed(ask.message)
        size = max(1, min(len(body) // ask.pieces, 16_000))
        for place in range(0, len(body), size):
            piece = body[place : place + size]
            if self.peer.local_flow_control_window(stream_id) < len(piece) + 256:
                self.exchange()
            last = place + size >= len(body) and not ask.trailers
            self.peer.send_data(stream_id, piece, end_stream=last, pad_length=ask.padding)
        if ask.trailers:
            self.peer.send_headers(stream_id, [(b"x-checksum", b"none")], end_stream=True)

    def _do(self, step: Do) -> None:
        match step.what:
            case "ping":
                self.peer.ping(step.number.to_bytes(8))
            case "window":
                if not self.said:
                    # h2 takes the acknowledgement of its first SETTINGS for that of all.
                    self.exchange()
                self.peer.update_settings({4: step.number // 1_000 * 1_000, 5: 16_384 + step.number})
            case "widen":
                self.peer.increment_flow_control_window(step.number + 1)
            case "prioritize":
                self.peer.prioritize(2 * step.number + 1, weight=9, depends_on=0, exclusive=bool(step.number % 2))
            case "finish":
                self.finish()
            case "exchange":
                self.exchange()
            case "reset" if running := [each for each in self.asked if each not in self.given_up]:
                stream_id = running[step.number % len(running)]
                if not self.replies.get(stream_id, Reply()).ended:
                    self.given_up.add(stream_id)
                    self.peer.reset_stream(stream_id, h2.errors.ErrorCodes.CANCEL)

    def _answer(self, stream_id: int) -> None:
        self.gate.later.pop(stream_id)
        self.gate.connection.answer(stream_id, framed(self.asked[stream_id].message))


def whole(octets: bytes, _: Random) -> Iterator[bytes]:
    """Deliver in one piece."""
    yield octets


def chunks(octets: bytes, random: Random) -> Iterator[bytes]:
    """Deliver in pieces of any sizes, empty ones included."""
    while octets:
        size = random.choice([0, 1, 2, 9, 10, random.randrange(1, 60), random.randrange(1, 20_000)])
        yield octets[:size]
        octets = octets[size:]


def rearranged(octets: bytes, random: Random) -> Iterator[bytes]:
    """Pad and split header blocks, and put unknown frames and priorities between frames, then deliver in chunks."""
    start = PREFACE if octets.startswith(PREFACE) else b""
    mangled = [start]
    after_settings = not start
    # A block that h2 itself split stays as it is.
    in_block = False
    for kind, flags, stream_id, payload in split(octets[len(start) :]):
        if kind == Kind.HEADERS and flags & END_HEADERS and not flags & PADDED and random.random() < 0.7:
            mangled.append(_spread(flags, stream_id, payload, random))
        else:
            mangled.append(frame(kind, flags, stream_id, payload))
        in_block = kind in {Kind.HEADERS, Kind.CONTINUATION} and not flags & END_HEADERS
        if after_settings and not in_block and random.random() < 0.3:
            mangled.append(frame(random.randrange(10, 256), random.randrange(256), random.randrange(9), b"unknown"))
        after_settings = True
    yield from chunks(b"".join(mangled), random)


def _spread(flags: int, stream_id: int, payload: bytes, random: Random) -> bytes:
    """Write a header block again: padded, and over several frames."""
    priority, block = (payload[:5], payload[5:]) if flags & PRIORITY else (b"", payload)
    places = sorted(random.randrange(len(block) + 1) for _ in range(random.randrange(4)))
    fragments = [block[start:end] for start, end in zip([0, *places], [*places, len(block)], strict=True)]
    padding = random.randrange(min(256, 16_384 - len(payload)))
    first = bytes((padding,)) + priority + fragments[0] + bytes(padding)
    flags = (flags & ~END_HEADERS) | PADDED
    if len(fragments) == 1:
        return frame(Kind.HEADERS, flags | END_HEADERS, stream_id, first)
    written = [frame(Kind.HEADERS, flags, stream_id, first)]
    written += [frame(Kind.CONTINUATION, 0, stream_id, each) for each in fragments[1:-1]]
    return b"".join([*written, frame(Kind.CONTINUATION, END_HEADERS, stream_id, fragments[-1])])
