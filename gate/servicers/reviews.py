"""OptInReviewService: evidence and decisions."""

from sendgate.v1 import opt_in_review_pb2 as pb
from sendgate.v1 import opt_in_review_pb2_grpc as rpc

from gate.service.caller import Role
from gate.service.reviews import Reviews
from gate.servicers.identity import Identify, anybody
from gate.status import Context, answering
from gate.wire import reviews as wire
from gate.wire.contacts import NOTE_BYTES, contact, page
from gate.wire.fields import bounded, location


class OptInReviewServicer(rpc.OptInReviewServiceServicer):
    """Serves agencies and support."""

    def __init__(self, reviews: Reviews, caller: Identify = anybody) -> None:
        self._reviews = reviews
        self._caller = caller

    @answering
    async def SubmitOptIn(self, request: pb.SubmitOptInRequest, context: Context) -> pb.SubmitOptInResponse:
        """Take the evidence of an opt-in."""
        by = self._caller(context)
        review = await self._reviews.submit(wire.evidence(request), by)
        return pb.SubmitOptInResponse(review=wire.review(review))

    @answering
    async def GetOptIn(self, request: pb.GetOptInRequest, context: Context) -> pb.GetOptInResponse:
        """Return a review."""
        by = self._caller(context)
        return pb.GetOptInResponse(review=wire.review(self._reviews.get(wire.review_id(request.review_id), by)))

    @answering
    async def ListOptIns(self, request: pb.ListOptInsRequest, context: Context) -> pb.ListOptInsResponse:
        """Return one page of a location's reviews."""
        by, location_id = self._caller(context), location(request.location_id)
        by.need(Role.USER, Role.SUPPORT, at=location_id)
        state = wire.review_state(request.state)
        before, size = page(request.page_size, request.page_token)
        placed = self._reviews.opt_ins(location_id, state, before, size + 1)
        return pb.ListOptInsResponse(
            reviews=[wire.review(review) for _, review in placed[:size]],
            next_page_token=str(placed[size - 1][0]) if len(placed) > size else "",
        )

    @answering
    async def ApproveOptIn(self, request: pb.ApproveOptInRequest, context: Context) -> pb.ApproveOptInResponse:
        """Lift as of the submission."""
        by = self._caller(context)
        note = bounded("note", request.note, NOTE_BYTES)
        review, record = await self._reviews.approve(wire.review_id(request.review_id), note, by)
        return pb.ApproveOptInResponse(review=wire.review(review), contact=contact(record))

    @answering
    async def RejectOptIn(self, request: pb.RejectOptInRequest, context: Context) -> pb.RejectOptInResponse:
        """Decline the evidence."""
        by = self._caller(context)
        note = bounded("note", request.note, NOTE_BYTES)
        review = await self._reviews.reject(wire.review_id(request.review_id), note, by)
        return pb.RejectOptInResponse(review=wire.review(review))

    @answering
    async def ListPossibleOptOuts(
        self, request: pb.ListPossibleOptOutsRequest, context: Context
    ) -> pb.ListPossibleOptOutsResponse:
        """Return one page of a location's messages that may be opt-outs."""
        by, location_id = self._caller(context), location(request.location_id)
        by.need(Role.USER, Role.SUPPORT, at=location_id)
        state = wire.phrase_state(request.state)
        before, size = page(request.page_size, request.page_token)
        phrases = self._reviews.phrases(location_id, state, before, size + 1)
        return pb.ListPossibleOptOutsResponse(
            possible_opt_outs=map(wire.phrase, phrases[:size]),
            next_page_token=str(phrases[size - 1].seq) if len(phrases) > size else "",
        )

    @answering
    async def ConfirmPossibleOptOut(
        self, request: pb.ConfirmPossibleOptOutRequest, context: Context
    ) -> pb.ConfirmPossibleOptOutResponse:
        """Make a message an opt-out as of its time."""
        by = self._caller(context)
        phrase = await self._reviews.confirm(wire.phrase_id(request.phrase_id), by)
        return pb.ConfirmPossibleOptOutResponse(possible_opt_out=wire.phrase(phrase))

    @answering
    async def DismissPossibleOptOut(
        self, request: pb.DismissPossibleOptOutRequest, context: Context
    ) -> pb.DismissPossibleOptOutResponse:
        """Say that a message is no opt-out."""
        by = self._caller(context)
        phrase = await self._reviews.dismiss(wire.phrase_id(request.phrase_id), by)
        return pb.DismissPossibleOptOutResponse(possible_opt_out=wire.phrase(phrase))
