"""The gate as the connectors see it: an event is recorded for good, or why not."""

import logging
from types import TracebackType
from typing import Final, Self

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from gate.connectors.errors import RefusedError, UnavailableError
from gate.errors import SettingsError
from gate.identity.client import Access
from gate.logs.lines import EVENT_NOT_RECORDED, EVENT_RECORDED, EVENT_REFUSED
from gate.logs.tell import tell

_REFUSALS: Final = frozenset((grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS))
_OPTIONS: Final = (
    # Otherwise the gate may be back for two minutes before it is tried again.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)
_log: Final = logging.getLogger(__name__)


class GateClient:
    """A connection to the gate, to be used as a context. `timeout` is in seconds, for each event."""

    def __init__(self, target: str, timeout: float, access: Access = Access()) -> None:  # noqa: B008  it is immutable
        self._target = target
        self._timeout = timeout
        self._access = access

    async def __aenter__(self) -> Self:
        credentials = self._access.credentials(self._target)
        # Wrong from the start, it is told at the start.
        self._access.metadata(self._target)
        options = (*_OPTIONS, *self._access.options(self._target))
        self._channel = (
            grpc.aio.insecure_channel(self._target, options)
            if credentials is None
            else grpc.aio.secure_channel(self._target, credentials, options)
        )
        self._stub = rpc.SendGateServiceStub(self._channel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def record(self, event: pb.Event) -> None:
        """Return once the event is durable. Raises RefusedError and UnavailableError."""
        of = {"provider": event.provider, "event_id": event.event_id}
        try:
            metadata = self._access.metadata(self._target)
        except SettingsError as error:
            tell(_log, EVENT_NOT_RECORDED, **of, reason=error)
            raise UnavailableError("the gate cannot take events now") from error
        try:
            request = pb.RecordEventRequest(event=event)
            response = await self._stub.RecordEvent(request, timeout=self._timeout, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() in _REFUSALS:
                # Not the message of the error: it may quote the address.
                tell(_log, EVENT_REFUSED, **of, reason=_reason(error))
                raise RefusedError("the gate refuses this event") from error
            tell(_log, EVENT_NOT_RECORDED, **of, reason=error.code().name)
            raise UnavailableError("the gate cannot take events now") from error
        tell(_log, EVENT_RECORDED, **of, outcome=pb.Outcome.Name(response.outcome))


def _reason(error: grpc.aio.AioRpcError) -> str:
    """Tell the reason and the field at fault, by name."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in Status.FromString(value).details:
                info = ErrorInfo()
                if detail.Unpack(info):
                    return f"{info.reason} {info.metadata.get('field', '')}".strip()
    return error.code().name
