"""SendGateService behind credentials: senders check, connectors record, each in the locations that are theirs.

A layer of its own, so that a gate that asks for no credentials does nothing for it.
"""

from collections.abc import Callable, Iterable, Sequence
from inspect import unwrap
from typing import Any, Final, Protocol, TypeVar, cast

from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from sendgate.v1 import send_gate_pb2 as pb

from gate.errors import LocationDeniedError
from gate.service.caller import Caller, Role
from gate.service.check import Checker
from gate.service.record import Recorder
from gate.servicers.identity import Identity
from gate.servicers.send_gate import SendGateServicer
from gate.status import Context, answering, note, status, written
from gate.wire import checks
from gate.wire.address import AddressReader
from gate.wire.fields import DEFAULT_LOCATION

RequestT = TypeVar("RequestT", bound=Message)

_check_send: Final[Callable[[SendGateServicer, pb.CheckSendRequest], pb.CheckSendResponse]] = unwrap(
    SendGateServicer.CheckSend
)
_check_batch: Final[Any] = unwrap(SendGateServicer.BatchCheckSend)
_screen: Final[Any] = unwrap(SendGateServicer.ScreenContacts)
_record: Final[Any] = unwrap(SendGateServicer.RecordEvent)
_record_batch: Final[Any] = unwrap(SendGateServicer.BatchRecordEvents)
# What the methods do once it is known who asks, without what makes answers of errors: a call can end only once.

_DENIED: Final[Status] = status(LocationDeniedError())


class _Located(Protocol):
    @property
    def location_id(self) -> str: ...


class GuardedSendGateServicer(SendGateServicer):
    """Asks who calls, then does what the one that it is made of does. Nothing is looked up before that."""

    def __init__(
        self,
        checker: Checker,
        recorder: Recorder,
        read_address: AddressReader,
        clock: Callable[[], int],
        caller: Identity,
    ) -> None:
        super().__init__(checker, recorder, read_address, clock)
        self._caller = caller
        self._known = caller.known

    def _check_send_of(self, request: pb.CheckSendRequest, context: Context) -> bytes:
        """Decide on one send. This is written for speed: each further function would be seen in it."""
        caller, _, checks_in = self._known(context)
        if checks_in is not None and (request.location_id or DEFAULT_LOCATION) not in checks_in:
            caller.need(Role.SENDER, at=request.location_id or DEFAULT_LOCATION)
        return checks.written(self._check(*checks.check(request, self._read_address)))

    @written(_check_send_of, asks_who=True)
    @answering
    async def CheckSend(self, request: pb.CheckSendRequest, context: Context) -> pb.CheckSendResponse:
        """Decide on one send."""
        self._caller(context).need(Role.SENDER, at=request.location_id or DEFAULT_LOCATION)
        return _check_send(self, request)

    @answering
    async def BatchCheckSend(self, request: pb.BatchCheckSendRequest, context: Context) -> pb.BatchCheckSendResponse:
        """Decide on many sends; those of other locations are refused, each by itself."""
        by = self._caller(context)
        by.need(Role.SENDER)
        denied = _places_denied(request.checks, by)
        if denied:
            request = _copy(request)
            _blank(request.checks, denied)
            note(context, "BatchCheckSend", LocationDeniedError())
        response: pb.BatchCheckSendResponse = _check_batch(self, request)
        for place in denied:
            response.results[place].error.CopyFrom(_DENIED)
        return response

    @answering
    async def ScreenContacts(self, request: pb.ScreenContactsRequest, context: Context) -> pb.ScreenContactsResponse:
        """Decide on a campaign list."""
        self._caller(context).need(Role.SENDER, at=request.location_id or DEFAULT_LOCATION)
        return cast("pb.ScreenContactsResponse", _screen(self, request))

    @answering
    async def RecordEvent(self, request: pb.RecordEventRequest, context: Context) -> pb.RecordEventResponse:
        """Record one event."""
        self._caller(context).need(Role.CONNECTOR, at=request.event.location_id or DEFAULT_LOCATION)
        return cast("pb.RecordEventResponse", await _record(self, request, context))

    @answering
    async def BatchRecordEvents(
        self, request: pb.BatchRecordEventsRequest, context: Context
    ) -> pb.BatchRecordEventsResponse:
        """Record many events in one commit; those of other locations are refused, each by itself."""
        by = self._caller(context)
        by.need(Role.CONNECTOR)
        denied = _places_denied(request.events, by)
        if denied:
            request = _copy(request)
            _blank(request.events, denied)
            note(context, "BatchRecordEvents", LocationDeniedError())
        response: pb.BatchRecordEventsResponse = await _record_batch(self, request, context)
        for place in denied:
            response.results[place].error.CopyFrom(_DENIED)
        return response


def _places_denied(items: Iterable[_Located], by: Caller) -> list[int]:
    if by.locations is None:
        return []
    return [place for place, item in enumerate(items) if not by.sees(item.location_id or DEFAULT_LOCATION)]


def _copy(request: RequestT) -> RequestT:
    """Copy a request: the transport's own is not to be changed."""
    copy = type(request)()
    copy.CopyFrom(request)
    return copy


def _blank(items: Sequence[Message], places: Iterable[int]) -> None:
    """Empty what is not the caller's to ask: nobody can be looked up by it, and the others keep their places."""
    for place in places:
        items[place].Clear()
