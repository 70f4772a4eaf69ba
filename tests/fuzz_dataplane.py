"""Throw bytes at the data plane's transport: `python -m tests.fuzz_dataplane --minutes 3`.

Random bytes, and the traffic of legal clients with bytes flipped, frames repeated, dropped, swapped and cut, with and
without a greeting. Whatever comes, nothing is raised, what is kept stays within the limits, and what is answered stays
in proportion to what was sent. A failure is told with the seed that repeats it.
"""

import argparse
import struct
import sys
import time
from random import Random, SystemRandom
from typing import Final

from gate.dataplane.connection import Connection
from gate.dataplane.heads import Heads
from gate.dataplane.limits import Limits
from gate.dataplane.memory import Memory
from tests.unit.dataplane_peer import (
    ACK,
    EMPTY_TABLE,
    END_HEADERS,
    END_STREAM,
    LATER,
    PADDED,
    PREFACE,
    PRIORITY,
    Client,
    Kind,
    call_fields,
    frame,
    framed,
    literals,
    methods,
    settings,
    split,
    word,
)

LIMITS: Final = Limits(
    message_bytes=20_000, streams=8, buffered_bytes=60_000, header_block_bytes=4_000, header_list_bytes=2_000,
    continuations=5, stream_window=30_000, connection_window=70_000, idle_frames=200, stream_bytes=1_000,
    open_bytes=4_000,
)  # fmt: skip
MEMORY: Final = Memory(LIMITS.all_buffered_bytes)
HEADS: Final = Heads(methods(), LIMITS)
ANSWER_TO_A_FRAME: Final = 1_000
"""Bytes of answers beside echoed messages that any one frame may cause."""

_FLAGS: Final = (0, END_STREAM, END_HEADERS, END_HEADERS | END_STREAM, PADDED, PRIORITY)
_BLOCKS: Final = (
    literals(call_fields()),
    literals(call_fields(LATER)),
    literals(call_fields(b"/none")),
    literals(call_fields(grpc_encoding=b"gzip", grpc_timeout=b"1S")),
    literals([(b"x-end", b"1")]),
    literals([(b"BAD", b"1")]),
    EMPTY_TABLE + literals(call_fields()),
    b"\x40\x01x\x01y" + b"\xbe",
    b"\x80",
    b"",
)


def some_frame(random: Random) -> bytes:
    """Write a frame that may be right."""
    stream_id = random.choice([0, 1, 1, 1, 3, 3, 5, 7, 9, 2, random.randrange(2**31)])
    kind = random.choice([*Kind, Kind.DATA, Kind.HEADERS, Kind.HEADERS, random.randrange(256)])
    flags = random.choice([*_FLAGS, random.randrange(256)])
    match kind:
        case Kind.HEADERS | Kind.CONTINUATION:
            payload = random.choice(_BLOCKS)
        case Kind.DATA:
            payload = random.choice([b"", framed(b"word"), framed(bytes(5_000)), framed(b"x", 1), random.randbytes(9)])
        case Kind.SETTINGS:
            payload = b"".join(
                struct.pack(">HI", random.randrange(8), random.choice([0, 1, 16_384, 70_000, random.randrange(2**32)]))
                for _ in range(random.randrange(3))
            )
        case Kind.WINDOW_UPDATE | Kind.RST_STREAM:
            payload = word(random.choice([0, 1, 9, 100_000, 2**31 - 1, random.randrange(2**32)]))
        case Kind.PING | Kind.GOAWAY:
            payload = random.choice([b"goodbye!", bytes(8)])
        case _:
            payload = random.randbytes(random.choice([0, 4, 5, 5, 6, 8, 40]))
    if flags & PADDED and random.random() < 0.8:
        padding = random.randrange(5)
        payload = bytes((padding,)) + (bytes(5) if flags & PRIORITY else b"") + payload + bytes(padding)
    return frame(kind, flags, stream_id, payload)


def legal(random: Random) -> bytes:
    """Write what an honest client sends."""
    octets = []
    for stream_id in range(1, 2 * random.randrange(2, 8), 2):
        path = random.choice([LATER, b"/test.Words/Echo"])
        before = EMPTY_TABLE if stream_id == 1 and random.random() < 0.7 else b""
        octets.append(frame(Kind.HEADERS, END_HEADERS, stream_id, before + literals(call_fields(path))))
        octets.append(frame(Kind.DATA, END_STREAM, stream_id, framed(bytes(random.choice([0, 5, 9_000])))))
    return b"".join(octets)


