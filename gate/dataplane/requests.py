"""A connection's open streams, and the frames that carry requests where they are not two plain ones in one piece."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from gate.dataplane import bodies, frames
from gate.dataplane.blocks import BlockReader, OpenBlock
from gate.dataplane.frames import ConnectionFaultError, ErrorCode, StreamFaultError
from gate.dataplane.heads import Head, field_fault
from gate.dataplane.intake import CROWDED, Intake
from gate.dataplane.limits import Limits
from gate.dataplane.memory import Memory
from gate.dataplane.past import Past
from gate.dataplane.patience import Patience
from gate.dataplane.replies import OK, Ending, Reply
from gate.dataplane.streams import Outcome, Sender, Stream

if TYPE_CHECKING:
    from gate.dataplane.connection import Connection


class Requests:
    """The streams that are not over, in the order in which they began."""

    def __init__(
        self,
        connection: "Connection",
        sender: Sender,
        blocks: BlockReader,
        known: Mapping[bytes, Head],
        patience: Patience,
        limits: Limits,
        memory: Memory,
    ) -> None:
        self._connection: Final = connection
        self._sender: Final = sender
        self._blocks: Final = blocks
        self._patience: Final = patience
        self._limits: Final = limits
        self._memory: Final = memory
        self._known: Final = known
        self.intake: Final = Intake(sender, limits, memory)
        self._past: Final = Past()
        self.begun: dict[int, Head] = {}
        """Requests whose head alone is here, and plain."""
        self.streams: dict[int, Stream] = {}
        self.last_id = -1
        """The highest that the client has used; they are odd."""
        self.open_block: OpenBlock | None = None
        self.plain = False
        """Whether a header block means what its bytes meant before, whenever that was."""
        self.final = False
        """Whether no new stream is answered any more."""

    @property
    def last_taken(self) -> int:
        """The stream id for GOAWAY: none above it was answered, nor will be."""
        return max(self.last_id, 0)

    def begin(self, stream_id: int, block: bytes) -> bool:
        """Begin a request that can be answered once its message is here; False if there is more to say about it."""
        head = self._known.get(block) or self._blocks.try_read(block)
        if (
            head is None
            or not head.plain
            or stream_id != self.last_id + 2
            or self.final
            or len(self.streams) + len(self.begun) >= self._limits.streams
        ):
            return False
        self.last_id = stream_id
        self.begun[stream_id] = head
        return True

    def take_up(self, stream_id: int) -> None:
        """Make a stream of a request that only began: something comes on it that takes more than an answer."""
        self._open(stream_id, self.begun.pop(stream_id))

    def _open(self, stream_id: int, head: Head, *, ended: bool = False) -> Stream:
        """Make a stream, and count what it takes."""
        stream = self.streams[stream_id] = Stream(stream_id, head, self._sender.initial_window, self._connection.now)
        stream.ended = ended
        self.intake.charge(stream)
        return stream

    def headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        """Take HEADERS: a request begins, or trailers end it."""
        if not stream_id & 1:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, f"HEADERS on stream {stream_id}")
        fragment = frames.without_priority(flags, stream_id, frames.unpadded(flags, payload))
        ends_stream = bool(flags & frames.END_STREAM)
        if not flags & frames.END_HEADERS:
            now = self._connection.now
            self.plain = False
            self.open_block = OpenBlock(
                stream_id, ends_stream=ends_stream, began=now, fragment=fragment, limits=self._limits
            )
        else:
            self._block(stream_id, fragment, ends_stream=ends_stream)

    def continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        """Take CONTINUATION: more of a header block."""
        block = self.open_block
        if block is None or block.stream_id != stream_id:
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of no open header block")
        block.add(payload)
        if flags & frames.END_HEADERS:
            self.open_block = None
            self._block(stream_id, block.whole(), ends_stream=block.ends_stream)

    def _block(self, stream_id: int, block: bytes, *, ends_stream: bool) -> None:
        self._take_block(stream_id, block, ends_stream=ends_stream)
        self.plain = self._blocks.stateless

    def _take_block(self, stream_id: int, block: bytes, *, ends_stream: bool) -> None:
        stream = self.streams.get(stream_id)
        if stream is not None:
            self._trailers(stream, block, ends_stream=ends_stream)
        elif stream_id > self.last_id:
            # Read before anything else: a client that still uses its table changes it with every block.
            head = self._blocks.read(block)
            if not self.final:
                self._past.skip(range(self.last_id + 2, stream_id, 2))
                self.last_id = stream_id
                self._begin(stream_id, head, ends_stream=ends_stream)
        elif self._past.gave_up(stream_id):
            self._blocks.read_fields(block)
        else:
            code = ErrorCode.PROTOCOL_ERROR if self._past.skipped(stream_id) else ErrorCode.STREAM_CLOSED
            raise ConnectionFaultError(code, f"HEADERS on stream {stream_id}, which is over")

    def _begin(self, stream_id: int, head: Head, *, ends_stream: bool) -> None:
        if head.fault:
            raise StreamFaultError(ErrorCode.PROTOCOL_ERROR, stream_id, head.fault)
        if len(self.streams) + len(self.begun) >= self._limits.streams:
            self._memory.shed.streams += 1
            raise StreamFaultError(ErrorCode.REFUSED_STREAM, stream_id, "more streams than SETTINGS allow")
        stream = self._open(stream_id, head, ended=ends_stream)
        if self.intake.crowded:
            self._crowd_out(stream)
        elif ends_stream:
            self._ended(stream)

    def _trailers(self, stream: Stream, block: bytes, *, ends_stream: bool) -> None:
        fields = self._blocks.read_fields(block)
        if stream.ended:
            raise StreamFaultError(ErrorCode.STREAM_CLOSED, stream.id, "HEADERS after the end of the stream")
        # A name of a pseudo-header field is malformed here like any other that begins with a colon.
        if not ends_stream or any(field_fault(*field) for field in fields):
            raise StreamFaultError(ErrorCode.PROTOCOL_ERROR, stream.id, "trailers that end nothing, or are malformed")
        self._ended(stream)

    def data(self, flags: int, stream_id: int, payload: bytes) -> None:
        """Take DATA: a piece of a request's body."""
        self.expect_used("DATA", stream_id)
        self.intake.take(len(payload))
        stream = self.streams.get(stream_id)
        if stream is None or stream.ended:
            if self._past.gave_up(stream_id) or self.final:
                if not payload:
                    self._patience.charge("DATA")
                return
            raise StreamFaultError(ErrorCode.STREAM_CLOSED, stream_id, "DATA after the end of the stream")
        piece = frames.unpadded(flags, payload)
        ends_stream = bool(flags & frames.END_STREAM)
        if not piece and not ends_stream:
            self._patience.charge("DATA")
        stream.seen = self._connection.now
        stream.body += piece
        self.intake.hold(len(piece))
        if ends_stream:
            self._ended(stream)
        elif refusal := self.intake.unacceptable(stream):
            self._refuse(stream, refusal)
        else:
            self.intake.take_on(stream, len(payload))

    def expect_used(self, what: str, stream_id: int) -> None:
        """Refuse a frame on a stream that never was; after a final GOAWAY there may be some that we do not know."""
        if not stream_id & 1 or (stream_id > self.last_id and not self.final):
            raise ConnectionFaultError(ErrorCode.PROTOCOL_ERROR, f"{what} on stream {stream_id}, which is idle")

    def _ended(self, stream: Stream) -> None:
        """Begin the call: the whole request is here."""
        stream.ended = True
        head, body = stream.head, stream.body
        if head.content_length not in {None, len(body)}:
            raise StreamFaultError(ErrorCode.PROTOCOL_ERROR, stream.id, "another length than content-length says")
        message = head.refusal or bodies.message(body, head.encoding, self._limits.message_bytes)
        self.intake.hold(-len(body))
        stream.body = bytearray()
        if isinstance(message, Ending):
            self._refuse(stream, message)
        else:
            self.follow(stream, self._connection.start(self._connection, stream.id, head, message))

    def proceed(self, stream_id: int, head: Head, answer: Outcome) -> None:
        """Make a stream of a call whose answer could not be sent at once."""
        self.follow(self._open(stream_id, head, ended=True), answer)

    def follow(self, stream: Stream, answer: Outcome) -> None:
        """Send a call's answer, or wait for it."""
        if isinstance(answer, bytes):
            self._connection.answer(stream.id, answer)
        elif isinstance(answer, Reply):
            self._connection.answer(stream.id, *answer)
        elif isinstance(answer, Ending):
            self._refuse(stream, answer)
        else:
            stream.call = answer

    def reply(self, stream_id: int, payload: bytes, trailers: bytes | None) -> None:
        """Send a message of an answer, and its end if there are trailers. A stream that is gone takes nothing."""
        stream = self.streams.get(stream_id)
        if stream is None:
            return
        if trailers is OK and not stream.begun and self._sender.whole(stream, payload):
            self.over(stream)
            return
        stream.seen = self._connection.now
        if not stream.begun:
            stream.begun = True
            self._sender.begin(stream)
        try:
            self._sender.push(stream, payload)
        except ConnectionFaultError as fault:
            self._connection.fail(fault)
        else:
            if trailers is not None and self._sender.finish(stream, trailers):
                self.over(stream)

    def end(self, stream_id: int, ending: Ending) -> None:
        """End a stream with a status."""
        stream = self.streams.get(stream_id)
        if stream is None:
            return
        if not stream.begun:
            self._refuse(stream, ending)
        elif self._sender.finish(stream, ending.after_messages):
            self.over(stream)

    def _refuse(self, stream: Stream, ending: Ending) -> None:
        """Answer with a status alone; a client that has not said all need not go on."""
        self._sender.alone(stream.id, ending.alone)
        if not stream.ended:
            self._sender.out.append(frames.rst_stream(stream.id, ErrorCode.NO_ERROR))
            self._past.give_up(stream.id)
        self.over(stream)

    def _crowd_out(self, stream: Stream) -> None:
        """Refuse a request for which there is no room, but for its own fault if it has one."""
        if stream.head.refusal is None:
            self._memory.shed.memory += 1
        self._refuse(stream, stream.head.refusal or CROWDED)

    def over(self, stream: Stream) -> None:
        """Forget a stream whose answer is sent."""
        self._patience.answered += 1
        self.drop(stream)

    def drop(self, stream: Stream) -> None:
        """Forget a stream, answered or not, and stop its call."""
        del self.streams[stream.id]
        self.intake.release(stream)
        if stream.outgoing:
            self._sender.forget(stream)
        if stream.call is not None:
            stream.call.cancel()
        self._connection.idle()

    def reset(self, fault: StreamFaultError) -> None:
        """End a stream on which the client broke the protocol. Raises ConnectionFaultError if it does so too often."""
        self._sender.out.append(frames.rst_stream(fault.stream_id, fault.code))
        self._past.give_up(fault.stream_id)
        if stream := self.streams.get(fault.stream_id):
            self.drop(stream)
        self._patience.charge(str(fault))

    def expire(self, now: float) -> None:
        """End what makes no progress: header blocks, requests, answers that are not taken."""
        if self.open_block is not None and now - self.open_block.began > self._limits.header_seconds:
            raise ConnectionFaultError(ErrorCode.ENHANCE_YOUR_CALM, "a header block without end")
        for stream_id in list(self.begun):
            self.take_up(stream_id)
        for stream in list(self.streams.values()):
            only_began = not stream.ended and not stream.body
            if now > stream.seen and (stream.head.refusal is not None or (only_began and self.intake.crowded)):
                self._crowd_out(stream)
            elif (not stream.ended or stream.outgoing) and now - stream.seen > self._limits.request_seconds:
                self.reset(StreamFaultError(ErrorCode.CANCEL, stream.id, "no progress"))

    def clear(self) -> None:
        """Stop all calls."""
        self.open_block = None
        self.begun.clear()
        for stream in list(self.streams.values()):
            self.drop(stream)
