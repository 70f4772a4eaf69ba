"""How much of everything a client may have, with units. Beyond a limit it is refused, and the others do not notice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds in memory, processor time and patience."""

    message_bytes: int = 6 * 1024 * 1024
    """Of a request: room for 1,000 events with bodies of 4 KiB."""
    streams: int = 1_000
    """Open at once on a connection."""
    buffered_bytes: int = 32 * 1024 * 1024
    """Of unfinished requests and open streams on a connection; likewise of answers that its client does not take."""
    all_buffered_bytes: int = 256 * 1024 * 1024
    """Of unfinished requests, answers that are not taken and open streams, over all connections.

    New streams are refused from half of it on: they may stay for good, the others end within `request_seconds`.
    """
    answer_bytes: int = 1024 * 1024
    """That a connection may leave lying even when there is too much over all."""
    open_bytes: int = 64 * 1024
    """That a connection's open streams may take even when there is too much over all: about ten of them."""
    stream_bytes: int = 6 * 1024
    """That an open stream counts for beside its metadata; with its call and task it was seen to take 5,700."""
    plain_bytes: int = 8 * 1024
    """Of metadata as it is kept, up to which a request may wait for its message uncounted, for a second at most."""
    header_list_bytes: int = 16_384
    """Of a request's fields, counted as RFC 9113, section 6.5.2 says. Beyond that the call is refused."""
    header_block_bytes: int = 65_536
    """Of a header block as it is sent, over all its frames, and of its fields. Beyond that the connection ends."""
    continuations: int = 16
    """Frames that a header block is spread over, after the first."""
    stream_window: int = 1024 * 1024
    """Bytes that a client may send on a stream before it waits for more."""
    connection_window: int = 8 * 1024 * 1024
    """Bytes that a client may send on a connection before it waits for more."""
    idle_frames: int = 2_000
    """Frames that ask for work and give none, saved up: resets, pings, settings, empty data."""
    idle_frames_per_second: int = 200
    """How many more of those a second gives."""
    idle_frames_per_call: int = 10
    """How many more of those an answered call gives."""
    connections: int = 4_096
    """Open at once, over all addresses of the data plane."""
    spare_connections: int = 64
    """Beyond those, on which only health is answered."""
    handshakes: int = 256
    """Of TLS, under way at once, beside the connections; further ones wait to be accepted. Each takes 256 KiB."""
    handshake_seconds: float = 10.0
    """From the accept to the end of the handshake."""
    hurried_seconds: float = 2.0
    """Likewise, for those that begin while more than half as many as may be are under way."""
    preface_seconds: float = 10.0
    """From connecting to the end of the client's first SETTINGS."""
    header_seconds: float = 10.0
    """From the first to the last frame of a header block."""
    request_seconds: float = 60.0
    """From the last progress of an unfinished request; likewise of an answer that the client does not take."""
    idle_seconds: float = 1_800.0
    """Without a call; the connection is then drained."""
    age_seconds: float = 1_800.0
    """Of a TCP connection, give or take a tenth; it is then drained, so that callers spread over all gates."""
    age_grace_seconds: float = 60.0
    """That calls in flight get when a connection is drained for its age or idleness."""