def mutated(octets: bytes, random: Random) -> bytes:
    """Spoil bytes here and there, and frames as a whole."""
    frames = [frame(*each) for each in split(octets)]
    for _ in range(random.randrange(4)):
        place = random.randrange(len(frames))
        match random.randrange(5):
            case 0:
                frames.insert(place, frames[random.randrange(len(frames))])
            case 1 if len(frames) > 1:
                frames.pop(place)
            case 2:
                other = random.randrange(len(frames))
                frames[place], frames[other] = frames[other], frames[place]
            case 3:
                frames[place] = frames[place][: random.randrange(len(frames[place]) + 1)]
            case _:
                frames.insert(place, some_frame(random))
    spoilt = bytearray(b"".join(frames))
    for _ in range(random.choice([0, 0, 1, 2, 9])):
        if spoilt:
            spoilt[random.randrange(len(spoilt))] = random.randrange(256)
    return bytes(spoilt)


def traffic(random: Random) -> bytes:
    """Write one client's bytes."""
    greeting = PREFACE + settings(*[(4, random.choice([0, 9, 70_000]))] * random.randrange(2))
    greeting += frame(Kind.SETTINGS, ACK, 0) * random.randrange(2)
    match random.randrange(5):
        case 0:
            return random.randbytes(random.randrange(100))
        case 1:
            return greeting + random.randbytes(random.randrange(2_000))
        case 2:
            return greeting + b"".join(some_frame(random) for _ in range(random.randrange(60)))
        case 3:
            return mutated_greeting(greeting + legal(random), random)
        case _:
            return greeting + mutated(legal(random), random)


def mutated_greeting(octets: bytes, random: Random) -> bytes:
    """Spoil one byte anywhere, the preface included."""
    place = random.randrange(len(octets))
    return octets[:place] + random.randbytes(1) + octets[place + 1 :]


def check(connection: Connection, taken: int, sent: int, frames: int) -> None:
    """See that memory and output are bounded."""
    requests, sender = connection._requests, connection._sender  # noqa: SLF001  their sizes are what this is about
    bodies = sum(len(stream.body) for stream in requests.streams.values())
    unsent = sum(len(stream.outgoing) for stream in requests.streams.values())
    costs = sum(stream.cost for stream in requests.streams.values())
    waiting = sum(stream.cost for stream in requests.streams.values() if stream.outgoing)
    assert len(requests.streams) <= LIMITS.streams
    assert bodies <= LIMITS.buffered_bytes + 16_384
    assert bodies + costs == requests.intake._buffered  # noqa: SLF001
    assert costs == requests.intake._open  # noqa: SLF001
    assert unsent + waiting == sender._unsent <= LIMITS.buffered_bytes  # noqa: SLF001
    assert len(connection._unread) <= 16_384 + 9  # noqa: SLF001
    assert sender.window >= 0
    assert MEMORY.held == bodies + unsent + costs
    assert len(HEADS.known) <= 4_096
    assert taken <= 2 * sent + ANSWER_TO_A_FRAME * frames


def attempt(seed: int) -> None:
    """Be one client."""
    random = Random(seed)  # noqa: S311  to repeat a failure
    client = Client(LIMITS, heads=HEADS, memory=MEMORY)
    connection = client.connection
    octets = traffic(random)
    sent = taken = 0
    while octets:
        size = random.choice([1, 9, 40, random.randrange(1, 9_000), len(octets)])
        connection.receive(octets[:size])
        sent += min(size, len(octets))
        octets = octets[size:]
        match random.randrange(12):
            case 0:
                connection.tick(connection.now + random.choice([0.5, 1, 30]))
            case 1:
                connection.drain()
            case 2:
                for stream_id in list(client.later)[:2]:
                    connection.answer(stream_id, framed(b"late"))
            case _:
                pass
        output = connection.take()
        assert all(each.stream_id < 2**31 for each in split(output))
        taken += len(output)
        check(connection, taken, sent, sent // 9 + 12)
    connection.close()
    assert (connection.calls, connection._sender._unsent, MEMORY.held) == (0, 0, 0)  # noqa: SLF001


def main() -> None:
    """Run for some minutes, and tell the seed of what fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, help="repeat one attempt")
    options = parser.parse_args()
    if options.seed is not None:
        attempt(options.seed)
        return
    seed = first = SystemRandom().randrange(2**40)
    end = time.monotonic() + options.minutes * 60
    while time.monotonic() < end:
        try:
            attempt(seed)
        except Exception:
            sys.stderr.write(f"failed: python -m tests.fuzz_dataplane --seed {seed}\n")
            raise
        seed += 1
    sys.stdout.write(f"{seed - first:,} clients, from seed {first}\n")


if __name__ == "__main__":
    main()
