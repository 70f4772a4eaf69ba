"""Reviews: evidence of an opt-in that support decides on, and messages that may be opt-outs."""

from enum import StrEnum
from typing import NamedTuple

from gate.rules.model import NEVER, Channel


class ReviewState(StrEnum):
    """Where an opt-in review stands."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class PhraseState(StrEnum):
    """Where a possible opt-out stands."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    DISMISSED = "DISMISSED"


class Review(NamedTuple):
    """Opt-in evidence and what became of it."""

    review_id: str
    location_id: str
    contact_id: str
    channel: Channel
    relationship_numbers: tuple[str, ...]
    recording_uri: str
    note: str
    submit_time: int
    submitter: str
    state: ReviewState = ReviewState.PENDING
    decide_time: int = NEVER
    decider: str = ""
    decision_note: str = ""


class Phrase(NamedTuple):
    """A message that may be an opt-out, by its place in the log, and what became of it."""

    seq: int
    location_id: str
    contact_id: str
    address: str
    channel: Channel
    body: str
    occur_time: int
    event_id: str
    state: PhraseState = PhraseState.PENDING
    decide_time: int = NEVER
    decider: str = ""
