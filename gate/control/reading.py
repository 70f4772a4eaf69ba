"""Messages that cannot be read, on the library's transport: INTERNAL, as gRPC's statuscodes.md has it.

The library answers UNKNOWN with whatever a deserializer raised, in Python's words. So of a single message none raises:
what it returns in the message's place is told from one before the servicer is asked. A stream's messages are read where
the servicer takes them, and there an error can be raised.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

from gate.errors import UnreadableError
from gate.status import Context, end_unread

_UNREAD: Final = object()


def readable(handler: Any) -> Any:
    """Return a method's handler with that."""
    read: Callable[[bytes], Any] = handler.request_deserializer
    if handler.request_streaming:
        return handler._replace(request_deserializer=_raising(read))
    handler = handler._replace(request_deserializer=_marking(read))
    if handler.response_streaming:
        return handler._replace(unary_stream=_stream(handler.unary_stream))
    return handler._replace(unary_unary=_unary(handler.unary_unary))


def _marking(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def marking(message: bytes) -> Any:
        try:
            return read(message)
        except Exception:  # each message class has errors of its own
            return _UNREAD

    return marking


def _raising(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def raising(message: bytes) -> Any:
        try:
            return read(message)
        except Exception:
            raise UnreadableError from None

    return raising


def _unary(method: Callable[[Any, Context], Awaitable[Any]]) -> Callable[[Any, Context], Awaitable[Any]]:
    async def unary(request: Any, context: Context) -> Any:
        if request is _UNREAD:
            await end_unread(context)
        answer = method(request, context)
        del request  # the library holds this frame in a cycle
        return await answer

    return unary


def _stream(
    method: Callable[[Any, Context], AsyncGenerator[Any, None]],
) -> Callable[[Any, Context], AsyncGenerator[Any, None]]:
    async def stream(request: Any, context: Context) -> AsyncGenerator[Any, None]:
        if request is _UNREAD:
            await end_unread(context)
        answer = method(request, context)
        del request
        async with aclosing(answer) as responses:
            async for response in responses:
                yield response

    return stream
