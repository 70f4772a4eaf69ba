"""How the library's servers read requests and answer them: in the call's own task, so that there are bounds in bytes.

Left to itself the library reads the one message of a call before anybody is asked, keeps up to 6 MiB of it for as long
as the client likes, and answers UNKNOWN, with whatever a deserializer raised, to one that is none. So it is told that
every request is a stream, of which it reads 2 KiB ahead and the rest when it is asked to.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, cast

import grpc

from gate.errors import TooManyCallsError, UnreadableError
from gate.resident import resident
from gate.status import NO_MESSAGE, Context, end, end_unread

SMALL_BYTES: Final = 16 * 1024
"""An answer up to which none is counted."""

FEW: Final = 40
"""Requests that may be unfinished whatever they take: a quarter of a gigabyte at most."""

MOST_BYTES: Final = 256 * 1024 * 1024
"""What further ones may take until they are ended, so far as they can be told from what else the process takes.

Likewise what may be on the way of answers that are not small.
"""

_QUESTIONS: Final = ("Get", "List", "BatchCheck", "Screen")
"""How methods begin that may be refused an answer, since they change nothing."""

_PAUSE_S: Final = 0.25


class Reading:
    """Reads requests and writes answers, and ends calls that do not come to an end when those take too much."""

    def __init__(self) -> None:
        self._answers_bytes = 0
        self._unfinished: set[asyncio.Task[Any]] = set()
        self._given_up: set[asyncio.Task[Any]] = set()

    def reading(self, name: str, handler: Any) -> Any:
        """Return a handler for the library that reads and writes for a handler of a service's method."""
        read = _raising(handler.request_deserializer)
        if handler.request_streaming:
            return handler._replace(request_deserializer=read)
        if handler.response_streaming:
            stream = self._stream(name, handler.unary_stream)
            return grpc.stream_stream_rpc_method_handler(stream, read, handler.response_serializer)
        unary = self._unary(name, handler.unary_unary, handler.response_serializer)
        return grpc.stream_unary_rpc_method_handler(unary, read)

    async def keep_bounded(self) -> None:
        """End the calls that are unfinished since a moment ago whenever there are many and they take too much."""
        usual = resident()
        before: set[asyncio.Task[Any]] = set()
        while True:
            await asyncio.sleep(_PAUSE_S)
            if len(self._unfinished) <= FEW:
                usual = resident()
            elif resident() > usual + MOST_BYTES:
                for task in before & self._unfinished:
                    self._given_up.add(task)
                    task.cancel()
            before = set(self._unfinished)

    async def _read(self, name: str, context: Context) -> Any:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._unfinished.add(task)
        try:
            request = await context.read()
        except UnreadableError:
            await end_unread(context)
        except asyncio.CancelledError:
            if task not in self._given_up:
                raise
            self._given_up.discard(task)
            await end(context, name, TooManyCallsError())
        finally:
            self._unfinished.discard(task)
        if request is grpc.aio.EOF:
            await context.abort(*NO_MESSAGE)
        return request

    def _unary(
        self, name: str, method: Callable[[Any, Context], Awaitable[Any]], write: Callable[[Any], bytes]
    ) -> Callable[[Any, Context], Awaitable[bytes]]:
        async def unary(_: object, context: Context) -> bytes:
            answer = write(await method(await self._read(name, context), context))
            if len(answer) > SMALL_BYTES:
                await self._count(name, context, len(answer))
            return answer

        return unary

    async def _count(self, name: str, context: Context, size: int) -> None:
        """Count an answer until its call is over, or end the call instead where it has changed nothing."""
        if self._answers_bytes + size > MOST_BYTES and name.startswith(_QUESTIONS):
            await end(context, name, TooManyCallsError())
        self._answers_bytes += size
        cast("asyncio.Task[Any]", asyncio.current_task()).add_done_callback(lambda _: self._taken(size))

    def _taken(self, size: int) -> None:
        self._answers_bytes -= size

    def _stream(
        self, name: str, method: Callable[[Any, Context], AsyncGenerator[Any, None]]
    ) -> Callable[[Any, Context], AsyncGenerator[Any, None]]:
        async def stream(_: object, context: Context) -> AsyncGenerator[Any, None]:
            async with aclosing(method(await self._read(name, context), context)) as responses:
                async for response in responses:
                    yield response

        return stream


def _raising(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def raising(message: bytes) -> Any:
        try:
            return read(message)
        except Exception:  # each message class has errors of its own
            raise UnreadableError from None

    return raising
