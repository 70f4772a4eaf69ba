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

    def __init__(self, target: str, timeout: float) -> None:
        self._target = target
        self._timeout = timeout

    async def __aenter__(self) -> Self:
        self._channel = grpc.aio.insecure_channel(self._target, options=_OPTIONS)
        self._stub = rpc.SendGateServiceStub(self._channel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def record(self, event: pb.Event) -> None:
        """Return once the event is durable. Raises RefusedError and UnavailableError."""
        try:
            response = await self._stub.RecordEvent(pb.RecordEventRequest(event=event), timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            if error.code() in _REFUSALS:
                # Not the message of the error: it may quote the address.
                _log.warning("%s event %s: refused: %s", event.provider, event.event_id, _reason(error))
                raise RefusedError("the gate refuses this event") from error
            _log.warning("%s event %s: not recorded: %s", event.provider, event.event_id, error.code().name)
            raise UnavailableError("the gate cannot take events now") from error
        _log.debug("%s event %s: %s", event.provider, event.event_id, pb.Outcome.Name(response.outcome))


def _reason(error: grpc.aio.AioRpcError) -> str:
    """Tell the reason and the field at fault, by name."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in Status.FromString(value).details:
                info = ErrorInfo()
                if detail.Unpack(info):
                    return f"{info.reason} {info.metadata.get('field', '')}".strip()
    return error.code().name
