"""Opt-in reviews and possible opt-outs, with what became of them."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import json

from gate.rules.model import Channel
from gate.rules.review import Phrase, PhraseState, Review, ReviewState
from store.database import Database, Row, Write

_PUT_REVIEW: Final = """
    INSERT INTO review (
        review_id, location_id, contact_id, channel, relationship_numbers, recording_uri, note, submit_time,
        submitter, state, decide_time, decider, decision_note
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (review_id) DO UPDATE SET
        state = excluded.state,
        decide_time = excluded.decide_time,
        decider = excluded.decider,
        decision_note = excluded.decision_note
"""
_REVIEW: Final = """
    SELECT place, review_id, location_id, contact_id, channel, relationship_numbers, recording_uri, note,
        submit_time, submitter, state, decide_time, decider, decision_note
    FROM review
"""
_PUT_PHRASE: Final = """
    INSERT INTO phrase VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET state = excluded.state, decide_time = excluded.decide_time, decider = excluded.decider
"""
_PHRASE: Final = """
    SELECT phrase.seq, phrase.location_id, contact_id, address, phrase.channel,
        coalesce(json_extract(detail, '$.body'), ''), phrase.occur_time, event_id, state, decide_time, decider
    FROM phrase JOIN event USING (seq)
"""


def put_reviews(reviews: Iterable[Review]) -> Write:
    """Keep new reviews, and the decisions on those that are known."""
    return _PUT_REVIEW, [_review_row(review) for review in reviews]


def review(database: Database, review_id: str) -> Review | None:
    """Read one review."""
    rows = database.read(f"{_REVIEW} WHERE review_id = ?", (review_id,))
    return _review(rows[0]) if rows else None


def reviews(
    database: Database, location_id: str, state: ReviewState | None, before: int, size: int
) -> list[tuple[int, Review]]:
    """Read a location's reviews with their places, newest first, from below a place."""
    narrowed = "" if state is None else "AND state = ?"
    parameters: tuple[Any, ...] = (location_id, before, *(() if state is None else (state.value,)), size)
    rows = database.read(
        f"{_REVIEW} WHERE location_id = ? AND place < ? {narrowed} ORDER BY place DESC LIMIT ?", parameters
    )
    return [(row[0], _review(row)) for row in rows]


def put_phrases(phrases: Iterable[Phrase]) -> Write:
    """Keep new possible opt-outs, and the decisions on those that are known."""
    return _PUT_PHRASE, [
        (
            each.seq,
            each.location_id,
            each.channel.value,
            each.occur_time,
            each.state.value,
            each.decide_time,
            each.decider,
        )
        for each in phrases
    ]


def phrase(database: Database, seq: int) -> Phrase | None:
    """Read one possible opt-out by its place in the log."""
    rows = database.read(f"{_PHRASE} WHERE phrase.seq = ?", (seq,))
    return _phrase(rows[0]) if rows else None


def phrases(database: Database, location_id: str, state: PhraseState | None, before: int, size: int) -> list[Phrase]:
    """Read a location's possible opt-outs, newest first, from below a place in the log."""
    narrowed = "" if state is None else "AND state = ?"
    parameters: tuple[Any, ...] = (location_id, before, *(() if state is None else (state.value,)), size)
    rows = database.read(
        f"{_PHRASE} WHERE phrase.location_id = ? AND phrase.seq < ? {narrowed} ORDER BY phrase.seq DESC LIMIT ?",
        parameters,
    )
    return [_phrase(row) for row in rows]


def _review_row(each: Review) -> Row:
    numbers = json.encode(each.relationship_numbers).decode()
    return (*each[:3], each.channel.value, numbers, *each[5:9], each.state.value, *each[10:])


def _review(row: Row) -> Review:
    _, review_id, location_id, contact_id, channel, numbers, uri, note, submit_time, submitter, state, *rest = row
    return Review(
        review_id,
        location_id,
        contact_id,
        Channel(channel),
        json.decode(numbers, type=tuple[str, ...]),
        uri,
        note,
        submit_time,
        submitter,
        ReviewState(state),
        *rest,
    )


def _phrase(row: Row) -> Phrase:
    seq, location_id, contact_id, address, channel, body, occur_time, event_id, state, *rest = row
    return Phrase(
        seq, location_id, contact_id, address, Channel(channel), body, occur_time, event_id, PhraseState(state), *rest
    )
