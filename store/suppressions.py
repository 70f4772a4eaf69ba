"""The state of subjects in the database. Merging takes maxima; what is active is the rules' business."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gate.rules.lattice import Ground
from gate.rules.model import Cause, Channel, Kind, Subject, Suppression
from store.database import Database, Row, Write
from store.scan import Scan

_ALL: Final = "ALL"
_CHANNELS: Final = {_ALL: None} | {channel.value: channel for channel in Channel}
_CAUSES: Final = {cause.value: cause for cause in Cause}
_CHANNEL_TEXTS: Final = {channel: text for text, channel in _CHANNELS.items()}
_CAUSE_TEXTS: Final = {cause: text for text, cause in _CAUSES.items()}

# Of two events at the same time the greater (event id, code) supplies the details, as `join_suppressions` says.
_IS_LATER: Final = """
    (excluded.set_time, excluded.event_id, excluded.provider_code) > (set_time, event_id, provider_code)
"""
_MERGE: Final = f"""
    INSERT INTO suppression VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        set_time = max(set_time, excluded.set_time),
        lift_time = max(lift_time, excluded.lift_time),
        provider_code = CASE WHEN {_IS_LATER} THEN excluded.provider_code ELSE provider_code END,
        event_id = CASE WHEN {_IS_LATER} THEN excluded.event_id ELSE event_id END
"""  # noqa: S608  no value is formatted in
_OF_SUBJECT: Final = """
    SELECT channel, cause, set_time, lift_time, provider_code, event_id FROM suppression
    WHERE location_id = ? AND subject_kind = ? AND subject_id = ?
"""
_OF_SUBJECTS: Final = """
    SELECT subject_id, channel, cause, set_time, lift_time, provider_code, event_id FROM suppression
    WHERE location_id = ? AND subject_kind = ? AND subject_id IN (?)
"""
_OF_EACH: Final = """
    WITH wanted (place, location_id, subject_kind, subject_id) AS (VALUES (?, ?, ?, ?))
    SELECT place, channel, cause, set_time, lift_time, provider_code, event_id
    FROM wanted CROSS JOIN suppression USING (location_id, subject_kind, subject_id)
"""
_OF_LOCATION: Final = """
    SELECT subject_kind, subject_id, channel, cause, set_time, lift_time, provider_code, event_id FROM suppression
    WHERE location_id = ?
"""
_NEXT_LOCATION: Final = "SELECT location_id FROM suppression WHERE location_id > ? ORDER BY location_id LIMIT 1"
_COUNT: Final = "SELECT count(*) FROM suppression WHERE location_id = ?"
_SCAN: Final = Scan(
    # A comparison of both columns at once would walk through all rows of the first.
    parts="""
        SELECT * FROM (
            SELECT location_id, subject_kind FROM suppression WHERE location_id = ?1 AND subject_kind > ?2
            ORDER BY subject_kind LIMIT 1
        )
        UNION ALL
        SELECT * FROM (
            SELECT location_id, subject_kind FROM suppression WHERE location_id > ?1
            ORDER BY location_id, subject_kind LIMIT 1
        )
        ORDER BY location_id, subject_kind LIMIT 1
    """,
    last="SELECT max(subject_id) FROM suppression WHERE location_id = ? AND subject_kind = ?",
    step="""
        SELECT subject_id FROM suppression WHERE location_id = ? AND subject_kind = ? AND subject_id > ?
        ORDER BY subject_id LIMIT 1 OFFSET ?
    """,
    texts="""
        SELECT count(*), group_concat(subject_id) FROM suppression
        WHERE location_id = ? AND subject_kind = ? AND subject_id > ? AND subject_id <= ?
    """,
    rows="""
        SELECT subject_id FROM suppression
        WHERE location_id = ? AND subject_kind = ? AND subject_id > ? AND subject_id <= ?
    """,
)


def merge(suppressions: Iterable[Suppression]) -> Write:
    """Raise each suppression's two times to at least the given ones.

    Maxima commute, so callers need not order or deduplicate anything.
    """
    return _MERGE, [_row(suppression) for suppression in suppressions]


def of_subject(database: Database, subject: Subject) -> list[Suppression]:
    """Read everything that stands or stood on a subject."""
    return [
        Suppression(subject, _CHANNELS[channel], _CAUSES[cause], set_time, lift_time, provider_code, event_id)
        for channel, cause, set_time, lift_time, provider_code, event_id in database.read(_OF_SUBJECT, subject)
    ]


def of_subjects(database: Database, location_id: str, kind: Kind, ids: list[str]) -> Iterator[Suppression]:
    """Read everything that stands or stood on subjects of one kind in one location."""
    for subject_id, channel, cause, set_time, lift_time, provider_code, event_id in database.read_among(
        _OF_SUBJECTS, (location_id, kind), ids
    ):
        subject = Subject(location_id, kind, subject_id)
        yield Suppression(subject, _CHANNELS[channel], _CAUSES[cause], set_time, lift_time, provider_code, event_id)


def of_each(database: Database, subjects: Sequence[Subject]) -> dict[Subject, dict[Ground, Suppression]]:
    """Read everything that stands or stood on subjects of any kind; on whom nothing does is left out."""
    found: defaultdict[Subject, dict[Ground, Suppression]] = defaultdict(dict)
    keys = [(place, *subject) for place, subject in enumerate(subjects)]
    for place, channel, cause, set_time, lift_time, provider_code, event_id in database.read_each(_OF_EACH, keys):
        subject, ground = subjects[place], (_CHANNELS[channel], _CAUSES[cause])
        found[subject][ground] = Suppression(subject, *ground, set_time, lift_time, provider_code, event_id)
    return found


def of_location(connection: sqlite3.Connection, location_id: str) -> Iterator[Suppression]:
    """Read everything that stands or stood in a location, by a connection of the caller's thread."""
    for kind, subject_id, channel, cause, *rest in connection.execute(_OF_LOCATION, (location_id,)):
        yield Suppression(Subject(location_id, kind, subject_id), _CHANNELS[channel], _CAUSES[cause], *rest)


def counts(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    """Count each location's suppressions, active or not. A full scan."""
    location: tuple[str, ...] = ("",)
    while found := connection.execute(_NEXT_LOCATION, location).fetchone():
        location = found
        (count,) = connection.execute(_COUNT, location).fetchone()
        yield location[0], count


def subjects(connection: sqlite3.Connection) -> Iterator[tuple[str, str, list[str]]]:
    """Read every subject that a suppression stands or stood on, some repeatedly: a location, a kind and ids."""
    for (location_id, kind), (ids,) in _SCAN.read(connection, "", ""):
        yield location_id, kind, ids


def _row(suppression: Suppression) -> Row:
    subject, channel, cause, set_time, lift_time, provider_code, event_id = suppression
    return (*subject, _CHANNEL_TEXTS[channel], _CAUSE_TEXTS[cause], set_time, lift_time, provider_code, event_id)
