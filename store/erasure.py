"""Remove what identifies a person: rows, links, reviews, and all that the log says beside what it did."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import json

from gate.rules.interpret import Effects
from gate.rules.model import Subject, Suppression
from gate.rules.outcome import Answer
from store.database import Database, Write

_ENTRIES_OF_CONTACT: Final = """
    SELECT seq, effects, answer FROM event WHERE location_id = ? AND contact_id = ? AND contact_id <> ''
"""
_ENTRIES_OF_ADDRESS: Final = """
    SELECT seq, effects, answer FROM event WHERE location_id = ? AND contact_id = '' AND address = ?
"""
# An imported state names people in its effects alone; so does what is left of somebody erased before, who used a number
# of theirs too.
_ENTRIES_OF_NOBODY: Final = """
    SELECT seq, effects, answer FROM event WHERE location_id = ? AND contact_id = '' AND address = ''
        AND EXISTS (SELECT 1 FROM json_each(?) AS name WHERE instr(effects, name.value))
"""
_BLANK: Final = """
    UPDATE event SET contact_id = '', address = '', detail = '{}', effects = ?, answer = ? WHERE seq = ?
"""
_encode: Final = json.Encoder().encode
_effects: Final = json.Decoder(Effects).decode
_answer: Final = json.Decoder(Answer).decode


class Blank(NamedTuple):
    """An entry of the log without the person: JSON of its effects and of its answer."""

    effects: str
    answer: str
    seq: int


class Erasure(NamedTuple):
    """Whom to remove, and what the log will say instead. Their tombstones are written as suppressions."""

    contact: Subject
    subjects: Sequence[Subject]
    entries: Sequence[Blank]


def salts(database: Database) -> tuple[bytes, ...]:
    """Read with what erased subjects were hashed."""
    return tuple(salt for (salt,) in database.read("SELECT salt FROM salt"))


def put_salts(fresh: Iterable[bytes]) -> Write:
    """Keep salts."""
    return "INSERT INTO salt VALUES (?) ON CONFLICT DO NOTHING", [(salt,) for salt in fresh]


def blanks(database: Database, subjects: Sequence[Subject], buried: Mapping[Subject, Subject]) -> list[Blank]:
    """Read the entries on subjects, with those that are buried replaced by their tombstones."""
    found = []
    for location_id, kind, name in subjects:
        query = _ENTRIES_OF_CONTACT if kind == "contact" else _ENTRIES_OF_ADDRESS
        found += database.read(query, (location_id, name))
    location_id = subjects[0].location_id
    names = [_encode(subject.id).decode() for subject in subjects]
    found += database.read(_ENTRIES_OF_NOBODY, (location_id, _encode(names).decode()))
    return [_blank(seq, _effects(effects), _answer(answer), buried) for seq, effects, answer in found]


def writes(erasure: Erasure) -> list[Write]:
    """Remove all of it; for one transaction."""
    location_id, _, contact_id = erasure.contact
    contact = [(location_id, contact_id)]
    return [
        (_BLANK, list(erasure.entries)),
        ("DELETE FROM phrase WHERE seq = ?", [(entry.seq,) for entry in erasure.entries]),
        ("DELETE FROM review WHERE location_id = ? AND contact_id = ?", contact),
        ("DELETE FROM link WHERE location_id = ? AND contact_id = ?", contact),
        (
            "DELETE FROM suppression WHERE location_id = ? AND subject_kind = ? AND subject_id = ?",
            list(erasure.subjects),
        ),
    ]


def _blank(seq: int, effects: Effects, answer: Answer, buried: Mapping[Subject, Subject]) -> Blank:
    gone = {subject.id for subject in buried if subject.kind == "contact"}
    links = tuple(link for link in effects.links if link.contact_id not in gone)
    effects = effects._replace(suppressions=_bury(effects.suppressions, buried), links=links)
    answer = answer._replace(set=_bury(answer.set, buried), lifted=_bury(answer.lifted, buried))
    return Blank(_encode(effects).decode(), _encode(answer).decode(), seq)


def _bury(rows: Iterable[Suppression], buried: Mapping[Subject, Subject]) -> tuple[Suppression, ...]:
    return tuple(row._replace(subject=buried.get(row.subject, row.subject)) for row in rows)
