"""Calls: from a request's message to its answer, at once where the servicer need not wait for anything.

A servicer's method is a coroutine. It is run up to its first pause here, in the middle of reading; one that never
pauses has then returned, and no task was made. One that pauses for a future goes on when that is done, and one that
pauses otherwise, or again, goes on as a task from where it is.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import aclosing
from types import coroutine
from typing import Any, Final, NamedTuple

import grpc

from gate.dataplane.connection import Connection
from gate.dataplane.context import AbortedError, Context, Peer, Who
from gate.dataplane.heads import Head
from gate.dataplane.memory import Shed
from gate.dataplane.methods import Method
from gate.dataplane.replies import DONE, MESSAGE_PREFIX_BYTES, OK, PUSHBACK, Ending, Reply, ending, ok
from gate.dataplane.streams import Outcome
from gate.logs.lines import CALL_FAILED
from gate.logs.tell import tell
from gate.status import UNREAD

TOO_LATE: Final = ending(grpc.StatusCode.DEADLINE_EXCEEDED, "the time that grpc-timeout allows is over")

_TOO_MANY: Final = ending(
    grpc.StatusCode.RESOURCE_EXHAUSTED, "too many connections; use fewer, or another gate", [PUSHBACK]
)
_NOT_READ: Final = ending(*UNREAD)
_FAILED: Final = ending(grpc.StatusCode.UNKNOWN, "the gate failed to answer; do not send, and report this")
_log: Final = logging.getLogger(__name__)


class Calls:
    """Begins the calls of one connection."""

    def __init__(self, peer: Peer, *, spare_of: Shed | None = None) -> None:
        self._peer = peer
        self._who = Who(Head(), peer)
        self._spare = spare_of

    def start(  # noqa: PLR0911  it is the hot path: no calls for the sake of form
        self, connection: Connection, stream_id: int, head: Head, message: bytes
    ) -> Outcome:
        """Answer a call, refuse it, or leave it running."""
        method = head.method
        assert method is not None  # noqa: S101  a request without one is refused
        if self._spare is not None and not method.spared:
            self._spare.connections += 1
            return _TOO_MANY
        try:
            request = method.read(message)
        except Exception:  # each message class has errors of its own
            return _NOT_READ
        if head.timeout == 0:
            return TOO_LATE
        if method.at_once is not None:
            try:
                if method.asks_who:
                    self._who.head = head
                    answer = method.at_once(request, self._who)
                else:
                    answer = method.at_once(request)
                message = answer if type(answer) is bytes else method.write(answer)
                return len(message).to_bytes(MESSAGE_PREFIX_BYTES) + message
            except Exception:  # noqa: S110  said again below, where it becomes a status
                pass
        context = Context(head, self._peer)
        work = method.behaviour(request, context)
        if method.streams:
            return _Stream(_Call(connection, stream_id, head, context, method), work)
        try:
            try:
                pause = work.send(None)
            except StopIteration as done:
                answer = framed(method, done.value)
                return Reply(answer, ok(context.trailing)) if context.trailing else answer
        except (Exception, asyncio.CancelledError) as error:
            return _ended(context, error)
        return _Unary(_Call(connection, stream_id, head, context, method), work, pause)


def framed(method: Method, response: Any) -> bytes:
    """Write a message with its prefix: no compression, and the length."""
    message: bytes = response if type(response) is bytes else method.write(response)
    return len(message).to_bytes(MESSAGE_PREFIX_BYTES) + message


def _ended(context: Context, error: BaseException) -> Ending:
    if isinstance(error, AbortedError) and context.ended is not None:
        return ending(*context.ended)
    tell(_log, CALL_FAILED, error, method="a call")
    return _FAILED


@coroutine
def _resumed(work: Coroutine[Any, Any, Any], pause: Any) -> Generator[Any, Any, Any]:
    """Go on with a coroutine that paused, inside a task."""
    while True:
        try:
            sent = yield pause
        except BaseException as error:  # a cancellation is the coroutine's to deal with
            step: Callable[[Any], Any] = work.throw
            given: Any = error
        else:
            step, given = work.send, sent
        try:
            pause = step(given)
        except StopIteration as done:
            return done.value


class _Call(NamedTuple):
    """What was asked, and where the answer goes."""

    connection: Connection
    stream_id: int
    head: Head
    context: Context
    method: Method


class _Running:
    """A call that answers later; ends at its deadline, or when nobody waits for it any more."""

    def __init__(self, call: _Call) -> None:
        self._connection, self._stream_id, head, self._context, self._method = call
        self._timer: asyncio.TimerHandle | None = None
        if head.timeout is not None:
            self._timer = asyncio.get_running_loop().call_later(head.timeout, self._end, TOO_LATE)
        self._task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """Stop. The servicer may still finish what must be finished."""
        self._stop_timer()
        if self._task is not None:
            # In the next turn: a task before its first step would not tell the servicer; one that ends itself is done.
            self._task.get_loop().call_soon(self._task.cancel)

    def drained(self) -> None:
        """Nothing: an answer that is sent whole waits for no room."""

    def _go_on(self, answer: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._guarded(answer))

    async def _guarded(self, answer: Coroutine[Any, Any, None]) -> None:
        try:
            await answer
        except (Exception, asyncio.CancelledError) as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        # If cancelled, the client gave up, or its time is over: the stream is gone. If not, the servicer itself failed.
        self._end(_FAILED if isinstance(error, asyncio.CancelledError) else _ended(self._context, error))

    def _end(self, ending: Ending) -> None:
        self._connection.end(self._stream_id, ending)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class _Unary(_Running):
    """Nearly always the servicer pauses once, for a future. That wakes it: a task for each call would cost more.

    Until it pauses again it has no current task, and must not ask for one: `asyncio.timeout` does.
    """

    def __init__(self, call: _Call, work: Coroutine[Any, Any, Any], pause: Any) -> None:
        super().__init__(call)
        self._work = work
        self._awaited: asyncio.Future[Any] | None = None
        self._cancelled = False
        if asyncio.isfuture(pause):
            self._awaited = pause
            pause.add_done_callback(self._wake)
        else:
            self._go_on(self._rest(pause))

    def cancel(self) -> None:
        """Stop, as a task would: by what is awaited, or at the next step if that is done already."""
        super().cancel()
        if self._awaited is not None:
            self._cancelled = not self._awaited.cancel()

    def _wake(self, _: asyncio.Future[Any]) -> None:
        self._awaited = None
        try:
            try:
                pause = self._work.throw(asyncio.CancelledError()) if self._cancelled else self._work.send(None)
            except StopIteration as done:
                self._answer(done.value)
            else:
                self._go_on(self._rest(pause))
        except (Exception, asyncio.CancelledError) as error:
            self._fail(error)

    async def _rest(self, pause: Any) -> None:
        self._answer(await _resumed(self._work, pause))

    def _answer(self, response: Any) -> None:
        # From here on it is the client's to take the answer, however slowly.
        self._stop_timer()
        trailers = ok(self._context.trailing) if self._context.trailing else OK
        self._connection.answer(self._stream_id, framed(self._method, response), trailers)


class _Stream(_Running):
    def __init__(self, call: _Call, responses: AsyncGenerator[Any, None]) -> None:
        super().__init__(call)
        self._room = asyncio.Event()
        self._go_on(self._answer(responses))

    def drained(self) -> None:
        """Send the next message."""
        self._room.set()

    async def _answer(self, responses: AsyncGenerator[Any, None]) -> None:
        async with aclosing(responses):
            async for response in responses:
                self._room.clear()
                self._connection.send(self._stream_id, framed(self._method, response))
                await self._room.wait()
        self._end(DONE)
