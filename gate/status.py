"""Errors to gRPC statuses: the only place that knows gRPC's codes."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import wraps
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure
from google.rpc.status_pb2 import Status

from gate.errors import (
    GateError,
    InvalidFieldError,
    OverloadedError,
    PreconditionError,
    QueueFullError,
    Reason,
    TooManyCallsError,
    UnauthenticatedError,
    UnreadableError,
)
from gate.identity import denials
from gate.logs.lines import CALL_FAILED, CALL_SHED
from gate.logs.tell import tell

DOMAIN: Final = "sendgate"
DETAILS_KEY: Final = "grpc-status-details-bin"
UNREAD: Final = (grpc.StatusCode.INTERNAL, "the message is not what the method takes")
"""Of a message that cannot be read: grpc/doc/statuscodes.md, "Error parsing request proto". It is no defect of ours."""

NO_MESSAGE: Final = (grpc.StatusCode.UNIMPLEMENTED, "a call without a message; send exactly one")
"""Likewise, "Request cardinality violation"."""

_CODES: Final = MappingProxyType(
    {
        Reason.EVENT_ID_REUSED: grpc.StatusCode.ALREADY_EXISTS,
        Reason.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Reason.NOT_LIFTABLE_BY_USER: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.REMEDIATION_REQUIRED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.CHANNEL_NOT_CONNECTED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.ALREADY_DECIDED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.ROLE_REQUIRED: grpc.StatusCode.PERMISSION_DENIED,
        Reason.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
        Reason.LOCATION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
        Reason.NOT_READY: grpc.StatusCode.UNAVAILABLE,
        Reason.STORE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        Reason.OVERLOADED: grpc.StatusCode.RESOURCE_EXHAUSTED,
        Reason.INTERNAL: grpc.StatusCode.INTERNAL,
    }
)
_PUSHBACK: Final = ("grpc-retry-pushback-ms", "1000")
"""Tells a client that retries when to do so (gRFC A6)."""

REFUSED: Final[Counter[str]] = Counter()
"""How many calls this process refused, by reason."""

SHED: Final[Counter[str]] = Counter({kind.kind: 0 for kind in (QueueFullError, TooManyCallsError)})
"""How many of them because there was too much of something, by kind."""

_DENIALS: Final = MappingProxyType({Reason.ROLE_REQUIRED: denials.ROLE, Reason.LOCATION_DENIED: denials.LOCATION})
_log: Final = logging.getLogger(__name__)

Request = TypeVar("Request")
Response = TypeVar("Response")
Servicer = TypeVar("Servicer")
Method = TypeVar("Method", bound=Callable[..., Any])
Context = grpc.aio.ServicerContext[Any, Any]


def answering(
    method: Callable[[Servicer, Request, Context], Awaitable[Response]],
) -> Callable[[Servicer, Request, Context], Awaitable[Response]]:
    """Let a servicer's method raise GateError; anything else that it raises is a defect and INTERNAL."""

    @wraps(method)
    async def answer(servicer: Servicer, request: Request, context: Context) -> Response:
        try:
            return await method(servicer, request, context)
        except Exception as error:
            del request  # the library holds this frame in a cycle
            await end(context, method.__name__, error)

    return answer


def answering_at_once(
    method: Callable[[Servicer, Request], Response],
) -> Callable[[Servicer, Request, Context], Awaitable[Response]]:
    """Make a servicer's method of one that never waits and needs no context. It may raise as in `answering`.

    Whoever has no use for a coroutine finds the method in `at_once`, and asks again here for the status of an error:
    it changes nothing, so that it may be asked twice.
    """

    @wraps(method)
    async def answer(servicer: Servicer, request: Request, context: Context) -> Response:
        try:
            return method(servicer, request)
        except Exception as error:
            del request
            await end(context, method.__name__, error)

    vars(answer)["at_once"] = method
    return answer


def written(by: Callable[..., bytes], *, asks_who: bool = False) -> Callable[[Method], Method]:
    """Give such a method another form in `at_once`, which returns the bytes of its message.

    It takes the request, and also the context if it asks who calls.
    """

    def with_form(method: Method) -> Method:
        vars(method).update(at_once=by, asks_who=asks_who)
        return method

    return with_form


async def end(context: Context, method: str, error: Exception) -> NoReturn:
    """End a call with the status of an error; one that is no GateError must not reach the caller as it is."""
    if isinstance(error, UnreadableError):
        await end_unread(context)
    if not isinstance(error, GateError):
        tell(_log, CALL_FAILED, error, method=method)
        error = GateError("the gate failed to answer; do not send, and report this")
    note(context, method, error)
    # What it was raised in holds the request, and the library holds the error in a cycle.
    await _abort(context, error.with_traceback(None))


async def end_unread(context: Context) -> NoReturn:
    """End a call whose message cannot be read."""
    await context.abort(*UNREAD)


def note(context: Context, method: str, error: GateError) -> None:
    """Count a refusal, and tell the operator of one that is because of who calls, or because of too many calls."""
    REFUSED[error.reason] += 1
    why = error.why if isinstance(error, UnauthenticatedError) else _DENIALS.get(error.reason)
    if why is not None:
        denials.deny(method, context.peer(), why)
    elif isinstance(error, OverloadedError):
        SHED[error.kind] += 1
        tell(_log, CALL_SHED, method=method, peer=context.peer(), why=error)


async def _abort(context: Context, error: GateError) -> NoReturn:
    trailers: list[tuple[str, str | bytes]] = [(DETAILS_KEY, status(error).SerializeToString())]
    if isinstance(error, OverloadedError):
        trailers.append(_PUSHBACK)
    await context.abort(_code(error), str(error), tuple(trailers))


def status(error: GateError, path: str = "") -> Status:
    """Write an error as a Status with its details; `path` leads to the faulty message in the request."""
    info = ErrorInfo(reason=f"ERROR_REASON_{error.reason}", domain=DOMAIN)
    details: list[Message] = [info]
    if isinstance(error, InvalidFieldError):
        error = error.within(path) if path else error
        info.metadata["field"] = error.field
        violation = BadRequest.FieldViolation(field=error.field, description=error.problem)
        details.append(BadRequest(field_violations=[violation]))
    if isinstance(error, PreconditionError) and error.obstacles:
        details.append(PreconditionFailure(violations=map(_violation, error.obstacles)))
    return Status(code=_code(error).value[0], message=str(error), details=map(_packed, details))


def _violation(obstacle: tuple[str, str, str]) -> PreconditionFailure.Violation:
    kind, subject, way_out = obstacle
    return PreconditionFailure.Violation(type=kind, subject=subject, description=way_out)


def _code(error: GateError) -> grpc.StatusCode:
    return _CODES.get(error.reason, grpc.StatusCode.INVALID_ARGUMENT)


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed
