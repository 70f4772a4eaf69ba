"""Errors to gRPC statuses: the only place that knows gRPC's codes."""

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure
from google.rpc.status_pb2 import Status

from gate.errors import GateError, InvalidFieldError, PreconditionError, Reason

DOMAIN: Final = "sendgate"
DETAILS_KEY: Final = "grpc-status-details-bin"

_CODES: Final = MappingProxyType(
    {
        Reason.EVENT_ID_REUSED: grpc.StatusCode.ALREADY_EXISTS,
        Reason.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Reason.NOT_LIFTABLE_BY_USER: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.REMEDIATION_REQUIRED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.CHANNEL_NOT_CONNECTED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.ALREADY_DECIDED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.ROLE_REQUIRED: grpc.StatusCode.PERMISSION_DENIED,
        Reason.NOT_READY: grpc.StatusCode.UNAVAILABLE,
        Reason.STORE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        Reason.INTERNAL: grpc.StatusCode.INTERNAL,
    }
)
_log: Final = logging.getLogger(__name__)

Request = TypeVar("Request")
Response = TypeVar("Response")
Servicer = TypeVar("Servicer")
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
            await end(context, method.__name__, error)

    return answer


async def end(context: Context, method: str, error: Exception) -> NoReturn:
    """End a call with the status of an error; one that is no GateError must not reach the caller as it is."""
    if not isinstance(error, GateError):
        _log.error("%s failed", method, exc_info=error)
        error = GateError("the gate failed to answer; do not send, and report this")
    await _abort(context, error)


async def _abort(context: Context, error: GateError) -> NoReturn:
    details = status(error).SerializeToString()
    await context.abort(_code(error), str(error), ((DETAILS_KEY, details),))


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
