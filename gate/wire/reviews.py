"""Reviews: requests to values, reviews to messages."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from google.protobuf.timestamp_pb2 import Timestamp
from sendgate.v1 import opt_in_review_pb2 as pb

from gate.errors import InvalidFieldError, Reason
from gate.rules.model import NEVER
from gate.rules.review import Phrase, PhraseState, Review, ReviewState
from gate.service.reviews import Evidence
from gate.wire.contacts import NOTE_BYTES
from gate.wire.enums import CHANNEL_NUMBERS, CHANNELS, PHRASE_STATE_NUMBERS, REVIEW_STATE_NUMBERS
from gate.wire.fields import at_most, bounded, enum_value, location, required, timestamp

NUMBERS: Final = 20
URI_BYTES: Final = 2_048

_REVIEW_STATES: Final[Mapping[int, ReviewState]] = {number: state for state, number in REVIEW_STATE_NUMBERS.items()}
_PHRASE_STATES: Final[Mapping[int, PhraseState]] = {number: state for state, number in PHRASE_STATE_NUMBERS.items()}


def evidence(request: pb.SubmitOptInRequest) -> Evidence:
    """Read opt-in evidence. Raises InvalidFieldError."""
    location_id = location(request.location_id)
    contact_id = required("contact_id", request.contact_id)
    channel = enum_value("channel", request.channel, CHANNELS, "Channel")
    if not request.relationship_numbers:
        raise InvalidFieldError(Reason.FIELD_REQUIRED, "relationship_numbers", f"required, 1 to {NUMBERS} numbers")
    at_most("relationship_numbers", request.relationship_numbers, NUMBERS)
    numbers = tuple(
        required(f"relationship_numbers[{place}]", number.strip())
        for place, number in enumerate(request.relationship_numbers)
    )
    note = bounded("note", request.note, NOTE_BYTES)
    return Evidence(location_id, contact_id, channel, numbers, _uri(request.recording_uri), note)


def _uri(text: str) -> str:
    if not text:
        raise InvalidFieldError(Reason.FIELD_REQUIRED, "recording_uri", "required: where the screen recording is")
    bounded("recording_uri", text, URI_BYTES)
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or any(char.isspace() for char in text):
        raise InvalidFieldError(Reason.FIELD_INVALID, "recording_uri", "not an http or https URI")
    return text


def review_id(text: str) -> str:
    """Read a review's id. Raises InvalidFieldError."""
    return required("review_id", text)


def phrase_id(text: str) -> str:
    """Read a message's id. Raises InvalidFieldError."""
    return required("phrase_id", text)


def review_state(number: int) -> ReviewState | None:
    """Read the state that a list is narrowed to; None means any. Raises InvalidFieldError."""
    return enum_value("state", number, _REVIEW_STATES, "OptInState", file="opt_in_review.proto") if number else None


def phrase_state(number: int) -> PhraseState | None:
    """Read the state that a list is narrowed to; None means any. Raises InvalidFieldError."""
    return enum_value("state", number, _PHRASE_STATES, "PhraseState", file="opt_in_review.proto") if number else None


def review(value: Review) -> pb.OptInReview:
    """Write a review."""
    return pb.OptInReview(
        review_id=value.review_id,
        state=REVIEW_STATE_NUMBERS[value.state],
        location_id=value.location_id,
        contact_id=value.contact_id,
        channel=CHANNEL_NUMBERS[value.channel],
        relationship_numbers=value.relationship_numbers,
        recording_uri=value.recording_uri,
        note=value.note,
        submit_time=timestamp(value.submit_time),
        submitter=value.submitter,
        decide_time=_if_ever(value.decide_time),
        decider=value.decider,
        decision_note=value.decision_note,
    )


def phrase(value: Phrase) -> pb.PossibleOptOut:
    """Write a possible opt-out."""
    return pb.PossibleOptOut(
        phrase_id=str(value.seq),
        state=PHRASE_STATE_NUMBERS[value.state],
        location_id=value.location_id,
        contact_id=value.contact_id,
        address=value.address,
        channel=CHANNEL_NUMBERS[value.channel],
        body=value.body,
        occur_time=timestamp(value.occur_time),
        decide_time=_if_ever(value.decide_time),
        decider=value.decider,
    )


def _if_ever(time: int) -> Timestamp | None:
    return None if time == NEVER else timestamp(time)
