"""Delete the log's oldest events. What they did to the state stays in the state."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import json

from gate.rules import acts
from gate.rules.interpret import Effects
from gate.rules.model import NEVER, DndStatus, Outcome
from gate.rules.outcome import Answer
from gate.rules.review import PhraseState
from store.database import Database, Write

EXPIRED: Final = "expired"
"""The kind of an entry of which nothing is left but its key."""

_OLDEST: Final = """
    SELECT seq, record_time, location_id, provider,
        kind = ?1, EXISTS (SELECT 1 FROM phrase WHERE phrase.seq = event.seq AND state = ?2),
        CASE WHEN occur_time IS NULL AND kind = 'inbound_message' THEN effects END
    FROM event WHERE seq > ?3 AND seq < (SELECT max(seq) FROM event) ORDER BY seq LIMIT ?4
"""
_OTHER_THAN_IMPORTS: Final = """
    SELECT count(*) FROM (
        SELECT 1 FROM event WHERE location_id = ?1 AND provider < ?2
        UNION ALL
        SELECT 1 FROM event WHERE location_id = ?1 AND provider > ?2
        LIMIT ?3
    )
"""
_FORGET: Final = f"""
    UPDATE event SET contact_id = '', address = '', kind = '{EXPIRED}', detail = '{{}}', effects = ?, answer = ?,
        actor = '' WHERE seq = ?
"""  # noqa: S608  no value is formatted in
_effects: Final = json.Decoder(Effects).decode


class Old(NamedTuple):
    """One entry of the log that may go: what it was recorded under, and whether only its key must stay."""

    seq: int
    location_id: str
    provider: str
    key_stays: bool


class Oldest(NamedTuple):
    """The next entries from the log's beginning: those that may go, and where to go on, None at the end."""

    entries: Sequence[Old]
    last: int | None


def oldest(database: Database, after: int, before_time: int, size: int) -> Oldest:
    """Read entries that were recorded before a time, from behind a place. Raises StoreUnavailableError.

    Left out are possible opt-outs that nobody decided yet, and the newest entry, from which the next one is
    numbered. What was recorded in time ends the reading: entries are recorded in their order.
    """
    entries: list[Old] = []
    rows = database.read(_OLDEST, (EXPIRED, PhraseState.PENDING.value, after, size))
    for seq, record_time, location_id, provider, expired, undecided, effects in rows:
        if record_time >= before_time:
            return Oldest(entries, None)
        if not expired and not undecided:
            entries.append(Old(seq, location_id, provider, effects is not None and _lifts(_effects(effects))))
    return Oldest(entries, rows[-1][0] if len(rows) == size else None)


def newest_time(database: Database) -> int | None:
    """Read when the newest entry was recorded, ns since 1970; None for an empty log. Raises StoreUnavailableError."""
    rows = database.read("SELECT record_time FROM event ORDER BY seq DESC LIMIT 1")
    return int(rows[0][0]) if rows else None


def expire(database: Database, entries: Sequence[Old]) -> list[Write]:
    """Work out how entries go. Raises StoreUnavailableError.

    Two kinds leave their keys behind. A START without a time, delivered once more, would lift what was set since;
    as it is, it is refused. And what a location imports may lift where nothing but imports was ever recorded there:
    that something was has to be remembered.
    """
    stay = {entry.seq for entry in entries if entry.key_stays} | _last_of_locations(database, entries)
    effects, answer = _nothing()
    go = [(entry.seq,) for entry in entries if entry.seq not in stay]
    return [
        ("DELETE FROM phrase WHERE seq = ?", [(entry.seq,) for entry in entries]),
        ("DELETE FROM event WHERE seq = ?", go),
        (_FORGET, [(effects, answer, seq) for seq in sorted(stay)]),
    ]


def _last_of_locations(database: Database, entries: Sequence[Old]) -> set[int]:
    told = defaultdict(list)
    for entry in entries:
        if entry.provider != acts.IMPORT:
            told[entry.location_id].append(entry.seq)
    stay = set()
    for location_id, seqs in told.items():
        ((known,),) = database.read(_OTHER_THAN_IMPORTS, (location_id, acts.IMPORT, len(seqs) + 1))
        if known <= len(seqs):
            stay.add(max(seqs))
    return stay


def _lifts(effects: Effects) -> bool:
    return any(row.lift_time > NEVER for row in effects.suppressions)


def _nothing() -> tuple[str, str]:
    answer = Answer(Outcome.NO_EFFECT, (), (), DndStatus.OFF, 0)
    return json.encode(Effects()).decode(), json.encode(answer).decode()
