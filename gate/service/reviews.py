"""Reviews by support: opt-in evidence for permanent DND, and messages that may be opt-outs."""

import secrets
from typing import NamedTuple, TypeVar

from gate.errors import NotFoundError, PreconditionError, Reason
from gate.rules import acts, removal
from gate.rules.interpret import Effects
from gate.rules.model import Cause, Channel, Subject, Suppression
from gate.rules.review import Phrase, PhraseState, Review, ReviewState
from gate.service.act import new_act
from gate.service.caller import Caller, Role
from gate.service.contacts import ContactRecord, Contacts
from gate.service.draft import Draft
from gate.service.record import Recorder
from store.store import Store

Item = TypeVar("Item", Review, Phrase)


class Evidence(NamedTuple):
    """What an agency shares: all of it but the note is required."""

    location_id: str
    contact_id: str
    channel: Channel
    relationship_numbers: tuple[str, ...]
    recording_uri: str
    note: str


class Reviews:
    """Takes evidence and decisions. Every method raises NotReadyError and StoreUnavailableError."""

    def __init__(self, store: Store, recorder: Recorder, contacts: Contacts) -> None:
        self._store = store
        self._recorder = recorder
        self._contacts = contacts

    async def submit(self, evidence: Evidence, by: Caller) -> Review:
        """Take evidence; nothing is lifted before it is approved."""
        by.need(Role.USER, at=evidence.location_id)

        def submit(draft: Draft, now: int) -> Review:
            review = Review(secrets.token_hex(16), *evidence, submit_time=now, submitter=by.name)
            detail = acts.SubmitOptIn(review.review_id, *evidence[2:])
            draft.reviews[review.review_id] = review
            draft.enact(new_act(by, now, detail, review.location_id, review.contact_id), Effects(), now)
            return review

        return await self._recorder.act(submit)

    def get(self, review_id: str, by: Caller) -> Review:
        """Return a review; one of a location that is not the caller's is not found. Raises NotFoundError."""
        by.need(Role.USER, Role.SUPPORT)
        return _found(self._store.review(review_id), review_id, by)

    def opt_ins(self, location_id: str, state: ReviewState | None, before: int, size: int) -> list[tuple[int, Review]]:
        """Return a location's reviews with their places, newest first, from below a place."""
        return self._store.reviews(location_id, state, before, size)

    async def approve(self, review_id: str, note: str, by: Caller) -> tuple[Review, ContactRecord]:
        """Lift as of the submission. Raises NotFoundError and PreconditionError."""
        by.need(Role.SUPPORT)

        def approve(draft: Draft, now: int) -> Review:
            review = self._pending(draft, review_id, by)
            contact = Subject(review.location_id, "contact", review.contact_id)
            rows = removal.approve(draft.person(contact), review.channel, review.submit_time)
            detail = acts.ApproveOptIn(review_id, review.channel, review.submit_time, note)
            return _decide(draft, review, ReviewState.APPROVED, detail, Effects(rows), by, now)

        review = await self._recorder.act(approve)
        return review, self._contacts.get(review.location_id, review.contact_id)

    async def reject(self, review_id: str, note: str, by: Caller) -> Review:
        """Decline; nothing is lifted. Raises NotFoundError and PreconditionError."""
        by.need(Role.SUPPORT)

        def reject(draft: Draft, now: int) -> Review:
            review = self._pending(draft, review_id, by)
            detail = acts.RejectOptIn(review_id, review.channel, note)
            return _decide(draft, review, ReviewState.REJECTED, detail, Effects(), by, now)

        return await self._recorder.act(reject)

    def phrases(self, location_id: str, state: PhraseState | None, before: int, size: int) -> list[Phrase]:
        """Return a location's possible opt-outs, newest first, from below a place in the log."""
        return self._store.phrases(location_id, state, before, size)

    async def confirm(self, phrase_id: str, by: Caller) -> Phrase:
        """Make a message an opt-out as of its time. Raises NotFoundError and PreconditionError."""
        by.need(Role.USER, Role.SUPPORT)

        def confirm(draft: Draft, now: int) -> Phrase:
            phrase = self._undecided(draft, phrase_id, by)
            subject = Subject(
                phrase.location_id,
                "address" if phrase.address else "contact",
                phrase.address or phrase.contact_id,
            )
            row = Suppression(
                subject, phrase.channel, Cause.OPT_OUT, set_time=phrase.occur_time, event_id=phrase.event_id
            )
            detail = acts.ConfirmPossibleOptOut(phrase_id)
            return _settle(draft, phrase, PhraseState.CONFIRMED, detail, Effects((row,)), by, now)

        return await self._recorder.act(confirm)

    async def dismiss(self, phrase_id: str, by: Caller) -> Phrase:
        """Say that a message is no opt-out. Raises NotFoundError and PreconditionError."""
        by.need(Role.USER, Role.SUPPORT)

        def dismiss(draft: Draft, now: int) -> Phrase:
            phrase = self._undecided(draft, phrase_id, by)
            detail = acts.DismissPossibleOptOut(phrase_id)
            return _settle(draft, phrase, PhraseState.DISMISSED, detail, Effects(), by, now)

        return await self._recorder.act(dismiss)

    def _pending(self, draft: Draft, review_id: str, by: Caller) -> Review:
        review = _found(draft.reviews.get(review_id) or self._store.review(review_id), review_id, by)
        if review.state is not ReviewState.PENDING:
            raise _decided(f"review {review_id}", review.state, review.decider)
        return review

    def _undecided(self, draft: Draft, phrase_id: str, by: Caller) -> Phrase:
        seq = int(phrase_id) if phrase_id.isdecimal() and len(phrase_id) < 19 else 0  # noqa: PLR2004  64-bit places
        phrase = _found(draft.phrases.get(seq) or self._store.phrase(seq), phrase_id, by)
        if phrase.state is not PhraseState.PENDING:
            raise _decided(f"message {phrase_id}", phrase.state, phrase.decider)
        return phrase


def _decide(
    draft: Draft,
    review: Review,
    state: ReviewState,
    detail: acts.ApproveOptIn | acts.RejectOptIn,
    effects: Effects,
    by: Caller,
    now: int,
) -> Review:
    decided = review._replace(state=state, decide_time=now, decider=by.name, decision_note=detail.note)
    draft.reviews[review.review_id] = decided
    draft.enact(new_act(by, now, detail, review.location_id, review.contact_id), effects, now)
    return decided


def _settle(
    draft: Draft,
    phrase: Phrase,
    state: PhraseState,
    detail: acts.ConfirmPossibleOptOut | acts.DismissPossibleOptOut,
    effects: Effects,
    by: Caller,
    now: int,
) -> Phrase:
    settled = phrase._replace(state=state, decide_time=now, decider=by.name)
    draft.phrases[phrase.seq] = settled
    act = new_act(by, phrase.occur_time, detail, phrase.location_id, phrase.contact_id, phrase.address)
    draft.enact(act, effects, now)
    return settled


def _found(item: Item | None, item_id: str, by: Caller) -> Item:
    if item is None or not by.sees(item.location_id):
        raise NotFoundError(f"{item_id!r}: nothing of this id is known; list what there is")
    return item


def _decided(what: str, state: str, decider: str) -> PreconditionError:
    return PreconditionError(
        Reason.ALREADY_DECIDED, f"{what} was decided before: {state} by {decider}; nothing was changed"
    )
