"""SendGateService: checks are answered without a pause, events once they are durable."""

from collections.abc import Callable

from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from gate.errors import GateError, InvalidFieldError, Reason
from gate.rules.model import Event
from gate.service.check import Checker
from gate.service.record import Recorder
from gate.status import Context, answering, answering_at_once, status, written
from gate.wire import checks, events
from gate.wire.address import AddressReader
from gate.wire.fields import at_most


class SendGateServicer(rpc.SendGateServiceServicer):
    """Serves senders and connectors. `clock` gives nanoseconds since 1970."""

    def __init__(
        self, checker: Checker, recorder: Recorder, read_address: AddressReader, clock: Callable[[], int]
    ) -> None:
        self._check = checker.check
        self._screen = checker.screen
        self._recorder = recorder
        self._read_address = read_address
        self._clock = clock

    def _check_send(self, request: pb.CheckSendRequest) -> bytes:
        return checks.written(self._check(*checks.check(request, self._read_address)))

    @written(_check_send)
    @answering_at_once
    def CheckSend(self, request: pb.CheckSendRequest) -> pb.CheckSendResponse:
        """Decide on one send."""
        return checks.check_response(self._check(*checks.check(request, self._read_address)))

    @answering_at_once
    def BatchCheckSend(self, request: pb.BatchCheckSendRequest) -> pb.BatchCheckSendResponse:
        """Decide on many sends, each by itself."""
        at_most("checks", request.checks, checks.BATCH)
        return pb.BatchCheckSendResponse(
            results=[self._check_result(place, check) for place, check in enumerate(request.checks)]
        )

    @answering_at_once
    def ScreenContacts(self, request: pb.ScreenContactsRequest) -> pb.ScreenContactsResponse:
        """Decide on a campaign list."""
        return pb.ScreenContactsResponse(allowed=self._screen(*checks.screen(request)))

    @answering
    async def RecordEvent(self, request: pb.RecordEventRequest, context: Context) -> pb.RecordEventResponse:
        """Record one event."""
        if not request.HasField("event"):
            raise InvalidFieldError(Reason.FIELD_REQUIRED, "event", "required; say what happened")
        self._recorder.need_room(1)
        event = self._event(request.event)
        (answer,) = (event,) if isinstance(event, InvalidFieldError) else await self._recorder.record([event])
        if isinstance(answer, InvalidFieldError):
            raise answer.within("event")
        return events.event_response(answer)

    @answering
    async def BatchRecordEvents(
        self, request: pb.BatchRecordEventsRequest, context: Context
    ) -> pb.BatchRecordEventsResponse:
        """Record many events in one commit; the bad ones are answered and left out."""
        at_most("events", request.events, checks.BATCH)
        self._recorder.need_room(len(request.events))
        read = [self._event(message) for message in request.events]
        answers = iter(await self._recorder.record([event for event in read if isinstance(event, Event)]))
        response = pb.BatchRecordEventsResponse()
        for place, event in enumerate(read):
            answer = event if isinstance(event, InvalidFieldError) else next(answers)
            result = response.results.add()
            if isinstance(answer, InvalidFieldError):
                result.error.CopyFrom(status(answer, f"events[{place}]"))
            else:
                events.fill_response(result.response, answer)
        return response

    def _check_result(self, place: int, request: pb.CheckSendRequest) -> pb.BatchCheckSendResult:
        try:
            decision = self._check(*checks.check(request, self._read_address))
        except GateError as error:
            return pb.BatchCheckSendResult(error=status(error, f"checks[{place}]"))
        return pb.BatchCheckSendResult(response=checks.check_response(decision))

    def _event(self, message: pb.Event) -> Event | InvalidFieldError:
        try:
            return events.event(message, self._clock(), self._read_address)
        except InvalidFieldError as error:
            return error
